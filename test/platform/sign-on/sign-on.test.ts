import { createExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { createApp } from '../../../workers/api/app.ts';
import { asAdmin, call, type Json, withVariables } from '../../http/call.ts';
import { Browser, type Page } from '../../support/browser.ts';

const { url } = inject('identityProviders');
const CLIENT = { id: 'sightline.apps-1', secret: 'gloas-s3cret_of.tests' };
const CALLBACK = /\/callback\?/;

const VARIABLES: Record<string, string> = {
  // The operator's own endpoints need no exception.
  EGRESS_ALLOW: '',
  SSO_ALLOWED: 'corp.example, acme',
  CORS_ORIGINS: 'https://app.example, http://localhost:5173, *, null',
  OAUTH_KEYCLOAK_SERVER_URL: `${url}/`,
  OAUTH_KEYCLOAK_REALM: 'main',
  GITLAB_URL: `${url}/gitlab`,
  OAUTH_GOOGLE_ISSUER: `${url}/google`,
  GITHUB_API_URL: `${url}/github/api/v3`,
  ...Object.fromEntries(
    ['GITHUB', 'GOOGLE', 'GITLAB', 'KEYCLOAK'].flatMap((name) => [
      [`OAUTH_${name}_CLIENT_ID`, CLIENT.id],
      [`OAUTH_${name}_CLIENT_SECRET`, CLIENT.secret],
    ]),
  ),
};

/** Where the app is; everything else is on the network. */
const APP = new Set(['https://api.test', 'http://127.0.0.1:8787']);
const app = createApp();
let browsers = 0;

/** A browser with an address of its own, and the app with these variables. */
function open(variables: Record<string, string> = {}): Browser {
  const bindings = withVariables({ ...VARIABLES, ...variables });
  browsers += 1;
  const ip = `198.51.100.${browsers}`;
  return new Browser(async (request) => {
    if (!APP.has(new URL(request.url).origin)) return fetch(request);
    request.headers.set('cf-connecting-ip', ip);
    return app.fetch(request, bindings, createExecutionContext());
  });
}

const json = (page: Page) => JSON.parse(page.text) as Json;

const administer = async (method: string, path: string, body: unknown) => {
  const answer = await fetch(`${url}/__admin${path}`, { method, body: JSON.stringify(body) });
  expect(answer.status).toBe(204);
};
const account = (login: string, claims: object) =>
  administer('PUT', `/accounts/${encodeURIComponent(login)}`, claims);
const tamper = (how: string | null) => administer('POST', '/tamper', { how });

interface Way {
  browser?: Browser;
  variables?: Record<string, string>;
  /** Of the app. */
  at?: string;
  returnTo?: string;
  /** Where to stop, as `Browser.go` has it. */
  before?: RegExp;
}

/** All of a login: to the provider, through its forms as `login`, and back. */
async function signOn(provider: string, login: string, way: Way = {}): Promise<Page> {
  const { at = 'https://api.test/api/v1', returnTo, before } = way;
  const browser = way.browser ?? open(way.variables);
  const query = returnTo === undefined ? '' : `?return_to=${encodeURIComponent(returnTo)}`;
  let page = await browser.go(`${at}/auth/oauth/${provider}/authorize${query}`, { before });
  if (page.text.includes('name="login"'))
    page = await browser.submit(page, { login, password: 'any' }, before);
  if (page.text.includes('value="consent"')) page = await browser.submit(page, {}, before);
  return page;
}

/** The address of the callback that a login would go to next. */
async function callbackOf(provider: string, login: string, way: Way = {}): Promise<string> {
  const page = await signOn(provider, login, { ...way, before: CALLBACK });
  expect(page.status).toBeGreaterThanOrEqual(300);
  const location = page.headers.get('location')!;
  expect(location).toMatch(CALLBACK);
  return location;
}

async function profile(tokens: Json): Promise<Json> {
  const answer = await call('/api/v1/users/me', {
    headers: { authorization: `Bearer ${tokens.access_token}` },
  });
  expect(answer.status).toBe(200);
  return answer.body;
}

const count = async (table: string) =>
  (await env.DB.prepare(`SELECT count(*) AS n FROM ${table}`).first<{ n: number }>())!.n;
const footprint = async () => [await count('users'), await count('sessions'), await count('identities')];
const lastFailure = async () =>
  (
    (await call('/api/v1/admin/audit?action=login.failed&limit=1', { headers: asAdmin })).body
      .items as unknown as Json[]
  )[0]!;
const TOKENS = {
  access_token: expect.stringMatching(/^eyJ/),
  refresh_token: expect.stringMatching(/^eyJ/),
  token_type: 'bearer',
  expires_in: 1800,
};

beforeAll(async () => {
  await call('/api/v1/users/me', { headers: asAdmin });
  await account('jane', {
    email: 'jane@corp.example',
    email_verified: true,
    name: 'Jane Doe',
    nickname: 'jdoe',
    preferred_username: 'jdoe',
  });
  // Google has no usernames, and stands for addresses of domains that it hosts.
  await account('/google/jane', { email: 'jane@corp.example', email_verified: true, hd: 'corp.example' });
});

describe.each([
  ['keycloak', 'jdoe'],
  ['gitlab', 'jdoe'],
  ['google', 'jane'],
])('a login by %s', (provider, username) => {
  it('leads through the provider to tokens, and to the same account the next time', async () => {
    const page = await signOn(provider, 'jane');
    expect([page.status, page.text]).toEqual([200, expect.stringContaining('access_token')]);
    expect(json(page)).toEqual(TOKENS);
    expect(page.headers.get('cache-control')).toBe('no-store');
    const me = await profile(json(page));
    expect(me).toMatchObject({ email: 'jane@corp.example', role: 'viewer' });
    expect(me.username).toMatch(new RegExp(`^${username}(-\\d)?$`));
    expect((await profile(json(await signOn(provider, 'jane')))).id).toBe(me.id);
    const headers = { authorization: `Bearer ${json(page).access_token}` };
    const sessions = (await call('/api/v1/auth/sessions', { headers })).body.items as unknown as Json[];
    expect(sessions.map((each) => each.method)).toEqual([provider, provider]);
    const audit = await call(`/api/v1/admin/audit?actor=${me.id}`, { headers: asAdmin });
    const [last] = audit.body.items as unknown as Json[];
    expect(last).toMatchObject({ action: 'login.succeeded', detail: { method: provider } });
  });

  it('goes by the root as well, and over plain http on this machine', async () => {
    for (const at of ['https://api.test', 'http://127.0.0.1:8787', 'http://127.0.0.1:8787/api/v1']) {
      expect(json(await signOn(provider, 'jane', { at })), at).toEqual(TOKENS);
    }
  });

  it('asks for a code with PKCE, a state and a nonce, each time others', async () => {
    const browser = open();
    const asked = async () => {
      const page = await browser.send(`https://api.test/api/v1/auth/oauth/${provider}/authorize`);
      expect([page.status, page.headers.get('cache-control')]).toEqual([302, 'no-store']);
      return Object.fromEntries(new URL(page.headers.get('location')!).searchParams);
    };
    const [first, second] = [await asked(), await asked()];
    expect(first).toMatchObject({
      client_id: CLIENT.id,
      redirect_uri: `https://api.test/api/v1/auth/oauth/${provider}/callback`,
      response_type: 'code',
      scope: 'openid email profile',
      code_challenge_method: 'S256',
    });
    for (const name of ['state', 'nonce', 'code_challenge']) {
      expect(first[name]).toMatch(/^[\w-]{43}$/);
      expect(second[name]).not.toBe(first[name]);
    }
  });
});

describe('a provider', () => {
  it('may know the client by another way to show its secret', async () => {
    const variables = { OAUTH_KEYCLOAK_CLIENT_ID: 'by-post' };
    expect(json(await signOn('keycloak', 'jane', { variables }))).toEqual(TOKENS);
  });

  it('of a person whose address it has not verified lets nobody in', async () => {
    for (const provider of ['keycloak', 'gitlab', 'google']) {
      const login = `unverified-${provider}`;
      await account(login, { email: 'jane@corp.example', email_verified: false, preferred_username: 'x' });
      const before = await footprint();
      const page = await signOn(provider, login);
      expect([page.status, json(page).error_code]).toEqual([403, 'FORBIDDEN']);
      expect(await footprint()).toEqual(before);
    }
    // Checked once, long ago, and not an address that Google gives or takes away.
    await account('/google/former', { email: 'former@corp.example', email_verified: true });
    expect((await signOn('google', 'former')).status).toBe(403);
    await account('/google/at-home', { email: 'somebody@gmail.com', email_verified: true });
    const variables = { SSO_ALLOWED: 'gmail.com' };
    expect(json(await signOn('google', 'at-home', { variables }))).toEqual(TOKENS);
  });

  it('lets in whom an admin awaits, and nobody whom an admin has disabled', async () => {
    const made = await call('/api/v1/users', {
      headers: asAdmin,
      body: { username: 'awaited', email: 'awaited@home.example', role: 'reviewer' },
    });
    await account('awaited', { email: 'awaited@home.example', email_verified: true });
    const variables = { SSO_ALLOWED: '' };
    const tokens = json(await signOn('keycloak', 'awaited', { variables }));
    expect(await profile(tokens)).toMatchObject({ id: made.body.id, username: 'awaited', role: 'reviewer' });
    const disable = { method: 'PUT', headers: asAdmin, body: { disabled: true } };
    await call(`/api/v1/users/${made.body.id}`, disable);
    const page = await signOn('keycloak', 'awaited', { variables });
    expect([page.status, json(page).detail]).toEqual([403, 'This account is disabled.']);
    expect(await lastFailure()).toMatchObject({
      target: { id: made.body.id },
      detail: { method: 'keycloak' },
    });
  });
});

describe('a callback', () => {
  const refused = async (page: Page, status: number) => {
    expect([page.status, page.text]).toEqual([status, expect.stringContaining('"success":false')]);
    expect(page.headers.get('content-type')).toContain('application/problem+json');
    expect(page.headers.get('location')).toBeNull();
  };

  it.each([
    ['without a state', '?code=x', 'query/state'],
    ['with an empty state', '?code=x&state=', 'query/state'],
    ['without a code', '?state=x', 'query/code'],
    ['with two states', '?code=x&state=a&state=b', 'query/state'],
    ['with two codes', '?code=x&code=y&state=a', 'query/code'],
  ])('%s is a 400 that names it', async (_what, query, pointer) => {
    for (const provider of ['github', 'keycloak']) {
      const page = await open().send(`https://api.test/auth/oauth/${provider}/callback${query}`);
      await refused(page, 400);
      expect(json(page).errors?.[0]).toMatchObject({ pointer });
    }
  });

  it('works once, of ten at the same time one', async () => {
    for (const provider of ['github', 'keycloak']) {
      const browser = open();
      const callback = await callbackOf(provider, 'jane', { browser, variables: {} });
      await account('jane-at-github', {});
      const pages = await Promise.all(Array.from({ length: 10 }, () => browser.send(callback)));
      const statuses = pages.map((page) => page.status).toSorted();
      // Whom GitHub's Jane is nobody has said, so that hers is refused: once, the others never got that far.
      expect(statuses).toEqual(
        provider === 'github' ? [...Array(9).fill(401), 403] : [200, ...Array(9).fill(401)],
      );
      await refused(await browser.send(callback), 401);
    }
  });

  it('of another browser is refused, and stays good for the one that began', async () => {
    const before = await footprint();
    const browser = open();
    const callback = await callbackOf('keycloak', 'jane', { browser });
    const victim = open();
    await victim.send('https://api.test/auth/oauth/keycloak/authorize');
    const page = await victim.send(callback);
    await refused(page, 401);
    expect(json(page).detail).toContain('begin again');
    expect(await footprint()).toEqual(before);
    expect((await lastFailure()).detail).toMatchObject({ method: 'keycloak', reason: json(page).detail });
    expect(json(await browser.send(callback))).toEqual(TOKENS);
  });

  it('with a state of another sign-on of the same browser is refused by its nonce', async () => {
    const browser = open();
    const [one, two] = [
      new URL(await callbackOf('keycloak', 'jane', { browser })),
      new URL(await callbackOf('keycloak', 'jane', { browser })),
    ];
    one.searchParams.set('code', two.searchParams.get('code')!);
    await refused(await browser.send(one.href), 401);
  });

  it.each(['a;b=c', 'é', '\u0000', ' ', "' OR 1=1 --", 'x'.repeat(200)])(
    'with the state %j, which nobody was given, is refused',
    async (state) => {
      const query = new URLSearchParams({ state, code: 'x' });
      await refused(await open().send(`https://api.test/auth/oauth/keycloak/callback?${query}`), 401);
    },
  );

  it('at another provider is refused', async () => {
    const browser = open();
    const callback = await callbackOf('keycloak', 'jane', { browser });
    await refused(await browser.send(callback.replace('/keycloak/', '/gitlab/')), 401);
    expect(json(await browser.send(callback))).toEqual(TOKENS);
  });

  it('comes too late after ten minutes', async () => {
    const browser = open();
    const callback = await callbackOf('keycloak', 'jane', { browser });
    const past = (seconds: number) => new Date(Date.now() + seconds * 1000).toISOString();
    const { expires_at } = (await env.DB.prepare(
      'SELECT max(expires_at) AS expires_at FROM sign_ons',
    ).first())!;
    expect(Math.abs(Date.parse(String(expires_at)) - Date.parse(past(600)))).toBeLessThan(60_000);
    await env.DB.prepare('UPDATE sign_ons SET expires_at = ?').bind(past(-1)).run();
    await refused(await browser.send(callback), 401);
    await browser.send('https://api.test/auth/oauth/keycloak/authorize');
    expect(await count('sign_ons')).toBe(1);
  });

  it('with an error of the provider repeats it, if it is one, and ends the sign-on', async () => {
    for (const [error, shown] of [
      ['access_denied', 'access_denied'],
      ['<script>alert(1)</script>', 'no reason'],
    ]) {
      const browser = open();
      const callback = new URL(await callbackOf('keycloak', 'jane', { browser }));
      const code = callback.searchParams.get('code')!;
      callback.searchParams.delete('code');
      callback.searchParams.set('error', error!);
      const page = await browser.send(callback.href);
      await refused(page, 401);
      expect(json(page).detail).toContain(shown);
      expect(page.text).not.toContain('<script>');
      callback.searchParams.delete('error');
      callback.searchParams.set('code', code);
      await refused(await browser.send(callback.href), 401);
    }
  });

  it('with a code that is none is refused', async () => {
    for (const provider of ['github', 'keycloak', 'gitlab', 'google']) {
      const browser = open();
      const callback = new URL(await callbackOf(provider, 'jane', { browser }));
      callback.searchParams.set('code', 'made-up');
      await refused(await browser.send(callback.href), 401);
    }
  });

  it('that says it is of another issuer is refused', async () => {
    const browser = open();
    const callback = new URL(await callbackOf('keycloak', 'jane', { browser }));
    expect(callback.searchParams.get('iss')).toBe(`${url}/realms/main`);
    callback.searchParams.set('iss', 'https://evil.example');
    await refused(await browser.send(callback.href), 401);
  });

  it.each([
    'another nonce',
    'no nonce',
    'another issuer',
    'another audience',
    'an audience beside ours, and another party',
    'no subject',
    'an expiry of a minute ago',
    'a beginning in an hour',
    'alg none',
    'the secret as key',
    'the key of another',
    'a key that nobody published',
    'nothing that is a token',
    'no ID token',
  ])('for which the provider sends a token with %s is refused, and makes nothing', async (how) => {
    const browser = open();
    const callback = await callbackOf('keycloak', 'jane', { browser });
    const before = await footprint();
    await tamper(how);
    const page = await browser.send(callback).finally(() => tamper(null));
    await refused(page, 401);
    expect(page.text).not.toContain('eyJ');
    expect(await footprint()).toEqual(before);
    expect((await lastFailure()).detail).toMatchObject({ method: 'keycloak' });
  });

  it('takes a token that was changed in nothing: what the cases above refuse is their one change', async () => {
    const browser = open();
    const callback = await callbackOf('keycloak', 'jane', { browser });
    await tamper('nothing');
    const page = await browser.send(callback).finally(() => tamper(null));
    expect(json(page)).toEqual(TOKENS);
  });

  it.each([
    'token endpoint fails',
    'token endpoint answers a page',
    'token endpoint does not end',
    'token endpoint redirects',
    'discovery fails',
    'discovery is no JSON',
    'discovery is of another issuer',
    'discovery has no endpoints',
    'discovery points inside',
  ])('is a 502 when %s', async (how) => {
    for (const provider of how === 'token endpoint fails' ? ['keycloak', 'github'] : ['keycloak']) {
      const browser = open();
      const callback = await callbackOf(provider, 'jane', { browser });
      await tamper(how);
      const page = await browser.send(callback).finally(() => tamper(null));
      await refused(page, 502);
      expect(json(page).error_code).toBe('UPSTREAM_ERROR');
    }
  });

  it('is a 502 when the provider does not take our secret', async () => {
    for (const [name, provider] of [
      ['KEYCLOAK', 'keycloak'],
      ['GITHUB', 'github'],
    ]) {
      const variables = { [`OAUTH_${name}_CLIENT_SECRET`]: 'another' };
      await refused(await signOn(provider!, 'jane', { variables }), 502);
    }
  });
});

describe('authorize', () => {
  const authorize = (provider: string, query = '', variables: Record<string, string> = {}) =>
    open(variables).send(`https://api.test/auth/oauth/${provider}/authorize${query}`);

  it('is a 404 for a provider that there is not', async () => {
    for (const provider of ['facebook', 'GITHUB', '__proto__', 'constructor', 'github%2F..']) {
      for (const rest of ['authorize', 'callback?state=x&code=y']) {
        const page = await open().send(`https://api.test/auth/oauth/${provider}/${rest}`);
        expect(page.status, `${provider} ${rest}`).toBe(404);
      }
    }
  });

  it.each([
    ['github', 'OAUTH_GITHUB_CLIENT_ID'],
    ['github', 'OAUTH_GITHUB_CLIENT_SECRET'],
    ['google', 'OAUTH_GOOGLE_CLIENT_ID'],
    ['google', 'OAUTH_GOOGLE_CLIENT_SECRET'],
    ['gitlab', 'OAUTH_GITLAB_CLIENT_ID'],
    ['gitlab', 'OAUTH_GITLAB_CLIENT_SECRET'],
    ['keycloak', 'OAUTH_KEYCLOAK_CLIENT_ID'],
    ['keycloak', 'OAUTH_KEYCLOAK_CLIENT_SECRET'],
    ['keycloak', 'OAUTH_KEYCLOAK_SERVER_URL'],
    ['keycloak', 'OAUTH_KEYCLOAK_REALM'],
  ])('of %s is a 503 that names %s when it is not set', async (provider, variable) => {
    for (const rest of ['authorize', 'callback?state=x&code=y']) {
      const browser = open({ [variable]: '' });
      const page = await browser.send(`https://api.test/auth/oauth/${provider}/${rest}`);
      expect([page.status, json(page).error_code]).toEqual([503, 'NOT_CONFIGURED']);
      expect(json(page).detail).toContain(variable);
    }
  });

  it('is a 502 when the provider is down, or is not what it should be', async () => {
    const nobody = 'http://127.0.0.1:9';
    for (const variables of [
      { OAUTH_KEYCLOAK_SERVER_URL: nobody },
      { OAUTH_KEYCLOAK_REALM: 'of-nobody' },
      { OAUTH_KEYCLOAK_REALM: '../gitlab' },
    ]) {
      const page = await authorize('keycloak', '', variables as unknown as Record<string, string>);
      expect([page.status, json(page).error_code]).toEqual([502, 'UPSTREAM_ERROR']);
    }
    for (const how of ['discovery fails', 'discovery has no endpoints']) {
      await tamper(how);
      const page = await authorize('keycloak').finally(() => tamper(null));
      expect(page.status, how).toBe(502);
    }
  });

  it('asks nobody on behalf of the deployment that it is itself', async () => {
    const page = await authorize('keycloak', '', {
      OAUTH_KEYCLOAK_SERVER_URL: 'http://127.0.0.1:8787',
      PORT: '8787',
    });
    expect([page.status, json(page).detail]).toEqual([
      502,
      expect.stringContaining('this deployment itself'),
    ]);
  });

  it('gives a cookie that is the host’s own, and that no script reads', async () => {
    const page = await authorize('github');
    expect(page.headers.getSetCookie()).toEqual([
      expect.stringMatching(
        /^__Host-sightline-sign-on-[\w-]{16}=[\w-]{43}; Max-Age=600; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
      ),
    ]);
    const browser = open();
    const local = await browser.send('http://127.0.0.1:8787/auth/oauth/github/authorize');
    expect(local.headers.getSetCookie()).toEqual([
      expect.stringMatching(
        /^sightline-sign-on-[\w-]{16}=[\w-]{43}; Max-Age=600; Path=\/; HttpOnly; SameSite=Lax$/,
      ),
    ]);
  });

  it('takes the cookie back when it has served', async () => {
    const browser = open();
    await signOn('keycloak', 'jane', { browser });
    expect([...browser.cookies.get('api.test')!.keys()]).toEqual([]);
  });

  it('counts as anonymous requests do', async () => {
    for (const page of [
      await authorize('github'),
      await open().send('https://api.test/auth/oauth/github/callback?state=x&code=y'),
      await call('/auth/exchange', { body: { code: 'x' } }),
    ]) {
      expect(page.headers.get('ratelimit-policy')).toBe('"anonymous";q=100;w=3600');
    }
  });

  it('refuses to run with people in SSO_ALLOWED', async () => {
    const page = await authorize('github', '', { SSO_ALLOWED: 'corp.example, jane@corp.example' });
    expect([page.status, json(page).detail]).toEqual([503, expect.stringContaining('SSO_ALLOWED')]);
  });

  it('names the deployment as BACKEND_URL does', async () => {
    const page = await authorize('github', '', { BACKEND_URL: 'https://code.corp.example/' });
    const asked = new URL(page.headers.get('location')!).searchParams;
    expect(asked.get('redirect_uri')).toBe('https://code.corp.example/auth/oauth/github/callback');
    for (const returnTo of ['https://code.corp.example/in', 'https://api.test/in', '/in']) {
      const query = `?return_to=${encodeURIComponent(returnTo)}`;
      expect((await authorize('github', query, { BACKEND_URL: 'https://code.corp.example' })).status).toBe(
        302,
      );
    }
  });

  it.each([
    'https://evil.example',
    'https://evil.example/https://app.example',
    '//evil.example',
    '/\\evil.example',
    '\\\\evil.example',
    '/\t/evil.example',
    'https:evil.example',
    'https://app.example.evil.example/',
    'https://app.example@evil.example/',
    'https://user:word@app.example/',
    'http://app.example/',
    'https://app.example:8443/',
    'http://localhost:5174/',
    'javascript:alert(1)',
    'data:text/html,x',
    'file:///etc/passwd',
    'blob:https://app.example/x',
    '*',
    '%',
    'welcome',
    'https://',
    `https://app.example/${'x'.repeat(2048)}`,
  ])('leads back to no page that is not ours: %s', async (returnTo) => {
    const page = await authorize('github', `?return_to=${encodeURIComponent(returnTo)}`);
    expect(page.status, returnTo).toBe(400);
    expect(json(page).errors?.[0]).toMatchObject({ pointer: 'query/return_to' });
  });
});

describe('a login with return_to', () => {
  const exchange = (code: unknown) => call('/api/v1/auth/exchange', { body: { code } });

  it('ends at the page with a code, which is good once for tokens', async () => {
    for (const [returnTo, start] of [
      [
        'https://app.example/in?next=%2Frepos&code=old#top',
        /^https:\/\/app\.example\/in\?next=%2Frepos&code=[\w-]{43}#top$/,
      ],
      ['http://localhost:5173/', /^http:\/\/localhost:5173\/\?code=[\w-]{43}$/],
      ['/welcome', /^https:\/\/api\.test\/welcome\?code=[\w-]{43}$/],
      ['https://api.test/welcome', /^https:\/\/api\.test\/welcome\?code=[\w-]{43}$/],
    ] as const) {
      const page = await signOn('keycloak', 'jane', { returnTo, before: /localhost|welcome/ });
      expect(page.status).toBe(302);
      expect([page.text, page.headers.get('cache-control')]).toEqual(['', 'no-store']);
      const location = page.headers.get('location')!;
      expect(location).toMatch(start);
      const code = new URL(location).searchParams.get('code');
      const answers = await Promise.all(Array.from({ length: 5 }, () => exchange(code)));
      expect(answers.map((each) => each.status).toSorted()).toEqual([200, 401, 401, 401, 401]);
      const tokens = answers.find((each) => each.status === 200)!;
      expect(tokens.body).toEqual(TOKENS);
      expect(tokens.headers.get('cache-control')).toBe('no-store');
      expect((await profile(tokens.body)).email).toBe('jane@corp.example');
    }
  });

  it('gives a code for a minute, and to nobody who is disabled meanwhile', async () => {
    const codeOf = async () => {
      const page = await signOn('keycloak', 'jane', { returnTo: 'https://app.example/' });
      return new URL(page.headers.get('location')!).searchParams.get('code');
    };
    const late = await codeOf();
    const past = new Date(Date.now() - 1000).toISOString();
    await env.DB.prepare('UPDATE sign_on_codes SET expires_at = ?').bind(past).run();
    expect((await exchange(late)).status).toBe(401);
    const code = await codeOf();
    await env.DB.prepare("UPDATE users SET disabled = 1 WHERE email = 'jane@corp.example'").run();
    expect((await exchange(code)).status).toBe(401);
    await env.DB.prepare('UPDATE users SET disabled = 0').run();
  });

  it('opens no session before its code is exchanged', async () => {
    const before = await count('sessions');
    await signOn('keycloak', 'jane', { returnTo: 'https://app.example/' });
    expect(await count('sessions')).toBe(before);
  });

  it.each([{}, { code: '' }, { code: 7 }, { code: 'x'.repeat(201) }, { code: 'x', role: 'admin' }])(
    'takes no exchange of %j',
    async (body) => {
      expect((await call('/auth/exchange', { body })).status).toBe(400);
    },
  );
});

describe('a login by GitHub', () => {
  const octocat = (more: object = {}) => ({
    id: 583231,
    emails: [
      { email: 'octocat@home.example', primary: true, verified: true },
      { email: 'octocat@corp.example', primary: false, verified: true },
    ],
    orgs: [],
    ...more,
  });

  it('leads to tokens and an account by the number of the user, whatever the login is by now', async () => {
    await account('octocat', octocat());
    const page = await signOn('github', 'octocat');
    expect([page.status, json(page)]).toEqual([200, TOKENS]);
    const me = await profile(json(page));
    expect(me).toMatchObject({ username: 'octocat', email: 'octocat@home.example' });
    await account('renamed', octocat());
    expect((await profile(json(await signOn('github', 'renamed', { at: 'https://api.test' })))).id).toBe(
      me.id,
    );
    // The login is free again, and somebody else takes it.
    await account('octocat', octocat({ id: 7 }));
    const other = await profile(json(await signOn('github', 'octocat')));
    expect(other.id).not.toBe(me.id);
    expect(other.username).toBe('octocat-2');
    const { issuer } = (await env.DB.prepare(
      "SELECT issuer FROM identities WHERE subject = '583231'",
    ).first())!;
    expect(issuer).toBe(`${url}/github`);
  });

  it.each([
    ['https://api.github.com', 'https://github.com'],
    ['https://api.corp.ghe.com', 'https://corp.ghe.com'],
    ['https://github.corp.example/api/v3', 'https://github.corp.example'],
    ['https://corp.example:8443/git/api/v3', 'https://corp.example:8443/git'],
    ['http://127.0.0.1:3000', 'http://127.0.0.1:3000'],
  ])('of the API at %s signs people in at %s', async (api, web) => {
    const page = await open({ GITHUB_API_URL: `${api}/` }).send(
      'https://api.test/auth/oauth/github/authorize',
    );
    const location = new URL(page.headers.get('location')!);
    expect(location.origin + location.pathname).toBe(`${web}/login/oauth/authorize`);
  });

  it('asks with PKCE, and for organisations only where they matter', async () => {
    const asked = async (allowed: string) => {
      const browser = open({ SSO_ALLOWED: allowed });
      const page = await browser.send('https://api.test/auth/oauth/github/authorize');
      return new URL(page.headers.get('location')!);
    };
    const location = await asked('corp.example');
    expect(location.origin + location.pathname).toBe(`${url}/github/login/oauth/authorize`);
    expect(Object.fromEntries(location.searchParams)).toEqual({
      client_id: CLIENT.id,
      redirect_uri: 'https://api.test/auth/oauth/github/callback',
      scope: 'read:user user:email',
      state: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge_method: 'S256',
    });
    expect((await asked('acme')).searchParams.get('scope')).toBe('read:user user:email read:org');
  });

  it('lets members of an organisation in, be it the last of many', async () => {
    const orgs = Array.from({ length: 130 }, (_, at) => `org-${at}`);
    await account('member', octocat({ id: 8, emails: [], orgs: [...orgs, 'Acme'] }));
    expect(await profile(json(await signOn('github', 'member')))).toMatchObject({
      username: 'member',
      email: null,
    });
    await account('stranger', octocat({ id: 9, emails: [], orgs }));
    expect((await signOn('github', 'stranger')).status).toBe(403);
    // Left: refused from the next sign-on on.
    await account('member', octocat({ id: 8, emails: [], orgs }));
    expect((await signOn('github', 'member')).status).toBe(403);
  });

  it('takes no address that GitHub has not verified', async () => {
    await account(
      'liar',
      octocat({ id: 10, emails: [{ email: 'x@corp.example', primary: true, verified: false }] }),
    );
    expect((await signOn('github', 'liar')).status).toBe(403);
  });

  it('that the user denies is a 401', async () => {
    const browser = open();
    const form = await browser.go('https://api.test/auth/oauth/github/authorize');
    const page = await browser.submit(form, { login: 'octocat', decision: 'deny' });
    expect([page.status, json(page).detail]).toEqual([401, expect.stringContaining('access_denied')]);
  });
});
