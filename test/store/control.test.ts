import { env } from 'cloudflare:workers';
import { getTableColumns, getTableName, is } from 'drizzle-orm';
import { SQLiteTable } from 'drizzle-orm/sqlite-core';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Env } from '../../src/env.ts';
import { newId } from '../../src/ids.ts';
import { controlDb, run } from '../../src/store/control-db.ts';
import * as schema from '../../src/store/control-schema.ts';
import {
  claimNext,
  findJob,
  insertJob,
  jobById,
  listJobs,
  mayCancel,
  recordEnd,
  recordProgress,
} from '../../src/store/jobs.ts';
import { insertPack, listPacks } from '../../src/store/packs.ts';
import {
  branchesAndTags,
  replaceListing,
  repoAndRefsRead,
  resolveIndexedRef,
  resolveSyncTarget,
  storedListing,
  visibleRefsRead,
} from '../../src/store/refs.ts';
import {
  createRepo,
  deletedScope,
  type FoundRepo,
  findRepo,
  forgetRepo,
  listRepos,
  type NewRepo,
  systemScope,
} from '../../src/store/repos.ts';
import type { Caller, GroupRole, Role } from '../../src/store/scope.ts';
import { newRepo } from '../support/repos.ts';

const bindings = env as unknown as Env;
const db = controlDb(bindings.DB);
const NOW = new Date('2026-11-20T12:00:00.000Z');
const A = 'a'.repeat(40);
const B = `b1${'b'.repeat(38)}`;
const C = `b2${'c'.repeat(38)}`;

function callerOf(name: string | null, role: Role | null, groups: Record<string, GroupRole> = {}): Caller {
  return {
    userId: name,
    username: name,
    role,
    groups: new Map(Object.entries(groups)),
    personalGroupId: null,
    scopes: null,
    via: name === null ? 'anonymous' : 'token',
    credentialId: null,
  };
}
const admin = callerOf('root', 'admin');

async function repo(name: string, groupId = 'g1', more: Partial<NewRepo> = {}): Promise<FoundRepo> {
  return createRepo(db, admin, newRepo({ groupId, name, createdBy: 'root', ...more }), 2, NOW);
}

beforeAll(async () => {
  for (const id of ['g1', 'g2'])
    await db
      .insert(schema.groups)
      .values({ id, name: id, createdAt: NOW.toISOString(), updatedAt: NOW.toISOString() });
});

test('the schema in code has the tables and columns of the migrations', async () => {
  const inCode = Object.values(schema).filter((table) => is(table, SQLiteTable));
  const { results: tables } = await bindings.DB.prepare(
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '_cf_%' AND name <> 'd1_migrations'",
  ).all<{ name: string }>();
  const known = new Set<string>(inCode.map((table) => getTableName(table)));
  expect(tables.map((table) => table.name).filter((name) => !known.has(name) && !OTHERS.has(name))).toEqual(
    [],
  );
  for (const table of inCode) {
    const { results } = await bindings.DB.prepare(
      'SELECT name, "notnull" AS required, pk FROM pragma_table_info(?)',
    )
      .bind(getTableName(table))
      .all<{ name: string; required: number; pk: number }>();
    const columns = Object.values(getTableColumns(table));
    expect(columns.map((column) => column.name).sort(), getTableName(table)).toEqual(
      results.map((row) => row.name).sort(),
    );
    for (const column of columns) {
      const row = results.find((each) => each.name === column.name);
      if (row?.pk === 0)
        expect(column.notNull, `${getTableName(table)}.${column.name}`).toBe(row.required === 1);
    }
  }
});
/** Tables that other stores read by SQL alone. */
const OTHERS = new Set<string>();

test('what a user is expected to see is what it sees, and opens to nobody else', async () => {
  const at = { createdAt: NOW.toISOString(), updatedAt: NOW.toISOString() };
  const known = [
    callerOf('of the group', 'viewer', { g1: 'viewer' }),
    callerOf('of no group', 'viewer'),
    callerOf('an admin', 'admin'),
  ];
  await db
    .insert(schema.users)
    .values(known.map(({ userId, role }) => ({ id: userId!, username: userId!, role: role!, ...at })));
  await db
    .insert(schema.groupMembers)
    .values({ id: newId(), groupId: 'g1', userId: 'of the group', role: 'viewer', createdAt: at.createdAt });
  const { row } = await repo('read ahead');
  for (const caller of known) {
    const early = repoAndRefsRead(db, { userId: caller.userId!, expected: true }, 'read ahead');
    const [open] = await run(db.$client, early);
    const found = await findRepo(db, caller, 'read ahead', 'read').catch((error: Error) => error.message);
    const opened = () => open(caller, 'read').row;
    if (typeof found === 'string') expect(opened).toThrow(found);
    else expect(opened()).toEqual(row);
    expect(typeof found === 'string').toBe(caller.userId === 'of no group');
    expect(() => open(callerOf('another', 'admin'), 'read')).toThrow('opened by another');
  }
});

describe('who sees a repo', () => {
  test.each([
    ['a global admin', admin, 'private', 'admin'],
    ['an admin of its group', callerOf('u', 'analyst', { g1: 'admin' }), 'private', 'admin'],
    ['an editor', callerOf('u', 'analyst', { g1: 'editor' }), 'private', 'write'],
    ['a viewer', callerOf('u', 'analyst', { g1: 'viewer' }), 'private', 'read'],
    ['a member of another group', callerOf('u', 'reviewer', { g2: 'admin' }), 'private', null],
    ['a stranger, when public', callerOf('u', 'viewer'), 'public', 'read'],
    ['an anonymous viewer, when public', callerOf(null, 'viewer'), 'public', 'read'],
    ['an anonymous viewer, when private', callerOf(null, 'viewer'), 'private', null],
    ['anyone without a role, when public', callerOf(null, null), 'public', null],
  ] as const)('%s', async (who, caller, visibility, held) => {
    const { row } = await repo(`seen by ${who}`, 'g1', { visibility });
    const listed = (await listRepos(db, caller)).find((each) => each.row.key === row.key);
    expect(listed?.access ?? null).toBe(held);
    for (const [access, least] of [
      ['read', ['read', 'write', 'admin']],
      ['write', ['write', 'admin']],
      ['admin', ['admin']],
    ] as const) {
      const asked = findRepo(db, caller, row.name, access);
      if (held === null) await expect(asked).rejects.toMatchObject({ slug: 'not_found' });
      else if ((least as readonly string[]).includes(held)) expect((await asked).row.id).toBe(row.id);
      else await expect(asked).rejects.toMatchObject({ slug: 'forbidden' });
    }
  });

  test('an ambiguous name is a conflict that names the ids the caller sees, and no others', async () => {
    const mine = await repo('twin', 'g1');
    const theirs = await repo('twin', 'g2');
    await expect(findRepo(db, admin, 'twin', 'read')).rejects.toMatchObject({
      slug: 'conflict',
      extras: { members: { ids: [mine.row.id, theirs.row.id] } },
    });
    const member = callerOf('u', 'viewer', { g1: 'viewer' });
    expect((await findRepo(db, member, 'twin', 'read')).row.id).toBe(mine.row.id);
    await expect(findRepo(db, member, theirs.row.id, 'read')).rejects.toMatchObject({ slug: 'not_found' });
    expect((await findRepo(db, admin, theirs.row.id.toUpperCase(), 'read')).row.id).toBe(theirs.row.id);
    await expect(repo('twin', 'g1')).rejects.toMatchObject({ slug: 'conflict' });
  });

  test("a deleted repo is nobody's, its name is free, and its rows go when it is forgotten", async () => {
    const found = await repo('mortal');
    await insertPack(db, found, { id: 'p-mortal', bytes: 1, objects: 1, shallow: [], tips: [] }, NOW);
    await forgetRepo(db, found);
    expect(await systemScope(db, found.repo.key)).not.toBeNull();
    expect(await insertJob(db, found, removal(), NOW)).toMatchObject({ kind: 'delete-repo' });
    expect(await insertJob(db, found, removal(), NOW)).toBeNull();
    await expect(findRepo(db, admin, 'mortal', 'read')).rejects.toMatchObject({ slug: 'not_found' });
    expect(await systemScope(db, found.repo.key)).toBeNull();
    expect((await deletedScope(db, found.repo.key))?.repo.id).toBe(found.repo.id);
    expect(
      await insertPack(db, found, { id: 'late', bytes: 1, objects: 1, shallow: [], tips: [] }, NOW),
    ).toBe(false);
    await repo('mortal');
    await forgetRepo(db, found);
    expect(await deletedScope(db, found.repo.key)).toBeNull();
    expect(await listPacks(db, found)).toEqual([]);
  });

  test('shards are given in turn', async () => {
    const shards = [await repo('s1'), await repo('s2'), await repo('s3')].map((found) => found.repo.shard);
    expect(shards[0]).not.toBe(shards[1]);
    expect(shards[0]).toBe(shards[2]);
  });
});

describe('what a ref means', () => {
  const listing = {
    defaultBranch: 'main',
    refs: [
      { name: 'refs/heads/main', oid: A, peeled: null },
      { name: 'refs/heads/both', oid: A, peeled: null },
      { name: 'refs/tags/both', oid: 'd'.repeat(40), peeled: B },
      { name: 'refs/tags/v1.2.0', oid: C, peeled: null },
    ],
  };

  test.each([
    ['main', [], { ref: 'main', fullName: 'refs/heads/main', oid: A }],
    ['refs/heads/main', [], { ref: 'main', fullName: 'refs/heads/main', oid: A }],
    ['HEAD', [], { ref: 'main', fullName: 'refs/heads/main', oid: A }],
    ['both', [], { ref: 'both', fullName: 'refs/tags/both', oid: B }],
    ['refs/heads/both', [], { ref: 'refs/heads/both', fullName: 'refs/heads/both', oid: A }],
    [
      'both',
      [{ ref: 'both', fullName: 'refs/heads/both' }],
      { ref: 'both', fullName: 'refs/heads/both', oid: A },
    ],
    [
      'refs/tags/both',
      [{ ref: 'both', fullName: 'refs/heads/both' }],
      { ref: 'refs/tags/both', fullName: 'refs/tags/both', oid: B },
    ],
    ['e'.repeat(40), [], { ref: 'e'.repeat(40), fullName: null, oid: 'e'.repeat(40) }],
    [C.slice(0, 6), [], { ref: C, fullName: null, oid: C }],
    ['b1b', [], null],
    ['^1.0.0', [], null],
    ['gone', [{ ref: 'gone', fullName: 'refs/heads/gone' }], null],
  ])('%s to a sync, with %j indexed', (ref, indexed, target) => {
    expect(resolveSyncTarget(listing, indexed, ref)).toEqual(target);
  });

  test('to a reader: stored name, full name, tag before branch, HEAD, commit, semver range', async () => {
    const found = await repo('reader');
    await replaceListing(db, found, listing, NOW);
    expect(await resolveIndexedRef(db, found, undefined)).toBeNull();
    const indexed = [
      ['both', 'refs/tags/both', B, 1],
      ['refs/heads/both', 'refs/heads/both', A, 2],
      ['v1.2.0', 'refs/tags/v1.2.0', A, 3],
      ['v1.10.1', 'refs/tags/v1.10.1', B, 4],
      ['v2.0.0', 'refs/tags/v2.0.0', C, 5],
      ['v3.0.0-rc.1', 'refs/tags/v3.0.0-rc.1', C, 6],
      ['9.9.9', 'refs/heads/9.9.9', C, 7],
    ] as const;
    for (const [ref, fullName, commit, minute] of indexed) await serve(found, ref, fullName, commit, minute);
    const meaning = async (ref?: string) => (await resolveIndexedRef(db, found, ref))?.ref ?? null;
    expect(await meaning()).toBe('9.9.9');
    expect(await meaning('HEAD')).toBeNull();
    await serve(found, 'main', 'refs/heads/main', A, 0);
    expect(await meaning()).toBe('main');
    expect(await meaning('HEAD')).toBe('main');
    expect(await meaning('both')).toBe('both');
    expect(await meaning('refs/tags/both')).toBe('both');
    expect(await meaning('refs/heads/both')).toBe('refs/heads/both');
    expect(await meaning('refs/heads/main')).toBe('main');
    expect(await meaning(B)).toBe('v1.10.1');
    expect(await meaning('b1bb')).toBe('v1.10.1');
    expect(await meaning('b1')).toBeNull();
    const ranges = {
      '^1.2': 'v1.10.1',
      '~1.2': 'v1.2.0',
      '2.x': 'v2.0.0',
      '>=1 <3': 'v2.0.0',
      '1.2.0': 'v1.2.0',
      '^4': null,
      '': null,
      '>=9': null,
    };
    for (const [range, ref] of Object.entries(ranges)) expect(await meaning(range), range).toBe(ref);
    expect(await resolveIndexedRef(db, found, 'v2.0.0')).toEqual({
      ref: 'v2.0.0',
      snapshotId: expect.any(Number),
      commitSha: C,
      indexedAt: '2026-11-20T12:05:00.000Z',
      coverage: { indexed: 3, skipped: 2, reasons: { binary: 2 } },
    });
  });

  /** Puts a complete snapshot behind a ref. */
  async function serve(found: FoundRepo, ref: string, fullName: string, commitOid: string, minute: number) {
    const at = new Date(NOW.getTime() + minute * 60_000).toISOString();
    const [snapshot] = await db
      .insert(schema.snapshots)
      .values({
        repoKey: found.repo.key,
        commitOid,
        treeOid: A,
        config: `config of ${ref}`,
        complete: true,
        filesIndexed: 3,
        filesSkipped: 2,
        skipped: { binary: 2 },
        createdAt: at,
      })
      .returning();
    await db.insert(schema.indexedRefs).values({
      repoKey: found.repo.key,
      ref,
      fullName,
      stage: 'ready',
      snapshotId: snapshot!.id,
      indexedAt: at,
    });
  }

  test('what may be seen comes with its refs, however many they are, and with no others', async () => {
    const mine = await repo('seen', 'g1');
    const theirs = await repo('unseen', 'g2');
    await serve(mine, 'main', 'refs/heads/main', A, 1);
    await serve(theirs, 'main', 'refs/heads/main', B, 2);
    const member = callerOf('m', 'viewer', { g1: 'viewer' });
    const read = async () => {
      const { open, refs } = await run(bindings.DB, visibleRefsRead(db, member));
      const found = open(member).filter(({ repo: { name } }) => name.endsWith('seen'));
      expect(found.map((each) => each.repo.key)).toEqual([mine.repo.key]);
      expect(() => open(callerOf('another', 'viewer'))).toThrow();
      return (await refs(found)).map(({ ref }) => ref.ref);
    };
    expect(await read()).toEqual(['main']);
    // More than travel with the repos are read when it is known which are needed.
    const names = Array.from({ length: 1_100 }, (_, n) => `r${String(n).padStart(4, '0')}`);
    await bindings.DB.prepare(
      `INSERT INTO indexed_refs (repo_key, ref, stage) SELECT ?1, value, 'queued' FROM json_each(?2)`,
    )
      .bind(mine.repo.key, JSON.stringify(names))
      .run();
    expect(await read()).toEqual(['main', ...names]);
  });

  test('a new listing replaces the old one, marks refs that are gone and unmarks those that are back', async () => {
    const found = await repo('listing');
    await replaceListing(db, found, listing, NOW);
    await serve(found, 'main', 'refs/heads/main', A, 1);
    await serve(found, A, A, A, 2);
    await replaceListing(db, found, { defaultBranch: null, refs: listing.refs.slice(2) }, NOW);
    expect(branchesAndTags(await storedListing(db, found))).toEqual({
      branches: [],
      tags: ['both', 'v1.2.0'],
    });
    const marked = async () =>
      (await db.select().from(schema.indexedRefs)).filter(
        (row) => row.repoKey === found.repo.key && row.ref === 'main',
      )[0]?.deletedAtRemote;
    expect(await marked()).toBe(NOW.toISOString());
    await replaceListing(db, found, { defaultBranch: null, refs: [] }, new Date(NOW.getTime() + 1000));
    expect(await marked()).toBe(NOW.toISOString());
    await replaceListing(db, found, listing, NOW);
    expect(await marked()).toBeNull();
  });

  test('holds tens of thousands of refs', async () => {
    const found = await repo('many refs');
    const refs = Array.from({ length: 20_000 }, (_, n) => ({
      name: `refs/tags/v0.${n}.0`,
      oid: A,
      peeled: null,
    }));
    await replaceListing(db, found, { defaultBranch: null, refs }, NOW);
    expect((await storedListing(db, found)).refs).toHaveLength(20_000);
  });

  test('takes the longest names below the size of a bound value, and a name that is listed twice', async () => {
    const found = await repo('long refs');
    const long = 'é'.repeat(500);
    const refs = Array.from({ length: 5_000 }, (_, n) => ({
      name: `refs/tags/${long}${n}`,
      oid: A,
      peeled: null,
    }));
    const { sizes, watched } = watch();
    await replaceListing(watched, found, { defaultBranch: null, refs: [...refs, refs[0]!] }, NOW);
    expect((await storedListing(db, found)).refs).toHaveLength(5_000);
    expect(Math.max(...sizes)).toBeLessThan(2_000_000);
  });

  test('writes only what differs', async () => {
    const found = await repo('same refs');
    await replaceListing(db, found, listing, NOW);
    const { changes, watched } = watch();
    await replaceListing(watched, found, listing, NOW);
    expect(changes.reduce((sum, each) => sum + each, 0)).toBe(1);
    const moved = listing.refs.map((ref, n) => (n === 0 ? { ...ref, oid: 'f'.repeat(40) } : ref));
    await replaceListing(watched, found, { ...listing, refs: moved }, NOW);
    expect(changes.reduce((sum, each) => sum + each, 0)).toBe(3);
    expect((await storedListing(db, found)).refs).toContainEqual(expect.objectContaining(moved[0]));
  });
});

/** The database with the sizes of all values bound to it, and the rows that its transactions changed. */
function watch() {
  const sizes: number[] = [];
  const changes: number[] = [];
  const { DB } = bindings;
  const binding = {
    prepare: (query: string) => ({
      bind: (...values: unknown[]) => {
        sizes.push(...values.map((value) => (typeof value === 'string' ? Buffer.byteLength(value) : 0)));
        return DB.prepare(query).bind(...values);
      },
    }),
    batch: async (statements: D1PreparedStatement[]) => {
      const results = await DB.batch(statements);
      changes.push(...results.map((result) => result.meta.changes));
      return results;
    },
  };
  return { sizes, changes, watched: controlDb(binding as unknown as D1Database) };
}

const removal = () => ({
  id: newId(),
  kind: 'delete-repo' as const,
  ref: null,
  fullName: null,
  params: {},
  requestedBy: 'u',
});

describe('the rows of jobs', () => {
  const sync = (ref: string, id = newId()) => ({
    id,
    kind: 'sync' as const,
    ref,
    fullName: `refs/heads/${ref}`,
    params: {},
    requestedBy: 'u',
  });
  const counters = {
    stage: 'diffing' as const,
    message: 'm',
    filesTotal: 2,
    filesProcessed: 1,
    chunksTotal: 0,
    chunksEmbedded: 0,
  };

  test('of a repo run one at a time, oldest first, whoever claims and however often', async () => {
    const found = await repo('turns');
    const ids = [];
    for (const ref of ['a', 'b', 'c']) ids.push((await insertJob(db, found, sync(ref), NOW))!.id);
    for (const expected of ids) {
      const claims = await Promise.all(Array.from({ length: 5 }, () => claimNext(db, found.repo.key, NOW)));
      expect(claims.flatMap((job) => job?.id ?? [])).toEqual([expected]);
      await recordEnd(
        db,
        expected,
        { status: 'completed', counters: { ...counters, stage: 'ready' }, result: null, error: null },
        NOW,
      );
    }
    expect(await claimNext(db, found.repo.key, NOW)).toBeNull();
  });

  test('join a waiting one of the same ref, also from many requests at once', async () => {
    const found = await repo('joins');
    const rows = await Promise.all(Array.from({ length: 5 }, () => insertJob(db, found, sync('main'), NOW)));
    expect(new Set(rows.map((row) => row?.id)).size).toBe(1);
    await claimNext(db, found.repo.key, NOW);
    const behind = await insertJob(db, found, sync('main'), NOW);
    expect(behind?.id).not.toBe(rows[0]?.id);
    expect(behind?.status).toBe('queued');
  });

  test('set the stage of their ref at once, and only the latest run of a ref sets it', async () => {
    const found = await repo('stages');
    const stage = async () =>
      (await db.select().from(schema.indexedRefs)).find((row) => row.repoKey === found.repo.key);
    const first = (await insertJob(db, found, sync('main'), NOW))!;
    expect(await stage()).toMatchObject({ stage: 'queued', jobId: first.id });
    await claimNext(db, found.repo.key, NOW);
    await recordProgress(db, first.id, counters, NOW);
    expect(await stage()).toMatchObject({ stage: 'diffing' });
    const second = (await insertJob(db, found, sync('main'), NOW))!;
    await recordProgress(db, first.id, counters, NOW);
    const failed = {
      status: 'failed' as const,
      counters,
      result: null,
      error: { code: 'X', message: 'why' },
    };
    await recordEnd(db, first.id, failed, NOW);
    expect(await stage()).toMatchObject({ stage: 'queued', jobId: second.id, indexingError: null });
    await recordEnd(db, second.id, failed, NOW);
    expect(await stage()).toMatchObject({ stage: 'error', indexingError: 'why' });
    await recordEnd(db, second.id, { status: 'completed', counters, result: null, error: null }, NOW);
    await recordProgress(db, second.id, counters, NOW);
    expect(await jobById(db, second.id)).toMatchObject({ status: 'failed', errorMessage: 'why' });
    expect(await stage()).toMatchObject({ stage: 'error' });
  });

  test('are not made for a deleted repo, which the job that removes it made one', async () => {
    const found = await repo('dead');
    expect(await insertJob(db, found, removal(), NOW)).toMatchObject({ kind: 'delete-repo' });
    expect(await systemScope(db, found.repo.key)).toBeNull();
    expect(await insertJob(db, found, sync('main'), NOW)).toBeNull();
  });

  test('of a name are those of the repo that has it now, and of those that had it when none has', async () => {
    const page = { limit: 10, offset: 0, repo: 'reborn' };
    const ids = async () => (await listJobs(db, admin, page)).rows.map((row) => row.repoId);
    const first = await repo('reborn');
    await insertJob(db, first, sync('main'), NOW);
    await insertJob(db, first, removal(), NOW);
    expect(await ids()).toEqual([first.row.id, first.row.id]);
    const second = await repo('reborn');
    await insertJob(db, second, sync('main'), NOW);
    expect(await ids()).toEqual([second.row.id]);
  });

  test('are seen by who reads the repo, and cancelled by editors', async () => {
    const found = await repo('private jobs');
    const job = (await insertJob(db, found, sync('main'), NOW))!;
    const sees = async (caller: Caller) => (await findJob(db, caller, job.id)) !== null;
    const stranger = callerOf('x', 'admin' as Role);
    expect(await sees(stranger)).toBe(true);
    expect(await sees(callerOf('x', 'reviewer', { g2: 'admin' }))).toBe(false);
    expect(await sees(callerOf('u', 'viewer'))).toBe(false);
    expect(await sees(callerOf('x', 'viewer', { g1: 'viewer' }))).toBe(true);
    expect(await sees(callerOf(null, 'viewer'))).toBe(false);
    expect(mayCancel(callerOf('u', 'viewer', { g1: 'viewer' }), job)).toBe(false);
    expect(mayCancel(callerOf('x', 'viewer', { g1: 'editor' }), job)).toBe(true);
    const page = { limit: 10, offset: 0 };
    expect((await listJobs(db, callerOf('x', 'viewer'), { ...page, repo: 'private jobs' })).total).toBe(0);
    expect((await listJobs(db, admin, { ...page, repo: found.repo.id })).rows.map((row) => row.id)).toEqual([
      job.id,
    ]);
    await db.update(schema.repos).set({ visibility: 'public' });
    expect(await sees(callerOf(null, 'viewer'))).toBe(true);
  });
});
