import type { EmptyReason, Provenance } from '../../http/provenance.ts';
import type { Services } from '../../services.ts';
import type { ServedRef, VisibleRefs } from '../../store/refs.ts';
import type { Caller } from '../../store/scope.ts';
import { type SearchHit, toHits } from './hit.ts';
import { literalMatcher } from './line-matcher.ts';
import { matchesLines } from './lookup.ts';
import { POOLS, type Run, runLookups } from './lookups.ts';
import { suggestNames } from './no-match.ts';
import type { PlacedCandidate } from './place.ts';
import {
  type Clause,
  onlyFilters,
  planQuery,
  type QueryPlan,
  type SearchMode,
  withoutPhrases,
} from './query-plan.ts';
import { continued, type Ranked, type RankOptions, type RankQuery, rank, WEIGHTS } from './rank.ts';
import { rankQuery } from './rank-query.ts';
import { ALL_REFS, resolveTargets, type Target } from './targets.ts';
import { clauseTerms, type Term } from './terms.ts';

export type SearchServices = Pick<Services, 'db' | 'shard' | 'embedder' | 'vectors' | 'log'>;

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

export interface SearchAnswer {
  hits: SearchHit[];
  provenance: Provenance;
  emptyReason: EmptyReason | null;
  suggestions: string[];
  /** Which signals answered, e.g. `lexical+symbol+path`. */
  strategy: string;
  /** What the caller should know: limits that were met, words that nothing holds. */
  notes: string[];
  /** At most half of the words that were asked for occur at all: a guess, and scored as one. */
  weak: boolean;
  /** Snapshots that answered: with the parameters they determine the answer. */
  snapshots: number[];
}

export const DEFAULT_LIMIT = 20;
export const MAX_LIMIT = 100;
export const MAX_OFFSET = 1_000;

/**
 * Searches what the caller may read, which `options.visible` tells where it is known already. Filters that name nothing
 * give an empty answer with its reason.
 * @throws Problem `validation` naming `query/query` when the query cannot be run
 */
export async function search(
  s: SearchServices,
  caller: Caller,
  params: SearchParams,
  options: RankOptions & { visible?: VisibleRefs } = {},
): Promise<SearchAnswer> {
  const mode = params.mode ?? 'hybrid';
  const plan = planQuery(params.query, mode, params);
  for (const clause of plan.clauses) demandSymbols(clause);
  const targets = await resolveTargets(s, caller, plan.clauses, options.visible);
  const searched = targets.byClause.flat();
  const base = {
    provenance: provenanceOf(searched),
    snapshots: snapshotsOf(searched),
    notes: [...plan.notes, ...targets.notes],
  };
  if (targets.emptyReason !== null) {
    const { emptyReason, suggestions } = targets;
    return { ...base, hits: [], emptyReason, suggestions, strategy: mode, weak: false };
  }
  if (plan.clauses.every(asksNothing)) {
    const notes = [...base.notes, 'the query holds nothing to search for'];
    return {
      ...base,
      notes,
      hits: [],
      emptyReason: 'no_match',
      suggestions: [],
      strategy: mode,
      weak: false,
    };
  }
  const offset = params.offset ?? 0;
  const limit = params.limit ?? DEFAULT_LIMIT;
  const look = (each: QueryPlan) => orderedTo(offset + limit, s, each, targets.byClause, options);
  const ranked = await lookTwice(plan, look);
  const share = knownShare(plan, ranked.unknown);
  const page = ranked.items.slice(offset, offset + limit).map(({ candidate, score }) => ({
    candidate,
    score: Math.round(score * Math.max(share, LEAST_SHARE) * 10_000) / 10_000,
  }));
  const hits = await toHits(s, page, {
    several: severalRefs(searched, params),
    lines: matchesLines(mode),
    spelled: rankQuery(plan).spelled,
  });
  const suggestions = ranked.items.length > 0 ? [] : await suggestNames(ranked.lookups);
  return {
    ...base,
    hits,
    emptyReason: hits.length > 0 ? null : 'no_match',
    suggestions,
    strategy: ranked.strategy,
    notes: [...base.notes, ...ranked.notes, ...unknownNote(ranked.unknown)],
    weak: share <= 0.5,
  };
}

/** Nothing to search for and nothing to narrow by: `()`, `""`. */
function asksNothing(clause: Clause): boolean {
  const { repos, notRepos, refs, langs, notLangs, paths, notPaths, notSymbols } = clause;
  return (
    onlyFilters(clause) &&
    [repos, notRepos, refs, langs, notLangs, paths, notPaths, notSymbols].every((list) => list.length === 0)
  );
}

/** What is left of the score of an answer that shares no word with the question: it is near by meaning. */
const LEAST_SHARE = 0.2;

/** How many of the terms occur at all, 0 to 1. */
function knownShare(plan: QueryPlan, unknown: Term[]): number {
  const terms = new Set(plan.clauses.flatMap(clauseTerms).map((term) => term.whole));
  return terms.size === 0 ? 1 : 1 - unknown.filter((term) => terms.has(term.whole)).length / terms.size;
}

function unknownNote(unknown: Term[]): string[] {
  return unknown.length > 0
    ? [`nothing here holds ${unknown.map((term) => `"${term.text}"`).join(', ')}`]
    : [];
}

/** A query of punctuation alone (`=>`, `{`) has no words to rank by, so it is found as it stands. */
function demandSymbols(clause: Clause): void {
  if (clause.wishes.length === 0 || clause.demand !== null || clauseTerms(clause).length > 0) return;
  const text = clause.wishes.join(' ');
  clause.demand = { kind: 'match', matcher: literalMatcher(text, false), words: text };
}

interface Ordered {
  items: Ranked<PlacedCandidate>[];
  strategy: string;
  notes: string[];
}

type Found = Ordered & Pick<Run, 'lookups' | 'unknown'>;

/** Runs a plan; when nothing satisfies it, once more without the phrases that it could do without. */
async function lookTwice(plan: QueryPlan, look: (plan: QueryPlan) => Promise<Found>): Promise<Found> {
  const found = await look(plan);
  const relaxed = found.items.length === 0 ? withoutPhrases(plan) : null;
  if (relaxed === null) return found;
  const second = await look(relaxed.plan);
  if (second.items.length === 0) return found;
  const quoted = relaxed.phrases.map((phrase) => `"${phrase}"`).join(', ');
  return {
    ...second,
    notes: [...second.notes, `no file holds ${quoted} with the rest; ranked by its words`],
  };
}

/** The order down to `wanted` hits, from as few candidates as fill it. Asked for more, it begins the same. */
async function orderedTo(
  wanted: number,
  s: SearchServices,
  plan: QueryPlan,
  byClause: Target[][],
  options: RankOptions,
): Promise<Found> {
  const query = rankQuery(plan);
  let items: Ordered['items'] = [];
  for (let at = 0; ; at++) {
    const run = await runLookups(s, plan, byClause, POOLS[at]!);
    const ranked = order(s, plan, query, run, options);
    items = continued(items, ranked.items);
    if (items.length >= wanted || !run.full || at + 1 === POOLS.length)
      return {
        ...ranked,
        items,
        lookups: run.lookups,
        unknown: run.unknown,
        notes: run.notes,
      };
  }
}

const ONLY_SEMANTIC = { lexical: 0, symbol: 0, path: 0, exact: 0, semantic: 1 };

function order(
  s: SearchServices,
  plan: QueryPlan,
  query: RankQuery,
  { candidates, byMeaning }: Run,
  options: RankOptions,
): Omit<Ordered, 'notes'> {
  if (plan.mode === 'semantic') {
    return byMeaning
      ? {
          items: rank(candidates, query, { ...options, weights: ONLY_SEMANTIC }),
          strategy: `semantic (${s.embedder!.id})`,
        }
      : { items: rank(candidates, query, options), strategy: 'lexical (no vectors)' };
  }
  const weights = options.weights ?? (plan.mode === 'lexical' ? { ...WEIGHTS, symbol: 0, path: 0 } : WEIGHTS);
  return {
    items: rank(candidates, query, { ...options, weights }),
    strategy: plan.mode === 'hybrid' && byMeaning ? HYBRID : STRATEGIES[plan.mode],
  };
}

const HYBRID = 'hybrid (lexical, symbol, path, exact, semantic)';

const STRATEGIES: Record<Exclude<SearchMode, 'semantic'>, string> = {
  hybrid: 'hybrid (lexical, symbol, path, exact)',
  lexical: 'lexical',
  literal: 'literal',
  regex: 'regex',
  symbol: 'symbol',
};

function severalRefs(targets: Target[], params: SearchParams): boolean {
  return params.ref === ALL_REFS || targets.some((target) => target.refs.length > 1);
}

/** Of one repo and one ref everything; of several what they have in common, the sum of their files and the oldest time. */
function provenanceOf(targets: Target[]): Provenance {
  const repos = new Set(targets.map((target) => target.scope.repo.key));
  const refs = new Map(targets.flatMap((target) => target.refs).map((ref) => [ref.snapshotId, ref]));
  const names = new Set(targets.flatMap((target) => target.refs).map((ref) => ref.ref));
  const [ref] = refs.values();
  if (ref === undefined) return {};
  const served = [...refs.values()];
  const [indexedAt] = served.map((each) => each.indexedAt).sort();
  const shared = { indexedAt: indexedAt!, coverage: summed(served.map((each) => each.coverage)) };
  if (repos.size > 1) return shared;
  const repo = targets[0]!.scope.repo.name;
  return names.size > 1 ? { repo, ...shared } : { repo, ref: ref.ref, commitSha: ref.commitSha, ...shared };
}

type Coverage = ServedRef['coverage'];

function summed(all: Coverage[]): Coverage {
  const sum: Coverage = { indexed: 0, skipped: 0, reasons: {} };
  for (const { indexed, skipped, reasons } of all) {
    sum.indexed += indexed;
    sum.skipped += skipped;
    for (const [reason, count] of Object.entries(reasons))
      sum.reasons[reason] = (sum.reasons[reason] ?? 0) + count;
  }
  return sum;
}

function snapshotsOf(targets: Target[]): number[] {
  return [...new Set(targets.flatMap((target) => target.refs.map((ref) => ref.snapshotId)))].sort(
    (a, b) => a - b,
  );
}
