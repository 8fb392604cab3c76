/** Who asks: from headers (or, for sockets, the query) to a `Caller`, read fresh at every request in one query. */
import type { Context } from 'hono';
import { Problem } from '../errors.ts';
import { sha256, type TokenClaims, verifyToken } from '../platform/accounts/tokens.ts';
import { type CredentialRef, callerRead, touchKey } from '../store/callers.ts';
import { both, type Read, run } from '../store/control-db.ts';
import type { Caller } from '../store/scope.ts';
import type { AppEnv } from './feature.ts';

/** What a request presents. `refused` was judged without the database; `userId` is null where only that knows. */
export type Credential =
  | { kind: 'none' }
  | { kind: 'refused'; problem: Problem }
  | {
      kind: 'presented';
      ref: CredentialRef;
      userId: string | null;
      ticket: { id: string; expiresAt: number } | null;
    };

const NONE: Credential = { kind: 'none' };
const KEY = /^rak_[\w-]{1,300}$/;
const BEARER = /^bearer +(\S+)$/i;
const MAX_TOKEN = 8192;

/** Reads `Authorization: Bearer`, `X-API-Key`, and for sockets `?ticket=` or `?token=`; the first one present decides. */
export async function readCredential(c: Context<AppEnv>, socket: boolean): Promise<Credential> {
  const authorization = c.req.header('authorization');
  if (authorization !== undefined) {
    const bearer = BEARER.exec(authorization.trim())?.[1];
    return bearer ? judge(c, bearer, socket) : refused('Authorization must be: Bearer <token or API key>.');
  }
  const key = c.req.header('x-api-key');
  if (key !== undefined) return KEY.test(key) ? keyCredential(key) : refused('The API key is not valid.');
  const query = socket ? (c.req.query('ticket') ?? c.req.query('token')) : undefined;
  return query === undefined ? NONE : judge(c, query, socket);
}

/** Whether the request's bearer is this secret of the deployment; digests are compared, so that time tells nothing. */
export function bears(c: Context<AppEnv>, secret: string | null): boolean {
  const bearer = BEARER.exec(c.req.header('authorization')?.trim() ?? '')?.[1];
  return secret !== null && bearer !== undefined && sha256(bearer) === sha256(secret);
}

async function judge(c: Context<AppEnv>, text: string, socket: boolean): Promise<Credential> {
  if (text.length > MAX_TOKEN) return refused('The token is not valid.');
  if (text.startsWith('rak_'))
    return KEY.test(text) ? keyCredential(text) : refused('The API key is not valid.');
  const { config, clock } = c.var.services;
  try {
    return tokenCredential(await verifyToken(config, 'access', text, clock()), false);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (!socket) return { kind: 'refused', problem: error };
    const claims = await verifyToken(config, 'ticket', text, clock()).catch(() => null);
    return claims ? tokenCredential(claims, true) : { kind: 'refused', problem: error };
  }
}

function tokenCredential(claims: TokenClaims, isTicket: boolean): Credential {
  const { userId, credentialId, via, id, expiresAt } = claims;
  const ref = via === 'key' ? { key: credentialId, userId } : { session: credentialId, userId };
  return { kind: 'presented', ref, userId, ticket: isTicket ? { id, expiresAt } : null };
}

function keyCredential(key: string): Credential {
  const keyHash = sha256(key);
  return { kind: 'presented', ref: { keyHash }, userId: owners.get(keyHash) ?? null, ticket: null };
}

function refused(detail: string): Credential {
  return { kind: 'refused', problem: new Problem('unauthorized', detail) };
}

/**
 * Key hash → its owner, which never changes. It only says whose counter to ask while the database is asked whether
 * the key is good, so that both are under way at once; nothing is allowed because of it.
 */
const owners = new Map<string, string>();
const MAX_OWNERS = 5000;

/**
 * The caller behind a credential; null when it is revoked, expired or unknown.
 * @param early what the route will need: read in the same round trip
 */
export async function resolveCaller(
  c: Context<AppEnv>,
  ref: CredentialRef,
  early?: Read<unknown>,
): Promise<(Caller & { userId: string }) | null> {
  const { env, clock } = c.var.services;
  const now = clock().toISOString();
  const read = callerRead(env.DB, ref);
  const [found, value] = early ? await run(env.DB, both(read, early)) : [await run(env.DB, read)];
  if (early) c.set('early', { value });
  const good = found !== null && (found.expiresAt === null || found.expiresAt > now);
  if ('keyHash' in ref) remember(ref.keyHash, good ? found.caller.userId : null);
  if (!good) return null;
  if (found.caller.via === 'key' && isStale(found.lastUsedAt, now)) {
    c.executionCtx.waitUntil(touchKey(env.DB, found.caller.credentialId!, now));
  }
  return found.caller;
}

function remember(keyHash: string, userId: string | null): void {
  owners.delete(keyHash);
  if (userId === null) return;
  owners.set(keyHash, userId);
  if (owners.size > MAX_OWNERS) owners.delete(owners.keys().next().value!);
}

function isStale(lastUsedAt: string | null, now: string): boolean {
  return lastUsedAt === null || Date.parse(now) - Date.parse(lastUsedAt) >= 60_000;
}

/** The caller with identity. @throws Problem `unauthorized` for anonymous viewers */
export function signedIn(caller: Caller): Caller & { userId: string } {
  if (caller.userId === null) throw new Problem('unauthorized', 'This needs a login or an API key.');
  return { ...caller, userId: caller.userId };
}
