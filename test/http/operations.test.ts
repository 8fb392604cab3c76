import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../src/ids.ts';
import { sha256 } from '../../src/platform/accounts/tokens.ts';
import { asAdmin, call, forgetCount } from './call.ts';

/** What holds for every operation, whoever wrote it: the document says which there are. */
interface Operation {
  name: string;
  method: string;
  path: string;
  scope: string;
  parameters: { name: string; in: string; required?: boolean; schema?: { type?: string } }[];
  takesBody: boolean;
  responses: Set<string>;
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];
let operations: Operation[] = [];

beforeAll(async () => {
  const document = JSON.parse((await call('/openapi.json')).text);
  operations = Object.entries<Record<string, never>>(document.paths).flatMap(([path, item]) =>
    Object.entries<Record<string, never>>(item)
      .filter(([method]) => METHODS.includes(method))
      .map(([method, operation]) => ({
        name: `${method.toUpperCase()} ${path}`,
        method: method.toUpperCase(),
        path,
        scope: operation['x-required-scope'] ?? '',
        parameters: (operation.parameters ?? []) as Operation['parameters'],
        takesBody: operation.requestBody !== undefined,
        responses: new Set(Object.keys(operation.responses ?? {})),
      })),
  );
});

/** The path with some value in each place, and required query members, so that only one thing at a time is wrong. */
function pathOf(
  { path, parameters }: Operation,
  place = 'none-of-that-name',
  query: Record<string, string> = {},
) {
  const search = new URLSearchParams(query);
  for (const { name, in: where, required } of parameters) {
    if (where === 'query' && required && !search.has(name)) search.set(name, name === 'kind' ? 'file' : 'x');
  }
  const filled = path.replaceAll(/\{[^}]+\}/g, encodeURIComponent(place));
  return search.size > 0 ? `${filled}?${search}` : filled;
}

/** Calls every operation that `choose` wants and names those whose answer `judge` finds wrong. */
async function wrong(
  choose: (operation: Operation) => boolean,
  send: (operation: Operation) => Promise<{ status: number; text: string }>,
  judge: (status: number, operation: Operation) => boolean,
): Promise<string[]> {
  const found: string[] = [];
  for (const operation of operations.filter(choose)) {
    await forgetCount();
    const { status, text } = await send(operation);
    if (!judge(status, operation)) found.push(`${operation.name} → ${status} ${text.slice(0, 200)}`);
  }
  return found;
}

const guarded = (operation: Operation) => operation.scope !== 'public';
const json = { 'content-type': 'application/json' };

describe('every operation', () => {
  it('exists in numbers', () => {
    expect(operations.length).toBeGreaterThan(60);
  });

  it('refuses callers without identity with 401, before it says anything else', async () => {
    const send = (operation: Operation) =>
      call(pathOf(operation), {
        method: operation.method,
        headers: json,
        ...(operation.takesBody ? { body: '{}' } : {}),
      });
    expect(await wrong(guarded, send, (status) => status === 401)).toEqual([]);
  });

  it('refuses a key that lacks its scope with 403', async () => {
    await call('/health/ready');
    const keys = new Map<string, string>();
    const keyWith = async (scope: string) => {
      const key = `rak_${scope.replace(':', '-').padEnd(40, 'x')}`;
      if (!keys.has(scope)) {
        await env.DB.prepare(
          `INSERT INTO api_keys (id, user_id, name, hash, prefix, scopes, created_at)
           SELECT ?, id, 'narrow', ?, 'rak_', ?, '2026-01-01T00:00:00.000Z' FROM users LIMIT 1`,
        )
          .bind(newId(), sha256(key), JSON.stringify([scope]))
          .run();
      }
      keys.set(scope, key);
      return key;
    };
    const send = async (operation: Operation) => {
      const key = await keyWith(operation.scope === 'repos:read' ? 'repos:write' : 'repos:read');
      return call(pathOf(operation), {
        method: operation.method,
        headers: { ...json, 'x-api-key': key },
        ...(operation.takesBody ? { body: '{}' } : {}),
      });
    };
    const scoped = (operation: Operation) => operation.scope.includes(':');
    expect(await wrong(scoped, send, (status) => status === 403)).toEqual([]);
  });

  it.each(['none-of-that-name', newId(), '..', 'a/b', ' ', 'größe', '%', 'x'.repeat(300), 'HEAD', '\u0000'])(
    'answers the name %j in its path without a failure of ours, and as it documents',
    async (place) => {
      const send = (operation: Operation) =>
        call(pathOf(operation, place), {
          method: operation.method,
          headers: { ...asAdmin, ...json },
          ...(operation.takesBody ? { body: '{}' } : {}),
        });
      const placed = (operation: Operation) =>
        operation.path.includes('{') && !operation.path.includes('/ws/');
      const judge = (status: number, operation: Operation) =>
        status < 500 && operation.responses.has(String(status));
      expect(await wrong(placed, send, judge)).toEqual([]);
    },
  );

  it('refuses a body of the wrong type with a problem', async () => {
    for (const body of ['[]', '"text"', '7', 'null', '{"nonsense":1}', '{']) {
      const send = (operation: Operation) =>
        call(pathOf(operation), { method: operation.method, headers: { ...asAdmin, ...json }, body });
      const takesBody = (operation: Operation) => operation.takesBody && !operation.path.includes('/auth/');
      expect(await wrong(takesBody, send, (status) => status === 400), body).toEqual([]);
    }
  });

  it('refuses query members of the wrong type, or missing, with a 400', async () => {
    const found: string[] = [];
    for (const operation of operations) {
      await forgetCount();
      for (const parameter of operation.parameters.filter((each) => each.in === 'query')) {
        const values = parameter.schema?.type === 'integer' ? ['x', '-1', '1.5', '99999999999999999999'] : [];
        for (const value of values) {
          const { status } = await call(pathOf(operation, undefined, { [parameter.name]: value }), {
            method: operation.method,
            headers: asAdmin,
          });
          if (status !== 400) found.push(`${operation.name}?${parameter.name}=${value} → ${status}`);
        }
        if (!parameter.required) continue;
        const { status } = await call(operation.path.replaceAll(/\{[^}]+\}/g, 'x'), {
          method: operation.method,
          headers: asAdmin,
        });
        if (status !== 400) found.push(`${operation.name} without ${parameter.name} → ${status}`);
      }
    }
    expect(found).toEqual([]);
  });
});
