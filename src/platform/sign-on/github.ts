/** GitHub's OAuth, which is not OpenID Connect: a token, then what the API says with it. */
import { z } from '@hono/zod-openapi';
import type { Egress } from '../../egress.ts';
import { Problem } from '../../errors.ts';
import type { ExternalIdentity } from '../accounts/external.ts';
import { type Arrival, askProvider, type ClientCredentials, type Provider, refusedBy } from './provider.ts';

export interface GitHubSettings extends ClientCredentials {
  /** `GITHUB_API_URL`. */
  apiUrl: string;
  /** Whether membership of organisations matters: only then is it asked for. */
  organisations: boolean;
}

const tokenAnswer = z.union([z.object({ error: z.string() }), z.object({ access_token: z.string().min(1) })]);
const userAnswer = z.object({ id: z.int(), login: z.string(), email: z.string().nullish() });
const emailsAnswer = z.array(z.object({ email: z.string(), primary: z.boolean(), verified: z.boolean() }));
const organisationsAnswer = z.array(z.object({ login: z.string() }));

/** Of 100 organisations each; who is in more is not let in by the last of them. */
const MAX_PAGES = 10;

export function gitHubProvider(egress: Egress, settings: GitHubSettings): Provider {
  const web = webUrl(settings.apiUrl);
  return {
    name: 'github',
    authorizationUrl: async ({ redirectUri, state, challenge }) => {
      const url = new URL(`${web}/login/oauth/authorize`);
      const scope = settings.organisations ? 'read:user user:email read:org' : 'read:user user:email';
      url.search = new URLSearchParams({
        client_id: settings.clientId,
        redirect_uri: redirectUri,
        scope,
        state,
        code_challenge: challenge,
        code_challenge_method: 'S256',
      }).toString();
      return url;
    },
    identify: async (arrival) => {
      const token = await tokenFor(egress, web, settings, arrival);
      const get = reader(egress, settings.apiUrl, token);
      const [user, emails, organisations] = await Promise.all([
        get('/user', userAnswer),
        get('/user/emails?per_page=100', emailsAnswer),
        settings.organisations ? organisationsOf(get) : [],
      ]);
      return identityOf(web, user, emails, organisations);
    },
  };
}

/**
 * Where people sign in, given where the API is: `https://api.github.com` → `https://github.com`, likewise
 * `https://api.tenant.ghe.com`; `https://host/api/v3` of an Enterprise Server → `https://host`. Anything else is both.
 */
export function webUrl(apiUrl: string): string {
  const url = new URL(apiUrl);
  const path = url.pathname.replace(/\/+$/, '');
  if (path.endsWith('/api/v3')) return `${url.origin}${path.slice(0, -'/api/v3'.length)}`;
  if (url.hostname.startsWith('api.')) url.hostname = url.hostname.slice('api.'.length);
  return `${url.origin}${path}`;
}

async function tokenFor(
  egress: Egress,
  web: string,
  { clientId, clientSecret }: GitHubSettings,
  { query, redirectUri, verifier }: Arrival,
): Promise<string> {
  const response = await askProvider(egress, web, `${web}/login/oauth/access_token`, {
    method: 'POST',
    headers: { accept: 'application/json', 'user-agent': USER_AGENT },
    body: new URLSearchParams({
      client_id: clientId,
      client_secret: clientSecret,
      code: query.get('code') ?? '',
      redirect_uri: redirectUri,
      code_verifier: verifier,
    }),
  });
  // Refusals come with status 200.
  const answer = await parsed(response, 'the token endpoint', tokenAnswer);
  if ('access_token' in answer) return answer.access_token;
  if (USERS_FAULT.has(answer.error)) throw refusedBy('github', answer.error);
  throw unexpected(`the token endpoint says ${/^\w{1,64}$/.test(answer.error) ? answer.error : 'an error'}`);
}

/** https://docs.github.com/en/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-oauth-app-access-token-request-errors */
const USERS_FAULT = new Set(['bad_verification_code', 'unverified_user_email']);
/** GitHub refuses requests without one. */
const USER_AGENT = 'Sightline';

type Get = <T extends z.ZodType>(path: string, schema: T) => Promise<z.output<T>>;

function reader(egress: Egress, apiUrl: string, token: string): Get {
  return async (path, schema) => {
    const response = await askProvider(egress, apiUrl, `${apiUrl}${path}`, {
      headers: {
        accept: 'application/vnd.github+json',
        authorization: `Bearer ${token}`,
        'user-agent': USER_AGENT,
        'x-github-api-version': '2022-11-28',
      },
    });
    return parsed(response, path.replace(/\?.*/, ''), schema);
  };
}

async function organisationsOf(get: Get): Promise<string[]> {
  const found: string[] = [];
  for (let page = 1; page <= MAX_PAGES; page++) {
    const organisations = await get(`/user/orgs?per_page=100&page=${page}`, organisationsAnswer);
    found.push(...organisations.map(({ login }) => login));
    if (organisations.length < 100) break;
  }
  return found;
}

async function parsed<T extends z.ZodType>(
  response: Response,
  what: string,
  schema: T,
): Promise<z.output<T>> {
  const text = await response.text();
  if (!response.ok) throw unexpected(`${what} answers ${response.status}`);
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw unexpected(`${what} answers no JSON`);
  }
  const result = schema.safeParse(body);
  if (!result.success) throw unexpected(`${what} answers something else than documented`);
  return result.data;
}

function unexpected(what: string): Problem {
  return new Problem('upstream', `GitHub did not answer as expected: ${what}.`);
}

/** The id is the subject: logins are given to others once they are free. */
function identityOf(
  web: string,
  user: z.output<typeof userAnswer>,
  emails: z.output<typeof emailsAnswer>,
  organisations: string[],
): ExternalIdentity {
  const verified = emails.filter((each) => each.verified);
  const primary = verified.find((each) => each.primary);
  return {
    provider: 'github',
    issuer: web,
    subject: String(user.id),
    username: user.login,
    email: primary?.email ?? user.email ?? null,
    emailVerified: primary !== undefined,
    otherEmails: verified.filter((each) => each !== primary).map((each) => each.email),
    organisations,
  };
}
