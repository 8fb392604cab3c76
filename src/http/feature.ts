/** The kit a feature folder builds its routes with: `feature()` makes the sub-app, `route()` a contract. */
import { createRoute, OpenAPIHono, type RouteConfig, type z } from '@hono/zod-openapi';
import type { PolicyName } from '../config.ts';
import type { Env } from '../env.ts';
import { ERRORS, type ErrorSlug } from '../errors.ts';
import type { Logger } from '../platform/telemetry/log.ts';
import type { Services } from '../services.ts';
import type { Caller, Role } from '../store/scope.ts';
import type { Ahead } from './ahead.ts';
import { guard } from './guard.ts';
import { creates } from './idempotency.ts';
import type { QuotaState } from './limit-object.ts';
import { type Profile, validationProblem } from './problem.ts';
import type { Provenance } from './provenance.ts';
import type { Scope } from './scopes.ts';

export interface AppEnv {
  Bindings: Env;
  Variables: {
    services: Services;
    /** Who asks; of anonymous callers `userId` is null. */
    caller: Caller;
    requestId: string;
    profile: Profile;
    log: Logger;
    /** Policies that applied to this request, for the headers. */
    limits?: QuotaState[];
    provenance?: Provenance;
    /** Exact size of the whole list, for `X-Total-Count` and the envelope's meta. */
    total?: number;
    /** The operation answers JSON of ours, which may be tagged and wrapped; a file that happens to be JSON may not. */
    answersJson?: boolean;
    /** The answer carries a strong ETag made from its bytes (see `etag.ts`). */
    tagged?: boolean;
    /** The operation's path template, for metrics and logs: never the path itself, which may hold names. */
    operation?: string;
    /** What the operation's `ahead` has read, when it could. */
    early?: { value: unknown };
    /** What the operation asks, when its answers count as queries: `search`. */
    query?: string;
  };
}

/** What a route says about itself. Everything here shows in OpenAPI and is enforced by the guard. */
export interface RouteSpec {
  method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** Relative to the mount, in OpenAPI form: `/repos/{name}`. */
  path: string;
  scope: Scope;
  /** The least global role that may call this; what a caller's groups allow is the store's business. */
  role?: Role;
  tags: string[];
  /** What clients generated from OpenAPI call it: `listRepos`. At its further addresses the name says which. */
  operationId: string;
  summary: string;
  description?: string;
  request?: RouteConfig['request'];
  responses: RouteConfig['responses'];
  /** Errors beyond those every such operation has (400, 401, 403, 404, 406, 413, 415, 429, 500 are derived). */
  errors?: ErrorSlug[];
  /** The answer has a strong ETag; GET honours If-None-Match, PUT, PATCH and DELETE honour If-Match. */
  etag?: boolean;
  /** The answer comes from an index and says from which: the handler calls `setProvenance`. */
  provenance?: boolean;
  /** What the handler takes by `readAhead`: a read that goes with that of who is asking. */
  ahead?: Ahead<unknown>;
  /** Policies of its own beside the caller's plan; an operation with any is exempt from `anonymous`, `[]` from all. */
  limits?: PolicyName[];
  /** A public operation that shows more to those who sign in: credentials are looked at, and must be right if given. */
  identity?: 'optional';
  /** A WebSocket upgrade: also takes `?token=` and tickets. */
  socket?: boolean;
  /** Largest body in bytes; 1 MiB unless said. */
  bodyLimit?: number;
  /** Its answers count as queries in `GET /stats`, under this name. */
  query?: string;
  /** A secret of the deployment that opens this operation to whoever sends it as a bearer, as an admin without a name. */
  deploymentToken?: 'metricsToken';
  /** Members of the answer that are shown once: a replay by Idempotency-Key has null there, and `replayed: true`. */
  secrets?: string[];
}

/** The `content` of a JSON body, in a request or an answer. */
export const json = <T extends z.ZodType>(schema: T) => ({ 'application/json': { schema } });

/** A header of an answer, as OpenAPI describes it. */
export const header = (description: string, example: string) => ({
  schema: { type: 'string' as const },
  description,
  example,
});

/** A feature's sub-app. Requests that its schemas refuse become a 400 that names the fields. */
export function feature(): OpenAPIHono<AppEnv> {
  return new OpenAPIHono<AppEnv>({
    defaultHook: (result) => {
      if (!result.success) throw validationProblem(result.target, result.error);
    },
  });
}

/**
 * An operation's contract: `createRoute` plus identity, scope, limits and content negotiation before the validators
 * run, and the error responses, security and `x-required-scope` in OpenAPI.
 *
 * @example
 * const list = route({ method: 'get', path: '/repos', scope: 'repos:read', tags: ['Repositories'],
 *   operationId: 'listRepos', summary: 'List', etag: true, responses: { 200: { description: 'All of them', content: { 'application/json': { schema } } } } });
 * routes.openapi(list, async (c) => c.json(await listRepos(c.var.services, c.var.caller), 200));
 */
export function route<P extends string, S extends RouteSpec & { path: P }>(spec: S) {
  const {
    scope,
    errors,
    etag,
    provenance,
    limits,
    identity,
    socket,
    bodyLimit,
    role,
    query,
    deploymentToken,
    secrets,
    ahead,
    ...config
  } = spec;
  const described = {
    ...config,
    responses: {
      ...errorResponses(spec),
      ...(etag && spec.method === 'get' ? NOT_MODIFIED : {}),
      ...spec.responses,
    },
    security: security(spec),
    'x-required-scope': scope,
    ...(role ? { 'x-required-role': role } : {}),
    ...(provenance ? { 'x-provenance': true } : {}),
    ...(limits?.length ? { 'x-rate-limits': limits } : {}),
    middleware: [guard(spec)],
  };
  // The contract's type is the spec's own: errors are thrown as Problems, not returned, so handlers need not know them.
  return createRoute(described) as unknown as S & { getRoutingPath(): string };
}

const NOT_MODIFIED = { 304: { description: 'Not modified: `If-None-Match` names the current ETag.' } };

function security(spec: RouteSpec): Record<string, string[]>[] {
  const schemes: Record<string, string[]>[] = [{ bearer: [] }, { apiKey: [] }];
  if (spec.scope === 'public') return spec.identity ? [{}, ...schemes] : [];
  return schemes;
}

function errorResponses(spec: RouteSpec): RouteConfig['responses'] {
  const slugs = new Set<ErrorSlug>(spec.errors);
  const { request } = spec;
  if (request?.query || request?.params || request?.body || request?.headers) slugs.add('validation');
  if (spec.scope !== 'public' || spec.identity) slugs.add('unauthorized');
  if (spec.scope !== 'public') slugs.add('forbidden');
  if (request?.params) slugs.add('not_found');
  if (request?.body) slugs.add('payload_too_large').add('unsupported_media_type');
  if (spec.etag && spec.method !== 'get') slugs.add('precondition_failed');
  if (creates(spec)) slugs.add('validation').add('conflict').add('unprocessable');
  if (spec.limits?.length !== 0) slugs.add('rate_limited');
  slugs.add('not_acceptable').add('internal');
  return Object.fromEntries(
    [...slugs].map((slug) => [responseStatus(slug), { $ref: `#/components/responses/${slug}` }]),
  );
}

function responseStatus(slug: ErrorSlug): number {
  return ERRORS[slug].status;
}
