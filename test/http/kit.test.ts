import { createExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { OpenAPIHono, z } from '@hono/zod-openapi';
import { describe, expect, it } from 'vitest';
import { Problem } from '../../src/errors.ts';
import { notModified, requireMatch } from '../../src/http/etag.ts';
import { type AppEnv, feature, route } from '../../src/http/feature.ts';
import { finish, onError, provide } from '../../src/http/manners.ts';
import { pageQuery, setPage, slice, windowOf } from '../../src/http/pagination.ts';
import { setProvenance } from '../../src/http/provenance.ts';
import { services } from '../../src/services.ts';
import { asAdmin, call, read, request, withVariables } from './call.ts';

/** A feature like any other, to see what the kit gives to it. */
const items = Array.from({ length: 45 }, (_, index) => ({ id: index + 1 }));
const thing = { name: 'thing', size: 1 };
const item = z.object({ id: z.int() });
const json = <T extends z.ZodType>(schema: T) => ({
  description: 'OK',
  content: { 'application/json': { schema } },
});
const base = { scope: 'repos:read' as const, tags: ['Test'], operationId: 'test', summary: 'Test' };
const named = z.object({ name: z.string() });

const list = route({
  ...base,
  method: 'get',
  path: '/items',
  etag: true,
  request: { query: z.object(pageQuery()) },
  responses: { 200: json(z.array(item)) },
});
const one = route({
  ...base,
  method: 'get',
  path: '/thing/{name}',
  etag: true,
  request: { params: named },
  responses: { 200: json(z.looseObject({})) },
});
const change = route({
  ...base,
  method: 'patch',
  path: '/thing/{name}',
  etag: true,
  request: {
    params: named,
    body: {
      required: true,
      content: {
        'application/json': {
          schema: z.strictObject({ size: z.int(), tags: z.array(z.string()).optional() }),
        },
      },
    },
  },
  responses: { 200: json(z.looseObject({})) },
});
const early = route({
  ...base,
  method: 'get',
  path: '/early',
  etag: true,
  responses: { 200: json(z.looseObject({})) },
});
const write = route({
  ...base,
  method: 'post',
  path: '/items',
  scope: 'repos:write',
  responses: { 202: { description: 'Started' } },
});
const create = route({
  ...base,
  method: 'post',
  path: '/things',
  scope: 'repos:write',
  request: {
    body: {
      required: true,
      content: {
        'application/json': { schema: z.strictObject({ kind: z.enum(['good', 'conflict', 'bug']) }) },
      },
    },
  },
  responses: { 201: json(z.looseObject({})) },
});
const context = route({
  ...base,
  method: 'post',
  path: '/repos/{name}/context',
  request: { params: named },
  responses: { 200: json(z.looseObject({})) },
});
const file = route({
  ...base,
  method: 'get',
  path: '/raw',
  responses: { 200: { description: 'Any bytes', content: { '*/*': { schema: z.string() } } } },
});
const socket = route({
  ...base,
  method: 'get',
  path: '/ws/echo',
  socket: true,
  responses: { 101: { description: 'Upgraded' } },
});

const routes = feature();
routes.openapi(list, (c) => {
  const window = windowOf(c.req.valid('query'), null);
  setPage(c, window, items.length);
  setProvenance(c, {
    repo: 'größe',
    ref: 'main',
    commitSha: 'abc',
    coverage: { indexed: 3, skipped: 3, reasons: { vendored: 1, binary: 2 } },
    emptyReason: 'no_match',
    suggest: ['a b', 'ü'],
  });
  return c.json(slice(items, window), 200);
});
routes.openapi(one, (c) => c.json({ ...thing, name: c.req.valid('param').name }, 200));
routes.openapi(change, async (c) => {
  await requireMatch(c, { ...thing, name: c.req.valid('param').name });
  return c.json({ ...thing, ...c.req.valid('json') }, 200);
});
let work = 0;
routes.openapi(early, async (c) => {
  const unchanged = await notModified(c, ['snapshot', 7, c.req.query()]);
  if (unchanged) return unchanged as never;
  work += 1;
  return c.json({ work }, 200);
});
let created = 0;
routes.openapi(create, async (c) => {
  created += 1;
  await new Promise((resolve) => setTimeout(resolve, 20));
  const { kind } = c.req.valid('json');
  if (kind === 'bug') throw new Error('a bug');
  if (kind === 'conflict') throw new Problem('conflict', 'It exists.');
  return c.json({ id: created }, 201, { location: `/things/${created}` });
});
routes.openapi(write, (c) => c.body(null, 202));
routes.openapi(context, (c) => c.json({ via: c.var.caller.via }, 200));
routes.openapi(file, () => Response.json({ dependencies: {} }) as never);
routes.openapi(socket, () => {
  const [client, server] = Object.values(new WebSocketPair()) as [WebSocket, WebSocket];
  server.accept();
  return new Response(null, { status: 101, webSocket: client }) as never;
});

const app = new OpenAPIHono<AppEnv>({ strict: false });
app.use(finish());
app.use(provide(services));
app.route('/api/v1', routes);
app.onError(onError);

const fetchTest = (
  path: string,
  options: Parameters<typeof request>[1] = {},
  variables: Record<string, string> = {},
) =>
  app.fetch(
    request(`/api/v1${path}`, { headers: asAdmin, ...options }),
    withVariables(variables),
    createExecutionContext(),
  );
const get = async (...args: Parameters<typeof fetchTest>) => read(await fetchTest(...args));
const ids = (text: string) => (JSON.parse(text) as { id: number }[]).map(({ id }) => id);

describe('lists', () => {
  it('are complete unless a part is asked for, with their exact size', async () => {
    const answer = await get('/items');
    expect(ids(answer.text)).toHaveLength(45);
    expect(answer.headers.get('x-total-count')).toBe('45');
    expect(answer.headers.get('link')).toBe('</api/v1/items>; rel="first", </api/v1/items>; rel="last"');
  });

  it('come in pages, with links to the others', async () => {
    const answer = await get('/items?page=2&per_page=20&x=1');
    expect(ids(answer.text)).toEqual(items.slice(20, 40).map(({ id }) => id));
    const link = answer.headers.get('link')!;
    expect(link).toContain('</api/v1/items?page=3&per_page=20&x=1>; rel="next"');
    expect(link).toContain('</api/v1/items?page=1&per_page=20&x=1>; rel="prev"');
    expect(link).toContain('</api/v1/items?page=3&per_page=20&x=1>; rel="last"');
    expect((await get('/items?page=3')).headers.get('link')).not.toContain('rel="next"');
  });

  it('come by limit and offset', async () => {
    const answer = await get('/items?limit=10&offset=40');
    expect(ids(answer.text)).toEqual([41, 42, 43, 44, 45]);
    expect(answer.headers.get('link')).toContain('limit=10&offset=30>; rel="prev"');
  });

  it.each([
    'page=0',
    'page=x',
    'per_page=101',
    'per_page=0',
    'limit=0',
    'limit=101',
    'offset=-1',
    'page=1&offset=0',
    'limit=1&limit=2',
    'limit=1e1',
    'offset=99999999999',
  ])('refuse %s', async (query) => {
    const answer = await get(`/items?${query}`);
    expect(answer.status).toBe(400);
    expect(JSON.stringify(answer.body.errors)).toMatch(/query\/(page|per_page|limit|offset)/);
  });

  it('change their tag with the page that is asked for', async () => {
    const [a, b] = [await get('/items?page=1'), await get('/items?page=2')];
    expect(a.headers.get('etag')).not.toBe(b.headers.get('etag'));
  });
});

describe('provenance', () => {
  it('travels in headers beside an array, safely encoded', async () => {
    const { headers } = await get('/items');
    expect(headers.get('sightline-repo')).toBe('gr%C3%B6%C3%9Fe');
    expect(headers.get('sightline-ref')).toBe('main');
    expect(headers.get('sightline-commit')).toBe('abc');
    expect(headers.get('sightline-coverage')).toBe('indexed=3, skipped=3');
    expect(headers.get('sightline-skipped')).toBe('binary=2, vendored=1');
    expect(headers.get('sightline-empty-reason')).toBe('no_match');
    expect(headers.get('sightline-suggest')).toBe('a%20b, %C3%BC');
  });

  it('stands in meta under the envelope', async () => {
    const { body } = await get('/items?limit=1', {
      headers: { ...asAdmin, accept: 'application/json;profile="envelope"' },
    });
    expect(body.data).toEqual([{ id: 1 }]);
    expect(body.meta).toMatchObject({
      repo: 'größe',
      ref: 'main',
      commit_sha: 'abc',
      total: 45,
      coverage: { indexed: 3, skipped: 3, reasons: { vendored: 1, binary: 2 } },
      empty_reason: 'no_match',
    });
  });
});

describe('the envelope profile', () => {
  it('leaves a file alone that happens to be JSON', async () => {
    const accept = 'application/json;profile="envelope"';
    expect((await get('/raw', { headers: { ...asAdmin, accept } })).text).toBe('{"dependencies":{}}');
  });
});

describe('conditional requests', () => {
  it('answer 304 before any work when the tag comes from what decides the answer', async () => {
    const first = await get('/early');
    const before = work;
    const again = await get('/early', {
      headers: { ...asAdmin, 'if-none-match': first.headers.get('etag')! },
    });
    expect([again.status, again.text, work]).toEqual([304, '', before]);
    expect(
      (await get('/early?q=2', { headers: { ...asAdmin, 'if-none-match': first.headers.get('etag')! } }))
        .status,
    ).toBe(200);
  });

  it('let a change through on the current tag of either profile, or on none, and refuse it on another', async () => {
    const patch = (headers: Record<string, string>) =>
      get('/thing/x', { method: 'PATCH', headers: { ...asAdmin, ...headers }, body: { size: 2 } });
    const plain = (await get('/thing/x')).headers.get('etag')!;
    const wrapped = (
      await get('/thing/x', { headers: { ...asAdmin, accept: 'application/json;profile="envelope"' } })
    ).headers.get('etag')!;
    expect(wrapped).not.toBe(plain);
    for (const tag of [plain, wrapped, '*', `"other", ${plain}`])
      expect((await patch({ 'if-match': tag })).status, tag).toBe(200);
    const changed = await patch({ 'if-none-match': '*' });
    expect([changed.status, changed.headers.get('etag')]).toEqual([
      200,
      expect.stringMatching(/^"[0-9a-f]{32}"$/),
    ]);
    const refused = await patch({ 'if-match': '"other"' });
    expect([refused.status, refused.body.error_code]).toEqual([412, 'PRECONDITION_FAILED']);
  });
});

describe('requests', () => {
  it.each([
    ['feature%2Fauth', 'feature/auth'],
    ['a%252Fb', 'a%2Fb'],
    ['gr%C3%B6%C3%9Fe', 'größe'],
    ['a%20b%3Fc', 'a b?c'],
    ['100%25', '100%'],
  ])('decode the path parameter %s once', async (sent, name) => {
    expect((await get(`/thing/${sent}`)).body.name).toBe(name);
  });

  it('refuse malformed escapes in a path', async () => {
    expect((await get('/thing/%ff')).status).toBe(400);
  });

  it('name each field that a schema refuses, with its place and in plain words', async () => {
    const answer = await get('/thing/x', {
      method: 'PATCH',
      body: { size: 'big', tags: ['a', 3], 'a/b': 1 },
    });
    expect(answer.status).toBe(400);
    expect(answer.body.errors).toEqual([
      { pointer: '/size', detail: 'must be a number' },
      { pointer: '/tags/1', detail: 'must be a string' },
      { pointer: '/a~1b', detail: 'is not a known field' },
    ]);
    expect((await get('/things', { body: {} })).body.detail).toBe(
      '/kind: is required: one of good, conflict, bug',
    );
    expect((await get('/things', { body: { kind: [] } })).body.errors).toHaveLength(1);
    expect((await get('/items?limit=1&limit=2')).body.detail).toBe('query/limit: must be given once');
  });

  it.each([
    '{"size":1,"__proto__":{"admin":true}}',
    '{"size":1e999}',
    '{"size":99999999999999999999}',
    '['.repeat(5000),
  ])('answer %.40s with a 400', async (body) => {
    const headers = { ...asAdmin, 'content-type': 'application/json' };
    expect((await get('/thing/x', { method: 'PATCH', body, headers })).status).toBe(400);
  });

  it('without a body need no Content-Type', async () => {
    expect((await get('/items', { method: 'POST' })).status).toBe(202);
  });
});

describe('who may', () => {
  it('anonymous viewers, where allowed, read and pack context, and nothing else', async () => {
    const open = { ANONYMOUS_ROLE: 'viewer' };
    const statuses = async (variables: Record<string, string>) =>
      Promise.all([
        get('/items', { headers: {} }, variables).then(({ status }) => status),
        get('/repos/x/context', { method: 'POST', headers: {} }, variables).then(({ status }) => status),
        get('/items', { method: 'POST', headers: {} }, variables).then(({ status }) => status),
        get('/thing/x', { method: 'PATCH', headers: {}, body: { size: 1 } }, variables).then(
          ({ status }) => status,
        ),
      ]);
    expect(await statuses({})).toEqual([401, 401, 401, 401]);
    expect(await statuses(open)).toEqual([200, 200, 401, 401]);
    expect((await get('/repos/x/context', { method: 'POST', headers: {} }, open)).body.via).toBe('anonymous');
  });

  it('a socket opens with a token in the query, and with a ticket once', async () => {
    const upgrade = (query: string) => fetchTest(`/ws/echo${query}`, { headers: { upgrade: 'websocket' } });
    const token = (
      await call('/auth/token', { body: { username: 'root', password: 'correct horse battery staple' } })
    ).body.access_token;
    const { ticket } = (await call('/auth/ws-ticket', { method: 'POST', headers: asAdmin })).body;
    const opened = [await upgrade(`?token=${token}`), await upgrade(`?ticket=${ticket}`)];
    for (const response of opened) {
      expect(response.status).toBe(101);
      response.webSocket!.accept();
      response.webSocket!.close();
    }
    const again = await read(await upgrade(`?ticket=${ticket}`));
    expect([again.status, again.body.detail]).toEqual([401, 'The ticket has been used already.']);
    expect((await read(await upgrade(''))).status).toBe(401);
    expect((await read(await upgrade('?token=nonsense'))).status).toBe(401);
  });
});

describe('limits', () => {
  it('let requests through again after their window', async () => {
    const limiter = env.LIMITS.get(env.LIMITS.idFromName('user:window-test'));
    const quota = { name: 'test', limit: 2, window: 1 };
    const take = (limit = quota) => limiter.take({ quotas: [limit] }).then(({ allowed }) => allowed);
    expect([await take(), await take(), await take()]).toEqual([true, true, false]);
    await new Promise((resolve) => setTimeout(resolve, 1100));
    expect(await take()).toBe(true);
  });

  it('count nothing when one of several policies has no room', async () => {
    const limiter = env.LIMITS.get(env.LIMITS.idFromName('user:several-test'));
    const narrow = { name: 'narrow', limit: 1, window: 60 };
    const wide = { name: 'wide', limit: 10, window: 60 };
    await limiter.take({ quotas: [wide, narrow] });
    const refused = await limiter.take({ quotas: [wide, narrow] });
    expect(refused).toMatchObject({
      allowed: false,
      exceeded: { name: 'narrow' },
      states: [{ remaining: 9 }, { remaining: 0 }],
    });
    await limiter.clear('narrow');
    expect(await limiter.take({ quotas: [wide, narrow] })).toMatchObject({
      allowed: true,
      states: [{ remaining: 8 }, { remaining: 0 }],
    });
  });

  it('redeem a ticket once, and never after its time', async () => {
    const limiter = env.LIMITS.get(env.LIMITS.idFromName('user:ticket-test'));
    const redeem = (id: string, expiresAt: number) =>
      limiter
        .take({ quotas: [], redeem: { id, expiresAt } })
        .then((outcome) => outcome.allowed && outcome.redeemed);
    const soon = Date.now() + 30_000;
    expect([await redeem('a', soon), await redeem('a', soon), await redeem('b', Date.now() - 1)]).toEqual([
      true,
      false,
      false,
    ]);
  });
});

describe('an Idempotency-Key', () => {
  const post = (key: string, kind: string, more: Record<string, string> = {}) =>
    get('/things', { body: { kind }, headers: { ...asAdmin, 'idempotency-key': key, ...more } });

  it('makes fifty requests at once create one thing', async () => {
    const before = created;
    const answers = await Promise.all(Array.from({ length: 50 }, () => post('fifty', 'good')));
    expect(created - before).toBe(1);
    const made = answers.filter(({ status }) => status === 201);
    expect(made.length).toBeGreaterThanOrEqual(1);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(50 - made.length);
    const again = await post('fifty', 'good');
    expect([again.status, again.text, again.headers.get('location')]).toEqual([
      201,
      made[0]!.text,
      made[0]!.headers.get('location'),
    ]);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(created - before).toBe(1);
  });

  it('wraps a replayed answer like any other', async () => {
    await post('wrapped', 'good');
    const again = await post('wrapped', 'good', { accept: 'application/json;profile="envelope"' });
    expect(again.body).toMatchObject({ success: true, data: { id: expect.any(Number) } });
  });

  it('is refused with another body, and for keys that are none', async () => {
    await post('body', 'good');
    const other = await post('body', 'conflict');
    expect(other.status).toBe(422);
    expect(other.body.errors?.[0]?.pointer).toBe('header/idempotency-key');
    expect((await post('x'.repeat(256), 'good')).status).toBe(400);
  });

  it('replays refusals of the request, and runs again after failures of ours', async () => {
    const before = created;
    expect([(await post('refused', 'conflict')).status, (await post('refused', 'conflict')).status]).toEqual([
      409, 409,
    ]);
    expect(created - before).toBe(1);
    expect([(await post('bug', 'bug')).status, (await post('bug', 'bug')).status]).toEqual([500, 500]);
    expect(created - before).toBe(3);
  });

  it('belongs to one path, and means nothing where nothing is created', async () => {
    await post('path', 'good');
    const other = await get('/items', { method: 'POST', headers: { ...asAdmin, 'idempotency-key': 'path' } });
    expect([other.status, other.headers.get('idempotency-replayed')]).toEqual([202, null]);
    const headers = { 'idempotency-key': 'login' };
    const credentials = { username: 'root', password: 'correct horse battery staple' };
    const first = await call('/auth/token', { body: credentials, headers });
    const second = await call('/auth/token', { body: credentials, headers });
    expect(second.body.access_token).not.toBe(first.body.access_token);
  });
});
