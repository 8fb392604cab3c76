/**
 * Weighted sums of the rows of a model, which stay in 4 bits. `row-sums.wasm` does it with SIMD; it is handed in as a module,
 * because Workers forbid compiling at run time: `import module from './row-sums.wasm'`.
 */

export interface RowSums {
  /** The sum of `shares[n]` times row `rows[n]`, as 32-bit floats are added in this order. */
  sum(rows: Uint16Array, shares: Float32Array): Float32Array;
}

/**
 * With SIMD, or in JavaScript where there is no module or a row is no whole number of lanes; both give the same bits.
 * @param table rows one after another, two values a byte with 8 added, the first in the lower half
 */
export function createRowSums(
  table: Uint8Array,
  dimensions: number,
  module: WebAssembly.Module | null,
): RowSums {
  if (module === null || dimensions % (2 * LANE) !== 0 || 4 * dimensions > VECTOR_BYTES)
    return plainSums(table, dimensions);
  return simdSums(table, dimensions, new WebAssembly.Instance(module).exports as unknown as Kernel);
}

function plainSums(table: Uint8Array, dimensions: number): RowSums {
  const bytes = dimensions / 2;
  return {
    sum(rows, shares) {
      const vector = new Float32Array(dimensions);
      for (let n = 0; n < rows.length; n++) {
        const share = shares[n]!;
        for (let d = 0, at = rows[n]! * bytes; d < dimensions; d += 2, at++) {
          vector[d]! += Math.fround(share * ((table[at]! & 15) - 8));
          vector[d + 1]! += Math.fround(share * ((table[at]! >> 4) - 8));
        }
      }
      return vector;
    },
  };
}

interface Kernel {
  memory: WebAssembly.Memory;
  sum(rows: number, shares: number, count: number, table: number, bytes: number, vector: number): void;
}

/** The module's memory: the vector, a list of rows and their shares, then the table. */
const VECTOR_BYTES = 16_384;
const SHARES_AT = VECTOR_BYTES;
const AT_ONCE = 4_096;
const ROWS_AT = SHARES_AT + 4 * AT_ONCE;
const TABLE_AT = 65_536;
const PAGE = 65_536;
const LANE = 16;

function simdSums(table: Uint8Array, dimensions: number, kernel: Kernel): RowSums {
  kernel.memory.grow(Math.ceil(table.length / PAGE));
  const { buffer } = kernel.memory;
  new Uint8Array(buffer, TABLE_AT).set(table);
  const bytes = dimensions / 2;
  const halves = new Float32Array(buffer, 0, dimensions);
  const list = new Uint16Array(buffer, ROWS_AT, AT_ONCE);
  const weights = new Float32Array(buffer, SHARES_AT, AT_ONCE);
  return {
    sum(rows, shares) {
      halves.fill(0);
      for (let from = 0; from < rows.length; from += AT_ONCE) {
        const some = rows.subarray(from, from + AT_ONCE);
        list.set(some);
        weights.set(shares.subarray(from, from + AT_ONCE));
        kernel.sum(ROWS_AT, SHARES_AT, some.length, TABLE_AT, bytes, 0);
      }
      const vector = new Float32Array(dimensions);
      for (let at = 0; at < bytes; at++) {
        vector[2 * at] = halves[at]!;
        vector[2 * at + 1] = halves[bytes + at]!;
      }
      return vector;
    },
  };
}
