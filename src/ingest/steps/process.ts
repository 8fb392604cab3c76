import { processBatch } from '../indexing/process.ts';
import { JobStopped, mustBeActive, type StepContext } from './step.ts';

/** Parses one batch of blobs and writes their facts. */
export async function processStep(context: StepContext, n: number): Promise<void> {
  const { s, scope, job, handle, parser, batch } = context;
  if (!batch) throw new Error(`batch ${n} of job ${job.id} was taken without its blobs`);
  const deps = {
    control: s.env.DB,
    shard: s.shard(scope),
    objects: await s.objects(scope),
    clock: s.clock,
    embedding: s.embedder && s.vectors && { embedder: s.embedder, vectors: s.vectors },
    embeddingFailed: (error: unknown) => s.log.warn('embedder failed', { jobId: job.id, batch: n, error }),
  };
  const { status, ...counts } = await processBatch(deps, scope, batch, parser.parseBatch, job.id);
  if (status === 'gone') throw new JobStopped();
  // Counted as the blobs of the batch: one that an earlier delivery wrote is processed all the same.
  mustBeActive(await handle.batchDone(n, { ...counts, files: batch.blobs.length }));
}
