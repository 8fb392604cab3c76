/** How the figures join cosines and BM25; ranking has its own, in `src/answer/search/`. */
import type { Judged } from './evaluate.ts';

export const FUSION = { least: 0.45, most: 0.8 };

/** The better the words of the query are covered by the best lexical answer, the less the vector says. */
export function fused({ vector, lexical, coverage }: Judged): Float32Array {
  const share = FUSION.most - (FUSION.most - FUSION.least) * coverage;
  let best = 1e-6;
  for (const score of lexical) best = Math.max(best, score);
  return vector.map((cosine, at) => share * cosine + (1 - share) * (lexical[at]! / best));
}
