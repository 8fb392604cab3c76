/**
 * All that is counted in the deployment: one object, so that a sum is a sum. It takes batches (see `meter.ts`), about one
 * a second from each isolate that works, and keeps them in SQLite, so that a restart loses none.
 *
 * Bounded: operations are templates, so their series are as many as the API has operations and statuses; hours are kept
 * for a week, custom series for 90 days after they were last raised, questions of one user a day for two days.
 */
import { DurableObject } from 'cloudflare:workers';
import type { Env } from '../../env.ts';
import { addTo, emptyHistogram, type Histogram } from './histogram.ts';
import type { Batch, QuerySeries, RequestSeries, Violation } from './meter.ts';
import {
  CUSTOM_KEPT_DAYS,
  MAX_CUSTOM,
  MAX_CUSTOM_OF_USER,
  MAX_HOURS,
  MAX_QUERY_ROWS,
} from './metrics-limits.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Rows of `requests` since the beginning; others belong to the hour that began then. */
const EVER = 0;

export interface Increment {
  name: string;
  value: number;
  tags: Record<string, string>;
  userId: string;
}

export type IncrementOutcome = { kind: 'counted'; total: number } | { kind: 'too-many-series' };

export interface CustomSeries {
  name: string;
  tags: Record<string, string>;
  value: number;
}

export interface Counts {
  /** When counting began, epoch milliseconds. */
  since: number;
  requests: RequestSeries[];
  violations: Violation[];
  custom: CustomSeries[];
  dropped: number;
}

export interface Asked {
  total: number;
  today: number;
  /** Milliseconds of all together. */
  ms: number;
  byKind: Record<string, number>;
}

export class MetricsObject extends DurableObject<Env> {
  #sql: SqlStorage;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#sql = ctx.storage.sql;
    for (const table of [
      'requests (hour INTEGER, operation TEXT, status INTEGER, times TEXT, PRIMARY KEY (hour, operation, status))',
      'violations (hour INTEGER, policy TEXT, count INTEGER, PRIMARY KEY (hour, policy))',
      'custom (name TEXT, tags TEXT, value REAL, made_by TEXT, raised_at INTEGER, PRIMARY KEY (name, tags))',
      'queries (user_id TEXT, kind TEXT, count INTEGER, ms REAL, asked_at INTEGER, PRIMARY KEY (user_id, kind))',
      'query_days (day INTEGER, user_id TEXT, count INTEGER, PRIMARY KEY (day, user_id))',
      'totals (name TEXT PRIMARY KEY, value INTEGER)',
    ])
      this.#sql.exec(`CREATE TABLE IF NOT EXISTS ${table} WITHOUT ROWID`);
    this.#sql.exec("INSERT OR IGNORE INTO totals VALUES ('since', ?), ('dropped', 0)", Date.now());
  }

  /** Takes a batch, or nothing of it. */
  async add(batch: Batch): Promise<void> {
    const now = Date.now();
    this.ctx.storage.transactionSync(() => {
      for (const hour of [EVER, hourOf(now)]) {
        for (const series of batch.requests) this.#addRequests(hour, series);
        for (const violation of batch.violations) this.#addViolations(hour, violation);
      }
      for (const series of batch.queries) this.#addQueries(series, now);
      this.#sql.exec("UPDATE totals SET value = value + ? WHERE name = 'dropped'", batch.dropped);
    });
    await this.#wakeTomorrow(now);
  }

  /** Raises a custom metric; the first of its name and tags makes the series. */
  async increment({ name, value, tags, userId }: Increment): Promise<IncrementOutcome> {
    const now = Date.now();
    const key = JSON.stringify(Object.entries(tags).sort(([a], [b]) => (a < b ? -1 : 1)));
    const [raised] = this.#sql
      .exec<{ value: number }>(
        'UPDATE custom SET value = value + ?, raised_at = ? WHERE name = ? AND tags = ? RETURNING value',
        value,
        now,
        name,
        key,
      )
      .toArray();
    if (raised) return { kind: 'counted', total: raised.value };
    const { own, total } = this.#sql
      .exec<{ own: number; total: number }>(
        'SELECT count(*) FILTER (WHERE made_by = ?) AS own, count(*) AS total FROM custom',
        userId,
      )
      .one();
    if (own >= MAX_CUSTOM_OF_USER || total >= MAX_CUSTOM) return { kind: 'too-many-series' };
    this.#sql.exec('INSERT INTO custom VALUES (?, ?, ?, ?, ?)', name, key, value, userId, now);
    await this.#wakeTomorrow(now);
    return { kind: 'counted', total: value };
  }

  /** What was counted since the beginning, or in the last hours: from the beginning of the one it was then. */
  counts(hours: number | null): Counts {
    const from = hours === null ? EVER : hourOf(Date.now() - hours * HOUR_MS);
    const to = hours === null ? EVER : Number.MAX_SAFE_INTEGER;
    const found = new Map<string, RequestSeries>();
    for (const { operation, status, times } of this.#sql.exec<{
      operation: string;
      status: number;
      times: string;
    }>(
      'SELECT operation, status, times FROM requests WHERE hour BETWEEN ? AND ? ORDER BY operation, status',
      from,
      to,
    )) {
      const key = `${operation} ${status}`;
      const series = found.get(key) ?? { operation, status, times: emptyHistogram() };
      addTo(series.times, JSON.parse(times) as Histogram);
      found.set(key, series);
    }
    const custom = this.#sql
      .exec<{ name: string; tags: string; value: number }>('SELECT name, tags, value FROM custom')
      .toArray();
    return {
      since: this.#total('since'),
      requests: [...found.values()],
      violations: this.#sql
        .exec<{ policy: string; count: number }>(
          'SELECT policy, sum(count) AS count FROM violations WHERE hour BETWEEN ? AND ? GROUP BY policy ORDER BY policy',
          from,
          to,
        )
        .toArray(),
      custom: custom.map(({ name, tags, value }) => ({
        name,
        value,
        tags: Object.fromEntries(JSON.parse(tags) as [string, string][]),
      })),
      dropped: this.#total('dropped'),
    };
  }

  /** The questions of one user, or (null) of all. */
  asked(userId: string | null): Asked {
    const rows = this.#sql
      .exec<{ kind: string; count: number; ms: number }>(
        'SELECT kind, sum(count) AS count, sum(ms) AS ms FROM queries WHERE ?1 IS NULL OR user_id = ?1 GROUP BY kind ORDER BY kind',
        userId,
      )
      .toArray();
    const { today } = this.#sql
      .exec<{ today: number }>(
        'SELECT coalesce(sum(count), 0) AS today FROM query_days WHERE day = ?2 AND (?1 IS NULL OR user_id = ?1)',
        userId,
        dayOf(Date.now()),
      )
      .one();
    return {
      total: rows.reduce((sum, row) => sum + row.count, 0),
      today,
      ms: rows.reduce((sum, row) => sum + row.ms, 0),
      byKind: Object.fromEntries(rows.map(({ kind, count }) => [kind, count])),
    };
  }

  /** Once a day: forgets what is older than it is kept. */
  override async alarm(): Promise<void> {
    const now = Date.now();
    const old = now - MAX_HOURS * HOUR_MS - HOUR_MS;
    for (const table of ['requests', 'violations'])
      this.#sql.exec(`DELETE FROM ${table} WHERE hour <> ? AND hour < ?`, EVER, old);
    this.#sql.exec('DELETE FROM custom WHERE raised_at < ?', now - CUSTOM_KEPT_DAYS * DAY_MS);
    this.#sql.exec('DELETE FROM query_days WHERE day < ?', dayOf(now) - 1);
    this.#forgetWhoAsked();
    await this.ctx.storage.setAlarm(now + DAY_MS);
  }

  async #wakeTomorrow(now: number): Promise<void> {
    if ((await this.ctx.storage.getAlarm()) === null) await this.ctx.storage.setAlarm(now + DAY_MS);
  }

  #forgetWhoAsked(): void {
    const surplus = 'FROM queries ORDER BY asked_at DESC LIMIT -1 OFFSET ?';
    const rows = this.#sql
      .exec<{ user_id: string; kind: string; count: number; ms: number; asked_at: number }>(
        `SELECT * ${surplus}`,
        MAX_QUERY_ROWS,
      )
      .toArray();
    for (const { user_id, kind, count, ms, asked_at } of rows) {
      this.#sql.exec('DELETE FROM queries WHERE user_id = ? AND kind = ?', user_id, kind);
      this.#raiseQueries('', kind, count, ms, asked_at);
    }
  }

  #addRequests(hour: number, { operation, status, times }: RequestSeries): void {
    const [known] = this.#sql
      .exec<{ times: string }>(
        'SELECT times FROM requests WHERE hour = ? AND operation = ? AND status = ?',
        hour,
        operation,
        status,
      )
      .toArray();
    const sum = known ? (JSON.parse(known.times) as Histogram) : emptyHistogram();
    addTo(sum, times);
    this.#sql.exec(
      'INSERT OR REPLACE INTO requests VALUES (?, ?, ?, ?)',
      hour,
      operation,
      status,
      JSON.stringify(sum),
    );
  }

  #addViolations(hour: number, { policy, count }: Violation): void {
    this.#sql.exec(
      'INSERT INTO violations VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count',
      hour,
      policy,
      count,
    );
  }

  #addQueries({ userId, kind, count, ms }: QuerySeries, now: number): void {
    this.#raiseQueries(userId, kind, count, ms, now);
    this.#sql.exec(
      'INSERT INTO query_days VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count',
      dayOf(now),
      userId,
      count,
    );
  }

  #raiseQueries(userId: string, kind: string, count: number, ms: number, at: number): void {
    this.#sql.exec(
      `INSERT INTO queries VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE
       SET count = count + excluded.count, ms = ms + excluded.ms, asked_at = max(asked_at, excluded.asked_at)`,
      userId,
      kind,
      count,
      ms,
      at,
    );
  }

  #total(name: string): number {
    return this.#sql.exec<{ value: number }>('SELECT value FROM totals WHERE name = ?', name).one().value;
  }
}

/** When its hour began. */
function hourOf(time: number): number {
  return time - (time % HOUR_MS);
}

/** Days since 1970, UTC. */
function dayOf(time: number): number {
  return Math.floor(time / DAY_MS);
}
