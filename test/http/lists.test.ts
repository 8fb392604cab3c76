import { createExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Env } from '../../src/env.ts';
import { newId } from '../../src/ids.ts';
import { controlDb } from '../../src/store/control-db.ts';
import { insertJob } from '../../src/store/jobs.ts';
import { findRepo } from '../../src/store/repos.ts';
import { createApp } from '../../workers/api/app.ts';
import { registered, synced } from '../platform/repos/api.ts';
import { makeRepo } from '../support/git.ts';
import { ADMIN_CALLER } from '../support/repos.ts';
import { type Answer, call, forgetCount, read, request, withVariables } from './call.ts';
import { keyOf, loginOf, type Person, person } from './people.ts';

/**
 * Every list of the API, as OpenAPI tells of them: what takes `page` is one. Each is walked to its end by pages and by
 * offsets, along its own links, and must give the same items as when it is asked for at once.
 */
interface ListOperation {
  path: string;
  parameters: { name: string; in: string; required?: boolean; schema?: { maximum?: number } }[];
  /** Announces `X-Total-Count`. */
  isCounted: boolean;
}

const bindings = env as unknown as Env;
const VARIABLES = { GIT_TOKEN_A_TEST: 'a', GIT_TOKEN_B_TEST: 'b', GIT_TOKEN_C_TEST: 'c' };
/** Path parameters, and query members that are required or make the list long enough. */
const VALUES: Record<string, string> = { name: 'listed', ref: 'main', symbolName: 'shared' };
const QUERY: Record<string, string> = { query: 'shared', pattern: '*', kind: 'file' };
/** The symbol that calls several others. */
const AT: Record<string, Record<string, string>> = {
  '/repos/{name}/refs/{ref}/callees/{symbolName}': { symbolName: 'busy' },
};

let admin: Person;
let operations: ListOperation[] = [];

beforeAll(async () => {
  const document = JSON.parse((await call('/openapi.json')).text);
  operations = Object.entries<Record<string, Record<string, unknown>>>(document.paths).flatMap(
    ([path, { get }]) => {
      // At its other addresses the same routes answer.
      if (get?.['x-alias-of'] !== undefined) return [];
      const parameters = ((get?.parameters ?? []) as ListOperation['parameters']).filter(({ name }) => name);
      if (!parameters.some(({ name }) => name === 'page')) return [];
      const responses = get!.responses as Record<string, { headers: Record<string, unknown> }>;
      return [{ path, parameters, isCounted: 'X-Total-Count' in responses['200']!.headers }];
    },
  );
  admin = await person('admin');
  const as = (path: string, body: object) => call(`/api/v1${path}`, { body, headers: admin.headers });
  for (const name of ['one', 'two', 'three']) {
    const { body: group } = await as('/groups', { name });
    VALUES.group_id = `${group.id}`;
    await as('/projects', { group_id: group.id, name });
    await keyOf(admin.id);
    await loginOf(admin.id);
  }
  for (const user_id of [(await person('viewer')).id, (await person('viewer')).id])
    await as(`/groups/${VALUES.group_id}/users`, { user_id, role: 'viewer' });

  const callers = ['a', 'b', 'c', 'd'].map((name): [string, string] => [
    `src/${name}.ts`,
    `import { shared } from './shared';\nexport function ${name}() {\n  return shared();\n}\n`,
  ]);
  const remote = await makeRepo('listed', {
    'src/shared.ts': 'export function shared() {\n  return 1;\n}\n',
    'src/busy.ts': `${['a', 'b', 'c', 'd'].map((name) => `import { ${name} } from './${name}';`).join('\n')}
export function busy() {\n  a();\n  b();\n  c();\n  d();\n}\n`,
    ...Object.fromEntries(callers),
  });
  for (const name of ['listed', 'listed-2', 'listed-3']) await registered(name, remote.url);
  await synced('listed', 'main');
  // Runs that wait, for as long as the lists are read.
  const db = controlDb(bindings.DB);
  for (const name of ['listed', 'listed-2', 'listed-3']) {
    const run = { kind: 'sync' as const, ref: 'main', fullName: null, params: {}, requestedBy: admin.id };
    const repo = await findRepo(db, ADMIN_CALLER, name, 'read');
    await insertJob(db, repo, { id: newId(), ...run }, new Date());
  }
});

/** Asks a deployment that has tokens of three git hosts. */
async function ask(path: string, headers: Record<string, string> = {}): Promise<Answer> {
  const sent = request(path, { headers: { ...admin.headers, ...headers } });
  return read(await app.fetch(sent, withVariables(VARIABLES), createExecutionContext()));
}
const app = createApp();

function urlOf({ path, parameters }: ListOperation, query: Record<string, string | number> = {}): string {
  const own = AT[path.replace(/^\/api(\/v1)?/, '')] ?? {};
  const filled = path.replaceAll(/\{([^}]+)\}/g, (_, name) => {
    const value = own[name] ?? VALUES[name];
    if (value === undefined) throw new Error(`no value for {${name}} of ${path}`);
    return encodeURIComponent(value);
  });
  const required = parameters.filter(({ name }) => QUERY[name] !== undefined && name !== 'kind');
  const kind = parameters.filter(({ name, required }) => name === 'kind' && required);
  const search = new URLSearchParams([...required, ...kind].map(({ name }) => [name, QUERY[name]!]));
  for (const [name, value] of Object.entries(query)) search.set(name, String(value));
  return search.size > 0 ? `${filled}?${search}` : filled;
}

const LISTS = ['items', 'groups', 'users', 'projects', 'callers', 'callees'];

/** The items of an answer: it is an array, or has one. */
function itemsOf({ body }: Answer): unknown[] {
  if (Array.isArray(body)) return body;
  const arrays = Object.entries(body).filter(([, value]) => Array.isArray(value));
  const [, found] = arrays.find(([name]) => LISTS.includes(name)) ?? (arrays.length === 1 ? arrays[0]! : []);
  if (!found) throw new Error(`no list in ${JSON.stringify(body).slice(0, 200)}`);
  return found as unknown as unknown[];
}

function linksOf({ headers }: Answer): Record<string, string> {
  const found = [...(headers.get('link') ?? '').matchAll(/<([^>]+)>; rel="(\w+)"/g)];
  return Object.fromEntries(found.map(([, target, rel]) => [rel!, target!]));
}

/** What an item is known by; what changes between two requests left out. */
const known = (item: unknown) =>
  JSON.stringify(item, (key, value) => (key === 'updatedAt' ? undefined : value));

/** Follows `next` from an address to the end. */
async function walk(from: string): Promise<{ pages: Answer[]; items: string[] }> {
  const pages: Answer[] = [];
  for (let next: string | undefined = from; next !== undefined; next = linksOf(pages.at(-1)!).next) {
    expect(pages.length, `${from} does not end`).toBeLessThan(60);
    pages.push(await ask(next));
    expect(pages.at(-1)!.status, next).toBe(200);
  }
  return { pages, items: pages.flatMap((page) => itemsOf(page).map(known)) };
}

describe('every list', () => {
  test('is among those that OpenAPI tells of', () => {
    expect(operations.length).toBeGreaterThanOrEqual(15);
  });

  test('gives the same items at once, by pages and by offsets, along its links, and counts them exactly', async () => {
    for (const operation of operations) {
      await forgetCount();
      const most = operation.parameters.find(({ name }) => name === 'limit')!.schema!.maximum!;
      const whole = await ask(urlOf(operation, { limit: most }));
      const items = itemsOf(whole).map(known);
      const at = operation.path;
      expect([whole.status, items.length], at).toEqual([200, expect.toSatisfy((length) => length >= 3)]);
      expect(new Set(items).size, at).toBe(items.length);
      const total = operation.isCounted ? String(items.length) : null;
      // Many pages by the one way, two by the other.
      const half = Math.ceil(items.length / 2);
      const ways: Record<string, number>[] = [{ page: 1, per_page: 2 }, { limit: half }];
      for (const query of ways) {
        const { pages, items: walked } = await walk(urlOf(operation, query));
        const how = `${at} ${JSON.stringify(query)}`;
        expect(walked, how).toEqual(items);
        expect(new Set(pages.map(({ headers }) => headers.get('x-total-count'))), how).toEqual(
          new Set([total]),
        );
        const [first, last] = [linksOf(pages[0]!), linksOf(pages.at(-1)!)];
        expect([first.prev, last.next], how).toEqual([undefined, undefined]);
        // From the end to the first and to the one before, and where the end is known, back to it.
        const [begin, before] = [await ask(last.first!), await ask(last.prev!)];
        expect(itemsOf(begin).map(known), how).toEqual(itemsOf(pages[0]!).map(known));
        expect(itemsOf(before).map(known), how).toEqual(itemsOf(pages.at(-2)!).map(known));
        if (total === null) expect(first.last, how).toBeUndefined();
        else {
          const end = itemsOf(await ask(first.last!)).map(known);
          expect(end, how).toEqual(itemsOf(pages.at(-1)!).map(known));
        }
      }
      const beyond = await ask(urlOf(operation, { page: 50, per_page: 20 }));
      expect([beyond.status, itemsOf(beyond).length], at).toEqual([200, 0]);
      expect(beyond.headers.get('x-total-count'), at).toBe(total);
      expect(linksOf(beyond).next, at).toBeUndefined();
    }
  });

  test('names itself as first and last, with nothing beside it, when it is answered whole', async () => {
    for (const operation of operations) {
      await forgetCount();
      const whole = await ask(urlOf(operation));
      const { first, prev, next } = linksOf(whole);
      expect([first, prev, next], operation.path).toEqual([expect.any(String), undefined, undefined]);
      expect(itemsOf(await ask(first!)).map(known), operation.path).toEqual(itemsOf(whole).map(known));
    }
  });

  test('refuses what is out of range, and a page with an offset, naming the member', async () => {
    for (const operation of operations) {
      await forgetCount();
      const most = operation.parameters.find(({ name }) => name === 'limit')!.schema!.maximum!;
      const wrong: [string, Record<string, string | number>][] = [
        ['query/page', { page: 0 }],
        ['query/page', { page: 'two' }],
        ['query/per_page', { per_page: 0 }],
        ['query/per_page', { per_page: 101 }],
        ['query/limit', { limit: 0 }],
        ['query/limit', { limit: most + 1 }],
        ['query/offset', { offset: -1 }],
        ['query/offset', { page: 2, offset: 1 }],
        ['query/offset', { per_page: 2, offset: 0 }],
      ];
      for (const [pointer, query] of wrong) {
        const { status, body } = await ask(urlOf(operation, query));
        const what = `${operation.path} ${JSON.stringify(query)}`;
        expect([status, body.errors?.[0]?.pointer], what).toEqual([400, pointer]);
      }
    }
  });

  test('has the total and the same items under the envelope', async () => {
    for (const operation of operations) {
      await forgetCount();
      const url = urlOf(operation, { limit: 2 });
      const [plain, wrapped] = [
        await ask(url),
        await ask(url, { accept: 'application/json;profile="envelope"' }),
      ];
      const total = Number(plain.headers.get('x-total-count'));
      expect(wrapped.body, operation.path).toMatchObject({
        success: true,
        status: 'success',
        message: expect.any(String),
        timestamp: expect.any(String),
        request_id: wrapped.headers.get('x-request-id'),
        meta: operation.isCounted ? { total } : {},
      });
      const inside = { ...plain, body: wrapped.body.data! };
      expect(itemsOf(inside).map(known), operation.path).toEqual(itemsOf(plain).map(known));
      for (const name of ['link', 'x-total-count'])
        expect(wrapped.headers.get(name), operation.path).toBe(plain.headers.get(name));
    }
  });
});
