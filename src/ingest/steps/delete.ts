import type { JobResult } from '../../store/control-schema.ts';
import { recentJobs } from '../../store/jobs.ts';
import { forgetRepo } from '../../store/repos.ts';
import { removeRef, removeRepo } from '../indexing/remove.ts';
import type { StepContext } from './step.ts';

/** Removes a repo marked deleted, or one indexed ref of a repo. */
export async function deleteStep(context: StepContext): Promise<void> {
  const { s, scope, job, handle, report } = context;
  const { bucket, clock, vectors } = s;
  const stores = { control: s.env.DB, shard: s.shard(scope), bucket, clock, vectors };
  if (job.kind === 'delete-version') {
    await report({ message: `Removing ${job.ref}` });
    await runnersGone(context);
    await removeRef(stores, scope, job.ref ?? '');
  } else {
    await report({ message: 'Removing the index and the mirror' });
    await runnersGone(context);
    await removeRepo(stores, scope);
    await forgetRepo(s.db, scope);
  }
  await handle.complete(result(context));
}

function result({ scope, job }: StepContext): JobResult {
  return { repo: scope.repo.name, ref: job.ref, commitSha: null, filesIndexed: 0, filesSkipped: 0 };
}

const WAIT_MS = 10_000;
const POLL_MS = 200;

/**
 * Waits, not for long, until the steps of cancelled jobs have noticed. It only saves work: a step that notices later
 * finds the fence down, and removes what it uploaded itself.
 */
async function runnersGone({ s, job }: StepContext): Promise<void> {
  const others = (await recentJobs(s.db, job.repoKey)).filter((each) => each.id !== job.id);
  for (let waited = 0; waited < WAIT_MS; waited += POLL_MS) {
    const busy = await Promise.all(others.map((each) => s.jobs.handle(each.id).busy()));
    if (!busy.includes(true)) return;
    await scheduler.wait(POLL_MS);
  }
}
