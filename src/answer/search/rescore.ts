import { createExactVectors } from '../../models/embedded/exact-vectors.ts';
import type { Services } from '../../services.ts';
import { lineRange } from '../lines.ts';
import type { PlacedCandidate } from './place.ts';
import { textKey, textsOf } from './texts.ts';

/** Candidates whose text is embedded for one question: at some 20 µs a kilobyte well below 50 ms. */
export const MAX_RESCORED = 200;

/**
 * Gives the candidates their semantic rank: their text is embedded now and compared with the question. No vectors are
 * stored, so what no other signal found is not found here either.
 * @returns null, or why the semantic signal is missing
 */
export async function rescore(
  s: Pick<Services, 'shard' | 'embedder' | 'log'>,
  question: string,
  candidates: PlacedCandidate[],
): Promise<string | null> {
  if (s.embedder === null) return 'no embedder is configured; ranked without semantic similarity';
  const best = [...candidates].sort((a, b) => firstRank(a) - firstRank(b)).slice(0, MAX_RESCORED);
  const texts = await textsOf(s, best);
  const passages = best.map((candidate) => passageOf(candidate, texts));
  try {
    const [wanted, ...vectors] = await s.embedder.embed([question, ...passages]);
    const store = createExactVectors(s.embedder.dimensions);
    await store.upsert(vectors.map((values, id) => ({ id, values })));
    const nearest = await store.query(wanted!, best.length);
    nearest.forEach(({ id }, rank) => {
      best[id]!.ranks.semantic = rank;
    });
    return null;
  } catch (error) {
    s.log.warn('embedder failed', { error });
    return 'the embedder did not answer; ranked without semantic similarity';
  }
}

function firstRank(candidate: PlacedCandidate): number {
  return Math.min(...Object.values(candidate.ranks));
}

function passageOf(candidate: PlacedCandidate, texts: Map<string, string>): string {
  const { path, symbol, startLine, endLine } = candidate;
  const text = texts.get(textKey(candidate)) ?? '';
  return `${path} ${symbol?.qualifiedName ?? ''}\n${lineRange(text, startLine, endLine)}`;
}
