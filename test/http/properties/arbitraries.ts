/** Requests as arbitraries, made from the schemas of an operation and nothing else. */
import fc from 'fast-check';
import type { Operation, Parameter, Schema } from '../document.ts';

/** What is wrong with a request on purpose; `null`: nothing. */
export type Flaw = null | 'one field' | 'hostile';

/** A request before it meets the world: `‹name›` in a text stands for the id or name of something that exists. */
export interface Draft {
  caller: string;
  /** Percent-encoded already. */
  path: Record<string, string>;
  /** Pairs, because a hostile client repeats itself. */
  query: [string, string][];
  headers: Record<string, string>;
  /** The text that is sent; null for none. */
  body: string | null;
  head: boolean;
  flaw: Flaw;
}

/** What exists in the world, by the names that parameters and fields have for it. */
const KNOWN: Record<string, string[]> = {
  name: ['‹name›'],
  ref: ['main', 'HEAD', '*'],
  fromRef: ['main'],
  symbolName: ['alpha', 'beta', 'missing'],
  repo: ['‹name›'],
  repository_id: ['‹name›'],
  group_id: ['‹group_id›'],
  project_id: ['‹project_id›'],
  job_id: ['‹job_id›'],
  user_id: ['‹stranger›', '‹user_id›'],
  path: ['src/a.ts', 'src', 'missing.ts'],
  paths: ['src/a.ts', 'src/*.ts'],
  prefix: ['src', ''],
  pattern: ['a.ts', '*', 'al*'],
  query: ['alpha', 'beta lang:typescript', '"return beta"'],
  remoteUrl: ['https://git.invalid/x.git', 'https://10.0.0.1/x.git', 'http://example.invalid'],
  username: ['‹username›'],
  password: ['‹password›'],
  file: ['swagger-start.js', 'swagger-ui.css'],
};

const word = fc.stringMatching(/^[a-z][a-z0-9-]{0,12}$/);

/** Texts that some reader of text somewhere takes wrongly. */
const HOSTILE_TEXTS = [
  '',
  ' ',
  '\u0000',
  'a\u0000b',
  '"a\nb" alpha',
  '"a\u0000b" alpha',
  '"日本 語" alpha',
  '\ud800',
  'a\udfff',
  '\ufeff',
  '\u202e',
  'é'.normalize('NFD'),
  'x'.repeat(300),
  '😀'.repeat(150),
  '__proto__',
  'constructor',
  'hasOwnProperty',
  '../../etc/passwd',
  '%2e%2e%2f',
  '%00',
  "'; DROP TABLE users; --",
  '" OR 1=1 --',
  '%',
  '_',
  '*',
  '*a'.repeat(20),
  '(a+)+$',
  '/(/',
  '{"a":1}',
  'true',
  'null',
  '1e999',
  '-0',
  '9223372036854775808',
  '99999999999999999999999',
  '0x10',
  '1_000',
  '٣',
  '<script>alert(1)</script>',
  '\r\nX-Injected: 1',
  '{{7*7}}',
  '[object Object]',
  '2026-02-30T25:00:00Z',
  '+275760-09-13T00:00:00.001Z',
];
const hostileText = fc.oneof(fc.constantFrom(...HOSTILE_TEXTS), fc.string({ unit: 'binary', maxLength: 20 }));

/** Values that the schema takes. */
export function valid(schema: Schema, name = ''): fc.Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  const parts = schema.anyOf ?? schema.oneOf;
  if (parts) return fc.oneof(...parts.map((part) => valid(part, name)));
  const types = [schema.type ?? 'object'].flat();
  return fc.oneof(...types.map((type) => validOf(type, schema, name)));
}

function validOf(type: string, schema: Schema, name: string): fc.Arbitrary<unknown> {
  switch (type) {
    case 'null':
      return fc.constant(null);
    case 'boolean':
      return fc.boolean();
    case 'integer': {
      const [min, max] = [schema.minimum ?? -1000, schema.maximum ?? 1000];
      return fc.oneof(fc.integer({ min, max: Math.min(max, min + 20) }), fc.constantFrom(min, max));
    }
    case 'number':
      return fc.constantFrom(schema.minimum ?? 0, schema.maximum ?? 1, 0.5);
    case 'array': {
      const { minItems: minLength = 0, maxItems = 3 } = schema;
      return fc.array(valid(schema.items ?? {}, name), { minLength, maxLength: Math.min(maxItems, 3) });
    }
    case 'object':
      return validObject(schema);
    default:
      return validText(schema, name);
  }
}

function validText(schema: Schema, name: string): fc.Arbitrary<string> {
  const known = (KNOWN[name] ?? []).map((text) => fc.constant(text));
  const example = typeof schema.example === 'string' ? [fc.constant(schema.example)] : [];
  const { minLength = 1, maxLength = 40 } = schema;
  const free =
    schema.format === 'date-time'
      ? fc
          .date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true })
          .map((date) => date.toISOString())
      : schema.format === 'email'
        ? word.map((local) => `${local}@example.com`)
        : schema.pattern !== undefined
          ? fc.stringMatching(new RegExp(schema.pattern))
          : fc
              .tuple(word, fc.constantFrom('', ' two', 'ü', '/x', '.ts'))
              .map(([a, b]) => (a + b).padEnd(minLength, 'x').slice(0, maxLength).trim());
  return fc.oneof(free, ...example, ...known, ...known, ...known);
}

function validObject({ properties = {}, required = [], additionalProperties }: Schema): fc.Arbitrary<object> {
  const members = Object.fromEntries(
    Object.entries(properties).map(([name, schema]) => [name, valid(schema, name)]),
  );
  const listed = fc.record(members, { requiredKeys: required.filter((name) => name in members) });
  if (additionalProperties === false || Object.keys(properties).length > 0) return listed;
  return fc.dictionary(word, fc.oneof(fc.integer(), fc.string({ maxLength: 5 }), fc.constant(null)), {
    maxKeys: 3,
  });
}

/** Any JSON value, near the edges of what readers hold. */
const anyValue: fc.Arbitrary<unknown> = fc.oneof(
  hostileText,
  fc.constantFrom<unknown>(null, true, false, -1, 0, 1.5, 1e308, -1e308, 2 ** 53, [], {}, [null], [[]], {
    a: {},
  }),
  fc.jsonValue({ maxDepth: 2 }),
);

/** A valid body with one member replaced, dropped or added. */
function nearlyValid(schema: Schema): fc.Arbitrary<unknown> {
  const names = Object.keys(schema.properties ?? {});
  return fc
    .tuple(
      valid(schema),
      fc.constantFrom(...names, 'role', 'id', 'group_id', 'plan', 'unknown'),
      anyValue,
      fc.boolean(),
    )
    .map(([body, name, value, drops]) => {
      const changed: Record<string, unknown> = { ...(body as object), [name]: value };
      if (drops && name in (body as object)) delete changed[name];
      return changed;
    });
}

/** Bodies that are no JSON of ours, made from one that is. */
function hostileBody(text: string): fc.Arbitrary<string> {
  const inner = text.slice(1, -1);
  const more = inner === '' ? '' : `,${inner}`;
  const first = /^"[^"]*"/.exec(inner)?.[0] ?? '"a"';
  return fc.oneof(
    fc.constantFrom(
      '',
      ' ',
      'null',
      '[]',
      '"x"',
      '7',
      '{',
      `${text}${text}`,
      `\ufeff${text}`,
      text.slice(0, -1),
      `{${first}:1${more},${first}:2}`,
      `{"__proto__":{"role":"admin"}${more}}`,
      `{"constructor":{"prototype":{}}${more}}`,
      `{"a":${'['.repeat(100)}${']'.repeat(100)}${more}}`,
      `{"a":${'{"a":'.repeat(100)}1${'}'.repeat(100)}${more}}`,
      `{"a":1e999${more}}`,
      `{"a":-1e999${more}}`,
      `{"a":${'9'.repeat(400)}${more}}`,
      `{${first}:"\\ud800"}`,
      `{${first}:"a\\u0000b"}`,
      `{${first}:"${'x'.repeat(300)}"}`,
      `{${first}:"\u0001"}`,
      `{${first}:NaN}`,
      `{${first}:01}`,
      `{'a':1}`,
      `{"a":1,}`,
      `/* */${text}`,
      '['.repeat(5000),
    ),
    fc.string({ unit: 'binary', maxLength: 50 }),
    fc.json({ maxDepth: 3 }),
  );
}

const TYPES = [
  '',
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'application/jsonx',
  'application/json, text/plain',
  'application/problem+json',
  'application/json; charset=utf-16',
  'APPLICATION/JSON',
];

/** Path segments, encoded: of what exists mostly, of anything else as well. */
function segment(parameter: Parameter, flaw: Flaw): fc.Arbitrary<string> {
  const known = [...(KNOWN[parameter.name] ?? []), ...(parameter.name === 'id' ? ['‹id›'] : [])].map((text) =>
    fc.constant(text),
  );
  const right = known.length > 0 ? fc.oneof(...known) : valid(parameter.schema).map(String);
  const usual = fc.oneof({ weight: 8, arbitrary: right }, word, fc.uuid());
  if (flaw !== 'hostile') return usual;
  const encoded = hostileText.map((text) => encodeURIComponent(text.toWellFormed()));
  const raw = fc.constantFrom(
    '%2e%2e',
    '%252e%252e',
    '%252F',
    '%2F',
    '..%2f..%2f',
    '%00',
    '%0d%0a',
    '%ed%a0%80',
    '%ff',
    '%',
    '%zz',
    ';a=b',
    'a%23b',
    'a%3Fb',
    '%E2%80%AE',
    'x'.repeat(2000),
  );
  return fc.oneof(usual, encoded, raw);
}

/** Query members; pages by number or by offset, never by both, unless something is to be wrong. */
function query(parameters: Parameter[], flaw: Flaw): fc.Arbitrary<[string, string][]> {
  const asText = (schema: Schema, name: string) => valid(schema, name).map(String);
  const style = fc.constantFrom<string[]>(
    ...(flaw === null
      ? [
          ['page', 'per_page'],
          ['limit', 'offset'],
        ]
      : [[]]),
  );
  const members = Object.fromEntries(
    parameters.map(({ name, schema }) => [
      name,
      flaw === 'hostile' ? fc.oneof(asText(schema, name), hostileText) : asText(schema, name),
    ]),
  );
  const requiredKeys = parameters.filter(({ required }) => required).map(({ name }) => name);
  const record = fc.record(members, { requiredKeys: flaw === 'hostile' ? [] : requiredKeys });
  return fc.tuple(record, style, fc.boolean()).map(([chosen, without, twice]) => {
    const pairs = Object.entries(chosen).filter(([name]) => !without.includes(name)) as [string, string][];
    return flaw === 'hostile' && twice ? [...pairs, ...pairs.slice(0, 1)] : pairs;
  });
}

/** One parameter of the query that its schema does not take. */
function wrongMember(parameters: Parameter[]): fc.Arbitrary<[string, string][]> {
  return fc
    .tuple(query(parameters, null), fc.constantFrom(...parameters), hostileText)
    .map(([pairs, { name }, text]) => [...pairs.filter(([other]) => other !== name), [name, text]]);
}

const ACCEPTS = [
  'application/json',
  '*/*',
  'application/json;profile="envelope"',
  'application/json;profile="envelope"',
  'application/json;profile=plain',
  'application/problem+json',
  'text/html',
  'application/json;q=0',
  'image/*',
  ',;q==,*',
];

function headers(flaw: Flaw, method: string): fc.Arbitrary<Record<string, string>> {
  const seldom = <T>(some: fc.Arbitrary<T>) => fc.option(some, { freq: 4, nil: undefined });
  const ascii = fc.string({ unit: 'grapheme-ascii', maxLength: 20 }).map((text) => text.trim());
  const tag = fc.constantFrom('*', '"other"', 'W/"x"', 'x', '"a", "b"', '');
  return fc
    .record({
      accept: seldom(fc.constantFrom(...(flaw === 'hostile' ? ACCEPTS : ACCEPTS.slice(0, 5)))),
      'x-request-id': seldom(fc.oneof(fc.constant('req_abc-123'), ascii, fc.constant('x'.repeat(300)))),
      'idempotency-key': seldom(fc.oneof(fc.uuid(), flaw === null ? fc.uuid() : ascii)),
      'if-none-match': seldom(tag),
      'if-match': flaw === null ? fc.constant(undefined) : seldom(tag),
      range: seldom(
        fc.constantFrom('bytes=0-3', 'bytes=99999-', 'bytes=-1', 'bytes=3-0', 'lines=1', 'bytes=0-1,3-4'),
      ),
      // Of other methods, the client of the tests makes a GET.
      upgrade: method === 'GET' ? seldom(fc.constantFrom('websocket', 'h2c')) : fc.constant(undefined),
      'x-forwarded-for': seldom(fc.constant('1.2.3.4')),
    })
    .map((all) =>
      Object.fromEntries(
        Object.entries(all).filter((pair): pair is [string, string] => pair[1] !== undefined),
      ),
    );
}

/** All requests of an operation, as any of the callers. */
export function drafts(
  operation: Operation,
  body: Schema | null,
  callers: readonly string[],
): fc.Arbitrary<Draft> {
  return fc.constantFrom<Flaw>(null, null, 'one field', 'hostile').chain((flaw) => {
    const inPath = operation.parameters.filter((each) => each.in === 'path');
    const inQuery = operation.parameters.filter((each) => each.in === 'query');
    const wrongQuery = flaw === 'one field' && body === null && inQuery.length > 0;
    return fc.record({
      caller: fc.constantFrom(...callers),
      path: fc.record(Object.fromEntries(inPath.map((each) => [each.name, segment(each, flaw)]))),
      query: wrongQuery ? wrongMember(inQuery) : query(inQuery, flaw),
      body: bodyText(body, flaw),
      headers: fc
        .tuple(
          headers(flaw, operation.method),
          flaw === 'hostile' ? fc.constantFrom(undefined, undefined, ...TYPES) : fc.constant(undefined),
        )
        .map(([some, type]) =>
          body === null ? some : { 'content-type': type ?? 'application/json', ...some },
        ),
      head: operation.method === 'GET' ? fc.constantFrom(false, false, false, true) : fc.constant(false),
      flaw: fc.constant(flaw),
    });
  });
}

function bodyText(body: Schema | null, flaw: Flaw): fc.Arbitrary<string | null> {
  if (body === null) return flaw === 'hostile' ? fc.constantFrom(null, null, '{}', 'x') : fc.constant(null);
  if (flaw === 'one field') return nearlyValid(body).map((value) => JSON.stringify(value));
  const good = valid(body).map((value) => JSON.stringify(value));
  return flaw === null
    ? good
    : fc.oneof(
        good.chain(hostileBody),
        nearlyValid(body).map((value) => JSON.stringify(value)),
      );
}
