/**
 * The products of one vector in 8 bits with many in 4 (`../quantised.ts`). `dot-products.wasm` does it with SIMD; it is handed in as a
 * module, because Workers forbid compiling at run time: `import module from './dot-products.wasm'`.
 */

import { packedBytes } from '../quantised.ts';

export interface DotProducts {
  /**
   * Writes `query · vector` for each of the vectors, which lie one after the other, packed.
   * @param scores one a vector; as many are taken
   */
  products(query: Int8Array, vectors: Int8Array, scores: Int32Array): void;
}

/** With SIMD, or in JavaScript where there is no module; both write the same. */
export function createDotProducts(module: WebAssembly.Module | null): DotProducts {
  if (module === null) return plainProducts;
  return simdProducts(new WebAssembly.Instance(module).exports as unknown as Kernel);
}

/** In JavaScript. Two sums, because one would make each addition wait for the last. */
export const plainProducts: DotProducts = {
  products(query, vectors, scores) {
    const half = packedBytes(query.length);
    const wide = new Int32Array(2 * half);
    wide.set(query);
    for (let row = 0, at = 0; row < scores.length; row++) {
      let [a, b] = [0, 0];
      for (let d = 0; d < half; d++, at++) {
        const both = vectors[at]!;
        a += wide[d]! * ((both << 28) >> 28);
        b += wide[d + half]! * (both >> 4);
      }
      scores[row] = a + b;
    }
  },
};

interface Kernel {
  memory: WebAssembly.Memory;
  products(query: number, vectors: number, bytes: number, count: number, scores: number): void;
}

/** The module's memory: the query, the scores of a block, then the block. */
const QUERY_AT = 0;
const QUERY_BYTES = 8_192;
const SCORES_AT = QUERY_BYTES;
const SCORES_BYTES = 65_536;
const BLOCK_AT = SCORES_AT + SCORES_BYTES;
const BLOCK_BYTES = 1 << 20;
const LANE = 16;

/**
 * Vectors are copied through the module's memory in blocks that stay in the cache: nothing is held twice, and nothing has
 * to be freed. What has no whole number of lanes goes the plain way.
 */
function simdProducts(kernel: Kernel): DotProducts {
  const { buffer } = kernel.memory;
  return {
    products(query, vectors, scores) {
      const dimensions = query.length;
      const bytes = dimensions / 2;
      if (dimensions === 0 || bytes % LANE !== 0 || 2 * dimensions > QUERY_BYTES)
        return plainProducts.products(query, vectors, scores);
      new Int16Array(buffer, QUERY_AT, dimensions).set(query);
      const block = Math.min(Math.floor(BLOCK_BYTES / bytes), SCORES_BYTES / 4);
      const input = new Int8Array(buffer, BLOCK_AT, BLOCK_BYTES);
      const output = new Int32Array(buffer, SCORES_AT, block);
      for (let from = 0; from < scores.length; from += block) {
        const count = Math.min(block, scores.length - from);
        input.set(vectors.subarray(from * bytes, (from + count) * bytes));
        kernel.products(QUERY_AT, BLOCK_AT, bytes, count, SCORES_AT);
        scores.set(output.subarray(0, count), from);
      }
    },
  };
}
