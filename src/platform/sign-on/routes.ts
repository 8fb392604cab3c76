/** `/auth/oauth/*` and `/auth/exchange`: logins by an identity provider. Served below /api/v1 and at the root. */
import type { Context } from 'hono';
import { getCookie, setCookie } from 'hono/cookie';
import { type AppEnv, feature, header, json, route } from '../../http/feature.ts';
import { originOf } from '../accounts/audit.ts';
import { tokenResponse } from '../accounts/schemas.ts';
import { authorizeQuery, callbackQuery, exchangeRequest, providerParam } from './schemas.ts';
import {
  beginSignOn,
  completeSignOn,
  exchangeCode,
  judgeReturnTo,
  providerNamed,
  SIGN_ON_SECONDS,
} from './sign-on.ts';

const NO_STORE = { 'cache-control': 'no-store' };
const tags = ['Authentication'];
const tokens = { description: 'The tokens', content: json(tokenResponse) };

const authorize = route({
  method: 'get',
  path: '/auth/oauth/{provider}/authorize',
  operationId: 'authorizeOAuth',
  scope: 'public',
  tags,
  summary: 'Log in by an identity provider: open this in a browser',
  description:
    'The browser goes to the provider and comes back to the callback beside this address. Register that with the provider.',
  errors: ['upstream', 'not_configured'],
  request: { params: providerParam, query: authorizeQuery },
  responses: {
    302: {
      description: 'To the provider, with a cookie that binds the sign-on to this browser',
      headers: {
        Location: header(
          'Where the provider asks who you are.',
          'https://github.com/login/oauth/authorize?…',
        ),
      },
    },
  },
});

const callback = route({
  method: 'get',
  path: '/auth/oauth/{provider}/callback',
  operationId: 'completeOAuth',
  scope: 'public',
  tags,
  summary: 'Where the provider sends the browser back to',
  description:
    'Accounts are known by issuer and subject. Whose first sign-on this is gets the account that an admin created with the same, verified e-mail address, or a new one if `SSO_ALLOWED` has their domain or organisation.',
  errors: ['unauthorized', 'forbidden', 'upstream', 'not_configured'],
  request: { params: providerParam, query: callbackQuery },
  responses: {
    200: tokens,
    302: {
      description: 'To `return_to`, with a `code` for `POST /auth/exchange`',
      headers: {
        Location: header('`return_to`, with the code.', 'https://app.example.com/signed-in?code=q3Jm0w'),
      },
    },
  },
});

const exchange = route({
  method: 'post',
  path: '/auth/exchange',
  operationId: 'exchangeCode',
  scope: 'public',
  tags,
  summary: 'Exchange the code of a browser login for tokens',
  description: 'The code that `return_to` was given: good once, for a minute.',
  errors: ['unauthorized'],
  request: { body: { required: true, content: json(exchangeRequest) } },
  responses: { 200: tokens },
});

export const signOnRoutes = feature();

signOnRoutes.openapi(authorize, async (c) => {
  const { services } = c.var;
  const provider = providerNamed(services, c.req.valid('param').provider);
  const { return_to } = c.req.valid('query');
  const base = baseOf(c);
  const own: [string, string] = [base, new URL(c.req.url).origin];
  const returnTo = return_to === undefined ? null : judgeReturnTo(services.config, own, return_to);
  // The callback of the mount that was asked.
  const mount = c.req.path.startsWith('/api/v1/') ? '/api/v1' : '';
  const redirectUri = `${base}${mount}/auth/oauth/${provider.name}/callback`;
  const begun = await beginSignOn(services, provider, { redirectUri, returnTo });
  keep(c, begun.state, begun.cookie);
  return leave(c, begun.location);
});

signOnRoutes.openapi(callback, async (c) => {
  const { services } = c.var;
  const { state } = c.req.valid('query');
  const provider = providerNamed(services, c.req.valid('param').provider);
  const query = new URL(c.req.url).searchParams;
  const cookie = getCookie(c, ...cookieName(c, state)) ?? null;
  const outcome = await completeSignOn(services, originOf(c), provider, { state, cookie, query });
  keep(c, state, null);
  return 'location' in outcome ? leave(c, outcome.location) : c.json(outcome, 200, NO_STORE);
});

signOnRoutes.openapi(exchange, async (c) => {
  const { code } = c.req.valid('json');
  return c.json(await exchangeCode(c.var.services, originOf(c), code), 200, NO_STORE);
});

/** The origin that browsers know this deployment by. */
function baseOf(c: Context<AppEnv>): string {
  return c.var.services.config.backendUrl ?? new URL(c.req.url).origin;
}

/** A redirect; the contract's type knows only answers with a body. */
function leave(c: Context<AppEnv>, to: string): never {
  c.header('cache-control', 'no-store');
  return c.redirect(to, 302) as never;
}

/** One a sign-on, so that two tabs do not end each other's. Over plain http, as on one's own machine, it cannot be `__Host-`. */
function cookieName(c: Context<AppEnv>, state: string): [name: string, prefix?: 'host'] {
  const name = `sightline-sign-on-${state.slice(0, 16)}`;
  return baseOf(c).startsWith('https:') ? [name, 'host'] : [name];
}

/** Gives the browser a cookie for the length of a sign-on, or takes it away. */
function keep(c: Context<AppEnv>, state: string, value: string | null): void {
  const [name, prefix] = cookieName(c, state);
  setCookie(c, name, value ?? '', {
    path: '/',
    httpOnly: true,
    sameSite: 'Lax',
    maxAge: value === null ? 0 : SIGN_ON_SECONDS,
    ...(prefix ? { prefix, secure: true } : {}),
  });
}
