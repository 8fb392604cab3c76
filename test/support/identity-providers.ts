import { createHash, createHmac, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';

/**
 * Identity providers on loopback: `oidc-provider`, a certified OpenID provider, three times over, each set up as one of the
 * real ones is; and GitHub's documented endpoints.
 *
 * - `{url}/realms/main`   like Keycloak: profile and e-mail address in the ID token
 * - `{url}/gitlab`        like GitLab: the ID token has the subject only, the rest is at the user info endpoint
 * - `{url}/google`        like Google: address and `hd` in the ID token, no username
 * - `{url}/github`, `{url}/github/api/v3`   like a GitHub Enterprise Server
 * - `PUT {url}/__admin/accounts/<login>`    the claims of who signs in by this name; of GitHub `{id, login, emails, orgs}`
 * - `POST {url}/__admin/tamper` `{how}`     what is wrong with the next answers, a key of `TAMPERED` or `AT_THE_DOOR`; null ends it
 */
export interface IdentityProviders {
  url: string;
  close(): Promise<void>;
}

/** Registered with all of them. */
export const CLIENT = { id: 'sightline.apps-1', secret: 'gloas-s3cret_of.tests' };
const CALLBACKS = ['https://api.test', 'http://127.0.0.1:8787'].flatMap((origin) =>
  ['/api/v1', ''].flatMap((mount) =>
    ['keycloak', 'gitlab', 'google'].map((name) => `${origin}${mount}/auth/oauth/${name}/callback`),
  ),
);

type Claims = Record<string, unknown>;
type Handler = (request: IncomingMessage, response: ServerResponse) => void;

interface State {
  accounts: Map<string, Claims>;
  tamper: string | null;
  key: JWK;
  foreignKey: JWK;
}

export async function startIdentityProviders(): Promise<IdentityProviders> {
  let handlers: Promise<Map<string, Handler>> | undefined;
  const state: State = { accounts: new Map(), tamper: null, key: {}, foreignKey: {} };
  const server = createServer(async (request, response) => {
    try {
      const { pathname } = new URL(request.url ?? '/', url);
      if (pathname.startsWith('/__admin/')) return await administer(request, response, pathname, state);
      // Only runs that sign somebody on pay for keys and a framework.
      handlers ??= build(url, state);
      for (const [mount, handle] of await handlers) {
        if (pathname.startsWith(`${mount}/`)) return handle(request, response);
      }
      response.writeHead(404).end();
    } catch (error) {
      if (!response.headersSent) response.writeHead(500);
      response.end(String(error));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function administer(
  request: IncomingMessage,
  response: ServerResponse,
  pathname: string,
  state: State,
) {
  const body = JSON.parse(await bodyOf(request)) as Claims;
  const account = /^\/__admin\/accounts\/(.+)$/.exec(pathname)?.[1];
  if (account) state.accounts.set(decodeURIComponent(account), body);
  else state.tamper = body.how as string | null;
  response.writeHead(204).end();
}

async function build(url: string, state: State): Promise<Map<string, Handler>> {
  const [own, foreign] = await Promise.all([newKey(), newKey()]);
  Object.assign(state.key, own);
  Object.assign(state.foreignKey, foreign);
  return new Map<string, Handler>([
    ['/realms/main', await openIdProvider(url, '/realms/main', state, { inIdToken: true })],
    ['/gitlab', await openIdProvider(url, '/gitlab', state, { inIdToken: false })],
    ['/google', await openIdProvider(url, '/google', state, { inIdToken: true })],
    ['/github', gitHub(state)],
  ]);
}

async function newKey(): Promise<JWK> {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  return { ...(await exportJWK(privateKey)), kid: 'of-the-tests', alg: 'RS256', use: 'sig' };
}

async function openIdProvider(
  url: string,
  mount: string,
  state: State,
  { inIdToken }: { inIdToken: boolean },
): Promise<Handler> {
  const { Provider } = await import('oidc-provider');
  const warn = console.warn;
  console.warn = () => undefined; // that the forms below are for development is why we use them
  const provider = new Provider(`${url}${mount}`, {
    clients: [
      { client_id: CLIENT.id, client_secret: CLIENT.secret, redirect_uris: CALLBACKS },
      {
        client_id: 'by-post',
        client_secret: CLIENT.secret,
        redirect_uris: CALLBACKS,
        token_endpoint_auth_method: 'client_secret_post',
      },
      {
        client_id: 'on-any-port',
        client_secret: CLIENT.secret,
        application_type: 'native',
        redirect_uris: ['http://127.0.0.1/api/v1/auth/oauth/keycloak/callback'],
      },
    ],
    jwks: { keys: [state.key as never] },
    cookies: { keys: ['a key for the cookies of a test'] },
    pkce: { required: () => true },
    conformIdTokenClaims: !inIdToken,
    claims: {
      openid: ['sub'],
      email: ['email', 'email_verified', 'hd'],
      profile: ['name', 'nickname', 'preferred_username'],
    },
    features: { devInteractions: { enabled: true } },
    ttl: {
      AccessToken: 600,
      AuthorizationCode: 60,
      IdToken: 600,
      Interaction: 600,
      Session: 600,
      Grant: 600,
    },
    findAccount: (_context, id) => ({
      accountId: id,
      claims: () => ({ sub: id, ...(state.accounts.get(`${mount}/${id}`) ?? state.accounts.get(id)) }),
    }),
  });
  console.warn = warn;
  const handle = provider.callback();
  return async (request, response) => {
    request.url = request.url!.slice(mount.length);
    // What the provider links to is below the mount again.
    Object.assign(request, { originalUrl: `${mount}${request.url}` });
    const how = state.tamper;
    if (how !== null && how in AT_THE_DOOR && AT_THE_DOOR[how]!(request, response)) return;
    if (how !== null && how in TAMPERED) await rewriteTokens(request, response, TAMPERED[how]!, state);
    handle(request, response);
  };
}

/** What the provider does in place of an answer; false where it answers as always. */
const AT_THE_DOOR: Record<string, (request: IncomingMessage, response: ServerResponse) => boolean> = {
  'token endpoint fails': (request, response) =>
    isTokenRequest(request) && answer(response, 500, 'text/html', '<h1>Oops</h1>'),
  'token endpoint answers a page': (request, response) =>
    isTokenRequest(request) && answer(response, 200, 'text/html', '<h1>Welcome</h1>'),
  'token endpoint does not end': (request, response) =>
    isTokenRequest(request) && answer(response, 200, 'application/json', `{"x":"${'x'.repeat(2 ** 21)}"}`),
  'token endpoint redirects': (request, response) => isTokenRequest(request) && redirect(response),
  'discovery fails': (request, response) =>
    isDiscovery(request) && answer(response, 503, 'text/plain', 'later'),
  'discovery is no JSON': (request, response) =>
    isDiscovery(request) && answer(response, 200, 'text/html', '<h1>Welcome</h1>'),
  'discovery is of another issuer': (request, response) =>
    isDiscovery(request) && answer(response, 200, 'application/json', '{"issuer":"https://evil.example"}'),
  'discovery has no endpoints': (request, response) =>
    isDiscovery(request) &&
    answer(response, 200, 'application/json', JSON.stringify({ issuer: issuerOf(request) })),
  'discovery points inside': (request, response) =>
    isDiscovery(request) &&
    answer(
      response,
      200,
      'application/json',
      JSON.stringify({
        issuer: issuerOf(request),
        authorization_endpoint: `${issuerOf(request)}/auth`,
        token_endpoint: 'http://169.254.169.254/latest/meta-data',
        jwks_uri: `${issuerOf(request)}/jwks`,
      }),
    ),
};

function isTokenRequest(request: IncomingMessage): boolean {
  return request.method === 'POST' && request.url === '/token';
}

function isDiscovery(request: IncomingMessage): boolean {
  return request.url === '/.well-known/openid-configuration';
}

function issuerOf(request: IncomingMessage): string {
  const { originalUrl } = request as IncomingMessage & { originalUrl: string };
  return `http://${request.headers.host}${originalUrl.replace('/.well-known/openid-configuration', '')}`;
}

function answer(response: ServerResponse, status: number, type: string, body: string): true {
  response.writeHead(status, { 'content-type': type }).end(body);
  return true;
}

function redirect(response: ServerResponse): true {
  response.writeHead(302, { location: 'https://elsewhere.example/token' }).end();
  return true;
}

interface Tampering {
  claims?: Claims | ((claims: Claims) => Claims);
  /** Makes the token in place of signing with the provider's key. */
  token?: (claims: Claims, state: State) => Promise<string | undefined>;
}

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** ID tokens that differ from the provider's own in one thing. */
const TAMPERED: Record<string, Tampering> = {
  nothing: {},
  'another nonce': { claims: { nonce: 'another' } },
  'no nonce': { claims: ({ nonce: _nonce, ...rest }) => rest },
  'another issuer': { claims: { iss: 'https://evil.example' } },
  'another audience': { claims: { aud: 'another-client' } },
  'an audience beside ours, and another party': { claims: { aud: [CLIENT.id, 'other'], azp: 'other' } },
  'no subject': { claims: ({ sub: _sub, ...rest }) => rest },
  'an expiry of a minute ago': { claims: { exp: Math.floor(Date.now() / 1000) - 60 } },
  'a beginning in an hour': { claims: { nbf: Math.floor(Date.now() / 1000) + 3600 } },
  'alg none': { token: async (claims) => `${encode({ alg: 'none' })}.${encode(claims)}.` },
  'the secret as key': {
    token: async (claims) => {
      const signed = `${encode({ alg: 'HS256', kid: 'of-the-tests' })}.${encode(claims)}`;
      return `${signed}.${createHmac('sha256', CLIENT.secret).update(signed).digest('base64url')}`;
    },
  },
  'the key of another': { token: (claims, state) => sign(claims, state.foreignKey) },
  'a key that nobody published': {
    token: (claims, state) => sign(claims, { ...state.foreignKey, kid: 'new' }),
  },
  'nothing that is a token': { token: async () => 'x.y.z' },
  'no ID token': { token: async () => undefined },
};

async function sign(claims: Claims, key: JWK): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: key.kid }).sign(key);
}

/** Holds the provider's answer back until its ID token is changed and signed again. */
async function rewriteTokens(
  request: IncomingMessage,
  response: ServerResponse,
  { claims, token }: Tampering,
  state: State,
) {
  if (!isTokenRequest(request)) return;
  const end = response.end.bind(response) as (body: string) => ServerResponse;
  response.end = ((body: Buffer | string) => {
    const change = async () => {
      const tokens = JSON.parse(String(body)) as Claims;
      const payload = String(tokens.id_token).split('.')[1] ?? '';
      const original = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Claims;
      const changed = typeof claims === 'function' ? claims(original) : { ...original, ...claims };
      const id_token = await (token ? token(changed, state) : sign(changed, state.key));
      const text = JSON.stringify({ ...tokens, id_token });
      response.setHeader('content-length', Buffer.byteLength(text));
      end(text);
    };
    change().catch((error) => end(String(error)));
    return response;
  }) as ServerResponse['end'];
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString();
}

interface Grant {
  login: string;
  redirectUri: string;
  challenge: string;
  scopes: string[];
}

/**
 * GitHub's web flow and the three endpoints of its API that a login needs, as
 * https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps and
 * https://docs.github.com/en/rest/users describe them.
 */
function gitHub(state: State): Handler {
  const codes = new Map<string, Grant>();
  const tokens = new Map<string, Grant>();
  return async (request, response) => {
    const url = new URL(request.url!, 'http://github.test');
    const path = url.pathname.slice('/github'.length);
    if (path === '/login/oauth/authorize') return authorize(request, response, url.searchParams, codes);
    if (path === '/login/oauth/access_token' && request.method === 'POST') {
      if (state.tamper === 'token endpoint fails')
        return answer(response, 502, 'text/html', '<h1>Unicorn!</h1>');
      return exchange(request, response, new URLSearchParams(await bodyOf(request)), codes, tokens);
    }
    if (!path.startsWith('/api/v3/')) return answer(response, 404, 'text/html', 'Not Found');
    return api(request, response, path.slice('/api/v3'.length), url.searchParams, tokens, state);
  };
}

/** A form for the name, standing for all of GitHub's login and consent. */
async function authorize(
  request: IncomingMessage,
  response: ServerResponse,
  query: URLSearchParams,
  codes: Map<string, Grant>,
) {
  if (request.method === 'GET') {
    const fields = '<input name="login"><input type="hidden" name="decision" value="allow">';
    return answer(response, 200, 'text/html', `<form method="post" action="">${fields}</form>`);
  }
  const form = new URLSearchParams(await bodyOf(request));
  const redirectUri = query.get('redirect_uri') ?? '';
  const back = new URL(redirectUri);
  if (form.get('decision') === 'deny') {
    back.searchParams.set('error', 'access_denied');
    back.searchParams.set('error_description', 'The user has denied your application access.');
  } else {
    const code = randomBytes(10).toString('hex');
    const scopes = (query.get('scope') ?? '').split(' ');
    const challenge = query.get('code_challenge_method') === 'S256' ? query.get('code_challenge') : null;
    codes.set(code, { login: form.get('login') ?? '', redirectUri, challenge: challenge ?? '', scopes });
    back.searchParams.set('code', code);
  }
  back.searchParams.set('state', query.get('state') ?? '');
  response.writeHead(302, { location: back.href }).end();
}

function exchange(
  request: IncomingMessage,
  response: ServerResponse,
  form: URLSearchParams,
  codes: Map<string, Grant>,
  tokens: Map<string, Grant>,
) {
  const reply = (body: Record<string, string>) => {
    const isJson = request.headers.accept === 'application/json';
    const type = isJson ? 'application/json' : 'application/x-www-form-urlencoded';
    return answer(response, 200, type, isJson ? JSON.stringify(body) : new URLSearchParams(body).toString());
  };
  const refuse = (error: string) =>
    reply({ error, error_description: 'See', error_uri: 'https://docs.github.com' });
  if (form.get('client_id') !== CLIENT.id || form.get('client_secret') !== CLIENT.secret) {
    return refuse('incorrect_client_credentials');
  }
  const code = form.get('code') ?? '';
  const grant = codes.get(code);
  codes.delete(code);
  const verifier = createHash('sha256')
    .update(form.get('code_verifier') ?? '')
    .digest('base64url');
  if (!grant || grant.challenge !== verifier) return refuse('bad_verification_code');
  if (form.get('redirect_uri') !== grant.redirectUri) return refuse('redirect_uri_mismatch');
  const token = `gho_${randomBytes(18).toString('hex')}`;
  tokens.set(token, grant);
  return reply({ access_token: token, scope: grant.scopes.join(','), token_type: 'bearer' });
}

function api(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  query: URLSearchParams,
  tokens: Map<string, Grant>,
  state: State,
) {
  const reply = (status: number, body: unknown) =>
    answer(response, status, 'application/json; charset=utf-8', JSON.stringify(body));
  const problem = (status: number, message: string) =>
    reply(status, { message, documentation_url: 'https://docs.github.com/rest', status: String(status) });
  if (!request.headers['user-agent']) return problem(403, 'Request forbidden by administrative rules.');
  const grant = tokens.get(/^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '');
  if (!grant) return problem(401, 'Requires authentication');
  const { login } = grant;
  const { id, emails, orgs } = {
    id: 1,
    emails: [],
    orgs: [],
    ...state.accounts.get(login),
  } as { id: number; emails: { email: string; primary: boolean; verified: boolean }[]; orgs: string[] };
  const perPage = Number(query.get('per_page') ?? 30);
  const from = (Number(query.get('page') ?? 1) - 1) * perPage;
  switch (path) {
    case '/user':
      return reply(200, { ...PUBLIC_USER, login, id, email: null, name: null });
    case '/user/emails':
      if (!grant.scopes.includes('user:email')) return problem(404, 'Not Found');
      return reply(
        200,
        emails.map((each) => ({ ...each, visibility: each.primary ? 'private' : null })),
      );
    case '/user/orgs':
      if (!grant.scopes.includes('read:org')) return problem(403, 'You need at least read:org scope.');
      return reply(
        200,
        orgs
          .slice(from, from + perPage)
          .map((name, at) => ({ login: name, id: 1000 + at, description: null })),
      );
    default:
      return problem(404, 'Not Found');
  }
}

/** The rest of what `GET /user` answers, as far as it is not of interest. */
const PUBLIC_USER = {
  node_id: 'MDQ6VXNlcjE=',
  avatar_url: 'https://github.com/images/error/octocat_happy.gif',
  gravatar_id: '',
  type: 'User',
  site_admin: false,
  company: null,
  blog: '',
  location: null,
  hireable: null,
  bio: null,
  public_repos: 2,
  public_gists: 1,
  followers: 20,
  following: 0,
  created_at: '2008-01-14T04:33:35Z',
  updated_at: '2008-01-14T04:33:35Z',
};
