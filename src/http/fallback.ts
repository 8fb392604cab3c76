/** What no route answers: OPTIONS, 405 with `Allow`, 404. */
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { METHOD_NAME_ALL } from 'hono/router';
import { Problem } from '../errors.ts';
import type { AppEnv } from './feature.ts';
import { admit } from './guard.ts';
import { requireWellFormedPath } from './negotiation.ts';

/** Where the API answers; health is exempt, and liveness must not need what counts. */
const COUNTED = /^\/(?:api(?!\/v1\/health(?:\/|$))|auth|ws)\//;
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

/** The app's not-found handler. Probing counts like any other request, under the caller's plan or `anonymous`. */
export function fallback(app: OpenAPIHono<AppEnv>) {
  return async (c: Context<AppEnv>): Promise<Response> => {
    const allowed = allowedMethods(app, c.req.path);
    const allow = allowed.join(', ');
    if (c.req.method === 'OPTIONS' && allowed.length > 0)
      return new Response(null, { status: 204, headers: { allow } });
    if (COUNTED.test(c.req.path)) {
      await admit(c, {
        method: 'get',
        path: c.req.path,
        scope: 'public',
        identity: 'optional',
        responses: {},
      });
    }
    requireWellFormedPath(c);
    if (allowed.length > 0) {
      throw new Problem('method_not_allowed', `${c.req.method} is not allowed here; ${allow} is.`, {
        members: { allow },
      });
    }
    throw new Problem('not_found', 'No such path. The operations are listed at /openapi.json.');
  };
}

/** The methods that some operation answers at a path; HEAD with GET, OPTIONS with any. */
function allowedMethods(app: OpenAPIHono<AppEnv>, path: string): string[] {
  const found = METHODS.filter((method) => {
    const [handlers] = app.router.match(method, path);
    return handlers.some(([[, route]]) => route.method !== METHOD_NAME_ALL);
  });
  if (found.length === 0) return [];
  return [
    ...(found.includes('GET') ? ['GET', 'HEAD'] : []),
    ...found.filter((method) => method !== 'GET'),
    'OPTIONS',
  ];
}
