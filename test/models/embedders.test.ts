import { describe, expect, inject, it } from 'vitest';
import { createEgress } from '../../src/egress.ts';
import { createWorkersAi } from '../../src/models/cloudflare/workers-ai.ts';
import { createBundledEmbedder } from '../../src/models/embedded/bundled-model.ts';
import type { Embedder } from '../../src/models/embedder.ts';
import { createOpenAiEmbedder } from '../../src/models/openai/embeddings.ts';
import { aiBinding } from '../support/cloudflare-bindings.ts';

const { url, apiKey } = inject('modelServer');
const LETTERS = 26;
/** The operator's own endpoint: no exception of `EGRESS_ALLOW` is needed to reach it. */
const openAi = (more: object = {}) =>
  createOpenAiEmbedder(createEgress({ allow: '' }), {
    baseUrl: `${url}/v1`,
    apiKey,
    model: 'letters',
    dimensions: LETTERS,
    ...more,
  });
const workersAi = () => createWorkersAi(aiBinding(url), '@cf/test/letters', LETTERS);

const embedders: [string, () => Embedder][] = [
  ['embedded', createBundledEmbedder],
  ['OpenAI-compatible', openAi],
  ['Workers AI', workersAi],
];

const cosine = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, at) => sum + value * b[at]!, 0);

describe.each(embedders)('the %s embedder', (_name, create) => {
  it('answers one unit vector a text, in order', async () => {
    const embedder = create();
    const vectors = await embedder.embed(['parse the query', 'refresh a token']);
    expect(vectors.map((vector) => vector.length)).toEqual([embedder.dimensions, embedder.dimensions]);
    for (const vector of vectors) expect(cosine(vector, vector)).toBeCloseTo(1, 4);
    const [again] = await embedder.embed(['refresh a token']);
    expect(cosine(again!, vectors[1]!)).toBeCloseTo(1, 4);
    expect(await embedder.embed([])).toEqual([]);
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
    expect(cosine(query!, near!)).toBeGreaterThan(cosine(query!, far!));
  });

  it.each([
    ['nothing', ''],
    ['a letter', 'a'],
    ['100 kB', 'some words of a long text '.repeat(4_000)],
    ['emoji', '🙂🚀👩‍👩‍👧‍👦'],
    ['another script', '検索エンジンの索引を作る функция поиска'],
    ['noise', String.fromCharCode(...Array.from({ length: 4000 }, (_, at) => (at * 7919) % 0xffff))],
    ['repetition', 'aaaaaaaaab'.repeat(10_000)],
  ])('answers finite numbers for %s', async (_what, text) => {
    const embedder = create();
    const [vector] = await embedder.embed([text]);
    expect(vector).toHaveLength(embedder.dimensions);
    const length = Math.hypot(...vector!);
    expect(length === 0 || Math.abs(length - 1) < 1e-3).toBe(true);
  });

  it('takes any number of texts', async () => {
    const texts = Array.from({ length: 230 }, (_, at) => `text ${'abcdefghij'.repeat(at % 7)}${at}`);
    const vectors = await create().embed(texts);
    expect(vectors).toHaveLength(230);
    expect(cosine(vectors[229]!, (await create().embed([texts[229]!]))[0]!)).toBeCloseTo(1, 4);
  });
});

describe('a hosted model', () => {
  it('that refuses, or answers vectors of another length, fails with a reason and no secret', async () => {
    await expect(openAi({ apiKey: 'sk-wrong' }).embed(['a'])).rejects.toThrow(
      /^the embedding server answered 401$/,
    );
    await expect(openAi({ baseUrl: `${url}/broken` }).embed(['a'])).rejects.toThrow(
      /EMBEDDING_DIMENSIONS is 26/,
    );
    await expect(openAi({ baseUrl: `${url}/missing` }).embed(['a'])).rejects.toThrow(/answered 404/);
    await expect(createWorkersAi(aiBinding(url), '@cf/test/letters', 768).embed(['a'])).rejects.toThrow(
      /26 values/,
    );
  });

  it('has an id that tells its vectors from those of another', () => {
    expect(openAi().id).toBe('letters-26');
    expect(workersAi().id).not.toBe(openAi().id);
  });
});
