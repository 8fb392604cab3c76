/** What every identity provider is to us: where to send a browser, and who came back with it. */
import type { Config } from '../../config.ts';
import { notConfigured } from '../../config.ts';
import { type Egress, openBody } from '../../egress.ts';
import { Problem } from '../../errors.ts';
import type { ExternalIdentity } from '../accounts/external.ts';

export const PROVIDERS = ['github', 'google', 'gitlab', 'keycloak'] as const;
export type ProviderName = (typeof PROVIDERS)[number];

/** What goes to the provider with the browser. */
export interface Departure {
  redirectUri: string;
  state: string;
  nonce: string;
  /** PKCE: SHA-256 of the verifier, base64url. */
  challenge: string;
}

/** What the browser brings back, and what it left with. */
export interface Arrival {
  redirectUri: string;
  state: string;
  nonce: string;
  verifier: string;
  /** The query of the callback. */
  query: URLSearchParams;
}

export interface Provider {
  name: ProviderName;
  /** @throws Problem `upstream` when the provider does not say where */
  authorizationUrl(departure: Departure): Promise<URL>;
  /** @throws Problem `unauthorized` when what the browser or the provider says does not hold, `upstream` */
  identify(arrival: Arrival): Promise<ExternalIdentity>;
}

export interface ClientCredentials {
  clientId: string;
  clientSecret: string;
}

/** @throws Problem `not_configured` naming the variable */
export function credentialsOf(config: Pick<Config, 'oauth'>, name: ProviderName): ClientCredentials {
  const { clientId, clientSecret } = config.oauth[name];
  const variable = `OAUTH_${name.toUpperCase()}_CLIENT`;
  if (clientId === null) throw notConfigured(`${variable}_ID`, 'is not set');
  if (clientSecret === null) throw notConfigured(`${variable}_SECRET`, 'is not set');
  return { clientId, clientSecret };
}

/** A person waits for the answer. */
const TIMEOUT_MS = 10_000;
/** Discovery, keys, tokens and profiles are a few kilobytes each. */
const MAX_BYTES = 1024 * 1024;

/**
 * Asks a provider and reads the whole answer, within bounds of time and size.
 * @param operator what the operator set by variable: its host and port need be neither https nor public
 * @throws Problem `upstream`
 */
export async function askProvider(
  egress: Egress,
  operator: string,
  url: string,
  init: { method?: string; headers?: HeadersInit; body?: BodyInit | null },
): Promise<Response> {
  const { host } = new URL(url);
  try {
    const response = await egress.fetch(url, { ...init, purpose: 'oidc', operator, timeoutMs: TIMEOUT_MS });
    const { status, headers } = response;
    const body = await readBounded(response, host);
    return new Response(body.byteLength === 0 ? null : body, { status, headers: keep(headers) });
  } catch (error) {
    if (!(error instanceof Problem) || error.slug === 'upstream') throw error;
    throw new Problem('upstream', `The provider cannot be asked at ${host}: ${error.message}`);
  }
}

async function readBounded(response: Response, host: string): Promise<Uint8Array> {
  const body = openBody(response, host, { idleMs: TIMEOUT_MS, maxWaitMs: TIMEOUT_MS });
  const pieces: Uint8Array[] = [];
  let size = 0;
  for (let piece = await body.read(); piece !== null; piece = await body.read()) {
    size += piece.byteLength;
    if (size > MAX_BYTES) {
      await body.cancel();
      throw new Problem('upstream', `${host} answered with more than ${MAX_BYTES} bytes.`);
    }
    pieces.push(piece.slice());
  }
  return Buffer.concat(pieces);
}

/** The headers that say what an answer is; lengths and encodings were of what came over the wire. */
function keep(headers: Headers): Headers {
  const kept = new Headers();
  for (const name of ['content-type', 'www-authenticate']) {
    const value = headers.get(name);
    if (value !== null) kept.set(name, value);
  }
  return kept;
}

/** The provider said no, for a reason that is the user's or the browser's. */
export function refusedBy(name: ProviderName, reason: string): Problem {
  return new Problem('unauthorized', `${TITLES[name]} did not vouch for this sign-on: ${plain(reason)}.`);
}

export const TITLES: Record<ProviderName, string> = {
  github: 'GitHub',
  google: 'Google',
  gitlab: 'GitLab',
  keycloak: 'Keycloak',
};

/** What others write is repeated only if it looks like one of their codes. */
function plain(reason: string): string {
  return /^[\w.-]{1,64}$/.test(reason) ? reason : 'no reason that can be shown';
}
