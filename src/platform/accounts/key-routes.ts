/** `/auth/api-keys`. */
import { Problem } from '../../errors.ts';
import { feature, json, route } from '../../http/feature.ts';
import { signedIn } from '../../http/identity.ts';
import { setPage, windowOf } from '../../http/pagination.ts';
import { type KeyRow, listKeys } from '../../store/api-keys.ts';
import { type Caller, hasRole } from '../../store/scope.ts';
import { makeKey, revokeKey } from './api-keys.ts';
import { originOf } from './audit.ts';
import { idParam, keyList, keyRequest, keysQuery, madeKey } from './schemas.ts';

const tags = ['API keys'];

const create = route({
  method: 'post',
  path: '/auth/api-keys',
  scope: 'admin:system',
  tags,
  operationId: 'createApiKey',
  summary: 'Make an API key; it is shown this once',
  description: 'Needs a login: a key makes no keys.',
  secrets: ['key'],
  request: { body: { required: true, content: json(keyRequest) } },
  responses: { 201: { description: 'The key', content: json(madeKey) } },
});

const list = route({
  method: 'get',
  path: '/auth/api-keys',
  scope: 'admin:system',
  tags,
  operationId: 'listApiKeys',
  summary: 'Your keys, newest first',
  etag: true,
  request: { query: keysQuery },
  responses: { 200: { description: 'Keys, without the keys themselves', content: json(keyList) } },
});

const remove = route({
  method: 'delete',
  path: '/auth/api-keys/{id}',
  scope: 'admin:system',
  tags,
  operationId: 'deleteApiKey',
  summary: 'Delete a key: one of yours, or, for admins, anybody’s',
  request: { params: idParam('key') },
  responses: { 204: { description: 'It no longer works, and its sockets close' } },
});

/** Served where `/auth/*` is. */
export const keyRoutes = feature();

keyRoutes.openapi(create, async (c) => {
  const { services, caller } = c.var;
  const made = await makeKey(services, originOf(c), signedIn(caller), c.req.valid('json'));
  const { expiresAt: expires_at, createdAt: created_at, ...rest } = made;
  const location = `/api/v1/auth/api-keys/${made.id}`;
  return c.json({ ...rest, expires_at, created_at }, 201, { location, 'cache-control': 'no-store' });
});

keyRoutes.openapi(list, async (c) => {
  const { services, caller } = c.var;
  const query = c.req.valid('query');
  const window = windowOf(query);
  const { rows, total } = await listKeys(services.db, {
    userId: ownerAsked(caller, query.user_id),
    prefix: query.prefix,
    limit: window.limit ?? window.perPage,
    offset: window.offset,
  });
  setPage(c, window, total);
  return c.json({ items: rows.map(view), total, page: window.page, per_page: window.perPage }, 200);
});

keyRoutes.openapi(remove, async (c) => {
  await revokeKey(c.var.services, originOf(c), c.var.caller, c.req.valid('param').id);
  return c.body(null, 204);
});

/** Whose keys the caller asks for; undefined = everybody's. @throws Problem `forbidden` */
function ownerAsked(caller: Caller, asked: string | undefined): string | undefined {
  const { userId } = signedIn(caller);
  if (asked === undefined || asked === userId) return userId;
  if (!hasRole(caller, 'admin')) {
    throw new Problem('forbidden', "Other users' keys are for admins.", {
      members: { required_role: 'admin' },
    });
  }
  return asked === '*' ? undefined : asked;
}

function view({ id, name, prefix, scopes, expiresAt, lastUsedAt, createdAt, userId, username }: KeyRow) {
  return {
    id,
    name,
    prefix,
    scopes,
    expires_at: expiresAt,
    last_used_at: lastUsedAt,
    created_at: createdAt,
    user_id: userId,
    username,
  };
}
