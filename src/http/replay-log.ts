/** What was answered to a request with an Idempotency-Key: kept for a day in the caller's own object. */
import type { GroupRole, Role } from '../store/scope.ts';

export interface StoredAnswer {
  status: number;
  headers: Record<string, string>;
  body: string;
  rights: Rights;
}

/** What the caller was when the request began. */
export interface Rights {
  role: Role | null;
  /** By id of the group. */
  groups: Record<string, GroupRole>;
}

export interface KeyedRequest {
  /** Method, path and key: what must be the same for a request to be the same one. */
  id: string;
  /** Hash of the body. */
  fingerprint: string;
  /** This attempt, so that one that outlived its lease does not overwrite another's answer. */
  attempt: string;
}

/** `begun`: go on, and report with `finish`. Everything else is the answer already. */
export type BeginOutcome =
  | { kind: 'begun' }
  | { kind: 'in-flight' }
  | { kind: 'other-body' }
  | { kind: 'answered'; answer: StoredAnswer };

const KEPT_MS = 24 * 3_600_000;
/** An attempt that never reports (its isolate died) blocks its key for so long; no request of ours takes longer. */
const LEASE_MS = 120_000;
/** Longer answers are not kept: a repeat runs again rather than filling the object. */
const MAX_BODY = 512 * 1024;

interface Row extends Record<string, SqlStorageValue> {
  fingerprint: string;
  answer: string | null;
}

/** Runs inside a Durable Object: nothing else happens between reading and writing. */
export class ReplayLog {
  #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(
      'CREATE TABLE IF NOT EXISTS answers (id TEXT PRIMARY KEY, fingerprint TEXT, attempt TEXT, answer TEXT, ends_at INTEGER) WITHOUT ROWID',
    );
  }

  /** Claims the key for this attempt, or says what became of an earlier one. */
  begin({ id, fingerprint, attempt }: KeyedRequest, now: number): BeginOutcome {
    const [row] = this.#sql
      .exec<Row>('SELECT fingerprint, answer FROM answers WHERE id = ? AND ends_at > ?', id, now)
      .toArray();
    if (row && row.fingerprint !== fingerprint) return { kind: 'other-body' };
    if (row?.answer) return { kind: 'answered', answer: JSON.parse(row.answer) as StoredAnswer };
    if (row) return { kind: 'in-flight' };
    this.#sql.exec(
      'INSERT OR REPLACE INTO answers (id, fingerprint, attempt, answer, ends_at) VALUES (?, ?, ?, NULL, ?)',
      id,
      fingerprint,
      attempt,
      now + LEASE_MS,
    );
    return { kind: 'begun' };
  }

  /** Keeps the answer for a day; without one the key is free again. */
  finish({ id, attempt }: KeyedRequest, answer: StoredAnswer | null, now: number): void {
    if (answer === null || answer.body.length > MAX_BODY) {
      this.#sql.exec('DELETE FROM answers WHERE id = ? AND attempt = ?', id, attempt);
      return;
    }
    this.#sql.exec(
      'UPDATE answers SET answer = ?, ends_at = ? WHERE id = ? AND attempt = ?',
      JSON.stringify(answer),
      now + KEPT_MS,
      id,
      attempt,
    );
  }

  sweep(now: number): void {
    this.#sql.exec('DELETE FROM answers WHERE ends_at <= ?', now);
  }
}
