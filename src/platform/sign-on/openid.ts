/** OpenID Connect by discovery: Google, GitLab, Keycloak. The protocol is `openid-client`'s; the requests are ours. */
import {
  AuthorizationResponseError,
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  type ClientAuth,
  ClientSecretPost,
  Configuration,
  clockTolerance,
  customFetch,
  discovery,
  enableNonRepudiationChecks,
  fetchUserInfo,
  ResponseBodyError,
  type ServerMetadata,
  WWWAuthenticateChallengeError,
} from 'openid-client';
import type { Egress } from '../../egress.ts';
import { Problem } from '../../errors.ts';
import type { ExternalIdentity } from '../accounts/external.ts';
import {
  type Arrival,
  askProvider,
  type ClientCredentials,
  type Departure,
  type Provider,
  type ProviderName,
  refusedBy,
  TITLES,
} from './provider.ts';

export interface OpenIdSettings extends ClientCredentials {
  name: Exclude<ProviderName, 'github'>;
  /** As the operator set it; everything else is what discovery there says. */
  issuer: string;
}

type Claims = Record<string, unknown>;

const SCOPE = 'openid email profile';
/** Seconds by which the provider's clock may be off. */
const TOLERANCE = 5;

export function openIdProvider(egress: Egress, settings: OpenIdSettings): Provider {
  const { name, issuer } = settings;
  return {
    name,
    authorizationUrl: async ({ redirectUri, state, nonce, challenge }: Departure) => {
      const metadata = await discover(egress, settings);
      if (!metadata.authorization_endpoint) throw unexpected(name, 'no authorization_endpoint');
      return buildAuthorizationUrl(configure(egress, settings, metadata, basic(settings)), {
        response_type: 'code',
        redirect_uri: redirectUri,
        scope: SCOPE,
        state,
        nonce,
        code_challenge: challenge,
        code_challenge_method: 'S256',
      });
    },
    identify: async (arrival) => {
      const metadata = await discover(egress, settings);
      const claims = await claimsOf(egress, settings, metadata, arrival);
      return identityOf(name, issuer, claims);
    },
  };
}

/** @throws Problem `upstream` */
async function discover(egress: Egress, { name, issuer, clientId }: OpenIdSettings): Promise<ServerMetadata> {
  const execute = isInsecure(issuer) ? [allowInsecureRequests] : [];
  try {
    const found = await discovery(new URL(issuer), clientId, undefined, undefined, {
      execute,
      [customFetch]: (url, init) => askProvider(egress, issuer, url, init),
    });
    return found.serverMetadata();
  } catch (error) {
    throw problemIn(error) ?? unexpected(name, codeOf(error));
  }
}

function configure(
  egress: Egress,
  { issuer, clientId }: OpenIdSettings,
  metadata: ServerMetadata,
  auth: ClientAuth,
): Configuration {
  const configuration = new Configuration(metadata, clientId, { [clockTolerance]: TOLERANCE }, auth);
  configuration[customFetch] = (url, init) => askProvider(egress, issuer, url, init);
  // The ID token's signature counts, however the provider was reached.
  enableNonRepudiationChecks(configuration);
  if (isInsecure(issuer)) allowInsecureRequests(configuration);
  return configuration;
}

function isInsecure(issuer: string): boolean {
  return issuer.startsWith('http:');
}

/**
 * Basic, as RFC 6749 has every server support it, but with nothing escaped that needs no escaping: GitLab takes the
 * header literally, others decode it.
 */
function basic({ clientId, clientSecret }: ClientCredentials): ClientAuth {
  const escaped = (text: string) => new URLSearchParams({ '': text }).toString().slice(1);
  const credentials = Buffer.from(`${escaped(clientId)}:${escaped(clientSecret)}`).toString('base64');
  return (_server, _client, _body, headers) => headers.set('authorization', `Basic ${credentials}`);
}

/** What the ID token says, and about what it does not, the user info endpoint: GitLab's tokens have no username, some no address. */
async function claimsOf(
  egress: Egress,
  settings: OpenIdSettings,
  metadata: ServerMetadata,
  arrival: Arrival,
): Promise<Claims & { sub: string }> {
  const callback = new URL(`${arrival.redirectUri}?${arrival.query}`);
  const checks = {
    pkceCodeVerifier: arrival.verifier,
    expectedNonce: arrival.nonce,
    expectedState: arrival.state,
    idTokenExpected: true,
  };
  // Which of the two a client was registered for, discovery does not tell; a code outlives the wrong one.
  const ways = [basic(settings), ClientSecretPost(settings.clientSecret)];
  for (const [at, auth] of ways.entries()) {
    const configuration = configure(egress, settings, metadata, auth);
    try {
      const tokens = await authorizationCodeGrant(configuration, callback, checks);
      const claims = tokens.claims();
      if (!claims) throw unexpected(settings.name, 'no ID token');
      const isComplete = [claims.email, claims.email_verified, claims.preferred_username].every(
        (each) => each !== undefined,
      );
      if (isComplete || !metadata.userinfo_endpoint) return claims;
      // `sub` is the same in both, or this throws; so an address and what is said of it come from one of them.
      const info = await fetchUserInfo(configuration, tokens.access_token, claims.sub);
      return claims.email_verified === undefined ? { ...claims, ...info } : { ...info, ...claims };
    } catch (error) {
      if (at === 0 && isClientRefused(error)) continue;
      throw judged(settings.name, error);
    }
  }
  throw new Error('unreachable: the last way returns or throws');
}

function isClientRefused(error: unknown): boolean {
  if (error instanceof WWWAuthenticateChallengeError) return error.status === 401;
  return error instanceof ResponseBodyError && error.error === 'invalid_client';
}

/** Whose fault it is: the provider's or ours (502), or that of what was presented (401). */
function judged(name: OpenIdSettings['name'], error: unknown): Problem {
  const problem = problemIn(error);
  if (problem) return problem;
  if (error instanceof AuthorizationResponseError) return refusedBy(name, error.error);
  if (isClientRefused(error)) return unexpected(name, 'it refuses our client credentials');
  if (error instanceof ResponseBodyError) {
    const ours = error.status >= 500 || error.error !== 'invalid_grant';
    return ours ? unexpected(name, plainCode(error.error)) : refusedBy(name, error.error);
  }
  const code = codeOf(error);
  return PROVIDER_FAILED.has(code) ? unexpected(name, code) : refusedBy(name, code);
}

/** The provider did not speak the protocol at all; other codes are about the ID token. */
const PROVIDER_FAILED = new Set([
  'OAUTH_RESPONSE_IS_NOT_CONFORM',
  'OAUTH_RESPONSE_IS_NOT_JSON',
  'OAUTH_WWW_AUTHENTICATE_CHALLENGE',
  'OAUTH_MISSING_SERVER_METADATA',
  'OAUTH_INVALID_SERVER_METADATA',
  'OAUTH_HTTP_REQUEST_FORBIDDEN',
  'OAUTH_REQUEST_PROTOCOL_FORBIDDEN',
  'OAUTH_TIMEOUT',
  'OAUTH_ABORT',
]);

/** Our own problem, thrown inside a request of the library and wrapped by it. */
function problemIn(error: unknown): Problem | null {
  for (let each = error; each instanceof Error; each = each.cause) if (each instanceof Problem) return each;
  return null;
}

/** The library's code: its errors carry whole answers, tokens included, and must not be logged. */
function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : 'unexpected';
}

const plainCode = (code: string) => (/^[\w.-]{1,64}$/.test(code) ? code : 'an error');

function unexpected(name: ProviderName, what: string): Problem {
  return new Problem('upstream', `${TITLES[name]} did not answer as OpenID Connect has it: ${what}.`);
}

function identityOf(
  provider: OpenIdSettings['name'],
  issuer: string,
  claims: Claims & { sub: string },
): ExternalIdentity {
  const text = (name: string) => {
    const value = claims[name];
    return typeof value === 'string' && value !== '' ? value : null;
  };
  const email = text('email');
  const username =
    text('preferred_username') ?? text('nickname') ?? email?.split('@')[0] ?? text('name') ?? '';
  const emailVerified =
    claims.email_verified === true && (provider !== 'google' || isGooglesOwn(email, claims));
  return { provider, issuer, subject: claims.sub, username, email, emailVerified, organisations: [] };
}

/**
 * Google verifies foreign addresses once, when the account is made, and whoever had the address then keeps the account:
 * only for its own mail and for Workspace domains (`hd`) does it stand for who holds an address now.
 * https://developers.google.com/identity/gsi/web/guides/verify-google-id-token
 */
function isGooglesOwn(email: string | null, claims: Claims): boolean {
  return typeof claims.hd === 'string' || /@(gmail|googlemail)\.com$/i.test(email ?? '');
}
