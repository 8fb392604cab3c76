import type { EmptyReason, Provenance } from '../../http/provenance.ts';
import type { Services } from '../../services.ts';
import type { Caller } from '../../store/scope.ts';
import { type SearchHit, toHits } from './hit.ts';
import { literalMatcher } from './line-matcher.ts';
import { matchesLines } from './lookup.ts';
import { POOLS, type Run, runLookups } from './lookups.ts';
import { suggestNames } from './no-match.ts';
import type { PlacedCandidate } from './place.ts';
import { type Clause, clauseWords, planQuery, type QueryPlan, type SearchMode } from './query-plan.ts';
import { continued, type Ranked, type RankOptions, type RankQuery, rank, WEIGHTS } from './rank.ts';
import { rescore } from './rescore.ts';
import { ALL_REFS, resolveTargets, type Target } from './targets.ts';
import { clauseTerms, looksLikeCode, spellings } from './terms.ts';

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
  const offset = params.offset ?? 0;
  const limit = params.limit ?? DEFAULT_LIMIT;
  const query = rankQuery(plan);
  const ranked = await orderedTo(offset + limit, s, plan, query, targets.byClause, options);
  const page = ranked.items.slice(offset, offset + limit);
  const hits = await toHits(s, page, {
    several: severalRefs(searched, params),
    lines: matchesLines(mode),
    spelled: query.spelled,
  });
  const suggestions = ranked.items.length > 0 ? [] : await suggestNames(ranked.lookups);
  return {
    ...base,
    hits,
    emptyReason: hits.length > 0 ? null : 'no_match',
    suggestions,
    strategy: ranked.strategy,
    notes: [...base.notes, ...ranked.notes],
  };
}

/** A query of punctuation alone (`=>`, `{`) has no words to rank by, so it is found as it stands. */
function demandSymbols(clause: Clause): void {
  if (clause.wishes.length === 0 || clause.demand !== null || clauseTerms(clause).length > 0) return;
  const text = clause.wishes.join(' ');
  clause.demand = { kind: 'match', matcher: literalMatcher(text, false), words: text };
}

function wordsOf(plan: QueryPlan): string {
  return plan.clauses.flatMap((clause) => clause.wishes).join(' ');
}

/** What ranking knows of the query. The words of a question are no names, however they are spelled. */
function rankQuery(plan: QueryPlan): RankQuery {
  const code = looksLikeCode(wordsOf(plan));
  const spelled = code ? spellings(plan.clauses.map(clauseWords).join(' ')) : new Set<string>();
  return { terms: plan.clauses.flatMap(clauseTerms), code, spelled };
}

interface Ordered {
  items: Ranked<PlacedCandidate>[];
  strategy: string;
  notes: string[];
}

/** The order down to `wanted` hits, from as few candidates as fill it. Asked for more, it begins the same. */
async function orderedTo(
  wanted: number,
  s: SearchServices,
  plan: QueryPlan,
  query: RankQuery,
  byClause: Target[][],
  options: RankOptions,
): Promise<Ordered & Pick<Run, 'lookups'>> {
  let items: Ordered['items'] = [];
  for (let at = 0; ; at++) {
    const run = await runLookups(s, plan, byClause, POOLS[at]!);
    const ranked = await order(s, plan, query, run.candidates, options);
    items = continued(items, ranked.items);
    if (items.length >= wanted || !run.full || at + 1 === POOLS.length)
      return { ...ranked, items, lookups: run.lookups, notes: [...run.notes, ...ranked.notes] };
  }
}

const ONLY_SEMANTIC = { lexical: 0, symbol: 0, path: 0, exact: 0, semantic: 1 };

async function order(
  s: SearchServices,
  plan: QueryPlan,
  query: RankQuery,
  candidates: PlacedCandidate[],
  options: RankOptions,
): Promise<Ordered> {
  const words = wordsOf(plan);
  if (plan.mode === 'semantic') {
    const failure = await rescore(s, words || query.terms.map((term) => term.text).join(' '), candidates);
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
  if (plan.mode === 'hybrid' && (options.weights ?? WEIGHTS).semantic > 0)
    await rescore(s, words, candidates);
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
