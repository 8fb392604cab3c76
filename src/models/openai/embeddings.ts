import { z } from '@hono/zod-openapi';
import type { Egress } from '../../egress.ts';
import type { Embedder } from '../embedder.ts';
import { inCalls } from '../in-calls.ts';

export interface OpenAiOptions {
  /** `LLM_BASE_URL`: what `/embeddings` is added to. */
  baseUrl: string;
  apiKey: string | null;
  model: string;
  dimensions: number;
}

const answerSchema = z.object({
  data: z.array(z.object({ index: z.int().nonnegative(), embedding: z.array(z.number()) })),
});

/** Embeddings by any server that speaks OpenAI's API: `POST /embeddings`. */
export function createOpenAiEmbedder(egress: Egress, options: OpenAiOptions): Embedder {
  const { model, dimensions } = options;
  return {
    id: `${model}-${dimensions}`,
    provider: 'openai',
    dimensions,
    unrelated: 0,
    embed: (texts) => inCalls(texts, dimensions, (input) => ask(egress, options, input)),
  };
}

async function ask(
  egress: Egress,
  { baseUrl, apiKey, model, dimensions }: OpenAiOptions,
  input: string[],
): Promise<number[][]> {
  const response = await egress.fetch(`${baseUrl}/embeddings`, {
    purpose: 'model',
    operator: baseUrl,
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(apiKey === null ? {} : { authorization: `Bearer ${apiKey}` }),
    },
    body: JSON.stringify({ model, input, dimensions, encoding_format: 'float' }),
  });
  if (!response.ok) {
    await response.body?.cancel();
    throw new Error(`the embedding server answered ${response.status}`);
  }
  const { data } = answerSchema.parse(await response.json());
  return data.toSorted((a, b) => a.index - b.index).map(({ embedding }) => embedding);
}
