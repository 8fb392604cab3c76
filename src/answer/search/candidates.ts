import { lastSegment } from '../../paths.ts';
import {
  type Asked,
  askAll,
  matchPaths,
  matchText,
  type PathMatch,
  type TextHeads,
  type TextQuery,
  textHeads,
} from '../../store/full-text.ts';
import { chunksAtLines, type PlacedChunk } from '../../store/hits.ts';
import type { RepoScope } from '../../store/scope.ts';
import type { SymbolHit } from '../../store/symbols.ts';
import { Pool } from './candidate-pool.ts';
import { namesFile } from './code-place.ts';
import { filterOf, type Lookup, matchesLines, ranksByNames, snapshotsOf, spread } from './lookup.ts';
import type { Near } from './near-chunks.ts';
import { type PlacedCandidate, place } from './place.ts';
import { clauseWords } from './query-plan.ts';
import { bySymbol } from './symbol-candidates.ts';
import { anyTerm, quote, termsOf } from './terms.ts';
import { knownWords } from './unknown-words.ts';

/** BM25 weights of text, parts of identifiers, and names of symbols. */
const COLUMN_WEIGHTS = [1, 0.8, 3] as const;
/** A short list: its tail is noise. */
const MAX_PATHS = 40;

/**
 * The candidates of several lookups of one shard, one list a lookup, and the words of the question that it holds. One
 * round trip asks for all lists, each of which tells where its candidates stand; more follow only for what that leaves open.
 */
export async function gather(
  shard: D1Database,
  lookups: Lookup[],
  near: Promise<Near>,
): Promise<{ found: PlacedCandidate[][]; known: Set<string> }> {
  const asked = lookups.map(textQuery);
  const queries = asked.filter((query) => query !== null);
  const [heads, symbols, paths, known] = await askAll<[TextHeads, SymbolHit[][], NamedFile[][], Set<string>]>(
    shard,
    [textHeads(shard, queries), bySymbol(shard, lookups), byPath(shard, lookups), knownWords(shard, lookups)],
  );
  const { lists } = await near;
  const texts = spread(asked, await matchText(shard, queries, heads));
  const found = await Promise.all(
    lookups.map(async (lookup, at) => {
      if (lookup.empty) return [];
      const pool = new Pool(lookup);
      const best = texts[at]![0]?.score ?? 0;
      for (const [rank, match] of texts[at]!.entries()) pool.addText(match, rank, best);
      for (const [rank, hit] of symbols[at]!.entries()) pool.addSymbol(hit, rank);
      for (const [rank, { blobId, first }] of paths[at]!.entries()) pool.addFile(blobId, first, rank);
      for (const chunk of await namedLines(lookup, paths[at]!)) pool.addNamedLine(chunk);
      for (const { lines, chunk } of await exactLines(lookup)) pool.addExact(lines, chunk);
      pool.addNear(lists.get(lookup) ?? []);
      return place(lookup, pool.found(), pool.known);
    }),
  );
  return { found, known };
}

function textQuery(lookup: Lookup): (TextQuery & { scope: RepoScope }) | null {
  const { mode, terms, empty, clause, pool } = lookup;
  if (empty || terms.length === 0 || mode === 'symbol' || matchesLines(mode)) return null;
  return {
    ...filterOf(lookup),
    match: anyTerm(terms, clauseWords(clause)),
    weights: COLUMN_WEIGHTS,
    limit: pool,
  };
}

/** A file found by its path; neither path nor chunk is known of files that filters alone name. */
interface NamedFile {
  blobId: number;
  path: string | null;
  first: PlacedChunk | null;
}

/** Files whose path holds the terms, or, when the query is nothing but path filters, the files they name. */
function byPath(shard: D1Database, lookups: Lookup[]): Asked<NamedFile[][]> {
  const asked = lookups.map((lookup) =>
    !lookup.empty && lookup.terms.length > 0 && ranksByNames(lookup.mode)
      ? {
          scope: lookup.target.scope,
          snapshotIds: snapshotsOf(lookup.target),
          match: pathExpression(lookup),
          limit: MAX_PATHS,
        }
      : null,
  );
  const found = matchPaths(
    shard,
    asked.filter((query) => query !== null),
  );
  return {
    lookups: found.lookups,
    read(rows) {
      const matches = spread(asked, found.read(rows));
      return lookups.map((lookup, at) => namedFiles(lookup, matches[at]!));
    },
  };
}

function namedFiles(lookup: Lookup, matches: PathMatch[]): NamedFile[] {
  if (lookup.terms.length === 0 && lookup.clause.demand === null)
    return (lookup.blobIds ?? [])
      .slice(0, lookup.pool)
      .map((blobId) => ({ blobId, path: null, first: null }));
  const allowed = lookup.blobIds && new Set(lookup.blobIds);
  return matches.flatMap(({ blobId, lang, path, first }) =>
    blobId !== null &&
    (!allowed || allowed.has(blobId)) &&
    (!lookup.langs || lookup.langs.includes(lang ?? 'text'))
      ? [{ blobId, path, first }]
      : [],
  );
}

/** The chunks at the lines that the query names (`src/a.ts:12`). */
async function namedLines({ shard, target, clause }: Lookup, files: NamedFile[]): Promise<PlacedChunk[]> {
  const lines = clause.places.flatMap((place) => (place.line === null ? [] : [{ place, line: place.line }]));
  const asked = files.flatMap(({ blobId, path }) =>
    lines
      .filter(({ place }) => path !== null && namesFile(place, path))
      .map(({ line }) => ({ blobId, startLine: line, endLine: line })),
  );
  if (asked.length === 0) return [];
  return [...(await chunksAtLines(shard, target.scope, snapshotsOf(target), asked)).values()];
}

/** The lines that were matched exactly, with the chunks they stand in. */
async function exactLines({ shard, target, exact }: Lookup) {
  const lines = [...(exact?.lines ?? [])].flatMap(([blobId, ranges]) =>
    ranges.map(({ start, end }) => ({ blobId, startLine: start, endLine: end })),
  );
  if (lines.length === 0) return [];
  const chunks = await chunksAtLines(shard, target.scope, snapshotsOf(target), lines);
  return lines.map((each, at) => ({ lines: each, chunk: chunks.get(at) ?? null }));
}

/** Words of a question that are looked for in paths. */
const MAX_WORDS = 12;

/** Every sub-word of every term; a path that holds all of them is what was meant. Of paths, the names of their files. */
function pathExpression({ terms, clause }: Lookup): string {
  const names = clause.places.map(({ path }) => termsOf(lastSegment(path)).flatMap((term) => term.parts));
  if (names.length > 0) return names.map((parts) => `(${parts.map(quote).join(' AND ')})`).join(' OR ');
  const parts = [...new Set(terms.slice(0, MAX_WORDS).flatMap((term) => term.parts))].map(quote);
  return terms.length <= 3 ? parts.join(' AND ') : parts.join(' OR ');
}
