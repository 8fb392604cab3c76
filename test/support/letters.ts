import type { Embedder } from '../../src/models/embedder.ts';

const LETTERS = 26;

/** A model for tests of what is done with vectors: how often each letter occurs. `id` stands for its version. */
export function letters(id = 'letters-1'): Embedder {
  return {
    id,
    provider: 'embedded',
    dimensions: LETTERS,
    unrelated: 0,
    embed: async (texts) => texts.map(histogram),
  };
}

function histogram(text: string): Float32Array {
  const counts = new Float32Array(LETTERS);
  for (const letter of text.toLowerCase()) {
    const at = letter.charCodeAt(0) - 97;
    if (at >= 0 && at < LETTERS) counts[at]! += 1;
  }
  const length = Math.hypot(...counts);
  return length === 0 ? counts : counts.map((count) => count / length);
}
