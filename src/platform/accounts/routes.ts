import { Problem } from '../../errors.ts';
import { feature, route } from '../../http/feature.ts';
import { signedIn } from '../../http/identity.ts';
import { findProfile } from '../../store/accounts.ts';
import { ensureAdmin } from './first-admin.ts';
import { loginRequest, refreshRequest, ticketResponse, tokenResponse, userProfile } from './schemas.ts';
import { login, logout, refresh, socketTicket } from './sessions.ts';

const NO_STORE = { 'cache-control': 'no-store' };

const tokens = {
  200: { description: 'The tokens', content: { 'application/json': { schema: tokenResponse } } },
};
const credentials = {
  body: { required: true, content: { 'application/json': { schema: loginRequest } } },
};
const signIn = {
  method: 'post' as const,
  scope: 'public' as const,
  tags: ['Authentication'],
  limits: ['auth-ip' as const],
  errors: ['unauthorized' as const],
  request: credentials,
  responses: tokens,
};

const token = route({ ...signIn, path: '/auth/token', summary: 'Log in with username and password' });
const loginRoute = route({ ...signIn, path: '/auth/login', summary: 'Log in; the same as /auth/token' });

const refreshRoute = route({
  method: 'post',
  path: '/auth/refresh',
  scope: 'public',
  tags: ['Authentication'],
  summary: 'Exchange a refresh token for a new pair',
  description: 'Each refresh token works once. Using one again ends the session it belongs to.',
  errors: ['unauthorized'],
  request: { body: { required: true, content: { 'application/json': { schema: refreshRequest } } } },
  responses: tokens,
});

const logoutRoute = route({
  method: 'post',
  path: '/auth/logout',
  scope: 'signed-in',
  tags: ['Authentication'],
  summary: 'End this session',
  responses: { 204: { description: 'Its tokens no longer work' } },
});

const ticket = route({
  method: 'post',
  path: '/auth/ws-ticket',
  scope: 'signed-in',
  tags: ['Authentication'],
  summary: 'A single-use ticket for one WebSocket upgrade, good for 30 s',
  responses: {
    200: { description: 'The ticket', content: { 'application/json': { schema: ticketResponse } } },
  },
});

const me = route({
  method: 'get',
  path: '/users/me',
  scope: 'admin:system',
  tags: ['Users'],
  summary: 'Who you are and what you may do',
  etag: true,
  responses: { 200: { description: 'You', content: { 'application/json': { schema: userProfile } } } },
});

/** `/auth/*`, served below /api/v1 and at the root. */
export const authRoutes = feature();

for (const contract of [token, loginRoute]) {
  authRoutes.openapi(contract, async (c) => {
    const { services } = c.var;
    await ensureAdmin(services);
    return c.json(await login(services, c.req.valid('json')), 200, NO_STORE);
  });
}

authRoutes.openapi(refreshRoute, async (c) => {
  return c.json(await refresh(c.var.services, c.req.valid('json').refresh_token), 200, NO_STORE);
});

authRoutes.openapi(logoutRoute, async (c) => {
  await logout(c.var.services, c.var.caller);
  return c.body(null, 204);
});

authRoutes.openapi(ticket, async (c) =>
  c.json(await socketTicket(c.var.services, c.var.caller), 200, NO_STORE),
);

export const userRoutes = feature();

userRoutes.openapi(me, async (c) => {
  const profile = await findProfile(c.var.services.env.DB, signedIn(c.var.caller).userId);
  if (!profile) throw new Problem('unauthorized', 'This account no longer exists.');
  return c.json(profile, 200);
});
