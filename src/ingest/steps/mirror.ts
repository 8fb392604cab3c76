import type { JobResult } from '../../store/control-schema.ts';
import { type Listing, listIndexedRefs, noteRefError, resolveSyncTarget } from '../../store/refs.ts';
import { updateRepo } from '../../store/repos.ts';
import { fetchCommit } from './fetch-commit.ts';
import { refreshListing } from './listing.ts';
import { JobStopped, type StepContext } from './step.ts';

/** Lists the remote's refs and fetches its default branch; then starts the syncs that the registration asked for. */
export async function mirrorStep(context: StepContext): Promise<void> {
  const { s, scope, handle, report } = context;
  await setStatus(context, 'cloning');
  await report({ stage: 'syncing', message: 'Asking the remote for its refs' });
  const { remote, listing } = await refreshListing(s, scope);
  const head = listing.refs.find((ref) => ref.name === `refs/heads/${listing.defaultBranch}`);
  if (head) {
    await report({ message: `Fetching ${listing.defaultBranch}` });
    const want = { oid: head.oid, depth: scope.row.depth };
    await fetchCommit(s, scope, remote, want, (fetched) =>
      report({ ...fetched, message: fetching(fetched) }),
    );
  }
  await setStatus(context, 'ready');
  await startSyncs(context, listing);
  if (!head) await report({ message: 'The repository is empty' });
  await handle.complete(result(context, listing, head?.oid ?? null));
}

/** "Received 1,200 of 5,000 objects" */
export function fetching({ objects, objectsTotal }: { objects: number; objectsTotal: number }): string {
  if (objectsTotal === 0) return 'Waiting for the remote to send';
  const count = (n: number) => n.toLocaleString('en');
  return `Received ${count(objects)} of ${count(objectsTotal)} objects`;
}

async function setStatus({ s, scope }: StepContext, mirrorStatus: 'cloning' | 'ready'): Promise<void> {
  const row = await updateRepo(s.db, scope, { mirrorStatus, mirrorError: null }, s.clock());
  if (!row) throw new JobStopped();
}

async function startSyncs({ s, scope, job }: StepContext, listing: Listing): Promise<void> {
  const wanted = job.params.sync ?? [];
  if (wanted.length === 0) return;
  const indexed = (await listIndexedRefs(s.db, [scope.repo.key])).map((row) => row.ref);
  for (const name of wanted) {
    const target = resolveSyncTarget(listing, indexed, name);
    if (!target) {
      await noteRefError(s.db, scope, name, `The remote has no ref "${name}"`);
      continue;
    }
    const { ref, fullName } = target;
    const { requestedBy, params } = job;
    const { requestId } = params;
    await s.jobs.start(scope, { kind: 'sync', ref, fullName, params: { requestId }, requestedBy });
  }
}

function result({ scope }: StepContext, listing: Listing, commitSha: string | null): JobResult {
  return { repo: scope.repo.name, ref: listing.defaultBranch, commitSha, filesIndexed: 0, filesSkipped: 0 };
}
