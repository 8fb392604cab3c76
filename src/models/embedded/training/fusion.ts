/** How the figures join cosines and BM25; ranking has its own, in `src/answer/search/`. */
import type { Judged } from './evaluate.ts';

/** What the cosine counts for; the rest is BM25 as a share of the best. Chosen on the `dev` repositories. */
export const FUSION = { cosine: 0.8 };

/** A word with a border inside, a path of names, a call: somebody who types it knows what he looks for. */
const IDENTIFIER = /[a-z0-9][A-Z]|\w_\w|\w(?:\.|::|->|#)\w|\w\(|^\W*\w+\W*$/;

/** Of a query that asks for a name; in a longer one names are only mentioned. */
const MOST_WORDS = 3;

/** Whether the lexical answer is left alone: an identifier is asked for, or the best answer has every word of the query. */
export function isLexical(query: string, coverage: number): boolean {
  const isShort = query.trim().split(/\s+/).length <= MOST_WORDS;
  return (isShort && IDENTIFIER.test(query)) || coverage > 0.999;
}

export function fused({ query, vector, lexical, coverage }: Judged): Float32Array {
  const cosineShare = isLexical(query, coverage) ? 0 : FUSION.cosine;
  let best = 1e-6;
  for (const score of lexical) best = Math.max(best, score);
  return vector.map((cosine, at) => cosineShare * cosine + (1 - cosineShare) * (lexical[at]! / best));
}
