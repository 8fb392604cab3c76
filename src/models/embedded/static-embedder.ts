import type { Embedder } from '../embedder.ts';
import { type Model, readModel } from './model-file.ts';
import { scanWords } from './scan-words.ts';

/** Measured: nonsense, and questions about other subjects, have 0.14 to 0.29 with the nearest chunk; real ones from 0.27 on. */
export const UNRELATED = 0.25;
/** Of each text; a chunk of the index is far below. */
export const MAX_CHARACTERS = 32_768;
/** Features of a text beyond this are left out, the least of them first. */
const MAX_FEATURES = 256;

/**
 * The embedder of a model file: a text's vector is the weighted sum of the vectors of its words, word pairs and, for
 * unknown words, their pieces, brought to length 1. A text without any (empty, signs only) has the zero vector, which
 * is near to nothing.
 * @param bytes of the file
 * @param expected the only hash that is taken, see `readModel`
 * @throws Error for a file that is damaged or another
 */
export function createStaticEmbedder(bytes: Uint8Array, expected?: string): Embedder {
  const model = readModel(bytes, expected);
  return {
    id: `static-${model.dimensions}-${model.hash.slice(0, 12)}`,
    provider: 'embedded',
    dimensions: model.dimensions,
    unrelated: UNRELATED,
    embed: async (texts, as = 'passage') => {
      const weights = as === 'query' ? model.queryWeights : model.passageWeights;
      return texts.map((text) => embedText(model, weights, text));
    },
  };
}

function embedText(model: Model, weights: Float32Array, text: string): Float32Array {
  const { lexicon, dimensions, rows } = model;
  lexicon.clear();
  scanWords(text.length > MAX_CHARACTERS ? text.slice(0, MAX_CHARACTERS) : text, lexicon);
  const vector = new Float32Array(dimensions);
  const shares = new Float32Array(lexicon.size);
  for (let at = 0; at < shares.length; at++) {
    const row = lexicon.touched[at]!;
    shares[at] = weights[row]! * damped(lexicon.counts[row]!);
  }
  if (shares.length > MAX_FEATURES) dropLeast(model, shares);
  for (let at = 0; at < shares.length; at++) {
    const share = shares[at]!;
    if (share === 0) continue;
    for (let d = 0, from = lexicon.touched[at]! * dimensions; d < dimensions; d++) {
      vector[d]! += share * rows[from + d]!;
    }
  }
  return normalise(vector);
}

/** A word that occurs often counts for more, but not so much more. */
export function damped(count: number): number {
  return count > 1 ? 1 + Math.log(count) : count;
}

/** Leaves MAX_FEATURES shares, those that move the vector most; the others become 0. */
function dropLeast({ lexicon, dimensions, rows }: Model, shares: Float32Array): void {
  const moves = shares.map((share, at) => {
    let squares = 0;
    for (let d = 0, from = lexicon.touched[at]! * dimensions; d < dimensions; d++)
      squares += rows[from + d]! ** 2;
    return share * Math.sqrt(squares);
  });
  const least = moves.toSorted()[moves.length - MAX_FEATURES]!;
  for (let at = 0; at < shares.length; at++) if (moves[at]! < least) shares[at] = 0;
}

/** To length 1, in place; a vector of zeros stays one. */
function normalise(vector: Float32Array): Float32Array {
  let sum = 0;
  for (const value of vector) sum += value * value;
  if (sum === 0) return vector;
  const scale = 1 / Math.sqrt(sum);
  for (let d = 0; d < vector.length; d++) vector[d]! *= scale;
  return vector;
}
