import { env, exports } from 'cloudflare:workers';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Env } from '../../../src/env.ts';
import { newId } from '../../../src/ids.ts';
import { hashPassword, isOutdated } from '../../../src/platform/accounts/passwords.ts';
import { jobObject } from '../../../src/platform/jobs/dispatch.ts';
import { ADMIN, type Answer, asAdmin, call, type Json, login, request } from '../../http/call.ts';

const V1 = '/api/v1';
const PASSWORD = 'a long and memorable phrase';

type Headers = Record<string, string>;
const bearer = (token: unknown): Headers => ({ authorization: `Bearer ${token}` });
const send = (method: string, path: string, headers: Headers, body?: unknown) =>
  call(V1 + path, { method, headers, body });
const asAdminSend = (method: string, path: string, body?: unknown) => send(method, path, asAdmin, body);

/** Creates a user and answers it. */
async function user(username: string, more: object = {}): Promise<Json> {
  const made = await asAdminSend('POST', '/users', { username, password: PASSWORD, ...more });
  if (made.status !== 201) throw new Error(`creating ${username}: ${made.text}`);
  return made.body;
}

/** Headers with a fresh login of the user. */
async function asUser(username: string, password = PASSWORD): Promise<Headers> {
  const answer = await login({ username, password });
  if (answer.status !== 200) throw new Error(`login of ${username}: ${answer.text}`);
  return bearer(answer.body.access_token);
}

/** The newest entries of the audit log that a query finds. */
async function audit(query: string): Promise<Json[]> {
  return (await asAdminSend('GET', `/admin/audit?${query}`)).body.items as unknown as Json[];
}

const problem = ({ status, body }: Answer) => [status, body.error_code];

beforeAll(async () => {
  await call(`${V1}/users/me`, { headers: asAdmin });
});

describe('users', () => {
  it('are created with a personal group and the least role, and can log in', async () => {
    const made = await asAdminSend('POST', '/users', {
      username: 'john_doe',
      email: 'john@example.com',
      password: 'secure_password',
    });
    expect(made.status).toBe(201);
    expect(made.headers.get('location')).toBe(`${V1}/users/${made.body.id}`);
    expect(made.body).toEqual({
      id: expect.any(String),
      username: 'john_doe',
      email: 'john@example.com',
      role: 'viewer',
      disabled: false,
      has_password: true,
      personal_group_id: expect.any(String),
      created_at: expect.stringMatching(/Z$/),
      updated_at: expect.stringMatching(/Z$/),
    });
    const headers = await asUser('JOHN_DOE', 'secure_password');
    expect((await send('GET', '/users/me', headers)).body).toMatchObject({
      username: 'john_doe',
      role: 'viewer',
      groups: [{ id: made.body.personal_group_id, name: 'john_doe', role: 'admin' }],
    });
    expect((await asAdminSend('GET', `/users/${made.body.id}`)).body).toEqual(made.body);
  });

  it('are listed by name, in pages, and found by role and part of a name', async () => {
    for (const name of ['page-b', 'Page-A', 'page-c']) await user(name, { role: 'analyst' });
    const all = await asAdminSend('GET', '/users?q=PAGE-&role=analyst&per_page=2');
    expect((all.body.items as unknown as Json[]).map((each) => each.username)).toEqual(['Page-A', 'page-b']);
    expect([all.body.total, all.headers.get('x-total-count')]).toEqual([3, '3']);
    expect(all.headers.get('link')).toContain('page=2');
    const rest = await asAdminSend('GET', '/users?q=page-&limit=2&offset=2');
    expect((rest.body.items as unknown as Json[]).map((each) => each.username)).toEqual(['page-c']);
    expect(problem(await asAdminSend('GET', '/users?page=1&offset=1'))).toEqual([400, 'VALIDATION_ERROR']);
  });

  it('have one name each, whatever its case, and of two requests at once one wins', async () => {
    const body = { username: 'twin', password: PASSWORD };
    const both = await Promise.all([1, 2].map(() => asAdminSend('POST', '/users', body)));
    expect(both.map(({ status }) => status).toSorted()).toEqual([201, 409]);
    expect(problem(await asAdminSend('POST', '/users', { ...body, username: 'TWIN' }))).toEqual([
      409,
      'CONFLICT',
    ]);
    const other = await user('not-twin');
    const renamed = await asAdminSend('PUT', `/users/${other.id}`, { username: 'Twin' });
    expect([renamed.status, renamed.body.errors?.[0]?.pointer]).toEqual([409, '/username']);
  });

  it.each([
    ['a role nobody has', { role: 'root' }, '/role'],
    ['an id of its own', { id: newId() }, '/id'],
    ['a group', { group_id: newId() }, '/group_id'],
    ['a plan', { plan: 'enterprise' }, '/plan'],
    ['a password hash', { password_hash: 'x' }, '/password_hash'],
    ['a short password', { password: '1234567' }, '/password'],
    ['its name as password', { password: 'Mass-Assigned' }, '/password'],
    ['an invisible character', { username: 'ad\u200bmin' }, '/username'],
    ['text that turns direction', { username: 'x\u202enimda' }, '/username'],
    ['the form of an id', { username: newId() }, '/username'],
    ['an address that is none', { email: 'nowhere' }, '/email'],
  ])('cannot be created with %s', async (_what, more, pointer) => {
    const body = { username: 'mass-assigned', password: PASSWORD, ...more };
    const answer = await asAdminSend('POST', '/users', body);
    expect([answer.status, answer.body.errors?.[0]?.pointer]).toEqual([400, pointer]);
  });

  it('are for admins: every other role is refused, and cannot raise itself', async () => {
    for (const role of ['viewer', 'analyst', 'reviewer']) {
      const { id } = await user(`not-admin-${role}`, { role });
      const headers = await asUser(`not-admin-${role}`);
      const attempts = [
        send('GET', '/users', headers),
        send('POST', '/users', headers, { username: 'x', password: PASSWORD }),
        send('GET', `/users/${id}`, headers),
        send('PUT', `/users/${id}`, headers, { role: 'admin' }),
        send('DELETE', `/users/${id}`, headers),
        send('POST', `/users/${id}/reset-password`, headers),
        send('GET', '/admin/audit', headers),
      ];
      for (const answer of await Promise.all(attempts)) {
        expect(problem(answer)).toEqual([403, 'FORBIDDEN']);
        expect(answer.body.required_role).toBe('admin');
      }
      for (const member of ['role', 'id', 'group_id', 'plan', 'username', 'disabled']) {
        const answer = await send('PUT', '/users/me', headers, { [member]: 'admin' });
        expect([answer.status, answer.body.errors?.[0]?.pointer]).toEqual([400, `/${member}`]);
      }
    }
  });

  it('change with If-Match, and only in what is given', async () => {
    const { id } = await user('changing', { email: 'old@example.com' });
    const first = await asAdminSend('GET', `/users/${id}`);
    const match = { ...asAdmin, 'if-match': first.headers.get('etag')! };
    const changed = await send('PUT', `/users/${id}`, match, { role: 'reviewer' });
    expect([changed.status, changed.body.role, changed.body.email]).toEqual([
      200,
      'reviewer',
      'old@example.com',
    ]);
    const late = await send('PUT', `/users/${id}`, match, { role: 'admin' });
    expect(problem(late)).toEqual([412, 'PRECONDITION_FAILED']);
    expect((await asAdminSend('PUT', `/users/${id}`, { email: null })).body.email).toBeNull();
    expect(problem(await asAdminSend('PUT', `/users/${newId()}`, { role: 'admin' }))).toEqual([
      404,
      'NOT_FOUND',
    ]);
  });

  it('hold a new role at the next request of a token they had before', async () => {
    const { id } = await user('rising');
    const headers = await asUser('rising');
    expect((await send('GET', '/users', headers)).status).toBe(403);
    await asAdminSend('PUT', `/users/${id}`, { role: 'admin' });
    expect((await send('GET', '/users', headers)).status).toBe(200);
    await asAdminSend('PUT', `/users/${id}`, { role: 'viewer' });
    expect((await send('GET', '/users', headers)).status).toBe(403);
  });

  it('are out at once when disabled, and their old sessions stay over', async () => {
    const { id } = await user('leaving');
    const headers = await asUser('leaving');
    const key = await send('POST', '/auth/api-keys', headers, { name: 'ci' });
    const withKey = { 'x-api-key': String(key.body.key) };
    await asAdminSend('PUT', `/users/${id}`, { disabled: true });
    expect((await send('GET', '/users/me', headers)).status).toBe(401);
    expect((await send('GET', '/users/me', withKey)).status).toBe(401);
    const wrong = await login({ username: 'leaving', password: 'something else' });
    const right = await login({ username: 'leaving', password: PASSWORD });
    expect([right.status, right.body.detail]).toEqual([401, wrong.body.detail]);
    await asAdminSend('PUT', `/users/${id}`, { disabled: false });
    expect((await send('GET', '/users/me', headers)).status).toBe(401);
    expect((await send('GET', '/users/me', withKey)).status).toBe(200);
  });

  it('always include an admin, also when two demote each other', async () => {
    const list = await asAdminSend('GET', '/users?role=admin&disabled=false');
    const [root] = list.body.items as unknown as Json[];
    expect(list.body.total).toBe(1);
    for (const change of [{ role: 'viewer' }, { disabled: true }]) {
      expect(problem(await asAdminSend('PUT', `/users/${root!.id}`, change))).toEqual([409, 'CONFLICT']);
    }
    expect(problem(await asAdminSend('DELETE', `/users/${root!.id}`))).toEqual([409, 'CONFLICT']);
    const second = await user('second-admin', { role: 'admin' });
    const headers = await asUser('second-admin');
    const demotions = await Promise.all([
      asAdminSend('PUT', `/users/${second.id}`, { role: 'viewer' }),
      send('PUT', `/users/${root!.id}`, headers, { role: 'viewer' }),
    ]);
    expect(demotions.filter(({ status }) => status === 200)).toHaveLength(1);
    await env.DB.prepare(
      "UPDATE users SET role = CASE username WHEN 'root' THEN 'admin' ELSE 'viewer' END",
    ).run();
  });

  it('are deleted with their group, keys and sessions, and leave their name free', async () => {
    const { id } = await user('short-lived');
    const headers = await asUser('short-lived');
    expect((await asAdminSend('DELETE', `/users/${id}`)).status).toBe(204);
    expect((await send('GET', '/users/me', headers)).status).toBe(401);
    expect((await asAdminSend('GET', `/users/${id}`)).status).toBe(404);
    const left = await env.DB.prepare(
      'SELECT (SELECT count(*) FROM users WHERE id = ?1) + (SELECT count(*) FROM groups WHERE personal_user_id = ?1) + (SELECT count(*) FROM sessions WHERE user_id = ?1) AS rows',
    )
      .bind(id)
      .first();
    expect(left).toEqual({ rows: 0 });
    await user('short-lived');
  });

  it('who own repositories stay, unless these are to go too', async () => {
    const { id, personal_group_id } = await user('owner', { role: 'analyst' });
    const headers = await asUser('owner');
    const repo = await send('POST', '/repos', headers, {
      name: 'mine',
      remoteUrl: 'https://example.com/x.git',
    });
    expect(repo.status).toBe(201);
    const kept = await asAdminSend('DELETE', `/users/${id}`);
    expect(problem(kept)).toEqual([409, 'CONFLICT']);
    expect(kept.body.repos).toEqual([{ id: repo.body.id, name: 'mine' }]);
    expect((await send('GET', '/users/me', headers)).status).toBe(200);
    expect((await asAdminSend('DELETE', `/users/${id}?cascade=true`)).status).toBe(204);
    expect((await asAdminSend('GET', `/repos/${repo.body.id}`)).status).toBe(404);
    const left = await env.DB.prepare(
      'SELECT (SELECT count(*) FROM users WHERE id = ?1) + (SELECT count(*) FROM groups WHERE id = ?2) AS rows',
    )
      .bind(id, personal_group_id)
      .first();
    expect(left).toEqual({ rows: 0 });
  });
});

describe('a password', () => {
  it('changes with the current one, and ends the other sessions', async () => {
    await user('careful');
    const [here, there] = [await asUser('careful'), await asUser('careful')];
    const change = (body: object) => send('PUT', '/users/me', here, body);
    const fresh = 'another long and memorable phrase';
    expect((await change({ password: fresh })).body.errors?.[0]?.pointer).toBe('/current_password');
    const wrong = await change({ password: fresh, current_password: 'guess' });
    expect([wrong.status, wrong.body.errors?.[0]?.pointer]).toEqual([400, '/current_password']);
    const changed = await change({ password: fresh, current_password: PASSWORD, email: 'c@example.com' });
    expect([changed.status, changed.body.email]).toEqual([200, 'c@example.com']);
    expect((await send('GET', '/users/me', here)).status).toBe(200);
    expect((await send('GET', '/users/me', there)).status).toBe(401);
    expect((await login({ username: 'careful', password: PASSWORD })).status).toBe(401);
    await asUser('careful', fresh);
  });

  it('cannot be guessed through the change either', async () => {
    await user('guessed');
    const headers = await asUser('guessed');
    const guess = () =>
      send('PUT', '/users/me', headers, { password: 'x'.repeat(9), current_password: 'guess' });
    const statuses: number[] = [];
    for (let n = 0; n < 11; n++) statuses.push((await guess()).status);
    expect(statuses).toEqual([...Array(10).fill(400), 429]);
  });

  it('is set once with a link that an admin made', async () => {
    const { id } = await user('forgetful');
    const session = await asUser('forgetful');
    const older = (await asAdminSend('POST', `/users/${id}/reset-password`)).body;
    const link = (await asAdminSend('POST', `/users/${id}/reset-password`)).body;
    expect(link.url).toBe(`https://api.test/auth/reset-password#token=${link.token}`);
    const page = await call('/auth/reset-password', { headers: { accept: 'text/html' } });
    const script = /<script>(.*)<\/script>/s.exec(page.text)![1]!;
    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(script));
    const hash = Buffer.from(digest).toString('base64');
    expect(page.headers.get('content-security-policy')).toContain(`script-src 'sha256-${hash}';`);
    const redeem = (token: unknown, password = 'set by the link') =>
      call('/auth/reset-password', { body: { token, password } });
    expect((await redeem(older.token)).status).toBe(401);
    expect((await redeem(link.token, 'forgetful')).status).toBe(400);
    const answers = await Promise.all([redeem(link.token), redeem(link.token)]);
    expect(answers.map(({ status }) => status).toSorted()).toEqual([204, 401]);
    expect((await send('GET', '/users/me', session)).status).toBe(401);
    await asUser('forgetful', 'set by the link');
    const expired = (await asAdminSend('POST', `/users/${id}/reset-password`)).body;
    await env.DB.prepare("UPDATE password_resets SET expires_at = '2026-01-01T00:00:00.000Z'").run();
    expect((await redeem(expired.token)).status).toBe(401);
  });

  it('of less cost than today is hashed again at the next login', async () => {
    const { id } = await user('old-timer');
    const salt = Buffer.from('a salt of 16 byte');
    const { scryptSync } = await import('node:crypto');
    const weak = scryptSync(PASSWORD, salt, 32, { N: 2 ** 12, r: 8, p: 1 }).toString('base64url');
    const stored = `$scrypt$ln=12,r=8,p=1$${salt.toString('base64url')}$${weak}`;
    expect([isOutdated(stored), isOutdated(await hashPassword('x'))]).toEqual([true, false]);
    await env.DB.prepare('UPDATE users SET password_hash = ? WHERE id = ?').bind(stored, id).run();
    await asUser('old-timer');
    const row = await env.DB.prepare('SELECT password_hash AS hash FROM users WHERE id = ?').bind(id).first();
    expect(isOutdated(String(row?.hash))).toBe(false);
    await asUser('old-timer');
  });
});

describe('sessions', () => {
  it('are listed to their user and end one by one, or all', async () => {
    await user('roaming');
    const [first, second, third] = [
      await asUser('roaming'),
      await asUser('roaming'),
      await asUser('roaming'),
    ];
    const listed = (await send('GET', '/auth/sessions', second)).body;
    expect(listed.total).toBe(3);
    const items = listed.items as unknown as Json[];
    expect(items.filter((each) => each.current)).toHaveLength(1);
    expect(items[0]).toMatchObject({ method: 'password', scopes: null });
    const other = items.find((each) => !each.current)!;
    expect((await send('DELETE', `/auth/sessions/${other.id}`, asAdmin)).status).toBe(404);
    expect((await send('DELETE', `/auth/sessions/${other.id}`, second)).status).toBe(204);
    const alive = async () =>
      (await Promise.all([first, second, third].map((each) => send('GET', '/users/me', each)))).filter(
        ({ status }) => status === 200,
      ).length;
    expect(await alive()).toBe(2);
    expect((await send('DELETE', '/auth/sessions', second)).status).toBe(204);
    expect(await alive()).toBe(0);
  });

  it('are bounded in number: the one refreshed longest ago ends first', async () => {
    const { id } = await user('script');
    const old = await asUser('script');
    await env.DB.prepare(
      `INSERT INTO sessions (id, user_id, refresh_hash, created_at, refreshed_at, expires_at)
       SELECT 'filler-' || value, ?1, 'x', '2999-01-01', '2999-01-01', '2999-01-01' FROM json_each(?2)`,
    )
      .bind(id, JSON.stringify(Array.from({ length: 200 }, (_, n) => n)))
      .run();
    await asUser('script');
    expect((await send('GET', '/users/me', old)).status).toBe(401);
    const { count } = (await env.DB.prepare('SELECT count(*) AS count FROM sessions WHERE user_id = ?')
      .bind(id)
      .first<{ count: number }>())!;
    expect(count).toBe(200);
  });
});

describe('API keys', () => {
  let root: Headers;
  beforeAll(async () => {
    root = await asUser(ADMIN.username, ADMIN.password);
  });

  it('are made in the documented shape, work, and are never shown again', async () => {
    const made = await send('POST', '/auth/api-keys', root, {
      name: 'my-integration',
      expires_days: 365,
      scopes: ['scenarios:read', 'query:execute', 'admin:system'],
    });
    expect(made.status).toBe(201);
    expect(made.headers.get('cache-control')).toBe('no-store');
    expect(made.body).toEqual({
      id: expect.any(String),
      name: 'my-integration',
      key: expect.stringMatching(/^rak_[\w-]{43}$/),
      prefix: expect.stringMatching(/^rak_[\w-]{4}$/),
      scopes: ['scenarios:read', 'query:execute', 'admin:system'],
      expires_at: expect.any(String),
      created_at: expect.any(String),
    });
    const key = String(made.body.key);
    expect(key.startsWith(String(made.body.prefix))).toBe(true);
    const days =
      (Date.parse(String(made.body.expires_at)) - Date.parse(String(made.body.created_at))) / 86_400_000;
    expect(days).toBe(365);
    expect((await send('GET', '/users/me', { 'x-api-key': key })).status).toBe(200);
    const found = await send('GET', `/auth/api-keys?prefix=${made.body.prefix}`, root);
    expect(found.body.items?.[0]).toMatchObject({ id: made.body.id, username: 'root' });
    expect(found.body.items?.[0]?.last_used_at).toEqual(expect.any(String));
    const stored = await env.DB.prepare('SELECT * FROM api_keys WHERE id = ?').bind(made.body.id).first();
    expect(JSON.stringify([stored, found.text, await audit('action=key.created')])).not.toContain(
      key.slice(8),
    );
  });

  it.each([
    ['an unknown scope', { scopes: ['repos:read', 'root:all'] }, '/scopes/1'],
    ['no scope at all', { scopes: [] }, '/scopes'],
    ['no time', { expires_days: 0 }, '/expires_days'],
    ['more than ten years', { expires_days: 3651 }, '/expires_days'],
    ['half a day', { expires_days: 0.5 }, '/expires_days'],
    ['another owner', { user_id: newId() }, '/user_id'],
    ['a key of its own', { key: 'rak_chosen' }, '/key'],
    ['no name', { name: '' }, '/name'],
  ])('are refused with %s', async (_what, more, pointer) => {
    const answer = await send('POST', '/auth/api-keys', root, { name: 'x', ...more });
    expect([answer.status, answer.body.errors?.[0]?.pointer]).toEqual([400, pointer]);
  });

  it('never widen: a key makes none, and a narrow token none with more than it has', async () => {
    expect(problem(await asAdminSend('POST', '/auth/api-keys', { name: 'x' }))).toEqual([403, 'FORBIDDEN']);
    const scope = 'repos:read admin:system';
    const narrow = bearer((await call('/auth/token', { body: { ...ADMIN, scope } })).body.access_token);
    const wide = await send('POST', '/auth/api-keys', narrow, { name: 'x', scopes: ['repos:write'] });
    expect([wide.status, wide.body.required_scope]).toEqual([403, 'repos:write']);
    const same = await send('POST', '/auth/api-keys', narrow, { name: 'x' });
    expect(same.body.scopes).toEqual(['admin:system', 'repos:read']);
  });

  it('are their owner’s and the admins’ to see and to delete', async () => {
    await user('keeper');
    const keeper = await asUser('keeper');
    const { id, key } = (await send('POST', '/auth/api-keys', keeper, { name: 'mine' })).body;
    const others = (await send('GET', '/auth/api-keys', root)).body;
    expect(JSON.stringify(others.items)).not.toContain(String(id));
    expect(JSON.stringify((await send('GET', '/auth/api-keys?user_id=*', root)).body.items)).toContain(
      String(id),
    );
    expect((await send('GET', '/auth/api-keys?user_id=*', keeper)).status).toBe(403);
    const foreign = (others.items as unknown as Json[])[0]!;
    expect((await send('DELETE', `/auth/api-keys/${foreign.id}`, keeper)).status).toBe(404);
    expect((await send('DELETE', `/auth/api-keys/${id}`, root)).status).toBe(204);
    expect((await send('GET', '/users/me', { 'x-api-key': String(key) })).status).toBe(401);
    expect((await send('DELETE', `/auth/api-keys/${id}`, root)).status).toBe(404);
    expect((await audit(`target=${id}`)).map((each) => each.action)).toEqual(['key.revoked', 'key.created']);
  });

  it('are bounded in number, also when made at once', async () => {
    const { id } = await user('hoarder');
    const headers = await asUser('hoarder');
    await env.DB.prepare(
      `INSERT INTO api_keys (id, user_id, name, hash, prefix, created_at)
       SELECT 'key-' || value, ?1, 'x', 'hash-' || value, 'rak_', '2026-01-01T00:00:00.000Z' FROM json_each(?2)`,
    )
      .bind(id, JSON.stringify(Array.from({ length: 98 }, (_, n) => n)))
      .run();
    const make = () => send('POST', '/auth/api-keys', headers, { name: 'x' });
    const statuses = (await Promise.all([make(), make(), make(), make()])).map(({ status }) => status);
    expect(statuses.toSorted()).toEqual([201, 201, 409, 409]);
  });

  it('are not in the answer that an Idempotency-Key repeats', async () => {
    const headers = { ...root, 'idempotency-key': 'one-key' };
    const make = () => send('POST', '/auth/api-keys', headers, { name: 'once' });
    const [first, again] = [await make(), await make()];
    expect(first.body.key).toMatch(/^rak_/);
    expect(again.body).toEqual({ ...first.body, key: null, replayed: true });
    expect(again.headers.get('idempotency-replayed')).toBe('true');
  });
});

describe('the audit log', () => {
  it('tells of logins and failed ones, without what was typed as a name', async () => {
    const { id } = await user('watched');
    await asUser('watched');
    await login({ username: 'watched', password: 'wrong' });
    await login({ username: 'my-password-by-mistake', password: 'x' });
    const [unknown, failed] = await audit('action=login.failed&limit=2');
    expect(unknown).toMatchObject({
      actor: null,
      via: 'anonymous',
      target: null,
      detail: { method: 'password' },
    });
    expect(failed).toMatchObject({ actor: null, target: { kind: 'user', id, name: 'watched' } });
    expect(failed?.ip).toMatch(/^10\./);
    const [login_] = await audit(`action=login.succeeded&actor=${id}`);
    expect(login_).toMatchObject({ actor: { id, username: 'watched' }, target: { kind: 'session' } });
    const rows = await env.DB.prepare('SELECT * FROM audit_log').all();
    expect(JSON.stringify(rows.results)).not.toContain('my-password-by-mistake');
  });

  it('tells of grants, and of nothing that did not happen', async () => {
    const { id } = await user('granted');
    await asAdminSend('PUT', `/users/${id}`, { role: 'analyst', email: 'g@example.com' });
    await asAdminSend('PUT', `/users/${id}`, { role: 'analyst' });
    await asAdminSend('PUT', `/users/${id}`, { username: 'watched' });
    const entries = await audit(`target=${id}`);
    const actions = entries.map((each) => String(each.action));
    // What one request does bears one time.
    expect(actions.toSorted()).toEqual(['user.created', 'user.role_changed', 'user.updated']);
    expect(entries[actions.indexOf('user.role_changed')]).toMatchObject({
      actor: { username: 'root' },
      via: 'key',
      detail: { from: 'viewer', to: 'analyst' },
      request_id: expect.any(String),
    });
  });

  it('tells of a refresh token used twice', async () => {
    const { refresh_token } = (await login()).body;
    const refresh = () => call('/auth/refresh', { body: { refresh_token } });
    await refresh();
    expect((await refresh()).status).toBe(401);
    expect((await audit('action=session.replayed'))[0]).toMatchObject({ target: { kind: 'session' } });
  });

  it('is read in pages, by time and by what happened', async () => {
    const page = await asAdminSend('GET', '/admin/audit?per_page=2&page=2');
    expect(page.body.items).toHaveLength(2);
    expect(page.headers.get('link')).toContain('rel="prev"');
    const since = new Date(Date.now() + 60_000).toISOString();
    expect((await asAdminSend('GET', `/admin/audit?since=${since}`)).body.total).toBe(0);
    const answer = await asAdminSend('GET', '/admin/audit?action=nothing');
    expect([answer.status, answer.body.errors?.[0]?.pointer]).toEqual([400, 'query/action']);
  });

  it('loses what is older than 400 days', async () => {
    await env.DB.prepare(
      "INSERT INTO audit_log (id, at, via, action) VALUES ('0', '2020-01-01T00:00:00.000Z', 'key', 'key.created')",
    ).run();
    await login();
    expect(await env.DB.prepare("SELECT id FROM audit_log WHERE id = '0'").first()).toBeNull();
  });
});

describe('an open socket', () => {
  /** A job that waits, seen by a group; and a socket on it of each caller. */
  async function watched(groupId: unknown, ...callers: Headers[]) {
    const id = newId();
    await env.DB.prepare(
      `INSERT INTO jobs (id, kind, repo_key, repo_id, repo_name, group_id, ref, created_at, updated_at)
       VALUES (?1, 'sync', 1, ?1, 'lib', ?2, 'main', '2026-01-01', '2026-01-01')`,
    )
      .bind(id, groupId)
      .run();
    const object = jobObject(env as unknown as Env, id);
    await object.create({ id, kind: 'sync', repoKey: 1, repoName: 'lib', ref: 'main' });
    const sockets = await Promise.all(
      callers.map(async (headers) => {
        const upgrade = request(`/ws/jobs/${id}`, { headers: { ...headers, upgrade: 'websocket' } });
        const { status, webSocket } = await exports.default.fetch(upgrade);
        expect(status).toBe(101);
        const socket = { open: true, code: 0 };
        webSocket!.addEventListener('close', ({ code }) => {
          Object.assign(socket, { open: false, code });
        });
        webSocket!.accept();
        return { socket, close: () => webSocket!.close() };
      }),
    );
    return sockets;
  }

  it('ends within a second of what it was opened with, and no other does', async () => {
    const { id, personal_group_id: group } = await user('listener');
    const [leaves, stays] = [await asUser('listener'), await asUser('listener')];
    const key = (await send('POST', '/auth/api-keys', stays, { name: 'ci' })).body;
    const sockets = await watched(group, leaves, stays, { 'x-api-key': String(key.key) });
    const states = () => sockets.map(({ socket }) => (socket.open ? 'open' : socket.code));
    const statesAfter = async (change: Promise<Answer>) => {
      expect((await change).status).toBeLessThan(300);
      const before = states().filter((state) => state === 'open').length;
      const due = Date.now() + 1000;
      while (Date.now() < due && states().filter((state) => state === 'open').length === before) {
        await scheduler.wait(20);
      }
      return states();
    };
    expect(await statesAfter(send('POST', '/auth/logout', leaves))).toEqual([1008, 'open', 'open']);
    expect(await statesAfter(send('DELETE', `/auth/api-keys/${key.id}`, stays))).toEqual([
      1008,
      'open',
      1008,
    ]);
    expect(await statesAfter(asAdminSend('PUT', `/users/${id}`, { disabled: true }))).toEqual([
      1008, 1008, 1008,
    ]);
  });

  it('ends with the membership that let it see the job', async () => {
    const { personal_group_id: group } = await user('host');
    const { id: guest } = await user('guest');
    const set = (sql: string) => env.DB.prepare(sql).bind(group, guest).run();
    await set("INSERT INTO group_members (group_id, user_id, role) VALUES (?1, ?2, 'viewer')");
    const [socket, admins] = await watched(group, await asUser('guest'), asAdmin);
    await set('DELETE FROM group_members WHERE group_id = ?1 AND user_id = ?2');
    for (let n = 0; n < 100 && socket!.socket.open; n++) await scheduler.wait(20);
    expect([socket!.socket.code, admins!.socket.open]).toEqual([1008, true]);
    admins!.close();
  });
});
