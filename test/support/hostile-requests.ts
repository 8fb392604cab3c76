/** Requests that no client should send, as one list: the tests in workerd and the system test walk it. */

export interface HostileRequest {
  about: string;
  method: string;
  path: string;
  /** JSON, or what is not quite JSON. */
  body?: string | undefined;
  headers?: Record<string, string>;
  status: number;
  /** In the body of the answer. */
  reason?: RegExp;
}

const V1 = '/api/v1';
const enc = encodeURIComponent;
const shown = (value: string) =>
  JSON.stringify(value.length > 40 ? `${value.slice(0, 20)}… (${value.length})` : value);

const post = (
  about: string,
  path: string,
  body: unknown,
  status: number,
  reason?: RegExp,
): HostileRequest => ({
  about,
  method: 'POST',
  path: V1 + path,
  body: JSON.stringify(body),
  status,
  ...(reason ? { reason } : {}),
});
const get = (about: string, path: string, status: number, reason?: RegExp): HostileRequest => ({
  about,
  method: 'GET',
  path: V1 + path,
  status,
  ...(reason ? { reason } : {}),
});

const SOMEWHERE = 'https://git.example.com/x.git';

/** Names that no repository may have. */
const NAMES = [
  '',
  ' ',
  '/',
  'a/',
  '/a',
  ' a',
  'a ',
  '.',
  '..',
  'a/../b',
  'a/./b',
  'a//b',
  'x'.repeat(201),
  'x'.repeat(300),
  'a\u0000b',
  'a\nb',
  'a\u007fb',
  '\ud800',
  '01890a5d-ac96-774b-bcce-b302099a8057',
].map((name) => post(`the name ${shown(name)}`, '/repos', { name, remoteUrl: SOMEWHERE }, 400, /name/));

/** Refs that git would not have. */
const REFS = [
  '',
  ' ',
  'a b',
  'a..b',
  'a~1',
  'a^',
  'a:b',
  'a?',
  'a*',
  'a[',
  'a\\b',
  '/a',
  'a/',
  'a//b',
  'a.',
  '.a',
  'a/.b',
  'a.lock',
  'a@{b',
  '@',
  '-a',
  'a\u0000b',
  'a\nb',
  'x'.repeat(1025),
].map((ref) => post(`the ref ${shown(ref)}`, '/repos/victim/sync', { ref }, 400, /ref/));

/** Refs that are well formed and not there: the remote is asked once. */
const MISSING_REFS = ['none', 'größe', 'x'.repeat(300), 'refs/heads/none'].map((ref) =>
  post(`the ref ${shown(ref)}`, '/repos/victim/sync', { ref }, 422),
);

/** Paths of a URL, where a name or a ref stands. */
const PLACES = [
  '..',
  'a%2Fb',
  '%2F',
  '%20',
  '%00',
  '%0a',
  enc('größe'),
  'x'.repeat(300),
  '%E0%A4%A',
  enc('__proto__'),
].flatMap((place) => [
  get(`a repository ${place.slice(0, 20)} in a path`, `/repos/a${place}`, /%E0/.test(place) ? 400 : 404),
  get(
    `a ref ${place.slice(0, 20)} in a path`,
    `/repos/victim/refs/a${place}/tree`,
    /%E0/.test(place) ? 400 : 404,
  ),
]);

const url = (remoteUrl: string, reason: RegExp) =>
  post(`the URL ${shown(remoteUrl)}`, '/repos', { name: 'refused', remoteUrl }, 422, reason);

const PRIVATE = /private, loopback or link-local/;
/** A private address in the spellings that parsers disagree on. */
const ADDRESSES = [
  'https://10.1/x',
  'https://167772161/x',
  'https://0x0a000001/x',
  'https://0xa.1/x',
  'https://012.0.0.1/x',
  'https://01200000001/x',
  'https://10.0.0.1./x',
  'https://10.0.0.1:8443/x',
  'https://１０.０.０.１/x',
  'https://①０.0.0.1/x',
  'https://10%2e0%2e0%2e1/x',
  'https://0/x',
  'https://0.0.0.0/x',
  'https://10.0.0.1/x',
  'https://192.168.0.1/x',
  'https://172.31.255.255/x',
  'https://169.254.169.254/latest/meta-data',
  'https://100.64.0.1/x',
  'https://[::1]/x',
  'https://[::]/x',
  'https://[0:0:0:0:0:0:0:1]/x',
  'https://[::ffff:10.0.0.1]/x',
  'https://[::ffff:a00:1]/x',
  'https://[::10.0.0.1]/x',
  'https://[64:ff9b::a00:1]/x',
  'https://[2002:a00:1::]/x',
  'https://[fe80::1]/x',
  'https://[fd00::1]/x',
  'https://[fec0::1]/x',
  'https://localhost/x',
  'https://LOCALHOST/x',
  'https://localhost./x',
  'https://a.localhost/x',
  'https://ⓛocalhost/x',
  'https://metadata/x',
  'https://metadata.google.internal/x',
  'https://printer.local/x',
].map((remoteUrl) => url(remoteUrl, PRIVATE));

const URLS = [
  url('http://github.com/x', /https/),
  url('https://user:secret@github.com/x', /user name or password/),
  url('https://github.com@127.0.0.1/x', /user name or password/),
  url('https://:@10.0.0.1/x', /user name or password|private/),
  url('ssh://git@github.com/x', /scheme ssh:/),
  url('git@github.com:x/y.git', /cannot be parsed/),
  url('git://github.com/x', /scheme git:/),
  url('file:///etc/passwd', /scheme file:/),
  url('ext::sh -c id', /scheme ext:/),
  url('javascript:alert(1)', /scheme javascript:/),
  url('data:text/plain,x', /scheme data:/),
  url('https://', /cannot be parsed/),
  url('https://exa mple.com/x', /cannot be parsed|spaces/),
  url('https://example.com/a b', /spaces or control characters/),
  url('https://example.com/a\nb', /spaces or control characters/),
  url('https://xn--a/x', /cannot be parsed|private/),
  url('https://example.com:99999/x', /cannot be parsed/),
  post(
    'a URL of 3,000 characters',
    '/repos',
    { name: 'refused', remoteUrl: `https://example.com/${'x'.repeat(3000)}` },
    400,
    /remoteUrl/,
  ),
  post('a path outside LOCAL_REPOS', '/repos', { name: 'refused', localPath: '/etc' }, 422, /localPath/),
  post('a path that climbs', '/repos', { name: 'refused', localPath: '/../../etc' }, 422, /localPath/),
];

const globs = (about: string, patterns: unknown[]) =>
  post(
    about,
    '/repos',
    { name: 'refused', remoteUrl: SOMEWHERE, globPatterns: patterns },
    400,
    /globPatterns/,
  );
const GLOBS = [
  globs('a glob of 100,000 braces', ['{a,b}'.repeat(20_000)]),
  globs('an empty glob', ['']),
  globs('an absolute glob', ['/etc/*']),
  globs('a glob with NUL', ['a\u0000']),
  globs('100,000 globs', Array(100_000).fill('a')),
  get('a find of *a × 20', `/repos/victim/refs/main/find?kind=file&pattern=${enc('*a'.repeat(20))}`, 200),
  get('a path filter of *a × 20', `/search?query=priceOf&path=${enc('*a'.repeat(20))}`, 200),
];

const search = (about: string, query: string, more: string, status: number) =>
  get(about, `/search?query=${enc(query)}&repo=victim${more}`, status);
const QUERIES = [
  ...[
    '"',
    '""',
    '*',
    '* *',
    '^',
    'NEAR(',
    'NEAR(a b)',
    'col:x',
    'a AND',
    'OR',
    'NOT',
    '((((',
    '))))',
    '-',
    '--',
    "'",
    ';',
    'a; DROP TABLE repos',
    'a"b',
    '{a b}',
    '%',
    '\\',
    '\u0000',
    '😀',
    'x'.repeat(1000),
    '('.repeat(500),
    'a OR '.repeat(100),
  ].map((query) => search(`the query ${shown(query)}`, query, '', 200)),
  search('an empty query', '', '', 400),
  search('a query of 100,000 characters', 'x'.repeat(9_000), '', 400),
  ...['(a+)+$', '(a|a)*$', '(a|aa)+$', '(.*)*b', '(x+x+)+y', '.*.*.*.*=', '\\p{L}+'].map((query) =>
    search(`the regex ${query}`, query, '&mode=regex', 200),
  ),
  ...['(', '[', 'a{1,1000}', 'a{99999999}', '(?<=a)b', '\\1', '(?R)', '*'].map((query) =>
    search(`the regex ${query}`, query, '&mode=regex', 400),
  ),
];

const NOT_JSON = [
  { body: '{', about: 'half a JSON' },
  { body: '[]', about: 'an array' },
  { body: 'null', about: 'null' },
  { body: '"x"', about: 'a string' },
  { body: `${'['.repeat(100_000)}`, about: '100,000 brackets' },
  { body: `{"name":"x","remoteUrl":"${SOMEWHERE}","__proto__":{"admin":true}}`, about: '__proto__' },
  { body: `{"name":"x","remoteUrl":"${SOMEWHERE}","constructor":1}`, about: 'an unknown field' },
].map(({ body, about }) => ({
  about: `a body that is ${about}`,
  method: 'POST',
  path: `${V1}/repos`,
  body,
  status: 400,
}));

const WHO: HostileRequest[] = [
  {
    about: 'a wrong key',
    method: 'GET',
    path: `${V1}/repos`,
    headers: { 'x-api-key': 'rak_wrong' },
    status: 401,
  },
  {
    about: 'a token that is none',
    method: 'GET',
    path: `${V1}/repos`,
    headers: { 'x-api-key': '', authorization: 'Bearer x.y.z' },
    status: 401,
  },
  {
    about: 'a token that no one signed',
    method: 'GET',
    path: `${V1}/repos`,
    headers: {
      'x-api-key': '',
      authorization: `Bearer ${btoa('{"alg":"none"}').replaceAll('=', '')}.${btoa('{"sub":"root"}').replaceAll('=', '')}.`,
    },
    status: 401,
  },
  {
    about: 'a body of 2 MB',
    method: 'POST',
    path: `${V1}/repos`,
    body: JSON.stringify({ name: 'x'.repeat(2 * 1024 * 1024) }),
    status: 413,
  },
  {
    about: 'a form in place of JSON',
    method: 'POST',
    path: `${V1}/repos`,
    body: 'name=x',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    status: 415,
  },
];

export const HOSTILE_REQUESTS: readonly HostileRequest[] = [
  ...NAMES,
  ...REFS,
  ...MISSING_REFS,
  ...PLACES,
  ...ADDRESSES,
  ...URLS,
  ...GLOBS,
  ...QUERIES,
  ...NOT_JSON,
  ...WHO,
];

interface Schema {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  properties?: Record<string, Schema>;
  required?: string[];
}

interface Operation {
  parameters?: { name: string; in: string; required?: boolean; schema?: Schema }[];
  requestBody?: { content?: { 'application/json'?: { schema?: Schema } } };
}

export interface OpenApi {
  paths: Record<string, Record<string, Operation>>;
  components?: { schemas?: Record<string, Schema> };
}

export interface WrongRequest {
  about: string;
  method: string;
  path: string;
  body?: string | undefined;
  /** The field or parameter that the answer must name. */
  field: string;
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];
const BY_TYPE: Record<string, unknown> = {
  string: 'none-of-these',
  integer: 7.5,
  boolean: true,
  array: [[]],
  object: {},
  null: null,
};
const TEXTS = ['x', '-1', '1.5', '99999999999999999999', 'NaN', ''];

/**
 * Every operation of the document with each query parameter and each field of its body in every type that it is not,
 * one wrong thing a request: each is a 400 that names it.
 */
export function* wrongRequests(document: OpenApi): Generator<WrongRequest> {
  for (const [template, item] of Object.entries(document.paths)) {
    const path = template
      .replaceAll(/\{name\}/g, 'victim')
      .replaceAll(/\{ref\}/g, 'main')
      .replaceAll(/\{[^}]+\}/g, 'x');
    for (const [method, operation] of Object.entries(item)) {
      if (!METHODS.includes(method)) continue;
      const required = new URLSearchParams();
      for (const { name, in: place, required: needed, schema } of operation.parameters ?? [])
        if (place === 'query' && needed) required.set(name, String(schema?.enum?.[0] ?? 'x'));
      for (const { name, in: place, schema } of operation.parameters ?? []) {
        if (place !== 'query') continue;
        const types = typesOf(document, schema ?? {});
        const texts = types.has('string')
          ? []
          : TEXTS.filter((value) => value !== '' || types.has('integer'));
        for (const value of schema?.enum ? ['none-of-these'] : texts) {
          const query = new URLSearchParams(required);
          query.set(name, value);
          yield {
            about: `${method} ${template}?${name}=${value}`,
            method: method.toUpperCase(),
            path: `${path}?${query}`,
            field: name,
          };
        }
      }
      const body = resolved(document, operation.requestBody?.content?.['application/json']?.schema ?? {});
      for (const [field, schema] of Object.entries(body.properties ?? {})) {
        const types = typesOf(document, schema);
        for (const [type, value] of Object.entries(BY_TYPE)) {
          if (types.has(type) && !(type === 'string' && resolved(document, schema).enum)) continue;
          if (type === 'integer' && types.has('number')) continue;
          yield {
            about: `${method} ${template} with ${field}: ${JSON.stringify(value)}`,
            method: method.toUpperCase(),
            path: required.size > 0 ? `${path}?${required}` : path,
            body: JSON.stringify({ [field]: value }),
            field,
          };
        }
      }
    }
  }
}

function resolved(document: OpenApi, schema: Schema): Schema {
  const name = schema.$ref?.split('/').at(-1);
  return name === undefined ? schema : (document.components?.schemas?.[name] ?? {});
}

/** The JSON types a schema takes; none at all means every one. */
function typesOf(document: OpenApi, given: Schema): Set<string> {
  const schema = resolved(document, given);
  const parts = [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])];
  const own = schema.type === undefined ? [] : [schema.type].flat();
  const types = new Set([...own, ...parts.flatMap((part) => [...typesOf(document, part)])]);
  return types.size > 0 ? types : new Set(Object.keys(BY_TYPE));
}
