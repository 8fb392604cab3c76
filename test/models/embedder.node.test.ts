import { describe, expect, it } from 'vitest';
import { createHashedSubwords } from '../../src/models/embedded/hashed-subwords.ts';
import type { Embedder } from '../../src/models/embedder.ts';

const embedders: [string, () => Embedder][] = [['hashed sub-words', createHashedSubwords]];

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
