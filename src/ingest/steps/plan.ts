import { Problem } from '../../errors.ts';
import { recordPlan, recordTarget } from '../../store/jobs.ts';
import { listIndexedRefs, resolveSyncTarget, type SyncTarget } from '../../store/refs.ts';
import { lackingBlobs } from '../../store/vector-sets.ts';
import { snapshotConfig } from '../indexing/config.ts';
import { batches, type MissingBlob, planSnapshot, type SnapshotPlan } from '../indexing/plan.ts';
import type { ObjectStore } from '../mirror/object-store.ts';
import type { Remote } from '../mirror/remote.ts';
import { commitOf, fetchCommit } from './fetch-commit.ts';
import { refreshListing } from './listing.ts';
import { fetching } from './mirror.ts';
import { mustBeActive, type StepContext } from './step.ts';

/** Resolves the ref at the remote, fetches what the mirror lacks, and hands the blobs not yet parsed to the job. */
export async function planStep(context: StepContext): Promise<void> {
  const { handle, report } = context;
  await report({ stage: 'syncing', message: 'Asking the remote for its refs' });
  const { remote, target } = await resolve(context);
  const { commit, objects } = await checkOut(context, remote, target);
  await report({ stage: 'diffing', message: 'Comparing the tree with what is indexed' });
  const plan = await diff(context, commit, objects);
  const lacking = await withoutVectors(context);
  await report(planned(plan, lacking.length));
  mustBeActive(await handle.plan(batches([...plan.missing, ...lacking])));
}

async function resolve({
  s,
  scope,
  job,
  report,
}: StepContext): Promise<{ remote: Remote; target: SyncTarget }> {
  const { remote, listing } = await refreshListing(s, scope);
  await report({ stage: 'resolving', message: `Resolving ${job.ref}` });
  const indexed = (await listIndexedRefs(s.db, [scope.repo.key])).map((row) => row.ref);
  const target = resolveSyncTarget(listing, indexed, job.ref ?? '');
  if (!target) throw new Problem('unprocessable', `The remote no longer has the ref "${job.ref}"`);
  await recordTarget(s.db, job.id, `${target.oid}:${snapshotConfig(scope.row.globPatterns)}`);
  return { remote, target };
}

async function checkOut({ s, scope, job, report }: StepContext, remote: Remote, target: SyncTarget) {
  await report({ stage: 'checking-out', message: `Fetching ${target.oid.slice(0, 12)}` });
  const want = { oid: target.oid, depth: job.params.depth ?? scope.row.depth };
  const objects = await fetchCommit(s, scope, remote, want, (fetched) =>
    report({ ...fetched, message: fetching(fetched) }),
  );
  return { objects, commit: await commitOf(objects, target.oid) };
}

async function diff(
  { s, scope, job }: StepContext,
  commit: string,
  objects: ObjectStore,
): Promise<SnapshotPlan> {
  const globs = scope.row.globPatterns;
  await recordPlan(s.db, job, { commit, globs });
  const deps = { control: s.env.DB, shard: s.shard(scope), objects, clock: s.clock };
  return planSnapshot(deps, scope, { commit, globs, runId: job.id });
}

/** What the repo holds without vectors of the model, once another model was configured or one did not answer. */
async function withoutVectors({ s, scope }: StepContext): Promise<MissingBlob[]> {
  return s.embedder && s.vectors ? lackingBlobs(s.shard(scope), scope, s.embedder.id) : [];
}

function planned(plan: SnapshotPlan, lacking: number) {
  const { filesTotal, missing, skipped } = plan;
  const parse =
    missing.length === 0 ? 'Nothing to parse' : `${missing.length} of ${filesTotal} files to parse`;
  return {
    filesTotal,
    filesProcessed: Math.max(0, filesTotal - missing.length - lacking),
    skipped,
    message: lacking === 0 ? parse : `${parse}, ${lacking} to embed`,
  };
}
