import { describe, expect, it } from 'vitest';
import { createExactVectors } from '../../src/models/embedded/exact-vectors.ts';
import { createHashedSubwords } from '../../src/models/embedded/hashed-subwords.ts';
import type { Embedder } from '../../src/models/embedder.ts';
import type { VectorStore } from '../../src/models/vector-store.ts';

const embedders: [string, () => Embedder][] = [['hashed sub-words', createHashedSubwords]];
const stores: [string, (dimensions: number) => VectorStore][] = [['exact', createExactVectors]];

const cosine = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, at) => sum + value * b[at]!, 0);

describe.each(embedders)('the %s embedder', (_name, create) => {
  it('answers one unit vector a text, in order, empty texts included', async () => {
    const embedder = create();
    const vectors = await embedder.embed(['parse the query', 'refresh a token']);
    expect(vectors.map((vector) => vector.length)).toEqual([embedder.dimensions, embedder.dimensions]);
    for (const vector of vectors) expect(cosine(vector, vector)).toBeCloseTo(1, 4);
    expect(await embedder.embed([])).toEqual([]);
    expect((await embedder.embed(['']))[0]).toHaveLength(embedder.dimensions);
  });

  it('says the same of the same text', async () => {
    const [first] = await create().embed(['const a = parseHTTP(b)']);
    const [second] = await create().embed(['const a = parseHTTP(b)']);
    expect(first).toEqual(second);
  });

  it('puts texts that share words nearer than texts that share none', async () => {
    const [query, near, far] = await create().embed([
      'refresh the session token',
      'async function refreshToken(session: Session) {}',
      'void draw_circle(int radius, int color);',
    ]);
    expect(cosine(query!, near!)).toBeGreaterThan(cosine(query!, far!) + 0.2);
  });

  it('takes a text of any length', async () => {
    expect(await create().embed(['word '.repeat(500_000)])).toHaveLength(1);
  });
});

describe.each(stores)('the %s vector store', (_name, create) => {
  const unit = (...values: number[]) =>
    Float32Array.from(values.map((value) => value / Math.hypot(...values)));

  it('finds the nearest first', async () => {
    const store = create(2);
    await store.upsert([
      { id: 1, values: unit(1, 0) },
      { id: 2, values: unit(1, 1) },
      { id: 3, values: unit(0, 1) },
    ]);
    const found = await store.query(unit(1, 0.1), 2);
    expect(found.map((each) => each.id)).toEqual([1, 2]);
    expect(found[0]!.score).toBeGreaterThan(0.98);
  });

  it('replaces a vector of the same id, and removes', async () => {
    const store = create(2);
    await store.upsert([{ id: 1, values: unit(1, 0) }]);
    await store.upsert([{ id: 1, values: unit(0, 1) }]);
    expect(store.size).toBe(1);
    expect((await store.query(unit(0, 1), 1))[0]!.score).toBeCloseTo(1, 2);
    await store.remove([1, 99]);
    expect(await store.query(unit(0, 1), 1)).toEqual([]);
  });

  it('refuses a vector of another length', async () => {
    await expect(create(3).upsert([{ id: 1, values: unit(1, 0) }])).rejects.toThrow();
  });
});
