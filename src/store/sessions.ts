/** Logins: one row a session, whose refresh tokens rotate. Every function is one statement or one transaction. */
import { and, desc, eq, gt, isNull, sql } from 'drizzle-orm';
import { type AuditEntry, audited, recordOfChange, sweepAudit } from './audit.ts';
import { type ControlDb, transact } from './control-db.ts';
import { sessions } from './control-schema.ts';

export type SessionRow = typeof sessions.$inferSelect;

/** Live sessions a user may have; at the next login the ones refreshed longest ago end. */
const MAX_SESSIONS = 200;

export type NewSession = Pick<
  SessionRow,
  'id' | 'userId' | 'refreshHash' | 'scopes' | 'method' | 'expiresAt'
> & {
  now: string;
};

/** Opens a session and forgets those of the user that are over. False when the user is gone or disabled. */
export async function insertSession(db: ControlDb, session: NewSession, entry: AuditEntry): Promise<boolean> {
  const { id, userId, refreshHash, method, now, expiresAt } = session;
  const scopes = session.scopes && JSON.stringify(session.scopes);
  const [, , inserted] = await transact(db, [
    sweepAudit(now),
    sql`DELETE FROM sessions WHERE user_id = ${userId} AND (revoked_at IS NOT NULL OR expires_at <= ${now} OR id IN
      (SELECT id FROM sessions WHERE user_id = ${userId} ORDER BY refreshed_at DESC, id DESC LIMIT -1 OFFSET ${MAX_SESSIONS - 1}))`,
    ...audited(
      sql`INSERT INTO sessions (id, user_id, refresh_hash, scopes, method, created_at, refreshed_at, expires_at)
        SELECT ${id}, id, ${refreshHash}, ${scopes}, ${method}, ${now}, ${now}, ${expiresAt}
        FROM users WHERE id = ${userId} AND disabled = 0`,
      entry,
    ),
  ]);
  return (inserted?.meta.changes ?? 0) > 0;
}

/**
 * Exchanges a session's refresh hash for a new one. False when the session is over or the old hash is not the current
 * one; the comparison and the write are one statement, so of two exchanges at once one wins.
 */
export async function rotateSession(
  db: ControlDb,
  change: { id: string; oldHash: string; newHash: string; now: string; expiresAt: string },
): Promise<boolean> {
  const rows = await db
    .update(sessions)
    .set({ refreshHash: change.newHash, refreshedAt: change.now, expiresAt: change.expiresAt })
    .where(
      and(
        eq(sessions.id, change.id),
        eq(sessions.refreshHash, change.oldHash),
        isNull(sessions.revokedAt),
        gt(sessions.expiresAt, change.now),
        sql`EXISTS (SELECT 1 FROM users u WHERE u.id = ${sessions.userId} AND u.disabled = 0)`,
      ),
    )
    .returning({ id: sessions.id });
  return rows.length > 0;
}

/** Ends a session of the user: its access and refresh tokens stop at the next request. False when there was none. */
export async function revokeSession(
  db: ControlDb,
  session: { id: string; userId: string },
  now: string,
  entry: AuditEntry,
): Promise<boolean> {
  const live = and(
    eq(sessions.id, session.id),
    eq(sessions.userId, session.userId),
    isNull(sessions.revokedAt),
  );
  const [ended] = await transact(db, [
    ...audited(db.update(sessions).set({ revokedAt: now }).where(live), entry),
  ]);
  return (ended?.meta.changes ?? 0) > 0;
}

/** Ends every session of the user. */
export async function revokeSessions(
  db: ControlDb,
  userId: string,
  now: string,
  entry: AuditEntry,
): Promise<void> {
  await transact(db, [
    db
      .update(sessions)
      .set({ revokedAt: now })
      .where(and(eq(sessions.userId, userId), isNull(sessions.revokedAt))),
    recordOfChange(entry),
  ]);
}

/** The live sessions of a user, latest refreshed first. At most `MAX_SESSIONS`. */
export async function listSessions(db: ControlDb, userId: string, now: string): Promise<SessionRow[]> {
  return db
    .select()
    .from(sessions)
    .where(and(eq(sessions.userId, userId), isNull(sessions.revokedAt), gt(sessions.expiresAt, now)))
    .orderBy(desc(sessions.refreshedAt), desc(sessions.id));
}
