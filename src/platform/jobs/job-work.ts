import type { Batch } from './jobs.ts';

/** The batches of one job and who runs what at the moment, in its object's SQLite. */
export function jobWork(sql: SqlStorage) {
  sql.exec(
    'CREATE TABLE IF NOT EXISTS batches (n INTEGER PRIMARY KEY, blobs TEXT NOT NULL, done INTEGER NOT NULL DEFAULT 0)',
  );
  sql.exec('CREATE TABLE IF NOT EXISTS leases (work TEXT PRIMARY KEY, at INTEGER NOT NULL)');
  return {
    /** Stores batches from number `first` on; those already there stay as they are. */
    add(first: number, batches: Batch[]): void {
      batches.forEach((batch, index) => {
        sql.exec(
          'INSERT OR IGNORE INTO batches (n, blobs) VALUES (?, ?)',
          first + index,
          JSON.stringify(batch.blobs),
        );
      });
    },
    /** How many batches there are, done ones included: the number of the next. */
    count(): number {
      return sql.exec<{ next: number }>('SELECT coalesce(max(n) + 1, 0) AS next FROM batches').one().next;
    },
    open(): number[] {
      return sql
        .exec<{ n: number }>('SELECT n FROM batches WHERE done = 0 ORDER BY n')
        .toArray()
        .map((row) => row.n);
    },
    outstanding(): number {
      return sql.exec<{ count: number }>('SELECT count(*) AS count FROM batches WHERE done = 0').one().count;
    },
    /** Null when unknown or done. */
    batch(n: number): Batch | null {
      const [row] = sql
        .exec<{ blobs: string }>('SELECT blobs FROM batches WHERE n = ? AND done = 0', n)
        .toArray();
      return row ? { blobs: JSON.parse(row.blobs) } : null;
    },
    /** True the first time only: a redelivered batch is counted once. */
    finish(n: number): boolean {
      return sql.exec('UPDATE batches SET done = 1 WHERE n = ? AND done = 0', n).rowsWritten > 0;
    },
    /** Takes a piece of work unless its holder gave a sign of life since `deadBefore`. */
    take(work: string, now: number, deadBefore: number): boolean {
      const held =
        sql.exec('SELECT 1 FROM leases WHERE work = ? AND at > ?', work, deadBefore).toArray().length > 0;
      if (!held) sql.exec('INSERT OR REPLACE INTO leases (work, at) VALUES (?, ?)', work, now);
      return !held;
    },
    keep(work: string, now: number): void {
      sql.exec('UPDATE leases SET at = ? WHERE work = ?', now, work);
    },
    release(work: string): void {
      sql.exec('DELETE FROM leases WHERE work = ?', work);
    },
    /** What is being run by a holder that gave a sign of life since `deadBefore`. */
    held(deadBefore: number): Set<string> {
      const rows = sql.exec<{ work: string }>('SELECT work FROM leases WHERE at > ?', deadBefore).toArray();
      return new Set(rows.map((row) => row.work));
    },
    clear(): void {
      sql.exec('DELETE FROM batches');
    },
  };
}
export type JobWork = ReturnType<typeof jobWork>;

/** The name of a piece of work: a step, or one batch of `process`. */
export function workName(step: string, batch?: number): string {
  return batch === undefined ? step : `${step}:${batch}`;
}
