/** Snapshots in the control database: their identity, the flip that makes one visible, and which may go. */
import type { DirStats } from './index-dirs.ts';
import type { RepoScope } from './scope.ts';

/** A ref keeps so many snapshots, the one it serves included. */
export const KEPT_SNAPSHOTS = 5;

export interface SnapshotIdentity {
  commit: string;
  treeOid: string;
  config: string;
}

/** The snapshot's row, made when absent. Null when the repo is deleted. */
export async function openSnapshot(
  control: D1Database,
  scope: RepoScope,
  identity: SnapshotIdentity,
  now: Date,
): Promise<{ id: number; complete: boolean } | null> {
  const { key } = scope.repo;
  const [, found] = await control.batch<{ id: number; complete: number }>([
    control
      .prepare(
        `INSERT INTO snapshots (repo_key, commit_oid, tree_oid, config, created_at)
         SELECT key, ?2, ?3, ?4, ?5 FROM repos WHERE key = ?1 AND deleted_at IS NULL
         ON CONFLICT (repo_key, commit_oid, config) DO NOTHING`,
      )
      .bind(key, identity.commit, identity.treeOid, identity.config, now.toISOString()),
    control
      .prepare(
        `SELECT s.id, s.complete FROM snapshots s JOIN repos r ON r.key = s.repo_key AND r.deleted_at IS NULL
         WHERE s.repo_key = ?1 AND s.commit_oid = ?2 AND s.config = ?3`,
      )
      .bind(key, identity.commit, identity.config),
  ]);
  const row = found?.results[0];
  return row ? { id: row.id, complete: row.complete === 1 } : null;
}

export interface SnapshotTotals {
  filesIndexed: number;
  filesSkipped: number;
}

/** Totals of a complete snapshot. */
export async function snapshotTotals(
  control: D1Database,
  scope: RepoScope,
  id: number,
): Promise<SnapshotTotals | null> {
  return control
    .prepare(
      `SELECT files_indexed AS filesIndexed, files_skipped AS filesSkipped FROM snapshots
       WHERE id = ?1 AND repo_key = ?2 AND complete = 1`,
    )
    .bind(id, scope.repo.key)
    .first<SnapshotTotals>();
}

/** Says that all of a snapshot is in its shard. Without `indexed_refs` pointing at it nobody reads it yet. */
export function completeSnapshot(
  control: D1Database,
  scope: RepoScope,
  id: number,
  stats: DirStats,
): D1PreparedStatement {
  return control
    .prepare(
      `UPDATE snapshots SET complete = 1, files_indexed = ?3, files_skipped = ?4, skipped = ?5, language_stats = ?6,
         bytes_indexed = ?7
       WHERE id = ?1 AND repo_key = ?2`,
    )
    .bind(
      id,
      scope.repo.key,
      stats.indexed,
      stats.files - stats.indexed,
      JSON.stringify(stats.skipped),
      JSON.stringify(languageShares(stats)),
      stats.bytes,
    );
}

/** Language → per cent of indexed bytes, one decimal, largest first; what rounds to nothing is left out. */
export function languageShares(stats: Pick<DirStats, 'bytes' | 'languages'>): Record<string, number> {
  const shares = Object.entries(stats.languages)
    .map(([language, bytes]): [string, number] => [language, Math.round((bytes / stats.bytes) * 1000) / 10])
    .filter(([, share]) => share > 0)
    .sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  return Object.fromEntries(shares);
}

/**
 * The flip: after it the ref answers from the snapshot. Only for a row that still belongs to the run, a complete
 * snapshot and a repo that is not deleted. True when it took place.
 */
export async function serveSnapshot(
  control: D1Database,
  scope: RepoScope,
  flip: { ref: string; snapshotId: number; runId: string; now: Date; complete?: DirStats },
): Promise<boolean> {
  const { key } = scope.repo;
  const at = flip.now.toISOString();
  const answers = await control.batch([
    ...(flip.complete ? [completeSnapshot(control, scope, flip.snapshotId, flip.complete)] : []),
    control
      .prepare(
        `INSERT INTO ref_snapshots (repo_key, ref, snapshot_id, at)
         SELECT repo_key, ref, ?3, ?5 FROM indexed_refs WHERE ${MAY_FLIP}
         ON CONFLICT (repo_key, ref, snapshot_id) DO UPDATE SET at = excluded.at`,
      )
      .bind(key, flip.ref, flip.snapshotId, flip.runId, at),
    control
      .prepare(
        `UPDATE indexed_refs SET snapshot_id = ?3, indexed_at = ?5, deleted_at_remote = NULL,
           stage = CASE WHEN job_id IS NULL OR job_id = ?4 THEN 'ready' ELSE stage END,
           indexing_error = CASE WHEN job_id IS NULL OR job_id = ?4 THEN NULL ELSE indexing_error END
         WHERE ${MAY_FLIP}`,
      )
      .bind(key, flip.ref, flip.snapshotId, flip.runId, at),
  ]);
  return (answers.at(-1)?.meta.changes ?? 0) > 0;
}

/**
 * A later request takes the row over (`job_id`) while the run before it still works: that run may flip too, since one
 * job of a repo runs at a time, but the stage is the later run's. One that was cancelled or has failed may not.
 */
const MAY_FLIP = `repo_key = ?1 AND ref = ?2
  AND (job_id IS NULL OR job_id = ?4 OR EXISTS (SELECT 1 FROM jobs WHERE id = ?4 AND status = 'running'))
  AND NOT EXISTS (SELECT 1 FROM jobs WHERE id = ?4 AND status IN ('failed', 'cancelled'))
  AND EXISTS (SELECT 1 FROM snapshots WHERE id = ?3 AND repo_key = ?1 AND complete = 1)
  AND EXISTS (SELECT 1 FROM repos WHERE key = ?1 AND deleted_at IS NULL)`;

/** Forgets what a ref served before its last five snapshots. The one it serves now stays whatever its age. */
export async function forgetOldSnapshots(
  control: D1Database,
  scope: RepoScope,
  ref: string,
): Promise<number> {
  const { meta } = await control
    .prepare(
      `DELETE FROM ref_snapshots WHERE repo_key = ?1 AND ref = ?2
         AND snapshot_id NOT IN (
           SELECT snapshot_id FROM ref_snapshots WHERE repo_key = ?1 AND ref = ?2
           ORDER BY at DESC, snapshot_id DESC LIMIT ?3)
         AND snapshot_id IS NOT (SELECT snapshot_id FROM indexed_refs WHERE repo_key = ?1 AND ref = ?2)`,
    )
    .bind(scope.repo.key, ref, KEPT_SNAPSHOTS)
    .run();
  return meta.changes;
}

/** Removes a ref's row and its history; the snapshots are the sweep's. */
export async function forgetRef(control: D1Database, scope: RepoScope, ref: string): Promise<void> {
  const remove = (table: string) =>
    control.prepare(`DELETE FROM ${table} WHERE repo_key = ?1 AND ref = ?2`).bind(scope.repo.key, ref);
  await control.batch([remove('ref_snapshots'), remove('indexed_refs')]);
}

const UNREACHED = `NOT EXISTS (SELECT 1 FROM ref_snapshots r WHERE r.repo_key = ?1 AND r.snapshot_id = snapshots.id)
  AND NOT EXISTS (SELECT 1 FROM indexed_refs i WHERE i.repo_key = ?1 AND i.snapshot_id = snapshots.id)`;

/**
 * Withdraws snapshots that no ref serves or keeps, and returns them: from now on no flip can choose one without
 * building it anew. They include what failed runs left behind.
 */
export async function withdrawUnreached(
  control: D1Database,
  scope: RepoScope,
  limit: number,
): Promise<number[]> {
  const { results } = await control
    .prepare(
      `UPDATE snapshots SET complete = 0
       WHERE id IN (SELECT id FROM snapshots WHERE repo_key = ?1 AND ${UNREACHED} ORDER BY id LIMIT ?2)
       RETURNING id`,
    )
    .bind(scope.repo.key, limit)
    .all<{ id: number }>();
  return results.map((row) => row.id);
}

/** Removes withdrawn snapshots whose directories are no longer listed; one that a run took up again stays. */
export async function removeSnapshots(
  control: D1Database,
  scope: RepoScope,
  ids: readonly number[],
): Promise<void> {
  await control
    .prepare(
      `DELETE FROM snapshots WHERE repo_key = ?1 AND complete = 0
         AND id IN (SELECT value FROM json_each(?2)) AND ${UNREACHED}`,
    )
    .bind(scope.repo.key, JSON.stringify(ids))
    .run();
}
