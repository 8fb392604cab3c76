import { createHash } from 'node:crypto';
import { Lexicon } from './lexicon.ts';

/**
 * The file of a model, little-endian:
 *
 *     0  'SLEM'
 *     4  u16 format version, u16 dimensions
 *     8  u32 words, u32 pairs, u32 buckets, u32 bytes of the words
 *    24  SHA-256 of the bytes before and after it
 *    56  the words in UTF-8, each ended by a line feed, filled up to a multiple of 4
 *     …  pairs: u16 row of the first word, u16 row of the second
 *     …  a row each (words, pairs, buckets): f16 weight in a query, f16 weight in a passage, both times the row's scale
 *     …  a row each: its values, 4 bits each with 8 added, the lower half of a byte first
 *
 * Versions: 1 (2026-11).
 */
export const MAGIC = 0x4d454c53;
export const FORMAT_VERSION = 1;
export const HEADER_BYTES = 56;
export const HASH_AT = 24;

export interface Model {
  lexicon: Lexicon;
  dimensions: number;
  /** Values by row as they stand in the file, two a byte. */
  rows: Uint8Array;
  /** What a row counts for in a query, and in a passage: its weight times its scale. */
  queryWeights: Float32Array;
  passageWeights: Float32Array;
  /** Hex SHA-256 of the file's content. */
  hash: string;
}

/** The hash of a model file's content, in hex: that of everything but the place where it is written. */
export function contentHash(bytes: Uint8Array): string {
  return createHash('sha256')
    .update(bytes.subarray(0, HASH_AT))
    .update(bytes.subarray(HEADER_BYTES))
    .digest('hex');
}

/**
 * Reads a model.
 * @param expected refuses every model but the one of this hash; left out, only damage is refused
 * @throws Error with what is wrong with the file
 */
export function readModel(bytes: Uint8Array, expected?: string): Model {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEADER_BYTES || view.getUint32(0, true) !== MAGIC) refuse('it is no model file');
  const version = view.getUint16(4, true);
  if (version !== FORMAT_VERSION) refuse(`its format is ${version}, not ${FORMAT_VERSION}`);
  const hash = contentHash(bytes);
  if (hash !== Buffer.from(bytes.subarray(HASH_AT, HEADER_BYTES)).toString('hex')) refuse('it is damaged');
  if (expected !== undefined && hash !== expected) refuse(`its hash is ${hash}, not ${expected}`);

  const dimensions = view.getUint16(6, true);
  const [words, pairs, buckets, wordBytes] = [8, 12, 16, 20].map((at) => view.getUint32(at, true)) as [
    number,
    number,
    number,
    number,
  ];
  const rows = words + pairs + buckets;
  let at = HEADER_BYTES;
  const text = new TextDecoder().decode(bytes.subarray(at, at + wordBytes));
  at += padded(wordBytes);
  const pairRows = new Uint16Array(2 * pairs);
  for (let pair = 0; pair < 2 * pairs; pair++, at += 2) pairRows[pair] = view.getUint16(at, true);
  const queryWeights = new Float32Array(rows);
  const passageWeights = new Float32Array(rows);
  for (let row = 0; row < rows; row++, at += 4) {
    queryWeights[row] = half(view.getUint16(at, true));
    passageWeights[row] = half(view.getUint16(at + 2, true));
  }
  return {
    lexicon: new Lexicon({ words: text.split('\n').slice(0, words), pairs: pairRows, buckets }),
    dimensions,
    rows: bytes.subarray(at, at + (rows * dimensions) / 2),
    queryWeights,
    passageWeights,
    hash,
  };
}

export const padded = (bytes: number) => (bytes + 3) & ~3;

function refuse(why: string): never {
  throw new Error(`the embedding model cannot be used: ${why}`);
}

/** IEEE 754 binary16 → number. Infinities and NaN are never written. */
function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
