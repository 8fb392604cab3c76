import { processBatch } from '../indexing/process.ts';
import { JobStopped, mustBeActive, type StepContext } from './step.ts';

/** Milliseconds between two reports from inside a batch. */
const REPORT_MS = 250;

/** Parses one batch of blobs and writes their facts. */
export async function processStep(context: StepContext, n: number): Promise<void> {
  const { s, scope, job, handle } = context;
  const batch = await handle.batch(n);
  if (!batch) return;
  const deps = {
    control: s.env.DB,
    shard: s.shard(scope),
    objects: await s.objects(scope),
    clock: s.clock,
  };
  const { status, ...counts } = await processBatch(deps, scope, batch, reportingParser(context, n), job.id);
  if (status === 'gone') throw new JobStopped();
  // Counted as the blobs of the batch: one that an earlier delivery wrote is processed all the same.
  mustBeActive(await handle.batchDone(n, { ...counts, files: batch.blobs.length }));
}

/** Parses, and tells the job now and then how many files of the batch are done; a cancelled job stops it. */
function reportingParser({ s, handle }: StepContext, n: number) {
  let files = 0;
  let reportedAt = s.clock().getTime();
  return async (bytes: Uint8Array, lang: string) => {
    const facts = await s.parser.parseBlob(bytes, lang);
    files += 1;
    const now = s.clock().getTime();
    if (now - reportedAt >= REPORT_MS) {
      reportedAt = now;
      mustBeActive(await handle.touch('process', n, files));
    }
    return facts;
  };
}
