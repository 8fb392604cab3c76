/** Groups and their members. A caller's own roles come with the caller; these functions change and list them. */
import { and, asc, eq, getTableColumns, isNull, type SQL, sql } from 'drizzle-orm';
import { Problem } from '../errors.ts';
import { type AuditEntry, audited } from './audit.ts';
import { type ControlDb, transact } from './control-db.ts';
import { type GroupRow, groupMembers, groups, users } from './control-schema.ts';
import { type Caller, GROUP_ROLES, type GroupRole, hasGroupRole, inGroupsOf } from './scope.ts';

/** A group the caller is in, and what it may do there. */
export type FoundGroup = GroupRow & { projectCount: number; role: GroupRole };

const MISSING = 'Group not found';
const columns = {
  ...getTableColumns(groups),
  projectCount: sql<number>`(SELECT count(*) FROM projects p WHERE p.group_id = groups.id)`,
};

/** The caller's role there; a global admin counts as admin of every group. */
function withRole(caller: Caller, row: GroupRow & { projectCount: number }): FoundGroup {
  const role = GROUP_ROLES.findLast((each) => hasGroupRole(caller, row.id, each));
  return { ...row, role: role ?? 'viewer' };
}

function visibleTo(caller: Caller): SQL | undefined {
  const live = isNull(groups.deletedAt);
  return caller.role === 'admin' ? live : and(live, inGroupsOf(caller, groups.id));
}

/**
 * A group of the caller's.
 * @throws Problem `not_found` when the caller is not in it, `forbidden` when its role there is less than `wanted`
 */
export async function findGroup(
  db: ControlDb,
  caller: Caller,
  id: string,
  wanted: GroupRole,
): Promise<FoundGroup> {
  const [row] = await db
    .select(columns)
    .from(groups)
    .where(and(eq(groups.id, id.toLowerCase()), visibleTo(caller)));
  if (!row) throw new Problem('not_found', MISSING);
  if (!hasGroupRole(caller, row.id, wanted)) {
    throw new Problem('forbidden', `This needs the role of ${wanted} in the group`);
  }
  return withRole(caller, row);
}

export interface Page {
  limit: number;
  offset: number;
}

/** The groups the caller is in, by name, and how many there are in all. */
export async function listGroups(
  db: ControlDb,
  caller: Caller,
  { limit, offset }: Page,
): Promise<{ rows: FoundGroup[]; total: number }> {
  const where = visibleTo(caller);
  const [rows, total] = await Promise.all([
    db
      .select(columns)
      .from(groups)
      .where(where)
      .orderBy(asc(groups.name), asc(groups.id))
      .limit(limit)
      .offset(offset),
    db.$count(groups, where),
  ]);
  return { rows: rows.map((row) => withRole(caller, row)), total };
}

export interface NewGroup {
  id: string;
  name: string;
  description: string | null;
  /** Becomes its admin. */
  createdBy: string;
}

/** Creates a group whose first member is its creator. */
export async function createGroup(
  db: ControlDb,
  group: NewGroup,
  now: Date,
  entry: AuditEntry,
): Promise<void> {
  const at = now.toISOString();
  const { id, name, description, createdBy } = group;
  await transact(db, [
    ...audited(db.insert(groups).values({ id, name, description, createdAt: at, updatedAt: at }), entry),
    sql`INSERT INTO group_members (group_id, user_id, role, created_at) VALUES (${id}, ${createdBy}, 'admin', ${at})`,
  ]);
}

/** Writes the given columns of a live group; false when it is gone. */
export async function updateGroup(
  db: ControlDb,
  id: string,
  change: Partial<Pick<GroupRow, 'name' | 'description'>>,
  now: Date,
): Promise<boolean> {
  const rows = await db
    .update(groups)
    .set({ ...change, updatedAt: now.toISOString() })
    .where(and(eq(groups.id, id), isNull(groups.deletedAt)))
    .returning({ id: groups.id });
  return rows.length > 0;
}

/**
 * Deletes a group that owns no repo any more, in one transaction: nobody is in it, and its projects are gone. Its row goes
 * with the last of the data of repos that it owned.
 * @returns false when it owns repos, or is gone already
 */
export async function deleteGroup(db: ControlDb, id: string, now: Date, entry: AuditEntry): Promise<boolean> {
  const [marked] = await transact(db, [
    // A personal group no longer holds its user, who may be on the way out too.
    ...audited(
      sql`UPDATE groups SET deleted_at = ${now.toISOString()}, personal_user_id = NULL WHERE id = ${id} AND deleted_at IS NULL
        AND NOT EXISTS (SELECT 1 FROM repos r WHERE r.group_id = ${id} AND r.deleted_at IS NULL) RETURNING id`,
      entry,
    ),
    ...emptyDeleted(id),
  ]);
  return marked?.results.length === 1;
}

/** SQL: takes everybody out of a group if it is marked deleted, and its projects, and the row if it owns no repo. */
export function emptyDeleted(id: string): SQL[] {
  const deleted = sql`EXISTS (SELECT 1 FROM groups g WHERE g.id = ${id} AND g.deleted_at IS NOT NULL)`;
  return [
    sql`DELETE FROM group_members WHERE group_id = ${id} AND ${deleted}`,
    sql`DELETE FROM projects WHERE group_id = ${id} AND ${deleted}`,
    removeEmptied(id),
  ];
}

/** SQL: removes the row of a deleted group that owns no repo any more. */
export function removeEmptied(groupId: string): SQL {
  return sql`DELETE FROM groups WHERE id = ${groupId} AND deleted_at IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM repos r WHERE r.group_id = ${groupId})`;
}

export interface Member {
  id: string;
  userId: string;
  username: string;
  role: GroupRole;
  createdAt: string;
}

const memberColumns = {
  id: groupMembers.id,
  userId: groupMembers.userId,
  username: users.username,
  role: groupMembers.role,
  createdAt: groupMembers.createdAt,
};

/** Who is in a group, by username, and how many in all. */
export async function listMembers(
  db: ControlDb,
  groupId: string,
  { limit, offset }: Page,
): Promise<{ rows: Member[]; total: number }> {
  const [rows, total] = await Promise.all([
    db
      .select(memberColumns)
      .from(groupMembers)
      .innerJoin(users, eq(users.id, groupMembers.userId))
      .where(eq(groupMembers.groupId, groupId))
      .orderBy(asc(users.username))
      .limit(limit)
      .offset(offset),
    db.$count(groupMembers, eq(groupMembers.groupId, groupId)),
  ]);
  return { rows, total };
}

/**
 * Gives a user a role in a live group that can be shared, the first or another.
 * @returns the membership, and whether it is new; null when there is no such user or group
 */
export async function setMember(
  db: ControlDb,
  member: { id: string; groupId: string; userId: string; role: GroupRole },
  now: Date,
  entry: AuditEntry,
): Promise<{ member: Member; added: boolean } | null> {
  const { id, groupId, userId, role } = member;
  const grant = sql`
    INSERT INTO group_members (group_id, user_id, role, id, created_at)
    SELECT g.id, u.id, ${role}, ${id}, ${now.toISOString()} FROM groups g JOIN users u ON u.id = ${userId}
    WHERE g.id = ${groupId} AND g.deleted_at IS NULL AND g.personal_user_id IS NULL
    ON CONFLICT (group_id, user_id) DO UPDATE SET role = excluded.role`;
  await transact(db, audited(grant, entry));
  const [found] = await db
    .select(memberColumns)
    .from(groupMembers)
    .innerJoin(users, eq(users.id, groupMembers.userId))
    .where(and(eq(groupMembers.groupId, groupId), eq(groupMembers.userId, userId)));
  return found ? { member: found, added: found.id === id } : null;
}

/** Takes a user out of a group; false when it was not in it. */
export async function removeMember(
  db: ControlDb,
  groupId: string,
  userId: string,
  entry: AuditEntry,
): Promise<boolean> {
  const membership = and(eq(groupMembers.groupId, groupId), eq(groupMembers.userId, userId));
  const [removed] = await transact(db, audited(db.delete(groupMembers).where(membership), entry));
  return (removed?.meta.changes ?? 0) > 0;
}
