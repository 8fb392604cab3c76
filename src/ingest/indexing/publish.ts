import type { RepoScope } from '../../store/scope.ts';
import type { IndexingDeps, MissingBlob, SnapshotTarget } from './plan.ts';

export type PublishResult =
  | { status: 'published'; snapshotId: number; filesIndexed: number; filesSkipped: number }
  /** Blobs went away or were never written: batch these, then publish again. */
  | { status: 'incomplete'; missing: MissingBlob[] }
  /** The repo, or the row of the ref, was deleted meanwhile. */
  | { status: 'gone' };

/** Writes the directories that are new, then flips the ref, last and in one write. Idempotent. */
export declare function publishSnapshot(
  deps: IndexingDeps,
  scope: RepoScope,
  target: SnapshotTarget & { ref: string },
): Promise<PublishResult>;
