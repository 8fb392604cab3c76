import { splitIdentifier } from '../../words.ts';
import type { Embedder } from '../embedder.ts';

const DIMENSIONS = 256;
/** Of each text; a chunk is far below. */
const MAX_CHARACTERS = 8_000;
const WORD = /[\p{L}\p{N}\p{M}]+/gu;

/**
 * The simplest model that needs no network: every sub-word of every identifier, and the three-letter pieces of each,
 * hashed into 256 signed buckets and normalised. It knows spelling and no meaning: it brings `refresh`, `refreshed`
 * and `refreshToken` together, and nothing else.
 */
export function createHashedSubwords(): Embedder {
  return {
    id: `hashed-subwords-${DIMENSIONS}`,
    provider: 'embedded',
    dimensions: DIMENSIONS,
    embed: async (texts) => texts.map(embedText),
  };
}

function embedText(text: string): Float32Array {
  const counts = new Map<string, number>();
  for (const [word] of text.slice(0, MAX_CHARACTERS).matchAll(WORD)) {
    for (const part of splitIdentifier(word)) counts.set(part, (counts.get(part) ?? 0) + 1);
  }
  const vector = new Float32Array(DIMENSIONS);
  for (const [part, count] of counts) addWord(vector, part, 1 + Math.log(count));
  return normalised(vector);
}

/** Pieces weigh a third of the word, so that words which share a stem meet, and unrelated ones hardly do. */
function addWord(vector: Float32Array, word: string, weight: number): void {
  addFeature(vector, word, weight);
  const framed = `^${word}$`;
  for (let at = 0; at + 3 <= framed.length; at++) addFeature(vector, framed.slice(at, at + 3), weight / 3);
}

/** Half of the hash chooses the bucket, one bit the sign: collisions cancel out instead of adding up. */
function addFeature(vector: Float32Array, feature: string, weight: number): void {
  const hash = fnv1a(feature);
  const bucket = (hash >>> 8) % DIMENSIONS;
  vector[bucket] = vector[bucket]! + (hash & 1 ? weight : -weight);
}

/** http://www.isthe.com/chongo/tech/comp/fnv/ over UTF-16 units, with a final mix. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash ^= hash >>> 15;
  return Math.imul(hash, 0x2c1b3c6d) >>> 0;
}

function normalised(vector: Float32Array): Float32Array {
  const length = Math.hypot(...vector);
  return length === 0 ? vector : vector.map((value) => value / length);
}
