/**
 * Vectors in R2, exact within a repo: an object (segment) holds those that one batch wrote, or that were merged. A
 * segment is `SLV2`, dimensions and count (4 bytes each, little-endian), the scales, then the values, packed.
 */
import { ByteLru } from '../../lru.ts';
import { keys } from '../../store/keys.ts';
import type { RepoScope } from '../../store/scope.ts';
import { chunkIdOf, liveSegments, moveSets, type SetPlace, setsOfSegments } from '../../store/vector-sets.ts';
import { type PackedVectors, pack, packedBytes, type QuantisedVectors, quantise } from '../quantised.ts';
import { type NearChunk, type VectorStore, VectorsMoved } from '../vector-store.ts';
import { createDotProducts, type DotProducts } from './dot-products.ts';
import { Nearest } from './nearest.ts';

const MAGIC = 0x32564c53;
const HEAD_BYTES = 12;

/** What one isolate holds of segments: about 180,000 vectors, those of four million lines. */
const CACHE_BYTES = 24 * 1024 * 1024;
const cache = new ByteLru<string, PackedVectors>(CACHE_BYTES);
const AT_ONCE = 4;

/** Merged are segments below this; a merged one is not much larger. */
const SMALL_BYTES = 4 * 1024 * 1024;
/** So many small ones may lie about: each costs a read when a repo is first asked. */
const MAX_SMALL = 8;

export function createSegments(bucket: R2Bucket, newId: () => string): VectorStore {
  return {
    provider: 'embedded',
    write: (scope, sets) =>
      writeSegment(
        bucket,
        scope,
        newId(),
        sets.map(({ blobId, vectors }) => ({ blobId, vectors: pack(vectors) })),
      ),
    nearest: (scope, sets, query, topK) => nearest(bucket, scope, sets, query, topK),
    // Nothing is rewritten for what is gone: its share of a segment goes when the segment is merged or has none left.
    remove: async () => undefined,
    async probe() {
      await bucket.head(keys.probe);
    },
    tidy: (shard, scope) => tidy({ bucket, newId }, shard, scope),
  };
}

interface PackedSet {
  blobId: number;
  vectors: PackedVectors;
}

async function writeSegment(
  bucket: R2Bucket,
  scope: RepoScope,
  segment: string,
  sets: readonly PackedSet[],
): Promise<SetPlace[]> {
  let at = 0;
  const places = sets.map(({ blobId, vectors }) => {
    const count = vectors.scales.length;
    at += count;
    return { blobId, count, segment, at: at - count };
  });
  const [first] = sets;
  if (first && at > 0) {
    const bytes = encode(
      sets.map((set) => set.vectors),
      first.vectors.dimensions,
    );
    await bucket.put(keys.vectors(scope.repo.id, segment), bytes);
  }
  return places;
}

function encode(parts: readonly PackedVectors[], dimensions: number): Uint8Array {
  const count = parts.reduce((sum, part) => sum + part.scales.length, 0);
  const bytes = new Uint8Array(HEAD_BYTES + count * (4 + packedBytes(dimensions)));
  const head = new DataView(bytes.buffer);
  head.setUint32(0, MAGIC, true);
  head.setUint32(4, dimensions, true);
  head.setUint32(8, count, true);
  const scales = new Float32Array(bytes.buffer, HEAD_BYTES, count);
  const values = new Int8Array(bytes.buffer, HEAD_BYTES + 4 * count);
  let at = 0;
  for (const part of parts) {
    if (part.dimensions !== dimensions) throw new Error('vectors of several lengths in one segment');
    scales.set(part.scales, at);
    values.set(part.values, at * packedBytes(dimensions));
    at += part.scales.length;
  }
  return bytes;
}

/** @throws Error when the bytes are no segment */
function decode(bytes: ArrayBuffer): PackedVectors {
  const head = new DataView(bytes);
  const dimensions = bytes.byteLength < HEAD_BYTES ? 0 : head.getUint32(4, true);
  const count = dimensions === 0 ? 0 : head.getUint32(8, true);
  if (
    dimensions === 0 ||
    head.getUint32(0, true) !== MAGIC ||
    bytes.byteLength !== HEAD_BYTES + count * (4 + packedBytes(dimensions))
  )
    throw new Error('not a segment of vectors');
  return {
    dimensions,
    scales: new Float32Array(bytes, HEAD_BYTES, count),
    values: new Int8Array(bytes, HEAD_BYTES + 4 * count),
  };
}

async function load(bucket: R2Bucket, scope: RepoScope, segment: string): Promise<PackedVectors> {
  const key = keys.vectors(scope.repo.id, segment);
  const known = cache.get(key);
  if (known) return known;
  const object = await bucket.get(key);
  if (!object) throw new VectorsMoved();
  const vectors = decode(await object.arrayBuffer());
  cache.set(key, vectors, vectors.values.byteLength + vectors.scales.byteLength);
  return vectors;
}

let kernel: Promise<DotProducts> | undefined;

/** Made when it is first needed, once an isolate. */
function dotProducts(): Promise<DotProducts> {
  kernel ??= import('./dot-products.wasm').then(({ default: module }) => createDotProducts(module));
  return kernel;
}

async function nearest(
  bucket: R2Bucket,
  scope: RepoScope,
  sets: readonly SetPlace[],
  query: Float32Array,
  topK: number,
): Promise<NearChunk[]> {
  const wanted = quantise([query], query.length);
  const dots = await dotProducts();
  const best = new Nearest(topK);
  const bySegment = runsOf(sets).entries();
  const lane = async () => {
    for (const [segment, runs] of bySegment)
      scan(dots, await load(bucket, scope, segment), runs, wanted, best);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  return best.list();
}

/** Sets that lie one after the other in a segment. */
interface Run {
  at: number;
  end: number;
  places: SetPlace[];
}

/** Runs of each segment; known of the lists that are asked of again and again, which never change. */
const knownRuns = new WeakMap<readonly SetPlace[], ReadonlyMap<string, Run[]>>();

function runsOf(sets: readonly SetPlace[]): ReadonlyMap<string, Run[]> {
  const known = knownRuns.get(sets);
  if (known) return known;
  const runs = new Map<string, Run[]>();
  for (const place of [...sets].sort((a, b) => a.at - b.at)) {
    if (place.count === 0) continue;
    const own = runs.get(place.segment) ?? [];
    const last = own.at(-1);
    if (last?.end === place.at) {
      last.places.push(place);
      last.end += place.count;
    } else if (last === undefined || last.end < place.at) {
      own.push({ at: place.at, end: place.at + place.count, places: [place] });
    }
    runs.set(place.segment, own);
  }
  knownRuns.set(sets, runs);
  return runs;
}

/** Vectors whose products are held at once. */
const BLOCK = 4096;
const products = new Int32Array(BLOCK);

function scan(
  dots: DotProducts,
  held: PackedVectors,
  runs: readonly Run[],
  wanted: QuantisedVectors,
  best: Nearest,
): void {
  const { dimensions, scales, values } = held;
  if (dimensions !== wanted.dimensions) throw new Error('vectors of another model than the question');
  const bytes = packedBytes(dimensions);
  const scale = wanted.scales[0]!;
  for (const { at, end, places } of runs) {
    if (end > scales.length) throw new VectorsMoved();
    let next = 0;
    for (let first = at; first < end; first += BLOCK) {
      const some = Math.min(BLOCK, end - first);
      dots.products(
        wanted.values,
        values.subarray(first * bytes, (first + some) * bytes),
        products.subarray(0, some),
      );
      for (let n = 0; n < some; n++) {
        const cosine = products[n]! * scales[first + n]! * scale;
        if (cosine <= best.least) continue;
        while (first + n >= places[next]!.at + places[next]!.count) next++;
        const { blobId, at: start } = places[next]!;
        best.add(chunkIdOf(blobId, first + n - start), blobId, cosine);
      }
    }
  }
}

interface Stores {
  bucket: R2Bucket;
  newId(): string;
}

/** R2 lists this many keys a call. */
const KEYS_A_CALL = 1000;

async function tidy({ bucket, newId }: Stores, shard: D1Database, scope: RepoScope): Promise<void> {
  const live = new Set(await liveSegments(shard, scope));
  const { objects } = await bucket.list({
    prefix: keys.vectorsPrefix(scope.repo.id),
    limit: KEYS_A_CALL,
  });
  const segmentOf = (object: R2Object) => object.key.slice(keys.vectorsPrefix(scope.repo.id).length);
  const dead = objects.filter((object) => !live.has(segmentOf(object)));
  await forget(
    bucket,
    dead.map((object) => object.key),
  );
  const small = objects.filter((object) => live.has(segmentOf(object)) && object.size < SMALL_BYTES);
  if (small.length <= MAX_SMALL) return;
  let group: string[] = [];
  let bytes = 0;
  for (const object of small) {
    if (bytes > 0 && bytes + object.size > SMALL_BYTES * 2) {
      await merge({ bucket, newId }, shard, scope, group);
      group = [];
      bytes = 0;
    }
    group.push(segmentOf(object));
    bytes += object.size;
  }
  if (group.length > 1) await merge({ bucket, newId }, shard, scope, group);
}

/** Writes the sets of some segments that still count into new ones, a model each, and removes the old. */
async function merge(
  { bucket, newId }: Stores,
  shard: D1Database,
  scope: RepoScope,
  segments: readonly string[],
): Promise<void> {
  const sets = await setsOfSegments(shard, scope, segments);
  for (const group of Map.groupBy(sets, (set) => set.model).values()) {
    const held = new Map<string, PackedVectors>();
    for (const { segment, count } of group) {
      if (count > 0 && !held.has(segment)) held.set(segment, await load(bucket, scope, segment));
    }
    const dimensions = [...held.values()][0]?.dimensions ?? 1;
    const vectors = group.map(({ blobId, segment, at, count }) => ({
      blobId,
      vectors: part(held.get(segment), at, count, dimensions),
    }));
    const places = await writeSegment(bucket, scope, newId(), vectors);
    await moveSets(
      shard,
      scope,
      group.map((from, n) => ({ from, to: places[n]! })),
    );
  }
  await forget(
    bucket,
    segments.map((segment) => keys.vectors(scope.repo.id, segment)),
  );
}

async function forget(bucket: R2Bucket, gone: string[]): Promise<void> {
  for (const key of gone) cache.delete(key);
  if (gone.length > 0) await bucket.delete(gone);
}

function part(held: PackedVectors | undefined, at: number, count: number, dimensions: number): PackedVectors {
  if (!held) return { dimensions, scales: new Float32Array(0), values: new Int8Array(0) };
  const bytes = packedBytes(held.dimensions);
  return {
    dimensions: held.dimensions,
    scales: held.scales.subarray(at, at + count),
    values: held.values.subarray(at * bytes, (at + count) * bytes),
  };
}
