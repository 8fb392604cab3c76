/** Projects: named views of a repo in a group (CodeGraph). */
import type { z } from '@hono/zod-openapi';
import { requireMatch, setTag } from '../../http/etag.ts';
import { feature, json, route } from '../../http/feature.ts';
import { signedIn } from '../../http/identity.ts';
import { setPage, windowOf } from '../../http/pagination.ts';
import { activateProject, deleteProject, findProject, listProjects } from '../../store/projects.ts';
import { LISTED } from '../groups/schemas.ts';
import { changeProject, makeProject, presentProject, warningsOf } from './projects.ts';
import {
  activated,
  createProjectRequest,
  projectList,
  projectParam,
  project as projectSchema,
  projectsQuery,
  updateProjectRequest,
} from './schemas.ts';

const shared = { scope: 'admin:system' as const, tags: ['Projects'] };
const body = <T extends z.ZodType>(schema: T) => ({ required: true, content: json(schema) });

const list = route({
  ...shared,
  method: 'get',
  path: '/projects',
  operationId: 'listProjects',
  summary: 'The projects of your groups',
  etag: true,
  request: { query: projectsQuery },
  responses: { 200: { description: 'Projects, by name', content: json(projectList) } },
});

const create = route({
  ...shared,
  method: 'post',
  path: '/projects',
  operationId: 'createProject',
  summary: 'Show a repository to a group',
  description:
    "Needs editor in the group, and in the one that owns the repository. The group's members may then read the repository; nothing else changes.",
  errors: ['not_found', 'conflict'],
  request: { body: body(createProjectRequest) },
  responses: { 201: { description: 'The project', content: json(projectSchema) } },
});

const get = route({
  ...shared,
  method: 'get',
  path: '/projects/{project_id}',
  operationId: 'getProject',
  summary: 'One project',
  etag: true,
  request: { params: projectParam },
  responses: { 200: { description: 'The project', content: json(projectSchema) } },
});

const put = route({
  ...shared,
  method: 'put',
  path: '/projects/{project_id}',
  operationId: 'updateProject',
  summary: 'Change a project',
  description:
    'Needs editor in its group, and to point it at a repository also in the group that owns that. Absent fields stay as they are.',
  etag: true,
  errors: ['conflict'],
  request: { params: projectParam, body: body(updateProjectRequest) },
  responses: { 200: { description: 'The project as it is now', content: json(projectSchema) } },
});

const remove = route({
  ...shared,
  method: 'delete',
  path: '/projects/{project_id}',
  operationId: 'deleteProject',
  summary: 'Delete a project; its repository stays',
  description: 'Needs admin in its group.',
  etag: true,
  request: { params: projectParam },
  responses: { 204: { description: 'It is gone' } },
});

const activate = route({
  ...shared,
  method: 'post',
  path: '/projects/{project_id}/activate',
  operationId: 'activateProject',
  summary: 'Make a project the one that your queries are about',
  request: { params: projectParam },
  responses: { 200: { description: 'It is your active project', content: json(activated) } },
});

export const projectRoutes = feature();

projectRoutes.openapi(list, async (c) => {
  const query = c.req.valid('query');
  const window = windowOf(query, LISTED);
  const filter = { groupId: query.group_id, limit: window.limit ?? LISTED, offset: window.offset };
  const { rows, total } = await listProjects(c.var.services.db, c.var.caller, filter);
  setPage(c, window, total);
  return c.json({ projects: rows.map(presentProject), total }, 200);
});

projectRoutes.openapi(create, async (c) => {
  const input = c.req.valid('json');
  const made = await makeProject(c.var.services, c.var.caller, input);
  const location = `/api/v1/projects/${made.row.id}`;
  return c.json({ ...presentProject(made), ...warningsOf(input) }, 201, { location });
});

projectRoutes.openapi(get, async (c) => {
  const found = await findProject(c.var.services.db, c.var.caller, c.req.valid('param').project_id, 'viewer');
  return c.json(presentProject(found), 200);
});

projectRoutes.openapi(put, async (c) => {
  const { services, caller } = c.var;
  const found = await findProject(services.db, caller, c.req.valid('param').project_id, 'editor');
  await requireMatch(c, presentProject(found));
  const input = c.req.valid('json');
  const changed = await changeProject(services, caller, found, input);
  const project = presentProject(changed);
  setTag(c, project);
  return c.json({ ...project, ...warningsOf(input) }, 200);
});

projectRoutes.openapi(remove, async (c) => {
  const { services, caller } = c.var;
  const found = await findProject(services.db, caller, c.req.valid('param').project_id, 'admin');
  await requireMatch(c, presentProject(found));
  await deleteProject(services.db, found.row.id);
  return c.body(null, 204);
});

projectRoutes.openapi(activate, async (c) => {
  const { services } = c.var;
  const caller = signedIn(c.var.caller);
  const { row } = await findProject(services.db, caller, c.req.valid('param').project_id, 'viewer');
  await activateProject(services.db, caller.userId, row.id);
  const message = 'Project activated successfully';
  return c.json({ id: row.id, name: row.name, is_active: true as const, message }, 200);
});
