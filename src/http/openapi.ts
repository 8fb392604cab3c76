/** The OpenAPI 3.1 document, made from the routes themselves. */
import type { OpenAPIHono } from '@hono/zod-openapi';
import { ERRORS, type ErrorSlug } from '../errors.ts';
import { type AppEnv, header } from './feature.ts';
import { parameterExample, termOf } from './glossary.ts';
import { envelopeErrorSchema, problemSchema } from './problem.ts';
import { SCOPES } from './scopes.ts';

const DESCRIPTION = `Mirror, index, search and navigate git repositories.

Sign in with \`POST /api/v1/auth/token\` and send \`Authorization: Bearer <token>\`, or send an API key (\`rak_…\`) the same way or as
\`X-API-Key\`. Errors are RFC 9457 problem documents. \`Accept: application/json;profile="envelope"\` wraps every JSON answer below
\`/api\` as \`{success,status,data,message,timestamp,request_id,meta}\`. A repository may be named by its name or id; path
parameters are percent-encoded, so the ref \`feature/auth\` travels as \`feature%2Fauth\`.

Lists take \`page\` and \`per_page\`, or \`limit\` and \`offset\`, and send \`Link\`. What comes from an index says from which: in its
members, and in the \`Sightline-*\` headers. What has an \`ETag\` answers 304 to \`If-None-Match\`. Every answer tells how many
requests are left; 429 comes with \`Retry-After\`.

Scopes: ${Object.entries(SCOPES)
  .map(([name, text]) => `\`${name}\` (${text})`)
  .join('; ')}.`;

const count = (description: string, example: number) => ({
  schema: { type: 'integer' as const },
  description,
  example,
});

/** Tags in the order of a first visit. */
const TAGS: Record<string, string> = {
  Authentication: 'Tokens, for a username and password or by an identity provider; tickets for WebSockets.',
  'API keys': 'Keys for machines: made once, narrowed by scopes, deleted at any time.',
  Users: 'Who you are, who there is, and what was done.',
  Groups: 'Who shares repositories with whom, and as what.',
  Projects: 'Views that show a repository to another group.',
  Repositories: 'Register, mirror and sync git repositories.',
  Jobs: 'How mirroring and indexing stand, once or live.',
  Search: 'Code, documentation and symbols, across all repositories you may read.',
  Navigation: 'Files, symbols, references, callers and impact, of one indexed ref.',
  Context: 'Packs of code for an agent, within a token budget.',
  System: 'Health, version and status.',
  Documentation: 'This description, for machines and people.',
  'Unversioned paths': 'The same operations below `/api` or at the root, where older clients look for them.',
};

const REQUEST_ID = {
  'X-Request-Id': header('Also in every log line and error.', '0190b5a2-7c1e-7000-8000-000000000000'),
};
const LIMITS = {
  'X-RateLimit-Limit': count('Requests a window.', 300),
  'X-RateLimit-Remaining': count('Requests left in this window.', 299),
  'X-RateLimit-Reset': count('End of the window, epoch seconds.', 1_768_473_060),
  'X-RateLimit-Window': count('Length of the window in seconds.', 60),
  RateLimit: header('The same as the IETF draft has it.', '"plan-pro";r=299;t=60'),
  'RateLimit-Policy': header('The policy that applies.', '"plan-pro";q=300;w=60'),
};
const ETAG = {
  ETag: header(
    'Strong; send it back in `If-None-Match` or `If-Match`.',
    '"5d41402abc4b2a76b9719d911017c592"',
  ),
};
const LINK = {
  Link: header(
    'RFC 8288: `first`, `prev`, `next`, `last`, as far as they exist.',
    '</api/v1/repos?page=1&per_page=20>; rel="first", </api/v1/repos?page=3&per_page=20>; rel="next"',
  ),
};
const TOTAL = { 'X-Total-Count': count('Items of the whole list.', 45) };
const LOCATION = {
  Location: header('Where the new resource is.', '/api/v1/repos/0190b5a2-7c1e-7000-8000-000000000000'),
};
const REPLAYED = {
  'Idempotency-Replayed': header(
    '`true` where an earlier request with this Idempotency-Key was answered.',
    'true',
  ),
};
const RETRY = { 'Retry-After': count('Seconds to wait.', 60) };
const CHALLENGE = { 'WWW-Authenticate': header('How to identify.', 'Bearer realm="sightline"') };
const PROVENANCE = {
  'Sightline-Repo': header(
    'Repository that answered, percent-encoded where it is not plain ASCII.',
    'my-lib',
  ),
  'Sightline-Ref': header('Stored name of the ref that answered, encoded likewise.', 'v2.0.0'),
  'Sightline-Commit': header('Commit that was indexed.', '7fd1a60b01f91b314f59955a4e4d4e80d8edf11d'),
  'Sightline-Indexed-At': header('When it was indexed.', '2026-01-15T10:30:00.000Z'),
  'Sightline-Coverage': header('Files.', 'indexed=120, skipped=3'),
  'Sightline-Skipped': header('Why files were skipped, when any were.', 'binary=2, vendored=1'),
  'Sightline-Empty-Reason': header(
    'Of an empty array: `not_indexed`, `no_match` or `no_access_or_missing`.',
    'no_match',
  ),
  'Sightline-Suggest': header(
    'Of an empty array: the nearest names, percent-encoded, separated by commas.',
    'login, logout',
  ),
};
const HEADERS = {
  ...REQUEST_ID,
  ...LIMITS,
  ...ETAG,
  ...LINK,
  ...TOTAL,
  ...LOCATION,
  ...REPLAYED,
  ...RETRY,
  ...CHALLENGE,
  ...PROVENANCE,
};

const parameter = (name: string, example: string, description: string) => ({
  name,
  in: 'header' as const,
  required: false,
  description,
  example,
  schema: { type: 'string' as const },
});
const PARAMETERS = {
  IfNoneMatch: parameter(
    'If-None-Match',
    ETAG.ETag.example,
    'ETags that you hold; 304 when one of them is current.',
  ),
  IfMatch: parameter(
    'If-Match',
    ETAG.ETag.example,
    'The ETag of what you mean to change; 412 when it is not current.',
  ),
  IdempotencyKey: parameter(
    'Idempotency-Key',
    'register-my-lib-1',
    'Runs once: a repeat with the same body gets the same answer for 24 h, with another body 422, while it runs 409.',
  ),
};

/** Tells the app's registry about what routes refer to: security schemes, errors, headers. Call once. */
export function registerComponents(app: OpenAPIHono<AppEnv>): void {
  const registry = app.openAPIRegistry;
  registry.registerComponent('securitySchemes', 'bearer', {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT or API key',
    description: 'The `access_token` of `POST /api/v1/auth/token`, or an API key.',
  });
  registry.registerComponent('securitySchemes', 'apiKey', {
    type: 'apiKey',
    in: 'header',
    name: 'X-API-Key',
    description: 'An API key of `POST /api/v1/auth/api-keys`: `rak_…`.',
  });
  registry.register('Problem', problemSchema);
  registry.register('EnvelopeError', envelopeErrorSchema);
  for (const [name, each] of Object.entries(HEADERS)) registry.registerComponent('headers', name, each);
  for (const [name, each] of Object.entries(PARAMETERS)) registry.registerComponent('parameters', name, each);
  for (const slug of Object.keys(ERRORS) as ErrorSlug[])
    registry.registerComponent('responses', slug, errorResponse(slug));
}

const ERROR_HEADERS: Partial<Record<ErrorSlug, Partial<typeof HEADERS>>> = {
  unauthorized: CHALLENGE,
  rate_limited: RETRY,
  unavailable: RETRY,
};

function errorResponse(slug: ErrorSlug) {
  const row = ERRORS[slug];
  const example = {
    type: `urn:sightline:problem:${slug}`,
    title: row.title,
    status: row.status,
    detail: slug === 'validation' ? '/ref: must not be empty' : row.title,
    error: slug,
    error_code: row.code,
    success: false,
    request_id: '0190b5a2-7c1e-7000-8000-000000000000',
    timestamp: '2026-01-15T10:30:00.000Z',
    ...(slug === 'rate_limited' ? { retry_after: 60 } : {}),
    ...(slug === 'validation' ? { errors: [{ pointer: '/ref', detail: 'must not be empty' }] } : {}),
  };
  return {
    description: row.title,
    headers: headersOf(REQUEST_ID, LIMITS, ERROR_HEADERS[slug] ?? {}),
    content: {
      'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' }, example },
      'application/json': { schema: { $ref: '#/components/schemas/EnvelopeError' } },
    },
  };
}

function headersOf(...groups: Partial<typeof HEADERS>[]): Record<string, { $ref: string }> {
  const names = groups.flatMap((group) => Object.keys(group));
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

type Document = ReturnType<OpenAPIHono<AppEnv>['getOpenAPI31Document']>;
type Operation = NonNullable<NonNullable<Document['paths']>[string]['get']>;
const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;

/** The document of everything the app serves. */
export function openApiDocument(app: OpenAPIHono<AppEnv>, version: string): Document {
  const document = app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Sightline',
      version,
      description: DESCRIPTION,
      license: { name: 'MIT', url: 'https://spdx.org/licenses/MIT.html' },
    },
    servers: [{ url: '/', description: 'This deployment' }],
  });
  const operations = METHODS.flatMap((method) =>
    Object.entries(document.paths ?? {}).flatMap(([path, item]): Listed[] =>
      item[method] ? [{ method, path, operation: item[method] }] : [],
    ),
  );
  const canonical = new Set(
    operations.flatMap(({ path, operation }) => (isVersioned(path) ? [operation.operationId] : [])),
  );
  for (const listed of operations) complete(listed, canonical.has(listed.operation.operationId));
  for (const [name, schema] of Object.entries(document.components?.schemas ?? {}))
    explain(schema as Explained, [name]);
  const used = new Set(operations.flatMap(({ operation }) => operation.tags ?? []));
  const tags = Object.entries(TAGS).map(([name, description]) => ({ name, description }));
  return { ...document, tags: tags.filter(({ name }) => used.has(name)) };
}

interface Listed {
  method: (typeof METHODS)[number];
  path: string;
  operation: Operation;
}

const isVersioned = (path: string) => path.startsWith('/api/v1/');

function complete({ method, path, operation }: Listed, atVersioned: boolean): void {
  const responses = operation.responses ?? {};
  const shared: (keyof typeof PARAMETERS)[] = [];
  const creates = method === 'post' && ('201' in responses || '202' in responses);
  if ('304' in responses) shared.push('IfNoneMatch');
  if ('412' in responses) shared.push('IfMatch');
  if (creates) shared.push('IdempotencyKey');
  const references = shared.map((name) => ({ $ref: `#/components/parameters/${name}` }));
  if (references.length > 0) operation.parameters = [...(operation.parameters ?? []), ...references];
  if (atVersioned && !isVersioned(path)) markAlias(operation, path);
  for (const parameter of operation.parameters ?? [])
    if ('name' in parameter) exemplify(parameter as Explained, parameter.name);
  for (const [status, response] of Object.entries(responses)) {
    if (!/^(2|304)/.test(status) || !response || '$ref' in response) continue;
    const groups = [...headerGroups(operation, status, path), ...(creates ? [REPLAYED] : [])];
    response.headers = { ...headersOf(...groups), ...response.headers };
    for (const media of Object.values(response.content ?? {}))
      explain((media as { schema?: Explained }).schema ?? {}, ['']);
  }
}

/** The same operation at another address: RepoRelay's, or the root. */
function markAlias(operation: Operation, path: string): void {
  const versioned = `/api/v1${path.replace(/^\/api\//, '/')}`;
  operation.description = `The same operation as \`${versioned}\`.`;
  operation['x-alias-of'] = versioned;
  operation.operationId += path.startsWith('/api/') ? 'Unversioned' : 'AtRoot';
  operation.tags = ['Unversioned paths'];
}

/** As much of a schema or parameter as is explained here. */
interface Explained {
  $ref?: string;
  description?: string;
  example?: unknown;
  enum?: unknown[];
  default?: unknown;
  type?: string | string[];
  schema?: Explained;
  properties?: Record<string, Explained>;
  items?: Explained;
  additionalProperties?: Explained | boolean;
  anyOf?: Explained[];
  oneOf?: Explained[];
  allOf?: Explained[];
}

/** Gives a schema and its members the words of the glossary, where they have none of their own. */
function explain(schema: Explained, place: string[]): void {
  if (schema.$ref !== undefined) return;
  const [description, example] = termOf(place) ?? [];
  if (description !== undefined) schema.description ??= description;
  if (schema.enum === undefined && schema.example === undefined && example !== undefined)
    schema.example = example;
  explainMembers(schema, place);
}

/** What stands in a list or union is explained by the member that holds it; its own members are not. */
function explainMembers(schema: Explained, place: string[]): void {
  for (const [name, member] of Object.entries(schema.properties ?? {})) explain(member, [...place, name]);
  const { items, additionalProperties, anyOf, oneOf, allOf } = schema;
  for (const each of [items, additionalProperties, anyOf, oneOf, allOf].flat())
    if (typeof each === 'object') explainMembers(each, place);
}

/** A parameter shows a value: its schema's own, the first of its words, or the glossary's. */
function exemplify(parameter: Explained, name: string): void {
  const { example, enum: words, default: fallback, type } = parameter.schema ?? {};
  parameter.example ??= example ?? fallback ?? words?.[0] ?? (type === 'boolean' ? true : undefined);
  parameter.example ??= parameterExample(name);
}

/** What an answer carries beside its body follows from what the operation takes and says about itself. */
function headerGroups(operation: Operation, status: string, path: string): Partial<typeof HEADERS>[] {
  const responses = operation.responses ?? {};
  const groups: Partial<typeof HEADERS>[] = [REQUEST_ID];
  if ('429' in responses) groups.push(LIMITS);
  if ('304' in responses || ('412' in responses && status === '200')) groups.push(ETAG);
  if (status === '201') groups.push(LOCATION);
  if (operation['x-provenance']) groups.push(PROVENANCE);
  const pages = operation.parameters?.some((each) => 'name' in each && each.name === 'page');
  if (pages && status !== '304') {
    groups.push(LINK);
    // Nobody counts what a search could find.
    if (!path.endsWith('/search')) groups.push(TOTAL);
  }
  return groups;
}
