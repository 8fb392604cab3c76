import { processBatch } from '../indexing/process.ts';
import { mirrorObjects } from './fetch-commit.ts';
import { JobStopped, mustBeActive, type StepContext } from './step.ts';

/** Parses one batch of blobs and writes their facts. */
export async function processStep({ s, scope, job, handle }: StepContext, n: number): Promise<void> {
  const batch = await handle.batch(n);
  if (!batch) return;
  const deps = {
    control: s.env.DB,
    shard: s.shard(scope),
    objects: await mirrorObjects(s, scope),
    clock: s.clock,
  };
  const parse = (bytes: Uint8Array, lang: string) => s.parser.parseBlob(bytes, lang);
  const { status, ...counts } = await processBatch(deps, scope, batch, parse, job.id);
  if (status === 'gone') throw new JobStopped();
  // Counted as the blobs of the batch: one that an earlier delivery wrote is processed all the same.
  mustBeActive(await handle.batchDone(n, { ...counts, files: batch.blobs.length }));
}
