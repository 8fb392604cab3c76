import type { Embedder } from '../../models/embedder.ts';
import type { VectorSet, VectorStore } from '../../models/vector-store.ts';
import { claimBlobs, insertBlobs } from '../../store/index-blobs.ts';
import { isLive } from '../../store/index-repo.ts';
import type { RepoScope } from '../../store/scope.ts';
import { insertSets, unmarkEmbedded } from '../../store/vector-sets.ts';
import type { ObjectStore } from '../mirror/object-store.ts';
import type { Batch, IndexingDeps } from './plan.ts';
import { embedPassages, type ParseBatch, type ParsedBatch, type SourceBlob, type Wanted } from './rows.ts';

export interface BatchResult {
  /** `gone`: the repo was deleted meanwhile and nothing was written. */
  status: 'written' | 'gone';
  /** Blobs this delivery parsed; those that were there already are not counted. */
  files: number;
  chunks: number;
  /** Of `files`, those whose bytes ruled them out. */
  skipped: number;
  /** Chunks that got their vectors, of blobs parsed now or before. */
  embedded: number;
}

const GONE: BatchResult = { status: 'gone', files: 0, chunks: 0, skipped: 0, embedded: 0 };

/** The model, and where its vectors go. */
export interface Embedding {
  embedder: Embedder;
  vectors: VectorStore;
}

export interface ProcessDeps extends Pick<IndexingDeps, 'shard' | 'objects' | 'clock'> {
  /** null: nothing is embedded. */
  embedding: Embedding | null;
  /** Told that the model did not answer; what was parsed is written all the same. */
  embeddingFailed(error: unknown): void;
}

/**
 * Parses what is still missing of a batch and writes all its facts in one transaction, with the places of their vectors;
 * of blobs that were parsed before and have no vectors of the model, writes these. Idempotent on
 * (repo, oid, lang, INDEX_VERSION, model): a second delivery finds nothing to do, a concurrent one changes nothing.
 *
 * @throws Error (no `Problem`, so that the step is retried) when a blob cannot be read now; nothing was written
 */
export async function processBatch(
  deps: ProcessDeps,
  scope: RepoScope,
  batch: Batch,
  parse: ParseBatch,
  runId: string,
): Promise<BatchResult> {
  const now = (deps.clock?.() ?? new Date()).getTime();
  const model = deps.embedding?.embedder.id ?? null;
  const claimed = await claimBlobs(deps.shard, scope, batch.blobs, { id: runId, now }, model);
  if (!claimed.live) return GONE;
  const { missing, lacking } = claimed;
  const wanted = wantedOf(deps.embedding);
  const before = (lacking.length > 0 && (await setsOfParsed(deps, lacking, parse, wanted))) || [];
  const parsed = missing.length > 0 ? await parse(readAll(deps.objects, missing), wanted) : null;
  const added = parsed && (await embedded(deps, parsed));
  const sets = [...before, ...(added ?? [])];
  try {
    const places = (await deps.embedding?.vectors.write(scope, sets)) ?? [];
    const statements = [
      ...(parsed ? insertBlobs(deps.shard, scope, parsed.pieces) : []),
      ...(model ? insertSets(deps.shard, scope, model, places) : []),
      ...(parsed && !added ? [unmarkEmbedded(deps.shard, scope)] : []),
    ];
    if (statements.length > 0) await deps.shard.batch(statements);
  } catch (error) {
    // Deleting drops the full-text tables under a running write; the transaction left nothing behind.
    if (await isLive(deps.shard, scope)) throw error;
    return GONE;
  }
  return {
    status: 'written',
    files: parsed?.files ?? 0,
    chunks: (parsed?.chunks ?? 0) + chunksOf(before),
    skipped: parsed?.skipped ?? 0,
    embedded: chunksOf(sets),
  };
}

function wantedOf(embedding: Embedding | null): Wanted {
  if (embedding === null) return 'rows';
  return embedding.embedder.provider === 'embedded' ? 'vectors' : 'passages';
}

/** The sets of a parsed batch, or null when the model did not answer. */
async function embedded(
  { embedding, embeddingFailed }: ProcessDeps,
  { vectors, passages }: Pick<ParsedBatch, 'vectors' | 'passages'>,
): Promise<VectorSet[] | null> {
  if (embedding === null) return null;
  if (passages.length === 0) return vectors;
  try {
    return await embedPassages(embedding.embedder, passages);
  } catch (error) {
    embeddingFailed(error);
    return null;
  }
}

/**
 * The sets of blobs whose facts stand already. They are parsed again: facts are a function of the bytes. What the mirror
 * no longer holds goes without.
 */
async function setsOfParsed(
  deps: ProcessDeps,
  blobs: readonly Omit<SourceBlob, 'bytes'>[],
  parse: ParseBatch,
  wanted: Wanted,
): Promise<VectorSet[] | null> {
  return embedded(deps, await parse(read(deps.objects, blobs), wanted));
}

function chunksOf(sets: readonly VectorSet[]): number {
  return sets.reduce((sum, { vectors }) => sum + vectors.scales.length, 0);
}

/** The blobs with their bytes, in pack order, a blob of two languages twice; without those that cannot be read. */
async function* read(
  objects: ObjectStore,
  wanted: readonly Omit<SourceBlob, 'bytes'>[],
): AsyncGenerator<SourceBlob> {
  const byOid = Map.groupBy(wanted, (blob) => blob.oid);
  for await (const { oid, bytes } of objects.readMany([...byOid.keys()])) {
    for (const blob of byOid.get(oid) ?? []) yield { ...blob, bytes };
  }
}

/** The same of blobs that must be there. @throws Error when one cannot be read */
async function* readAll(
  objects: ObjectStore,
  wanted: readonly Omit<SourceBlob, 'bytes'>[],
): AsyncGenerator<SourceBlob> {
  let left = wanted.length;
  for await (const blob of read(objects, wanted)) {
    left--;
    yield blob;
  }
  // The plan saw them: packs were merged since, or are damaged. Another delivery opens the packs anew; recording the
  // blobs as skipped would hide them for good.
  if (left > 0) throw new Error(`${left} blobs of the batch could not be read from the mirror`);
}
