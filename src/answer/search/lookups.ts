import type { Services } from '../../services.ts';
import { textOf } from '../../store/blobs.ts';
import { indexedPaths } from '../../store/hits.ts';
import { gather } from './candidates.ts';
import { findExact } from './exact-search.ts';
import { languageFilter } from './language-filter.ts';
import { type Lookup, matchesLines } from './lookup.ts';
import { type Near, nearChunks } from './near-chunks.ts';
import type { PlacedCandidate } from './place.ts';
import {
  type Clause,
  onlyFilters,
  positiveMatches,
  type QueryPlan,
  type SearchMode,
  satisfies,
} from './query-plan.ts';
import { WEIGHTS } from './rank.ts';
import { wordsOf } from './rank-query.ts';
import type { Target } from './targets.ts';
import { clauseTerms, looksLikeCode, type Term } from './terms.ts';
import { unknownWords } from './unknown-words.ts';

/**
 * Candidates of a list: deep enough for dedup and boosts to choose from, small enough to describe in one batch. A page
 * that the first does not fill is taken from the next ones, whose hits come after it: so every page is of one order.
 */
export const POOLS = [80, 400, 1_200] as const;

/** What the lookups of a plan found. */
export interface Run {
  lookups: Lookup[];
  candidates: PlacedCandidate[];
  /** A lookup found as many candidates as it may: a larger pool can hold more. */
  full: boolean;
  /** Words of the query that none of the repos holds. */
  unknown: Term[];
  notes: string[];
  /** The semantic signal took part. */
  byMeaning: boolean;
}

/** Modes in which nearness counts. */
function ranksByMeaning(mode: SearchMode): boolean {
  return mode === 'semantic' || (mode === 'hybrid' && WEIGHTS.semantic > 0);
}

/** What is asked in words; where everything is quoted and meaning is asked for, the quotes. */
function questionOf(plan: QueryPlan, lookups: Lookup[]): string {
  const words = wordsOf(plan);
  if (words !== '' || plan.mode !== 'semantic') return words;
  return [...new Set(lookups.flatMap(({ terms }) => terms.map(({ text }) => text)))].join(' ');
}

const NOTHING_NEAR: Near = { lists: new Map(), notes: [] };

/** Runs every clause against every repo it may search: narrow to files, gather, check, fold. */
export async function runLookups(
  s: Pick<Services, 'shard' | 'embedder' | 'vectors' | 'log'>,
  plan: QueryPlan,
  byClause: Target[][],
  pool: number,
): Promise<Run> {
  const prepared = await Promise.all(
    plan.clauses.flatMap((clause, at) =>
      byClause[at]!.map((target) => prepare(s, { clause, target, mode: plan.mode, pool })),
    ),
  );
  const lookups = prepared.map(({ lookup }) => lookup);
  const meaning = ranksByMeaning(plan.mode)
    ? nearChunks(
        s,
        lookups.filter(({ empty }) => !empty),
        questionOf(plan, lookups),
      )
    : Promise.resolve(NOTHING_NEAR);
  const { found: gathered, known } = await gatherAll(lookups, meaning);
  const near = await meaning;
  const checked = await Promise.all(gathered.map(([lookup, found]) => verified(lookup, found)));
  return {
    lookups,
    candidates: folded(checked.flat()),
    unknown: unknownWords(lookups, known),
    full: gathered.some(([, found]) => found.length >= pool),
    notes: [...new Set([...prepared.flatMap(({ notes }) => notes), ...near.notes])],
    byMeaning: near.lists.size > 0,
  };
}

interface Prepared {
  lookup: Lookup;
  notes: string[];
}

/** Resolves what narrows a lookup to files: languages, paths, and what must occur exactly. */
async function prepare(
  s: Pick<Services, 'shard'>,
  { clause, target, mode, pool }: Pick<Lookup, 'clause' | 'target' | 'mode' | 'pool'>,
): Promise<Prepared> {
  const shard = s.shard(target.scope);
  const terms = clauseTerms(clause);
  const code = looksLikeCode(clause.wishes.join(' '));
  const langs = languageFilter(clause.langs, clause.notLangs);
  const blobIds = await filesByPath(shard, target, clause, langs);
  const empty = langs?.length === 0 || blobIds?.length === 0;
  const lookup: Lookup = {
    shard,
    target,
    clause,
    terms,
    code,
    langs,
    blobIds,
    exact: null,
    empty,
    mode,
    pool,
  };
  if (empty || positiveMatches(clause.demand).length === 0) return { lookup, notes: [] };
  return { lookup, notes: await narrowExactly(lookup) };
}

/** Runs the demand first. When it was searched to the end, its files are the only ones that count. */
async function narrowExactly(lookup: Lookup): Promise<string[]> {
  const { shard, target, clause, langs, blobIds, pool } = lookup;
  const demand = clause.demand!;
  const found = await findExact({ shard, target, demand, langs, blobIds, enough: pool });
  const ranksByWords = clause.wishes.length > 0 && !matchesLines(lookup.mode);
  if (!found.complete && ranksByWords) return [];
  lookup.exact = found;
  lookup.blobIds = [...found.lines.keys()];
  lookup.empty = found.lines.size === 0;
  return found.unfiltered && !found.complete
    ? ['nothing in the query narrows the files by three letters in a row; only a part of them was read']
    : [];
}

const MAX_PATHS = 50_000;

/** The files that path filters leave; with nothing to search for, those that any filters leave. */
async function filesByPath(
  shard: D1Database,
  target: Target,
  clause: Clause,
  langs: string[] | undefined,
): Promise<number[] | undefined> {
  if (clause.paths.length === 0 && clause.notPaths.length === 0 && !onlyFilters(clause)) return undefined;
  const piece = clause.paths.reduce(
    (best, pattern) => (pattern.piece.length > best.length ? pattern.piece : best),
    '',
  );
  const snapshotIds = target.refs.map((ref) => ref.snapshotId);
  const files = await indexedPaths(shard, target.scope, snapshotIds, piece, MAX_PATHS, langs);
  const kept = files.filter(
    ({ path }) =>
      clause.paths.every((each) => each.test(path)) && !clause.notPaths.some((each) => each.test(path)),
  );
  return [...new Set(kept.map((file) => file.blobId))];
}

/** Lookups of one shard share their round trips. */
async function gatherAll(
  lookups: Lookup[],
  near: Promise<Near>,
): Promise<{ found: [Lookup, PlacedCandidate[]][]; known: Set<string> }> {
  const known = new Set<string>();
  const lists = await Promise.all(
    [...Map.groupBy(lookups, (lookup) => lookup.shard)].map(async ([shard, group]) => {
      const gathered = await gather(shard, group, near);
      for (const word of gathered.known) known.add(word);
      return group.map((lookup, at): [Lookup, PlacedCandidate[]] => [lookup, gathered.found[at]!]);
    }),
  );
  return { found: lists.flat(), known };
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
