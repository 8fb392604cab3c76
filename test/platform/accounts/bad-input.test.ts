/** What people try at accounts and keys; the first tries of each kind are in `accounts.test.ts` and `users.test.ts`. */
import { env } from 'cloudflare:workers';
import { SignJWT } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../../src/ids.ts';
import { ADMIN, type Answer, asAdmin, call, forgetCount, type Json, login } from '../../http/call.ts';

const SECRET = new TextEncoder().encode('a-secret-of-the-test-suite-that-is-long-enough');
const me = (authorization: string) => call('/api/v1/users/me', { headers: { authorization } });
const encode = (value: unknown) =>
  btoa(typeof value === 'string' ? value : JSON.stringify(value))
    .replaceAll('=', '')
    .replaceAll('+', '-')
    .replaceAll('/', '_');
const decode = (part: string) => JSON.parse(atob(part.replaceAll('-', '+').replaceAll('_', '/')));

/** An answer without what differs in every answer. */
function said({ status, body }: Answer) {
  const { request_id, timestamp, ...rest } = body;
  return { status, ...rest };
}

describe('a token that somebody made', () => {
  let header: string;
  let payload: string;
  let signature: string;
  let claims: Record<string, unknown>;
  beforeAll(async () => {
    const { access_token } = (await login()).body;
    [header, payload, signature] = String(access_token).split('.') as [string, string, string];
    claims = decode(payload);
  });

  /** With our own secret: what is refused is refused for its claims, not for its signature. */
  const signed = (changed: Record<string, unknown>, protectedHeader: Record<string, unknown> = {}) =>
    new SignJWT(JSON.parse(JSON.stringify({ ...claims, ...changed })))
      .setProtectedHeader({ ...decode(header), ...protectedHeader })
      .sign(SECRET);

  it('is taken as long as nothing in it is wrong', async () => {
    expect((await me(`Bearer ${await signed({})}`)).status).toBe(200);
    expect((await me(`bearer   ${await signed({ iat: 1 })}`)).status).toBe(200);
  });

  it.each([
    ['no expiry', { exp: undefined }],
    ['an expiry in words', { exp: '2999-01-01' }],
    ['an expiry this very second', { exp: Math.floor(Date.now() / 1000) }],
    ['a beginning in the future', { nbf: Math.floor(Date.now() / 1000) + 60 }],
    ['no subject', { sub: undefined }],
    ['a subject that is a number', { sub: 1 }],
    ['another user', { sub: newId() }],
    ['another session', { sid: newId() }],
    ['no session', { sid: undefined }],
    ['a session that is a list', { sid: ['a'] }],
    ['no id', { jti: undefined }],
    ['no issuer', { iss: undefined }],
    ['our issuer in another case', { iss: 'Sightline' }],
    ['no audience', { aud: undefined }],
    ['the audience of a refresh', { aud: 'sightline-refresh' }],
    ['a key for a session', { via: 'key' }],
    ['another way in', { via: 'anonymous' }],
  ] as [string, Record<string, unknown>][])('is refused with %s', async (_, changed) => {
    const { status, body } = await me(`Bearer ${await signed(changed)}`);
    expect([status, body.error_code]).toEqual([401, 'UNAUTHORIZED']);
  });

  it('gives no rights that the user does not have by claiming them', async () => {
    const { id } = await madeUser('claims-much', { password: 'a long enough phrase' });
    const { access_token } = (await login({ username: 'claims-much', password: 'a long enough phrase' }))
      .body;
    const theirs = decode(String(access_token).split('.')[1]!);
    const claimed = {
      role: 'admin',
      scope: 'admin:system',
      scopes: ['admin:system'],
      plan: 'enterprise',
      groups: ['*'],
    };
    const token = await signed({ ...theirs, ...claimed });
    expect((await me(`Bearer ${token}`)).body).toMatchObject({ id, role: 'viewer' });
    const users = await call('/api/v1/users', { headers: { authorization: `Bearer ${token}` } });
    expect(users.status).toBe(403);
  });

  it('is refused whatever algorithm it claims, and however it is put together', async () => {
    const headers = [
      'none',
      'None',
      'NONE',
      'nOnE',
      '',
      'HS512',
      'RS256',
      'ES256',
      'PS256',
      'EdDSA',
      'dir',
      null,
    ].map((alg) => encode({ ...decode(header), alg }));
    const tokens = [
      ...headers.flatMap((each) => [`${each}.${payload}.`, `${each}.${payload}.${signature}`]),
      `${header}.${payload}`,
      `${header}.${payload}.`,
      `${header}.${payload}.${signature}.`,
      `${header}.${payload}.${signature}.${payload}.${signature}`,
      `..${signature}`,
      `${header}..${signature}`,
      `${encode('{"alg":"none","alg":"HS256"}')}.${payload}.${signature}`,
      `${encode('[]')}.${payload}.${signature}`,
      `${header}.${encode('null')}.${signature}`,
      `${header}.${payload}.${signature.slice(0, -2)}`,
      `${header}.${payload}.${'A'.repeat(signature.length)}`,
    ];
    for (const token of tokens) {
      const { status, body } = await me(`Bearer ${token}`);
      expect([status, body.error_code], token).toEqual([401, 'UNAUTHORIZED']);
    }
  });

  it('of one kind is none of another', async () => {
    const { access_token, refresh_token } = (await login()).body;
    const { ticket } = (await call('/api/v1/auth/ws-ticket', { method: 'POST', headers: asAdmin })).body;
    for (const token of [refresh_token, ticket]) {
      expect((await me(`Bearer ${token}`)).status).toBe(401);
      expect((await call('/api/v1/users/me', { headers: { 'x-api-key': String(token) } })).status).toBe(401);
    }
    for (const token of [access_token, ticket, asAdmin['x-api-key']]) {
      expect((await call('/auth/refresh', { body: { refresh_token: token } })).status).toBe(401);
    }
    // They have harmed nobody: the session goes on.
    expect((await call('/auth/refresh', { body: { refresh_token } })).status).toBe(200);
  });
});

async function madeUser(username: string, more: Record<string, unknown> = {}): Promise<Json> {
  const made = await call('/api/v1/users', { body: { username, ...more }, headers: asAdmin });
  expect(made.status).toBe(201);
  return made.body;
}

describe('who has an account', () => {
  it('cannot be told from a login: of nobody, of somebody, of one without a password, of one who is disabled', async () => {
    await madeUser('has-none');
    const { id } = await madeUser('is-out', { password: 'a long enough phrase' });
    await call(`/api/v1/users/${id}`, { method: 'PUT', body: { disabled: true }, headers: asAdmin });
    const attempts = [
      { username: 'nobody-at-all', password: 'a long enough phrase' },
      { ...ADMIN, password: 'a long enough phrase' },
      { username: 'has-none', password: 'a long enough phrase' },
      { username: 'is-out', password: 'a long enough phrase' },
      { username: "' OR 1=1 --", password: 'a long enough phrase' },
      { username: 'root\0', password: ADMIN.password },
      { username: 'root ', password: ADMIN.password },
    ];
    const answers: unknown[] = [];
    const fastest = attempts.map(() => Number.POSITIVE_INFINITY);
    for (const round of [1, 2]) {
      for (const [at, attempt] of attempts.entries()) {
        const started = performance.now();
        const answer = said(await login(attempt));
        fastest[at] = Math.min(fastest[at]!, performance.now() - started);
        if (round === 1) answers.push(answer);
      }
    }
    expect(answers).toEqual(answers.map(() => answers[0]));
    expect(answers[0]).toMatchObject({ status: 401 });
    expect(Math.max(...fastest) / Math.min(...fastest)).toBeLessThan(5);
  });

  it('cannot be told from a link that resets a password, nor from a refresh', async () => {
    const reset = (token: string) =>
      call('/auth/reset-password', { body: { token, password: 'a long enough phrase' } });
    const ours = encode({ id: newId() });
    expect(said(await reset(ours))).toEqual(said(await reset('x')));
    expect((await reset(ours)).status).toBe(401);
  });
});

describe('a flood of logins', () => {
  it('gets exactly its ten through, all at once and whatever addresses it claims', async () => {
    const forged = [
      (n: number) => ({ 'x-forwarded-for': `198.51.100.${n}` }),
      (n: number) => ({ 'x-real-ip': `198.51.100.${n}` }),
      (n: number) => ({ forwarded: `for=198.51.100.${n}` }),
      (n: number) => ({ 'true-client-ip': `198.51.100.${n}` }),
      (n: number) => ({ 'x-client-ip': `198.51.100.${n}` }),
      (n: number) => ({ 'x-cluster-client-ip': `198.51.100.${n}` }),
    ];
    const attempt = (n: number) =>
      call(['/auth/token', '/api/v1/auth/login', '/auth/ldap'][n % 3]!, {
        body: { username: `flood-${n}`, password: 'guess' },
        headers: forged[n % forged.length]!(n) as Record<string, string>,
        ip: '203.0.113.200',
      });
    const answers = await Promise.all(Array.from({ length: 40 }, (_, n) => attempt(n)));
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused).toHaveLength(30);
    expect(Number(refused[0]?.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(refused[0]?.body).toMatchObject({ error_code: 'RATE_LIMIT_EXCEEDED' });
  });

  it('at one account ends for its owner, too, but not for what they hold already', async () => {
    await madeUser('besieged', { password: 'a long enough phrase' });
    const own = await login({ username: 'besieged', password: 'a long enough phrase' });
    for (let n = 0; n < 10; n++)
      await login({ username: n % 2 ? 'Besieged' : 'BESIEGED', password: `guess ${n}` });
    expect((await login({ username: 'besieged', password: 'a long enough phrase' })).status).toBe(429);
    expect((await me(`Bearer ${own.body.access_token}`)).status).toBe(200);
  });
});

describe('what no request may set', () => {
  const FORBIDDEN = [
    'role',
    'id',
    'group_id',
    'plan',
    'user_id',
    'is_admin',
    'created_at',
    'disabled',
    'scopes',
    'constructor',
  ];

  it('is a 400 that names it, at every operation that does not document it', async () => {
    const document = JSON.parse((await call('/openapi.json')).text);
    const found: string[] = [];
    let tried = 0;
    for (const [path, item] of Object.entries<Record<string, Json>>(document.paths)) {
      for (const [method, operation] of Object.entries(item)) {
        const schema = (operation.requestBody?.content as unknown as Record<string, Json>)?.[
          'application/json'
        ]?.schema;
        if (!schema) continue;
        await forgetCount();
        const known = propertiesOf(schema, document);
        const body = Object.fromEntries(
          FORBIDDEN.filter((name) => !known.has(name)).map((name) => [name, 'admin']),
        );
        const { status, body: answer } = await call(path.replaceAll(/\{[^}]+\}/g, newId()), {
          method: method.toUpperCase(),
          headers: asAdmin,
          body,
        });
        const named =
          (answer.errors as unknown as { pointer: string }[] | undefined)?.map(({ pointer }) => pointer) ??
          [];
        const missing = Object.keys(body).filter((name) => !named.includes(`/${name}`));
        if (status !== 400 || missing.length > 0)
          found.push(`${method} ${path} → ${status}, not named: ${missing}`);
        tried += 1;
      }
    }
    expect(found).toEqual([]);
    expect(tried).toBeGreaterThan(25);
  });

  it('is not set by a member that JSON hides, or has twice', async () => {
    const { headers } = { headers: { ...asAdmin, 'content-type': 'application/json' } };
    const bodies = [
      '{"username":"hidden","__proto__":{"role":"admin"}}',
      '{"username":"hidden","role":"viewer","role":"admin"}',
      '{"username":"hidden","\\u0072ole":"viewer","role":"admin"}',
      '{"username":"hidden","constructor":{"prototype":{"role":"admin"}}}',
    ];
    for (const body of bodies) {
      const answer = await call('/api/v1/users', { method: 'POST', headers, body });
      expect([answer.status, answer.body.error_code], body).toEqual([400, 'VALIDATION_ERROR']);
    }
    const { n } = (await env.DB.prepare("SELECT count(*) AS n FROM users WHERE username = 'hidden'").first<{
      n: number;
    }>())!;
    expect(n).toBe(0);
  });
});

/** The members of a body that its schema knows, through references and alternatives. */
function propertiesOf(schema: Json, document: Json): Set<string> {
  const reference = schema.$ref as unknown as string | undefined;
  if (reference) {
    const name = reference.split('/').at(-1)!;
    return propertiesOf(document.components!.schemas![name]!, document);
  }
  const parts = ['anyOf', 'oneOf', 'allOf'].flatMap(
    (key) => (schema[key] as unknown as Json[] | undefined) ?? [],
  );
  return new Set([
    ...Object.keys(schema.properties ?? {}),
    ...parts.flatMap((part) => [...propertiesOf(part, document)]),
  ]);
}
