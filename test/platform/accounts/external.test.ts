import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import type { Env } from '../../../src/env.ts';
import { newId } from '../../../src/ids.ts';
import type { Origin } from '../../../src/platform/accounts/audit.ts';
import { type ExternalIdentity, signInExternal } from '../../../src/platform/accounts/external.ts';
import { services } from '../../../src/services.ts';
import { asAdmin, call, type Json, withVariables } from '../../http/call.ts';
import { person } from '../../http/people.ts';

const origin = (): Origin => ({
  caller: { userId: null, username: null, via: 'anonymous' },
  ip: '203.0.113.1',
  requestId: newId(),
  clock: () => new Date(),
  newId,
});

let people = 0;

/** Somebody of whom nothing is known here. */
function stranger(more: Partial<ExternalIdentity> = {}): ExternalIdentity {
  people += 1;
  return {
    provider: 'keycloak',
    issuer: 'https://sso.example/realms/main',
    subject: `subject-${people}`,
    username: `jane-${people}`,
    email: `jane-${people}@corp.example`,
    emailVerified: true,
    organisations: [],
    ...more,
  };
}

async function signIn(
  identity: ExternalIdentity,
  variables: Record<string, string> = { SSO_ALLOWED: 'corp.example' },
) {
  const s = services(withVariables(variables) as unknown as Env);
  return signInExternal(s, identity, origin());
}

/** Who the tokens of a sign-on belong to. */
async function profileOf(identity: ExternalIdentity, variables?: Record<string, string>): Promise<Json> {
  const { access_token } = await signIn(identity, variables);
  const answer = await call('/api/v1/users/me', { headers: { authorization: `Bearer ${access_token}` } });
  expect(answer.status).toBe(200);
  return answer.body;
}

const create = async (body: object) =>
  (await call('/api/v1/users', { body, headers: asAdmin })).body as unknown as { id: string };
const audit = async (query: string) =>
  (await call(`/api/v1/admin/audit?${query}`, { headers: asAdmin })).body.items as unknown as Json[];
const users = async () => (await env.DB.prepare('SELECT count(*) AS n FROM users').first<{ n: number }>())!.n;
const refused = (detail: RegExp) =>
  expect.objectContaining({ slug: 'forbidden', message: expect.stringMatching(detail) });

describe('the first sign-on', () => {
  it('makes the first admin before anybody else, so that the deployment has one', async () => {
    await signIn(stranger());
    const { results } = await env.DB.prepare('SELECT role FROM users ORDER BY role').all();
    expect(results).toEqual([{ role: 'admin' }, { role: 'viewer' }]);
  });

  it('makes an account with a personal group, the default role, and its place in the log', async () => {
    const identity = stranger({ username: 'zoë' });
    const me = await profileOf(identity, { SSO_ALLOWED: 'Corp.Example', SSO_DEFAULT_ROLE: 'analyst' });
    expect(me).toMatchObject({ username: 'zoë', email: identity.email, role: 'analyst' });
    expect(me.groups).toEqual([{ id: me.personal_group_id, name: 'zoë', role: 'admin' }]);
    const entries = await audit(`actor=${me.id}`);
    expect(entries.map((each) => each.action)).toEqual(['login.succeeded', 'user.created']);
    expect(entries[1]!.detail).toMatchObject({ provider: 'keycloak', subject: identity.subject });
  });

  it('leads to the same account ever after, whatever else has changed', async () => {
    const identity = stranger();
    const first = await profileOf(identity);
    const renamed = { ...identity, username: 'other', email: 'other@corp.example' };
    expect((await profileOf(renamed)).id).toBe(first.id);
    expect((await profileOf({ ...identity, issuer: 'https://elsewhere.example' })).id).not.toBe(first.id);
    expect((await profileOf({ ...identity, subject: `${identity.subject}x` })).id).not.toBe(first.id);
  });

  it('makes one account, however many come at once', async () => {
    const identity = stranger();
    const before = await users();
    const all = await Promise.all(Array.from({ length: 8 }, () => profileOf(identity)));
    expect(new Set(all.map((me) => me.id)).size).toBe(1);
    expect(await users()).toBe(before + 1);
  });

  it('makes another account when an admin has deleted the one there was', async () => {
    const identity = stranger();
    const { id, username } = await profileOf(identity);
    await call(`/api/v1/users/${id}`, { method: 'DELETE', headers: asAdmin });
    const again = await profileOf(identity);
    expect(again.username).toEqual(username);
    expect(again.id).not.toBe(id);
  });

  it('gives names that are taken a suffix, also to many at once', async () => {
    const named = Array.from({ length: 9 }, () => stranger({ username: 'ROOT' }));
    const names = (await Promise.all(named.map((each) => profileOf(each)))).map((me) => String(me.username));
    expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(9);
    for (const name of names) expect(name).toMatch(/^ROOT-[0-9a-f]+$/);
  });

  it.each([
    ['a/b\u0000\u202e c', 'ab c'],
    ['', 'keycloak-user'],
    ['0190b5a2-7c1e-7000-8000-000000000000', 'keycloak-user-2'],
    [`${'x'.repeat(500)}`, 'x'.repeat(180)],
  ])('makes a name of ours of %j', async (username, expected) => {
    expect((await profileOf(stranger({ username }))).username).toBe(expected);
  });
});

describe('who is admitted', () => {
  it.each<[string, Partial<ExternalIdentity>, string]>([
    ['nobody new where SSO_ALLOWED is empty', {}, ''],
    ['no other domain', { email: 'x@sub.corp.example' }, 'corp.example'],
    ['no domain that an address merely ends with', { email: 'x@notcorp.example' }, 'corp.example'],
    ['no domain in front of the last @', { email: '"x@corp.example"@evil.example' }, 'corp.example'],
    ['nobody by an address that is not verified', { emailVerified: false }, 'corp.example'],
    ['no organisation by a domain', { organisations: ['corp.example'], email: null }, 'corp.example'],
    ['no domain by an organisation', { email: 'x@acme' }, 'acme'],
  ])('is %s', async (_who, more, allowed) => {
    const before = await users();
    const identity = stranger(more);
    await expect(signIn(identity, { SSO_ALLOWED: allowed })).rejects.toEqual(refused(/admin/));
    expect(await users()).toBe(before);
    const [entry] = await audit('action=login.failed');
    expect(entry!.detail).toMatchObject({ method: 'keycloak', subject: identity.subject });
  });

  it('are members of an organisation, and holders of another verified address', async () => {
    const member = stranger({ provider: 'github', email: null, organisations: ['acme'] });
    expect((await profileOf(member, { SSO_ALLOWED: 'other, ACME' })).email).toBeNull();
    const holder = stranger({ email: 'x@home.example', otherEmails: ['x@corp.example'] });
    expect((await profileOf(holder)).email).toBe('x@home.example');
  });

  it('is everybody whom the directory of the operator knows', async () => {
    expect((await profileOf(stranger({ provider: 'ldap' }), {})).role).toBe('viewer');
  });

  it('is no longer who left, but still whom an admin made', async () => {
    const left = stranger();
    const made = stranger({ email: 'contractor@home.example' });
    await create({ username: 'contractor', email: 'contractor@home.example' });
    await signIn(left);
    await signIn(made);
    const elsewhere = { SSO_ALLOWED: 'another.example' };
    await expect(signIn(left, elsewhere)).rejects.toEqual(refused(/no longer/));
    await signIn(made, elsewhere);
    await signIn(left, { SSO_ALLOWED: '' });
  });

  it('is nobody who is disabled, by another provider neither', async () => {
    const identity = stranger();
    const { id } = await profileOf(identity);
    await call(`/api/v1/users/${id}`, { method: 'PUT', headers: asAdmin, body: { disabled: true } });
    const before = await users();
    await expect(signIn(identity)).rejects.toEqual(refused(/disabled/));
    await expect(signIn({ ...identity, issuer: 'https://gitlab.example' })).rejects.toEqual(
      refused(/disabled/),
    );
    expect(await users()).toBe(before);
    const [entry] = await audit(`target=${id}&action=login.failed`);
    expect(entry).toMatchObject({ detail: { reason: 'This account is disabled.' } });
  });
});

describe('an account that was there before', () => {
  it('is found by the address an admin wrote, once, and then by issuer and subject', async () => {
    const made = await create({ username: 'awaited', email: 'Awaited@corp.example', role: 'reviewer' });
    const identity = stranger({ email: 'awaited@corp.example' });
    expect(await profileOf(identity, {})).toMatchObject({
      id: made.id,
      username: 'awaited',
      role: 'reviewer',
    });
    expect((await audit(`target=${made.id}`)).map((each) => each.action)).toContain('user.identity_linked');
    const moved = { ...identity, email: null, emailVerified: false };
    expect((await profileOf(moved, {})).id).toBe(made.id);
    // The address may by now belong to somebody else, who is not let into the account.
    const successor = stranger({ email: 'awaited@corp.example' });
    await expect(signIn(successor, {})).rejects.toEqual(refused(/admin/));
    expect((await profileOf(successor)).id).not.toBe(made.id);
  });

  it('is not found by an address that nobody verified', async () => {
    await create({ username: 'target', email: 'target@corp.example', role: 'admin' });
    const thief = stranger({ email: 'target@corp.example', emailVerified: false });
    await expect(signIn(thief, {})).rejects.toEqual(refused(/admin/));
  });

  it('is not found by an address that a user wrote, so that nobody lies in wait for another', async () => {
    const mallory = await person('viewer');
    const email = 'victim@corp.example';
    await call('/api/v1/users/me', { method: 'PUT', headers: mallory.headers, body: { email } });
    const victim = stranger({ email });
    await expect(signIn(victim, {})).rejects.toEqual(refused(/admin/));
    expect((await profileOf(victim)).id).not.toBe(mallory.id);
  });

  it('is found by an address that a user wrote and an admin repeats', async () => {
    const user = await person('viewer');
    const email = 'moved@corp.example';
    await call('/api/v1/users/me', { method: 'PUT', headers: user.headers, body: { email } });
    const repeated = await call(`/api/v1/users/${user.id}`, {
      method: 'PUT',
      headers: asAdmin,
      body: { email },
    });
    expect(repeated.status).toBe(200);
    expect((await profileOf(stranger({ email }), {})).id).toBe(user.id);
  });

  it('is nobody’s where two have the address', async () => {
    for (const username of ['twin-1', 'twin-2']) await create({ username, email: 'twin@corp.example' });
    await expect(signIn(stranger({ email: 'twin@corp.example' }), {})).rejects.toEqual(refused(/admin/));
  });

  it('is linked once, however many identities come for it at once', async () => {
    const made = await create({ username: 'raced', email: 'raced@corp.example' });
    const all = await Promise.all(
      Array.from({ length: 6 }, () => profileOf(stranger({ email: 'raced@corp.example' }))),
    );
    expect(all.filter((me) => String(me.id) === made.id)).toHaveLength(1);
  });
});

describe('the role', () => {
  it('follows the directory at every login, and stays where the provider gives none', async () => {
    const identity = stranger({ provider: 'ldap', role: 'reviewer' });
    const me = await profileOf(identity);
    expect(me.role).toBe('reviewer');
    expect((await profileOf({ ...identity, role: 'analyst' })).role).toBe('analyst');
    const [entry] = await audit(`target=${me.id}&action=user.role_changed`);
    expect(entry!.detail).toEqual({ from: 'reviewer', to: 'analyst', by: 'ldap' });
    expect((await profileOf({ ...identity, role: undefined })).role).toBe('analyst');
  });

  it('of the last admin stays', async () => {
    const identity = stranger({ provider: 'ldap', role: 'admin' });
    const { id } = await profileOf(identity);
    await env.DB.prepare("UPDATE users SET role = 'viewer' WHERE role = 'admin' AND id <> ?").bind(id).run();
    expect((await profileOf({ ...identity, role: 'viewer' })).role).toBe('admin');
  });
});
