/** Logins: one session a login, whose refresh tokens rotate; a replayed one ends the session. */
import { invalid, Problem } from '../../errors.ts';
import { exceeded, limiter, quotas } from '../../http/limits.ts';
import { SCOPES } from '../../http/scopes.ts';
import type { Services } from '../../services.ts';
import {
  findLogin,
  insertSession,
  replacePasswordHash,
  revokeSession,
  rotateSession,
} from '../../store/accounts.ts';
import type { Caller } from '../../store/scope.ts';
import { hashPassword, isOutdated, verifyPassword } from './passwords.ts';
import { ACCESS_SECONDS, REFRESH_SECONDS, sha256, signToken, TICKET_SECONDS, verifyToken } from './tokens.ts';

type Needs = Pick<Services, 'env' | 'config' | 'clock' | 'newId'>;

export interface TokenPair {
  access_token: string;
  refresh_token: string;
  token_type: 'bearer';
  expires_in: number;
}

/**
 * Checks a password and opens a session. Failures of an account count against `auth-account` and a success clears
 * them; the count is taken before the check, so that guesses sent at once do not slip past it.
 * @throws Problem `unauthorized` with one sentence for every reason, `rate_limited`, `validation` for unknown scopes
 */
export async function login(
  s: Needs,
  input: { username: string; password: string; scope?: string },
): Promise<TokenPair> {
  const scopes = parseScopes(input.scope);
  const account = limiter(s.env, `account:${input.username.toLowerCase()}`);
  const outcome = await account.take({ quotas: quotas(s.config, ['auth-account']) });
  if (!outcome.allowed) throw exceeded(outcome, s.clock());
  const user = await findLogin(s.env.DB, input.username);
  const matches = await verifyPassword(input.password, user?.passwordHash ?? null);
  if (!user || !matches || user.disabled) {
    throw new Problem('unauthorized', 'The username or password is wrong.');
  }
  await account.clear('auth-account');
  if (user.passwordHash !== null && isOutdated(user.passwordHash)) {
    await replacePasswordHash(s.env.DB, user.id, user.passwordHash, await hashPassword(input.password));
  }
  return openSession(s, user.id, scopes);
}

/** A new session for a user who has proven who they are. */
export async function openSession(s: Needs, userId: string, scopes: string[] | null): Promise<TokenPair> {
  const id = s.newId();
  const pair = await issue(s, id, userId);
  await insertSession(s.env.DB, {
    id,
    userId,
    refreshHash: await sha256(pair.refresh_token),
    scopes,
    now: s.clock().toISOString(),
    expiresAt: refreshExpiry(s),
  });
  return pair;
}

/**
 * A fresh pair for a refresh token, which is used up. A token of ours that is not the current one has been used
 * before, by its owner or by a thief: nobody can tell, so the whole family ends.
 * @throws Problem `unauthorized`
 */
export async function refresh(s: Needs, token: string): Promise<TokenPair> {
  const claims = await verifyToken(s.config, 'refresh', token, s.clock());
  const pair = await issue(s, claims.credentialId, claims.userId);
  const now = s.clock().toISOString();
  const rotated = await rotateSession(s.env.DB, {
    id: claims.credentialId,
    oldHash: await sha256(token),
    newHash: await sha256(pair.refresh_token),
    now,
    expiresAt: refreshExpiry(s),
  });
  if (rotated) return pair;
  await revokeSession(s.env.DB, claims.credentialId, now);
  throw new Problem('unauthorized', 'The refresh token has been used or revoked; log in again.');
}

/** Ends the caller's session. @throws Problem `forbidden` for keys, which are revoked and not logged out */
export async function logout(s: Needs, caller: Caller): Promise<void> {
  if (caller.via !== 'token' || caller.credentialId === null) {
    throw new Problem('forbidden', 'An API key has no session to end; delete the key instead.');
  }
  await revokeSession(s.env.DB, caller.credentialId, s.clock().toISOString());
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

async function issue(s: Needs, sessionId: string, userId: string): Promise<TokenPair> {
  const claims = () => ({ userId, credentialId: sessionId, via: 'token' as const, id: s.newId() });
  const [access, refreshed] = await Promise.all([
    signToken(s.config, 'access', claims(), s.clock()),
    signToken(s.config, 'refresh', claims(), s.clock()),
  ]);
  return { access_token: access, refresh_token: refreshed, token_type: 'bearer', expires_in: ACCESS_SECONDS };
}

function refreshExpiry(s: Needs): string {
  return new Date(s.clock().getTime() + REFRESH_SECONDS * 1000).toISOString();
}

function parseScopes(text: string | undefined): string[] | null {
  const names = [...new Set((text ?? '').split(/\s+/).filter((name) => name !== ''))];
  const unknown = names.find((name) => !Object.hasOwn(SCOPES, name));
  if (unknown !== undefined) {
    throw invalid('/scope', `unknown scope "${unknown}"; known are ${Object.keys(SCOPES).join(', ')}`);
  }
  return names.length > 0 ? names : null;
}
