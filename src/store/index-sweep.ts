/** Removal in bounded pieces: of all a repo has in its shard, and of what no snapshot reaches any more. */
import { blocksOf } from './blobs.ts';
import { fullTextTable } from './full-text.ts';
import type { RepoScope } from './scope.ts';
import type { SetPlace } from './vector-sets.ts';

/** Rows of a parent table taken at once; a directory or blob has some dozens to some thousands of children. */
const DIRS_AT_ONCE = 300;
const BLOBS_AT_ONCE = 200;

/** True while no run is open: nothing is being written that counts on what the shard holds. */
const QUIET = 'NOT EXISTS (SELECT 1 FROM index_runs WHERE repo = ?1 AND until > ?2)';

/** Forgets runs that died, which were not heard of for as long as their lease; true when no run is open. */
export async function forgetDeadRuns(shard: D1Database, scope: RepoScope, now: number): Promise<boolean> {
  const [, quiet] = await shard.batch([
    shard.prepare('DELETE FROM index_runs WHERE repo = ?1 AND until <= ?2').bind(scope.repo.key, now),
    shard.prepare(`SELECT 1 WHERE ${QUIET}`).bind(scope.repo.key, now),
  ]);
  return (quiet?.results.length ?? 0) > 0;
}

/** Forgets which directories the snapshots had. False, and nothing done, while a run is open. */
export async function unlistSnapshots(
  shard: D1Database,
  scope: RepoScope,
  snapshotIds: readonly number[],
  now: number,
): Promise<boolean> {
  const [, quiet] = await shard.batch([
    shard
      .prepare(`DELETE FROM snapshot_dirs WHERE snapshot IN (SELECT value FROM json_each(?3)) AND ${QUIET}`)
      .bind(scope.repo.key, now, JSON.stringify(snapshotIds)),
    shard.prepare(`SELECT 1 WHERE ${QUIET}`).bind(scope.repo.key, now),
  ]);
  return (quiet?.results.length ?? 0) > 0;
}

/**
 * Removes some directories that no snapshot lists, parents before children, so that a directory that is left still
 * has its whole subtree. Every statement tests again what the choice was made on. Returns how many were chosen.
 */
export async function sweepDirs(shard: D1Database, scope: RepoScope, now: number): Promise<number> {
  const { key } = scope.repo;
  const { results } = await shard
    .prepare(
      `SELECT id FROM dirs WHERE repo = ?1 AND NOT EXISTS (SELECT 1 FROM snapshot_dirs WHERE dir = dirs.id)
       ORDER BY length(path), id LIMIT ?2`,
    )
    .bind(key, DIRS_AT_ONCE)
    .all<{ id: number }>();
  if (results.length === 0) return 0;
  const ids = JSON.stringify(results.map((row) => row.id));
  const chosen = `SELECT value FROM json_each(?3) WHERE ${QUIET}
    AND NOT EXISTS (SELECT 1 FROM snapshot_dirs WHERE dir = value)`;
  const run = (sql: string) => shard.prepare(sql).bind(key, now, ids);
  await shard.batch([
    run(`DELETE FROM ${fullTextTable('path', scope)} WHERE rowid IN (
      SELECT id FROM entries WHERE dir IN (${chosen}) AND mode <> 16384)`),
    run(`DELETE FROM entries WHERE dir IN (${chosen})`),
    run(`DELETE FROM dirs WHERE id IN (${chosen})`),
  ]);
  return results.length;
}

/**
 * Removes some blobs after `cursor` that stand in no directory, with their facts. Returns the next cursor, null when
 * none was left to look at, and the sets of vectors that are no longer noted.
 */
export async function sweepBlobs(
  shard: D1Database,
  scope: RepoScope,
  now: number,
  cursor: number,
): Promise<{ cursor: number | null; sets: SetPlace[] }> {
  const { key } = scope.repo;
  const { results } = await shard
    .prepare(
      `SELECT id FROM blobs WHERE repo = ?1 AND id > ?2
         AND NOT EXISTS (SELECT 1 FROM entries WHERE entries.blob = blobs.id)
       ORDER BY id LIMIT ?3`,
    )
    .bind(key, cursor, BLOBS_AT_ONCE)
    .all<{ id: number }>();
  const last = results.at(-1);
  if (!last) return { cursor: null, sets: [] };
  const ids = JSON.stringify(results.map((row) => row.id));
  const chosen = `SELECT value FROM json_each(?3) WHERE ${QUIET}
    AND NOT EXISTS (SELECT 1 FROM entries WHERE entries.blob = value)`;
  const answers = await shard.batch([
    shard
      .prepare(
        `DELETE FROM ${fullTextTable('text', scope)} WHERE rowid IN (SELECT id FROM chunks WHERE blob IN (${chosen}))`,
      )
      .bind(key, now, ids),
    shard
      .prepare(
        `DELETE FROM ${fullTextTable('grep', scope)} WHERE rowid IN (
           SELECT t.id FROM (${chosen}) b CROSS JOIN text_blocks t ON ${blocksOf('b.value')})`,
      )
      .bind(key, now, ids),
    ...deleteFacts(shard, chosen, [key, now, ids]),
  ]);
  return { cursor: last.id, sets: setsIn(answers) };
}

/** The rows that `deleteFacts` returns: of the statements, only the one about vectors returns any. */
function setsIn(answers: D1Result[]): SetPlace[] {
  return answers.flatMap(({ results }) => results as SetPlace[]);
}

/** Deletes blobs with their facts; `chosen` is a SELECT of their ids that yields the same in every statement. */
function deleteFacts(shard: D1Database, chosen: string, values: (number | string)[]): D1PreparedStatement[] {
  const statements = [
    `DELETE FROM symbols WHERE id IN (
       SELECT s.id FROM (${chosen}) b CROSS JOIN symbols s
         ON s.id BETWEEN b.value * 65536 AND b.value * 65536 + 65535)`,
    `DELETE FROM chunks WHERE blob IN (${chosen})`,
    `DELETE FROM text_blocks WHERE id IN (
       SELECT t.id FROM (${chosen}) b CROSS JOIN text_blocks t ON ${blocksOf('b.value')})`,
    `DELETE FROM imports WHERE blob IN (${chosen})`,
    `DELETE FROM call_sites WHERE blob IN (${chosen})`,
    `DELETE FROM vector_sets WHERE blob IN (${chosen}) RETURNING blob AS blobId, segment, at, count`,
    `DELETE FROM blobs WHERE id IN (${chosen})`,
  ];
  return statements.map((sql) => shard.prepare(sql).bind(...values));
}

/** Removes some of a closed repo's directories; true while there may be more. */
export async function removeDirs(shard: D1Database, scope: RepoScope): Promise<boolean> {
  const chosen = 'SELECT id FROM dirs WHERE repo = ?1 ORDER BY id LIMIT ?2';
  const run = (sql: string) => shard.prepare(sql).bind(scope.repo.key, DIRS_AT_ONCE);
  const answers = await shard.batch([
    run(`DELETE FROM snapshot_dirs WHERE dir IN (${chosen})`),
    run(`DELETE FROM entries WHERE dir IN (${chosen})`),
    run(`DELETE FROM dirs WHERE id IN (${chosen})`),
  ]);
  return (answers.at(-1)?.meta.changes ?? 0) > 0;
}

/** Removes some of a closed repo's blobs with their facts; `more` while there may be some left. */
export async function removeBlobs(
  shard: D1Database,
  scope: RepoScope,
): Promise<{ more: boolean; sets: SetPlace[] }> {
  const chosen = 'SELECT id AS value FROM blobs WHERE repo = ?1 ORDER BY id LIMIT ?2';
  const answers = await shard.batch(deleteFacts(shard, chosen, [scope.repo.key, BLOBS_AT_ONCE]));
  return { more: (answers.at(-1)?.meta.changes ?? 0) > 0, sets: setsIn(answers) };
}
