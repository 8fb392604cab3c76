/** Asking for a ref to be indexed, and which running job such a request may join. */
import { Problem } from '../../errors.ts';
import { snapshotConfig } from '../../ingest/indexing/config.ts';
import { MirrorError } from '../../ingest/mirror/mirror-error.ts';
import { refreshListing } from '../../ingest/steps/listing.ts';
import type { Services } from '../../services.ts';
import type { IndexedRefRow, JobRow } from '../../store/control-schema.ts';
import { bringsHistory, jobById, runningSync } from '../../store/jobs.ts';
import {
  type Listing,
  listIndexedRefs,
  resolveSyncTarget,
  type SyncTarget,
  storedListing,
} from '../../store/refs.ts';
import type { FoundRepo } from '../../store/repos.ts';

type Needs = Pick<Services, 'db' | 'env' | 'egress' | 'clock' | 'jobs'>;

/** Longest wait for the remote within a request. */
export const ASK_TIMEOUT_MS = 10_000;

/**
 * Starts a sync of `ref`, or joins the one that will give the same result. When this returns the ref is durably
 * `queued`, or the joined job runs.
 * @throws Problem `unprocessable` when the remote has no such ref; MirrorError when it had to be asked and did not answer
 */
export async function requestSync(
  s: Needs,
  scope: FoundRepo,
  request: { ref: string; depth?: number },
  requestedBy: string | null,
): Promise<{ jobId: string; ref: string }> {
  const indexed = (await listIndexedRefs(s.db, [scope.repo.key])).map((row) => row.ref);
  const target = await targetOf(s, scope, indexed, request.ref);
  // Written down, so that a change of the setting between two requests does not make them look alike.
  const depth = request.depth ?? scope.row.depth;
  const running = await runningSync(s.db, scope.repo.key, target.ref);
  const deepEnough = running !== null && bringsHistory(running.params.depth ?? scope.row.depth, depth);
  if (deepEnough && (await givesTheSame(s, scope, running, indexed, target)))
    return { jobId: running.id, ref: target.ref };
  const { ref, fullName } = target;
  const job = await s.jobs.start(scope, { kind: 'sync', ref, fullName, params: { depth }, requestedBy });
  return { jobId: job.id, ref };
}

async function targetOf(
  s: Needs,
  scope: FoundRepo,
  indexed: IndexedRefRow[],
  ref: string,
): Promise<SyncTarget> {
  const known = resolveSyncTarget(await storedListing(s.db, scope), indexed, ref);
  if (known) return known;
  const { listing } = await refreshListing(s, scope, ASK_TIMEOUT_MS);
  const found = resolveSyncTarget(listing, indexed, ref);
  if (!found) throw noSuchRef(ref, '/ref');
  return found;
}

/** The refusal of a ref that the remote does not have; `pointer` is where the request names it. */
export function noSuchRef(ref: string, pointer: string): Problem {
  const errors = [{ pointer, detail: 'is no ref of the remote' }];
  return new Problem('unprocessable', `The remote has no ref "${ref}"`, { errors });
}

const TARGET_WAIT_MS = 2_000;
const POLL_MS = 50;

/**
 * Whether the running job will index what this request asks for. It may have read the remote before the change that
 * the caller has in mind, so the remote is asked now and its answer compared with what the job has chosen.
 */
async function givesTheSame(
  s: Needs,
  scope: FoundRepo,
  running: JobRow,
  indexed: IndexedRefRow[],
  target: SyncTarget,
): Promise<boolean> {
  const now =
    target.fullName === null
      ? target
      : resolveSyncTarget(await currentListing(s, scope), indexed, target.ref);
  if (!now) return false;
  const wanted = `${now.oid}:${snapshotConfig(scope.row.globPatterns)}`;
  for (let waited = 0; waited < TARGET_WAIT_MS; waited += POLL_MS) {
    const job = await jobById(s.db, running.id);
    if (job?.status !== 'running') return false;
    if (job.target !== null) return job.target === wanted;
    await scheduler.wait(POLL_MS);
  }
  return false;
}

/** What the remote says now, or, when it does not answer, what it said last. */
async function currentListing(s: Needs, scope: FoundRepo): Promise<Listing> {
  try {
    return (await refreshListing(s, scope, ASK_TIMEOUT_MS)).listing;
  } catch (error) {
    if (error instanceof MirrorError) return storedListing(s.db, scope);
    throw error;
  }
}
