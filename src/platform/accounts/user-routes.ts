/** `/users`: admins manage everybody, everybody themselves. */
import type { Context } from 'hono';
import { Problem } from '../../errors.ts';
import { type Ahead, readAhead } from '../../http/ahead.ts';
import { requireMatch } from '../../http/etag.ts';
import { type AppEnv, feature, json, route } from '../../http/feature.ts';
import { signedIn } from '../../http/identity.ts';
import { setPage, windowOf } from '../../http/pagination.ts';
import { run } from '../../store/control-db.ts';
import { listUsers, type Profile, profileRead, type User } from '../../store/users.ts';
import { originOf } from './audit.ts';
import {
  deleteUserQuery,
  idParam,
  myPatch,
  removalStarted,
  resetLink,
  user,
  userList,
  userPatch,
  userProfile,
  userRequest,
  usersQuery,
} from './schemas.ts';
import { changeMyself, changeUser, createUser, deleteUser, makeResetLink, userById } from './users.ts';

const tags = ['Users'];
const ofAdmins = { scope: 'admin:system' as const, role: 'admin' as const, tags };
const one = { description: 'The user', content: json(user) };
const params = idParam('user');

const myProfile: Ahead<Profile | null> = (c, { userId }) => profileRead(c.var.services.db, userId ?? '');

const me = route({
  ahead: myProfile,
  method: 'get',
  path: '/users/me',
  scope: 'admin:system',
  tags,
  operationId: 'getMe',
  summary: 'Who you are and what you may do',
  etag: true,
  responses: { 200: { description: 'You', content: json(userProfile) } },
});

const changeMe = route({
  method: 'put',
  path: '/users/me',
  scope: 'admin:system',
  tags,
  operationId: 'updateMe',
  summary: 'Change your e-mail address or password',
  description: 'A new password needs the current one, and ends your other sessions. Absent members stay.',
  etag: true,
  errors: ['unavailable'],
  request: { body: { required: true, content: json(myPatch) } },
  responses: { 200: { description: 'You', content: json(userProfile) } },
});

const list = route({
  ...ofAdmins,
  method: 'get',
  path: '/users',
  operationId: 'listUsers',
  summary: 'All users, by name',
  etag: true,
  request: { query: usersQuery },
  responses: { 200: { description: 'Users', content: json(userList) } },
});

const create = route({
  ...ofAdmins,
  method: 'post',
  path: '/users',
  operationId: 'createUser',
  summary: 'Create a user with a personal group',
  errors: ['conflict', 'unavailable'],
  request: { body: { required: true, content: json(userRequest) } },
  responses: { 201: one },
});

const get = route({
  ...ofAdmins,
  method: 'get',
  path: '/users/{id}',
  operationId: 'getUser',
  summary: 'One user',
  etag: true,
  request: { params },
  responses: { 200: one },
});

const change = route({
  ...ofAdmins,
  method: 'put',
  path: '/users/{id}',
  operationId: 'updateUser',
  summary: "Change a user's name, address or role, or disable the user",
  description: 'Absent members stay. It counts from the next request, socket message and queued job on.',
  etag: true,
  errors: ['conflict'],
  request: { params, body: { required: true, content: json(userPatch) } },
  responses: { 200: one },
});

const remove = route({
  ...ofAdmins,
  method: 'delete',
  path: '/users/{id}',
  operationId: 'deleteUser',
  summary: 'Delete a user with the personal group',
  etag: true,
  errors: ['conflict'],
  request: { params, query: deleteUserQuery },
  responses: {
    202: {
      description: 'Gone; the data of repositories is still being removed',
      content: json(removalStarted),
    },
    204: { description: 'Gone' },
  },
});

const resetRoute = route({
  ...ofAdmins,
  method: 'post',
  path: '/users/{id}/reset-password',
  operationId: 'createResetLink',
  summary: 'A link by which the user sets a new password, once, within a day',
  request: { params },
  responses: { 200: { description: 'The link; it is shown this once', content: json(resetLink) } },
});

export const userRoutes = feature();

userRoutes.openapi(me, async (c) => c.json(known(await readAhead(c, myProfile)), 200));

userRoutes.openapi(changeMe, async (c) => {
  const { services, caller } = c.var;
  await requireMatch(c, await profileOf(c));
  await changeMyself(services, originOf(c), signedIn(caller), c.req.valid('json'));
  return c.json(await profileOf(c), 200);
});

userRoutes.openapi(list, async (c) => {
  const { page: _page, per_page, limit: _limit, offset, ...filter } = c.req.valid('query');
  const window = windowOf(c.req.valid('query'));
  const limit = window.limit ?? window.perPage;
  const { rows, total } = await listUsers(c.var.services.db, { ...filter, limit, offset: window.offset });
  setPage(c, window, total);
  return c.json({ items: rows.map(view), total, page: window.page, per_page: window.perPage }, 200);
});

userRoutes.openapi(create, async (c) => {
  const made = await createUser(c.var.services, originOf(c), c.req.valid('json'));
  return c.json(view(made), 201, { location: `/api/v1/users/${made.id}` });
});

userRoutes.openapi(get, async (c) =>
  c.json(view(await userById(c.var.services, c.req.valid('param').id)), 200),
);

userRoutes.openapi(change, async (c) => {
  const { services } = c.var;
  const found = await userById(services, c.req.valid('param').id);
  await requireMatch(c, view(found));
  return c.json(view(await changeUser(services, originOf(c), found, c.req.valid('json'))), 200);
});

userRoutes.openapi(remove, async (c) => {
  const { services, caller } = c.var;
  const found = await userById(services, c.req.valid('param').id);
  await requireMatch(c, view(found));
  const { cascade = false } = c.req.valid('query');
  const jobIds = await deleteUser(services, originOf(c), caller, found, cascade);
  return jobIds.length === 0 ? c.body(null, 204) : c.json({ jobIds }, 202);
});

userRoutes.openapi(resetRoute, async (c) => {
  const { services } = c.var;
  const found = await userById(services, c.req.valid('param').id);
  const { token, expiresAt } = await makeResetLink(services, originOf(c), found);
  const base = services.config.backendUrl ?? new URL(c.req.url).origin;
  // Behind `#`, so that the token reaches no server's log when the page is opened.
  const url = `${base}/auth/reset-password#token=${token}`;
  return c.json({ token, url, expires_at: expiresAt }, 200, { 'cache-control': 'no-store' });
});

async function profileOf(c: Context<AppEnv>): Promise<Profile> {
  const { db } = c.var.services;
  return known(await run(db.$client, profileRead(db, signedIn(c.var.caller).userId)));
}

function known(profile: Profile | null): Profile {
  if (!profile) throw new Problem('unauthorized', 'This account no longer exists.');
  return profile;
}

function view(row: User) {
  const { hasPassword, emailBy: _emailBy, personalGroupId, createdAt, updatedAt, ...rest } = row;
  return {
    ...rest,
    has_password: hasPassword,
    personal_group_id: personalGroupId,
    created_at: createdAt,
    updated_at: updatedAt,
  };
}
