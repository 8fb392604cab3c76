import { describe, expect, it } from 'vitest';
import { createBundledEmbedder } from '../../../src/models/embedded/bundled-model.ts';
import { createDotProducts, plainProducts } from '../../../src/models/embedded/dot-products.ts';
import module from '../../../src/models/embedded/dot-products.wasm';
import { MODEL } from '../../../src/models/embedded/model-id.ts';
import { createRowSums } from '../../../src/models/embedded/row-sums.ts';
import rowSums from '../../../src/models/embedded/row-sums.wasm';

/** In workerd, where the model and the kernel are modules of the bundle. */
describe('in a Worker', () => {
  it('the bundled model embeds, and tells its id before it is read', async () => {
    const embedder = createBundledEmbedder();
    expect([embedder.id, embedder.dimensions]).toEqual([MODEL.id, MODEL.dimensions]);
    const [question] = await embedder.embed(['how is a file read'], 'query');
    const [near, far] = await embedder.embed(['function readFile(path) {}', 'class Circle { radius = 1 }']);
    const cosine = (a: Float32Array, b: Float32Array) =>
      a.reduce((sum, value, at) => sum + value * b[at]!, 0);
    expect(cosine(question!, question!)).toBeCloseTo(1, 4);
    expect(cosine(question!, near!)).toBeGreaterThan(cosine(question!, far!));
  });

  it.each([
    [16, 1],
    [256, 3],
    [256, 4_096],
    [256, 4_097],
    [256, 20_000],
    [48, 5_000],
    [100, 50],
    [256, 0],
  ])('SIMD and JavaScript agree on vectors of %i values, %i of them', (dimensions, count) => {
    const some = (length: number, seed: number) =>
      Int8Array.from({ length }, (_, at) => (Math.imul(at + seed, 2_654_435_761) >> 24) | 0);
    const query = some(dimensions, 1);
    const half = dimensions / 2;
    const vectors = some(half * count, 2);
    const [simd, plain] = [new Int32Array(count), new Int32Array(count)];
    createDotProducts(module).products(query, vectors, simd);
    createDotProducts(null).products(query, vectors, plain);
    expect(simd).toEqual(plain);
    expect(createDotProducts(null)).toBe(plainProducts);
    if (count > 0)
      expect(plain[count - 1]).toBe(
        query.reduce((sum, value, d) => {
          const both = vectors[(count - 1) * half + (d % half)]!;
          return sum + value * (d < half ? (both << 28) >> 28 : both >> 4);
        }, 0),
      );
  });

  it.each([
    [32, 1],
    [256, 0],
    [256, 300],
    [256, 9_000],
    [64, 70_000],
    [48, 20],
    [8_192, 3],
  ])('sums rows of %i values alike with SIMD and in JavaScript, %i of them', (dimensions, count) => {
    const rows = Math.min(65_536, Math.max(1, count));
    const table = Uint8Array.from(
      { length: (rows * dimensions) / 2 },
      (_, at) => Math.imul(at + 1, 2_654_435_761) >>> 24,
    );
    const list = Uint16Array.from({ length: count }, (_, at) => (at * 7_919) % rows);
    const shares = Float32Array.from(list, (_, at) => Math.sin(at + 1));
    const simd = createRowSums(table, dimensions, rowSums).sum(list, shares);
    expect(simd).toEqual(createRowSums(table, dimensions, null).sum(list, shares));
    if (count === 1) expect(simd[1]).toBe(Math.fround(shares[0]! * ((table[0]! >> 4) - 8)));
  });

  it('keeps the largest products exact', () => {
    const query = new Int8Array(4_096).fill(-127);
    const scores = new Int32Array(1);
    createDotProducts(module).products(query, new Int8Array(2_048).fill((-7 & 15) | (-7 << 4)), scores);
    expect(scores[0]).toBe(4_096 * 127 * 7);
  });
});
