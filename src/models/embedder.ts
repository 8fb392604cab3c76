import type { Config } from '../config.ts';
import { Problem } from '../errors.ts';
import { createHashedSubwords } from './embedded/hashed-subwords.ts';

/** A question, or a piece of code or prose that may answer one. */
export type TextRole = 'query' | 'passage';

/** Turns texts into vectors of one length, so that near meanings are near. Drivers stand beside this file. */
export interface Embedder {
  /** Names provider and model, and with them the vectors made by it. */
  readonly id: string;
  readonly provider: string;
  readonly dimensions: number;
  /**
   * One unit vector a text, in order; a text that says nothing to the model may get zeros. Texts may have any length; a
   * driver cuts them to what its model reads.
   * @param as what the texts are, since models treat a question and what answers it differently; `passage` by default
   * @throws when the model does not answer; callers go on without it and say so.
   */
  embed(texts: string[], as?: TextRole): Promise<Float32Array[]>;
}

/**
 * The embedder of this deployment, or null when `EMBEDDING_PROVIDER=none`.
 * @throws Problem `not_configured` for a provider that no driver stands for
 */
export function createEmbedder(config: Pick<Config, 'embeddingProvider'>): Embedder | null {
  const provider = config.embeddingProvider ?? 'embedded';
  if (provider === 'none') return null;
  if (provider === 'embedded') return createHashedSubwords();
  throw new Problem(
    'not_configured',
    `EMBEDDING_PROVIDER: ${provider} has no driver here; use embedded or none`,
  );
}
