/** Keeping a mirror in few packs: every object lookup asks each of them. */
import type { Services } from '../../services.ts';
import { keys } from '../../store/keys.ts';
import { citedCommits, listPacks, replacePacks } from '../../store/packs.ts';
import type { RepoScope } from '../../store/scope.ts';
import { shallowBoundary } from '../mirror/history.ts';
import { mergePacks } from '../mirror/merge.ts';
import { openObjects } from '../mirror/object-store.ts';

/** More than this are merged into one. */
export const MAX_PACKS = 8;

/**
 * Merges the repo's packs when there are many, leaving out what no snapshot and no listed ref reaches. Runs inside a
 * job of the repo, of which one runs at a time: no other step reads the packs that go.
 * @returns true when packs were merged.
 */
export async function consolidate(
  s: Pick<Services, 'db' | 'bucket' | 'clock' | 'newId'>,
  scope: RepoScope,
  maxPacks = MAX_PACKS,
): Promise<boolean> {
  const packs = await listPacks(s.db, scope);
  if (packs.length <= maxPacks) return false;
  const old = packs.map((pack) => pack.id);
  const id = s.newId();
  const reachableFrom = await citedCommits(s.db, scope);
  const merged = await mergePacks(s, scope.repo.id, old, id, { reachableFrom });
  if (!merged) return false;
  const objects = openObjects(s.bucket, scope.repo.id, [id]);
  const held = [...(await objects.info(packs.flatMap((pack) => pack.tips))).keys()];
  // Other tips are ancestors of cited ones, or they would be gone: offering them again would tell the remote nothing.
  const cited = held.filter((oid) => reachableFrom.includes(oid));
  const pack = {
    id,
    bytes: merged.bytes,
    objects: merged.objects,
    shallow: await shallowBoundary(
      objects,
      packs.flatMap((each) => each.shallow),
    ),
    tips: cited.length > 0 ? cited : held,
  };
  const replaced = await replacePacks(s.db, scope, old, pack, s.clock());
  for (const gone of replaced ? old : [id]) {
    await s.bucket.delete([keys.pack(scope.repo.id, gone), keys.packIndex(scope.repo.id, gone)]);
  }
  return replaced;
}
