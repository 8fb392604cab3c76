import { type DirStats, type NewDir, writeDirs, writeSnapshotDirs } from '../../store/index-dirs.ts';
import { endRun, extendRun, isLive } from '../../store/index-repo.ts';
import type { RepoScope } from '../../store/scope.ts';
import { forgetOldSnapshots, openSnapshot, serveSnapshot, snapshotTotals } from '../../store/snapshots.ts';
import { chunkTerms } from '../../words.ts';
import type { SkipReason } from '../parse/facts.ts';
import { snapshotConfig } from './config.ts';
import { globFilter } from './globs.ts';
import { type IndexingDeps, type MissingBlob, missingBlobs, type SnapshotTarget } from './plan.ts';
import { totals } from './totals.ts';
import { type Walk, type WalkedDir, type WalkLimits, walkCommit } from './walk.ts';

export type PublishResult =
  | { status: 'published'; snapshotId: number; filesIndexed: number; filesSkipped: number }
  /** Blobs are missing (swept meanwhile, or never written): batch these, then publish again. */
  | { status: 'incomplete'; missing: MissingBlob[] }
  /** The repo was deleted, or the ref's row is gone or belongs to another run. */
  | { status: 'gone' };

/**
 * Writes the directories that are new and flips the ref, last and in one write. Costs what changed plus one row a
 * directory. Idempotent on the snapshot: it walks the tree anew and writes what it finds missing. What older snapshots
 * alone reached is left to `sweep`, which is for after the job has ended.
 *
 * The run is prolonged before the walk: from then on no sweep removes anything, so what the walk finds stays.
 */
export async function publishSnapshot(
  deps: IndexingDeps,
  scope: RepoScope,
  target: SnapshotTarget & { ref: string },
  limits?: WalkLimits,
): Promise<PublishResult> {
  const now = deps.clock?.() ?? new Date();
  const run = await extendRun(deps.shard, scope, { id: target.runId, now: now.getTime() }).run();
  if (run.meta.changes === 0) return { status: 'gone' };
  const config = snapshotConfig(target.globs);
  const walk = await walkCommit(deps, scope, target.commit, {
    config,
    included: globFilter(target.globs),
    limits,
  });
  const snapshot = await openSnapshot(
    deps.control,
    scope,
    { commit: target.commit, treeOid: walk.treeOid, config },
    now,
  );
  if (!snapshot) return { status: 'gone' };

  let stats: DirStats | undefined;
  if (!snapshot.complete) {
    const missing = missingBlobs(walk);
    if (missing.length > 0) return { status: 'incomplete', missing };
    stats = await writeSnapshot(deps.shard, scope, { id: snapshot.id, config, runId: target.runId }, walk);
    if (!stats) return { status: 'gone' };
  }
  const flip = { ref: target.ref, snapshotId: snapshot.id, runId: target.runId, now, complete: stats };
  const served = await serveSnapshot(deps.control, scope, flip);
  const counts = await snapshotTotals(deps.control, scope, snapshot.id);
  // A sweep withdrew the snapshot between the look and the flip: the next delivery builds it anew.
  if (!counts) throw new Error(`snapshot ${snapshot.id} was withdrawn while it was published`);
  await endRun(deps.shard, scope, target.runId);
  if (!served) return { status: 'gone' };
  await forgetOldSnapshots(deps.control, scope, target.ref);
  return { status: 'published', snapshotId: snapshot.id, ...counts };
}

/** Writes directories and the snapshot's list of them. Undefined when the repo was deleted meanwhile. */
async function writeSnapshot(
  shard: D1Database,
  scope: RepoScope,
  snapshot: { id: number; config: string; runId: string },
  walk: Walk,
): Promise<DirStats | undefined> {
  const stats = totals(walk);
  const dirs = newDirs(walk, stats, snapshot);
  try {
    await writeDirs(shard, scope, dirs, pathWords);
  } catch (error) {
    if (await isLive(shard, scope)) throw error;
    return undefined;
  }
  const listed = await writeSnapshotDirs(shard, scope, {
    id: snapshot.id,
    config: snapshot.config,
    written: dirs,
    kept: walk.kept.values(),
  });
  const root = stats.get('');
  if (listed === root?.dirs) return root;
  if (await isLive(shard, scope))
    throw new Error(`snapshot ${snapshot.id} lists ${listed} of ${root?.dirs} directories`);
  return undefined;
}

/** Why a directory's rows may not serve another snapshot of the same trees: the mirror may know more by then. */
const PASSING: readonly SkipReason[] = ['missing', 'unresolved-delta'];

/** Children before parents, each with its totals. What depends on the state of the mirror gets a config of this run alone. */
function newDirs(
  walk: Walk,
  stats: Map<string, DirStats>,
  snapshot: { config: string; runId: string },
): NewDir[] {
  const passing = new Set<string>();
  return walk.dirs.toReversed().map((dir): NewDir => {
    if (dir.entries.some(isPassing) || passing.has(dir.path)) {
      passing.add(dir.path);
      if (dir.path !== '') passing.add(parentOf(dir.path));
    }
    const config = passing.has(dir.path) ? `${snapshot.config}~${snapshot.runId}` : snapshot.config;
    return {
      path: dir.path,
      treeOid: dir.treeOid,
      config,
      stats: stats.get(dir.path)!,
      entries: dir.entries,
    };
  });
}

function isPassing(entry: WalkedDir['entries'][number]): boolean {
  const reason = entry.skipped ?? entry.blobSkipped;
  return reason !== null && PASSING.includes(reason);
}

/** `a/b/` → `a/`, `a/` → ``. */
function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/', path.length - 2) + 1);
}

/** The words a path is found by: as the tokenizer splits it, and the parts of its identifiers. */
export function pathWords(path: string): string {
  const { text, parts } = chunkTerms(path);
  return parts === '' ? text : `${text} ${parts}`;
}
