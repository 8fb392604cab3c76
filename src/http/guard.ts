/**
 * What runs before every operation: identity, limits, scope, the path, content negotiation, body size; in this order, so that a
 * refusal says no more than it must. Identity (one D1 round trip,
 * which takes the route's own first read along) and limits (one object) are under way at the same time.
 */
import type { Context, MiddlewareHandler } from 'hono';
import type { PolicyName } from '../config.ts';
import { Problem } from '../errors.ts';
import { ensureAdmin } from '../platform/accounts/first-admin.ts';
import { anonymous, type Caller, hasRole } from '../store/scope.ts';
import type { AppEnv, RouteSpec } from './feature.ts';
import { creates, once } from './idempotency.ts';
import { bears, type Credential, readCredential, resolveCaller } from './identity.ts';
import { refuseOddJson } from './json-body.ts';
import type { TakeOutcome, TakeRequest } from './limit-object.ts';
import { clientIp, exceeded, limiter, POLICIES, quotas } from './limits.ts';
import { limitBody, negotiate, producedTypes, requireWellFormedPath } from './negotiation.ts';
import { carries, openToAnonymous } from './scopes.ts';

export const DEFAULT_BODY_LIMIT = 1024 * 1024;

type Guarded = Pick<RouteSpec, 'method' | 'path' | 'scope' | 'responses'> &
  Partial<
    Pick<
      RouteSpec,
      | 'limits'
      | 'identity'
      | 'socket'
      | 'bodyLimit'
      | 'etag'
      | 'role'
      | 'query'
      | 'deploymentToken'
      | 'secrets'
      | 'ahead'
    >
  >;

/** The middleware of one operation. */
export function guard(spec: Guarded): MiddlewareHandler<AppEnv> {
  const produced = producedTypes(spec.responses);
  const isCreation = creates(spec);
  return async (c, next) => {
    c.set('operation', `${spec.method.toUpperCase()} ${spec.path}`);
    c.set('answersJson', produced?.includes('application/json') ?? false);
    c.set('tagged', spec.etag === true && spec.method !== 'delete');
    c.set('query', spec.query);
    const caller = await admit(c, spec);
    requireScope(caller, spec);
    requireRole(caller, spec);
    c.set('caller', caller);
    requireWellFormedPath(c);
    negotiate(c, produced);
    if (spec.method !== 'get') {
      await limitBody(c, spec.bodyLimit ?? DEFAULT_BODY_LIMIT);
      await refuseOddJson(c);
    }
    if (isCreation && isSomeone(caller)) return once(c, caller, spec.secrets ?? [], next);
    await next();
  };
}

/**
 * Resolves the caller and counts the request.
 * @throws Problem `unauthorized`, `rate_limited`
 */
export async function admit(c: Context<AppEnv>, spec: Guarded): Promise<Caller> {
  const looks = spec.scope !== 'public' || spec.identity === 'optional';
  if (!looks) {
    await count(c, spec, null, null);
    return anonymous(null);
  }
  await ensureAdmin(c.var.services);
  if (spec.deploymentToken && bears(c, c.var.services.config[spec.deploymentToken])) {
    await count(c, spec, null, null);
    return anonymous('admin');
  }
  const credential = await readCredential(c, spec.socket === true);
  if (credential.kind === 'presented') return admitPresented(c, spec, credential);
  await count(c, spec, null, null);
  if (credential.kind === 'refused') throw credential.problem;
  const role = c.var.services.config.anonymousRole;
  if (spec.identity === 'optional') return anonymous(role === 'viewer' ? role : null);
  if (role === 'viewer' && openToAnonymous(spec)) return anonymous(role);
  throw new Problem('unauthorized', 'This needs a login or an API key.');
}

async function admitPresented(
  c: Context<AppEnv>,
  spec: Guarded,
  { ref, userId, ticket }: Extract<Credential, { kind: 'presented' }>,
): Promise<Caller> {
  const early = userId === null ? undefined : spec.ahead?.(c, { userId, expected: true });
  const lookup = resolveCaller(c, ref, early);
  // The owner is known beforehand for tokens and for keys seen before: ask both at once.
  const counted = userId === null ? null : count(c, spec, userId, ticket);
  const [caller, redeemed] = await Promise.all([lookup, counted]);
  if (!caller) {
    if (!counted) await count(c, spec, null, null);
    throw new Problem('unauthorized', 'The token or API key is not valid, or has been revoked.');
  }
  if (!counted) await count(c, spec, caller.userId, null);
  if (ticket && redeemed === false) throw new Problem('unauthorized', 'The ticket has been used already.');
  return caller;
}

function isSomeone(caller: Caller): caller is Caller & { userId: string } {
  return caller.userId !== null;
}

function requireScope(caller: Caller, spec: Guarded): void {
  if (carries(caller, spec.scope)) return;
  throw new Problem('forbidden', `The ${caller.via} lacks the scope ${spec.scope}.`, {
    members: { required_scope: spec.scope },
  });
}

function requireRole(caller: Caller, { role }: Guarded): void {
  if (role === undefined || hasRole(caller, role)) return;
  throw new Problem('forbidden', `This needs the role ${role}.`, { members: { required_role: role } });
}

/** The policies of an operation for a caller: the plan or `anonymous`, and its own; none where it is exempt from all. */
export function policiesOf(spec: Pick<Guarded, 'limits'>, userId: string | null): PolicyName[] {
  if (spec.limits?.length === 0) return [];
  if (userId !== null) return ['plan-enterprise', ...(spec.limits ?? [])];
  return spec.limits ? [...spec.limits] : ['anonymous'];
}

/** Counts the request on every subject its policies name; answers whether the ticket, if any, was still unused. */
async function count(
  c: Context<AppEnv>,
  spec: Guarded,
  userId: string | null,
  ticket: TakeRequest['redeem'] | null,
): Promise<boolean> {
  const names = policiesOf(spec, userId);
  // Liveness has no policy, and no services either.
  if (names.length === 0) return false;
  const { env, config, clock } = c.var.services;
  const ip = `ip:${clientIp(c.req.raw, env)}`;
  const subjectOf = (name: PolicyName) =>
    POLICIES[name].per === 'ip' || userId === null ? ip : `user:${userId}`;
  const subjects = new Map<string, PolicyName[]>();
  for (const name of names) {
    // `account` and `source` are counted by the handlers that know them.
    if (POLICIES[name].per === 'account' || POLICIES[name].per === 'source') continue;
    subjects.set(subjectOf(name), [...(subjects.get(subjectOf(name)) ?? []), name]);
  }
  const taken = [...subjects].map(([subject, names]): Promise<TakeOutcome> => {
    const redeem = ticket && subject.startsWith('user:') ? ticket : undefined;
    return limiter(env, subject).take({ quotas: quotas(config, names), redeem });
  });
  const outcomes = await Promise.all(taken);
  c.set(
    'limits',
    outcomes.flatMap((outcome) => outcome.states),
  );
  const refusal = outcomes.find((outcome) => !outcome.allowed);
  if (refusal && !refusal.allowed) throw exceeded(refusal, clock());
  return outcomes.some((outcome) => outcome.allowed && outcome.redeemed);
}
