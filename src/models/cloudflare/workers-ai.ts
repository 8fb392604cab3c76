import type { Embedder } from '../embedder.ts';
import { inCalls } from '../in-calls.ts';

/** Text embeddings by Workers AI: `{text: […]}` → `{shape, data}`. */
export function createWorkersAi(ai: Ai, model: string, dimensions: number): Embedder {
  return {
    id: `${model}-${dimensions}`,
    provider: 'cloudflare',
    dimensions,
    unrelated: 0,
    embed: (texts) =>
      inCalls(texts, dimensions, async (text) => {
        const answer: unknown = await ai.run(model as keyof AiModels, { text });
        return vectorsOf(answer);
      }),
  };
}

/** @throws Error when the answer has another shape, as that of a model for something else has */
function vectorsOf(answer: unknown): number[][] {
  const data = answer !== null && typeof answer === 'object' && 'data' in answer ? answer.data : null;
  if (!Array.isArray(data) || !data.every(Array.isArray)) throw new Error('the model answered no embeddings');
  return data as number[][];
}
