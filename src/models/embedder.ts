import type { Config } from '../config.ts';
import type { Egress } from '../egress.ts';
import { Problem } from '../errors.ts';
import { createWorkersAi } from './cloudflare/workers-ai.ts';
import { createBundledEmbedder } from './embedded/bundled-model.ts';
import { createOpenAiEmbedder } from './openai/embeddings.ts';

/** A question, or a piece of code or prose that may answer one. */
export type TextRole = 'query' | 'passage';

/** Turns texts into vectors of one length, so that near meanings are near. Drivers stand in folders beside this file. */
export interface Embedder {
  /** Names the model, and with it the vectors made by it. */
  readonly id: string;
  readonly provider: 'embedded' | 'openai' | 'cloudflare';
  readonly dimensions: number;
  /** The cosine that a question reaches with code that has nothing to do with it; 0 where nobody measured it. */
  readonly unrelated: number;
  /**
   * One unit vector a text, in order; zeros for a text that says nothing to the model. Texts may have any length; a
   * driver cuts them to what its model reads.
   * @param as what the texts are, since models treat a question and what answers it differently; `passage` by default
   * @throws when the model does not answer; callers go on without it and say so.
   */
  embed(texts: readonly string[], as?: TextRole): Promise<Float32Array[]>;
}

/**
 * The embedder of this deployment, or null when `EMBEDDING_PROVIDER=none`.
 * @throws Problem `not_configured` when Workers AI is asked for where it is not bound
 */
export function createEmbedder(
  { embedding, llm }: Pick<Config, 'embedding' | 'llm'>,
  { egress, ai }: { egress: Egress; ai: Ai | undefined },
): Embedder | null {
  const { provider, model, dimensions } = embedding;
  if (provider === 'none') return null;
  if (provider === 'embedded') return createBundledEmbedder();
  if (provider === 'openai')
    return createOpenAiEmbedder(egress, { baseUrl: llm.baseUrl!, apiKey: llm.apiKey, model, dimensions });
  if (!ai)
    throw new Problem('not_configured', 'EMBEDDING_PROVIDER: Workers AI is bound in production only.', {
      errors: [{ pointer: 'EMBEDDING_PROVIDER', detail: 'Workers AI is bound in production only' }],
    });
  return createWorkersAi(ai, model, dimensions);
}
