/**
 * Our JWTs: access (30 min), refresh (30 days, rotating) and socket tickets (30 s, single use). Each kind has its own
 * audience and `typ`, so that none passes for another; only the configured HMAC algorithm is accepted.
 */
import { createHash } from 'node:crypto';
import { jwtVerify, SignJWT } from 'jose';
import { type Config, signingSecret } from '../../config.ts';
import { Problem } from '../../errors.ts';

const ISSUER = 'sightline';
const KINDS = {
  access: { audience: 'sightline-api', typ: 'at+jwt', seconds: 30 * 60 },
  refresh: { audience: 'sightline-refresh', typ: 'rt+jwt', seconds: 30 * 24 * 3600 },
  ticket: { audience: 'sightline-ws', typ: 'ws+jwt', seconds: 30 },
} as const;
export type TokenKind = keyof typeof KINDS;

export const ACCESS_SECONDS = KINDS.access.seconds;
export const REFRESH_SECONDS = KINDS.refresh.seconds;
export const TICKET_SECONDS = KINDS.ticket.seconds;

export interface TokenClaims {
  userId: string;
  /** The session (`token`) or the API key (`key`) that the token stands for. */
  credentialId: string;
  via: 'token' | 'key';
  /** Unique per token. */
  id: string;
  /** Epoch milliseconds. */
  expiresAt: number;
}

const encoder = new TextEncoder();

/** Signs a token of the kind; its lifetime starts at `now`. */
export async function signToken(
  config: Config,
  kind: TokenKind,
  claims: Omit<TokenClaims, 'expiresAt'>,
  now: Date,
): Promise<string> {
  const issuedAt = Math.floor(now.getTime() / 1000);
  return new SignJWT({ sid: claims.credentialId, via: claims.via })
    .setProtectedHeader({ alg: config.jwtAlgorithm, typ: KINDS[kind].typ })
    .setIssuer(ISSUER)
    .setAudience(KINDS[kind].audience)
    .setSubject(claims.userId)
    .setJti(claims.id)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + KINDS[kind].seconds)
    .sign(encoder.encode(signingSecret(config)));
}

/**
 * The claims of a token of ours.
 * @throws Problem `unauthorized` for anything else, with one sentence for all reasons but expiry
 */
export async function verifyToken(
  config: Config,
  kind: TokenKind,
  token: string,
  now: Date,
): Promise<TokenClaims> {
  const { audience, typ } = KINDS[kind];
  const { payload } = await jwtVerify(token, encoder.encode(signingSecret(config)), {
    algorithms: [config.jwtAlgorithm],
    issuer: ISSUER,
    audience,
    typ,
    currentDate: now,
    requiredClaims: ['sub', 'jti', 'exp', 'iat'],
  }).catch((error: { code?: string }) => {
    throw refused(error.code === 'ERR_JWT_EXPIRED' ? 'The token has expired.' : 'The token is not valid.');
  });
  const { sub, jti, exp, sid, via } = payload;
  if (!sub || !jti || !exp || typeof sid !== 'string' || (via !== 'token' && via !== 'key')) {
    throw refused('The token is not valid.');
  }
  return { userId: sub, credentialId: sid, via, id: jti, expiresAt: exp * 1000 };
}

function refused(detail: string): Problem {
  return new Problem('unauthorized', detail);
}

/**
 * SHA-256 in hex: how keys and refresh tokens are stored. They carry 256 bits of entropy or a signature, so a slow hash
 * adds nothing. Of the synchronous kind: a few hundred bytes are hashed sooner than a promise of it comes back.
 */
export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
