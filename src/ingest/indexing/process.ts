import { claimBlobs, insertBlobs } from '../../store/index-blobs.ts';
import { isLive } from '../../store/index-repo.ts';
import type { RepoScope } from '../../store/scope.ts';
import type { ObjectStore } from '../mirror/object-store.ts';
import type { Batch, IndexingDeps } from './plan.ts';
import type { ParseBatch, SourceBlob } from './rows.ts';

export interface BatchResult {
  /** `gone`: the repo was deleted meanwhile and nothing was written. */
  status: 'written' | 'gone';
  /** Blobs this delivery parsed; those that were there already are not counted. */
  files: number;
  chunks: number;
  /** Of `files`, those whose bytes ruled them out. */
  skipped: number;
}

const GONE: BatchResult = { status: 'gone', files: 0, chunks: 0, skipped: 0 };

/**
 * Parses what is still missing of a batch and writes all its facts in one transaction. Idempotent on
 * (repo, oid, lang, INDEX_VERSION): a second delivery finds nothing to do, a concurrent one changes nothing.
 *
 * @throws Error (no `Problem`, so that the step is retried) when a blob cannot be read now; nothing was written
 */
export async function processBatch(
  deps: Pick<IndexingDeps, 'shard' | 'objects' | 'clock'>,
  scope: RepoScope,
  batch: Batch,
  parse: ParseBatch,
  runId: string,
): Promise<BatchResult> {
  const now = (deps.clock?.() ?? new Date()).getTime();
  const { live, missing } = await claimBlobs(deps.shard, scope, batch.blobs, { id: runId, now });
  if (!live) return GONE;
  if (missing.length === 0) return { ...GONE, status: 'written' };

  const { pieces, ...counts } = await parse(sources(deps.objects, missing));
  try {
    await deps.shard.batch(insertBlobs(deps.shard, scope, pieces));
  } catch (error) {
    // Deleting drops the full-text tables under a running write; the transaction left nothing behind.
    if (await isLive(deps.shard, scope)) throw error;
    return GONE;
  }
  return { status: 'written', ...counts };
}

/** The blobs with their bytes, in pack order, a blob of two languages twice. @throws Error when one cannot be read */
async function* sources(
  objects: ObjectStore,
  missing: readonly Omit<SourceBlob, 'bytes'>[],
): AsyncGenerator<SourceBlob> {
  const byOid = Map.groupBy(missing, (blob) => blob.oid);
  for await (const { oid, bytes } of objects.readMany([...byOid.keys()])) {
    for (const blob of byOid.get(oid) ?? []) yield { ...blob, bytes };
    byOid.delete(oid);
  }
  // The plan saw them: packs were merged since, or are damaged. Another delivery opens the packs anew; recording the
  // blobs as skipped would hide them for good.
  if (byOid.size > 0) {
    throw new Error(`${byOid.size} blobs of the batch could not be read from the mirror`);
  }
}
