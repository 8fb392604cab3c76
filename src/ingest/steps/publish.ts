import { mergeFullText } from '../../store/full-text.ts';
import { markEmbedded } from '../../store/vector-sets.ts';
import { batches } from '../indexing/plan.ts';
import { publishSnapshot } from '../indexing/publish.ts';
import { sweep } from '../indexing/remove.ts';
import { consolidate } from './consolidate.ts';
import { JobStopped, mustBeActive, type StepContext } from './step.ts';

/** Rounds of bounded sweeping after a publish; what is left waits for the next one. */
const SWEEPS = 50;

/** Writes what is new of the tree, flips the ref, ends the job, and removes what no kept snapshot reaches. */
export async function publishStep(context: StepContext): Promise<void> {
  const { s, scope, job, handle, report } = context;
  const target = job.params.planned;
  if (!target || job.ref === null) throw new Error(`job ${job.id} reached publish without a plan`);
  await report({ stage: 'finalizing', message: 'Publishing the snapshot' });
  const deps = {
    control: s.env.DB,
    shard: s.shard(scope),
    objects: await s.objects(scope),
    clock: s.clock,
    vectors: s.vectors,
  };
  const published = await publishSnapshot(deps, scope, { ...target, runId: job.id, ref: job.ref });
  if (published.status === 'gone') throw new JobStopped();
  if (published.status === 'incomplete') {
    mustBeActive(await handle.plan(batches(published.missing)));
    return;
  }
  await tidy(context);
  await handle.complete({
    repo: scope.repo.name,
    ref: job.ref,
    commitSha: target.commit,
    filesIndexed: published.filesIndexed,
    filesSkipped: published.filesSkipped,
  });
  await mergeFullText(s.shard(scope), scope);
  for (let round = 0; round < SWEEPS; round++) {
    if ((await sweep(deps, scope)).status !== 'more') return;
  }
}

/** The snapshot stands whatever becomes of this: packs and vectors that could not be merged stay as they are. */
async function tidy({ s, scope, job }: StepContext): Promise<void> {
  try {
    await consolidate(s, scope);
    await tidyVectors(s, scope);
  } catch (error) {
    s.log.warn('packs or vectors not merged', { jobId: job.id, error });
  }
}

/** Vectors of earlier models go once the repo has all of this one. */
async function tidyVectors(s: StepContext['s'], scope: StepContext['scope']): Promise<void> {
  if (!s.embedder || !s.vectors) return;
  const shard = s.shard(scope);
  await s.vectors.remove(scope, await markEmbedded(shard, scope, s.embedder.id));
  await s.vectors.tidy(shard, scope);
}
