/** Who presents a credential, and what they may do at this moment: one query, never a cache. */
import { type Read, run } from './control-db.ts';
import { type Caller, GROUP_ROLES, type GroupRole, ROLES } from './scope.ts';

/** What a request presents, already verified as far as it can be without the database. */
export type CredentialRef =
  | { session: string; userId: string }
  | { keyHash: string }
  | { key: string; userId: string }
  /** No credential: the user as such, whose rights a job asks for that was started earlier. */
  | { user: string };

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
  credential_id: string | null;
  scopes: string | null;
  expires_at: string | null;
  last_used_at: string | null;
  personal_group_id: string | null;
  groups: string;
}

const USER_COLUMNS = `u.id AS user_id, u.username, u.role,
  (SELECT g.id FROM groups g WHERE g.personal_user_id = u.id) AS personal_group_id,
  (SELECT json_group_object(m.group_id, m.role) FROM group_members m WHERE m.user_id = u.id) AS groups`;
const CALLER_COLUMNS = `${USER_COLUMNS}, c.id AS credential_id, c.scopes, c.expires_at`;
const LIVE = 'c.revoked_at IS NULL AND u.disabled = 0';

/**
 * Who presents this credential and what they may do at this moment, in one query; null when it was revoked, never
 * existed, or its user is disabled. The caller of this function judges `expiresAt`.
 */
export function findCaller(db: D1Database, ref: CredentialRef): Promise<KnownCaller | null> {
  return run(db, callerRead(db, ref));
}

/** The same, for other reads to travel with. */
export function callerRead(db: D1Database, ref: CredentialRef): Read<KnownCaller | null> {
  return {
    statements: [callerStatement(db, ref)],
    from: ([rows]) => (rows?.[0] ? knownCaller(ref, rows[0] as unknown as CallerRow) : null),
  };
}

function knownCaller(ref: CredentialRef, row: CallerRow): KnownCaller {
  return {
    caller: {
      userId: row.user_id,
      username: row.username,
      role: oneOf(ROLES, row.role),
      groups: groupRoles(row.groups),
      personalGroupId: row.personal_group_id,
      scopes: row.scopes === null ? null : new Set(JSON.parse(row.scopes) as string[]),
      via: 'keyHash' in ref || 'key' in ref ? 'key' : 'token',
      credentialId: row.credential_id,
    },
    expiresAt: row.expires_at,
    lastUsedAt: row.last_used_at,
  };
}

function callerStatement(db: D1Database, ref: CredentialRef): D1PreparedStatement {
  if ('user' in ref) {
    return db
      .prepare(
        `SELECT ${USER_COLUMNS}, NULL AS credential_id, NULL AS scopes, NULL AS expires_at, NULL AS last_used_at
         FROM users u WHERE u.id = ?1 AND u.disabled = 0`,
      )
      .bind(ref.user);
  }
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
