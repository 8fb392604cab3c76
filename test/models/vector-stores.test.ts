import { beforeEach, describe, expect, inject, it, vi } from 'vitest';
import { createVectorize } from '../../src/models/cloudflare/vectorize.ts';
import { createSegments } from '../../src/models/embedded/segments.ts';
import { quantise } from '../../src/models/quantised.ts';
import { type VectorStore, VectorsMoved } from '../../src/models/vector-store.ts';
import { keys } from '../../src/store/keys.ts';
import { insertSets, liveSegments, type SetPlace, setsOfSegments } from '../../src/store/vector-sets.ts';
import { bindings, createRepo, type TestRepo } from '../ingest/indexing/support.ts';
import { vectorizeBinding } from '../support/cloudflare-bindings.ts';

const stores: [string, () => VectorStore][] = [
  ['segments in R2', () => createSegments(bindings.BUCKET, () => crypto.randomUUID())],
  ['Vectorize', () => createVectorize(vectorizeBinding(inject('modelServer').url))],
];

/** What the index of the model server has. */
const DIMENSIONS = 26;
const unit = (...values: number[]) => {
  const length = Math.hypot(...values);
  return Float32Array.from({ length: DIMENSIONS }, (_, at) => (values[at] ?? 0) / length);
};
/** What was written may show later. */
const shown = <T>(read: () => Promise<T>, expected: (found: T) => void) =>
  vi.waitFor(async () => expected(await read()), { timeout: 5_000, interval: 20 });
const set = (blobId: number, ...vectors: Float32Array[]) => ({
  blobId,
  vectors: quantise(vectors, DIMENSIONS),
});

let repo: TestRepo;
/** Ids of blobs are unique in a shard. */
let first: number;
beforeEach(async () => {
  repo = await createRepo();
  first = repo.scope.repo.key * 100;
});

/** A segment a blob, at growing angles to (1, 0, 0, 0). */
async function writeTwelve(store: VectorStore): Promise<SetPlace[]> {
  const places: SetPlace[] = [];
  for (let n = 1; n <= 12; n++)
    places.push(
      ...(await store.write(repo.scope, [set(first + n, unit(Math.cos(n / 10), Math.sin(n / 10), 0, 0))])),
    );
  return places;
}

/** Parsed blobs, as far as the rows of their sets need them, and the rows. */
async function noted(places: SetPlace[], model = 'm'): Promise<void> {
  const { shard } = repo.deps;
  const { key } = repo.scope.repo;
  await shard.batch([
    ...places.map(({ blobId }) =>
      shard
        .prepare(
          `INSERT OR IGNORE INTO blobs (id, repo, oid, lang, version, size) VALUES (?1, ?2, ?3, 'go', 1, 1)`,
        )
        .bind(blobId, key, `oid-${key}-${blobId}`),
    ),
    ...insertSets(shard, repo.scope, model, places),
  ]);
}

describe.each(stores)('vectors as %s', (_name, create) => {
  it('are found by nearness, best first, as chunks of their blobs', async () => {
    const store = create();
    const places = await store.write(repo.scope, [
      set(first + 1, unit(1, 0), unit(0, 1)),
      set(first + 2),
      set(first + 3, unit(1, 1)),
    ]);
    expect(places.map(({ blobId, count }) => [blobId - first, count])).toEqual([
      [1, 2],
      [2, 0],
      [3, 1],
    ]);
    await shown(
      () => store.nearest(repo.scope, places, unit(1, 0.2), 2),
      (near) => {
        expect(near.map(({ chunkId, blobId }) => [chunkId, blobId])).toEqual([
          [(first + 1) * 4096, first + 1],
          [(first + 3) * 4096, first + 3],
        ]);
        expect(near[0]!.cosine).toBeCloseTo(1 / Math.hypot(1, 0.2), 2);
      },
    );
  });

  it('answer a probe', async () => {
    await create().probe();
  });

  it('count only as far as they are asked for, and in their own repo', async () => {
    const store = create();
    const other = await createRepo();
    const [one, two] = await store.write(repo.scope, [
      set(first + 1, unit(1, 0)),
      set(first + 2, unit(1, 0.01)),
    ]);
    await store.write(other.scope, [set(first + 2, unit(1, 0))]);
    const blobs = async (sets: SetPlace[], topK = 5) =>
      (await store.nearest(repo.scope, sets, unit(1, 0), topK)).map((each) => each.blobId - first);
    await shown(
      () => blobs([one!, two!]),
      (found) => expect(found).toEqual([1, 2]),
    );
    expect(await blobs([two!])).toEqual([2]);
    expect(await blobs([])).toEqual([]);
    expect(await blobs([one!, two!], 1)).toEqual([1]);
  });

  it('are the best of very many', async () => {
    const store = create();
    const spread = Array.from({ length: 3000 }, (_, at) => unit(Math.sin(at), Math.cos(at), 1, at % 7));
    const places = await store.write(repo.scope, [set(first, ...spread)]);
    const query = unit(0.3, -0.8, 0.5, 0.1);
    const exact = spread
      .map((vector, at) => ({ at, cosine: vector.reduce((sum, value, i) => sum + value * query[i]!, 0) }))
      .sort((a, b) => b.cosine - a.cosine);
    await shown(
      () => store.nearest(repo.scope, places, query, 10),
      (near) => {
        expect(near).toHaveLength(10);
        // In 4 bits a value, and of vectors of four values.
        for (const [rank, { cosine }] of near.entries())
          expect(Math.abs(cosine - exact[rank]!.cosine)).toBeLessThan(0.02);
      },
    );
  });

  it('survive a tidy-up', async () => {
    const store = create();
    const places = await writeTwelve(store);
    await noted(places);
    await store.tidy(repo.deps.shard, repo.scope);
    const segments = await liveSegments(repo.deps.shard, repo.scope);
    const after = await setsOfSegments(repo.deps.shard, repo.scope, segments);
    await shown(
      () => store.nearest(repo.scope, after, unit(1, 0), 12),
      (near) =>
        expect(near.map((each) => each.blobId - first)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
    );
  });

  it('are gone once their rows are and they were removed', async () => {
    const store = create();
    const places = await store.write(repo.scope, [set(first + 1, unit(1, 0), unit(0, 1))]);
    await noted(places);
    await shown(
      () => store.nearest(repo.scope, places, unit(1, 0), 1),
      (near) => expect(near).toHaveLength(1),
    );
    await repo.deps.shard.prepare('DELETE FROM vector_sets WHERE repo = ?1').bind(repo.scope.repo.key).run();
    await store.remove(repo.scope, places);
    await store.tidy(repo.deps.shard, repo.scope);
    const left = async () => (await store.nearest(repo.scope, places, unit(1, 0), 1)).length;
    await shown(
      () => left().catch((error) => (error instanceof VectorsMoved ? 0 : Promise.reject(error))),
      (found) => expect(found).toBe(0),
    );
  });
});

describe('segments', () => {
  const store = createSegments(bindings.BUCKET, () => crypto.randomUUID());
  const objects = async () =>
    (await bindings.BUCKET.list({ prefix: keys.vectorsPrefix(repo.scope.repo.id) })).objects;

  it('are merged when there are many small ones, and a reader of the old places is told', async () => {
    const places = await writeTwelve(store);
    await noted(places);
    expect(await objects()).toHaveLength(12);
    await store.tidy(repo.deps.shard, repo.scope);
    expect(await objects()).toHaveLength(1);
    // Another isolate, which has not read the old ones.
    const elsewhere = { ...places[0]!, segment: crypto.randomUUID() };
    await expect(store.nearest(repo.scope, [elsewhere], unit(1, 0, 0, 0), 1)).rejects.toBeInstanceOf(
      VectorsMoved,
    );
  });

  it('that are damaged are refused, not read', async () => {
    const [place] = await store.write(repo.scope, [set(1, unit(1, 0, 0, 0))]);
    await bindings.BUCKET.put(keys.vectors(repo.scope.repo.id, place!.segment), new Uint8Array([1, 2, 3]));
    await expect(store.nearest(repo.scope, [place!], unit(1, 0, 0, 0), 1)).rejects.toThrow(
      'not a segment of vectors',
    );
  });
});
