/** Deleting a repository or one of its indexed refs, awaited as long as a request may take. */
import { Problem } from '../../errors.ts';
import type { Services } from '../../services.ts';
import { jobById } from '../../store/jobs.ts';
import { findTrackedRef } from '../../store/refs.ts';
import type { FoundRepo } from '../../store/repos.ts';
import type { Caller } from '../../store/scope.ts';

type Needs = Pick<Services, 'db' | 'jobs' | 'clock'>;

const AWAIT_MS = 25_000;
const POLL_MS = 100;

/** How a deletion stands when its request ends. */
export type Removal = { done: true } | { done: false; jobId: string };

/**
 * Marks the repo deleted (404 everywhere from then on), starts the removal of all its data and ends its other jobs.
 * @throws Problem `not_found` when another request deleted it first
 */
export async function deleteRepo(
  s: Needs,
  caller: Caller,
  scope: FoundRepo,
  waitMs = AWAIT_MS,
): Promise<Removal> {
  const job = await s.jobs.start(scope, { kind: 'delete-repo', requestedBy: caller.userId });
  await s.jobs.cancelAll(scope.repo.key, 'The repository was deleted');
  return awaitEnd(s, job.id, waitMs);
}

/** Repos whose deletion is started at the same time. */
const STARTS_AT_ONCE = 5;

/** Deletes several repos; answers the jobs that go on when the request ends. */
export async function deleteRepos(
  s: Needs,
  caller: Caller,
  scopes: FoundRepo[],
  waitMs = AWAIT_MS,
): Promise<string[]> {
  const until = Date.now() + waitMs;
  const started: Removal[] = [];
  for (let at = 0; at < scopes.length; at += STARTS_AT_ONCE) {
    const some = scopes.slice(at, at + STARTS_AT_ONCE);
    started.push(...(await Promise.all(some.map((scope) => deleteRepo(s, caller, scope, 0)))));
  }
  const open: string[] = [];
  for (const removal of started) {
    const end = removal.done ? removal : await awaitEnd(s, removal.jobId, until - Date.now());
    if (!end.done) open.push(end.jobId);
  }
  return open;
}

/**
 * Removes one indexed ref and what only it needs. `ref` is its stored or full name, `HEAD`, or a commit indexed as such.
 * @throws Problem `not_found` with `reason: not_indexed`
 */
export async function deleteVersion(
  s: Needs,
  caller: Caller,
  scope: FoundRepo,
  ref: string,
  waitMs = AWAIT_MS,
): Promise<Removal> {
  const row = await findTrackedRef(s.db, scope, ref);
  if (!row) {
    throw new Problem('not_found', `"${ref}" is not an indexed ref of this repository`, {
      members: { reason: 'not_indexed' },
    });
  }
  await s.jobs.cancelAll(scope.repo.key, `The indexed ref ${row.ref} was deleted`, row.ref);
  const job = await s.jobs.start(scope, { kind: 'delete-version', ref: row.ref, requestedBy: caller.userId });
  return awaitEnd(s, job.id, waitMs);
}

async function awaitEnd(s: Pick<Services, 'db'>, jobId: string, waitMs: number): Promise<Removal> {
  for (let waited = 0; waited < waitMs; waited += POLL_MS) {
    const job = await jobById(s.db, jobId);
    if (job?.status === 'completed') return { done: true };
    if (job?.status === 'failed') return { done: false, jobId };
    await scheduler.wait(POLL_MS);
  }
  return { done: false, jobId };
}
