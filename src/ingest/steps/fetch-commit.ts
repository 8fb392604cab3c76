/** Bringing a commit into the mirror: only what is missing is fetched, as one pack that counts once its row stands. */
import { Problem } from '../../errors.ts';
import type { Services } from '../../services.ts';
import type { PackRow } from '../../store/control-schema.ts';
import { keys } from '../../store/keys.ts';
import { insertPack, listPacks } from '../../store/packs.ts';
import type { RepoScope } from '../../store/scope.ts';
import { lacksHistory, peel, shallowBoundary } from '../mirror/history.ts';
import { storePack } from '../mirror/intake.ts';
import { type ObjectStore, openObjects } from '../mirror/object-store.ts';
import { fetchPack, MAX_SHALLOW, type Remote, tooShallow } from '../mirror/remote.ts';
import { JobStopped } from './step.ts';

/** Tips offered as `have`, the newest ones: beyond that a fetch gains nothing and its request grows. */
const MAX_HAVES = 256;

export interface FetchProgress {
  bytes: number;
  objects: number;
  objectsTotal: number;
}

type Mirror = Pick<Services, 'db' | 'bucket' | 'egress' | 'clock' | 'newId'>;

/**
 * Makes sure that the mirror holds `oid` with its tree, and `depth` commits of history where that is more than one.
 * @param onProgress may throw to stop; nothing then stays behind.
 * @returns the objects of the mirror.
 * @throws MirrorError; JobStopped when the repo is gone.
 */
export async function fetchCommit(
  s: Mirror,
  scope: RepoScope,
  remote: Remote,
  want: { oid: string; depth: number },
  onProgress: (progress: FetchProgress) => Promise<void>,
): Promise<ObjectStore> {
  const packs = await listPacks(s.db, scope);
  const ids = packs.map((pack) => pack.id);
  const objects = openObjects(s.bucket, scope.repo.id, ids);
  const shallow = await shallowBoundary(
    objects,
    packs.flatMap((pack) => pack.shallow),
  );
  if (!(await lacksHistory(objects, want.oid, want.depth, shallow))) {
    return objects;
  }
  const added = await addPack(s, scope, remote, { ...want, shallow }, packs, objects, onProgress);
  return added === null ? objects : openObjects(s.bucket, scope.repo.id, [...ids, added]);
}

/** The id of the new pack, or null when the remote had nothing to send. */
async function addPack(
  s: Mirror,
  scope: RepoScope,
  remote: Remote,
  want: { oid: string; depth: number; shallow: string[] },
  packs: PackRow[],
  objects: ObjectStore,
  onProgress: (progress: FetchProgress) => Promise<void>,
): Promise<string | null> {
  const haves = [...new Set(packs.flatMap((pack) => pack.tips).reverse())].slice(0, MAX_HAVES);
  const fetched = await fetchPack(s.egress, remote, {
    oids: [want.oid],
    haves,
    shallow: want.shallow,
    depth: want.depth,
  });
  if (!fetched.pack) return null;
  const gone = new Set(fetched.unshallow);
  const shallow = [...new Set([...want.shallow, ...fetched.shallow])].filter((oid) => !gone.has(oid));
  if (shallow.length > MAX_SHALLOW) {
    await fetched.pack.cancel();
    throw tooShallow();
  }
  const id = s.newId();
  try {
    const stored = await storePack({ bucket: s.bucket, objects }, scope.repo.id, id, fetched.pack, {
      onProgress,
    });
    const pack = { id, bytes: stored.bytes, objects: stored.objects, shallow, tips: [want.oid] };
    if (!(await insertPack(s.db, scope, pack, s.clock()))) throw new JobStopped();
    return id;
  } catch (error) {
    await s.bucket.delete([keys.pack(scope.repo.id, id), keys.packIndex(scope.repo.id, id)]);
    throw error;
  }
}

/** The commit that `oid` is, or that the tag `oid` leads to. @throws Problem `unprocessable` when it leads to none */
export async function commitOf(objects: ObjectStore, oid: string): Promise<string> {
  const { oid: commit, type } = await peel(objects, oid);
  if (type === 'commit') return commit;
  throw new Problem('unprocessable', `The ref points at a ${type ?? 'missing object'}, not at a commit`);
}
