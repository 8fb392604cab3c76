/** Users and what belongs to each: a personal group, a password, a role. Every function is one statement or transaction. */
import { and, asc, eq, isNull, type SQL, sql } from 'drizzle-orm';
import { type AuditEntry, audited, recordOfChange } from './audit.ts';
import { type ControlDb, type Read, type Statement, statement, transact } from './control-db.ts';
import { type EmailBy, groups, passwordResets, repos, users } from './control-schema.ts';
import { emptyDeleted } from './groups.ts';
import type { GroupRole, Role } from './scope.ts';

/** The user a login names; `disabled` is for after the password was looked at. */
export interface LoginRow {
  id: string;
  username: string;
  passwordHash: string | null;
  disabled: boolean;
}

export async function findLogin(db: ControlDb, username: string): Promise<LoginRow | null> {
  const row = await db.query.users.findFirst({
    columns: { id: true, username: true, passwordHash: true, disabled: true },
    where: named(username),
  });
  return row ?? null;
}

/** Names differ by more than the case of ASCII letters. */
function named(username: string): SQL {
  return sql`${users.username} = ${username.normalize('NFC')} COLLATE NOCASE`;
}

/** Replaces a password's hash, if it is still the one that was verified. */
export async function replacePasswordHash(
  db: ControlDb,
  userId: string,
  old: string,
  fresh: string,
): Promise<void> {
  await db
    .update(users)
    .set({ passwordHash: fresh })
    .where(and(eq(users.id, userId), eq(users.passwordHash, old)));
}

export interface User {
  id: string;
  username: string;
  email: string | null;
  emailBy: EmailBy;
  role: Role;
  disabled: boolean;
  /** False for users who can only come by single sign-on, or with a reset link. */
  hasPassword: boolean;
  personalGroupId: string | null;
  createdAt: string;
  updatedAt: string;
}

/** Columns of a lone table lose its name in drizzle's selections; inside a subquery it has to be said. */
const personalGroup = sql<string | null>`(SELECT g.id FROM groups g WHERE g.personal_user_id = users.id)`;

const USER = {
  id: users.id,
  username: users.username,
  email: users.email,
  emailBy: users.emailBy,
  role: users.role,
  disabled: users.disabled,
  hasPassword: sql`${users.passwordHash} IS NOT NULL`.mapWith(Boolean),
  personalGroupId: personalGroup,
  createdAt: users.createdAt,
  updatedAt: users.updatedAt,
};

export async function findUser(db: ControlDb, id: string): Promise<User | null> {
  const rows = await db.select(USER).from(users).where(eq(users.id, id));
  return rows[0] ?? null;
}

export interface UserFilter {
  role?: Role;
  disabled?: boolean;
  /** Part of a username or e-mail address, in any case of ASCII letters. */
  q?: string;
  limit: number;
  offset: number;
}

/** Users by name, and how many there are in all. */
export async function listUsers(db: ControlDb, filter: UserFilter): Promise<{ rows: User[]; total: number }> {
  const part = filter.q?.normalize('NFC').toLowerCase();
  const where = and(
    filter.role && eq(users.role, filter.role),
    filter.disabled === undefined ? undefined : eq(users.disabled, filter.disabled),
    part === undefined
      ? undefined
      : sql`(instr(lower(${users.username}), ${part}) > 0 OR instr(lower(coalesce(${users.email}, '')), ${part}) > 0)`,
  );
  const [rows, total] = await Promise.all([
    db
      .select(USER)
      .from(users)
      .where(where)
      .orderBy(asc(sql`${users.username} COLLATE NOCASE`), asc(users.id))
      .limit(filter.limit)
      .offset(filter.offset),
    db.$count(users, where),
  ]);
  return { rows, total };
}

export interface NewUser {
  id: string;
  groupId: string;
  username: string;
  email: string | null;
  emailBy: EmailBy;
  passwordHash: string | null;
  role: Role;
  now: string;
}

/** Creates a user with a personal group. False when the name is taken: of two at once one wins. */
export async function insertUser(db: ControlDb, user: NewUser, entry: AuditEntry): Promise<boolean> {
  const { id, username, email, emailBy, passwordHash, role, now } = user;
  const [inserted] = await transact(db, [
    ...audited(
      sql`INSERT INTO users (id, username, email, email_by, password_hash, role, created_at, updated_at)
        VALUES (${id}, ${username}, ${email}, ${emailBy}, ${passwordHash}, ${role}, ${now}, ${now}) ON CONFLICT DO NOTHING`,
      entry,
    ),
    ...personalGroupOf(user),
  ]);
  return (inserted?.meta.changes ?? 0) > 0;
}

/** The personal group of a user who exists by the time of these statements; none otherwise. */
export function personalGroupOf({ id, groupId, now }: Pick<NewUser, 'id' | 'groupId' | 'now'>): SQL[] {
  return [
    sql`INSERT INTO groups (id, name, personal_user_id, created_at, updated_at)
      SELECT ${groupId}, username, id, ${now}, ${now} FROM users WHERE id = ${id}`,
    sql`INSERT INTO group_members (group_id, user_id, role) SELECT ${groupId}, id, 'admin' FROM users WHERE id = ${id}`,
  ];
}

export interface UserChange {
  username?: string;
  email?: string | null;
  emailBy?: EmailBy;
  role?: Role;
  disabled?: boolean;
  passwordHash?: string;
}

/** `last_admin`: nobody could administer the deployment any more. */
export type ChangeOutcome = 'changed' | 'not_found' | 'name_taken' | 'last_admin';

/** SQL for "some other admin can still log in, or use a key". */
function anotherAdmin(id: string): SQL {
  return sql`EXISTS (SELECT 1 FROM users o WHERE o.id <> ${id} AND o.role = 'admin' AND o.disabled = 0)`;
}

/** SQL for "the user is an admin who counts". */
const isLiveAdmin = sql`(${users.role} = 'admin' AND ${users.disabled} = 0)`;

/**
 * Writes the given members, and their entries. Disabling and a new password end every session but `keepSession`.
 * The rule that one admin stays is part of the statement, so that two admins who demote each other leave one.
 */
export async function updateUser(
  db: ControlDb,
  id: string,
  change: UserChange,
  entries: AuditEntry[],
  options: { now: string; keepSession?: string | null },
): Promise<ChangeOutcome> {
  const { now, keepSession } = options;
  const endsAdmin = (change.role !== undefined && change.role !== 'admin') || change.disabled === true;
  const free =
    change.username === undefined
      ? undefined
      : sql`NOT EXISTS (SELECT 1 FROM users o WHERE o.id <> ${id} AND o.username = ${change.username} COLLATE NOCASE)`;
  const allowed = and(
    eq(users.id, id),
    free,
    endsAdmin ? sql`(NOT ${isLiveAdmin} OR ${anotherAdmin(id)})` : undefined,
  );
  const statements: Statement[] = [
    db
      .update(users)
      .set({ ...change, updatedAt: now })
      .where(allowed),
    ...entries.map(recordOfChange),
  ];
  if (change.username !== undefined) {
    statements.push(
      sql`UPDATE groups SET name = ${change.username}, updated_at = ${now}
        WHERE personal_user_id = (SELECT id FROM users WHERE id = ${id} AND username = ${change.username})`,
    );
  }
  if (change.disabled === true || change.passwordHash !== undefined) {
    statements.push(
      sql`UPDATE sessions SET revoked_at = ${now} WHERE user_id = ${id} AND revoked_at IS NULL AND id IS NOT ${keepSession ?? null}
        AND EXISTS (SELECT 1 FROM users u WHERE u.id = ${id} AND u.updated_at = ${now})`,
      sql`DELETE FROM password_resets WHERE user_id = ${id}`,
    );
  }
  const [updated] = await transact(db, statements);
  if ((updated?.meta.changes ?? 0) > 0) return 'changed';
  return whyNot(db, id, change.username);
}

async function whyNot(db: ControlDb, id: string, username: string | undefined): Promise<ChangeOutcome> {
  if (!(await findUser(db, id))) return 'not_found';
  const holder = username === undefined ? null : await findLogin(db, username);
  return holder && holder.id !== id ? 'name_taken' : 'last_admin';
}

/** Live repos of the user's personal group: what deleting the user would take along. At most 100 are named. */
export async function personalRepos(db: ControlDb, userId: string): Promise<{ id: string; name: string }[]> {
  return db
    .select({ id: repos.id, name: repos.name })
    .from(repos)
    .where(
      and(
        isNull(repos.deletedAt),
        sql`${repos.groupId} = (SELECT id FROM groups WHERE personal_user_id = ${userId})`,
      ),
    )
    .orderBy(asc(repos.name))
    .limit(100);
}

/**
 * Deletes the user with credentials, memberships and personal group, in one transaction. The row of a group that owns
 * repos stays, nobody's, until the data of the last of them is removed. With `cascade` false, a user who owns repos stays.
 */
export async function deleteUserRow(
  db: ControlDb,
  id: string,
  options: { cascade: boolean; now: string },
  entry: AuditEntry,
): Promise<ChangeOutcome | 'owns_repos'> {
  const { now } = options;
  const ownsNone = sql`NOT EXISTS (SELECT 1 FROM repos r JOIN groups g ON g.id = r.group_id
    WHERE g.personal_user_id = ${id} AND r.deleted_at IS NULL)`;
  const free = and(
    eq(users.id, id),
    sql`(NOT ${isLiveAdmin} OR ${anotherAdmin(id)})`,
    options.cascade ? undefined : ownsNone,
  );
  const group = await db.query.groups.findFirst({
    columns: { id: true },
    where: eq(groups.personalUserId, id),
  });
  const removed = await transact(db, [
    // First, as long as the user is there to ask: the group must not go with the user while repos point to it.
    sql`UPDATE groups SET deleted_at = ${now}, personal_user_id = NULL
      WHERE personal_user_id = ${id} AND EXISTS (SELECT 1 FROM users WHERE ${free})`,
    ...audited(
      db
        .delete(users)
        .where(and(free, sql`NOT EXISTS (SELECT 1 FROM groups g WHERE g.personal_user_id = ${id})`)),
      entry,
    ),
    ...(group ? emptyDeleted(group.id) : []),
  ]);
  if ((removed[1]?.meta.changes ?? 0) > 0) return 'changed';
  if (!(await findUser(db, id))) return 'not_found';
  return !options.cascade && (await personalRepos(db, id)).length > 0 ? 'owns_repos' : 'last_admin';
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

/** A read of a user as the user sees it; null when the account is gone. */
export function profileRead(db: ControlDb, userId: string): Read<Profile | null> {
  const build =
    () => sql`SELECT users.id, users.username, users.email, users.role, ${personalGroup} AS personal_group_id,
      (SELECT json_group_array(json_object('id', g.id, 'name', g.name, 'role', m.role))
        FROM group_members m JOIN groups g ON g.id = m.group_id WHERE m.user_id = users.id) AS groups,
      users.created_at, users.updated_at
    FROM users WHERE users.id = ${sql.placeholder('id')}`;
  return {
    statements: [statement(db, 'profile', build, { id: userId })],
    from: ([rows]) => {
      const row = rows?.[0] as (Omit<Profile, 'groups'> & { groups: string }) | undefined;
      return row ? { ...row, groups: JSON.parse(row.groups) as Profile['groups'] } : null;
    },
  };
}

/** The stored hash of a user's password. */
export async function passwordHashOf(db: ControlDb, userId: string): Promise<string | null> {
  const row = await db.query.users.findFirst({
    columns: { passwordHash: true },
    where: eq(users.id, userId),
  });
  return row?.passwordHash ?? null;
}

/** Stores what a reset link is known by; a newer one takes the place of an older. */
export async function insertReset(
  db: ControlDb,
  reset: typeof passwordResets.$inferSelect,
  entry: AuditEntry,
): Promise<void> {
  const { userId, ...fields } = reset;
  await transact(db, [
    ...audited(
      db
        .insert(passwordResets)
        .values(reset)
        .onConflictDoUpdate({ target: passwordResets.userId, set: fields }),
      entry,
    ),
  ]);
}

/** Whose link this is, if it is still good. */
export async function findReset(
  db: ControlDb,
  tokenHash: string,
  now: string,
): Promise<{ userId: string; username: string } | null> {
  const rows = await db
    .select({ userId: users.id, username: users.username })
    .from(passwordResets)
    .innerJoin(users, eq(users.id, passwordResets.userId))
    .where(
      and(
        eq(passwordResets.tokenHash, tokenHash),
        sql`${passwordResets.expiresAt} > ${now}`,
        eq(users.disabled, false),
      ),
    );
  return rows[0] ?? null;
}

/** Sets the password that a link allows and uses the link up, in one transaction. False when it was used before. */
export async function redeemReset(
  db: ControlDb,
  reset: { tokenHash: string; userId: string; passwordHash: string; now: string },
  entry: AuditEntry,
): Promise<boolean> {
  const { tokenHash, userId, passwordHash, now } = reset;
  const [updated] = await transact(db, [
    ...audited(
      sql`UPDATE users SET password_hash = ${passwordHash}, updated_at = ${now} WHERE id = ${userId} AND disabled = 0
        AND EXISTS (SELECT 1 FROM password_resets WHERE user_id = ${userId} AND token_hash = ${tokenHash} AND expires_at > ${now})`,
      entry,
    ),
    sql`UPDATE sessions SET revoked_at = ${now} WHERE revoked_at IS NULL AND user_id =
      (SELECT user_id FROM password_resets WHERE token_hash = ${tokenHash} AND expires_at > ${now})`,
    sql`DELETE FROM password_resets WHERE token_hash = ${tokenHash}`,
  ]);
  return (updated?.meta.changes ?? 0) > 0;
}

export async function hasUsers(db: ControlDb): Promise<boolean> {
  return (await db.select({ id: users.id }).from(users).limit(1)).length > 0;
}

export interface FirstAdmin extends Omit<NewUser, 'role' | 'email' | 'emailBy' | 'passwordHash'> {
  passwordHash: string;
  key: { id: string; hash: string; prefix: string } | null;
}

/**
 * Creates the first admin with the personal group and key, unless any user exists. One transaction whose first
 * statement decides, and whose others follow only if it wrote: of several first boots at once, one creates.
 */
export async function createFirstAdmin(db: ControlDb, admin: FirstAdmin): Promise<void> {
  const { id, username, passwordHash, key, now } = admin;
  await transact(db, [
    sql`INSERT INTO users (id, username, password_hash, role, created_at, updated_at)
      SELECT ${id}, ${username}, ${passwordHash}, 'admin', ${now}, ${now} WHERE NOT EXISTS (SELECT 1 FROM users)`,
    ...personalGroupOf(admin),
    ...(key
      ? [
          sql`INSERT INTO api_keys (id, user_id, name, hash, prefix, created_at)
            SELECT ${key.id}, id, 'first boot', ${key.hash}, ${key.prefix}, ${now} FROM users WHERE id = ${id}`,
        ]
      : []),
  ]);
}
