/** Makes entries of the audit log from the request that causes them. */
import type { Context } from 'hono';
import type { AppEnv } from '../../http/feature.ts';
import type { QuotaState } from '../../http/limit-object.ts';
import { clientIp } from '../../http/limits.ts';
import type { AuditAction, AuditEntry, AuditTarget } from '../../store/audit.ts';
import type { Caller } from '../../store/scope.ts';

/** What a request says about who is behind it. Made once a request, so that logic needs no request. */
export interface Origin {
  caller: Pick<Caller, 'userId' | 'username' | 'via'>;
  ip: string;
  requestId: string;
  clock(): Date;
  newId(): string;
  /** Told of counters that the request raised beside those of its operation: its answer shows the tightest of all. */
  counted?(states: QuotaState[]): void;
}

export function originOf(c: Context<AppEnv>): Origin {
  const { services, requestId, caller } = c.var;
  return {
    caller,
    ip: clientIp(c.req.raw, services.env),
    requestId,
    clock: services.clock,
    newId: services.newId,
    counted: (states) => c.set('limits', [...(c.var.limits ?? []), ...states]),
  };
}

/** An entry for what this request does. `detail` must not hold a secret. */
export function entryOf(
  origin: Origin,
  action: AuditAction,
  target: AuditTarget | null,
  detail: Record<string, unknown> = {},
): AuditEntry {
  const { caller, ip, requestId } = origin;
  return {
    id: origin.newId(),
    at: origin.clock().toISOString(),
    actorId: caller.userId,
    actorName: caller.username,
    via: caller.via,
    action,
    target,
    detail,
    ip,
    requestId,
  };
}

/** A user as the target of an entry. */
export function userTarget(user: { id: string; username: string }): AuditTarget {
  return { kind: 'user', id: user.id, name: user.username };
}
