/** `/auth/*`: logins, sessions, socket tickets. Served below /api/v1 and at the root. */
import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { requireMatch } from '../../http/etag.ts';
import { type AppEnv, feature, json, route } from '../../http/feature.ts';
import { signedIn } from '../../http/identity.ts';
import { setPage, slice, type Window, windowOf } from '../../http/pagination.ts';
import { listSessions } from '../../store/sessions.ts';
import { originOf } from './audit.ts';
import { ensureAdmin } from './first-admin.ts';
import { ldapLogin } from './ldap/login.ts';
import { RESET_CSP, RESET_PAGE } from './reset-page.ts';
import {
  idParam,
  ldapRequest,
  loginRequest,
  refreshRequest,
  resetRequest,
  sessionList,
  sessionsQuery,
  ticketResponse,
  tokenResponse,
} from './schemas.ts';
import { endSession, endSessions, login, logout, refresh, socketTicket } from './sessions.ts';
import { redeemResetLink } from './users.ts';

const NO_STORE = { 'cache-control': 'no-store' };
const tags = ['Authentication'];

const tokens = { 200: { description: 'The tokens', content: json(tokenResponse) } };
const signIn = {
  method: 'post' as const,
  scope: 'public' as const,
  tags,
  limits: ['auth-ip' as const],
  errors: ['unauthorized' as const, 'unavailable' as const],
  request: { body: { required: true, content: json(loginRequest) } },
  responses: tokens,
};

const token = route({
  ...signIn,
  path: '/auth/token',
  operationId: 'createToken',
  summary: 'Log in with username and password',
});
const loginRoute = route({
  ...signIn,
  path: '/auth/login',
  operationId: 'login',
  summary: 'Log in; the same as /auth/token',
});

const ldap = route({
  ...signIn,
  path: '/auth/ldap',
  operationId: 'loginLdap',
  summary: 'Log in with username and password of the LDAP directory or Active Directory',
  description:
    'Answers as `/auth/token` does. The first login makes an account, unless an admin made one with an e-mail address' +
    ' of the entry; its role follows the groups that `LDAP_ROLE_MAP` names, at every login.',
  errors: ['unauthorized', 'forbidden', 'upstream', 'not_configured', 'unavailable'],
  request: { body: { required: true, content: json(ldapRequest) } },
});

const refreshRoute = route({
  method: 'post',
  path: '/auth/refresh',
  scope: 'public',
  tags,
  operationId: 'refreshToken',
  summary: 'Exchange a refresh token for a new pair',
  description: 'Each refresh token works once. Using one again ends the session it belongs to.',
  errors: ['unauthorized'],
  request: { body: { required: true, content: json(refreshRequest) } },
  responses: tokens,
});

const logoutRoute = route({
  method: 'post',
  path: '/auth/logout',
  scope: 'signed-in',
  tags,
  operationId: 'logout',
  summary: 'End this session: its tokens, sockets and streams',
  responses: { 204: { description: 'Its tokens no longer work' } },
});

const ticket = route({
  method: 'post',
  path: '/auth/ws-ticket',
  scope: 'signed-in',
  tags,
  operationId: 'createWebSocketTicket',
  summary: 'A single-use ticket for one WebSocket upgrade, good for 30 s',
  responses: { 200: { description: 'The ticket', content: json(ticketResponse) } },
});

const listRoute = route({
  method: 'get',
  path: '/auth/sessions',
  scope: 'admin:system',
  tags,
  operationId: 'listLoginSessions',
  summary: 'Your sessions, latest refreshed first',
  etag: true,
  request: { query: sessionsQuery },
  responses: { 200: { description: 'Sessions', content: json(sessionList) } },
});

const endAll = route({
  method: 'delete',
  path: '/auth/sessions',
  scope: 'admin:system',
  tags,
  operationId: 'endAllLoginSessions',
  summary: 'End all your sessions, this one included',
  etag: true,
  responses: { 204: { description: 'Their tokens no longer work' } },
});

const endOne = route({
  method: 'delete',
  path: '/auth/sessions/{id}',
  scope: 'admin:system',
  tags,
  operationId: 'endLoginSession',
  summary: 'End one of your sessions',
  request: { params: idParam('session') },
  responses: { 204: { description: 'Its tokens no longer work' } },
});

const reset = route({
  method: 'post',
  path: '/auth/reset-password',
  scope: 'public',
  tags,
  errors: ['unauthorized', 'unavailable'],
  operationId: 'resetPassword',
  summary: 'Set a password with a reset link, once',
  description:
    'An admin makes the link with `POST /users/{id}/reset-password`. Every session of the user ends.',
  request: { body: { required: true, content: json(resetRequest) } },
  responses: { 204: { description: 'The password is set' } },
});

const resetPage = route({
  method: 'get',
  path: '/auth/reset-password',
  scope: 'public',
  tags,
  operationId: 'showResetPage',
  summary: 'The page that a reset link opens',
  responses: { 200: { description: 'A form', content: { 'text/html': { schema: z.string() } } } },
});

export const authRoutes = feature();

for (const contract of [token, loginRoute]) {
  authRoutes.openapi(contract, async (c) => {
    const { services } = c.var;
    await ensureAdmin(services);
    return c.json(await login(services, originOf(c), c.req.valid('json')), 200, NO_STORE);
  });
}

authRoutes.openapi(ldap, async (c) =>
  c.json(await ldapLogin(c.var.services, originOf(c), c.req.valid('json')), 200, NO_STORE),
);

authRoutes.openapi(refreshRoute, async (c) => {
  const { refresh_token } = c.req.valid('json');
  return c.json(await refresh(c.var.services, originOf(c), refresh_token), 200, NO_STORE);
});

authRoutes.openapi(logoutRoute, async (c) => {
  await logout(c.var.services, originOf(c), c.var.caller);
  return c.body(null, 204);
});

authRoutes.openapi(ticket, async (c) =>
  c.json(await socketTicket(c.var.services, c.var.caller), 200, NO_STORE),
);

authRoutes.openapi(listRoute, async (c) => {
  const window = windowOf(c.req.valid('query'));
  const { list, total } = await sessionsOf(c, window);
  setPage(c, window, total);
  return c.json(list, 200);
});

authRoutes.openapi(endAll, async (c) => {
  const { userId, username } = signedIn(c.var.caller);
  const { list, total } = await sessionsOf(c, windowOf({}));
  await requireMatch(c, list, total);
  await endSessions(c.var.services, originOf(c), { id: userId, username: username ?? userId });
  return c.body(null, 204);
});

authRoutes.openapi(endOne, async (c) => {
  const { userId } = signedIn(c.var.caller);
  await endSession(c.var.services, originOf(c), userId, c.req.valid('param').id);
  return c.body(null, 204);
});

authRoutes.openapi(reset, async (c) => {
  await redeemResetLink(c.var.services, originOf(c), c.req.valid('json'));
  return c.body(null, 204);
});

authRoutes.openapi(
  resetPage,
  (c) =>
    c.html(RESET_PAGE, 200, { 'content-security-policy': RESET_CSP, 'cache-control': 'no-store' }) as never,
);

/** A page of the caller's sessions, as the API shows it. */
async function sessionsOf(c: Context<AppEnv>, window: Window) {
  const { services, caller } = c.var;
  const rows = await listSessions(services.db, signedIn(caller).userId, services.clock().toISOString());
  const items = slice(rows, window).map((row) => ({
    id: row.id,
    method: row.method,
    scopes: row.scopes,
    created_at: row.createdAt,
    refreshed_at: row.refreshedAt,
    expires_at: row.expiresAt,
    current: caller.via === 'token' && row.id === caller.credentialId,
  }));
  const total = rows.length;
  return { list: { items, total, page: window.page, per_page: window.perPage }, total };
}
