/** Users, sessions and keys in the control database. Every function is one statement or one transaction. */
import { type Caller, GROUP_ROLES, type GroupRole, ROLES, type Role } from './scope.ts';

/** What a request presents, already verified as far as it can be without the database. */
export type CredentialRef =
  | { session: string; userId: string }
  | { keyHash: string }
  | { key: string; userId: string };

/** The caller as of now, with what expiry and bookkeeping need. Times are ISO 8601. */
export interface KnownCaller {
  caller: Caller & { userId: string };
  expiresAt: string | null;
  lastUsedAt: string | null;
}

interface CallerRow {
  user_id: string;
  username: string;
  role: string;
  credential_id: string;
  scopes: string | null;
  expires_at: string | null;
  last_used_at: string | null;
  personal_group_id: string | null;
  groups: string;
}

const CALLER_COLUMNS = `u.id AS user_id, u.username, u.role, c.id AS credential_id, c.scopes, c.expires_at,
  (SELECT g.id FROM groups g WHERE g.personal_user_id = u.id) AS personal_group_id,
  (SELECT json_group_object(m.group_id, m.role) FROM group_members m WHERE m.user_id = u.id) AS groups`;
const LIVE = 'c.revoked_at IS NULL AND u.disabled = 0';

/**
 * Who presents this credential and what they may do at this moment, in one query; null when it was revoked, never
 * existed, or its user is disabled. The caller of this function judges `expiresAt`.
 */
export async function findCaller(db: D1Database, ref: CredentialRef): Promise<KnownCaller | null> {
  const row = await callerStatement(db, ref).first<CallerRow>();
  if (!row) return null;
  return {
    caller: {
      userId: row.user_id,
      username: row.username,
      role: oneOf(ROLES, row.role),
      groups: groupRoles(row.groups),
      personalGroupId: row.personal_group_id,
      scopes: row.scopes === null ? null : new Set(JSON.parse(row.scopes) as string[]),
      via: 'session' in ref ? 'token' : 'key',
      credentialId: row.credential_id,
    },
    expiresAt: row.expires_at,
    lastUsedAt: row.last_used_at,
  };
}

function callerStatement(db: D1Database, ref: CredentialRef): D1PreparedStatement {
  if ('session' in ref) {
    return db
      .prepare(
        `SELECT ${CALLER_COLUMNS}, NULL AS last_used_at FROM sessions c JOIN users u ON u.id = c.user_id
         WHERE c.id = ?1 AND c.user_id = ?2 AND ${LIVE}`,
      )
      .bind(ref.session, ref.userId);
  }
  const keys = `SELECT ${CALLER_COLUMNS}, c.last_used_at FROM api_keys c JOIN users u ON u.id = c.user_id`;
  return 'key' in ref
    ? db.prepare(`${keys} WHERE c.id = ?1 AND c.user_id = ?2 AND ${LIVE}`).bind(ref.key, ref.userId)
    : db.prepare(`${keys} WHERE c.hash = ?1 AND ${LIVE}`).bind(ref.keyHash);
}

function oneOf<T extends string>(all: readonly T[], value: string): T {
  const known = all.find((item) => item === value);
  if (known === undefined) throw new Error('a role in the database is none of ours');
  return known;
}

function groupRoles(json: string): ReadonlyMap<string, GroupRole> {
  const roles = JSON.parse(json) as Record<string, string>;
  return new Map(Object.entries(roles).map(([group, role]) => [group, oneOf(GROUP_ROLES, role)]));
}

/** Notes that a key was used. Callers do it at most once a minute a key: rows written are what D1 charges for. */
export async function touchKey(db: D1Database, keyId: string, now: string): Promise<void> {
  await db.prepare('UPDATE api_keys SET last_used_at = ?2 WHERE id = ?1').bind(keyId, now).run();
}

export interface LoginRow {
  id: string;
  passwordHash: string | null;
  disabled: boolean;
}

/** The user a login names; names differ by more than ASCII case. */
export async function findLogin(db: D1Database, username: string): Promise<LoginRow | null> {
  const row = await db
    .prepare('SELECT id, password_hash, disabled FROM users WHERE username = ?1')
    .bind(username)
    .first<{ id: string; password_hash: string | null; disabled: number }>();
  return row && { id: row.id, passwordHash: row.password_hash, disabled: row.disabled !== 0 };
}

/** Replaces a password's hash, if it is still the one that was verified. */
export async function replacePasswordHash(
  db: D1Database,
  userId: string,
  old: string,
  fresh: string,
): Promise<void> {
  await db
    .prepare('UPDATE users SET password_hash = ?3 WHERE id = ?1 AND password_hash = ?2')
    .bind(userId, old, fresh)
    .run();
}

export interface NewSession {
  id: string;
  userId: string;
  refreshHash: string;
  scopes: string[] | null;
  now: string;
  expiresAt: string;
}

export async function insertSession(db: D1Database, session: NewSession): Promise<void> {
  await db
    .prepare(
      `INSERT INTO sessions (id, user_id, refresh_hash, scopes, created_at, refreshed_at, expires_at)
       VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6)`,
    )
    .bind(
      session.id,
      session.userId,
      session.refreshHash,
      session.scopes && JSON.stringify(session.scopes),
      session.now,
      session.expiresAt,
    )
    .run();
}

/**
 * Exchanges a session's refresh hash for a new one. False when the session is over or the old hash is not the current
 * one; the comparison and the write are one statement, so of two exchanges at once one wins.
 */
export async function rotateSession(
  db: D1Database,
  change: { id: string; oldHash: string; newHash: string; now: string; expiresAt: string },
): Promise<boolean> {
  const row = await db
    .prepare(
      `UPDATE sessions SET refresh_hash = ?3, refreshed_at = ?4, expires_at = ?5
       WHERE id = ?1 AND refresh_hash = ?2 AND revoked_at IS NULL AND expires_at > ?4
         AND EXISTS (SELECT 1 FROM users u WHERE u.id = sessions.user_id AND u.disabled = 0)
       RETURNING id`,
    )
    .bind(change.id, change.oldHash, change.newHash, change.now, change.expiresAt)
    .first<{ id: string }>();
  return row !== null;
}

/** Ends a session: its access and refresh tokens stop at the next request. */
export async function revokeSession(db: D1Database, id: string, now: string): Promise<void> {
  await db
    .prepare('UPDATE sessions SET revoked_at = ?2 WHERE id = ?1 AND revoked_at IS NULL')
    .bind(id, now)
    .run();
}

export interface Profile {
  id: string;
  username: string;
  email: string | null;
  role: Role;
  personal_group_id: string | null;
  groups: { id: string; name: string; role: GroupRole }[];
  created_at: string;
  updated_at: string;
}

/** A user as the user sees it. */
export async function findProfile(db: D1Database, userId: string): Promise<Profile | null> {
  const row = await db
    .prepare(
      `SELECT u.id, u.username, u.email, u.role, u.created_at, u.updated_at,
         (SELECT g.id FROM groups g WHERE g.personal_user_id = u.id) AS personal_group_id,
         (SELECT json_group_array(json_object('id', g.id, 'name', g.name, 'role', m.role))
            FROM group_members m JOIN groups g ON g.id = m.group_id WHERE m.user_id = u.id) AS groups
       FROM users u WHERE u.id = ?1`,
    )
    .bind(userId)
    .first<Omit<Profile, 'groups'> & { groups: string }>();
  return row && { ...row, groups: JSON.parse(row.groups) as Profile['groups'] };
}

export async function hasUsers(db: D1Database): Promise<boolean> {
  return (await db.prepare('SELECT 1 AS one FROM users LIMIT 1').first()) !== null;
}

export interface FirstAdmin {
  userId: string;
  groupId: string;
  username: string;
  passwordHash: string;
  key: { id: string; hash: string; prefix: string } | null;
  now: string;
}

/**
 * Creates the first admin with the personal group and key, unless any user exists. One transaction whose first
 * statement decides, and whose others follow only if it wrote: of several first boots at once, one creates.
 */
export async function createFirstAdmin(db: D1Database, admin: FirstAdmin): Promise<void> {
  const { userId, groupId, username, passwordHash, key, now } = admin;
  const statements = [
    db
      .prepare(
        `INSERT INTO users (id, username, password_hash, role, created_at, updated_at)
         SELECT ?1, ?2, ?3, 'admin', ?4, ?4 WHERE NOT EXISTS (SELECT 1 FROM users)`,
      )
      .bind(userId, username, passwordHash, now),
    db
      .prepare(
        `INSERT INTO groups (id, name, personal_user_id, created_at, updated_at)
         SELECT ?1, username, id, ?3, ?3 FROM users WHERE id = ?2`,
      )
      .bind(groupId, userId, now),
    db
      .prepare(
        `INSERT INTO group_members (group_id, user_id, role) SELECT ?1, id, 'admin' FROM users WHERE id = ?2`,
      )
      .bind(groupId, userId),
  ];
  if (key) {
    statements.push(
      db
        .prepare(
          `INSERT INTO api_keys (id, user_id, name, hash, prefix, created_at)
           SELECT ?1, id, 'first boot', ?3, ?4, ?5 FROM users WHERE id = ?2`,
        )
        .bind(key.id, userId, key.hash, key.prefix, now),
    );
  }
  await db.batch(statements);
}
