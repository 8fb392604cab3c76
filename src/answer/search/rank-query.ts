import { clauseWords, type QueryPlan } from './query-plan.ts';
import type { RankQuery } from './rank.ts';
import { clauseTerms, looksLikeCode, spellings } from './terms.ts';

/** All bare words of a plan, as typed. */
export function wordsOf(plan: QueryPlan): string {
  return plan.clauses.flatMap((clause) => clause.wishes).join(' ');
}

/** What ranking knows of the query. The words of a question are no names, however they are spelled. */
export function rankQuery(plan: QueryPlan): RankQuery {
  const code = looksLikeCode(wordsOf(plan));
  const spelled = code ? spellings(plan.clauses.map(clauseWords).join(' ')) : new Set<string>();
  return {
    terms: plan.clauses.flatMap(clauseTerms),
    code,
    spelled,
    places: plan.clauses.flatMap((clause) => clause.places),
  };
}
