/** A model of floats → the file: 4 bits a value, by the scale of each row that loses least. */
import { contentHash, FORMAT_VERSION, HASH_AT, HEADER_BYTES, MAGIC, padded } from '../model-file.ts';
import type { FloatModel } from './train.ts';

const LARGEST = 7;
/** Shares of a row's largest value that are tried as the end of the scale. */
const ENDS = [1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4];

export function modelFile(model: FloatModel): Uint8Array {
  const { dimensions, vectors, words, pairs, buckets } = model;
  const rows = vectors.length / dimensions;
  const text = new TextEncoder().encode(words.map((word) => `${word}\n`).join(''));
  const pairsAt = HEADER_BYTES + padded(text.length);
  const weightsAt = pairsAt + 2 * pairs.length;
  const valuesAt = weightsAt + 4 * rows;
  const bytes = new Uint8Array(valuesAt + (rows * dimensions) / 2);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint16(4, FORMAT_VERSION, true);
  view.setUint16(6, dimensions, true);
  for (const [at, value] of [words.length, pairs.length / 2, buckets, text.length].entries()) {
    view.setUint32(8 + 4 * at, value, true);
  }
  bytes.set(text, HEADER_BYTES);
  for (const [at, row] of pairs.entries()) view.setUint16(pairsAt + 2 * at, row, true);
  for (let row = 0; row < rows; row++) {
    const values = vectors.subarray(row * dimensions, (row + 1) * dimensions);
    const scale = bestScale(values);
    view.setUint16(weightsAt + 4 * row, half(model.queryWeights[row]! * scale), true);
    view.setUint16(weightsAt + 4 * row + 2, half(model.passageWeights[row]! * scale), true);
    for (let d = 0; d < dimensions; d += 2) {
      const low = rounded(values[d]!, scale) + 8;
      const high = rounded(values[d + 1]!, scale) + 8;
      bytes[valuesAt + (row * dimensions + d) / 2] = low | (high << 4);
    }
  }
  bytes.set(Buffer.from(contentHash(bytes), 'hex'), HASH_AT);
  return bytes;
}

function rounded(value: number, scale: number): number {
  return Math.max(-LARGEST, Math.min(LARGEST, Math.round(value / scale)));
}

function bestScale(values: Float32Array): number {
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-9);
  let best = 0;
  let least = Number.POSITIVE_INFINITY;
  for (const end of ENDS) {
    const scale = (largest * end) / LARGEST;
    let error = 0;
    for (const value of values) error += (rounded(value, scale) * scale - value) ** 2;
    if (error < least) {
      least = error;
      best = scale;
    }
  }
  return best;
}

/** The nearest IEEE 754 binary16 of a number from 0 to 65,504. */
function half(value: number): number {
  if (value < 2 ** -14) return Math.round(value * 2 ** 24);
  const exponent = Math.floor(Math.log2(value));
  const fraction = Math.round((value / 2 ** exponent - 1) * 1024);
  // A fraction that rounds up to 1024 carries into the exponent by itself.
  return ((exponent + 15) << 10) + fraction;
}
