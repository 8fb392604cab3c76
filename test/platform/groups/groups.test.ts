import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Env } from '../../../src/env.ts';
import { newId } from '../../../src/ids.ts';
import { controlDb } from '../../../src/store/control-db.ts';
import { createRepo } from '../../../src/store/repos.ts';
import { call, type Json } from '../../http/call.ts';
import { loginOf, type Person, person } from '../../http/people.ts';
import { ADMIN_CALLER, newRepo } from '../../support/repos.ts';

const bindings = env as unknown as Env;
const db = controlDb(bindings.DB);
const V1 = '/api/v1';
const UUID7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

let root: Person;
let ann: Person;
let ben: Person;

beforeAll(async () => {
  root = await person('admin');
  ann = await person('analyst');
  ben = await person('viewer');
});

const as = (who: Person, method: string, path: string, body?: unknown, more: Record<string, string> = {}) =>
  call(V1 + path, { method, body, headers: { ...who.headers, ...more } });

/** A group of root's with some members. */
async function groupOf(name: string, members: [Person, string][] = []): Promise<string> {
  const { body } = await as(root, 'POST', '/groups', { name });
  for (const [who, role] of members) {
    const added = await as(root, 'POST', `/groups/${body.id}/users`, { user_id: who.id, role });
    expect(added.status).toBe(201);
  }
  return String(body.id);
}

/** A repo without a mirror. */
async function repoIn(groupId: string, name: string): Promise<string> {
  const row = newRepo({ groupId, createdBy: root.id, name });
  return (await createRepo(db, ADMIN_CALLER, row, 2, new Date())).row.id;
}

const items = (body: Json, member: string) => body[member] as unknown as Json[];

describe('groups', () => {
  test('are created by global admins, who become their admin, in the documented shape', async () => {
    const made = await as(root, 'POST', '/groups', {
      name: 'PostgreSQL Development',
      description: 'PostgreSQL core development projects',
    });
    expect(made.status).toBe(201);
    expect(made.headers.get('location')).toBe(`${V1}/groups/${made.body.id}`);
    expect(made.body).toEqual({
      id: expect.stringMatching(UUID7),
      name: 'PostgreSQL Development',
      description: 'PostgreSQL core development projects',
      created_at: expect.stringMatching(/Z$/),
      updated_at: made.body.created_at,
      project_count: 0,
      role: 'admin',
      personal: false,
    });
    const { body } = await as(root, 'GET', `/groups/${made.body.id}/users`);
    expect(body).toEqual({
      users: [
        {
          id: expect.stringMatching(UUID7),
          user_id: root.id,
          username: root.username,
          role: 'admin',
          created_at: made.body.created_at,
        },
      ],
      total: 1,
    });
  });

  test('list what the caller is in, and all of them for a global admin, by page', async () => {
    const id = await groupOf('listed', [[ben, 'viewer']]);
    const mine = await as(ben, 'GET', '/groups');
    expect(items(mine.body, 'groups').map((group) => [group.id, group.role, group.personal])).toEqual([
      [id, 'viewer', false],
      [ben.personalGroupId, 'admin', true],
    ]);
    expect([mine.body.total, mine.headers.get('x-total-count')]).toEqual([2, '2']);
    const second = await as(ben, 'GET', '/groups?limit=1&offset=1');
    expect(items(second.body, 'groups').map((group) => group.id)).toEqual([ben.personalGroupId]);
    expect(second.headers.get('link')).toContain('rel="prev"');
    const all = items((await as(root, 'GET', '/groups')).body, 'groups').map((group) => group.id);
    expect(all).toEqual(expect.arrayContaining([id, ben.personalGroupId, ann.personalGroupId]));
    await as(root, 'DELETE', `/groups/${id}`);
  });

  test('change by PUT with If-Match, and absent fields stay', async () => {
    const id = await groupOf('named', [[ann, 'editor']]);
    await as(ann, 'PUT', `/groups/${id}`, { description: 'words' });
    const { headers, body } = await as(ann, 'GET', `/groups/${id}`);
    expect(body).toMatchObject({ name: 'named', description: 'words' });
    const tag = headers.get('etag')!;
    const again = await as(ann, 'GET', `/groups/${id}`, undefined, { 'if-none-match': tag });
    expect(again.status).toBe(304);
    const renamed = await as(ann, 'PUT', `/groups/${id}`, { name: 'renamed' }, { 'if-match': tag });
    expect(renamed.body).toMatchObject({ name: 'renamed', description: 'words' });
    const late = await as(ann, 'PUT', `/groups/${id}`, { name: 'lost' }, { 'if-match': tag });
    expect(late.status).toBe(412);
    expect((await as(ann, 'PUT', `/groups/${id}`, { description: null })).body.description).toBeNull();
  });

  test.each([
    [{ name: ' ' }, '/name'],
    [{ name: 'a\u0000' }, '/name'],
    [{ name: 'x'.repeat(201) }, '/name'],
    [{ name: 'x', id: newId() }, '/id'],
    [{ name: 'x', personal_user_id: newId() }, '/personal_user_id'],
    [{ name: 'x', description: 7 }, '/description'],
    [{}, '/name'],
  ])('refuse %j with 400 at %s', async (body, pointer) => {
    const answer = await as(root, 'POST', '/groups', body);
    expect([answer.status, answer.body.errors?.[0]?.pointer]).toEqual([400, pointer]);
  });

  test('give a member another role, and let go', async () => {
    const id = await groupOf('members', [[ben, 'viewer']]);
    const before = items((await as(ben, 'GET', `/groups/${id}/users`)).body, 'users');
    const changed = await as(root, 'POST', `/groups/${id}/users`, { user_id: ben.id, role: 'editor' });
    expect(changed.status).toBe(200);
    expect(changed.body).toEqual({
      ...before.find((each) => String(each.user_id) === ben.id),
      role: 'editor',
    });
    expect((await as(ben, 'GET', '/users/me')).body.groups).toContainEqual({
      id,
      name: 'members',
      role: 'editor',
    });
    expect((await as(root, 'DELETE', `/groups/${id}/users/${ben.id}`)).status).toBe(204);
    expect((await as(ben, 'GET', `/groups/${id}`)).status).toBe(404);
    expect((await as(root, 'DELETE', `/groups/${id}/users/${ben.id}`)).status).toBe(404);
    const nobody = await as(root, 'POST', `/groups/${id}/users`, { user_id: newId(), role: 'viewer' });
    expect([nobody.status, nobody.body.errors?.[0]?.pointer]).toEqual([404, '/user_id']);
    const owner = await as(root, 'POST', `/groups/${id}/users`, { user_id: ben.id, role: 'owner' });
    expect([owner.status, owner.body.errors?.[0]?.pointer]).toEqual([400, '/role']);
    const log = items((await as(root, 'GET', `/admin/audit?target=${id}`)).body, 'items');
    expect(log.map((each) => [each.action, each.detail])).toEqual([
      ['group.role_revoked', { user_id: ben.id }],
      ['group.role_granted', { user_id: ben.id, role: 'editor' }],
      ['group.role_granted', { user_id: ben.id, role: 'viewer' }],
      ['group.created', {}],
    ]);
  });

  test('that are personal cannot be shared, left or deleted', async () => {
    const path = `/groups/${ann.personalGroupId}`;
    const share = await as(ann, 'POST', `${path}/users`, { user_id: ben.id, role: 'viewer' });
    expect(share.status).toBe(422);
    expect((await as(root, 'DELETE', `${path}/users/${ann.id}`)).status).toBe(422);
    expect((await as(root, 'DELETE', path)).status).toBe(422);
    expect((await as(ann, 'GET', path)).body).toMatchObject({ role: 'admin', personal: true });
  });

  test('that own repositories are deleted with them or not at all', async () => {
    const id = await groupOf('owner', [[ann, 'admin']]);
    const repos = [await repoIn(id, 'one'), await repoIn(id, 'two')];
    const { body: project } = await as(ann, 'POST', '/projects', { group_id: id, name: 'p', repo: 'one' });
    const refused = await as(root, 'DELETE', `/groups/${id}`);
    expect(refused.status).toBe(409);
    expect(refused.body.repos).toEqual([
      { id: repos[0], name: 'one' },
      { id: repos[1], name: 'two' },
    ]);
    expect((await as(ann, 'GET', '/repos/one')).status).toBe(200);
    expect((await as(root, 'DELETE', `/groups/${id}?cascade=true`)).status).toBe(204);
    for (const path of [
      `/groups/${id}`,
      '/repos/one',
      `/repos/${repos[1]}`,
      `/projects/${project.id}`,
      `/groups/${id}/users`,
    ]) {
      expect((await as(ann, 'GET', path)).status, path).toBe(404);
      expect((await as(root, 'GET', path)).status, path).toBe(404);
    }
    const left = await bindings.DB.prepare(
      'SELECT (SELECT count(*) FROM groups WHERE id = ?1) + (SELECT count(*) FROM repos WHERE group_id = ?1) AS n',
    )
      .bind(id)
      .first<{ n: number }>();
    expect(left?.n).toBe(0);
  });
});

describe('projects', () => {
  let owning: string;
  let seeing: string;
  let cat: Person;
  let repoId: string;

  beforeAll(async () => {
    owning = await groupOf('owning', [[ann, 'editor']]);
    seeing = await groupOf('seeing', [
      [ann, 'editor'],
      [ben, 'viewer'],
    ]);
    cat = await person('analyst', { [seeing]: 'admin' });
    repoId = await repoIn(owning, 'postgres');
  });

  test('show a repository to the members of their group, and grant nothing else', async () => {
    expect((await as(ben, 'GET', '/repos/postgres')).status).toBe(404);
    const made = await as(ann, 'POST', '/projects', {
      group_id: seeing,
      name: 'PostgreSQL 17',
      repo: 'postgres',
      db_path: './workspace/postgresql.duckdb',
      cpg_path: './workspace/postgresql.cpg',
      source_path: '/etc/passwd',
      language: 'c',
      description: 'PostgreSQL 17.0 source code',
      metadata: { version: '17.0', deep: { list: [1, null] } },
    });
    expect(made.status).toBe(201);
    expect(made.headers.get('location')).toBe(`${V1}/projects/${made.body.id}`);
    const shown = {
      id: expect.stringMatching(UUID7),
      group_id: seeing,
      name: 'PostgreSQL 17',
      repo: 'postgres',
      repo_id: repoId,
      db_path: `index:${repoId}`,
      cpg_path: `graph:${repoId}`,
      source_path: `repo:${repoId}`,
      language: 'c',
      description: 'PostgreSQL 17.0 source code',
      is_active: false,
      metadata: { version: '17.0', deep: { list: [1, null] } },
      created_at: expect.stringMatching(/Z$/),
      updated_at: expect.stringMatching(/Z$/),
    };
    expect(made.body).toEqual({ ...shown, warnings: expect.any(Array) });
    expect(made.body.warnings).toHaveLength(3);
    expect((await as(ben, 'GET', '/projects')).body).toEqual({ projects: [shown], total: 1 });
    expect((await as(ben, 'GET', `/groups/${seeing}`)).body.project_count).toBe(1);

    expect((await as(ben, 'GET', '/repos/postgres')).body).toMatchObject({ id: repoId, localPath: null });
    for (const [method, path, body] of [
      ['PATCH', '/repos/postgres', { depth: 2 }],
      ['POST', '/repos/postgres/sync', { ref: 'main' }],
      ['DELETE', '/repos/postgres', undefined],
    ] as const) {
      expect((await as(cat, method, path, body)).status, method).toBe(403);
    }
    expect((await as(cat, 'DELETE', `/projects/${made.body.id}`)).status).toBe(204);
    expect((await as(ben, 'GET', '/repos/postgres')).status).toBe(404);
    expect((await as(ann, 'GET', '/repos/postgres')).status).toBe(200);
  });

  test('take editor in both groups', async () => {
    const body = { group_id: seeing, name: 'not mine', repo: 'postgres' };
    const unseen = await as(cat, 'POST', '/projects', body);
    expect([unseen.status, unseen.body.errors?.[0]?.pointer]).toEqual([404, '/repo']);
    await as(root, 'POST', `/groups/${owning}/users`, { user_id: cat.id, role: 'viewer' });
    expect((await as(cat, 'POST', '/projects', body)).status).toBe(403);
    await as(root, 'POST', `/groups/${owning}/users`, { user_id: cat.id, role: 'editor' });
    const made = await as(cat, 'POST', '/projects', body);
    expect(made.status).toBe(201);
    expect((await as(ben, 'POST', '/projects', { group_id: seeing, name: 'x' })).status).toBe(403);
    const elsewhere = await as(ben, 'POST', '/projects', { group_id: owning, name: 'x' });
    expect([elsewhere.status, elsewhere.body.detail]).toEqual([404, 'Group not found']);
    // A view that stands is not widened by who may no longer change what it shows.
    await as(root, 'DELETE', `/groups/${owning}/users/${cat.id}`);
    const path = `/projects/${made.body.id}`;
    expect((await as(cat, 'PUT', path, { description: 'mine still' })).status).toBe(200);
    const other = await repoIn(owning, 'other');
    expect((await as(cat, 'PUT', path, { repo: other })).status).toBe(404);
    expect((await as(cat, 'PUT', path, { repo: null })).body).toMatchObject({
      repo: null,
      repo_id: null,
      source_path: null,
      description: 'mine still',
    });
    expect((await as(cat, 'GET', '/repos/postgres')).status).toBe(404);
    await as(cat, 'DELETE', path);
  });

  test('have names of their own within the group', async () => {
    const one = await as(ann, 'POST', '/projects', { group_id: seeing, name: 'one' });
    const two = await as(ann, 'POST', '/projects', { group_id: seeing, name: 'two' });
    expect((await as(ann, 'POST', '/projects', { group_id: seeing, name: 'one' })).status).toBe(409);
    expect((await as(ann, 'PUT', `/projects/${two.body.id}`, { name: 'one' })).status).toBe(409);
    expect((await as(ann, 'PUT', `/projects/${two.body.id}`, { name: 'two' })).status).toBe(200);
    const moved = await as(ann, 'PUT', `/projects/${two.body.id}`, { group_id: owning });
    expect([moved.status, moved.body.errors?.[0]?.pointer]).toEqual([400, '/group_id']);
    for (const { body } of [one, two]) await as(cat, 'DELETE', `/projects/${body.id}`);
  });

  test('are active one at a time for each user', async () => {
    const make = async (name: string) =>
      String((await as(ann, 'POST', '/projects', { group_id: seeing, name })).body.id);
    const [first, second] = [await make('first'), await make('second')];
    expect((await as(ben, 'POST', `/projects/${first}/activate`)).body).toEqual({
      id: first,
      name: 'first',
      is_active: true,
      message: 'Project activated successfully',
    });
    await as(ben, 'POST', `/projects/${second}/activate`);
    const active = async (who: Person) =>
      items((await as(who, 'GET', `/projects?group_id=${seeing}`)).body, 'projects')
        .filter((project) => project.is_active)
        .map((project) => project.id);
    expect(await active(ben)).toEqual([second]);
    expect(await active(ann)).toEqual([]);
    for (const id of [first, second]) await as(cat, 'DELETE', `/projects/${id}`);
    expect(await active(ben)).toEqual([]);
  });

  test("filter by group, where a group that is not the caller's has none", async () => {
    await as(ann, 'POST', '/projects', { group_id: owning, name: 'inner' });
    for (const id of [owning, newId()]) {
      const { status, body } = await as(ben, 'GET', `/projects?group_id=${id}`);
      expect([status, body]).toEqual([200, { projects: [], total: 0 }]);
    }
    expect((await as(ann, 'GET', `/projects?group_id=${owning}`)).body.total).toBe(1);
  });

  test('no longer show a repository that was deleted', async () => {
    const id = await repoIn(owning, 'gone');
    const { body } = await as(ann, 'POST', '/projects', { group_id: seeing, name: 'stays', repo: id });
    // As it is from the moment of deletion until its data is gone.
    await bindings.DB.prepare('UPDATE repos SET deleted_at = ? WHERE id = ?').bind('2026-01-01', id).run();
    expect((await as(ben, 'GET', `/projects/${body.id}`)).body).toMatchObject({ repo: null, repo_id: null });
    expect((await as(ben, 'GET', `/repos/${id}`)).status).toBe(404);
  });
});

describe('a change of role', () => {
  test('counts at the next request, for logins that are open', async () => {
    const id = await groupOf('changing', [[ben, 'viewer']]);
    const repoId = await repoIn(id, 'changing');
    const { headers: open } = await loginOf(ben.id);
    const patch = () => call(`${V1}/repos/${repoId}`, { method: 'PATCH', headers: open, body: { depth: 3 } });
    expect((await patch()).status).toBe(403);
    await as(root, 'POST', `/groups/${id}/users`, { user_id: ben.id, role: 'editor' });
    expect((await patch()).status).toBe(200);
    await as(root, 'DELETE', `/groups/${id}/users/${ben.id}`);
    expect((await patch()).status).toBe(404);
  });
});
