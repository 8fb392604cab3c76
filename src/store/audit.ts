/** The audit log: who did what to whom. Entries are written in the transaction of the change they tell about. */
import { and, desc, eq, gte, lt, or, type SQL, sql } from 'drizzle-orm';
import { type ControlDb, type Statement, transact } from './control-db.ts';
import { auditLog } from './control-schema.ts';
import type { Caller } from './scope.ts';

export const AUDIT_ACTIONS = [
  'login.succeeded',
  'login.failed',
  'logout',
  'session.replayed',
  'session.revoked',
  'user.created',
  'user.identity_linked',
  'user.updated',
  'user.role_changed',
  'user.disabled',
  'user.enabled',
  'user.deleted',
  'user.password_changed',
  'user.reset_link_made',
  'key.created',
  'key.revoked',
  'group.created',
  'group.deleted',
  'group.role_granted',
  'group.role_revoked',
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/** `operator`: somebody with rights in the account that runs the deployment, from the command line. */
export type AuditVia = Caller['via'] | 'operator';

export interface AuditTarget {
  kind: 'user' | 'key' | 'session' | 'group';
  id: string;
  name: string | null;
}

export interface AuditEntry {
  /** UUIDv7: entries are listed in the order of their ids. */
  id: string;
  at: string;
  actorId: string | null;
  actorName: string | null;
  via: AuditVia;
  action: AuditAction;
  target: AuditTarget | null;
  /** Must not hold a secret. */
  detail: Record<string, unknown>;
  ip: string | null;
  requestId: string | null;
}

export type AuditRow = typeof auditLog.$inferSelect;

/** Writes the entry if, and only if, the statement before it in the transaction changed a row. */
export function recordOfChange(entry: AuditEntry): SQL {
  return sql`INSERT INTO audit_log (id, at, actor_id, actor_name, via, action, target_kind, target_id, target_name, detail, ip, request_id)
    SELECT ${entry.id}, ${entry.at}, ${entry.actorId}, ${entry.actorName}, ${entry.via}, ${entry.action}, ${entry.target?.kind ?? null},
      ${entry.target?.id ?? null}, ${entry.target?.name ?? null}, ${JSON.stringify(entry.detail)}, ${entry.ip}, ${entry.requestId}
    WHERE changes() > 0`;
}

/** The change and its entry, for a transaction. */
export function audited(change: Statement, entry: AuditEntry): [Statement, SQL] {
  return [change, recordOfChange(entry)];
}

const KEPT_MS = 400 * 24 * 3_600_000;
/** How many old entries go when a new one comes: more than one, so that the log shrinks to what is kept. */
const SWEPT_AT_ONCE = 20;

/** Removes the oldest entries when they are older than 400 days. Goes with every attempt at a login. */
export function sweepAudit(now: string): SQL {
  const oldest = new Date(Date.parse(now) - KEPT_MS).toISOString();
  return sql`DELETE FROM audit_log WHERE id IN
    (SELECT id FROM (SELECT id, at FROM audit_log ORDER BY id LIMIT ${SWEPT_AT_ONCE}) WHERE at < ${oldest})`;
}

/** Writes an entry of its own: something was tried and nothing changed. */
export async function recordEvent(db: ControlDb, entry: AuditEntry): Promise<void> {
  await transact(db, [
    sweepAudit(entry.at),
    db.insert(auditLog).values({
      id: entry.id,
      at: entry.at,
      actorId: entry.actorId,
      actorName: entry.actorName,
      via: entry.via,
      action: entry.action,
      targetKind: entry.target?.kind ?? null,
      targetId: entry.target?.id ?? null,
      targetName: entry.target?.name ?? null,
      detail: entry.detail,
      ip: entry.ip,
      requestId: entry.requestId,
    }),
  ]);
}

export interface AuditFilter {
  /** Id or name of who did it. */
  actor?: string;
  action?: AuditAction;
  /** Id or name of what it was done to. */
  target?: string;
  /** ISO 8601, inclusive and exclusive. */
  since?: string;
  until?: string;
  limit: number;
  offset: number;
}

/** Entries, newest first, and how many there are in all. */
export async function listAudit(
  db: ControlDb,
  filter: AuditFilter,
): Promise<{ rows: AuditRow[]; total: number }> {
  const { actor, action, target, since, until } = filter;
  const where = and(
    actor === undefined ? undefined : or(eq(auditLog.actorId, actor), eq(auditLog.actorName, actor)),
    action && eq(auditLog.action, action),
    target === undefined ? undefined : or(eq(auditLog.targetId, target), eq(auditLog.targetName, target)),
    since === undefined ? undefined : gte(auditLog.at, since),
    until === undefined ? undefined : lt(auditLog.at, until),
  );
  const [rows, total] = await Promise.all([
    db
      .select()
      .from(auditLog)
      .where(where)
      .orderBy(desc(auditLog.id))
      .limit(filter.limit)
      .offset(filter.offset),
    db.$count(auditLog, where),
  ]);
  return { rows, total };
}
