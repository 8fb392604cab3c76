import type { ObjectStore } from '../mirror/object-store.ts';
import type { SkipReason } from '../parse/facts.ts';
import type { RepoScope } from '../../store/scope.ts';

/** What every stage of indexing needs: the control database, the repo's index shard and its mirrored objects. */
export interface IndexingDeps {
  control: D1Database;
  shard: D1Database;
  objects: ObjectStore;
  clock?: () => Date;
}

/** What a run is to index. `runId` is the job's id: it keeps a concurrent sweep from taking what the run relies on. */
export interface SnapshotTarget {
  commit: string;
  globs: string[] | null;
  runId: string;
}

export interface MissingBlob {
  oid: string;
  lang: string;
  size: number;
}

export interface SnapshotPlan {
  snapshotId: number;
  /** The snapshot is whole already: publish only flips the ref. */
  complete: boolean;
  config: string;
  treeOid: string;
  /** Directories no earlier snapshot of this config holds. */
  newDirs: number;
  /** Blobs to parse, each (oid, lang) once, in pack order. */
  missing: MissingBlob[];
  /** All files of the snapshot: files, symlinks and submodules. */
  filesTotal: number;
  /** Files of the snapshot that will have no chunks, by reason, as far as known before parsing. */
  skipped: Partial<Record<SkipReason, number>>;
}

export interface Batch {
  blobs: { oid: string; lang: string }[];
}

/** @throws Problem `unprocessable` when the tree is refused (too many entries, too deep, hostile names), `not_found` when the repo is gone. */
export declare function planSnapshot(deps: IndexingDeps, scope: RepoScope, target: SnapshotTarget): Promise<SnapshotPlan>;
/** Cuts the missing blobs into batches of about 1 MB and at most 200 blobs, keeping their order. */
export declare function batches(missing: readonly MissingBlob[]): Batch[];
