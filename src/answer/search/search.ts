import type { EmptyReason, Provenance } from '../../http/provenance.ts';
import type { Services } from '../../services.ts';
import { textOf } from '../../store/blobs.ts';
import { indexedPaths, type SymbolRef } from '../../store/hits.ts';
import type { Caller, RepoScope } from '../../store/scope.ts';
import { gather, type Lookup, matchesLines, type PlacedCandidate } from './candidates.ts';
import { findExact } from './exact-search.ts';
import { languageFilter } from './language-filter.ts';
import { literalMatcher } from './line-matcher.ts';
import { linesOf } from './line-text.ts';
import { suggestNames } from './no-match.ts';
import {
  type Clause,
  planQuery,
  positiveMatches,
  type QueryPlan,
  type SearchMode,
  satisfies,
} from './query-plan.ts';
import { type Ranked, type RankOptions, type RankQuery, rank, WEIGHTS } from './rank.ts';
import { rescore } from './rescore.ts';
import { ALL_REFS, resolveTargets, type Target } from './targets.ts';
import { clauseTerms, looksLikeCode } from './terms.ts';
import { textKey, textsOf } from './texts.ts';

export type SearchServices = Pick<Services, 'db' | 'shard' | 'embedder' | 'log'>;

export interface SearchParams {
  query: string;
  mode?: SearchMode | undefined;
  repo?: string | undefined;
  /** A ref, a semver range, or `*` for every indexed ref. */
  ref?: string | undefined;
  lang?: string | undefined;
  path?: string | undefined;
  /** 1 to 100; 20 unless said. */
  limit?: number | undefined;
  offset?: number | undefined;
}

/** A hit at a commit. `content` is exactly the file's lines `startLine` to `endLine`. */
export interface SearchHit {
  repo: string;
  repoId: string;
  ref: string;
  /** Every searched ref that holds the same lines, when several were searched. */
  refs?: string[];
  commitSha: string;
  indexedAt: string;
  filePath: string;
  /** Blob oid. */
  oid: string;
  lang: string;
  content: string;
  startLine: number;
  endLine: number;
  /** 0 to 1, descending. */
  score: number;
  symbolName: string | null;
  symbol: SymbolRef | null;
  /** Row ids of the index, for what is built on hits. */
  blobId: number;
  snapshotId: number;
  scope: RepoScope;
}

export interface SearchAnswer {
  hits: SearchHit[];
  provenance: Provenance;
  emptyReason: EmptyReason | null;
  suggestions: string[];
  /** Which signals answered, e.g. `lexical+symbol+path`. */
  strategy: string;
  /** What the caller should know about limits that were met. */
  notes: string[];
  /** Snapshots that answered: with the parameters they determine the answer. */
  snapshots: number[];
}

export const DEFAULT_LIMIT = 20;
export const MAX_LIMIT = 100;
export const MAX_OFFSET = 1_000;
/** Candidates of a list: deep enough for dedup and boosts to choose from, small enough to describe in one batch. */
const MIN_POOL = 80;
const MAX_POOL = 1_200;

/**
 * Searches what the caller may read. Filters that name nothing give an empty answer with its reason.
 * @throws Problem `validation` naming `query/query` when the query cannot be run
 */
export async function search(
  s: SearchServices,
  caller: Caller,
  params: SearchParams,
  options: RankOptions = {},
): Promise<SearchAnswer> {
  const mode = params.mode ?? 'hybrid';
  const plan = planQuery(params.query, mode, params);
  for (const clause of plan.clauses) demandSymbols(clause);
  const targets = await resolveTargets(s, caller, plan.clauses);
  const searched = targets.byClause.flat();
  const base = {
    provenance: provenanceOf(searched),
    snapshots: snapshotsOf(searched),
    notes: [...plan.notes, ...targets.notes],
  };
  if (targets.emptyReason !== null) {
    const { emptyReason, suggestions } = targets;
    return { ...base, hits: [], emptyReason, suggestions, strategy: mode };
  }
  const run = await runLookups(s, plan, targets.byClause, params);
  const ranked = await order(s, plan, run.candidates, options);
  const offset = params.offset ?? 0;
  const page = ranked.items.slice(offset, offset + (params.limit ?? DEFAULT_LIMIT));
  const hits = await toHits(s, page, severalRefs(searched, params));
  const suggestions = ranked.items.length > 0 ? [] : await suggestNames(run.lookups);
  return {
    ...base,
    hits,
    emptyReason: hits.length > 0 ? null : 'no_match',
    suggestions,
    strategy: ranked.strategy,
    notes: [...base.notes, ...run.notes, ...ranked.notes],
  };
}

/** A query of punctuation alone (`=>`, `{`) has no words to rank by, so it is found as it stands. */
function demandSymbols(clause: Clause): void {
  if (clause.wishes.length === 0 || clause.demand !== null || clauseTerms(clause).length > 0) return;
  const text = clause.wishes.join(' ');
  clause.demand = { kind: 'match', matcher: literalMatcher(text, false), words: text };
}

interface Run {
  lookups: Lookup[];
  candidates: PlacedCandidate[];
  notes: string[];
}

async function runLookups(
  s: SearchServices,
  plan: QueryPlan,
  byClause: Target[][],
  params: SearchParams,
): Promise<Run> {
  const wanted = (params.offset ?? 0) + (params.limit ?? DEFAULT_LIMIT);
  const pool = Math.min(MAX_POOL, Math.max(MIN_POOL, wanted * 4));
  const prepared = await Promise.all(
    plan.clauses.flatMap((clause, at) =>
      byClause[at]!.map((target) => prepare(s, { clause, target, mode: plan.mode, pool })),
    ),
  );
  const lookups = prepared.map(({ lookup }) => lookup);
  const gathered = await gatherAll(prepared.filter(({ empty }) => !empty).map(({ lookup }) => lookup));
  const checked = await Promise.all(gathered.map(([lookup, found]) => verified(lookup, found)));
  return {
    lookups,
    candidates: folded(checked.flat()),
    notes: [...new Set(prepared.flatMap(({ notes }) => notes))],
  };
}

interface Prepared {
  lookup: Lookup;
  /** No file can satisfy it. */
  empty: boolean;
  notes: string[];
}

/** Resolves what narrows a lookup to files: languages, paths, and what must occur exactly. */
async function prepare(
  s: SearchServices,
  { clause, target, mode, pool }: Pick<Lookup, 'clause' | 'target' | 'mode' | 'pool'>,
): Promise<Prepared> {
  const shard = s.shard(target.scope);
  const terms = clauseTerms(clause);
  const code = looksLikeCode(clause.wishes.join(' '));
  const langs = languageFilter(clause.langs, clause.notLangs);
  const blobIds = await filesByPath(shard, target, clause);
  const lookup: Lookup = { shard, target, clause, terms, code, langs, blobIds, exact: null, mode, pool };
  const empty = langs?.length === 0 || blobIds?.length === 0;
  if (empty || positiveMatches(clause.demand).length === 0) return { lookup, empty, notes: [] };
  return { lookup, ...(await narrowExactly(lookup)) };
}

/** Runs the demand first. When it was searched to the end, its files are the only ones that count. */
async function narrowExactly(lookup: Lookup): Promise<Pick<Prepared, 'empty' | 'notes'>> {
  const { shard, target, clause, langs, blobIds, pool } = lookup;
  const found = await findExact({ shard, target, demand: clause.demand!, langs, blobIds, enough: pool });
  const ranksByWords = clause.wishes.length > 0 && !matchesLines(lookup.mode);
  if (!found.complete && ranksByWords) return { empty: false, notes: [] };
  lookup.exact = found;
  lookup.blobIds = [...found.lines.keys()];
  const notes =
    found.unfiltered && !found.complete
      ? ['nothing in the query narrows the files by three letters in a row; only a part of them was read']
      : [];
  return { empty: found.lines.size === 0, notes };
}

const MAX_PATHS = 50_000;

async function filesByPath(shard: D1Database, target: Target, clause: Clause): Promise<number[] | undefined> {
  if (clause.paths.length === 0 && clause.notPaths.length === 0) return undefined;
  const piece = clause.paths.reduce(
    (best, pattern) => (pattern.piece.length > best.length ? pattern.piece : best),
    '',
  );
  const snapshotIds = target.refs.map((ref) => ref.snapshotId);
  const files = await indexedPaths(shard, target.scope, snapshotIds, piece, MAX_PATHS);
  const kept = files.filter(
    ({ path }) =>
      clause.paths.every((each) => each.test(path)) && !clause.notPaths.some((each) => each.test(path)),
  );
  return [...new Set(kept.map((file) => file.blobId))];
}

/** Lookups of one shard share their round trips. */
async function gatherAll(lookups: Lookup[]): Promise<[Lookup, PlacedCandidate[]][]> {
  const byShard = Map.groupBy(lookups, (lookup) => lookup.shard);
  const lists = await Promise.all(
    [...byShard].map(async ([shard, group]) => {
      const found = await gather(shard, group);
      return group.map((lookup, at): [Lookup, PlacedCandidate[]] => [lookup, found[at]!]);
    }),
  );
  return lists.flat();
}

/** Checks what the index cannot: demands that were not searched for first (`-word`), on the candidates' files. */
async function verified(lookup: Lookup, found: PlacedCandidate[]): Promise<PlacedCandidate[]> {
  const { clause, exact, shard, target } = lookup;
  const unwanted = clause.notSymbols.map((name) => name.toLowerCase());
  const kept = found.filter(
    ({ symbol }) => !unwanted.some((name) => symbol?.qualifiedName.toLowerCase().includes(name)),
  );
  const { demand } = clause;
  if (demand === null || exact !== null) return kept;
  const texts = await textOf(
    shard,
    target.scope,
    kept.map((each) => each.blobId),
  );
  const holds = new Map([...texts].map(([blobId, text]) => [blobId, satisfies(demand, text)]));
  return kept.filter((each) => holds.get(each.blobId) === true);
}

/** The same lines found by two clauses are one candidate with the better rank of each list, and the refs of both. */
function folded(candidates: PlacedCandidate[]): PlacedCandidate[] {
  const byId = new Map<string, PlacedCandidate>();
  for (const candidate of candidates) {
    const known = byId.get(candidate.id);
    if (!known) {
      byId.set(candidate.id, candidate);
      continue;
    }
    for (const [signal, at] of Object.entries(candidate.ranks) as [keyof typeof known.ranks, number][]) {
      known.ranks[signal] = Math.min(known.ranks[signal] ?? at, at);
    }
    const held = new Set(known.refs.map((ref) => ref.snapshotId));
    known.refs = [...known.refs, ...candidate.refs.filter((ref) => !held.has(ref.snapshotId))];
  }
  return [...byId.values()];
}

interface Ordered {
  items: Ranked<PlacedCandidate>[];
  strategy: string;
  notes: string[];
}

const ONLY_SEMANTIC = { lexical: 0, symbol: 0, path: 0, exact: 0, semantic: 1 };

async function order(
  s: SearchServices,
  plan: QueryPlan,
  candidates: PlacedCandidate[],
  options: RankOptions,
): Promise<Ordered> {
  const terms = plan.clauses.flatMap(clauseTerms);
  const words = plan.clauses.flatMap((clause) => clause.wishes).join(' ');
  const query: RankQuery = { terms, code: looksLikeCode(words) };
  if (plan.mode === 'semantic') {
    const failure = await rescore(s, words || terms.map((term) => term.text).join(' '), candidates);
    if (failure !== null) {
      return { items: rank(candidates, query, options), strategy: 'lexical (no embedder)', notes: [failure] };
    }
    const plain = { ...options, weights: ONLY_SEMANTIC };
    return {
      items: rank(candidates, query, plain),
      strategy: `semantic (rescoring by ${s.embedder!.id})`,
      notes: [],
    };
  }
  const weights = options.weights ?? (plan.mode === 'lexical' ? { ...WEIGHTS, symbol: 0, path: 0 } : WEIGHTS);
  return {
    items: rank(candidates, query, { ...options, weights }),
    strategy: STRATEGIES[plan.mode],
    notes: [],
  };
}

const STRATEGIES: Record<Exclude<SearchMode, 'semantic'>, string> = {
  hybrid: 'hybrid (lexical, symbol, path, exact)',
  lexical: 'lexical',
  literal: 'literal',
  regex: 'regex',
  symbol: 'symbol',
};

async function toHits(
  s: SearchServices,
  page: Ranked<PlacedCandidate>[],
  several: boolean,
): Promise<SearchHit[]> {
  const texts = await textsOf(
    s,
    page.map(({ candidate }) => candidate),
  );
  return page.flatMap(({ candidate, score }) => {
    const text = texts.get(textKey(candidate));
    return text === undefined ? [] : [toHit(candidate, score, text, several)];
  });
}

function toHit(candidate: PlacedCandidate, score: number, text: string, several: boolean): SearchHit {
  const { target, refs, path, oid, lang, startLine, endLine } = candidate;
  const [ref] = refs;
  const symbol = candidate.symbol ?? candidate.named;
  return {
    repo: target.scope.repo.name,
    repoId: target.scope.repo.id,
    ref: ref!.ref,
    ...(several && { refs: refs.map((each) => each.ref) }),
    commitSha: ref!.commitSha,
    indexedAt: ref!.indexedAt,
    filePath: path,
    oid,
    lang,
    content: linesOf(text, startLine, endLine),
    startLine,
    endLine,
    score,
    symbolName: symbol?.name ?? null,
    symbol,
    blobId: candidate.blobId,
    snapshotId: ref!.snapshotId,
    scope: target.scope,
  };
}

function severalRefs(targets: Target[], params: SearchParams): boolean {
  return params.ref === ALL_REFS || targets.some((target) => target.refs.length > 1);
}

/** Of one repo and one ref everything; of several only what they have in common. */
function provenanceOf(targets: Target[]): Provenance {
  const repos = new Set(targets.map((target) => target.scope.repo.key));
  if (repos.size !== 1) return {};
  const repo = targets[0]!.scope.repo.name;
  const refs = new Map(targets.flatMap((target) => target.refs).map((ref) => [ref.ref, ref]));
  if (refs.size !== 1) return { repo };
  const { ref, commitSha, indexedAt, coverage } = [...refs.values()][0]!;
  return { repo, ref, commitSha, indexedAt, coverage };
}

function snapshotsOf(targets: Target[]): number[] {
  return [...new Set(targets.flatMap((target) => target.refs.map((ref) => ref.snapshotId)))].sort(
    (a, b) => a - b,
  );
}
