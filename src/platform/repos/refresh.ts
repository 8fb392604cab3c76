import type { Env } from '../../env.ts';
import { refreshListing } from '../../ingest/steps/listing.ts';
import type { Services } from '../../services.ts';
import { listIndexedRefs } from '../../store/refs.ts';
import type { FoundRepo } from '../../store/repos.ts';

/** Syncs one round starts at most; the next round goes on. */
const SYNCS_A_ROUND = 100;

/** Tells the repo's refresh object how often it is to run; null ends it. */
export async function scheduleRefresh(env: Pick<Env, 'REFRESH'>, scope: FoundRepo): Promise<void> {
  const object = env.REFRESH.get(env.REFRESH.idFromName(scope.repo.id));
  await object.schedule(scope.repo.key, scope.row.refreshMinutes);
}

/**
 * Asks the remote once and starts a sync of each indexed branch or tag that has moved.
 * @returns the names of those refs.
 * @throws MirrorError
 */
export async function refreshRefs(
  s: Pick<Services, 'db' | 'env' | 'egress' | 'clock' | 'jobs'>,
  scope: FoundRepo,
): Promise<string[]> {
  const { listing } = await refreshListing(s, scope);
  const tips = new Map(listing.refs.map((ref) => [ref.name, ref.peeled ?? ref.oid]));
  const moved = (await listIndexedRefs(s.db, [scope.repo.key])).flatMap(({ ref, snapshot }) => {
    const tip = ref.fullName === null ? undefined : tips.get(ref.fullName);
    return tip !== undefined && snapshot && tip !== snapshot.commitOid ? [ref] : [];
  });
  const now = moved.slice(0, SYNCS_A_ROUND);
  for (const { ref, fullName } of now)
    await s.jobs.start(scope, { kind: 'sync', ref, fullName, requestedBy: null });
  return now.map(({ ref }) => ref);
}
