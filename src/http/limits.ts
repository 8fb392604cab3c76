/** The rate-limit policies: one table, each row overridable by `RATE_LIMITS`, counted exactly in `LimitObject`. */
import type { Config, PolicyName, Rate } from '../config.ts';
import type { Env } from '../env.ts';
import { Problem } from '../errors.ts';
import type { Quota, QuotaState, TakeOutcome } from './limit-object.ts';

const MINUTE = 60;
const HOUR = 3600;

interface Policy {
  /** null: no limit. */
  rate: Rate | null;
  /** Whose requests are counted together. */
  per: 'ip' | 'caller' | 'account' | 'source';
}

/** `plan-*` counts per user over all its keys and tokens; a deployment with billing off is `enterprise`. */
export const POLICIES = {
  anonymous: { rate: { limit: 100, window: HOUR }, per: 'ip' },
  'auth-ip': { rate: { limit: 10, window: 10 * MINUTE }, per: 'ip' },
  'auth-account': { rate: { limit: 10, window: 10 * MINUTE }, per: 'account' },
  'plan-free': { rate: { limit: 60, window: MINUTE }, per: 'caller' },
  'plan-pro': { rate: { limit: 300, window: MINUTE }, per: 'caller' },
  'plan-enterprise': { rate: { limit: 1000, window: MINUTE }, per: 'caller' },
  'analyses-free': { rate: { limit: 2, window: HOUR }, per: 'caller' },
  'analyses-pro': { rate: { limit: 20, window: HOUR }, per: 'caller' },
  'analyses-enterprise': { rate: null, per: 'caller' },
  review: { rate: { limit: 10, window: MINUTE }, per: 'caller' },
  chat: { rate: { limit: 60, window: MINUTE }, per: 'caller' },
  'chat-stream': { rate: { limit: 30, window: MINUTE }, per: 'caller' },
  query: { rate: { limit: 30, window: MINUTE }, per: 'caller' },
  demo: { rate: { limit: 30, window: MINUTE }, per: 'ip' },
  inbound: { rate: { limit: 6000, window: MINUTE }, per: 'source' },
} as const satisfies Record<PolicyName, Policy>;

/** The quotas of some policies as configured; policies without a limit drop out. */
export function quotas(config: Pick<Config, 'rateLimits'>, names: readonly PolicyName[]): Quota[] {
  return names.flatMap((name) => {
    const rate: Rate | null = config.rateLimits[name] ?? POLICIES[name].rate;
    return rate ? [{ name, limit: rate.limit, window: rate.window }] : [];
  });
}

/** The object that counts a subject, e.g. `user:<id>` or `ip:203.0.113.7`. */
export function limiter(env: Env, subject: string) {
  return env.LIMITS.get(env.LIMITS.idFromName(subject));
}

/** The 429 of an outcome; `Retry-After` is the whole seconds until the window ends, at least one. */
export function exceeded(outcome: Extract<TakeOutcome, { allowed: false }>, now: Date): Problem {
  const { name, limit, window } = outcome.exceeded;
  const retryAfter = Math.max(1, secondsLeft(outcome.exceeded, now));
  return new Problem(
    'rate_limited',
    `More than ${limit} requests in ${window} s (policy ${name}). Try again later.`,
    { retryAfter, violated: name },
  );
}

/** `reset` is rounded up to a whole second; what is left of a window is never more than the window. */
function secondsLeft({ reset, window }: QuotaState, now: Date): number {
  return Math.min(window, Math.max(0, reset - Math.floor(now.getTime() / 1000)));
}

/** The headers that show the tightest of the policies that applied; none when no policy did. */
export function limitHeaders(states: readonly QuotaState[], now: Date): [string, string][] {
  const [first, ...rest] = states;
  if (!first) return [];
  const tightest = rest.reduce((a, b) => (b.remaining < a.remaining ? b : a), first);
  const seconds = secondsLeft(tightest, now);
  return [
    ['x-ratelimit-limit', String(tightest.limit)],
    ['x-ratelimit-remaining', String(tightest.remaining)],
    ['x-ratelimit-reset', String(tightest.reset)],
    ['x-ratelimit-window', String(tightest.window)],
    ['ratelimit', `"${tightest.name}";r=${tightest.remaining};t=${seconds}`],
    ['ratelimit-policy', `"${tightest.name}";q=${tightest.limit};w=${tightest.window}`],
  ];
}

/**
 * The client's address. Deployed, Cloudflare sets `CF-Connecting-IP` and a client cannot. The local server passes a
 * client's own header through, so under `npm start` (which is what sets the bridge) everyone on loopback is one subject.
 */
export function clientIp(request: Request, env: Env): string {
  if (env.BRIDGE_URL) return 'loopback';
  return request.headers.get('cf-connecting-ip') ?? 'unknown';
}
