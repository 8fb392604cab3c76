/** The OpenAPI 3.1 document, made from the routes themselves. */
import type { OpenAPIHono } from '@hono/zod-openapi';
import { ERRORS, type ErrorSlug } from '../errors.ts';
import type { AppEnv } from './feature.ts';
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

const text = (description: string) => ({ schema: { type: 'string' as const }, description });
const count = (description: string) => ({ schema: { type: 'integer' as const }, description });

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
  'RepoRelay paths': 'The same operations at the unversioned addresses of RepoRelay clients.',
};

const REQUEST_ID = { 'X-Request-Id': text('Also in every log line and error.') };
const LIMITS = {
  'X-RateLimit-Limit': count('Requests a window.'),
  'X-RateLimit-Remaining': count('Requests left in this window.'),
  'X-RateLimit-Reset': count('End of the window, epoch seconds.'),
  'X-RateLimit-Window': count('Length of the window in seconds.'),
  RateLimit: text('The same as the IETF draft has it: `"plan-pro";r=299;t=60`.'),
  'RateLimit-Policy': text('The policy that applies: `"plan-pro";q=300;w=60`.'),
};
const ETAG = { ETag: text('Strong; send it back in `If-None-Match` or `If-Match`.') };
const LINK = { Link: text('RFC 8288: `first`, `prev`, `next`, `last`, as far as they exist.') };
const TOTAL = { 'X-Total-Count': count('Items of the whole list.') };
const LOCATION = { Location: text('Where the new resource is.') };
const RETRY = { 'Retry-After': count('Seconds to wait.') };
const PROVENANCE = {
  'Sightline-Repo': text('Repository that answered, percent-encoded where it is not plain ASCII.'),
  'Sightline-Ref': text('Stored name of the ref that answered, encoded likewise.'),
  'Sightline-Commit': text('Commit that was indexed.'),
  'Sightline-Indexed-At': text('When it was indexed.'),
  'Sightline-Coverage': text('`indexed=120, skipped=3`: files.'),
  'Sightline-Skipped': text('`binary=2, vendored=1`: why files were skipped, when any were.'),
  'Sightline-Empty-Reason': text('Of an empty array: `not_indexed`, `no_match` or `no_access_or_missing`.'),
  'Sightline-Suggest': text('Of an empty array: the nearest names, percent-encoded, separated by commas.'),
};
const HEADERS = {
  ...REQUEST_ID,
  ...LIMITS,
  ...ETAG,
  ...LINK,
  ...TOTAL,
  ...LOCATION,
  ...RETRY,
  ...PROVENANCE,
};

const header = (name: string, description: string) => ({
  name,
  in: 'header' as const,
  required: false,
  description,
  schema: { type: 'string' as const },
});
const PARAMETERS = {
  IfNoneMatch: header('If-None-Match', 'ETags that you hold; 304 when one of them is current.'),
  IfMatch: header('If-Match', 'The ETag of what you mean to change; 412 when it is not current.'),
  IdempotencyKey: header(
    'Idempotency-Key',
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
  });
  registry.registerComponent('securitySchemes', 'apiKey', {
    type: 'apiKey',
    in: 'header',
    name: 'X-API-Key',
  });
  registry.register('Problem', problemSchema);
  registry.register('EnvelopeError', envelopeErrorSchema);
  for (const [name, header] of Object.entries(HEADERS)) registry.registerComponent('headers', name, header);
  for (const [name, parameter] of Object.entries(PARAMETERS))
    registry.registerComponent('parameters', name, parameter);
  for (const slug of Object.keys(ERRORS) as ErrorSlug[])
    registry.registerComponent('responses', slug, errorResponse(slug));
}

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
    headers: headersOf(REQUEST_ID, slug === 'rate_limited' ? { ...LIMITS, ...RETRY } : {}),
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
  const tags = new Set<string>();
  for (const [path, item] of Object.entries(document.paths ?? {})) {
    for (const method of METHODS) {
      const operation = item[method];
      if (!operation) continue;
      complete(operation, method, path);
      for (const tag of operation.tags ?? []) tags.add(tag);
    }
  }
  const described = Object.entries(TAGS).map(([name, description]) => ({ name, description }));
  return { ...document, tags: described.filter(({ name }) => tags.has(name)) };
}

function complete(operation: Operation, method: string, path: string): void {
  operation.operationId = operationId(method, path);
  const responses = operation.responses ?? {};
  const shared: (keyof typeof PARAMETERS)[] = [];
  if ('304' in responses) shared.push('IfNoneMatch');
  if ('412' in responses) shared.push('IfMatch');
  if (method === 'post' && ('201' in responses || '202' in responses)) shared.push('IdempotencyKey');
  const references = shared.map((name) => ({ $ref: `#/components/parameters/${name}` }));
  if (references.length > 0) operation.parameters = [...(operation.parameters ?? []), ...references];
  if (/^\/api\/(?!v1\/)/.test(path)) {
    operation.tags = ['RepoRelay paths'];
    operation.description = `The same operation as \`/api/v1${path.slice('/api'.length)}\`.`;
  }
  for (const [status, response] of Object.entries(responses)) {
    if (!/^(2|304)/.test(status) || !response || '$ref' in response) continue;
    response.headers = { ...headersOf(...headerGroups(operation, status, path)), ...response.headers };
  }
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

/** `get`, `/api/v1/repos/{name}/git-refs` → `get_api_v1_repos_name_git_refs`: unique because paths are. */
function operationId(method: string, path: string): string {
  const words = path
    .replaceAll(/[{}]/g, '')
    .split(/[^A-Za-z0-9]+/)
    .filter((word) => word !== '');
  return [method, ...words].join('_');
}
