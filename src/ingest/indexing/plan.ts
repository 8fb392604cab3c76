import { Problem } from '../../errors.ts';
import { blobKey } from '../../store/blob-rows.ts';
import { openRepo } from '../../store/index-repo.ts';
import type { RepoScope } from '../../store/scope.ts';
import { openSnapshot, snapshotTotals } from '../../store/snapshots.ts';
import type { ObjectStore } from '../mirror/object-store.ts';
import type { SkipReason } from '../parse/facts.ts';
import { snapshotConfig } from './config.ts';
import { globFilter } from './globs.ts';
import { totals } from './totals.ts';
import { type Walk, type WalkLimits, walkCommit } from './walk.ts';

/** What every stage of indexing needs: the control database, the repo's index shard and its mirrored objects. */
export interface IndexingDeps {
  control: D1Database;
  shard: D1Database;
  objects: ObjectStore;
  clock?: () => Date;
}

/** What a run is to index. `runId` is the job's id: while its run is open, no sweep takes what it relies on. */
export interface SnapshotTarget {
  commit: string;
  globs: readonly string[] | null;
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
  /** Directories that no earlier snapshot of this config holds. */
  newDirs: number;
  /** Blobs to parse, each (oid, lang) once, in pack order. */
  missing: MissingBlob[];
  /** All files of the snapshot: files, symlinks and submodules. */
  filesTotal: number;
  /** Files of the snapshot that will have no chunks, by reason, as far as known before parsing. */
  skipped: Partial<Record<SkipReason, number>>;
}

/** Blobs for one `process` message. */
export interface Batch {
  blobs: { oid: string; lang: string }[];
}

/**
 * Compares a commit's tree with what the shard holds and says which blobs are to be parsed. Opens the repo in its
 * shard when it is the first time. Idempotent.
 *
 * @throws Problem `unprocessable` when the tree is refused, `not_found` when the repo was deleted meanwhile
 */
export async function planSnapshot(
  deps: IndexingDeps,
  scope: RepoScope,
  target: SnapshotTarget,
  limits?: WalkLimits,
): Promise<SnapshotPlan> {
  const now = deps.clock?.() ?? new Date();
  const config = snapshotConfig(target.globs);
  const included = globFilter(target.globs);
  if (!(await openRepo(deps, scope, { id: target.runId, now: now.getTime() }))) throw deleted();
  const walk = await walkCommit(deps, scope, target.commit, { config, included, limits });
  const identity = { commit: target.commit, treeOid: walk.treeOid, config };
  const snapshot = await openSnapshot(deps.control, scope, identity, now);
  if (!snapshot) throw deleted();
  const complete = snapshot.complete && (await snapshotTotals(deps.control, scope, snapshot.id)) !== null;
  const stats = totals(walk).get('');
  return {
    snapshotId: snapshot.id,
    complete,
    config,
    treeOid: walk.treeOid,
    newDirs: walk.dirs.length,
    missing: complete ? [] : missingBlobs(walk),
    filesTotal: stats?.files ?? 0,
    skipped: stats?.skipped ?? {},
  };
}

function deleted(): Problem {
  return new Problem('not_found', 'The repository was deleted.');
}

/** The blobs of a walk that are not parsed yet, in the order their bytes have in the packs. */
export function missingBlobs(walk: Walk): MissingBlob[] {
  const missing = new Map<string, MissingBlob>();
  for (const { entries } of walk.dirs) {
    for (const { oid, lang, size, blob, skipped } of entries) {
      if (lang === null || blob !== null || skipped !== null) continue;
      missing.set(blobKey({ oid, lang }), { oid, lang, size: size ?? 0 });
    }
  }
  const place = (blob: MissingBlob) => walk.positions.get(blob.oid) ?? 0;
  return [...missing.values()].sort((a, b) => place(a) - place(b));
}

/** About what a batch holds at most, in source text and in files: its work stays within seconds and megabytes. */
const MAX_BATCH = { bytes: 1_000_000, blobs: 400 };
/** Less than this is not worth a message of its own. */
const MIN_BATCH = { bytes: 100_000, blobs: 50 };
/** Small runs are cut into so many all the same, for several parsers to share. */
const SHARES = 8;

/** Cuts blobs to parse into batches, keeping their order. */
export function batches(missing: readonly MissingBlob[]): Batch[] {
  const share = (total: number, unit: 'bytes' | 'blobs') =>
    Math.min(MAX_BATCH[unit], Math.max(MIN_BATCH[unit], Math.ceil(total / SHARES)));
  const maxBytes = share(
    missing.reduce((sum, blob) => sum + blob.size, 0),
    'bytes',
  );
  const maxBlobs = share(missing.length, 'blobs');
  const cut: Batch[] = [];
  let bytes = 0;
  for (const { oid, lang, size } of missing) {
    const open = cut.at(-1);
    if (!open || bytes + size > maxBytes || open.blobs.length === maxBlobs) {
      cut.push({ blobs: [{ oid, lang }] });
      bytes = size;
    } else {
      open.blobs.push({ oid, lang });
      bytes += size;
    }
  }
  return cut;
}
