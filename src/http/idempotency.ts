/** Idempotency-Key: a POST that creates runs once a key; repeats get the same answer for a day. */
import type { Context, Next } from 'hono';
import { invalid, Problem } from '../errors.ts';
import { sha256 } from '../platform/accounts/tokens.ts';
import { type Caller, hasGroupRole, hasRole } from '../store/scope.ts';
import type { AppEnv, RouteSpec } from './feature.ts';
import { limiter } from './limits.ts';
import type { Rights, StoredAnswer } from './replay-log.ts';

const SANE_KEY = /^[\x21-\x7e]{1,255}$/;
/** Headers that belong to the answer itself; all others are made anew. */
const KEPT_HEADERS = ['content-type', 'location'];

/** The POSTs that create: by what they answer. Token routes answer 200 and are none of them. */
export function creates(spec: Pick<RouteSpec, 'method' | 'responses'>): boolean {
  return spec.method === 'post' && (201 in spec.responses || 202 in spec.responses);
}

/**
 * Runs the rest of the request, unless the caller has sent this key to this path before.
 * @throws Problem `validation` for a malformed key, `conflict` while the first is in flight, `unprocessable` for
 *   another body, and for a caller who has lost rights since: the old answer may tell of what is no longer theirs to see
 */
export async function once(
  c: Context<AppEnv>,
  caller: Caller & { userId: string },
  secrets: readonly string[],
  next: Next,
): Promise<Response | undefined> {
  const key = c.req.header('idempotency-key');
  if (key === undefined) {
    await next();
    return undefined;
  }
  if (!SANE_KEY.test(key))
    throw invalid('header/idempotency-key', 'must be 1 to 255 visible ASCII characters');
  const log = limiter(c.env, `user:${caller.userId}`);
  const request = {
    id: `${c.req.method} ${c.req.path} ${key}`,
    fingerprint: sha256(await c.req.text()),
    attempt: c.var.requestId,
  };
  const begun = await log.beginOnce(request);
  if (begun.kind === 'answered') {
    if (holds(caller, begun.answer.rights)) return replay(begun.answer);
    throw refused('was used with rights that you no longer have; send another');
  }
  if (begun.kind === 'in-flight') {
    throw new Problem('conflict', 'A request with this Idempotency-Key is still running.', { retryAfter: 1 });
  }
  if (begun.kind === 'other-body') throw refused('was used with another body');
  await next();
  await log.finishOnce(request, await storable(c.res, secrets, rightsOf(caller)));
  return undefined;
}

function refused(detail: string): Problem {
  const errors = [{ pointer: 'header/idempotency-key', detail }];
  return new Problem('unprocessable', `This Idempotency-Key ${detail}.`, { errors });
}

function rightsOf({ role, groups }: Caller): Rights {
  return { role, groups: Object.fromEntries(groups) };
}

/** Whether the caller still has all of these rights; scopes are the guard's business. */
function holds(caller: Caller, { role, groups }: Rights): boolean {
  return (
    (role === null || hasRole(caller, role)) &&
    Object.entries(groups).every(([id, held]) => hasGroupRole(caller, id, held))
  );
}

/** Failures of ours and refusals for haste say nothing about the request: the next attempt runs. */
async function storable(
  response: Response,
  secrets: readonly string[],
  rights: Rights,
): Promise<StoredAnswer | null> {
  if (response.status >= 500 || response.status === 429) return null;
  const headers = KEPT_HEADERS.flatMap((name): [string, string][] => {
    const value = response.headers.get(name);
    return value === null ? [] : [[name, value]];
  });
  const body = await response.clone().text();
  return {
    status: response.status,
    headers: Object.fromEntries(headers),
    body: response.ok && secrets.length > 0 ? withoutSecrets(body, secrets) : body,
    rights,
  };
}

/** What is shown once is not kept either. */
function withoutSecrets(body: string, secrets: readonly string[]): string {
  const nulls = Object.fromEntries(secrets.map((name) => [name, null]));
  return JSON.stringify({ ...(JSON.parse(body) as object), ...nulls, replayed: true });
}

function replay({ status, headers, body }: StoredAnswer): Response {
  return new Response(body === '' ? null : body, {
    status,
    headers: { ...headers, 'idempotency-replayed': 'true' },
  });
}
