import { z } from '@hono/zod-openapi';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Collection } from '../../src/http/postman.ts';
import { ADMIN, ADMIN_KEY, call, forgetCount } from './call.ts';

const PATH = '/api/postman-collection.json';

/** What collection.json v2.1.0 of Postman's schemas asks of the parts that we make, and no other parts. */
const pair = z.strictObject({
  key: z.string().min(1),
  value: z.string(),
  description: z.string().optional(),
  disabled: z.boolean().optional(),
});
const requestSchema = z.strictObject({
  method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']),
  description: z.string().min(1),
  auth: z.strictObject({ type: z.literal('noauth') }).optional(),
  header: z.array(pair),
  url: z.strictObject({
    raw: z.string().startsWith('{{base_url}}/'),
    host: z.tuple([z.literal('{{base_url}}')]),
    path: z.array(z.string().min(1)).min(1),
    query: z.array(pair),
    variable: z.array(pair),
  }),
  body: z
    .strictObject({
      mode: z.literal('raw'),
      raw: z.string(),
      options: z.strictObject({ raw: z.strictObject({ language: z.literal('json') }) }),
    })
    .optional(),
});
const item = z.strictObject({
  name: z.string().min(1),
  request: requestSchema,
  response: z.array(
    z.strictObject({
      name: z.string(),
      originalRequest: requestSchema,
      code: z.int(),
      header: z.array(pair),
      body: z.string(),
      _postman_previewlanguage: z.literal('json'),
    }),
  ),
});
const variable = z.strictObject({
  key: z.string(),
  value: z.string(),
  type: z.literal('string'),
  description: z.string().optional(),
});
const collectionSchema = z.strictObject({
  info: z.strictObject({
    name: z.string().min(1),
    version: z.string(),
    description: z.string(),
    schema: z.literal('https://schema.getpostman.com/json/collection/v2.1.0/collection.json'),
  }),
  auth: z.strictObject({ type: z.literal('apikey'), apikey: z.array(variable) }),
  variable: z.array(variable),
  item: z.array(
    z.strictObject({ name: z.string().min(1), description: z.string().min(1), item: z.array(item).min(1) }),
  ),
});

type Item = Collection['item'][number]['item'][number];
let collection: Collection;
let requests: Item[];
let documented: Record<string, Record<string, { 'x-alias-of'?: string; responses: Record<string, unknown> }>>;

beforeAll(async () => {
  collection = JSON.parse((await call(PATH)).text);
  requests = collection.item.flatMap((folder) => folder.item);
  documented = JSON.parse((await call('/openapi.json')).text).paths;
});

/** Sends a request as Postman would: variables filled in, what is disabled left out, the collection's own auth. */
async function send(
  { request }: Item,
  values: Record<string, string> = {},
  key = ADMIN_KEY,
  body = request.body?.raw,
) {
  const path = request.url.path.map((step) => {
    if (!step.startsWith(':')) return step;
    const own = request.url.variable.find((each) => each.key === step.slice(1))!;
    return encodeURIComponent(values[own.key] ?? own.value);
  });
  const query = request.url.query.filter((each) => !each.disabled).map((each) => [each.key, each.value]);
  const search = new URLSearchParams(query as [string, string][]).toString();
  const fill = (text: string) => text.replace('{{api_key}}', key);
  const auth = Object.fromEntries(collection.auth.apikey.map((each) => [each.key, fill(each.value)]));
  return call(`/${path.join('/')}${search === '' ? '' : `?${search}`}`, {
    method: request.method,
    headers: {
      ...(request.auth ? {} : { [auth.key!]: auth.value! }),
      ...Object.fromEntries(
        request.header.filter((each) => !each.disabled).map((each) => [each.key, each.value]),
      ),
    },
    // No test asks the internet, and a refused port is as good a remote as any.
    ...(body === undefined ? {} : { body: body.replaceAll('https://github.com', 'http://127.0.0.1:9') }),
  });
}

const named = (method: string, raw: string) => {
  const found = requests.find(
    ({ request }) => request.method === method && request.url.raw === `{{base_url}}${raw}`,
  );
  if (!found) throw new Error(`no ${method} ${raw} in the collection`);
  return found;
};

describe('the Postman collection', () => {
  it('has the form of v2.1, folders by tag, and this deployment as its base', () => {
    expect(collectionSchema.safeParse(collection).error?.issues ?? []).toEqual([]);
    expect(collection.item.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['Authentication', 'Repositories', 'Search', 'System']),
    );
    expect(collection.variable.map(({ key, value }) => [key, value])).toEqual([
      ['base_url', 'https://api.test'],
      ['api_key', ''],
    ]);
  });

  it('has every operation of OpenAPI once, but its other addresses and WebSockets', () => {
    const expected = Object.entries(documented).flatMap(([path, operations]) =>
      Object.entries(operations)
        .filter(([, operation]) => !operation['x-alias-of'] && !('101' in operation.responses))
        .map(([method]) => `${method.toUpperCase()} ${path.replaceAll(/\{([^}]+)\}/g, ':$1')}`),
    );
    const held = requests.map(({ request }) => `${request.method} /${request.url.path.join('/')}`);
    expect(held.toSorted()).toEqual(expected.toSorted());
  });

  it('is public, the same at both addresses, has an ETag and no envelope', async () => {
    const first = await call(PATH, { headers: { accept: 'application/json;profile="envelope"' } });
    expect(first.headers.get('content-type')).toBe('application/json');
    expect(first.body.info).toMatchObject({ name: 'Sightline' });
    const etag = first.headers.get('etag')!;
    const again = await call('/api/v1/postman-collection.json', { headers: { 'if-none-match': etag } });
    expect([again.status, again.text]).toEqual([304, '']);
    const envelope = { accept: 'application/json;profile="envelope"' };
    const versioned = await call('/api/v1/postman-collection.json', { headers: envelope });
    expect(versioned.text).toBe(first.text);
    const openapi = (await call('/openapi.json')).headers.get('etag')!;
    expect((await call('/openapi.json', { headers: { 'if-none-match': openapi } })).status).toBe(304);
  });

  it('runs: each of its requests, as it stands, gets an answer that the operation documents', async () => {
    const wrong: string[] = [];
    for (const each of requests) {
      await forgetCount();
      const { status, text } = await send(each);
      const { method, url } = each.request;
      const path = `/${url.path.join('/')}`.replaceAll(/:([^/]+)/g, '{$1}');
      const known = status in documented[path]![method.toLowerCase()]!.responses;
      // There is no directory here, and nobody came from a provider. An example that a schema refuses is no example.
      const expected = /NOT_CONFIGURED|is wrong|expired|query\/code: is required/.test(text);
      if (!known || status === 415 || (!expected && (status >= 500 || status === 400)))
        wrong.push(`${method} ${path} → ${status} ${text.slice(0, 300)}`);
    }
    expect(wrong).toEqual([]);
  });

  it('runs: a key is made, used for a group from its creation to its end, and deleted', async () => {
    const tokens = await send(named('POST', '/api/v1/auth/token'), {}, '', JSON.stringify(ADMIN));
    expect(tokens.status).toBe(200);
    const token = `${tokens.body.access_token}`;
    // As with any client that holds a token: Bearer in place of the key.
    const made = await call('/api/v1/auth/api-keys', {
      headers: { authorization: `Bearer ${token}` },
      body: { name: 'postman', scopes: ['admin:system'] },
    });
    expect(made.status).toBe(201);
    const key = `${made.body.key}`;
    const group = await send(named('POST', '/api/v1/groups'), {}, key);
    expect([group.status, group.body.name]).toEqual([201, 'PostgreSQL Development']);
    const at = { group_id: `${group.body.id}` };
    expect((await send(named('GET', '/api/v1/groups/:group_id'), at, key)).body.id).toBe(group.body.id);
    expect((await send(named('PUT', '/api/v1/groups/:group_id'), at, key)).status).toBe(200);
    expect((await send(named('GET', '/api/v1/repos'), {}, key)).status).toBe(403);
    expect((await send(named('DELETE', '/api/v1/groups/:group_id'), at, key)).status).toBe(204);
    expect((await send(named('GET', '/api/v1/groups/:group_id'), at, key)).status).toBe(404);
    const gone = { id: `${made.body.id}` };
    expect((await send(named('DELETE', '/api/v1/auth/api-keys/:id'), gone)).status).toBe(204);
    expect((await send(named('GET', '/api/v1/groups'), {}, key)).status).toBe(401);
  });
});
