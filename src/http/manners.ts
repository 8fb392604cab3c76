/**
 * What every request and answer has in common: request id, profile, services on the way in; envelope, ETag, limits,
 * provenance, caching and security headers on the way out. Two middlewares, `finish` outermost.
 */
import type { Context, MiddlewareHandler } from 'hono';
import { type Config, signingSecret } from '../config.ts';
import type { Env } from '../env.ts';
import { Problem } from '../errors.ts';
import { newId } from '../ids.ts';
import { createLogger } from '../platform/telemetry/log.ts';
import { meterOf } from '../platform/telemetry/meter.ts';
import type { Services } from '../services.ts';
import { matchesAny, tagOf } from './etag.ts';
import type { AppEnv } from './feature.ts';
import { limitHeaders } from './limits.ts';
import { type Profile, problemOf, renderProblem } from './problem.ts';
import { provenanceHeaders, provenanceMeta } from './provenance.ts';

const SANE_REQUEST_ID = /^[\w.:-]{1,128}$/;

/** Gives the request its id and profile, and its answer the common headers. */
export function finish(): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const given = c.req.header('x-request-id');
    c.set('requestId', given !== undefined && SANE_REQUEST_ID.test(given) ? given : newId());
    c.set('profile', profileOf(c, 'plain'));
    const started = performance.now();
    await next();
    if (c.res.status !== 101) {
      await represent(c);
      setHeaders(c);
    }
    account(c, performance.now() - started);
  };
}

/** One line in the log, and one count: of the operation, never of the path, which may hold names and more. */
function account(c: Context<AppEnv>, ms: number): void {
  const { operation, query, caller, log } = c.var;
  // Without services there is no configuration, or none is needed: liveness.
  if (!c.var.services) return;
  const { status } = c.res;
  const userId = caller?.userId ?? undefined;
  log.info('request', { operation, method: c.req.method, status, ms: Math.round(ms), caller_id: userId });
  meterOf(c.env).record(
    {
      operation,
      status,
      ms,
      violated: c.error instanceof Problem ? c.error.extras.violated : undefined,
      query:
        query !== undefined && userId !== undefined && status < 400 ? { userId, kind: query } : undefined,
    },
    c.env,
    (work) => c.executionCtx.waitUntil(work),
  );
}

/**
 * Builds the services of this request. Liveness goes on without them: it needs nothing.
 * @throws Problem `not_configured`, except for liveness
 */
export function provide(build: (env: Env, requestId: string) => Services): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    try {
      const services = build(c.env, c.var.requestId);
      signingSecret(services.config);
      c.set('services', services);
      c.set('log', services.log);
      c.set('profile', profileOf(c, services.config.responseProfile));
    } catch (error) {
      if (!isLiveness(c.req.path)) throw error;
    }
    await next();
  };
}

/** The app's error handler: renders, and logs what is ours to repair. */
export function onError(error: unknown, c: Context<AppEnv>): Response {
  const problem = problemOf(error);
  if (problem === null || problem.status >= 500) {
    const log = c.var.log ?? createLogger({ logLevel: 'info' }, { request_id: c.var.requestId });
    // A Problem says all in its message; a bug needs its stack.
    const reason = problem ? problem.extras.cause : error;
    log.error(problem?.message ?? 'request failed', { operation: c.var.operation, error: reason });
  }
  return renderProblem(error, { requestId: c.var.requestId, profile: c.var.profile, now: now(c) });
}

function isLiveness(path: string): boolean {
  return path === '/health/live' || path === '/api/v1/health/live';
}

/** Whether JSON here may be wrapped: below /api, but not health, the description of the API or the Postman collection. */
function isWrapped(path: string): boolean {
  return (
    path.startsWith('/api/') && !/^\/api\/(v1\/health(\/|$)|(v1\/)?postman-collection\.json$)/.test(path)
  );
}

function profileOf(c: Context<AppEnv>, fallback: Profile): Profile {
  if (!isWrapped(c.req.path)) return 'plain';
  const asked = /;\s*profile="?(envelope|plain)"?\s*(?:[;,]|$)/i.exec(c.req.header('accept') ?? '')?.[1];
  return asked === undefined ? fallback : (asked.toLowerCase() as Profile);
}

function now(c: Context<AppEnv>): Date {
  return c.var.services?.clock() ?? new Date();
}

/** Tags and wraps a JSON answer. The tag is of the plain bytes, so the time inside an envelope does not change it. */
async function represent(c: Context<AppEnv>): Promise<void> {
  const isJson = /^application\/json\b/.test(c.res.headers.get('content-type') ?? '');
  if (!isJson || !c.var.answersJson || c.res.status < 200 || c.res.status > 299 || c.error) return;
  const tags = c.var.tagged === true && c.res.status === 200;
  const wraps = c.var.profile === 'envelope';
  if (!tags && !wraps) return;
  const text = await c.res.text();
  const headers = new Headers(c.res.headers);
  if (tags && !headers.has('etag')) headers.set('etag', tagOf(text + belongings(c, headers), c.var.profile));
  const tag = headers.get('etag');
  if (tags && tag !== null && isRead(c) && matchesAny(c.req.header('if-none-match'), tag)) {
    headers.delete('content-type');
    replace(c, new Response(null, { status: 304, headers }));
    return;
  }
  replace(c, new Response(wraps ? wrap(c, text) : text, { status: c.res.status, headers }));
}

/** A change answers with its new tag, and is never left out because the client holds that already. */
function isRead(c: Context<AppEnv>): boolean {
  return c.req.method === 'GET' || c.req.method === 'HEAD';
}

/** Headers that are part of what an array answers. Empty for single resources, so that `requireMatch` agrees. */
function belongings(c: Context<AppEnv>, headers: Headers): string {
  const parts = [...provenanceHeaders(c.var.provenance).flat(), headers.get('x-total-count') ?? ''];
  return parts.filter((part) => part !== '').join('\n');
}

/** Hono merges the headers of a replaced response into the new one; here the new one is complete. */
function replace(c: Context<AppEnv>, response: Response): void {
  c.res = undefined;
  c.res = response;
}

function wrap(c: Context<AppEnv>, data: string): string {
  const meta = {
    ...provenanceMeta(c.var.provenance),
    ...(c.var.total === undefined ? {} : { total: c.var.total }),
  };
  const rest = JSON.stringify({
    message: 'Operation completed successfully',
    timestamp: now(c).toISOString(),
    request_id: c.var.requestId,
    meta,
  });
  return `{"success":true,"status":"success","data":${data === '' ? 'null' : data},${rest.slice(1)}`;
}

const SECURITY: [string, string][] = [
  ['x-content-type-options', 'nosniff'],
  ['x-frame-options', 'DENY'],
  ['referrer-policy', 'no-referrer'],
  ['cross-origin-resource-policy', 'same-origin'],
  ['content-security-policy', "default-src 'none'; frame-ancestors 'none'"],
];

/** On a copy of the response, made once: `c.header` makes one for each header of an answer that is finished. */
function setHeaders(c: Context<AppEnv>): void {
  const response = new Response(c.res.body, c.res);
  const { headers } = response;
  const setDefault = (name: string, value: string) => headers.has(name) || headers.set(name, value);
  headers.set('x-request-id', c.var.requestId);
  for (const [name, value] of limitHeaders(c.var.limits ?? [], now(c))) headers.set(name, value);
  for (const [name, value] of provenanceHeaders(c.var.provenance)) headers.set(name, value);
  for (const [name, value] of SECURITY) setDefault(name, value);
  if (c.req.url.startsWith('https:')) setDefault('strict-transport-security', 'max-age=31536000');
  setDefault('cache-control', 'private, no-cache');
  setDefault('vary', 'Authorization, X-API-Key, Accept');
  allowOrigin(c, headers, c.var.services?.config);
  replace(c, response);
}

const EXPOSED =
  'Accept-Ranges, Allow, Content-Disposition, Content-Range, ETag, Idempotency-Replayed, Link, Location, Retry-After, WWW-Authenticate, X-Request-Id, X-Total-Count, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, X-RateLimit-Window, RateLimit, RateLimit-Policy, Sightline-Repo, Sightline-Ref, Sightline-Commit, Sightline-Indexed-At, Sightline-Coverage, Sightline-Skipped, Sightline-Empty-Reason, Sightline-Suggest, Sightline-Search-Strategy, Sightline-Notes';

/** CORS, off unless `CORS_ORIGINS` names the origin. Credentials travel in headers, never in cookies. */
function allowOrigin(c: Context<AppEnv>, headers: Headers, config: Config | undefined): void {
  const origin = c.req.header('origin');
  if (!config || config.corsOrigins.length === 0) return;
  headers.append('vary', 'Origin');
  if (origin === undefined || !(config.corsOrigins.includes(origin) || config.corsOrigins.includes('*')))
    return;
  headers.set('access-control-allow-origin', origin);
  headers.set('access-control-expose-headers', EXPOSED);
  if (c.req.method !== 'OPTIONS') return;
  headers.set('access-control-allow-methods', headers.get('allow') ?? 'GET, POST, PUT, PATCH, DELETE');
  headers.set('access-control-allow-headers', c.req.header('access-control-request-headers') ?? '');
  headers.set('access-control-max-age', '600');
}
