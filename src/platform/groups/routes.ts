/** Groups and who is in them (CodeGraph). */
import type { z } from '@hono/zod-openapi';
import { Problem } from '../../errors.ts';
import { requireMatch } from '../../http/etag.ts';
import { feature, json, route } from '../../http/feature.ts';
import { signedIn } from '../../http/identity.ts';
import { setPage, windowOf } from '../../http/pagination.ts';
import {
  createGroup,
  findGroup,
  listGroups,
  listMembers,
  removeMember,
  updateGroup,
} from '../../store/groups.ts';
import { entryOf, originOf } from '../accounts/audit.ts';
import {
  dissolveGroup,
  groupTarget,
  presentGroup,
  presentMember,
  requireGlobalAdmin,
  requireShared,
  shareGroup,
} from './groups.ts';
import {
  addMemberRequest,
  createGroupRequest,
  deleteQuery,
  deletingGroup,
  groupList,
  groupParam,
  group as groupSchema,
  LISTED,
  listQuery,
  memberList,
  memberParam,
  member as memberSchema,
  updateGroupRequest,
} from './schemas.ts';

const shared = { scope: 'admin:system' as const, tags: ['Groups'] };
const body = <T extends z.ZodType>(schema: T) => ({ required: true, content: json(schema) });

const list = route({
  ...shared,
  method: 'get',
  path: '/groups',
  operationId: 'listGroups',
  summary: 'The groups you are in',
  description: 'Global admins see all of them.',
  etag: true,
  request: { query: listQuery },
  responses: { 200: { description: 'Groups, by name', content: json(groupList) } },
});

const create = route({
  ...shared,
  method: 'post',
  path: '/groups',
  operationId: 'createGroup',
  summary: 'Create a group',
  description: 'Needs the role admin. You become its first member, as admin.',
  request: { body: body(createGroupRequest) },
  responses: { 201: { description: 'The group', content: json(groupSchema) } },
});

const get = route({
  ...shared,
  method: 'get',
  path: '/groups/{group_id}',
  operationId: 'getGroup',
  summary: 'One group',
  etag: true,
  request: { params: groupParam },
  responses: { 200: { description: 'The group', content: json(groupSchema) } },
});

const put = route({
  ...shared,
  method: 'put',
  path: '/groups/{group_id}',
  operationId: 'updateGroup',
  summary: 'Rename or describe a group',
  description: 'Needs editor in the group. Absent fields stay as they are.',
  etag: true,
  request: { params: groupParam, body: body(updateGroupRequest) },
  responses: { 200: { description: 'The group as it is now', content: json(groupSchema) } },
});

const remove = route({
  ...shared,
  method: 'delete',
  path: '/groups/{group_id}',
  operationId: 'deleteGroup',
  summary: 'Delete a group and its projects',
  description:
    'Needs the role admin. A group that owns repositories answers 409 with their list, unless `cascade=true` deletes them too.',
  etag: true,
  errors: ['conflict', 'unprocessable'],
  request: { params: groupParam, query: deleteQuery },
  responses: {
    204: { description: 'All of it is gone' },
    202: {
      description: 'The group is gone; removing its repositories takes longer than 25 s and goes on',
      content: json(deletingGroup),
    },
  },
});

const members = route({
  ...shared,
  method: 'get',
  path: '/groups/{group_id}/users',
  operationId: 'listGroupMembers',
  summary: 'Who is in a group',
  etag: true,
  request: { params: groupParam, query: listQuery },
  responses: { 200: { description: 'Members, by username', content: json(memberList) } },
});

const add = route({
  ...shared,
  method: 'post',
  path: '/groups/{group_id}/users',
  operationId: 'addGroupMember',
  summary: 'Give a user a role in a group',
  description: 'Needs admin in the group. A member gets the role instead of the one held.',
  errors: ['unprocessable'],
  request: { params: groupParam, body: body(addMemberRequest) },
  responses: {
    201: { description: 'The new member', content: json(memberSchema) },
    200: { description: 'The member with the new role', content: json(memberSchema) },
  },
});

const leave = route({
  ...shared,
  method: 'delete',
  path: '/groups/{group_id}/users/{user_id}',
  operationId: 'removeGroupMember',
  summary: 'Take a user out of a group',
  description: 'Needs admin in the group. It counts at the next request, and ends open streams.',
  errors: ['unprocessable'],
  request: { params: memberParam },
  responses: { 204: { description: 'Not a member any more' } },
});

export const groupRoutes = feature();

groupRoutes.openapi(list, async (c) => {
  const window = windowOf(c.req.valid('query'), LISTED);
  const page = { limit: window.limit ?? LISTED, offset: window.offset };
  const { rows, total } = await listGroups(c.var.services.db, c.var.caller, page);
  setPage(c, window, total);
  return c.json({ groups: rows.map(presentGroup), total }, 200);
});

groupRoutes.openapi(create, async (c) => {
  const { services } = c.var;
  const caller = signedIn(c.var.caller);
  requireGlobalAdmin(caller);
  const { name, description } = c.req.valid('json');
  const id = services.newId();
  const fresh = { id, name, description: description ?? null, createdBy: caller.userId };
  const entry = entryOf(originOf(c), 'group.created', groupTarget(fresh));
  await createGroup(services.db, fresh, services.clock(), entry);
  const made = await findGroup(services.db, caller, id, 'viewer');
  return c.json(presentGroup(made), 201, { location: `/api/v1/groups/${id}` });
});

groupRoutes.openapi(get, async (c) => {
  const found = await findGroup(c.var.services.db, c.var.caller, c.req.valid('param').group_id, 'viewer');
  return c.json(presentGroup(found), 200);
});

groupRoutes.openapi(put, async (c) => {
  const { services, caller } = c.var;
  const found = await findGroup(services.db, caller, c.req.valid('param').group_id, 'editor');
  await requireMatch(c, presentGroup(found));
  await updateGroup(services.db, found.id, c.req.valid('json'), services.clock());
  return c.json(presentGroup(await findGroup(services.db, caller, found.id, 'viewer')), 200);
});

groupRoutes.openapi(remove, async (c) => {
  const { services, caller } = c.var;
  const found = await findGroup(services.db, caller, c.req.valid('param').group_id, 'viewer');
  requireGlobalAdmin(caller);
  await requireMatch(c, presentGroup(found));
  const cascade = c.req.valid('query').cascade === 'true';
  const jobIds = await dissolveGroup(services, originOf(c), caller, found, cascade);
  return jobIds.length === 0 ? c.body(null, 204) : c.json({ jobIds }, 202);
});

groupRoutes.openapi(members, async (c) => {
  const { services, caller } = c.var;
  const found = await findGroup(services.db, caller, c.req.valid('param').group_id, 'viewer');
  const window = windowOf(c.req.valid('query'), LISTED);
  const page = { limit: window.limit ?? LISTED, offset: window.offset };
  const { rows, total } = await listMembers(services.db, found.id, page);
  setPage(c, window, total);
  return c.json({ users: rows.map(presentMember), total }, 200);
});

groupRoutes.openapi(add, async (c) => {
  const { services, caller } = c.var;
  const found = await findGroup(services.db, caller, c.req.valid('param').group_id, 'admin');
  const { member, added } = await shareGroup(services, originOf(c), found, c.req.valid('json'));
  const location = `/api/v1/groups/${found.id}/users/${member.userId}`;
  return added ? c.json(presentMember(member), 201, { location }) : c.json(presentMember(member), 200);
});

groupRoutes.openapi(leave, async (c) => {
  const { services, caller } = c.var;
  const { group_id, user_id } = c.req.valid('param');
  const found = await findGroup(services.db, caller, group_id, 'admin');
  requireShared(found, 'left');
  const userId = user_id.toLowerCase();
  const entry = entryOf(originOf(c), 'group.role_revoked', groupTarget(found), { user_id: userId });
  if (!(await removeMember(services.db, found.id, userId, entry)))
    throw new Problem('not_found', 'The user is not in this group');
  return c.body(null, 204);
});
