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

Scopes: ${Object.entries(SCOPES)
  .map(([name, text]) => `\`${name}\` (${text})`)
  .join('; ')}.`;

const HEADERS = {
  'X-Request-Id': { schema: { type: 'string' as const }, description: 'Also in every log line and error.' },
  'X-RateLimit-Limit': { schema: { type: 'integer' as const }, description: 'Requests a window.' },
  'X-RateLimit-Remaining': {
    schema: { type: 'integer' as const },
    description: 'Requests left in this window.',
  },
  'X-RateLimit-Reset': {
    schema: { type: 'integer' as const },
    description: 'End of the window, epoch seconds.',
  },
  'X-RateLimit-Window': {
    schema: { type: 'integer' as const },
    description: 'Length of the window in seconds.',
  },
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
    detail: row.title,
    error: slug,
    error_code: row.code,
    success: false,
    request_id: '0190b5a2-7c1e-7000-8000-000000000000',
    timestamp: '2026-01-15T10:30:00.000Z',
    ...(slug === 'rate_limited' ? { retry_after: 60 } : {}),
  };
  return {
    description: row.title,
    headers: headersOf(
      slug === 'rate_limited' ? { 'Retry-After': { schema: { type: 'integer' as const } } } : {},
    ),
    content: {
      'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' }, example },
      'application/json': { schema: { $ref: '#/components/schemas/EnvelopeError' } },
    },
  };
}

function headersOf<T extends object>(more: T) {
  const shared = Object.keys(HEADERS).map((name) => [name, { $ref: `#/components/headers/${name}` }]);
  return { ...(Object.fromEntries(shared) as Record<string, { $ref: string }>), ...more };
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
  return { ...document, tags: [...tags].map((name) => ({ name })) };
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
    if (/^2/.test(status) && response && !('$ref' in response))
      response.headers = headersOf(response.headers ?? {});
  }
}

/** `get`, `/api/v1/repos/{name}/git-refs` → `get_api_v1_repos_name_git_refs`: unique because paths are. */
function operationId(method: string, path: string): string {
  const words = path
    .replaceAll(/[{}]/g, '')
    .split(/[^A-Za-z0-9]+/)
    .filter((word) => word !== '');
  return [method, ...words].join('_');
}
