import type { Embedder } from '../embedder.ts';
import { type Model, readModel } from './model-file.ts';
import { createRowSums } from './row-sums.ts';
import { scanWords } from './scan-words.ts';

/** Measured: nonsense, and questions about other subjects, have 0.18 to 0.36 with the nearest chunk, half of them below 0.26; real ones 0.34 to 0.60, one of forty below 0.26. */
export const UNRELATED = 0.28;
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
 * @param kernel the module of `row-sums.wasm`; without it, the same in JavaScript
 * @throws Error for a file that is damaged or another
 */
export function createStaticEmbedder(
  bytes: Uint8Array,
  expected?: string,
  kernel: WebAssembly.Module | null = null,
): Embedder {
  const model = readModel(bytes, expected);
  const { dimensions, rows } = model;
  const sums = createRowSums(rows, dimensions, kernel);
  const lengths = new Float32Array(model.lexicon.rows);
  return {
    id: `static-${dimensions}-${model.hash.slice(0, 12)}`,
    provider: 'embedded',
    dimensions,
    unrelated: UNRELATED,
    embed: async (texts, as = 'passage') => {
      const weights = as === 'query' ? model.queryWeights : model.passageWeights;
      return texts.map((text) => {
        const features = featuresOf(model, weights, text);
        return normalise(sums.sum(...most(model, lengths, features)));
      });
    },
  };
}

/** Rows of a model and what each counts for. */
type Features = [rows: Uint16Array, shares: Float32Array];

function featuresOf({ lexicon }: Model, weights: Float32Array, text: string): Features {
  lexicon.clear();
  scanWords(text.length > MAX_CHARACTERS ? text.slice(0, MAX_CHARACTERS) : text, lexicon);
  const rows = lexicon.touched.subarray(0, lexicon.size);
  const shares = new Float32Array(rows.length);
  for (let at = 0; at < shares.length; at++) {
    const row = rows[at]!;
    shares[at] = weights[row]! * damped(lexicon.counts[row]!);
  }
  return [rows, shares];
}

/** A word that occurs often counts for more, but not so much more. */
export function damped(count: number): number {
  return count > 1 ? 1 + Math.log(count) : count;
}

/** At most MAX_FEATURES, those that move the vector most. `lengths` of rows are worked out when first asked for, 0 before. */
function most(model: Model, lengths: Float32Array, [rows, shares]: Features): Features {
  if (rows.length <= MAX_FEATURES) return [rows, shares];
  const moves = shares.map((share, at) => {
    const row = rows[at]!;
    if (lengths[row] === 0) lengths[row] = lengthOf(model, row);
    return share * lengths[row]!;
  });
  const least = moves.toSorted()[moves.length - MAX_FEATURES]!;
  const isKept = (_: number, at: number) => moves[at]! >= least;
  return [rows.filter(isKept), shares.filter(isKept)];
}

function lengthOf({ rows, dimensions }: Model, row: number): number {
  let squares = 0;
  for (const byte of rows.subarray((row * dimensions) / 2, ((row + 1) * dimensions) / 2))
    squares += ((byte & 15) - 8) ** 2 + ((byte >> 4) - 8) ** 2;
  return Math.sqrt(squares);
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
