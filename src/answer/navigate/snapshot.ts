import { Problem } from '../../errors.ts';
import type { Services } from '../../services.ts';
import { textOf } from '../../store/blobs.ts';
import { type SnapshotView, snapshotDirectories } from '../../store/navigation.ts';
import { resolveAmong, type ServedRef, type TrackedRef } from '../../store/refs.ts';
import type { Door } from '../../store/repos.ts';
import type { Caller } from '../../store/scope.ts';
import { createFactStore, type FactStore } from './demand.ts';
import { readManifests } from './manifests.ts';
import type { Manifest } from './modules/module.ts';
import { createPathIndex, type PathIndex } from './paths.ts';

/** One snapshot that a caller may read, and which of the repo's refs it was asked by. */
export interface OpenSnapshot extends SnapshotView {
  served: ServedRef;
}

/**
 * The snapshot behind a `{name}` and `{ref}` of a path.
 * @param found what the name means, and the refs of it
 * @throws Problem `not_found`: an unseen repo without more, a ref that is not indexed with `reason: "not_indexed"`.
 */
export function openSnapshot(
  services: Pick<Services, 'shard'>,
  caller: Caller,
  [open, refs]: [Door, TrackedRef[]],
  ref: string,
): OpenSnapshot {
  const scope = open(caller, 'read');
  const served = resolveAmong(refs, ref);
  if (!served) {
    throw new Problem('not_found', `Ref "${ref}" of "${scope.repo.name}" is not indexed; sync it first.`, {
      members: { reason: 'not_indexed' },
    });
  }
  return { scope, shard: services.shard(scope), snapshotId: served.snapshotId, served };
}

/** Where an answer comes from; part of every body or of its headers. */
export interface SnapshotProvenance {
  repo: string;
  ref: string;
  commitSha: string;
  indexedAt: string;
  coverage: ServedRef['coverage'];
}

export function provenanceOf({ scope, served }: OpenSnapshot): SnapshotProvenance {
  const { ref, commitSha, indexedAt, coverage } = served;
  return { repo: scope.repo.name, ref, commitSha, indexedAt, coverage };
}

export interface SnapshotTree {
  paths: PathIndex;
  manifests: readonly Manifest[];
}

/** Trees of this isolate, most recently used last. A snapshot is immutable, so they never go stale. */
const trees = new Map<string, SnapshotTree>();
/** About 300 bytes a file: 20 MB at most. */
const MAX_CACHED_FILES = 60_000;

/** The file tree of a snapshot and the packages it holds, kept between requests of this isolate. */
export async function treeOf(snapshot: SnapshotView): Promise<SnapshotTree> {
  const key = `${snapshot.scope.repo.id}:${snapshot.snapshotId}`;
  const known = trees.get(key);
  if (known) {
    trees.delete(key);
    trees.set(key, known);
    return known;
  }
  const paths = createPathIndex(await snapshotDirectories(snapshot));
  const tree: SnapshotTree = { paths, manifests: await readManifests(paths, textsOf(snapshot)) };
  trees.set(key, tree);
  let files = [...trees.values()].reduce((sum, each) => sum + each.paths.size, 0);
  for (const [oldest, each] of trees) {
    if (files <= MAX_CACHED_FILES) break;
    trees.delete(oldest);
    files -= each.paths.size;
  }
  return tree;
}

/** Reads texts of parsed blobs of this snapshot's repo. */
export function textsOf(snapshot: Pick<SnapshotView, 'shard' | 'scope'>) {
  return (blobs: number[]): Promise<Map<number, string>> => textOf(snapshot.shard, snapshot.scope, blobs);
}

/** A fact store over the snapshot, for one question. */
export function factsOf(snapshot: SnapshotView, tree: SnapshotTree): FactStore {
  return createFactStore(snapshot, tree, textsOf(snapshot));
}
