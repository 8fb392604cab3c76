import type { JobEvent } from './job-state.ts';

/** The numbered events of one job, in its object's SQLite. Synchronous: an event is durable before it is sent. */
export function jobLog(sql: SqlStorage) {
  sql.exec(
    'CREATE TABLE IF NOT EXISTS events (seq INTEGER PRIMARY KEY AUTOINCREMENT, type TEXT NOT NULL, payload TEXT NOT NULL)',
  );
  const read = (row: Record<string, SqlStorageValue>): JobEvent => ({
    type: row.type as JobEvent['type'],
    seq: row.seq as number,
    payload: JSON.parse(row.payload as string),
  });
  return {
    append(type: JobEvent['type'], payload: JobEvent['payload']): JobEvent {
      const { seq } = sql
        .exec<{ seq: number }>(
          'INSERT INTO events (type, payload) VALUES (?, ?) RETURNING seq',
          type,
          JSON.stringify(payload),
        )
        .one();
      return { type, seq, payload };
    },
    /** Events above `seq`, oldest first. Lazy: a resumed socket is fed row by row. */
    *since(seq: number): Iterable<JobEvent> {
      for (const row of sql.exec('SELECT seq, type, payload FROM events WHERE seq > ? ORDER BY seq', seq))
        yield read(row);
    },
    /** The number of the last event, 0 before the first. */
    last(): number {
      return sql.exec<{ seq: number }>('SELECT coalesce(max(seq), 0) AS seq FROM events').one().seq;
    },
  };
}
export type JobLog = ReturnType<typeof jobLog>;
