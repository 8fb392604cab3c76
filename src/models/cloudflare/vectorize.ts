/**
 * Vectors in Vectorize: a namespace a repo, an id a chunk. The index takes any number of repos, tells the 100 nearest of
 * a namespace at most, and shows what was written some seconds later. It cannot delete by namespace: the rows of
 * `vector_sets` are the ledger of ids. https://developers.cloudflare.com/vectorize/platform/limits/
 */
import type { RepoScope } from '../../store/scope.ts';
import { chunkIdOf, type SetPlace } from '../../store/vector-sets.ts';
import { dequantise } from '../quantised.ts';
import type { NearChunk, VectorSet, VectorStore } from '../vector-store.ts';

const IDS_A_CALL = 1000;
const MAX_TOP_K = 100;

export function createVectorize(index: Vectorize): VectorStore {
  return {
    provider: 'cloudflare',
    write: (scope, sets) => write(index, scope, sets),
    nearest: (scope, sets, query, topK) => nearest(index, scope, sets, query, topK),
    async remove(scope, sets) {
      const ids = sets.flatMap(({ blobId, count }) =>
        Array.from({ length: count }, (_, ordinal) => idOf(scope, blobId, ordinal)),
      );
      for (const some of pieces(ids)) await index.deleteByIds(some);
    },
    async probe() {
      await index.describe();
    },
    tidy: async () => undefined,
  };
}

async function write(index: Vectorize, scope: RepoScope, sets: readonly VectorSet[]): Promise<SetPlace[]> {
  const vectors = sets.flatMap(({ blobId, vectors }) =>
    dequantise(vectors).map((values, ordinal) => ({
      id: idOf(scope, blobId, ordinal),
      namespace: scope.repo.id,
      values,
    })),
  );
  // The index refuses a vector without direction; nothing is near to it anyway.
  for (const some of pieces(vectors.filter(({ values }) => values.some((value) => value !== 0))))
    await index.upsert(some);
  return sets.map(({ blobId, vectors: { scales } }) => ({
    blobId,
    count: scales.length,
    segment: '',
    at: 0,
  }));
}

async function nearest(
  index: Vectorize,
  scope: RepoScope,
  sets: readonly SetPlace[],
  query: Float32Array,
  topK: number,
): Promise<NearChunk[]> {
  if (sets.length === 0) return [];
  const wanted = new Map(sets.map((set) => [set.blobId, set.count]));
  const { matches } = await index.query(query, {
    topK: Math.min(topK, MAX_TOP_K),
    namespace: scope.repo.id,
    returnMetadata: 'none',
  });
  return matches.flatMap(({ id, score }) => {
    const [, blob, ordinal] = id.split('.').map((part) => Number.parseInt(part, 36));
    const held = wanted.get(blob!);
    if (held === undefined || ordinal! >= held) return [];
    return [{ chunkId: chunkIdOf(blob!, ordinal!), blobId: blob!, cosine: score }];
  });
}

/** Ids are unique in the index, blobs only in a shard, so the repo is part of it. At most 64 bytes. */
function idOf({ repo }: RepoScope, blobId: number, ordinal: number): string {
  return [repo.key, blobId, ordinal].map((part) => part.toString(36)).join('.');
}

function* pieces<T>(all: readonly T[]): Generator<T[]> {
  for (let at = 0; at < all.length; at += IDS_A_CALL) yield all.slice(at, at + IDS_A_CALL);
}
