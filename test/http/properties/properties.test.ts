/**
 * Requests made from the published schemas, as every kind of caller, each answer judged by the published document.
 * `PROPERTY_RUNS` (requests an operation) and `PROPERTY_SEED` make a larger run, or another one.
 */
import { exports } from 'cloudflare:workers';
import fc from 'fast-check';
import { beforeAll, describe, expect, inject, test } from 'vitest';
import { newId } from '../../../src/ids.ts';
import { CALLERS, type CallerKind, type Names, ROWS, type Row } from '../../permissions/matrix.ts';
import { makeWorld, type World } from '../../permissions/world.ts';
import { ADMIN, type Answer, call, forgetCount, read, request } from '../call.ts';
import { inlined, type OpenApi, type Operation, operationsOf, validators } from '../document.ts';
import { judgeOf } from '../judge.ts';
import { type Draft, drafts } from './arbitraries.ts';

const { seed, runs } = inject('properties');
const document = JSON.parse((await call('/openapi.json')).text) as OpenApi;
const judge = judgeOf(document);
const validate = validators();
const rows = new Map<string, Row>(Object.values(ROWS).flatMap((some) => Object.entries<Row>(some)));

/** Credentials that are none, beside the callers of the matrix. */
const IMPOSTORS: Record<string, Record<string, string>> = {
  'wrong key': { 'x-api-key': `rak_${'x'.repeat(40)}` },
  'alg none': { authorization: `Bearer ${btoa('{"alg":"none"}')}.${btoa('{"sub":"root"}')}.` },
  'basic login': { authorization: 'Basic cm9vdDpyb290' },
};
/** The admin often: the others are refused by most operations before anything happens. */
const WHO = [
  ...Array<string>(8).fill('admin'),
  'groupAdmin',
  'groupEditor',
  ...CALLERS,
  ...Object.keys(IMPOSTORS),
];

let world: World;
const counts = { sent: 0, byStatus: new Map<number, number>(), succeeded: new Set<string>() };

beforeAll(async () => {
  world = await makeWorld();
});

/** An operation with what is made of it once: its request schemas and their validators. */
function prepared(operation: Operation) {
  const body = operation.body && inlined(document, operation.body);
  const query = operation.parameters.filter((each) => each.in === 'query');
  const members = new Map(query.map(({ name, schema }) => [name, validate(inlined(document, schema))]));
  const required = query.filter((each) => each.required).map(({ name }) => name);
  return {
    operation,
    body,
    takes: body && validate(body),
    members,
    required,
    types: new Map(query.map(({ name, schema }) => [name, schema.type])),
  };
}
type Prepared = ReturnType<typeof prepared>;

async function send(
  draft: Draft,
  { operation, body }: Prepared,
): Promise<{ answer: Answer; url: URL; body: string | null }> {
  const row = rows.get(operation.feature) ?? {};
  const caller = draft.caller as CallerKind;
  const impostor = IMPOSTORS[draft.caller];
  const made = row.fresh && !impostor ? await world.fresh(row.fresh, caller) : { names: world.names };
  const names = {
    ...made.names,
    id: made.names[row.as?.id ?? 'name'] ?? newId(),
    username: ADMIN.username,
    password: ADMIN.password,
  } as Names & Record<string, string>;
  const fill = (text: string) => text.replaceAll(/‹(\w+)›/g, (_, name: string) => names[name] ?? newId());
  const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => fill(draft.path[name]!));
  const search = new URLSearchParams(draft.query.map(([name, value]) => [name, fill(value)]));
  const text = draft.body === null ? null : fill(draft.body);
  const credentials = impostor ?? made.headers ?? (await world.headersOf(caller, operation.scope));
  const sent = request(search.size > 0 ? `${path}?${search}` : path, {
    method: draft.head ? 'HEAD' : operation.method,
    headers: { ...draft.headers, ...credentials },
    ...(text === null || text === '' || operation.method === 'GET' ? {} : { body: text }),
  });
  const response = await exports.default.fetch(sent);
  const url = new URL(sent.url);
  if (!response.webSocket) return { answer: await read(response), url, body: body && text };
  response.webSocket.accept();
  response.webSocket.close();
  return { answer: { status: 101, headers: response.headers, text: '', body: {} }, url, body: body && text };
}

/** Whether a URL still means the operation: readers of URLs collapse dots, and cut at some marks. */
function isOf(operation: Operation, url: URL): boolean {
  const pattern = operation.path.replaceAll(/\{\w+\}/g, '[^/]+');
  return new RegExp(`^${pattern}/?$`).test(url.pathname);
}

/** Why the published schemas refuse the request; null when they take it. */
function refusal(
  { takes, members, required, types }: Prepared,
  url: URL,
  body: string | null,
): string | null {
  for (const name of required) if (!url.searchParams.has(name)) return `${name} is missing`;
  for (const [name, text] of url.searchParams) {
    const refused = members.get(name)?.(typed(text, types.get(name)));
    if (refused) return `${name}: ${refused}`;
  }
  return takes && body !== null ? takes(JSON.parse(body)) : null;
}

/** A query member as the type of its schema has it; a flag may also be written as a number or bare. */
function typed(text: string, type: string | string[] | undefined): unknown {
  if ((type === 'integer' || type === 'number') && /^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  return type === 'boolean' && /^(true|false|1|0|)$/.test(text) ? text !== 'false' && text !== '0' : text;
}

/** What a request that the schemas refuse may be answered, by who asks and what they accept. */
const REFUSED = new Set([400, 401, 403, 406, 429]);

/** What is wrong with the answer to a draft. */
async function judged(draft: Draft, one: Prepared): Promise<string[]> {
  if (counts.sent % 400 === 0) await Promise.all([forgetCount(), world.forgetCounts()]);
  const { operation } = one;
  const { answer, url, body } = await send(draft, one);
  counts.sent += 1;
  counts.byStatus.set(answer.status, (counts.byStatus.get(answer.status) ?? 0) + 1);
  const asked = { method: draft.head ? 'HEAD' : operation.method, headers: draft.headers };
  const wrong = answer.status === 101 ? [] : judge.ofAny(asked, answer);
  // 503 where a login waits for many others, 502 where the git server of a loaded machine is late: both documented.
  if (answer.status >= 500 && !([502, 503].includes(answer.status) && answer.status in operation.responses))
    wrong.push('fails');
  if (!isOf(operation, url)) return wrong;
  if (answer.status < 300) counts.succeeded.add(operation.feature);
  if (answer.status === 101) return [];
  wrong.push(...judge.ofOperation(operation, asked, answer));
  if (draft.flaw === 'hostile') return wrong;
  const refused = refusal(one, url, body);
  if (refused && !REFUSED.has(answer.status)) wrong.push(`is taken, although ${refused}`);
  if (!refused && draft.flaw === null && answer.status === 400 && !draft.head && !UNWRITTEN.test(answer.text))
    wrong.push(`is refused, although the schemas take it: ${answer.text.slice(0, 300)}`);
  return wrong;
}

/** Rules between members, or beyond what JSON Schema can say; each is in the description of what it rules. */
const UNWRITTEN =
  /must begin within the first|must be a page of this deployment|current_password: is (wrong|required)|must not be the username|exactly one of remoteUrl and localPath|unknown scope|\/ref: must not|query\/ref: must not|\/sync\/\d+: must not|must not (?:have|hold a slash or have) the form of an id/;

async function violations(operation: Operation): Promise<string[]> {
  const one = prepared(operation);
  const property = fc.asyncProperty(drafts(operation, one.body, WHO), async (draft) => {
    const wrong = await judged(draft, one);
    if (wrong.length > 0) throw new Error(wrong.join('; '));
  });
  const copies = /^\/api\/(?!v1\/)/.test(operation.path) ? 4 : 1;
  const details = await fc.check(property, {
    // Of its own, so that no two operations are asked the same; and by name, so that a new one changes no other.
    seed: [...operation.name].reduce((sum, character) => (sum * 31 + character.charCodeAt(0)) | 0, seed),
    numRuns: Math.ceil(runs / copies),
    endOnFailure: true,
  });
  if (!details.failed) return [];
  const [draft] = details.counterexample ?? [];
  return [
    `${operation.name} (PROPERTY_SEED=${seed}, path ${details.counterexamplePath}): ${details.errorInstance} for ${JSON.stringify(draft)}`,
  ];
}

const operations = operationsOf(document);

describe('requests made from the schemas', () => {
  const groups = Map.groupBy(operations, ({ path }) => path.split('/').slice(0, 4).join('/'));
  test.each([...groups.keys()])('%s', { timeout: 3_600_000 }, async (group) => {
    const found: string[] = [];
    for (const operation of groups.get(group)!) found.push(...(await violations(operation)));
    expect(found).toEqual([]);
  });

  test('were many, and reached what they were made for', () => {
    const tally = [...counts.byStatus].sort(([a], [b]) => a - b).map(([status, n]) => `${status}: ${n}`);
    console.log(`properties: ${counts.sent} requests, seed ${seed}; ${tally.join(', ')}`);
    expect(counts.sent).toBeGreaterThan(operations.length * 5);
    const features = new Set(operations.map(({ feature }) => feature));
    const never = [...features].filter((feature) => !counts.succeeded.has(feature));
    expect(never.length, never.join(', ')).toBeLessThan(features.size / 4);
  });
});
