/**
 * A repo's existence in its shard: the fence that every write of facts checks, its full-text tables, its runs and
 * the ranges of ids that writes draw from.
 */
import { createFullText, dropFullText } from './full-text.ts';
import type { RepoScope } from './scope.ts';

/** A run that has not been heard of for this long no longer holds off a sweep. */
export const RUN_LEASE_MS = 60 * 60 * 1000;

/**
 * Makes the shard side of a repo (idempotent) and opens the run. False when the repo is deleted.
 *
 * Deleting marks the control row first and removes the fence after. Here the fence is set first and the control row
 * read after: whichever way the two interleave, either this sees the mark and undoes itself, or the deletion comes
 * later and finds what was made.
 */
export async function openRepo(
  stores: { control: D1Database; shard: D1Database },
  scope: RepoScope,
  run: { id: string; now: number },
): Promise<boolean> {
  const { key } = scope.repo;
  await stores.shard.batch([
    stores.shard.prepare('INSERT OR IGNORE INTO live_repos (repo) VALUES (?1)').bind(key),
    ...createFullText(stores.shard, scope),
    extendRun(stores.shard, scope, run),
  ]);
  const alive = await stores.control
    .prepare('SELECT 1 FROM repos WHERE key = ?1 AND deleted_at IS NULL')
    .bind(key)
    .first();
  if (alive) return true;
  await closeRepo(stores.shard, scope);
  return false;
}

/** Removes the fence, the runs and the full-text tables: from here on nothing can be written for the repo. */
export async function closeRepo(shard: D1Database, scope: RepoScope): Promise<void> {
  const { key } = scope.repo;
  await shard.batch([
    shard.prepare('DELETE FROM live_repos WHERE repo = ?1').bind(key),
    shard.prepare('DELETE FROM index_runs WHERE repo = ?1').bind(key),
    ...dropFullText(shard, scope),
  ]);
}

/** Opens a run or prolongs it, while the repo's fence stands. */
export function extendRun(
  shard: D1Database,
  scope: RepoScope,
  run: { id: string; now: number },
): D1PreparedStatement {
  return shard
    .prepare(
      `INSERT INTO index_runs (repo, run, until) SELECT repo, ?2, ?3 FROM live_repos WHERE repo = ?1
       ON CONFLICT (repo, run) DO UPDATE SET until = excluded.until`,
    )
    .bind(scope.repo.key, run.id, run.now + RUN_LEASE_MS);
}

export async function endRun(shard: D1Database, scope: RepoScope, runId: string): Promise<void> {
  await shard
    .prepare('DELETE FROM index_runs WHERE repo = ?1 AND run = ?2')
    .bind(scope.repo.key, runId)
    .run();
}

/** Whether the repo's fence stands. */
export async function isLive(shard: D1Database, scope: RepoScope): Promise<boolean> {
  return (
    (await shard.prepare('SELECT 1 FROM live_repos WHERE repo = ?1').bind(scope.repo.key).first()) !== null
  );
}

/** Reads next to nothing. @throws when the shard does not answer, or has no schema */
export async function probeShard(shard: D1Database): Promise<void> {
  await shard.prepare('SELECT 1 FROM blobs LIMIT 1').first();
}

export type Counter = 'blobs' | 'dirs' | 'entries';

/** Takes `count` consecutive ids of a counter; the first of them is returned as `first`. */
export function takeIds(shard: D1Database, counter: Counter, count: number): D1PreparedStatement {
  return shard
    .prepare('UPDATE counters SET next = next + ?2 WHERE name = ?1 RETURNING next - ?2 AS first')
    .bind(counter, count);
}
