/** Logins: one session a login, whose refresh tokens rotate; a replayed one ends the session. */
import { Problem } from '../../errors.ts';
import { exceeded, limiter, quotas } from '../../http/limits.ts';
import { parseScopes } from '../../http/scopes.ts';
import type { Services } from '../../services.ts';
import { recordEvent } from '../../store/audit.ts';
import type { Caller } from '../../store/scope.ts';
import { insertSession, revokeSession, revokeSessions, rotateSession } from '../../store/sessions.ts';
import { findLogin, replacePasswordHash } from '../../store/users.ts';
import { entryOf, type Origin, userTarget } from './audit.ts';
import { hashPassword, isOutdated, verifyPassword } from './passwords.ts';
import { ACCESS_SECONDS, REFRESH_SECONDS, sha256, signToken, TICKET_SECONDS, verifyToken } from './tokens.ts';

type Needs = Pick<Services, 'env' | 'db' | 'config' | 'clock' | 'newId'>;

export interface TokenPair {
  access_token: string;
  refresh_token: string;
  token_type: 'bearer';
  expires_in: number;
}

const WRONG = 'The username or password is wrong.';

/**
 * Checks a password and opens a session.
 * @throws Problem `unauthorized` with one sentence for every reason, `rate_limited`, `validation` for unknown scopes
 */
export async function login(
  s: Needs,
  origin: Origin,
  input: { username: string; password: string; scope?: string },
): Promise<TokenPair> {
  const scopes = parseScopes(input.scope);
  return guarded(s, origin, input.username, 'password', async () => {
    const user = await findLogin(s.db, input.username);
    const matches = await verifyPassword(input.password, user?.passwordHash ?? null);
    if (!user || !matches || user.disabled) return { failed: user };
    if (user.passwordHash !== null && isOutdated(user.passwordHash)) {
      await replacePasswordHash(s.db, user.id, user.passwordHash, await hashPassword(input.password));
    }
    return { pair: await sessionFor(s, origin, user, { method: 'password', scopes }) };
  });
}

/** Whom an attempt named, as far as there is such a user. */
type Attempt = { pair: TokenPair } | { failed: { id: string; username: string } | null };

/**
 * Runs one attempt to prove who one is by name and secret. Failures of an account count against `auth-account` and a
 * success clears them; the count is taken before the check, so that guesses sent at once do not slip past it, and for
 * names that nobody has as well. What failed is recorded without the name that was typed, which may be a password.
 */
export async function guarded(
  s: Needs,
  origin: Origin,
  username: string,
  method: string,
  attempt: () => Promise<Attempt>,
): Promise<TokenPair> {
  const account = await countAttempt(s, origin, username);
  const outcome = await attempt();
  if ('failed' in outcome) {
    const target = outcome.failed && userTarget(outcome.failed);
    await recordEvent(s.db, entryOf(origin, 'login.failed', target, { method }));
    throw new Problem('unauthorized', WRONG);
  }
  await account.clear('auth-account');
  return outcome.pair;
}

/** @throws Problem `rate_limited` */
export async function countAttempt(
  s: Pick<Needs, 'env' | 'config' | 'clock'>,
  origin: Pick<Origin, 'counted'>,
  username: string,
) {
  const account = limiter(s.env, `account:${username.normalize('NFC').toLowerCase()}`);
  const outcome = await account.take({ quotas: quotas(s.config, ['auth-account']) });
  origin.counted?.(outcome.states);
  if (!outcome.allowed) throw exceeded(outcome, s.clock());
  return account;
}

/**
 * A session for a user who has proven who they are, by whatever `method`: every way to log in ends here.
 * @param how.scopes what the session may do at most; null = all the user's rights
 * @throws Problem `unauthorized` when the user is disabled or gone
 */
export async function sessionFor(
  s: Pick<Needs, 'db' | 'config' | 'clock' | 'newId'>,
  origin: Origin,
  user: { id: string; username: string },
  how: { method: string; scopes: string[] | null },
): Promise<TokenPair> {
  const id = s.newId();
  const pair = await issue(s, id, user.id);
  const caller = { userId: user.id, username: user.username, via: 'token' as const };
  const target = { kind: 'session' as const, id, name: null };
  const opened = await insertSession(
    s.db,
    {
      id,
      userId: user.id,
      refreshHash: sha256(pair.refresh_token),
      ...how,
      now: s.clock().toISOString(),
      expiresAt: refreshExpiry(s),
    },
    entryOf({ ...origin, caller }, 'login.succeeded', target, { method: how.method }),
  );
  if (!opened) throw new Problem('unauthorized', WRONG);
  return pair;
}

/**
 * A fresh pair for a refresh token, which is used up. A token of ours that is not the current one has been used
 * before, by its owner or by a thief: nobody can tell, so the whole family ends.
 * @throws Problem `unauthorized`
 */
export async function refresh(s: Needs, origin: Origin, token: string): Promise<TokenPair> {
  const { credentialId, userId } = await verifyToken(s.config, 'refresh', token, s.clock());
  const pair = await issue(s, credentialId, userId);
  const now = s.clock().toISOString();
  const rotated = await rotateSession(s.db, {
    id: credentialId,
    oldHash: sha256(token),
    newHash: sha256(pair.refresh_token),
    now,
    expiresAt: refreshExpiry(s),
  });
  if (rotated) return pair;
  const session = { kind: 'session' as const, id: credentialId, name: null };
  const entry = entryOf(origin, 'session.replayed', session, { user_id: userId });
  await revokeSession(s.db, { id: credentialId, userId }, now, entry);
  throw new Problem('unauthorized', 'The refresh token has been used or revoked; log in again.');
}

/** Ends the caller's session. @throws Problem `forbidden` for keys, which are revoked and not logged out */
export async function logout(s: Needs, origin: Origin, caller: Caller): Promise<void> {
  if (caller.via !== 'token' || caller.credentialId === null || caller.userId === null) {
    throw new Problem('forbidden', 'An API key has no session to end; delete the key instead.');
  }
  const session = { kind: 'session' as const, id: caller.credentialId, name: null };
  await revokeSession(
    s.db,
    { id: caller.credentialId, userId: caller.userId },
    s.clock().toISOString(),
    entryOf(origin, 'logout', session),
  );
}

/** Ends one session of the user. @throws Problem `not_found` */
export async function endSession(s: Needs, origin: Origin, userId: string, id: string): Promise<void> {
  const entry = entryOf(origin, 'session.revoked', { kind: 'session', id, name: null });
  if (!(await revokeSession(s.db, { id, userId }, s.clock().toISOString(), entry))) {
    throw new Problem('not_found', 'You have no such session.');
  }
}

/** Ends all sessions of the user, the one that asks included. */
export async function endSessions(
  s: Needs,
  origin: Origin,
  user: { id: string; username: string },
): Promise<void> {
  const entry = entryOf(origin, 'session.revoked', userTarget(user), { all: true });
  await revokeSessions(s.db, user.id, s.clock().toISOString(), entry);
}

/** A ticket for one WebSocket upgrade, with the rights of the credential that asked for it. */
export async function socketTicket(
  s: Needs,
  caller: Caller,
): Promise<{ ticket: string; expires_in: number }> {
  if (caller.userId === null || caller.credentialId === null || caller.via === 'anonymous') {
    throw new Problem('unauthorized', 'This needs a login or an API key.');
  }
  const claims = { userId: caller.userId, credentialId: caller.credentialId, via: caller.via, id: s.newId() };
  return { ticket: await signToken(s.config, 'ticket', claims, s.clock()), expires_in: TICKET_SECONDS };
}

async function issue(
  s: Pick<Needs, 'config' | 'clock' | 'newId'>,
  sessionId: string,
  userId: string,
): Promise<TokenPair> {
  const claims = () => ({ userId, credentialId: sessionId, via: 'token' as const, id: s.newId() });
  const [access, refreshed] = await Promise.all([
    signToken(s.config, 'access', claims(), s.clock()),
    signToken(s.config, 'refresh', claims(), s.clock()),
  ]);
  return { access_token: access, refresh_token: refreshed, token_type: 'bearer', expires_in: ACCESS_SECONDS };
}

function refreshExpiry(s: Pick<Needs, 'clock'>): string {
  return new Date(s.clock().getTime() + REFRESH_SECONDS * 1000).toISOString();
}
