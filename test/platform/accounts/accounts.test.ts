import { createExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { SignJWT } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../../src/ids.ts';
import { verifyPassword } from '../../../src/platform/accounts/passwords.ts';
import { createApp } from '../../../workers/api/app.ts';
import { ADMIN, ADMIN_KEY, asAdmin, call, login, read, request, withVariables } from '../../http/call.ts';

const ME = '/api/v1/users/me';
const SECRET = new TextEncoder().encode('a-secret-of-the-test-suite-that-is-long-enough');

const bearer = (token: unknown) => ({ authorization: `Bearer ${token}` });
const me = (headers: Record<string, string>) => call(ME, { headers });
const refresh = (token: unknown) => call('/api/v1/auth/refresh', { body: { refresh_token: token } });

interface Forgery {
  alg?: string;
  typ?: string;
  issuer?: string;
  audience?: string;
  expiresAt?: number;
  key?: Uint8Array;
  header?: Record<string, string>;
}

/** A token for a real session that differs from ours in what the forgery names. */
async function forge(access: unknown, forgery: Forgery): Promise<string> {
  const claims = JSON.parse(atob(String(access).split('.')[1]!.replaceAll('-', '+').replaceAll('_', '/')));
  return new SignJWT({ sid: claims.sid, via: 'token' })
    .setProtectedHeader({ alg: forgery.alg ?? 'HS256', typ: forgery.typ ?? 'at+jwt', ...forgery.header })
    .setIssuer(forgery.issuer ?? 'sightline')
    .setAudience(forgery.audience ?? 'sightline-api')
    .setSubject(claims.sub)
    .setJti(claims.jti)
    .setIssuedAt(claims.iat)
    .setExpirationTime(forgery.expiresAt ?? claims.exp)
    .sign(forgery.key ?? SECRET);
}

describe('first boot', () => {
  it('creates one admin with a personal group and key, however many ask at once', async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => me(asAdmin)));
    expect(answers.map((answer) => answer.status)).toEqual(answers.map(() => 200));
    const { body } = answers[0]!;
    expect(body).toMatchObject({
      username: 'root',
      role: 'admin',
      groups: [{ name: 'root', role: 'admin' }],
    });
    expect(body.personal_group_id).toBe(body.groups?.[0]?.id);
    const counts = await env.DB.prepare(
      'SELECT (SELECT count(*) FROM users) AS users, (SELECT count(*) FROM groups) AS groups, (SELECT count(*) FROM api_keys) AS keys',
    ).first();
    expect(counts).toEqual({ users: 1, groups: 1, keys: 1 });
  });

  it('never changes the admin afterwards, whatever the variables say', async () => {
    const changed = {
      ...withVariables({ API_ADMIN_USERNAME: 'other', API_ADMIN_PASSWORD: 'another password' }),
      DB: {
        prepare: (sql: string) => env.DB.prepare(sql),
        batch: (all: D1PreparedStatement[]) => env.DB.batch(all),
      },
    };
    const body = { username: 'other', password: 'another password' };
    const answer = await read(
      await createApp().fetch(request('/auth/token', { body }), changed, createExecutionContext()),
    );
    expect(answer.status).toBe(401);
  });
});

describe('login', () => {
  it.each(['/api/v1/auth/token', '/api/v1/auth/login', '/auth/token', '/auth/login'])(
    '%s answers the documented token shape',
    async (path) => {
      const answer = await call(path, { body: ADMIN });
      expect(answer.status).toBe(200);
      expect(answer.headers.get('cache-control')).toBe('no-store');
      expect(answer.body).toEqual({
        access_token: expect.stringMatching(/^eyJ/),
        refresh_token: expect.stringMatching(/^eyJ/),
        token_type: 'bearer',
        expires_in: 1800,
      });
      expect((await me(bearer(answer.body.access_token))).body.username).toBe('root');
    },
  );

  it('says the same of a wrong password and of an unknown user, after the same work', async () => {
    const timed = async (credentials: typeof ADMIN) => {
      const started = performance.now();
      const { status, body } = await login(credentials);
      return { status, detail: body.detail, ms: performance.now() - started };
    };
    const wrong = await timed({ ...ADMIN, password: 'wrong' });
    const unknown = await timed({ ...ADMIN, username: 'nobody-of-that-name' });
    expect([wrong.status, unknown.status]).toEqual([401, 401]);
    expect(unknown.detail).toEqual(wrong.detail);
    expect(Math.max(wrong.ms, unknown.ms) / Math.min(wrong.ms, unknown.ms)).toBeLessThan(5);
  });

  it('counts every attempt of an address, and failures of an account until a success', async () => {
    const ip = '203.0.113.9';
    const attempt = (password: string) => call('/auth/token', { body: { username: 'Root', password }, ip });
    const statuses: number[] = [];
    for (let n = 0; n < 11; n++) statuses.push((await attempt(ADMIN.password)).status);
    expect(statuses).toEqual([...Array(10).fill(200), 429]);

    const guess = () => login({ username: 'victim', password: 'guess' });
    const guesses = await Promise.all(Array.from({ length: 14 }, guess));
    expect(guesses.filter((answer) => answer.status === 401)).toHaveLength(10);
    expect(guesses.filter((answer) => answer.status === 429)).toHaveLength(4);
  });

  it('looks at a bounded number of passwords at once, and puts off the rest', async () => {
    const cheap = `$scrypt$ln=1,r=1,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`;
    const flood = await Promise.allSettled(Array.from({ length: 40 }, () => verifyPassword('guess', cheap)));
    expect(flood.filter((each) => each.status === 'fulfilled')).toHaveLength(32);
    expect(flood.at(-1)).toMatchObject({ reason: { slug: 'unavailable', extras: { retryAfter: 5 } } });
    expect(await verifyPassword('guess', cheap)).toBe(false);
  });

  it('narrows a token to the scopes that were asked for', async () => {
    const narrow = await call('/auth/token', { body: { ...ADMIN, scope: 'repos:read' } });
    const answer = await me(bearer(narrow.body.access_token));
    expect(answer.status).toBe(403);
    expect(answer.body).toMatchObject({ error_code: 'FORBIDDEN', required_scope: 'admin:system' });
    const unknown = await call('/auth/token', { body: { ...ADMIN, scope: 'repos:read root:all' } });
    expect(unknown.status).toBe(400);
    expect(unknown.body.errors?.[0]).toMatchObject({ pointer: '/scope' });
  });
});

describe('identity', () => {
  let access: unknown;
  let refreshToken: unknown;
  beforeAll(async () => {
    ({ access_token: access, refresh_token: refreshToken } = (await login()).body);
  });

  it('takes the key as Bearer and as X-API-Key', async () => {
    expect((await me(asAdmin)).status).toBe(200);
    expect((await me(bearer(ADMIN_KEY))).status).toBe(200);
  });

  it('refuses nobody, wrong keys and other schemes with 401 and a challenge', async () => {
    const attempts: Record<string, string>[] = [
      {},
      { 'x-api-key': 'rak_0000000000000000000000000000000000000000' },
      { 'x-api-key': 'not-a-key' },
      { authorization: 'Basic cm9vdDpyb290' },
      { authorization: 'Bearer' },
      bearer('rak_'),
      bearer('x'.repeat(9000)),
    ];
    for (const headers of attempts) {
      const answer = await me(headers);
      expect(answer.status, JSON.stringify(headers).slice(0, 80)).toBe(401);
      expect(answer.headers.get('www-authenticate')).toContain('Bearer');
      expect(answer.body.error_code).toBe('UNAUTHORIZED');
    }
  });

  it('accepts a token that differs in nothing', async () => {
    expect((await me(bearer(await forge(access, {})))).status).toBe(200);
  });

  it.each<[string, Forgery]>([
    ['another algorithm', { alg: 'HS384' }],
    ['another issuer', { issuer: 'elsewhere' }],
    ['another audience', { audience: 'sightline-refresh' }],
    ['another type', { typ: 'JWT' }],
    ['another key', { key: new TextEncoder().encode('another-secret-that-is-long-enough-too') }],
    ['an expiry of one second ago', { expiresAt: Math.floor(Date.now() / 1000) - 1 }],
    ['a critical header that nobody knows', { header: { crit: 'exp' } }],
  ])('refuses a token with %s', async (_what, forgery) => {
    const token = await forge(access, forgery).catch(() => 'eyJhbGciOiJIUzI1NiJ9.e30.x');
    expect((await me(bearer(token))).status).toBe(401);
  });

  it('refuses alg none, a key id that points somewhere, and a swapped payload', async () => {
    const encode = (value: unknown) => btoa(JSON.stringify(value)).replaceAll('=', '');
    const [header, payload, signature] = String(access).split('.');
    const tokens = [
      `${encode({ alg: 'none', typ: 'at+jwt' })}.${payload}.`,
      `${encode({ alg: 'HS256', typ: 'at+jwt', kid: '../../dev/null' })}.${payload}.${signature}`,
      `${header}.${encode({ sub: newId(), sid: newId(), exp: 9999999999 })}.${signature}`,
    ];
    for (const token of tokens) expect((await me(bearer(token))).status).toBe(401);
  });

  it.each([
    ['a key of its own', { jwk: '{"kty":"oct","k":"AAAA"}' }],
    [
      'an address to fetch a key from',
      { jku: 'https://evil.example/keys.json', x5u: 'https://evil.example/x' },
    ],
    ['a key id that is SQL', { kid: "x' UNION SELECT 'AAAA" }],
    ['a payload that is not encoded', { b64: 'false' }],
  ])('takes %s in a header for nothing: the signature decides', async (_what, header) => {
    const forged = await forge(access, { header, key: new TextEncoder().encode('A'.repeat(32)) });
    expect((await me(bearer(forged))).status).toBe(401);
  });

  it('refuses a refresh token as access, and an access token as refresh', async () => {
    expect((await me(bearer(refreshToken))).status).toBe(401);
    expect((await refresh(access)).status).toBe(401);
  });

  it('reads revocation, expiry and disabling fresh at every request', async () => {
    const key = `rak_${'k'.repeat(40)}`;
    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(key));
    const hash = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
    const id = newId();
    await env.DB.prepare(
      `INSERT INTO api_keys (id, user_id, name, hash, prefix, scopes, created_at)
       SELECT ?, id, 'ci', ?, 'rak_kkkk', '["repos:read"]', '2026-01-01T00:00:00.000Z' FROM users LIMIT 1`,
    )
      .bind(id, hash)
      .run();
    const status = async () => (await call('/api/v1/status', { headers: { 'x-api-key': key } })).status;
    const set = (sql: string) => env.DB.prepare(sql).bind(id).run();
    expect(await status()).toBe(200);
    expect((await me({ 'x-api-key': key })).status).toBe(403);
    await set(`UPDATE api_keys SET expires_at = '2026-01-02T00:00:00.000Z' WHERE id = ?`);
    expect(await status()).toBe(401);
    await set(`UPDATE api_keys SET expires_at = NULL, revoked_at = '2026-01-02T00:00:00.000Z' WHERE id = ?`);
    expect(await status()).toBe(401);
    await set('UPDATE api_keys SET revoked_at = NULL WHERE id = ?');
    expect(await status()).toBe(200);
    await env.DB.prepare('UPDATE users SET disabled = 1').run();
    expect([await status(), (await me(bearer(access))).status]).toEqual([401, 401]);
    await env.DB.prepare('UPDATE users SET disabled = 0').run();
    expect((await me(bearer(access))).status).toBe(200);
  });
});

describe('sessions', () => {
  it('rotates refresh tokens, and a replayed one ends the whole session', async () => {
    const first = (await login()).body;
    const second = await refresh(first.refresh_token);
    expect(second.status).toBe(200);
    expect(second.body.refresh_token).not.toBe(first.refresh_token);
    expect((await me(bearer(second.body.access_token))).status).toBe(200);
    expect((await refresh(first.refresh_token)).status).toBe(401);
    expect((await refresh(second.body.refresh_token)).status).toBe(401);
    expect((await me(bearer(second.body.access_token))).status).toBe(401);
  });

  it('lets one of two refreshes at once win', async () => {
    const { refresh_token } = (await login()).body;
    const statuses = (await Promise.all([refresh(refresh_token), refresh(refresh_token)])).map(
      ({ status }) => status,
    );
    expect(statuses.toSorted()).toEqual([200, 401]);
  });

  it('ends at logout, for access and refresh tokens', async () => {
    const { access_token, refresh_token } = (await login()).body;
    const out = await call('/auth/logout', { method: 'POST', headers: bearer(access_token) });
    expect([out.status, out.text]).toEqual([204, '']);
    expect((await me(bearer(access_token))).status).toBe(401);
    expect((await refresh(refresh_token)).status).toBe(401);
    expect((await call('/auth/logout', { method: 'POST', headers: asAdmin })).status).toBe(403);
  });

  it('gives socket tickets to tokens and keys, which are no access tokens', async () => {
    const answer = await call('/api/v1/auth/ws-ticket', { method: 'POST', headers: asAdmin });
    expect(answer.body).toEqual({ ticket: expect.stringMatching(/^eyJ/), expires_in: 30 });
    expect((await me(bearer(answer.body.ticket))).status).toBe(401);
    expect((await call(`${ME}?token=${answer.body.ticket}`)).status).toBe(401);
    expect((await call('/api/v1/auth/ws-ticket', { method: 'POST' })).status).toBe(401);
  });
});
