/** The kernels of `kernels.wat`, assembled when training starts, over a memory that all its threads share. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import wabt from 'wabt';

export interface Kernels {
  addScaled(to: number, from: number, n: number, factor: number): void;
  addScaledAndDot(to: number, from: number, dotted: number, n: number, factor: number): number;
  dot(a: number, b: number, n: number): number;
  pack(from: number, ld: number, to: number, k: number): void;
  multiply(a: number, rs: number, cs: number, panel: number, k: number, c: number, ldc: number): void;
  adam(e: number, g: number, m: number, u: number, n: number, rate: number, unbias: number): void;
}

/** Workers, whose types these are, have no such constructor. */
const Module = WebAssembly.Module as unknown as new (bytes: Uint8Array) => WebAssembly.Module;

const FEATURES = { simd: true, threads: true };

export async function assembleKernels(): Promise<WebAssembly.Module> {
  const text = readFileSync(path.join(import.meta.dirname, 'kernels.wat'), 'utf8');
  const { parseWat } = await wabt();
  const parsed = parseWat('kernels.wat', text, FEATURES);
  const { buffer } = parsed.toBinary({});
  parsed.destroy();
  return new Module(buffer);
}

export function kernelsOver(module: WebAssembly.Module, memory: WebAssembly.Memory): Kernels {
  return new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Kernels;
}

/** Byte offsets of named pieces in one memory, each aligned to 64 bytes. */
export class Layout {
  bytes = 64;

  floats(count: number): number {
    const at = this.bytes;
    this.bytes += (4 * count + 63) & ~63;
    return at;
  }
}

const PANEL = 8;
const ROWS = 4;

/** c[from..to) = a[from..to) · b: `a` by strides in bytes, `b` of k rows and n columns, `c` of n columns. */
export function multiplyRows(
  kernels: Kernels,
  a: { at: number; row: number; column: number },
  b: number,
  c: number,
  size: { from: number; to: number; k: number; n: number },
  panel: number,
): void {
  const { from, to, k, n } = size;
  for (let column = 0; column < n; column += PANEL) {
    kernels.pack(b + 4 * column, 4 * n, panel, k);
    for (let row = from; row < to; row += ROWS) {
      kernels.multiply(a.at + row * a.row, a.row, a.column, panel, k, c + 4 * (row * n + column), 4 * n);
    }
  }
}
