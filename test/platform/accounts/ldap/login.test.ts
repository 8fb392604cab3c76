import { createExecutionContext } from 'cloudflare:test';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { createApp } from '../../../../workers/api/app.ts';
import { type Answer, asAdmin, call, read, request, withVariables } from '../../../http/call.ts';

const ports = inject('directories');
const LDAP = {
  LDAP_SERVER: `ldap://127.0.0.1:${ports.sound}`,
  LDAP_BASE_DN: 'dc=example,dc=org',
  LDAP_BIND_USER: 'cn=reader,dc=example,dc=org',
  LDAP_BIND_PASSWORD: 'reader-password',
};
const ABBA = { username: 'abba', password: 'password of abba' };

async function login(
  body: unknown,
  { path = '/api/v1/auth/ldap', ip, ...variables }: Record<string, string> = {},
): Promise<Answer> {
  const env = withVariables({ ...LDAP, ...variables });
  return read(await createApp().fetch(request(path, { body, ip }), env, createExecutionContext()));
}

const me = async (answer: Answer) =>
  (await call('/api/v1/users/me', { headers: { authorization: `Bearer ${answer.body.access_token}` } })).body;

describe('a login by LDAP', () => {
  beforeAll(async () => {
    await call('/health/ready');
  });

  it.each(['/api/v1/auth/ldap', '/auth/ldap'])('%s answers as /auth/token does', async (path) => {
    const answer = await login(ABBA, { path });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.body).toEqual({
      access_token: expect.stringMatching(/^eyJ/),
      refresh_token: expect.stringMatching(/^eyJ/),
      token_type: 'bearer',
      expires_in: 1800,
    });
    expect(await me(answer)).toMatchObject({ username: 'abba', email: 'abba@example.org', role: 'viewer' });
    const refreshed = await call('/auth/refresh', { body: { refresh_token: answer.body.refresh_token } });
    expect(refreshed.status).toBe(200);
  });

  it('is always of the same account, whatever name was typed', async () => {
    const ids = await Promise.all(
      ['abba', 'ABBA', 'a.b@example.com'].map(
        async (username) => (await me(await login({ ...ABBA, username }))).id,
      ),
    );
    expect(new Set(ids).size).toBe(1);
  });

  it('is of the account that an admin made for an address of the entry, with the role it was given', async () => {
    const body = { username: 'made-before', email: 'shared@example.org', role: 'reviewer' };
    await call('/api/v1/users', { body, headers: asAdmin });
    const answer = await login({ username: 'bead', password: 'password of bead' });
    expect(await me(answer)).toMatchObject({ username: 'made-before', role: 'reviewer' });
  });

  it('gives the role of the groups, again at every login', async () => {
    const mapped = (LDAP_ROLE_MAP: string) => login(ABBA, { LDAP_ROLE_MAP, SSO_DEFAULT_ROLE: 'analyst' });
    const both =
      '{"CN=staff,OU=groups,DC=example,DC=org":"admin","cn=ops,ou=groups,dc=example,dc=org":"viewer"}';
    const first = await mapped(both);
    expect((await me(first)).role).toBe('admin');
    const second = await mapped('{"cn=ops,ou=groups,dc=example,dc=org":"reviewer"}');
    expect((await me(second)).role).toBe('reviewer');
    // What was given before counts no longer, in any session.
    expect((await me(first)).role).toBe('reviewer');
    expect((await me(await mapped('{"cn=none,dc=example,dc=org":"admin"}'))).role).toBe('analyst');
  });

  it('narrows its token to the scopes that were asked for', async () => {
    const narrow = await login({ ...ABBA, scope: 'repos:read' });
    expect(await me(narrow)).toMatchObject({ required_scope: 'admin:system' });
    const unknown = await login({ ...ABBA, scope: 'root:all' });
    expect(unknown).toMatchObject({ status: 400, body: { errors: [{ pointer: '/scope' }] } });
  });

  it('is refused when the account is disabled', async () => {
    const cafe = { username: 'cafe', password: 'password of cafe' };
    const { id } = await me(await login(cafe));
    await call(`/api/v1/users/${id}`, { method: 'PUT', body: { disabled: true }, headers: asAdmin });
    expect((await login(cafe)).status).toBe(403);
    expect((await login({ ...cafe, password: 'wrong' })).status).toBe(401);
  });

  it('is in the audit log, and so is one that failed, without what was typed', async () => {
    await login({ username: 'abba', password: 'a wrong one' });
    const { body } = await call('/api/v1/admin/audit?action=login.failed', { headers: asAdmin });
    expect(body.items?.[0]).toMatchObject({ detail: { method: 'ldap' }, actor: null });
    expect(JSON.stringify(body)).not.toContain('a wrong one');
    const succeeded = await call('/api/v1/admin/audit?action=login.succeeded&actor=abba', {
      headers: asAdmin,
    });
    expect(succeeded.body.items?.[0]).toMatchObject({ detail: { method: 'ldap' } });
  });
});

describe('a login by LDAP that fails', () => {
  it('says the same of a wrong password, an unknown name and a name that is a filter', async () => {
    const said = async (credentials: typeof ABBA) => {
      const { status, body } = await login(credentials);
      const { request_id, timestamp, ...rest } = body;
      return { status, ...rest };
    };
    const wrong = await said({ ...ABBA, password: 'wrong' });
    expect(wrong.status).toBe(401);
    for (const username of ['nobody', '*', 'x)(uid=*', 'abba\0', '\\2a', 'ａｂｂａ*', '(|(uid=*))']) {
      expect(await said({ ...ABBA, username })).toEqual(wrong);
    }
  });

  it.each([
    ['no password', { username: 'abba' }, '/password'],
    ['an empty password', { ...ABBA, password: '' }, '/password'],
    ['an empty name', { ...ABBA, username: '' }, '/username'],
    ['a number', { ...ABBA, username: 5 }, '/username'],
    ['a long name', { ...ABBA, username: 'x'.repeat(201) }, '/username'],
    ['a role', { ...ABBA, role: 'admin' }, '/role'],
  ])('is a 400 that names the field for %s', async (_, body, pointer) => {
    expect(await login(body)).toMatchObject({ status: 400, body: { errors: [{ pointer }] } });
  });

  it('is a 503 that names the variable where there is no directory, or half of one', async () => {
    expect(await call('/api/v1/auth/ldap', { body: ABBA })).toMatchObject({
      status: 503,
      body: { error_code: 'NOT_CONFIGURED', errors: [{ pointer: 'LDAP_SERVER' }] },
    });
    const halves = [
      [{ LDAP_SERVER: 'ldap://h/dc=x' }, 'LDAP_SERVER'],
      [{ LDAP_BASE_DN: '' }, 'LDAP_BASE_DN'],
      [{ LDAP_BIND_PASSWORD: '' }, 'LDAP_BIND_PASSWORD'],
      [{ LDAP_BIND_USER: '' }, 'LDAP_BIND_USER'],
      [{ LDAP_ROLE_MAP: '{"cn=x":"root"}' }, 'LDAP_ROLE_MAP'],
      [{ LDAP_ROLE_MAP: 'cn=x' }, 'LDAP_ROLE_MAP'],
    ] as const;
    for (const [variables, pointer] of halves) {
      expect(await login(ABBA, variables)).toMatchObject({ status: 503, body: { errors: [{ pointer }] } });
    }
  });

  it.each([
    ['is not there', { LDAP_SERVER: 'ldap://127.0.0.1:1' }],
    ['does not take the service user', { LDAP_BIND_PASSWORD: 'not the password' }],
    ['speaks no LDAP', { LDAP_SERVER: `ldap://127.0.0.1:${ports.garbage}` }],
    ['speaks no TLS', { LDAP_SERVER: `ldaps://127.0.0.1:${ports.sound}` }],
    ['refuses StartTLS', { LDAP_SERVER: `ldap://127.0.0.1:${ports.refusesTls}?starttls` }],
  ])('is a 502 that tells nothing when the directory %s', async (_, variables) => {
    const started = Date.now();
    const { status, body, text } = await login(ABBA, variables);
    expect({ status, code: body.error_code }).toEqual({ status: 502, code: 'UPSTREAM_ERROR' });
    expect(text).not.toMatch(/127\.0\.0\.1|cn=|password|code \d|certificate/i);
    expect(Date.now() - started).toBeLessThan(8_000);
  });

  it('is a 502 within a bound when the directory says nothing, and few wait for that at once', async () => {
    const started = Date.now();
    const silent = { LDAP_SERVER: `ldap://127.0.0.1:${ports.silent}` };
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, n) => login({ ...ABBA, username: `many-${n}` }, silent)),
    );
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 502)).toHaveLength(32);
    const putOff = answers.filter(({ status }) => status === 503);
    expect(putOff).toHaveLength(8);
    expect(putOff[0]?.body).toMatchObject({ error_code: 'UNAVAILABLE', retry_after: 5 });
    expect(Date.now() - started).toBeLessThan(20_000);
    expect((await login(ABBA)).status).toBe(200);
  });

  it('counts every attempt of an address', async () => {
    const statuses: number[] = [];
    for (let n = 0; n < 11; n++) statuses.push((await login(ABBA, { ip: '203.0.113.80' })).status);
    expect(statuses).toEqual([...Array(10).fill(200), 429]);
  });

  it('counts for the account, in every spelling of its name, until one succeeds', async () => {
    const spellings = [
      'bead',
      'BEAD',
      ' bead',
      'bead  ',
      'ｂｅａｄ',
      'be\u00adad',
      'be\u200bad',
      'béad',
      'bead\u0000',
    ];
    const guess = (n: number) => login({ username: spellings[n % spellings.length], password: 'guess' });
    const attempts = async (from: number, to: number) => {
      const statuses: number[] = [];
      for (let n = from; n < to; n++) statuses.push((await guess(n)).status);
      return statuses;
    };
    expect(await attempts(0, 9)).toEqual(Array(9).fill(401));
    expect((await login({ username: 'bead', password: 'password of bead' })).status).toBe(200);
    expect(await attempts(0, 11)).toEqual([...Array(10).fill(401), 429]);
    // The accounts of this deployment are counted by themselves.
    expect((await call('/auth/token', { body: { username: 'bead', password: 'guess' } })).status).toBe(401);
  });
});
