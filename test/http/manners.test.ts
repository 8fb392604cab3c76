/** The manners of api.md section 1, each asked of every operation that the document has. */
import { createExecutionContext } from 'cloudflare:test';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { POLICIES } from '../../src/http/limits.ts';
import { createApp } from '../../workers/api/app.ts';
import { ROWS, type Row } from '../permissions/matrix.ts';
import { requestOf } from '../permissions/requests.ts';
import { makeWorld, type World } from '../permissions/world.ts';
import { type Answer, call, type Json, read, request, withVariables } from './call.ts';
import { type OpenApi, type Operation, operationsOf } from './document.ts';
import { judgeOf } from './judge.ts';
import { person } from './people.ts';

const document = JSON.parse((await call('/openapi.json')).text) as OpenApi;
const judge = judgeOf(document);
const operations = operationsOf(document);
const rows = new Map<string, Row>(Object.values(ROWS).flatMap((some) => Object.entries<Row>(some)));
let world: World;

beforeAll(async () => {
  world = await makeWorld();
});
beforeEach(() => world.forgetCounts());

/** The request of an operation as the permission matrix has it, by an admin, with some headers or another method. */
async function made(operation: Operation, headers: Record<string, string> = {}, method = operation.method) {
  const row = rows.get(operation.feature) ?? {};
  const fresh = row.fresh ? await world.fresh(row.fresh, 'admin') : { names: world.names };
  const credentials = fresh.headers ?? (await world.headersOf('admin', operation.scope));
  return requestOf({ ...operation, method, row }, fresh.names, { ...credentials, ...headers });
}

const app = createApp();
/** Sends a request to the same app in a deployment with other variables; every caller has room there. */
async function sendTo(sent: Request, variables: Record<string, string> = {}): Promise<Answer> {
  const roomy = { RATE_LIMITS: '{"plan-enterprise":"1000000/m"}', ...variables };
  const response = await app.fetch(sent, withVariables(roomy), createExecutionContext());
  if (!response.webSocket) return read(response);
  response.webSocket.accept();
  response.webSocket.close();
  return { status: response.status, headers: response.headers, text: '', body: {} };
}

const ask = async (operation: Operation, headers: Record<string, string> = {}, method?: string) =>
  sendTo(await made(operation, headers, method));

/** The request with other things in its place. */
function like(sent: Request, { url = sent.url, ...init }: RequestInit & { url?: string }): Request {
  return new Request(url, { method: sent.method, headers: sent.headers, ...init });
}

/** Asks each of some operations and names those of which something is wrong. */
async function wrong(
  some: Operation[],
  judgement: (operation: Operation) => Promise<unknown[]>,
): Promise<string[]> {
  const found: string[] = [];
  for (const operation of some) {
    for (const each of await judgement(operation)) if (each) found.push(`${operation.name}: ${each}`);
  }
  expect(some.length).toBeGreaterThan(0);
  return found;
}

const isSocket = ({ path }: Operation) => path.includes('/ws/');
/** One a feature: that it is the same at its other mounts is seen from the document, and from some tests below. */
const features = [...new Map(operations.toReversed().map((each) => [each.feature, each])).values()].reverse();
const gets = features.filter((each) => each.method === 'GET' && !isSocket(each));
const answersJson = ({ responses }: Operation) =>
  responses['200']?.content?.['application/json'] !== undefined;
const withBody = features.filter(({ body }) => body !== null);

describe('every operation', () => {
  test('answers as it documents, with all headers that it owes', async () => {
    const found = await wrong(features, async (operation) => {
      const answer = await ask(operation);
      if (answer.status === 101) return [];
      const asked = { method: operation.method, headers: {} };
      return [...judge.ofAny(asked, answer), ...judge.ofOperation(operation, asked, answer)];
    });
    expect(found).toEqual([]);
  });

  test('answers a path with a slash at its end alike', async () => {
    const found = await wrong(operations, async (operation) => {
      const sent = await made(operation);
      const { pathname, search, origin } = new URL(sent.url);
      const [plain, slashed] = [
        await sendTo(request(pathname + search, { method: operation.method })),
        await sendTo(request(`${pathname}/${search}`, { method: operation.method })),
      ];
      return [
        plain.status !== slashed.status && `${plain.status}, with a slash ${slashed.status} at ${origin}`,
      ];
    });
    expect(found).toEqual([]);
  });

  test('says at its path which methods there are, by OPTIONS and by 405', async () => {
    const paths = [...new Set(operations.map(({ path }) => path))];
    const matching = (path: string) =>
      operations.filter((each) => new RegExp(`^${each.path.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(path));
    for (const path of paths) {
      const concrete = path.replaceAll(/\{\w+\}/g, 'x');
      const methods = new Set(matching(concrete).map(({ method }) => method));
      const expected = [...methods, ...(methods.has('GET') ? ['HEAD'] : []), 'OPTIONS'].sort();
      const options = await call(concrete, { method: 'OPTIONS' });
      expect([options.status, options.headers.get('allow')?.split(', ').sort()], path).toEqual([
        204,
        expected,
      ]);
      const other = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].find((method) => !methods.has(method));
      if (other === undefined) continue;
      const refused = await call(concrete, { method: other });
      expect([refused.status, refused.headers.get('allow')?.split(', ').sort()], `${other} ${path}`).toEqual([
        405,
        expected,
      ]);
      expect(judge.ofAny({ method: other, headers: {} }, refused), `${other} ${path}`).toEqual([]);
    }
  });

  test('answers 406 where it has none of the types that are asked for, before anything is done', async () => {
    const typed = features.filter(({ responses }) =>
      Object.entries(responses).some(
        ([status, { content }]) =>
          /^2/.test(status) && content && !('*/*' in content) && !('application/octet-stream' in content),
      ),
    );
    const found = await wrong(typed, async (operation) => {
      const { status } = await ask(operation, { accept: 'image/png' });
      return [status !== 406 && status];
    });
    expect(found).toEqual([]);
  });

  test('takes no body that is too large, or not JSON; and needs no Content-Type without one', async () => {
    const found = await wrong(withBody, async (operation) => {
      const sent = await made(operation);
      const large = await sendTo(like(sent, { body: JSON.stringify({ a: 'x'.repeat(1024 * 1024) }) }));
      const text = like(sent, { body: '{}' });
      text.headers.set('content-type', 'text/plain');
      const untyped = await sendTo(text);
      return [
        large.status !== 413 && `413, not ${large.status}`,
        untyped.status !== 415 && `415, not ${untyped.status}`,
      ];
    });
    expect(found).toEqual([]);
    const bodiless = features.filter(({ method, body }) => method === 'POST' && body === null);
    expect(await wrong(bodiless, async (each) => [(await ask(each)).status === 415 && 'refused'])).toEqual(
      [],
    );
  });

  test('names each field of a body that it does not know', async () => {
    const found = await wrong(withBody, async (operation) => {
      const sent = await made(operation);
      const valid = JSON.parse(await sent.clone().text()) as object;
      const { status, body } = await sendTo(
        like(sent, { body: JSON.stringify({ ...valid, is_owner: true, id: 1 }) }),
      );
      const named = JSON.stringify(body.errors);
      return [status !== 400 && status, !(named?.includes('/is_owner') && named.includes('/id"')) && named];
    });
    expect(found).toEqual([]);
  });
});

describe('HEAD', () => {
  // What redirects has another state in each answer.
  const steady = gets.filter(({ responses }) => !('302' in responses));

  test('answers what GET answers, without a body', async () => {
    const ofTheMoment = /^(x-request-id|x-ratelimit-|ratelimit|content-length|content-type|date)/;
    const told = (answer: Answer) =>
      JSON.stringify([answer.status, [...answer.headers].filter(([name]) => !ofTheMoment.test(name))]);
    const found = await wrong(steady, async (operation) => {
      const [get, head] = [await ask(operation), await ask(operation, {}, 'HEAD')];
      return [head.text !== '' && 'a body', told(get) !== told(head) && `${told(get)} but ${told(head)}`];
    });
    expect(found).toEqual([]);
  });
});

describe('the envelope', () => {
  const accept = 'application/json;profile="envelope"';

  test('wraps all JSON below /api but health and the Postman collection, and nothing else; the data is what comes without it', async () => {
    // A callback answers once.
    const asked = gets.filter((each) => answersJson(each) && !('302' in each.responses));
    const found = await wrong(asked, async (operation) => {
      const [plain, wrapped] = [await ask(operation), await ask(operation, { accept })];
      const wraps =
        operation.path.startsWith('/api/') && !/\/v1\/health|postman-collection/.test(operation.path);
      if (!wraps) return ['success' in wrapped.body && 'is wrapped'];
      const { data, ...envelope } = wrapped.body;
      // Of what changes by itself, the members.
      const [shown, members] = [JSON.stringify(data), Object.keys(data ?? {}).join()];
      const same =
        '304' in operation.responses ? shown === plain.text : members === Object.keys(plain.body).join();
      return [
        !same && 'other data',
        Object.keys(envelope).join() !== 'success,status,message,timestamp,request_id,meta' &&
          JSON.stringify(envelope),
        wrapped.headers.get('etag') !== (plain.headers.get('etag')?.replace(/"$/, '-envelope"') ?? null) &&
          'another tag',
      ];
    });
    expect(found).toEqual([]);
  });
});

describe('tags', () => {
  /** What changes by itself. */
  const UNTAGGED =
    /\/(status|stats|metrics|health|live|ready|version|callback|jobs|indexing-status|preview|openapi\.json|raw|embeddings)\b/;

  test('stand on all that can be cached: single resources, lists, tree, file and search', async () => {
    const untagged = gets.filter(
      (each) => answersJson(each) && !('304' in each.responses) && !UNTAGGED.test(each.path),
    );
    expect(untagged.map(({ name }) => name)).toEqual([]);
  });

  test('come back as 304 while nothing changes, and only then', async () => {
    const tagged = gets.filter(({ responses }) => '304' in responses);
    const found = await wrong(tagged, async (operation) => {
      const tag = (await ask(operation)).headers.get('etag') ?? '';
      const [same, other] = [
        await ask(operation, { 'if-none-match': tag }),
        await ask(operation, { 'if-none-match': '"other"' }),
      ];
      return [
        !/^"[^"]+"$/.test(tag) && `the tag ${tag}`,
        same.status !== 304 && same.status,
        same.text !== '' && 'a body',
        same.headers.get('etag') !== tag && 'a 304 of another tag',
        other.status === 304 && 'a 304 for another tag',
      ];
    });
    expect(found).toEqual([]);
  });

  /** Changes of what the same URL's GET tags. */
  const changes = features.filter(
    ({ method, path }) =>
      ['PUT', 'PATCH', 'DELETE'].includes(method) &&
      operations.some((each) => each.path === path && each.method === 'GET' && '304' in each.responses),
  );

  test('hold a change back where If-Match names another, and let it through where it names the current one', async () => {
    const found = await wrong(changes, async (operation) => {
      const sent = await made(operation);
      const current = () => sendTo(new Request(sent.url, { headers: sent.headers }));
      const before = await current();
      const tag = before.headers.get('etag') ?? '';
      const send = (value: string) => {
        const again = like(sent, { body: sent.body === null ? null : sent.clone().body });
        again.headers.set('if-match', value);
        return sendTo(again);
      };
      const stale = await send('"other"');
      const weak = await send(`W/${tag}`);
      const unchanged = await current();
      const through = await send(tag);
      const after = await current();
      const newTag = operation.method === 'DELETE' ? null : after.headers.get('etag');
      return [
        !('412' in operation.responses) && '412 is not documented',
        stale.status !== 412 && `${stale.status} for another tag`,
        weak.status !== 412 && `${weak.status} for a weak tag`,
        unchanged.text !== before.text && 'changed in spite of it',
        through.status >= 400 && `${through.status} for the current tag: ${through.text}`,
        through.headers.get('etag') !== newTag && 'answers a tag that GET does not',
      ];
    });
    expect(found).toEqual([]);
  });

  test('of a change that says more than its GET are the ones of GET', async () => {
    const project = `/api/v1/projects/${world.names.project_id}`;
    const headers = await world.headersOf('admin', 'admin:system');
    const changed = await call(project, { method: 'PUT', headers, body: { db_path: './x.duckdb' } });
    expect(changed.body.warnings).toHaveLength(1);
    expect((await call(project, { headers })).headers.get('etag')).toBe(changed.headers.get('etag'));
  });

  test('a PUT or PATCH leaves what it does not name', async () => {
    const found = await wrong(
      changes.filter(({ method }) => method !== 'DELETE'),
      async (operation) => {
        const sent = await made(operation);
        const current = async () => {
          const {
            updated_at: _a,
            updatedAt: _b,
            ...rest
          } = (await sendTo(new Request(sent.url, { headers: sent.headers }))).body;
          return JSON.stringify(rest);
        };
        const before = await current();
        const { status, text } = await sendTo(like(sent, { body: '{}' }));
        return [status !== 200 && text, (await current()) !== before && 'changed'];
      },
    );
    expect(found).toEqual([]);
  });
});

describe('lists', () => {
  const lists = gets.filter(({ parameters }) => parameters.some(({ name }) => name === 'page'));
  /** The items, whatever the seed calls them. */
  const itemsOf = (body: Json) => {
    const named = Object.entries(body).find(
      ([name, value]) => name !== 'definitions' && Array.isArray(value),
    );
    return (Array.isArray(body) ? body : named?.[1]) as unknown as unknown[];
  };

  test('come whole or in pages that add up, with Link and their exact size', async () => {
    const found = await wrong(lists, async (operation) => {
      const at = async (query: string) => {
        const sent = await made(operation);
        const url = new URL(sent.url);
        for (const [name, value] of new URLSearchParams(query)) url.searchParams.set(name, value);
        return sendTo(like(sent, { url: url.href }));
      };
      const [first, second, both, mixed, zero, large] = [
        await at('page=1&per_page=1'),
        await at('limit=1&offset=1'),
        await at('page=1&per_page=2'),
        await at('page=1&offset=0'),
        await at('page=0'),
        await at('per_page=101'),
      ];
      const counted = operation.path.endsWith('/search') ? null : Number(both.headers.get('x-total-count'));
      const items = itemsOf(both.body);
      const pages = [...itemsOf(first.body), ...itemsOf(second.body)];
      const next = /<([^>]+)>; rel="next"/.exec(first.headers.get('link') ?? '')?.[1];
      return [
        JSON.stringify(pages) !== JSON.stringify(items) && 'pages that do not add up',
        counted !== null && Math.min(counted, 2) !== items.length && `${items.length} of ${counted}`,
        counted !== null && counted > 1 && next === undefined && 'no next page',
        next !== undefined && !next.startsWith(new URL((await made(operation)).url).pathname) && next,
        !/rel="first"/.test((await at('')).headers.get('link') ?? '') && 'no Link on the list as it comes',
        [mixed, zero, large].some(({ status }) => status !== 400) &&
          'takes a page beyond, or two ways at once',
      ];
    });
    expect(found).toEqual([]);
  });
});

describe('an Idempotency-Key', () => {
  const creating = features.filter(
    ({ method, responses }) => method === 'POST' && ('201' in responses || '202' in responses),
  );

  test('runs each POST that creates once, and repeats its answer without secrets', async () => {
    const found = await wrong(creating, async (operation) => {
      const sent = await made(operation, { 'idempotency-key': crypto.randomUUID() });
      const text = await sent.clone().text();
      const send = (body: string) => sendTo(like(sent, { body }));
      const [first, again, other] = [await send(text), await send(text), await send(`${text} `)];
      const shown = JSON.stringify({ ...first.body, key: undefined, request_id: 0, timestamp: 0 });
      const replayed = JSON.stringify({
        ...again.body,
        key: undefined,
        replayed: undefined,
        request_id: 0,
        timestamp: 0,
      });
      return [
        again.headers.get('idempotency-replayed') !== 'true' &&
          `is not repeated: ${first.status} ${first.text}`,
        again.status !== first.status && again.status,
        shown !== replayed && `${shown} but ${replayed}`,
        typeof first.body.key === 'string' && again.body.key !== null && 'the key again',
        again.headers.get('location') !== first.headers.get('location') && 'another Location',
        other.status !== 422 && `${other.status} for another body`,
        !('422' in operation.responses && '409' in operation.responses) && 'does not document 409 and 422',
      ];
    });
    expect(found).toEqual([]);
  });

  test('belongs to one caller', async () => {
    const key = { 'idempotency-key': 'of-whom' };
    const as = async (caller: 'groupAdmin' | 'groupEditor') =>
      call('/api/v1/auth/api-keys', {
        body: { name: 'ours' },
        headers: { ...key, ...(await world.headersOf(caller, '')) },
      });
    const [one, other] = [await as('groupAdmin'), await as('groupEditor')];
    expect([one.status, other.status, one.body.id === other.body.id]).toEqual([201, 201, false]);
  });

  test('tells nothing to who has lost a right since', async () => {
    const { group_id } = world.names;
    const editor = await person('analyst', { [group_id]: 'editor' });
    const headers = { ...editor.headers, 'idempotency-key': 'while-editor' };
    const post = () => call('/api/v1/projects', { body: { group_id, name: 'of the editor' }, headers });
    const [first, again] = [await post(), await post()];
    expect([first.status, again.body.id === first.body.id]).toEqual([201, true]);
    const admin = await world.headersOf('admin', '');
    await call(`/api/v1/groups/${group_id}/users/${editor.id}`, { method: 'DELETE', headers: admin });
    const later = await post();
    expect([later.status, later.text.includes('of the editor')]).toEqual([422, false]);
  });

  test('means nothing to a POST that creates nothing, token routes among them', async () => {
    const others = features.filter((each) => each.method === 'POST' && !creating.includes(each));
    const found = await wrong(others, async (operation) => {
      const sent = await made(operation, { 'idempotency-key': 'the-same' });
      const send = () => sendTo(like(sent, { body: sent.body === null ? null : sent.clone().body }));
      await send();
      return [(await send()).headers.has('idempotency-replayed') && 'is repeated'];
    });
    expect(found).toEqual([]);
  });
});

describe('rate limits', () => {
  test('show the policy of the table that applies', async () => {
    const policy = (name: keyof typeof POLICIES) =>
      `"${name}";q=${POLICIES[name].rate?.limit};w=${POLICIES[name].rate?.window}`;
    const found = await wrong(
      operations.filter(({ responses }) => '429' in responses && !('101' in responses)),
      async (operation) => {
        const { pathname } = new URL((await made(operation)).url);
        const { headers } = await call(pathname, { method: operation.method });
        const expected = policy((operation.limits?.[0] ?? 'anonymous') as keyof typeof POLICIES);
        const shown = headers.get('ratelimit-policy');
        return [shown !== expected && `${shown}, not ${expected}`];
      },
    );
    expect(found).toEqual([]);
    const { headers } = await call('/api/v1/users/me', { headers: await world.headersOf('viewer', '') });
    expect(headers.get('ratelimit-policy')).toBe(policy('plan-enterprise'));
  });

  test('show the counter of the account where it is the tighter one', async () => {
    const attempt = () => call('/api/v1/auth/token', { body: { username: 'nobody', password: 'nothing' } });
    const shown = [];
    for (let n = 0; n < 11; n++) {
      const { status, headers } = await attempt();
      shown.push(`${status} ${headers.get('ratelimit')?.replace(/;t=.*/, '')}`);
    }
    // Each attempt comes from an address of its own.
    expect(shown.slice(0, 2)).toEqual(['401 "auth-ip";r=9', '401 "auth-account";r=8']);
    expect(shown.slice(-2)).toEqual(['401 "auth-account";r=0', '429 "auth-account";r=0']);
  });

  test('are counted on what no route answers, too', async () => {
    for (const path of ['/api/v1/none', '/api/none', '/auth/none', '/ws/none', '/api/v1/repos/%ff']) {
      expect((await call(path)).headers.get('x-ratelimit-limit'), path).toBe('100');
    }
    expect((await call('/auth/token')).headers.get('x-ratelimit-limit'), '405').toBe('100');
  });
});

describe('CORS', () => {
  test('lets a page read every header that the document names', async () => {
    const origin = 'https://app.example';
    const answer = await sendTo(request('/health', { headers: { origin } }), { CORS_ORIGINS: origin });
    const exposed = new Set(answer.headers.get('access-control-expose-headers')?.split(', '));
    const named = operations.flatMap(({ responses }) =>
      Object.values(responses).flatMap(({ headers }) => Object.keys(headers ?? {})),
    );
    // Which no page may read.
    const readable = new Set(named.filter((name) => name !== 'Set-Cookie'));
    expect([...readable].filter((name) => !exposed.has(name))).toEqual([]);
  });

  test('answers a preflight of every operation where the origin may call, and of none elsewhere', async () => {
    const headers = { 'access-control-request-headers': 'authorization, content-type' };
    const found = await wrong(operations, async (operation) => {
      const path = operation.path.replaceAll(/\{\w+\}/g, 'x');
      const from = (origin: string) =>
        sendTo(
          request(path, {
            method: 'OPTIONS',
            headers: { ...headers, origin, 'access-control-request-method': operation.method },
          }),
          { CORS_ORIGINS: 'https://app.example' },
        );
      const [own, other] = [await from('https://app.example'), await from('https://other.example')];
      return [
        own.status !== 204 && own.status,
        !own.headers.get('access-control-allow-methods')?.includes(operation.method) && 'not its method',
        other.headers.has('access-control-allow-origin') && 'open to another origin',
        !/\bOrigin\b/.test(own.headers.get('vary') ?? '') && 'does not vary by origin',
      ];
    });
    expect(found).toEqual([]);
  });
});
