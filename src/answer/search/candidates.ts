import { matchPathsAll, matchTextAll, type TextMatch } from '../../store/full-text.ts';
import { type ChunkRow, chunksOfBlobs, describeChunks, type SymbolRef } from '../../store/hits.ts';
import { matchSymbolsAll, NAME_MATCHES, type NameMatch, type SymbolHit } from '../../store/symbols.ts';
import type { ExactFiles } from './exact-search.ts';
import type { LineRange } from './line-matcher.ts';
import type { Clause, SearchMode } from './query-plan.ts';
import type { Candidate, Signal } from './rank.ts';
import type { Target } from './targets.ts';
import { anyTerm, quote, type Term, termsOf } from './terms.ts';

/** One clause against one repo: the unit that candidates are gathered for. */
export interface Lookup {
  shard: D1Database;
  target: Target;
  clause: Clause;
  terms: Term[];
  /** The query reads like an identifier. */
  code: boolean;
  langs?: string[] | undefined;
  /** The only files that count, when path filters or a demand named them. */
  blobIds?: number[] | undefined;
  /** What the demand matched exactly, when it was searched for. */
  exact: ExactFiles | null;
  mode: SearchMode;
  /** Most candidates of each list. */
  pool: number;
}

/** A candidate before it has a place: a chunk of a blob, or lines within one. */
export interface Found {
  chunkId: number;
  blobId: number;
  startLine: number;
  endLine: number;
  symbol: SymbolRef | null;
  named: SymbolRef | null;
  ranks: Partial<Record<Signal, number>>;
}

/** A ranked candidate that knows where it stands. */
export interface PlacedCandidate extends Candidate {
  symbol: SymbolRef | null;
  named: SymbolRef | null;
  target: Target;
  /** Snapshots of the target that hold it at this path, preferred first. */
  refs: Target['refs'];
  blobId: number;
  chunkId: number;
  oid: string;
}

/** BM25 weights of text, parts of identifiers, and names of symbols. */
const COLUMN_WEIGHTS = [1, 0.8, 3] as const;
/** Paths and names are short lists: their tails are noise. */
const MAX_PATHS = 40;
const MAX_SYMBOLS = 120;

/**
 * The candidates of several lookups of one shard, one list a lookup, in few round trips: full text, symbols and paths
 * at once, then what the chunks are and where they stand.
 */
export async function gather(shard: D1Database, lookups: Lookup[]): Promise<PlacedCandidate[][]> {
  const [texts, symbols, paths] = await Promise.all([
    lexical(shard, lookups),
    bySymbol(shard, lookups),
    byPath(shard, lookups),
  ]);
  return Promise.all(
    lookups.map(async (lookup, at) => {
      const pool = new Pool(lookup);
      for (const [rank, match] of texts[at]!.entries()) pool.addText(match, rank);
      for (const [rank, hit] of symbols[at]!.entries()) pool.addSymbol(hit, rank);
      for (const [rank, blobId] of paths[at]!.entries()) pool.addFile(blobId, rank);
      if (lookup.exact) pool.addExact(lookup.exact, await chunksOf(lookup, lookup.exact));
      return place(lookup, pool.found());
    }),
  );
}

/** One query a lookup that asks for the list; empty lists for the others. */
async function eachOf<Query, Row>(
  lookups: Lookup[],
  queryOf: (lookup: Lookup) => Query | null,
  run: (queries: Query[]) => Promise<Row[][]>,
): Promise<Row[][]> {
  const queries = lookups.map(queryOf);
  const rows = await run(queries.filter((query) => query !== null));
  let next = 0;
  return queries.map((query) => (query === null ? [] : rows[next++]!));
}

function lexical(shard: D1Database, lookups: Lookup[]): Promise<TextMatch[][]> {
  return eachOf(
    lookups,
    (lookup) =>
      lookup.terms.length > 0 && lookup.mode !== 'symbol' && !matchesLines(lookup.mode)
        ? {
            ...filterOf(lookup),
            match: anyTerm(lookup.terms),
            weights: COLUMN_WEIGHTS,
            limit: lookup.pool,
          }
        : null,
    (queries) => matchTextAll(shard, queries),
  );
}

function filterOf({ target, langs, blobIds }: Lookup) {
  return {
    scope: target.scope,
    snapshotIds: target.refs.map((ref) => ref.snapshotId),
    ...(langs && { langs }),
    ...(blobIds && { blobIds }),
  };
}

/** Modes whose hits are the lines that match, not chunks. */
export function matchesLines(mode: SearchMode): boolean {
  return mode === 'literal' || mode === 'regex';
}

async function bySymbol(shard: D1Database, lookups: Lookup[]): Promise<SymbolHit[][]> {
  const levels = await Promise.all(
    NAME_MATCHES.map((match) =>
      eachOf(
        lookups,
        (lookup) => symbolQuery(lookup, match),
        (queries) => matchSymbolsAll(shard, queries),
      ),
    ),
  );
  return lookups.map((lookup, at) =>
    orderSymbols(
      lookup,
      levels.map((level) => level[at]!),
    ),
  );
}

function symbolQuery(lookup: Lookup, match: NameMatch) {
  if (matchesLines(lookup.mode)) return null;
  const names = symbolNames(lookup, match);
  return names.length > 0 ? { ...filterOf(lookup), names, match, limit: MAX_SYMBOLS } : null;
}

/**
 * Names to look for. Exactly: every term, and neighbours joined, so that `parse query` finds `parseQuery`. By prefix
 * and piece only what reads like a name, or the words of a question would match half of the symbols.
 */
function symbolNames({ clause, terms, mode, code }: Lookup, match: NameMatch): string[] {
  const asked = clause.symbols.length > 0 ? clause.symbols.flatMap(termsOf) : terms;
  const last = asked.slice(0, MAX_NAMES);
  if (match === 'exact')
    return [...new Set(last.flatMap((term, at) => spellings(term, last.slice(at + 1, at + 3))))];
  const loose = mode === 'symbol' || clause.symbols.length > 0 || code;
  const shortest = match === 'prefix' ? 2 : 3;
  return loose
    ? [...new Set(last.flatMap((term) => [term.text, term.whole]))].filter((name) => name.length >= shortest)
    : [];
}

const MAX_NAMES = 12;

function spellings(term: Term, following: Term[]): string[] {
  const parts = [...term.parts];
  const names = [term.text, term.whole, term.parts.join('_')];
  for (const next of following) {
    parts.push(...next.parts);
    names.push(parts.join(''), parts.join('_'));
  }
  return names;
}

const CALLABLE_OR_TYPE = new Set([
  'function',
  'method',
  'class',
  'interface',
  'struct',
  'enum',
  'trait',
  'type',
  'macro',
]);

/** Exact before prefix before piece; within them definitions before fields and variables, exported before private. */
function orderSymbols(lookup: Lookup, levels: SymbolHit[][]): SymbolHit[] {
  const qualified = lookup.clause.symbols.map((name) =>
    termsOf(name)
      .map((term) => term.whole)
      .join(''),
  );
  return levels
    .flatMap((hits, level) => hits.map((hit) => ({ hit, level })))
    .filter(({ hit }) => allowedSymbol(lookup, hit, qualified))
    .sort(
      (a, b) => a.level - b.level || weight(a.hit) - weight(b.hit) || a.hit.name.length - b.hit.name.length,
    )
    .map(({ hit }) => hit)
    .slice(0, MAX_SYMBOLS);
}

/** `sym:Router.match` must hold in the qualified name, whose last part was looked up. */
function allowedSymbol({ clause, langs }: Lookup, hit: SymbolHit, qualified: string[]): boolean {
  if (langs && !langs.includes(hit.lang)) return false;
  const name = hit.qualifiedName.replace(/[^\p{L}\p{N}]/gu, '').toLowerCase();
  if (qualified.length > 0 && !qualified.some((wanted) => name.includes(wanted))) return false;
  return !clause.notSymbols.some((unwanted) =>
    name.includes(unwanted.replace(/[^\p{L}\p{N}]/gu, '').toLowerCase()),
  );
}

function weight(hit: SymbolHit): number {
  return (CALLABLE_OR_TYPE.has(hit.kind) ? 0 : 2) + (hit.exported ? 0 : 1);
}

/** Files whose path holds the terms, or, when the query is nothing but path filters, the files they name. */
async function byPath(shard: D1Database, lookups: Lookup[]): Promise<number[][]> {
  const matches = await eachOf(
    lookups,
    (lookup) =>
      lookup.terms.length > 0 && lookup.mode !== 'symbol' && !matchesLines(lookup.mode)
        ? {
            scope: lookup.target.scope,
            snapshotIds: lookup.target.refs.map((ref) => ref.snapshotId),
            match: pathExpression(lookup.terms),
            limit: MAX_PATHS,
          }
        : null,
    (queries) => matchPathsAll(shard, queries),
  );
  return lookups.map((lookup, at) => {
    if (lookup.terms.length === 0 && lookup.clause.demand === null)
      return lookup.blobIds?.slice(0, lookup.pool) ?? [];
    const allowed = lookup.blobIds && new Set(lookup.blobIds);
    return matches[at]!.flatMap(({ blobId, lang }) =>
      blobId !== null &&
      (!allowed || allowed.has(blobId)) &&
      (!lookup.langs || lookup.langs.includes(lang ?? 'text'))
        ? [blobId]
        : [],
    );
  });
}

/** Every sub-word of every term; a path that holds all of them is what was meant. */
function pathExpression(terms: Term[]): string {
  const parts = [...new Set(terms.slice(0, MAX_NAMES).flatMap((term) => term.parts))].map(quote);
  return terms.length <= 3 ? parts.join(' AND ') : parts.join(' OR ');
}

async function chunksOf(lookup: Lookup, exact: ExactFiles): Promise<Map<number, ChunkRow[]>> {
  const rows = await chunksOfBlobs(lookup.shard, lookup.target.scope, [...exact.lines.keys()]);
  const byBlob = new Map<number, ChunkRow[]>();
  for (const row of rows) byBlob.set(row.blobId, [...(byBlob.get(row.blobId) ?? []), row]);
  return byBlob;
}

/** Candidates of one lookup by chunk (or by lines): what several lists found is one candidate with several ranks. */
class Pool {
  readonly #lookup: Lookup;
  readonly #byKey = new Map<string, Found>();
  /** Rank of each file in the path list. */
  readonly #files = new Map<number, number>();

  constructor(lookup: Lookup) {
    this.#lookup = lookup;
  }

  addText(match: TextMatch, rank: number): void {
    this.#at(match).ranks.lexical = rank;
  }

  /** In symbol mode a hit is the symbol itself, if it is not too long to read; else the chunk where it starts. */
  addSymbol(hit: SymbolHit, rank: number): void {
    const whole = this.#lookup.mode === 'symbol' && hit.endLine - hit.startLine < MAX_SYMBOL_LINES;
    const { blobId, chunkId } = hit;
    const range = whole
      ? { startLine: hit.startLine, endLine: hit.endLine }
      : { startLine: hit.chunkStartLine, endLine: hit.chunkEndLine };
    const found = this.#at({ chunkId, blobId, ...range }, whole ? `${hit.startLine}-${hit.endLine}` : '');
    found.ranks.symbol ??= rank;
    found.named ??= hit;
    if (whole) found.symbol ??= hit;
  }

  /** A file found by its path lifts its candidates; when it has none, its first chunk stands for it. */
  addFile(blobId: number, rank: number): void {
    if (!this.#files.has(blobId)) this.#files.set(blobId, rank);
  }

  addExact(exact: ExactFiles, chunks: Map<number, ChunkRow[]>): void {
    for (const [blobId, ranges] of exact.lines) {
      for (const range of ranges) this.#addLines(blobId, range, chunks.get(blobId) ?? []);
    }
  }

  #addLines(blobId: number, range: LineRange, chunks: ChunkRow[]): void {
    const chunk = chunks.find((each) => range.start <= each.endLine && range.end >= each.startLine);
    if (matchesLines(this.#lookup.mode)) {
      const lines = { chunkId: chunk?.chunkId ?? -1, blobId, startLine: range.start, endLine: range.end };
      this.#at(lines, `${range.start}-${range.end}`).ranks.exact = 0;
    } else if (chunk) this.#at(chunk).ranks.exact = 0;
  }

  #at(range: Pick<Found, 'chunkId' | 'blobId' | 'startLine' | 'endLine'>, within = ''): Found {
    const key = within === '' ? `${range.chunkId}` : `${range.blobId}:${within}`;
    const known = this.#byKey.get(key);
    if (known) return known;
    const { chunkId, blobId, startLine, endLine } = range;
    const found: Found = { chunkId, blobId, startLine, endLine, symbol: null, named: null, ranks: {} };
    this.#byKey.set(key, found);
    return found;
  }

  found(): Found[] {
    const { mode, clause, exact } = this.#lookup;
    for (const found of this.#byKey.values()) {
      const file = this.#files.get(found.blobId);
      if (file !== undefined) found.ranks.path = file;
      this.#files.delete(found.blobId);
    }
    if (clause.symbols.length === 0) {
      for (const [blobId, rank] of this.#files) {
        this.#at({ chunkId: blobId * CHUNKS_A_BLOB, blobId, startLine: 0, endLine: 0 }).ranks.path = rank;
      }
    }
    const all = [...this.#byKey.values()];
    const inSymbols = clause.symbols.length > 0 && mode !== 'symbol' ? withinNamed(all) : all;
    // A complete exact search says which files count; without it the demand is checked on the candidates.
    return exact ? inSymbols.filter((found) => exact.lines.has(found.blobId)) : inSymbols;
  }
}

/** chunks.id = blob * 4096 + ordinal (see migrations/index). */
const CHUNKS_A_BLOB = 4096;
const MAX_SYMBOL_LINES = 120;

/** With `sym:`, candidates must lie in a symbol of that name. */
function withinNamed(all: Found[]): Found[] {
  const named = all.filter((found) => found.named);
  return all.filter((found) =>
    named.some(
      ({ blobId, named: symbol }) =>
        blobId === found.blobId && found.startLine <= symbol!.endLine && symbol!.startLine <= found.endLine,
    ),
  );
}

/** Gives candidates their symbols and places. Content that stands at several paths of one ref is several candidates. */
async function place(lookup: Lookup, found: Found[]): Promise<PlacedCandidate[]> {
  if (found.length === 0) return [];
  const { shard, target } = lookup;
  const { places, chunks } = await describeChunks(
    shard,
    target.scope,
    target.refs.map((ref) => ref.snapshotId),
    {
      blobIds: [...new Set(found.map((each) => each.blobId))],
      chunkIds: [...new Set(found.map((each) => each.chunkId))],
    },
  );
  const details = new Map(chunks.map((chunk) => [chunk.chunkId, chunk]));
  const byBlob = Map.groupBy(places, (each) => each.blobId);
  return found.flatMap((each) => {
    const detail = details.get(each.chunkId);
    // A file found by its path alone: its first chunk's lines were not known yet. A file without chunks is no hit.
    if (each.endLine === 0 && detail)
      Object.assign(each, { startLine: detail.startLine, endLine: detail.endLine });
    if (each.endLine === 0) return [];
    each.symbol ??= detail?.symbol ?? null;
    return standing(lookup, each, byBlob.get(each.blobId) ?? []);
  });
}

/** The paths at which a candidate counts. Over several refs, one: the one that the preferred ref has. */
function standing(
  lookup: Lookup,
  found: Found,
  places: { path: string; snapshotId: number; oid: string; lang: string }[],
): PlacedCandidate[] {
  const { clause, target } = lookup;
  const counted = places.filter(
    ({ path }) =>
      clause.paths.every((pattern) => pattern.test(path)) &&
      !clause.notPaths.some((pattern) => pattern.test(path)),
  );
  const snapshots = new Set(counted.map((each) => each.snapshotId));
  const inRefs = target.refs.filter((ref) => snapshots.has(ref.snapshotId));
  const paths =
    target.refs.length > 1
      ? counted.filter((each) => each.snapshotId === inRefs[0]?.snapshotId).slice(0, 1)
      : counted;
  return paths.map(({ path, oid, lang }) => ({
    id: `${target.scope.repo.key}:${found.chunkId}:${found.startLine}:${path}`,
    file: `${target.scope.repo.key}:${path}`,
    path,
    oid,
    lang,
    startLine: found.startLine,
    endLine: found.endLine,
    symbol: found.symbol,
    named: found.named,
    ranks: found.ranks,
    target,
    refs: inRefs,
    blobId: found.blobId,
    chunkId: found.chunkId,
  }));
}
