import type { VectorStore } from '../../models/vector-store.ts';
import { closeRepo, isLive } from '../../store/index-repo.ts';
import {
  forgetDeadRuns,
  removeBlobs,
  removeDirs,
  sweepBlobs,
  sweepDirs,
  unlistSnapshots,
} from '../../store/index-sweep.ts';
import { keys } from '../../store/keys.ts';
import { sweepPrefix } from '../../store/objects.ts';
import type { RepoScope } from '../../store/scope.ts';
import { forgetRef, removeSnapshots, withdrawUnreached } from '../../store/snapshots.ts';

interface Stores {
  control: D1Database;
  shard: D1Database;
  /** null: there are no vectors. */
  vectors: VectorStore | null;
  clock?: () => Date;
}

/**
 * Removes all a repo has in its shard and in R2. The fence goes first, so that steps still under way write nothing
 * behind this; the control rows are the caller's, who must have marked the repo deleted before. Idempotent.
 */
export async function removeRepo(
  deps: Pick<Stores, 'shard' | 'vectors'> & { bucket: R2Bucket },
  scope: RepoScope,
): Promise<void> {
  await closeRepo(deps.shard, scope);
  while (await removeDirs(deps.shard, scope));
  for (let more = true; more; ) {
    const removed = await removeBlobs(deps.shard, scope);
    await deps.vectors?.remove(scope, removed.sets);
    more = removed.more;
  }
  await sweepPrefix(deps.bucket, keys.repoPrefix(scope.repo.id));
}

/** Removes an indexed ref and its history, then what nothing reaches any more. Idempotent. */
export async function removeRef(deps: Stores, scope: RepoScope, ref: string): Promise<void> {
  await forgetRef(deps.control, scope, ref);
  while ((await sweep(deps, scope)).status === 'more');
}

export interface SweepResult {
  /** `more`: the work was cut off, call again. `busy`: a run is open; whatever publishes or sweeps next does it. */
  status: 'done' | 'more' | 'busy';
}

/** Rounds of some hundred directories or blobs in one call. */
const ROUNDS = 20;
const SNAPSHOTS_AT_ONCE = 50;

/**
 * Removes snapshots that no ref serves or keeps, then directories no snapshot lists, then blobs no directory holds.
 * Every delete tests in its own transaction that no run is open, so a sync never loses what it counts on. Bounded.
 */
export async function sweep(deps: Stores, scope: RepoScope): Promise<SweepResult> {
  try {
    return await sweepOnce(deps, scope);
  } catch (error) {
    // A deletion dropped the full-text tables meanwhile; it removes the rest itself.
    if (await isLive(deps.shard, scope)) throw error;
    return { status: 'done' };
  }
}

async function sweepOnce(deps: Stores, scope: RepoScope): Promise<SweepResult> {
  const now = (deps.clock?.() ?? new Date()).getTime();
  if (!(await forgetDeadRuns(deps.shard, scope, now))) return { status: 'busy' };
  const withdrawn = await withdrawUnreached(deps.control, scope, SNAPSHOTS_AT_ONCE);
  if (withdrawn.length === 0) return { status: 'done' };
  if (!(await unlistSnapshots(deps.shard, scope, withdrawn, now))) return { status: 'busy' };

  for (let rounds = ROUNDS; (await sweepDirs(deps.shard, scope, now)) > 0; ) {
    if (--rounds === 0) return { status: 'more' };
  }
  let cursor: number | null = 0;
  for (let rounds = ROUNDS; cursor !== null; rounds--) {
    if (rounds === 0) return { status: 'more' };
    const swept = await sweepBlobs(deps.shard, scope, now, cursor);
    await deps.vectors?.remove(scope, swept.sets);
    cursor = swept.cursor;
  }
  // Last, so that a sweep that was cut off is taken up again from here.
  await removeSnapshots(deps.control, scope, withdrawn);
  return { status: withdrawn.length < SNAPSHOTS_AT_ONCE ? 'done' : 'more' };
}
