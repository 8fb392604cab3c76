import { createExecutionContext } from 'cloudflare:test';
import { exports } from 'cloudflare:workers';
import { beforeAll, describe, expect, test } from 'vitest';
import { createApp } from '../../workers/api/app.ts';
import { type Answer, call, read, withVariables } from '../http/call.ts';
import {
  CALLERS,
  type CallerKind,
  type Names,
  OPEN_DEPLOYMENT,
  PUBLIC_REPO,
  ROWS,
  type Row,
  RULES,
  type Rule,
  SHOWN_REPO,
} from './matrix.ts';
import { requestOf } from './requests.ts';
import { makeWorld, nowhere, type Openness, type World } from './world.ts';

/** An operation of the document, with its row. */
interface Case {
  /** `GET /api/v1/repos/{name}` */
  name: string;
  /** The same without its mount: the row's key. */
  operation: string;
  method: string;
  path: string;
  scope: string;
  /** Documented statuses below 400. */
  successes: number[];
  rule: Rule;
  row: Row;
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];
const rules = Object.keys(ROWS) as Rule[];
const rowOf = new Map(
  rules.flatMap((rule) => Object.entries(ROWS[rule]).map(([operation, row]) => [operation, { rule, row }])),
);
/** Operations that have no row. */
const uncovered: string[] = [];
let cases: Case[] = [];
let world: World;

beforeAll(async () => {
  const document = JSON.parse((await call('/openapi.json')).text);
  cases = Object.entries<Record<string, Record<string, unknown>>>(document.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).flatMap((method): Case[] => {
      const key = `${method.toUpperCase()} ${path.replace(/^\/api(\/v1)?(?=\/)/, '')}`;
      const found = rowOf.get(key);
      if (!found) uncovered.push(`${method.toUpperCase()} ${path}`);
      const described = item[method]!;
      const successes = Object.keys(described.responses as object).map(Number);
      return found
        ? [
            {
              name: `${method.toUpperCase()} ${path}`,
              method: method.toUpperCase(),
              path,
              operation: key,
              scope: String(described['x-required-scope']),
              successes: successes.filter((status) => status < 400),
              ...found,
            },
          ]
        : [];
    }),
  );
  world = await makeWorld();
});

/** A table of the matrix: rule → caller → status. */
function parse(table: string): Map<string, Map<string, string>> {
  const [head, ...lines] = table.split('\n').filter((line) => line.trim() !== '');
  const columns = head!.trim().split(/\s+/);
  return new Map(
    lines.map((line) => {
      const words = line.split(/\s+/);
      const cells = words.splice(-columns.length);
      return [words.join(' '), new Map(columns.map((caller, at) => [caller, cells[at]!]))];
    }),
  );
}

const tables = { private: parse(RULES), public: parse(PUBLIC_REPO), shown: parse(SHOWN_REPO) };

/** What the matrix says of a caller. */
function expected(rule: Rule, caller: CallerKind, openness: Openness): string {
  return (tables[openness].get(rule) ?? tables.private.get(rule))!.get(caller)!;
}

function agrees({ row, successes }: Case, wanted: string, status: number): boolean {
  if (wanted !== 'ok') return status === Number(wanted);
  return row.ok === undefined ? successes.includes(status) : status === row.ok;
}

async function send(one: Case, names: Names, headers: Record<string, string>): Promise<Answer> {
  const response = await exports.default.fetch(requestOf(one, names, headers));
  if (!response.webSocket) return read(response);
  response.webSocket.accept();
  response.webSocket.close();
  return { status: response.status, headers: response.headers, text: '', body: {} };
}

async function ask(one: Case, caller: CallerKind): Promise<Answer> {
  const made = one.row.fresh ? await world.fresh(one.row.fresh, caller) : { names: world.names };
  return send(one, made.names, made.headers ?? (await world.headersOf(caller, one.scope)));
}

let asked = 0;

/** Makes the request of an operation as a caller; names what was not as the matrix says. */
async function judge(one: Case, caller: CallerKind, openness: Openness): Promise<string[]> {
  const { status, headers, text } = await ask(one, caller);
  asked += 1;
  const wanted = expected(one.rule, caller, openness);
  const said = `${one.name} as ${caller} → ${status}`;
  const answered = text + JSON.stringify([...headers]);
  const outside = openness === 'private' && !INSIDE.has(caller);
  const leaked = outside ? world.secrets.filter((secret) => answered.includes(secret)) : [];
  return [
    ...(agrees(one, wanted, status) ? [] : [`${said}, not ${wanted}: ${text.slice(0, 150)}`]),
    ...(leaked.length > 0 ? [`${said} tells ${leaked.join(', ')}`] : []),
  ];
}

/** Makes every request of some operations as every caller; at the same time, unless they use things up. */
async function wrong(some: Case[], openness: Openness): Promise<string[]> {
  const found: string[] = [];
  for (const one of some) {
    if (one.row.fresh) for (const caller of CALLERS) found.push(...(await judge(one, caller, openness)));
    else found.push(...(await Promise.all(CALLERS.map((caller) => judge(one, caller, openness)))).flat());
  }
  return found;
}

const INSIDE = new Set<CallerKind>(['admin', 'groupViewer', 'groupEditor', 'groupAdmin', 'key']);

describe('the permission matrix', () => {
  test('has a row for every operation, and no others', () => {
    const served = new Set(cases.map(({ operation }) => operation));
    expect(uncovered).toEqual([]);
    expect([...rowOf.keys()].filter((operation) => !served.has(operation))).toEqual([]);
    const rows = rules.flatMap((rule) => Object.keys(ROWS[rule]));
    expect(rows.length, 'an operation under two rules').toBe(rowOf.size);
  });

  test('says of every rule and caller what happens', () => {
    expect([...tables.private.keys()]).toEqual(rules);
    for (const table of Object.values(tables)) {
      for (const [rule, cells] of table) {
        expect(rules, rule).toContain(rule);
        expect([...cells.keys()], rule).toEqual([...CALLERS]);
        for (const cell of cells.values()) expect(cell, rule).toMatch(/^(ok|401|403|404)$/);
      }
    }
  });

  test.each(rules)('%s', async (rule) => {
    expect(
      await wrong(
        cases.filter((one) => one.rule === rule),
        'private',
      ),
    ).toEqual([]);
  });

  test.each(['public', 'shown'] as const)('of a repo that is %s', async (openness) => {
    await world.open(openness);
    const changed = tables[openness];
    const some = cases.filter(({ rule, path }) => changed.has(rule) && !/^\/api\/(?!v1\/)/.test(path));
    const found = await wrong(some, openness);
    await world.open('private');
    expect(found).toEqual([]);
  });

  test('of a deployment that is open to callers without identity', async () => {
    await world.open('public');
    const app = createApp();
    const found: string[] = [];
    for (const one of cases.filter(({ scope }) => scope !== 'public')) {
      const variables = withVariables({ ANONYMOUS_ROLE: 'viewer' });
      const response = await app.fetch(requestOf(one, world.names, {}), variables, createExecutionContext());
      response.webSocket?.accept();
      response.webSocket?.close();
      const { status, text } = await read(response);
      asked += 1;
      const wanted = OPEN_DEPLOYMENT.includes(one.rule) ? 'ok' : '401';
      if (!agrees(one, wanted, status))
        found.push(`${one.name} → ${status}, not ${wanted}: ${text.slice(0, 150)}`);
    }
    await world.open('private');
    expect(found).toEqual([]);
  });

  test.each(['by id', 'by name'] as const)(
    "answers for another group's things, the repo %s, as for what does not exist",
    async (how) => {
      const names = how === 'by id' ? world.names : { ...world.names, name: 'walled-repo' };
      const found: string[] = [];
      for (const one of cases.filter(({ rule }) => expected(rule, 'otherGroup', 'private') === '404')) {
        const headers = await world.headersOf('otherGroup', one.scope);
        const there = await send(one, names, headers);
        const missing = await send(one, nowhere(names, how), headers);
        asked += 2;
        if (told(there) !== told(missing)) found.push(`${one.name}: ${told(there)} but ${told(missing)}`);
      }
      expect(found).toEqual([]);
    },
  );

  test('was asked in full', () => {
    expect(asked).toBeGreaterThan(cases.length * CALLERS.length);
  });
});

const OF_THE_REQUEST = /^(x-request-id|x-ratelimit-|ratelimit)/;

/** An answer without what every request has of its own. */
function told({ status, headers, body }: Answer): string {
  const { request_id: _id, timestamp: _at, ...rest } = body;
  return JSON.stringify([status, [...headers].filter(([name]) => !OF_THE_REQUEST.test(name)), rest]);
}
