import type { VectorStore } from '../vector-store.ts';

/** Exact search over 8-bit vectors in memory: 256 bytes a vector at 256 dimensions, some 2 million products a second. */
export function createExactVectors(dimensions: number): VectorStore {
  const vectors = new Map<number, Int8Array>();
  return {
    dimensions,
    get size() {
      return vectors.size;
    },
    async upsert(added) {
      for (const { id, values } of added) {
        if (values.length !== dimensions)
          throw new Error(`a vector of ${values.length} in a store of ${dimensions}`);
        vectors.set(id, quantised(values));
      }
    },
    async remove(ids) {
      for (const id of ids) vectors.delete(id);
    },
    async query(values, topK) {
      const wanted = quantised(values);
      return [...vectors]
        .map(([id, vector]) => ({ id, score: dot(wanted, vector) / (SCALE * SCALE) }))
        .sort((a, b) => b.score - a.score || a.id - b.id)
        .slice(0, topK);
    },
  };
}

const SCALE = 127;

function quantised(values: Float32Array): Int8Array {
  return Int8Array.from(values, (value) => Math.round(Math.max(-1, Math.min(1, value)) * SCALE));
}

function dot(a: Int8Array, b: Int8Array): number {
  let sum = 0;
  for (let at = 0; at < a.length; at++) sum += a[at]! * b[at]!;
  return sum;
}
