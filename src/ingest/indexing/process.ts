import { BlobWriter, claimBlobs } from '../../store/index-blobs.ts';
import { isLive } from '../../store/index-repo.ts';
import type { RepoScope } from '../../store/scope.ts';
import type { BlobFacts } from '../parse/facts.ts';
import { chunkWords } from './chunk-words.ts';
import type { Batch, IndexingDeps } from './plan.ts';

export type Parse = (bytes: Uint8Array, lang: string) => BlobFacts | Promise<BlobFacts>;

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
  parse: Parse,
  runId: string,
): Promise<BatchResult> {
  const now = (deps.clock?.() ?? new Date()).getTime();
  const { live, missing } = await claimBlobs(deps.shard, scope, batch.blobs, { id: runId, now });
  if (!live) return GONE;
  if (missing.length === 0) return { ...GONE, status: 'written' };

  const byOid = Map.groupBy(missing, (blob) => blob.oid);
  const writer = new BlobWriter();
  let skipped = 0;
  for await (const object of deps.objects.readMany([...byOid.keys()])) {
    for (const blob of byOid.get(object.oid) ?? []) {
      const facts = await parse(object.bytes, blob.lang);
      if (facts.skipped) skipped++;
      writer.add({ ...blob, size: object.bytes.length }, facts, chunkWords(facts));
    }
    byOid.delete(object.oid);
  }
  // The plan saw them: packs were merged since, or are damaged. Another delivery opens the packs anew; recording the
  // blobs as skipped would hide them for good.
  if (byOid.size > 0) {
    throw new Error(`${byOid.size} blobs of the batch could not be read from the mirror`);
  }

  try {
    await deps.shard.batch(writer.statements(deps.shard, scope));
  } catch (error) {
    // Deleting drops the full-text tables under a running write; the transaction left nothing behind.
    if (await isLive(deps.shard, scope)) throw error;
    return GONE;
  }
  return { status: 'written', files: missing.length, chunks: writer.chunks, skipped };
}
