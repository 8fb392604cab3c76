import { listTree } from '../../store/tree.ts';
import { nearestPaths } from '../nearest.ts';
import type { OpenSnapshot } from './snapshot.ts';

/** Files and directories of the snapshot most like a path that it does not have, best first. */
export async function suggestPaths(snapshot: OpenSnapshot, path: string): Promise<string[]> {
  const files = await listTree(snapshot.shard, snapshot.scope, snapshot.snapshotId);
  return nearestPaths(
    path,
    files.map((file) => file.path),
  );
}
