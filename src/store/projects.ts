/** Projects: views that show a repo to the members of their group. */
import { and, asc, eq, isNull, type SQL, sql } from 'drizzle-orm';
import { Problem } from '../errors.ts';
import type { ControlDb } from './control-db.ts';
import { type ProjectRow, projects, repos } from './control-schema.ts';
import type { Page } from './groups.ts';
import { type Caller, type GroupRole, hasGroupRole, inGroupsOf } from './scope.ts';

/** A project that the caller sees, the repo it shows if that is still there, and whether it is the caller's active one. */
export interface FoundProject {
  row: ProjectRow;
  repo: { id: string; name: string } | null;
  isActive: boolean;
}

const MISSING = 'Project not found';

function visibleTo(caller: Caller): SQL | undefined {
  return caller.role === 'admin' ? undefined : inGroupsOf(caller, projects.groupId);
}

function select(db: ControlDb, caller: Caller, where: SQL | undefined) {
  return db
    .select({
      row: projects,
      repo: { id: repos.id, name: repos.name },
      active: sql<number>`EXISTS (SELECT 1 FROM active_projects a WHERE a.project_id = ${projects.id} AND a.user_id = ${caller.userId})`,
    })
    .from(projects)
    .leftJoin(repos, and(eq(repos.key, projects.repoKey), isNull(repos.deletedAt)))
    .where(where)
    .orderBy(asc(projects.name), asc(projects.id));
}

/**
 * A project of one of the caller's groups.
 * @throws Problem `not_found` when the caller is not in its group, `forbidden` when its role there is less than `wanted`
 */
export async function findProject(
  db: ControlDb,
  caller: Caller,
  id: string,
  wanted: GroupRole,
): Promise<FoundProject> {
  const [found] = await select(db, caller, and(eq(projects.id, id.toLowerCase()), visibleTo(caller)));
  if (!found) throw new Problem('not_found', MISSING);
  if (!hasGroupRole(caller, found.row.groupId, wanted)) {
    throw new Problem('forbidden', `This needs the role of ${wanted} in the project's group`);
  }
  const { active, ...project } = found;
  return { ...project, isActive: active === 1 };
}

/** The projects of the caller's groups (or one of them), by name, and how many there are in all. */
export async function listProjects(
  db: ControlDb,
  caller: Caller,
  { groupId, limit, offset }: Page & { groupId?: string },
): Promise<{ rows: FoundProject[]; total: number }> {
  const where = and(
    visibleTo(caller),
    groupId === undefined ? undefined : eq(projects.groupId, groupId.toLowerCase()),
  );
  const [rows, total] = await Promise.all([
    select(db, caller, where).limit(limit).offset(offset),
    db.$count(projects, where),
  ]);
  return { rows: rows.map(({ active, ...project }) => ({ ...project, isActive: active === 1 })), total };
}

export type NewProject = Pick<
  ProjectRow,
  'id' | 'groupId' | 'repoKey' | 'name' | 'language' | 'description' | 'metadata'
>;

/** @throws Problem `conflict` when the group has a project of that name */
export async function createProject(db: ControlDb, project: NewProject, now: Date): Promise<void> {
  const at = now.toISOString();
  const rows = await db
    .insert(projects)
    .values({ ...project, createdAt: at, updatedAt: at })
    .onConflictDoNothing()
    .returning({ id: projects.id });
  if (rows.length === 0) throw taken();
}

export type ProjectChange = Partial<
  Pick<ProjectRow, 'repoKey' | 'name' | 'language' | 'description' | 'metadata'>
>;

/** Writes the given columns. @throws Problem `conflict` when the group has another project of that name */
export async function updateProject(
  db: ControlDb,
  id: string,
  change: ProjectChange,
  now: Date,
): Promise<void> {
  const free =
    change.name === undefined
      ? undefined
      : sql`NOT EXISTS (SELECT 1 FROM projects q WHERE q.group_id = projects.group_id AND q.name = ${change.name} AND q.id <> ${id})`;
  const rows = await db
    .update(projects)
    .set({ ...change, updatedAt: now.toISOString() })
    .where(and(eq(projects.id, id), free))
    .returning({ id: projects.id });
  if (rows.length === 0) throw taken();
}

function taken(): Problem {
  return new Problem('conflict', 'A project of this name exists in the group');
}

/** Removes the view; false when it was gone. */
export async function deleteProject(db: ControlDb, id: string): Promise<boolean> {
  const rows = await db.delete(projects).where(eq(projects.id, id)).returning({ id: projects.id });
  return rows.length > 0;
}

/** Makes a project the user's active one, in the place of any other. */
export async function activateProject(db: ControlDb, userId: string, projectId: string): Promise<void> {
  await db.run(sql`
    INSERT INTO active_projects (user_id, project_id) SELECT ${userId}, id FROM projects WHERE id = ${projectId}
    ON CONFLICT (user_id) DO UPDATE SET project_id = excluded.project_id`);
}
