/**
 * A login by an identity provider: the browser leaves with a state, comes back with it once, and what the provider says
 * about it opens a session. Both ends are held together by a row that only the state and the browser's cookie find.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { Config } from '../../config.ts';
import { notConfigured } from '../../config.ts';
import { invalid, Problem } from '../../errors.ts';
import type { Services } from '../../services.ts';
import { recordEvent } from '../../store/audit.ts';
import { insertSignOn, insertSignOnCode, takeSignOn, takeSignOnCode } from '../../store/sign-ons.ts';
import { entryOf, type Origin } from '../accounts/audit.ts';
import { admitExternal } from '../accounts/external.ts';
import { sessionFor, type TokenPair } from '../accounts/sessions.ts';
import { sha256 } from '../accounts/tokens.ts';
import { gitHubProvider } from './github.ts';
import { openIdProvider } from './openid.ts';
import { credentialsOf, PROVIDERS, type Provider, type ProviderName, refusedBy } from './provider.ts';

type Needs = Pick<Services, 'env' | 'db' | 'config' | 'clock' | 'newId' | 'log' | 'egress'>;

/** How long somebody may take to sign in at the provider. */
export const SIGN_ON_SECONDS = 600;
/** How long the page at `return_to` may take to send its code. */
const CODE_SECONDS = 60;

/** @throws Problem `not_found` for one that is none of ours, `not_configured` naming the variable */
export function providerNamed(s: Pick<Needs, 'config' | 'egress'>, name: string): Provider {
  const known = PROVIDERS.find((each) => each === name);
  if (!known) throw new Problem('not_found', `There is no such provider; there are ${PROVIDERS.join(', ')}.`);
  const credentials = credentialsOf(s.config, known);
  if (known !== 'github') {
    return openIdProvider(s.egress, { ...credentials, name: known, issuer: issuerOf(s.config, known) });
  }
  const organisations = s.config.sso.allowed.some((each) => !/[@.]/.test(each));
  return gitHubProvider(s.egress, { ...credentials, apiUrl: s.config.github.apiUrl, organisations });
}

function issuerOf(config: Config, name: Exclude<ProviderName, 'github'>): string {
  if (name === 'gitlab') return config.gitlab.url;
  if (name === 'google') return config.oauth.google.issuer;
  const { server, realm } = config.oauth.keycloak;
  if (server === null) throw notConfigured('OAUTH_KEYCLOAK_SERVER_URL', 'is not set');
  if (realm === null) throw notConfigured('OAUTH_KEYCLOAK_REALM', 'is not set');
  return `${server}/realms/${encodeURIComponent(realm)}`;
}

export interface Begun {
  /** Where the browser goes. */
  location: string;
  state: string;
  /** What the browser has to hold when it comes back with the state. */
  cookie: string;
}

/** Sends a browser to the provider. @throws Problem `upstream` */
export async function beginSignOn(
  s: Needs,
  provider: Provider,
  { redirectUri, returnTo }: { redirectUri: string; returnTo: string | null },
): Promise<Begun> {
  const [state, cookie, nonce, verifier] = [secret(), secret(), secret(), secret()];
  const challenge = createHash('sha256').update(verifier).digest('base64url');
  const url = await provider.authorizationUrl({ redirectUri, state, nonce, challenge });
  const now = s.clock();
  await insertSignOn(
    s.db,
    {
      stateHash: await sha256(state),
      browserHash: await sha256(cookie),
      provider: provider.name,
      redirectUri,
      verifier,
      nonce,
      returnTo,
      expiresAt: after(now, SIGN_ON_SECONDS),
    },
    now.toISOString(),
  );
  return { location: url.href, state, cookie };
}

/** 256 random bits: a state, cookie, nonce or code that nobody guesses, and a verifier as PKCE wants it. */
function secret(): string {
  return randomBytes(32).toString('base64url');
}

function after(now: Date, seconds: number): string {
  return new Date(now.getTime() + seconds * 1000).toISOString();
}

/**
 * Where a browser may be sent with a code: pages of this deployment, and of the origins that may call it.
 * @param own the origins that this deployment is known by; a path is one of the first
 * @throws Problem `validation`
 */
export function judgeReturnTo(
  config: Pick<Config, 'corsOrigins'>,
  own: [base: string, ...string[]],
  url: string,
): string {
  // Nothing that a parser has to guess at: an address with its scheme, or a path of ours.
  const isPlain = /^(https?:\/\/|\/(?![/\\]))/.test(url);
  const target = isPlain && URL.canParse(url, own[0]) ? new URL(url, own[0]) : null;
  const origins = new Set([...own.map((each) => new URL(each).origin), ...config.corsOrigins]);
  if (target === null || !origins.has(target.origin) || target.username !== '' || target.password !== '') {
    throw invalid('query/return_to', 'must be a page of this deployment, or of an origin in CORS_ORIGINS');
  }
  return target.href;
}

/** What a browser comes back with. */
export interface Returned {
  state: string;
  cookie: string | null;
  query: URLSearchParams;
}

const FOREIGN =
  'This is not a sign-on that this browser has begun within the last ten minutes, or it has been finished; begin again.';

/**
 * Finishes a sign-on. Without a page to return to it opens the session; with one it answers where to, with a code that
 * `exchangeCode` takes. Failures are recorded, and create nothing.
 * @throws Problem `unauthorized`, `forbidden`, `upstream`
 */
export async function completeSignOn(
  s: Needs,
  origin: Origin,
  provider: Provider,
  returned: Returned,
): Promise<TokenPair | { location: string }> {
  const failed = async (error: unknown): Promise<never> => {
    // Whoever is refused is recorded by name where that is decided.
    if (error instanceof Problem && error.slug !== 'forbidden') {
      const detail = { method: provider.name, reason: error.message };
      await recordEvent(s.db, entryOf(origin, 'login.failed', null, detail));
    }
    throw error;
  };
  const { signOn, user } = await userBehind(s, origin, provider, returned).catch(failed);
  if (signOn.returnTo === null) {
    return sessionFor(s, origin, user, { method: provider.name, scopes: null });
  }
  const code = secret();
  const now = s.clock();
  await insertSignOnCode(
    s.db,
    {
      codeHash: await sha256(code),
      userId: user.id,
      method: provider.name,
      expiresAt: after(now, CODE_SECONDS),
    },
    now.toISOString(),
  );
  const location = new URL(signOn.returnTo);
  location.searchParams.set('code', code);
  return { location: location.href };
}

async function userBehind(s: Needs, origin: Origin, provider: Provider, returned: Returned) {
  const { state, cookie, query } = returned;
  const hashes = { stateHash: await sha256(state), browserHash: await sha256(cookie ?? '') };
  const signOn = await takeSignOn(s.db, { ...hashes, provider: provider.name }, s.clock().toISOString());
  if (!signOn) throw new Problem('unauthorized', FOREIGN);
  const error = query.get('error');
  if (error !== null) throw refusedBy(provider.name, error);
  const identity = await provider.identify({ ...signOn, state, query });
  return { signOn, user: await admitExternal(s, identity, origin) };
}

/** Opens the session that a code stands for, once. @throws Problem `unauthorized` */
export async function exchangeCode(s: Needs, origin: Origin, code: string): Promise<TokenPair> {
  const user = await takeSignOnCode(s.db, await sha256(code), s.clock().toISOString());
  if (user) return sessionFor(s, origin, user, { method: user.method, scopes: null });
  await recordEvent(s.db, entryOf(origin, 'login.failed', null, { method: 'exchange' }));
  throw new Problem('unauthorized', 'The code is not valid, has been used, or has expired.');
}
