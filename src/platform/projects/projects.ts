/** Making and changing the views that show a repo to a group. */
import type { z } from '@hono/zod-openapi';
import { judging } from '../../errors.ts';
import type { Services } from '../../services.ts';
import { findGroup } from '../../store/groups.ts';
import {
  createProject,
  type FoundProject,
  findProject,
  type ProjectChange,
  updateProject,
} from '../../store/projects.ts';
import { findRepo } from '../../store/repos.ts';
import type { Caller } from '../../store/scope.ts';
import type { createProjectRequest, project as projectSchema, updateProjectRequest } from './schemas.ts';

type Needs = Pick<Services, 'db' | 'clock' | 'newId'>;

export function presentProject({ row, repo, isActive }: FoundProject): z.output<typeof projectSchema> {
  return {
    id: row.id,
    group_id: row.groupId,
    name: row.name,
    repo: repo?.name ?? null,
    repo_id: repo?.id ?? null,
    db_path: repo && `index:${repo.id}`,
    cpg_path: repo && `graph:${repo.id}`,
    source_path: repo && `repo:${repo.id}`,
    language: row.language,
    description: row.description,
    is_active: isActive,
    metadata: row.metadata,
    created_at: row.createdAt,
    updated_at: row.updatedAt,
  };
}

const IGNORED = ['source_path', 'db_path', 'cpg_path'] as const;

/** What the answer says about fields that CodeGraph knows and that mean nothing here. */
export function warningsOf(body: Partial<Record<(typeof IGNORED)[number], unknown>>): {
  warnings?: string[];
} {
  const given = IGNORED.filter((name) => body[name] != null);
  return given.length === 0
    ? {}
    : { warnings: given.map((name) => `${name} is ignored: name a repo instead`) };
}

/**
 * A new view. It takes editor in the group that will see the repo, and in the one that owns it.
 * @throws Problem `not_found` for a group or repo the caller does not see, `forbidden`, `conflict`
 */
export async function makeProject(
  s: Needs,
  caller: Caller,
  body: z.output<typeof createProjectRequest>,
): Promise<FoundProject> {
  const group = await judging('/group_id', () => findGroup(s.db, caller, body.group_id, 'editor'));
  const { name, language = null, description = null, metadata = {} } = body;
  const repoKey = body.repo == null ? null : await keyToShow(s, caller, body.repo);
  const id = s.newId();
  const fresh = { id, groupId: group.id, repoKey, name, language, description, metadata };
  await judging('/name', () => createProject(s.db, fresh, s.clock()));
  return findProject(s.db, caller, id, 'viewer');
}

/** Changes a view; absent fields stay. @throws Problem as `makeProject` */
export async function changeProject(
  s: Needs,
  caller: Caller,
  project: FoundProject,
  body: z.output<typeof updateProjectRequest>,
): Promise<FoundProject> {
  const { name, language, description, metadata, repo } = body;
  const change: ProjectChange = { name, language, description, metadata };
  if (repo !== undefined) change.repoKey = repo === null ? null : await keyToShow(s, caller, repo);
  await judging('/name', () => updateProject(s.db, project.row.id, change, s.clock()));
  return findProject(s.db, caller, project.row.id, 'viewer');
}

async function keyToShow(s: Needs, caller: Caller, nameOrId: string): Promise<number> {
  const { repo } = await judging('/repo', () => findRepo(s.db, caller, nameOrId, 'write'));
  return repo.key;
}
