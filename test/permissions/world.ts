import { env } from 'cloudflare:workers';
import type { Env } from '../../src/env.ts';
import { limiter } from '../../src/http/limits.ts';
import { SCOPES } from '../../src/http/scopes.ts';
import { newId } from '../../src/ids.ts';
import { controlDb } from '../../src/store/control-db.ts';
import { insertJob } from '../../src/store/jobs.ts';
import { createRepo, type FoundRepo } from '../../src/store/repos.ts';
import { call } from '../http/call.ts';
import { type Held, keyOf, loginOf, type Person, person } from '../http/people.ts';
import { registered, synced } from '../platform/repos/api.ts';
import { makeRepo } from '../support/git.ts';
import { ADMIN_CALLER, newRepo } from '../support/repos.ts';
import type { CallerKind, Fresh, Names } from './matrix.ts';

const bindings = env as unknown as Env;
const { DB } = bindings;
const db = controlDb(DB);
const AT = '2026-01-01T00:00:00.000Z';

/** Who else reads the repos of the group, if anyone. */
export type Openness = 'private' | 'public' | 'shown';

export interface World {
  /** What a request of the matrix names: the group's own things. */
  names: Names;
  /** Strings that only those who may see these things may read. */
  secrets: string[];
  /** The headers of a caller; of `key` those of one that lacks the scope. */
  headersOf(caller: CallerKind, scope: string): Promise<Record<string, string>>;
  /** The names with a thing that a request may use up, and headers if that is the caller's login. */
  fresh(what: Fresh, caller: CallerKind): Promise<{ names: Names; headers?: Record<string, string> }>;
  /** For tests that send more requests than a caller has in a minute. */
  forgetCounts(): Promise<void>;
  /** From now on the group's repo, and fresh ones, are so. */
  open(openness: Openness): Promise<void>;
}

/** What a caller uses up of its own. */
const OF_THE_CALLER = ['login', 'account', 'key'] as const;
type OfTheCaller = (typeof OF_THE_CALLER)[number];

function isOfTheCaller(what: Fresh): what is OfTheCaller {
  return (OF_THE_CALLER as readonly string[]).includes(what);
}

/** One group with an indexed repo, its job and a project, and one caller of each kind. */
export async function makeWorld(): Promise<World> {
  const admin = await person('admin');
  const as = (method: string, path: string, body?: object) =>
    call(`/api/v1${path}`, { method, body, headers: admin.headers });
  const groupOf = async (name: string) => String((await as('POST', '/groups', { name })).body.id);
  const [group_id, elsewhere] = [await groupOf('walled group'), await groupOf('elsewhere')];
  const people: Record<Exclude<CallerKind, 'anonymous' | 'key'>, Person> = {
    viewer: await person('viewer'),
    analyst: await person('analyst'),
    reviewer: await person('reviewer'),
    admin,
    groupViewer: await person('analyst', { [group_id]: 'viewer' }),
    groupEditor: await person('analyst', { [group_id]: 'editor' }),
    groupAdmin: await person('analyst', { [group_id]: 'admin' }),
    otherGroup: await person('reviewer', { [elsewhere]: 'admin' }),
  };
  const members = [people.groupViewer, people.groupEditor, people.groupAdmin];
  const [member, stranger] = [await person('viewer', { [group_id]: 'viewer' }), await person('viewer')];

  const remote = await makeRepo('walled', {
    'src/a.ts':
      'export function alpha() {\n  return beta();\n}\nfunction beta() {\n  return "walledtext";\n}\n',
  });
  const repo = await registered('walled-repo', remote.url, { group_id });
  const job = await synced('walled-repo', 'main');
  const { body: project } = await as('POST', '/projects', { group_id, name: 'walled view', repo: repo.id });

  const names: Names = {
    name: String(repo.id),
    ref: 'main',
    symbolName: 'alpha',
    job_id: String(job.id),
    group_id,
    project_id: String(project.id),
    user_id: member.id,
    stranger: stranger.id,
    session_id: newId(),
    key_id: newId(),
    file: 'swagger-start.js',
    provider: 'github',
  };

  let openness: Openness = 'private';
  const applyOpenness = async (repoId: string) => {
    await DB.batch([
      DB.prepare('UPDATE repos SET visibility = ? WHERE id = ?').bind(
        openness === 'public' ? 'public' : 'private',
        repoId,
      ),
      DB.prepare(
        `DELETE FROM projects WHERE group_id = ? AND repo_key = (SELECT key FROM repos WHERE id = ?)`,
      ).bind(elsewhere, repoId),
      DB.prepare(
        `INSERT INTO projects (id, group_id, repo_key, name, created_at, updated_at)
         SELECT ?1, ?2, key, ?1, ?3, ?3 FROM repos WHERE id = ?4 AND ?5 = 'shown'`,
      ).bind(newId(), elsewhere, AT, repoId, openness),
    ]);
  };

  /** A repo without a mirror, with an indexed ref that can be deleted. */
  const freshRepo = async (): Promise<FoundRepo> => {
    const row = newRepo({
      groupId: group_id,
      createdBy: admin.id,
      name: `walled ${newId()} `.trim(),
      remoteUrl: remote.url,
    });
    const made = await createRepo(db, ADMIN_CALLER, row, 2, new Date());
    await DB.prepare(
      `INSERT INTO indexed_refs (repo_key, ref, full_name, stage) VALUES (?, 'main', 'refs/heads/main', 'ready')`,
    )
      .bind(made.repo.key)
      .run();
    await applyOpenness(row.id);
    return made;
  };

  const make: Record<Exclude<Fresh, OfTheCaller>, () => Promise<Partial<Names>>> = {
    repo: async () => ({ name: (await freshRepo()).repo.id }),
    job: async () => {
      const job = { kind: 'sync' as const, ref: 'main', fullName: null, params: {}, requestedBy: admin.id };
      const row = await insertJob(db, await freshRepo(), { id: newId(), ...job }, new Date());
      return { job_id: row!.id };
    },
    group: async () => {
      const id = await groupOf('another walled group');
      await DB.batch(
        members.map((each, at) =>
          DB.prepare('INSERT INTO group_members (group_id, user_id, role) VALUES (?, ?, ?)').bind(
            id,
            each.id,
            ['viewer', 'editor', 'admin'][at],
          ),
        ),
      );
      return { group_id: id };
    },
    member: async () => {
      await DB.batch([
        DB.prepare(
          `INSERT INTO group_members (group_id, user_id, role) VALUES (?, ?, 'viewer') ON CONFLICT DO NOTHING`,
        ).bind(group_id, member.id),
        DB.prepare('DELETE FROM group_members WHERE group_id = ? AND user_id = ?').bind(
          group_id,
          stranger.id,
        ),
      ]);
      return {};
    },
    stranger: async () => ({ stranger: (await person('viewer')).id }),
    project: async () => {
      const id = newId();
      await DB.prepare(
        'INSERT INTO projects (id, group_id, name, created_at, updated_at) VALUES (?1, ?2, ?1, ?3, ?3)',
      )
        .bind(id, group_id, AT)
        .run();
      return { project_id: id };
    },
  };

  const keys = new Map<string, Promise<Held>>();
  /** A key of the admin with every scope but one. */
  const keyWithout = (scope: string) => {
    const known =
      keys.get(scope) ??
      keyOf(
        admin.id,
        Object.keys(SCOPES).filter((each) => each !== scope),
      );
    keys.set(scope, known);
    return known;
  };

  return {
    names,
    secrets: ['walled', names.name, names.job_id, group_id, names.project_id],
    async headersOf(caller, scope) {
      if (caller === 'anonymous') return {};
      return caller === 'key' ? (await keyWithout(scope)).headers : people[caller].headers;
    },
    async fresh(what, caller) {
      if (!isOfTheCaller(what)) return { names: { ...names, ...(await make[what]()) } };
      if (caller === 'anonymous') return { names };
      const { id } = caller === 'key' ? admin : people[caller];
      if (what === 'key') return { names: { ...names, key_id: (await keyOf(id)).id } };
      // Of a login, and of an account, nothing is left afterwards.
      const owner = what === 'account' && caller !== 'key' ? (await person(people[caller].role)).id : id;
      const login = await loginOf(owner);
      const fresh = { ...names, session_id: login.id };
      return caller === 'key' ? { names: fresh } : { names: fresh, headers: login.headers };
    },
    async forgetCounts() {
      const of = ({ id }: Person) => limiter(bindings, `user:${id}`).clear('plan-enterprise');
      await Promise.all(Object.values(people).map(of));
    },
    async open(how) {
      openness = how;
      await applyOpenness(names.name);
    },
  };
}

/** The same names for things that do not exist. */
export function nowhere(names: Names, repo: 'by id' | 'by name'): Names {
  const [name, job_id, group_id, project_id] = [newId(), newId(), newId(), newId()];
  return { ...names, name: repo === 'by id' ? name : 'no-such-repo', job_id, group_id, project_id };
}
