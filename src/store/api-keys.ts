/** API keys: the key itself is never stored, only its SHA-256 and the first characters that name it in lists. */
import { and, desc, eq, getTableColumns, type SQL, sql } from 'drizzle-orm';
import { type AuditEntry, audited } from './audit.ts';
import { type ControlDb, transact } from './control-db.ts';
import { apiKeys, users } from './control-schema.ts';

/** Keys a user may have, expired ones included until they are deleted. */
export const MAX_KEYS = 100;

export type KeyRow = Omit<typeof apiKeys.$inferSelect, 'hash' | 'revokedAt'> & { username: string };

export type NewKey = Pick<
  typeof apiKeys.$inferSelect,
  'id' | 'userId' | 'name' | 'hash' | 'prefix' | 'scopes' | 'expiresAt' | 'createdAt'
>;

/** Stores a key. False when its owner has `MAX_KEYS` already: the count and the write are one statement. */
export async function insertKey(db: ControlDb, key: NewKey, entry: AuditEntry): Promise<boolean> {
  const scopes = key.scopes && JSON.stringify(key.scopes);
  const [inserted] = await transact(db, [
    ...audited(
      sql`INSERT INTO api_keys (id, user_id, name, hash, prefix, scopes, expires_at, created_at)
        SELECT ${key.id}, ${key.userId}, ${key.name}, ${key.hash}, ${key.prefix}, ${scopes}, ${key.expiresAt}, ${key.createdAt}
        WHERE (SELECT count(*) FROM api_keys WHERE user_id = ${key.userId} AND revoked_at IS NULL) < ${MAX_KEYS}`,
      entry,
    ),
  ]);
  return (inserted?.meta.changes ?? 0) > 0;
}

export interface KeyFilter {
  /** Absent: of all users. */
  userId?: string;
  /** Finds the key that a log or a leak shows the beginning of. */
  prefix?: string;
  limit: number;
  offset: number;
}

const LIVE = sql`${apiKeys.revokedAt} IS NULL`;

/** Keys that are not revoked, newest first, and how many there are in all. */
export async function listKeys(db: ControlDb, filter: KeyFilter): Promise<{ rows: KeyRow[]; total: number }> {
  const where = and(
    LIVE,
    filter.userId === undefined ? undefined : eq(apiKeys.userId, filter.userId),
    filter.prefix === undefined ? undefined : eq(apiKeys.prefix, filter.prefix),
  );
  const [rows, total] = await Promise.all([
    selectKeys(db, where)
      .orderBy(desc(apiKeys.createdAt), desc(apiKeys.id))
      .limit(filter.limit)
      .offset(filter.offset),
    db.$count(apiKeys, where),
  ]);
  return { rows, total };
}

export async function findKey(db: ControlDb, id: string): Promise<KeyRow | null> {
  return (await selectKeys(db, and(LIVE, eq(apiKeys.id, id))))[0] ?? null;
}

function selectKeys(db: ControlDb, where: SQL | undefined) {
  const { hash, revokedAt, ...columns } = getTableColumns(apiKeys);
  return db
    .select({ ...columns, username: users.username })
    .from(apiKeys)
    .innerJoin(users, eq(users.id, apiKeys.userId))
    .where(where);
}

/** Removes a key: the next request and the next socket message with it are refused. False when it was gone. */
export async function deleteKey(db: ControlDb, id: string, entry: AuditEntry): Promise<boolean> {
  const [deleted] = await transact(db, [...audited(db.delete(apiKeys).where(eq(apiKeys.id, id)), entry)]);
  return (deleted?.meta.changes ?? 0) > 0;
}
