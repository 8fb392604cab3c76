import type { Env } from '../../env.ts';
import type { ControlDb } from '../../store/control-db.ts';
import { claimNext } from '../../store/jobs.ts';
import type { JobObject } from './job-object.ts';
import type { JobSpec } from './job-state.ts';

/** The object of a job. */
export function jobObject(env: Pick<Env, 'JOBS'>, jobId: string): DurableObjectStub<JobObject> {
  return env.JOBS.get(env.JOBS.idFromName(jobId));
}

/**
 * Starts the oldest waiting job of a repo when none runs. One job a repo at a time, different repos side by side. A
 * crash between claim and start loses nothing: the claimed job's own alarm finds its row running and starts it.
 */
export async function dispatchNext(
  db: ControlDb,
  env: Pick<Env, 'JOBS'>,
  repoKey: number,
  now: Date,
): Promise<void> {
  const job = await claimNext(db, repoKey, now);
  if (job !== null) await jobObject(env, job.id).start(jobSpec(job));
}

/** What a job's object must know of its row. */
export function jobSpec({ id, kind, repoKey, repoName, ref }: JobSpec): JobSpec {
  return { id, kind, repoKey, repoName, ref };
}
