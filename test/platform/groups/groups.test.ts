import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, test } from 'vitest';
import { answer, type Schemas } from '../../../src/client/client.ts';
import type { Env } from '../../../src/env.ts';
import { newId } from '../../../src/ids.ts';
import { controlDb } from '../../../src/store/control-db.ts';
import { createRepo } from '../../../src/store/repos.ts';
import type { GroupRole } from '../../../src/store/scope.ts';
import { call, clientOf } from '../../http/call.ts';
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

/** A client for each login. */
const as = (who: Person) => clientOf(who.headers);
const at = (group_id: string) => ({ path: { group_id } });
const byId = (project_id: string) => ({ path: { project_id } });
const named = (name: string) => ({ path: { name } });
const statusOf = async (call: Promise<{ response: Response }>) => (await call).response.status;
/** Status and the first field of a refusal. */
const refusalOf = async (call: Promise<{ response: Response; error?: Schemas['Problem'] }>) => {
  const { response, error } = await call;
  return [response.status, error?.errors?.[0]?.pointer];
};

const getGroup = (who: Person, id: string) => as(who).GET('/api/v1/groups/{group_id}', { params: at(id) });
const putGroup = (who: Person, id: string, body: Schemas['UpdateGroupRequest'], tag?: string) =>
  as(who).PUT('/api/v1/groups/{group_id}', { params: { ...at(id), header: { 'If-Match': tag } }, body });
const deleteGroup = (who: Person, id: string, cascade?: 'true') =>
  as(who).DELETE('/api/v1/groups/{group_id}', { params: { ...at(id), query: { cascade } } });
const membersOf = (who: Person, id: string) =>
  as(who).GET('/api/v1/groups/{group_id}/users', { params: at(id) });
const share = (who: Person, id: string, user_id: string, role: GroupRole) =>
  as(who).POST('/api/v1/groups/{group_id}/users', { params: at(id), body: { user_id, role } });
const remove = (who: Person, group_id: string, user_id: string) =>
  as(who).DELETE('/api/v1/groups/{group_id}/users/{user_id}', { params: { path: { group_id, user_id } } });
const getRepo = (who: Person, name: string) => as(who).GET('/api/v1/repos/{name}', { params: named(name) });
const makeProject = (who: Person, body: Schemas['CreateProjectRequest']) =>
  as(who).POST('/api/v1/projects', { body });
const getProject = (who: Person, id: string) =>
  as(who).GET('/api/v1/projects/{project_id}', { params: byId(id) });
const putProject = (who: Person, id: string, body: Schemas['UpdateProjectRequest']) =>
  as(who).PUT('/api/v1/projects/{project_id}', { params: byId(id), body });
const deleteProject = (who: Person, id: string) =>
  as(who).DELETE('/api/v1/projects/{project_id}', { params: byId(id) });
const listProjects = (who: Person, group_id?: string) =>
  answer(as(who).GET('/api/v1/projects', { params: { query: { group_id } } }));

/** A group of root's with some members. */
async function groupOf(name: string, members: [Person, GroupRole][] = []): Promise<string> {
  const { id } = await answer(as(root).POST('/api/v1/groups', { body: { name } }));
  for (const [who, role] of members) expect(await statusOf(share(root, id, who.id, role))).toBe(201);
  return id;
}

/** A repo without a mirror. */
async function repoIn(groupId: string, name: string): Promise<string> {
  const row = newRepo({ groupId, createdBy: root.id, name });
  return (await createRepo(db, ADMIN_CALLER, row, 2, new Date())).row.id;
}

describe('groups', () => {
  test('are created by global admins, who become their admin, in the documented shape', async () => {
    const body = { name: 'PostgreSQL Development', description: 'PostgreSQL core development projects' };
    const { data: made, response } = await as(root).POST('/api/v1/groups', { body });
    expect(response.status).toBe(201);
    expect(response.headers.get('location')).toBe(`${V1}/groups/${made?.id}`);
    expect(made).toEqual({
      id: expect.stringMatching(UUID7),
      name: 'PostgreSQL Development',
      description: 'PostgreSQL core development projects',
      created_at: expect.stringMatching(/Z$/),
      updated_at: made?.created_at,
      project_count: 0,
      role: 'admin',
      personal: false,
    });
    expect(await answer(membersOf(root, `${made?.id}`))).toEqual({
      users: [
        {
          id: expect.stringMatching(UUID7),
          user_id: root.id,
          username: root.username,
          role: 'admin',
          created_at: made?.created_at,
        },
      ],
      total: 1,
    });
  });

  test('list what the caller is in, and all of them for a global admin, by page', async () => {
    const id = await groupOf('listed', [[ben, 'viewer']]);
    const { data: mine, response } = await as(ben).GET('/api/v1/groups');
    expect(mine?.groups.map((group) => [group.id, group.role, group.personal])).toEqual([
      [id, 'viewer', false],
      [ben.personalGroupId, 'admin', true],
    ]);
    expect([mine?.total, response.headers.get('x-total-count')]).toEqual([2, '2']);
    const query = { limit: 1, offset: 1 };
    const second = await as(ben).GET('/api/v1/groups', { params: { query } });
    expect(second.data?.groups.map((group) => group.id)).toEqual([ben.personalGroupId]);
    expect(second.response.headers.get('link')).toContain('rel="prev"');
    const all = (await answer(as(root).GET('/api/v1/groups'))).groups.map((group) => group.id);
    expect(all).toEqual(expect.arrayContaining([id, ben.personalGroupId, ann.personalGroupId]));
    await answer(deleteGroup(root, id));
  });

  test('change by PUT with If-Match, and absent fields stay', async () => {
    const id = await groupOf('named', [[ann, 'editor']]);
    await answer(putGroup(ann, id, { description: 'words' }));
    const { data, response } = await getGroup(ann, id);
    expect(data).toMatchObject({ name: 'named', description: 'words' });
    const tag = response.headers.get('etag')!;
    const params = { ...at(id), header: { 'If-None-Match': tag } };
    expect(await statusOf(as(ann).GET('/api/v1/groups/{group_id}', { params }))).toBe(304);
    const renamed = await answer(putGroup(ann, id, { name: 'renamed' }, tag));
    expect(renamed).toMatchObject({ name: 'renamed', description: 'words' });
    expect(await statusOf(putGroup(ann, id, { name: 'lost' }, tag))).toBe(412);
    expect((await answer(putGroup(ann, id, { description: null }))).description).toBeNull();
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
    // Its types would not let most of them through.
    const made = as(root).POST('/api/v1/groups', { body: body as Schemas['CreateGroupRequest'] });
    expect(await refusalOf(made)).toEqual([400, pointer]);
  });

  test('give a member another role, and let go', async () => {
    const id = await groupOf('members', [[ben, 'viewer']]);
    const before = (await answer(membersOf(ben, id))).users.find((each) => each.user_id === ben.id);
    const changed = await share(root, id, ben.id, 'editor');
    expect([changed.response.status, changed.data]).toEqual([200, { ...before, role: 'editor' }]);
    expect((await answer(as(ben).GET('/api/v1/users/me'))).groups).toContainEqual({
      id,
      name: 'members',
      role: 'editor',
    });
    expect(await statusOf(remove(root, id, ben.id))).toBe(204);
    expect(await statusOf(getGroup(ben, id))).toBe(404);
    expect(await statusOf(remove(root, id, ben.id))).toBe(404);
    expect(await refusalOf(share(root, id, newId(), 'viewer'))).toEqual([404, '/user_id']);
    expect(await refusalOf(share(root, id, ben.id, 'owner' as GroupRole))).toEqual([400, '/role']);
    const query = { target: id };
    const { items: log } = await answer(as(root).GET('/api/v1/admin/audit', { params: { query } }));
    expect(log.map((each) => [each.action, each.detail])).toEqual([
      ['group.role_revoked', { user_id: ben.id }],
      ['group.role_granted', { user_id: ben.id, role: 'editor' }],
      ['group.role_granted', { user_id: ben.id, role: 'viewer' }],
      ['group.created', {}],
    ]);
  });

  test('that are personal cannot be shared, left or deleted', async () => {
    const id = ann.personalGroupId;
    expect(await statusOf(share(ann, id, ben.id, 'viewer'))).toBe(422);
    expect(await statusOf(remove(root, id, ann.id))).toBe(422);
    expect(await statusOf(deleteGroup(root, id))).toBe(422);
    expect(await answer(getGroup(ann, id))).toMatchObject({ role: 'admin', personal: true });
  });

  test('that own repositories are deleted with them or not at all', async () => {
    const id = await groupOf('owner', [[ann, 'admin']]);
    const repos = [await repoIn(id, 'one'), await repoIn(id, 'two')];
    const project = await answer(makeProject(ann, { group_id: id, name: 'p', repo: 'one' }));
    const { response, error } = await deleteGroup(root, id);
    expect(response.status).toBe(409);
    expect(error?.repos).toEqual([
      { id: repos[0], name: 'one' },
      { id: repos[1], name: 'two' },
    ]);
    expect(await statusOf(getRepo(ann, 'one'))).toBe(200);
    expect(await statusOf(deleteGroup(root, id, 'true'))).toBe(204);
    for (const who of [ann, root]) {
      const gone = [
        getGroup(who, id),
        getRepo(who, 'one'),
        getRepo(who, repos[1]!),
        getProject(who, project.id),
        membersOf(who, id),
      ];
      for (const each of gone) expect(await statusOf(each)).toBe(404);
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
    expect(await statusOf(getRepo(ben, 'postgres'))).toBe(404);
    const { data: made, response } = await makeProject(ann, {
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
    expect(response.status).toBe(201);
    expect(response.headers.get('location')).toBe(`${V1}/projects/${made?.id}`);
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
    expect(made).toEqual({ ...shown, warnings: expect.any(Array) });
    expect(made?.warnings).toHaveLength(3);
    expect(await listProjects(ben)).toEqual({ projects: [shown], total: 1 });
    expect((await answer(getGroup(ben, seeing))).project_count).toBe(1);

    expect(await answer(getRepo(ben, 'postgres'))).toMatchObject({ id: repoId, localPath: null });
    const params = named('postgres');
    const changes = [
      as(cat).PATCH('/api/v1/repos/{name}', { params, body: { depth: 2 } }),
      as(cat).POST('/api/v1/repos/{name}/sync', { params, body: { ref: 'main' } }),
      as(cat).DELETE('/api/v1/repos/{name}', { params }),
    ];
    for (const change of changes) expect(await statusOf(change)).toBe(403);
    expect(await statusOf(deleteProject(cat, `${made?.id}`))).toBe(204);
    expect(await statusOf(getRepo(ben, 'postgres'))).toBe(404);
    expect(await statusOf(getRepo(ann, 'postgres'))).toBe(200);
  });

  test('take editor in both groups', async () => {
    const body = { group_id: seeing, name: 'not mine', repo: 'postgres' };
    expect(await refusalOf(makeProject(cat, body))).toEqual([404, '/repo']);
    await answer(share(root, owning, cat.id, 'viewer'));
    expect(await statusOf(makeProject(cat, body))).toBe(403);
    await answer(share(root, owning, cat.id, 'editor'));
    const { id } = await answer(makeProject(cat, body));
    expect(await statusOf(makeProject(ben, { group_id: seeing, name: 'x' }))).toBe(403);
    const elsewhere = await makeProject(ben, { group_id: owning, name: 'x' });
    expect([elsewhere.response.status, elsewhere.error?.detail]).toEqual([404, 'Group not found']);
    // A view that stands is not widened by who may no longer change what it shows.
    await answer(remove(root, owning, cat.id));
    expect(await statusOf(putProject(cat, id, { description: 'mine still' }))).toBe(200);
    const other = await repoIn(owning, 'other');
    expect(await statusOf(putProject(cat, id, { repo: other }))).toBe(404);
    expect(await answer(putProject(cat, id, { repo: null }))).toMatchObject({
      repo: null,
      repo_id: null,
      source_path: null,
      description: 'mine still',
    });
    expect(await statusOf(getRepo(cat, 'postgres'))).toBe(404);
    await answer(deleteProject(cat, id));
  });

  test('have names of their own within the group', async () => {
    const one = await answer(makeProject(ann, { group_id: seeing, name: 'one' }));
    const two = await answer(makeProject(ann, { group_id: seeing, name: 'two' }));
    expect(await statusOf(makeProject(ann, { group_id: seeing, name: 'one' }))).toBe(409);
    expect(await statusOf(putProject(ann, two.id, { name: 'one' }))).toBe(409);
    expect(await statusOf(putProject(ann, two.id, { name: 'two' }))).toBe(200);
    const moved = { group_id: owning } as Schemas['UpdateProjectRequest'];
    expect(await refusalOf(putProject(ann, two.id, moved))).toEqual([400, '/group_id']);
    for (const { id } of [one, two]) await answer(deleteProject(cat, id));
  });

  test('are active one at a time for each user', async () => {
    const make = async (name: string) => (await answer(makeProject(ann, { group_id: seeing, name }))).id;
    const [first, second] = [await make('first'), await make('second')];
    const activate = (id: string) =>
      answer(as(ben).POST('/api/v1/projects/{project_id}/activate', { params: byId(id) }));
    expect(await activate(first)).toEqual({
      id: first,
      name: 'first',
      is_active: true,
      message: 'Project activated successfully',
    });
    await activate(second);
    const active = async (who: Person) =>
      (await listProjects(who, seeing)).projects
        .filter((project) => project.is_active)
        .map((project) => project.id);
    expect(await active(ben)).toEqual([second]);
    expect(await active(ann)).toEqual([]);
    for (const id of [first, second]) await answer(deleteProject(cat, id));
    expect(await active(ben)).toEqual([]);
  });

  test("filter by group, where a group that is not the caller's has none", async () => {
    await answer(makeProject(ann, { group_id: owning, name: 'inner' }));
    for (const id of [owning, newId()])
      expect(await listProjects(ben, id)).toEqual({ projects: [], total: 0 });
    expect((await listProjects(ann, owning)).total).toBe(1);
  });

  test('no longer show a repository that was deleted', async () => {
    const id = await repoIn(owning, 'gone');
    const stays = await answer(makeProject(ann, { group_id: seeing, name: 'stays', repo: id }));
    // As it is from the moment of deletion until its data is gone.
    await bindings.DB.prepare('UPDATE repos SET deleted_at = ? WHERE id = ?').bind('2026-01-01', id).run();
    expect(await answer(getProject(ben, stays.id))).toMatchObject({ repo: null, repo_id: null });
    expect(await statusOf(getRepo(ben, id))).toBe(404);
  });
});

describe('a change of role', () => {
  test('counts at the next request, for logins that are open', async () => {
    const id = await groupOf('changing', [[ben, 'viewer']]);
    const repoId = await repoIn(id, 'changing');
    const { headers: open } = await loginOf(ben.id);
    const patch = () => call(`${V1}/repos/${repoId}`, { method: 'PATCH', headers: open, body: { depth: 3 } });
    expect((await patch()).status).toBe(403);
    await answer(share(root, id, ben.id, 'editor'));
    expect((await patch()).status).toBe(200);
    await answer(remove(root, id, ben.id));
    expect((await patch()).status).toBe(404);
  });
});
