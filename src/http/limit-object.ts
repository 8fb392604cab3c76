/**
 * Exact fixed-window counters, one Durable Object a subject (`user:<id>`, `ip:<address>`, `account:<name>`). An object
 * is single-threaded, so between reading a counter and raising it nothing else runs: 1,000 requests at once against a
 * limit of 100 let exactly 100 through. A window begins with the first request that falls outside the last one.
 */
import { DurableObject } from 'cloudflare:workers';
import type { Env } from '../env.ts';
import { type BeginOutcome, type KeyedRequest, ReplayLog, type StoredAnswer } from './replay-log.ts';

/** One policy applied to this subject. */
export interface Quota {
  name: string;
  limit: number;
  /** Seconds. */
  window: number;
}

export interface QuotaState extends Quota {
  remaining: number;
  /** When the window ends, epoch seconds. */
  reset: number;
}

/** `allowed: false` names in `exceeded` the first policy without room; nothing was counted then. */
export type TakeOutcome =
  | { allowed: true; states: QuotaState[]; redeemed: boolean }
  | { allowed: false; states: QuotaState[]; exceeded: QuotaState };

export interface TakeRequest {
  quotas: Quota[];
  /** A single-use id (of a socket ticket) to use up in the same step; `redeemed` tells whether it was still unused. */
  redeem?: { id: string; expiresAt: number };
}

interface Counter {
  count: number;
  /** Epoch milliseconds. */
  endsAt: number;
}

const DAY_MS = 24 * 3_600_000;

export class LimitObject extends DurableObject<Env> {
  #counters = new Map<string, Counter>();
  #alarmAt = 0;
  #replays: ReplayLog;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const sql = ctx.storage.sql;
    sql.exec(
      'CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, count INTEGER, ends_at INTEGER) WITHOUT ROWID',
    );
    sql.exec('CREATE TABLE IF NOT EXISTS redeemed (id TEXT PRIMARY KEY, ends_at INTEGER) WITHOUT ROWID');
    for (const row of sql.exec<{ name: string; count: number; ends_at: number }>('SELECT * FROM counters')) {
      this.#counters.set(row.name, { count: row.count, endsAt: row.ends_at });
    }
    this.#replays = new ReplayLog(sql);
  }

  /** Counts one request against every quota, or against none when one of them has no room. */
  take({ quotas, redeem }: TakeRequest): TakeOutcome {
    const now = Date.now();
    const current = quotas.map((quota) => this.#current(quota, now));
    const full = quotas.findIndex((quota, index) => current[index]!.count >= quota.limit);
    if (full >= 0) {
      const states = quotas.map((quota, index) => state(quota, current[index]!));
      return { allowed: false, states, exceeded: states[full]! };
    }
    const states = quotas.map((quota, index) => this.#raise(quota, current[index]!));
    return { allowed: true, states, redeemed: redeem ? this.#redeem(redeem, now) : false };
  }

  /** Forgets a counter: failures of an account are cleared by a success. */
  clear(name: string): void {
    this.#counters.delete(name);
    this.ctx.storage.sql.exec('DELETE FROM counters WHERE name = ?', name);
  }

  /** Claims an Idempotency-Key of this subject, or tells what became of it; see `ReplayLog`. */
  beginOnce(request: KeyedRequest): BeginOutcome {
    const now = Date.now();
    this.#wakeAt(now + DAY_MS);
    return this.#replays.begin(request, now);
  }

  finishOnce(request: KeyedRequest, answer: StoredAnswer | null): void {
    this.#replays.finish(request, answer, Date.now());
  }

  /** Drops what has ended, and wakes again while anything is left. */
  override async alarm(): Promise<void> {
    const now = Date.now();
    for (const [name, counter] of this.#counters) if (counter.endsAt <= now) this.#counters.delete(name);
    const sql = this.ctx.storage.sql;
    sql.exec('DELETE FROM counters WHERE ends_at <= ?', now);
    sql.exec('DELETE FROM redeemed WHERE ends_at <= ?', now);
    this.#replays.sweep(now);
    const next = sql
      .exec<{ at: number | null }>(
        `SELECT max(ends_at) AS at FROM
          (SELECT ends_at FROM counters UNION ALL SELECT ends_at FROM redeemed UNION ALL SELECT ends_at FROM answers)`,
      )
      .one().at;
    this.#alarmAt = 0;
    if (next !== null) this.#wakeAt(next);
  }

  #current(quota: Quota, now: number): Counter {
    const counter = this.#counters.get(quota.name);
    // A window longer than the policy's own is one from before the policy was changed.
    const alive = counter && counter.endsAt > now && counter.endsAt <= now + quota.window * 1000;
    return alive ? counter : { count: 0, endsAt: now + quota.window * 1000 };
  }

  #raise(quota: Quota, counter: Counter): QuotaState {
    const raised = { count: counter.count + 1, endsAt: counter.endsAt };
    this.#counters.set(quota.name, raised);
    this.ctx.storage.sql.exec(
      'INSERT OR REPLACE INTO counters (name, count, ends_at) VALUES (?, ?, ?)',
      quota.name,
      raised.count,
      raised.endsAt,
    );
    this.#wakeAt(raised.endsAt);
    return state(quota, raised);
  }

  #redeem(ticket: { id: string; expiresAt: number }, now: number): boolean {
    if (ticket.expiresAt <= now) return false;
    const { rowsWritten } = this.ctx.storage.sql.exec(
      'INSERT OR IGNORE INTO redeemed (id, ends_at) VALUES (?, ?)',
      ticket.id,
      ticket.expiresAt,
    );
    this.#wakeAt(ticket.expiresAt);
    return rowsWritten > 0;
  }

  /** One alarm write a window, not one a request; the minute of grace folds neighbouring windows into one alarm. */
  #wakeAt(time: number): void {
    if (this.#alarmAt >= time) return;
    this.#alarmAt = time + 60_000;
    void this.ctx.storage.setAlarm(this.#alarmAt);
  }
}

function state(quota: Quota, counter: Counter): QuotaState {
  return {
    ...quota,
    remaining: Math.max(0, quota.limit - counter.count),
    reset: Math.ceil(counter.endsAt / 1000),
  };
}
