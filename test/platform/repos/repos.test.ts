import { runDurableObjectAlarm } from 'cloudflare:test';
import { env, exports } from 'cloudflare:workers';
import { describe, expect, inject, test } from 'vitest';
import type { Env } from '../../../src/env.ts';
import type { JobEvent } from '../../../src/platform/jobs/job-state.ts';
import { createJobs } from '../../../src/platform/jobs/jobs.ts';
import { services } from '../../../src/services.ts';
import { systemScope } from '../../../src/store/repos.ts';
import { ADMIN_KEY, asAdmin, call, request } from '../../http/call.ts';
import { git, makeRepo, remove } from '../../support/git.ts';
import { api, ended, refsOf, registered, repoPath, synced } from './api.ts';

const bindings = env as unknown as Env;
const SOURCE = {
  'src/a.ts': 'export function alpha() {\n  return 1;\n}\n',
  'README.md': '# Title\n\nWords.\n',
};

/** Many files, so that a job takes a while. */
function manyFiles(count: number): Record<string, string> {
  const file = (n: number) =>
    `export function work${n}(input: number) {\n  return input + ${n};\n}\n`.repeat(40);
  return Object.fromEntries(Array.from({ length: count }, (_, n) => [`src/f${n}.ts`, file(n)]));
}

/** The objects of jobs, as a request sees them that gets no further than making one. */
function dyingAfterCreate(jobs: Env['JOBS']): Env['JOBS'] {
  const get: Env['JOBS']['get'] = (id) =>
    new Proxy(jobs.get(id), {
      get: (stub, member) =>
        member === 'start' ? () => Promise.reject(new Error('died')) : Reflect.get(stub, member, stub),
    });
  return new Proxy(jobs, {
    get: (target, member) => {
      const value: unknown = Reflect.get(target, member, target);
      if (member === 'get') return get;
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

async function count(database: D1Database, sql: string, ...params: unknown[]): Promise<number> {
  const row = await database
    .prepare(sql)
    .bind(...params)
    .first<{ n: number }>();
  return row?.n ?? -1;
}

describe('registering', () => {
  test('answers the repo with its mirror job, and the mirror lists refs and fetches the default branch', async () => {
    const remote = await makeRepo('register', SOURCE);
    await remote.git('tag', '-a', 'v1', '-m', 'one');
    await remote.git('branch', 'feature/auth');
    const made = await api('POST', '/repos', {
      name: 'team/ügister',
      remoteUrl: remote.url,
      globPatterns: [],
    });
    expect(made.status).toBe(201);
    expect(made.headers.get('location')).toBe(`/api/v1/repos/${made.body.id}`);
    expect(made.body).toMatchObject({
      name: 'team/ügister',
      remoteUrl: remote.url,
      localPath: null,
      globPatterns: null,
      mirrorStatus: 'pending',
      mirrorError: null,
      tokenConfigured: false,
      depth: 1,
      visibility: 'private',
      refs: [],
    });
    expect(await ended(made.body.jobId)).toMatchObject({
      kind: 'mirror',
      status: 'completed',
      result: { ref: 'main', commitSha: remote.head },
    });
    const byName = await api('GET', repoPath('team/ügister'));
    expect(byName.body).toMatchObject({
      id: made.body.id,
      mirrorStatus: 'ready',
      defaultBranch: 'main',
      refs: [],
    });
    expect((await api('GET', `/repos/${made.body.id}`)).body).toEqual(byName.body);
    expect((await call(`/api${repoPath('team/ügister')}/git-refs`, { headers: asAdmin })).body).toEqual({
      branches: ['feature/auth', 'main'],
      tags: ['v1'],
    });
    const packs = await bindings.BUCKET.list({ prefix: `repos/${made.body.id}/` });
    expect(packs.objects).toHaveLength(2);
  });

  test.each([
    ['', 'must not be empty'],
    ['x'.repeat(201), 'must be at most 200 characters'],
    ['a\u0007b', 'must not hold control characters'],
    ['a//b', 'must not have an empty, "." or ".." segment'],
    ['a/../b', 'must not have an empty, "." or ".." segment'],
    ['.', 'must not have an empty, "." or ".." segment'],
    [' a', 'must not begin or end with a space or a slash'],
    ['a/', 'must not begin or end with a space or a slash'],
    ['01a1f9d7-4a8c-70d0-8ce8-ae3be2951c49', 'must not have the form of an id'],
  ])('refuses the name %j with 400 that names the field', async (name, detail) => {
    const answer = await api('POST', '/repos', { name, remoteUrl: 'https://example.com/x.git' });
    expect(answer.status).toBe(400);
    expect(answer.body.errors?.[0]).toEqual({ pointer: '/name', detail });
  });

  test.each([
    [{ name: 7, remoteUrl: 'https://example.com/x' }, '/name'],
    [{ remoteUrl: 'https://example.com/x' }, '/name'],
    [{ name: 'x' }, '/remoteUrl'],
    [{ name: 'x', remoteUrl: 'https://example.com/x', localPath: '/x' }, '/remoteUrl'],
    [{ name: 'x', remoteUrl: 7 }, '/remoteUrl'],
    [{ name: 'x', remoteUrl: 'https://example.com/x', globPatterns: 'src' }, '/globPatterns'],
    [{ name: 'x', remoteUrl: 'https://example.com/x', globPatterns: [''] }, '/globPatterns/0'],
    [{ name: 'x', remoteUrl: 'https://example.com/x', depth: -1 }, '/depth'],
    [{ name: 'x', remoteUrl: 'https://example.com/x', refreshMinutes: 1 }, '/refreshMinutes'],
    [{ name: 'x', remoteUrl: 'https://example.com/x', sync: ['a b'] }, '/sync/0'],
    [{ name: 'x', remoteUrl: 'https://example.com/x', branch: 'main' }, '/branch'],
  ])('refuses %j with 400 at %s', async (body, pointer) => {
    const answer = await api('POST', '/repos', body);
    expect(answer.status).toBe(400);
    expect(answer.body.errors?.[0]?.pointer).toBe(pointer);
  });

  test.each([
    'ssh://git@example.com/x.git',
    'git@example.com:x.git',
    'file:///etc',
    'ext::sh -c id',
    'http://example.com/x.git',
    'https://user:secret@example.com/x.git',
    'https://10.0.0.1/x.git',
    'https://[::1]/x.git',
    'https://localhost/x.git',
    'https://example.com/x\u0000.git',
    ' https://example.com/x.git',
    'not a url',
  ])('refuses the URL %s with 422 and registers nothing', async (remoteUrl) => {
    const answer = await api('POST', '/repos', { name: 'refused', remoteUrl });
    expect(answer.status).toBe(422);
    expect(answer.body.errors?.[0]?.pointer).toBe('/remoteUrl');
    expect(answer.text).not.toContain('secret');
    expect((await api('GET', '/repos/refused')).status).toBe(404);
  });

  test('refuses a localPath where no git bridge runs', async () => {
    const answer = await api('POST', '/repos', { name: 'local', localPath: '/etc' });
    expect(answer.status).toBe(422);
    expect(answer.body.detail).toMatch(/localPath/);
    expect(answer.body.errors?.[0]?.pointer).toBe('/localPath');
  });

  test('refuses a group that is not there, naming the field', async () => {
    const answer = await api('POST', '/repos', {
      name: 'lost',
      remoteUrl: 'https://example.com/x.git',
      group_id: 'nope',
    });
    expect(answer.status).toBe(404);
    expect(answer.body.errors?.[0]?.pointer).toBe('/group_id');
  });

  test('refuses a name that the group has, and takes it again in other Unicode composition as the same', async () => {
    const remote = await makeRepo('twice', SOURCE);
    await registered('caf\u00e9', remote.url);
    const again = await api('POST', '/repos', { name: 'cafe\u0301', remoteUrl: remote.url });
    expect(again.status).toBe(409);
    expect(again.body.errors?.[0]?.pointer).toBe('/name');
    expect((await api('GET', repoPath('cafe\u0301'))).status).toBe(200);
  });

  test('indexes the refs that it names, and notes those that do not exist', async () => {
    const remote = await makeRepo('syncs', SOURCE);
    await registered('syncs', remote.url, { sync: ['main', 'nope'] });
    const { body } = await api('GET', '/jobs?repo=syncs');
    for (const job of body.items as unknown as { id: string }[]) await ended(job.id);
    expect(await refsOf('syncs')).toMatchObject({
      main: { stage: 'ready', commitSha: remote.head },
      nope: { stage: 'error', indexingError: 'The remote has no ref "nope"', commitSha: null },
    });
  });

  test.each([
    ['html', 'error'],
    ['404', 'error'],
    ['500', 'error'],
    ['redirect-away', 'error'],
  ])('of a remote that answers %s fails in the mirror job, with a sentence', async (kind, mirrorStatus) => {
    const { url } = inject('gitServer');
    const made = await api('POST', '/repos', {
      name: `broken-${kind}`,
      remoteUrl: `${url}/broken/${kind}/x.git`,
    });
    expect(made.status).toBe(201);
    const job = await ended(made.body.jobId);
    expect(job).toMatchObject({
      status: 'failed',
      error: { code: expect.stringMatching(/UNPROCESSABLE|UPSTREAM_ERROR/) },
    });
    const { body } = await api('GET', `/repos/${made.body.id}`);
    expect(body).toMatchObject({ mirrorStatus, mirrorError: job.error?.message });
    expect((await api('POST', `/repos/${made.body.id}/refresh-refs`)).status).toBe(
      kind === '500' ? 502 : 422,
    );
  });

  test('takes the error of a mirror back once the remote answers', async () => {
    const made = await registered('late', `${inject('gitServer').url}/late.git`);
    expect((await api('GET', '/repos/late')).body).toMatchObject({ mirrorStatus: 'error' });
    await makeRepo('late', SOURCE);
    expect((await api('POST', `/repos/${made.id}/refresh-refs`)).body).toEqual({
      branches: ['main'],
      tags: [],
    });
    expect((await api('GET', '/repos/late')).body).toMatchObject({
      mirrorStatus: 'ready',
      mirrorError: null,
    });
  });

  test('mirrors an empty repository and one whose HEAD is unborn', async () => {
    await git(['init', '-q', '-b', 'main', 'empty.git']);
    const unborn = await makeRepo('unborn', SOURCE);
    await unborn.git('symbolic-ref', 'HEAD', 'refs/heads/later');
    const { url } = inject('gitServer');
    for (const name of ['empty', 'unborn']) {
      await registered(name, `${url}/${name}.git`);
      const { body } = await api('GET', `/repos/${name}`);
      expect(body).toMatchObject({ mirrorStatus: 'ready', defaultBranch: null });
      expect((await api('POST', `/repos/${name}/sync`, { ref: 'HEAD' })).status).toBe(422);
    }
    expect(await synced('unborn', 'main')).toMatchObject({ status: 'completed' });
  });
});

describe('syncing', () => {
  test('indexes a ref, shows coverage, and a second time parses nothing; one changed file parses one', async () => {
    const remote = await makeRepo('sync', {
      ...SOURCE,
      'logo.png': new Uint8Array([137, 80, 78, 71, 0, 1, 2]),
    });
    const { id } = await registered('sync', remote.url);
    const queued = await api('POST', '/repos/sync/sync', { ref: 'main' });
    expect(queued.status).toBe(202);
    expect(queued.body).toEqual({ jobId: expect.any(String), repo: 'sync', ref: 'main' });
    expect(await ended(queued.body.jobId)).toMatchObject({
      status: 'completed',
      filesTotal: 3,
      filesProcessed: 3,
      result: { repo: 'sync', ref: 'main', commitSha: remote.head, filesIndexed: 2, filesSkipped: 1 },
    });
    expect(await refsOf('sync')).toMatchObject({
      main: {
        stage: 'ready',
        commitSha: remote.head,
        filesIndexed: 2,
        filesSkipped: 1,
        skipped: { binary: 1 },
        indexingError: null,
        deletedAtRemote: null,
      },
    });
    expect((await synced('sync', 'main')).chunksTotal).toBe(0);
    const head = await remote.commit({ 'src/a.ts': 'export function alpha() {\n  return 2;\n}\n' });
    const shard = await count(bindings.DB, 'SELECT shard AS n FROM repos WHERE id = ?', id);
    const blobs = () =>
      count(shard === 0 ? bindings.INDEX_0 : bindings.INDEX_1, 'SELECT count(*) AS n FROM blobs');
    const before = await blobs();
    expect(await synced('sync', 'main')).toMatchObject({ chunksTotal: 1, result: { commitSha: head } });
    expect(await blobs()).toBe(before + 1);
  });

  test('takes full names, tags before branches of the same name, commits, and HEAD', async () => {
    const remote = await makeRepo('names', SOURCE);
    await remote.git('tag', '-a', 'same', '-m', 'annotated');
    const second = await remote.commit({ 'src/b.ts': 'export const b = 1;\n' });
    await remote.git('branch', 'same');
    await remote.git('branch', 'feature/auth');
    await registered('names', remote.url);
    const commitOf = async (ref: string) => (await synced('names', ref)).result;
    expect(await commitOf('same')).toMatchObject({ ref: 'same', commitSha: remote.head });
    expect(await commitOf('refs/heads/same')).toMatchObject({ ref: 'refs/heads/same', commitSha: second });
    expect(await commitOf('feature/auth')).toMatchObject({ ref: 'feature/auth', commitSha: second });
    expect(await commitOf('HEAD')).toMatchObject({ ref: 'main', commitSha: second });
    expect(await commitOf(remote.head)).toMatchObject({ ref: remote.head, commitSha: remote.head });
    expect(await commitOf(second.slice(0, 8))).toMatchObject({ ref: second, commitSha: second });
    expect(Object.keys(await refsOf('names')).sort()).toEqual(
      ['same', 'refs/heads/same', 'feature/auth', 'main', remote.head, second].sort(),
    );
    const tracked = async (ref: string) =>
      (await api('GET', `/indexing-status/names/${encodeURIComponent(ref)}`)).body.ref;
    expect(await tracked('refs/heads/same')).toBe('refs/heads/same');
    expect(await tracked('refs/tags/same')).toBe('same');
    expect(await tracked('HEAD')).toBe('main');
    expect(await tracked(second.slice(0, 8))).toBe(second);
    const short = `/repos/names/versions/${remote.head.slice(0, 8)}`;
    expect([(await api('DELETE', short)).status, (await api('DELETE', short)).status]).toEqual([204, 404]);
    expect((await refsOf('names')).same).toBeDefined();
    expect((await api('DELETE', '/repos/names/versions/feature%2Fauth')).status).toBe(204);
    expect(Object.keys(await refsOf('names'))).not.toContain('feature/auth');
    const gone = await api('DELETE', '/repos/names/versions/feature%2Fauth');
    expect(gone.status).toBe(404);
    expect(gone.body.reason).toBe('not_indexed');
  });

  test.each(['', 'a b', 'a..b', 'a~1', '^1.2', 'x.lock', '/a', 'a\u0000b', 7, null])(
    'refuses the ref %j with 400',
    async (ref) => {
      const answer = await api('POST', '/repos/any/sync', { ref });
      expect(answer.status).toBe(400);
      expect(answer.body.errors?.[0]?.pointer).toBe('/ref');
    },
  );

  test('asks the remote once for a ref it does not know, and refuses one that is not there', async () => {
    const remote = await makeRepo('ask', SOURCE);
    await registered('ask', remote.url);
    await remote.git('branch', 'new');
    expect(await synced('ask', 'new')).toMatchObject({ status: 'completed' });
    for (const ref of ['missing', 'x'.repeat(300), '1.x']) {
      const answer = await api('POST', '/repos/ask/sync', { ref });
      expect(answer.status, ref).toBe(422);
      expect(answer.body.errors?.[0]?.pointer, ref).toBe('/ref');
    }
  });

  test('joins requests for the same result and queues others behind them', async () => {
    const remote = await makeRepo('join', manyFiles(60));
    await remote.git('branch', 'other');
    await registered('join', remote.url);
    const ask = (ref: string) => api('POST', '/repos/join/sync', { ref });
    const answers = await Promise.all([ask('main'), ask('main'), ask('refs/heads/main'), ask('HEAD')]);
    answers.push(await ask('main'));
    expect(new Set(answers.map(({ body }) => body.jobId)).size).toBe(1);
    const other = await ask('other');
    const head = await remote.commit({ 'src/new.ts': 'export const fresh = 1;\n' });
    const changed = await ask('main');
    const jobs = [answers[0]!, other, changed].map(({ body }) => body.jobId);
    expect(jobs[1]).not.toBe(jobs[0]);
    const results = await Promise.all(jobs.map(ended));
    expect(results.map((job) => job.status)).toEqual(['completed', 'completed', 'completed']);
    expect((await refsOf('join')).main).toMatchObject({ stage: 'ready', commitSha: head });
  });

  test('joins no run, under way or waiting, that brings less history than was asked for', async () => {
    const remote = await makeRepo('deeper', manyFiles(60));
    await remote.commit({ 'src/new.ts': 'export const fresh = 1;\n' });
    await registered('deeper', remote.url);
    const ask = async (depth?: number) =>
      String((await api('POST', '/repos/deeper/sync', { ref: 'main', depth })).body.jobId);
    const shallow = await ask();
    const two = await ask(2);
    const all = await ask(0);
    expect(new Set([shallow, two, all]).size).toBe(3);
    expect([shallow, two, all]).toContain(await ask(1));
    for (const job of [shallow, two, all]) expect(await ended(job)).toMatchObject({ status: 'completed' });
  });

  test('that fails leaves the last good snapshot served, and says why', async () => {
    const remote = await makeRepo('failing', SOURCE);
    await registered('failing', remote.url);
    await synced('failing', 'main');
    await remove('failing.git');
    expect(await synced('failing', 'main')).toMatchObject({
      status: 'failed',
      error: { code: 'UNPROCESSABLE' },
    });
    const { main } = await refsOf('failing');
    expect(main).toMatchObject({ stage: 'error', commitSha: remote.head, filesIndexed: 2 });
    expect(main?.indexingError).toEqual(expect.any(String));
    const status = await api('GET', '/indexing-status/failing/main');
    expect(status.body).toMatchObject({ stage: 'error', error: main?.indexingError });
  });

  test('keeps the snapshot of a branch that is gone at the remote, marked so, until it comes back', async () => {
    const remote = await makeRepo('gone', SOURCE);
    await remote.git('branch', 'old');
    await registered('gone', remote.url);
    await synced('gone', 'old');
    await remote.git('branch', '-D', 'old');
    expect((await api('POST', '/repos/gone/refresh-refs')).body).toEqual({ branches: ['main'], tags: [] });
    expect((await refsOf('gone')).old).toMatchObject({
      stage: 'ready',
      commitSha: remote.head,
      deletedAtRemote: expect.any(String),
    });
    expect((await api('POST', '/repos/gone/sync', { ref: 'old' })).status).toBe(422);
    await remote.git('branch', 'old');
    await api('POST', '/repos/gone/refresh-refs');
    expect((await refsOf('gone')).old?.deletedAtRemote).toBeNull();
  });

  test('follows a force-push', async () => {
    const remote = await makeRepo('forced', SOURCE);
    await remote.commit({ 'src/b.ts': 'export const b = 1;\n' });
    await registered('forced', remote.url);
    await synced('forced', 'main');
    await remote.git('reset', '-q', '--hard', remote.head);
    const head = await remote.commit({ 'src/c.ts': 'export const c = 1;\n' });
    expect((await synced('forced', 'main')).result).toMatchObject({ commitSha: head, filesIndexed: 3 });
  });

  test('applies changed globs at the next sync and not before', async () => {
    const remote = await makeRepo('globs', SOURCE);
    await registered('globs', remote.url);
    await synced('globs', 'main');
    const patched = await api('PATCH', '/repos/globs', { globPatterns: ['*.md'] });
    expect(patched.body.globPatterns).toEqual(['*.md']);
    expect((await refsOf('globs')).main).toMatchObject({ filesIndexed: 2 });
    await synced('globs', 'main');
    expect((await refsOf('globs')).main).toMatchObject({ filesIndexed: 1, skipped: { glob: 1 } });
  });
});

describe('settings', () => {
  test('change by PATCH with If-Match, and absent fields stay', async () => {
    const remote = await makeRepo('settings', SOURCE);
    await registered('settings', remote.url);
    const before = await api('GET', '/repos/settings');
    const patched = await api(
      'PATCH',
      '/repos/settings',
      { depth: 5, visibility: 'public' },
      { 'if-match': before.headers.get('etag')! },
    );
    expect(patched.status).toBe(200);
    expect(patched.body).toMatchObject({
      depth: 5,
      visibility: 'public',
      remoteUrl: remote.url,
      globPatterns: null,
    });
    const stale = await api(
      'PATCH',
      '/repos/settings',
      { depth: 6 },
      { 'if-match': before.headers.get('etag')! },
    );
    expect(stale.status).toBe(412);
    expect((await api('PATCH', '/repos/settings', { name: 'x' })).status).toBe(400);
    expect((await api('PATCH', '/repos/nowhere', { depth: 6 })).status).toBe(404);
  });

  test('list completely unless a page is asked for', async () => {
    const all = await api('GET', '/repos');
    const names = (all.body as unknown as { name: string }[]).map((repo) => repo.name);
    expect(names).toEqual(names.toSorted());
    expect(all.headers.get('x-total-count')).toBe(String(names.length));
    const page = await api('GET', '/repos?page=2&per_page=2');
    expect((page.body as unknown as { name: string }[]).map((repo) => repo.name)).toEqual(names.slice(2, 4));
  });
});

describe('refreshMinutes', () => {
  const objectOf = (id: unknown) => bindings.REFRESH.get(bindings.REFRESH.idFromName(String(id)));

  test('syncs what has moved at the remote, round after round, and nothing else', async () => {
    const remote = await makeRepo('refresh', SOURCE);
    await remote.git('branch', 'still');
    const { id } = await registered('refresh', remote.url, { refreshMinutes: 5 });
    for (const ref of ['main', 'still', remote.head]) await synced('refresh', ref);
    const jobs = async () => (await api('GET', '/jobs?repo=refresh')).body;
    const before = (await jobs()).total;
    expect(await runDurableObjectAlarm(objectOf(id))).toBe(true);
    expect((await jobs()).total).toEqual(before);
    const head = await remote.commit({ 'src/b.ts': 'export const b = 1;\n' });
    expect(await runDurableObjectAlarm(objectOf(id))).toBe(true);
    const [job] = (await jobs()).items as unknown as { id: string; ref: string }[];
    expect(job?.ref).toBe('main');
    await ended(job?.id);
    expect((await refsOf('refresh')).main).toMatchObject({ stage: 'ready', commitSha: head });
    await remove('refresh.git');
    expect(await runDurableObjectAlarm(objectOf(id))).toBe(true);
    expect(await runDurableObjectAlarm(objectOf(id))).toBe(true);
  });

  test('begins and ends by PATCH, and ends with the repo', async () => {
    const remote = await makeRepo('rounds', SOURCE);
    const { id } = await registered('rounds', remote.url);
    expect(await runDurableObjectAlarm(objectOf(id))).toBe(false);
    await api('PATCH', '/repos/rounds', { refreshMinutes: 30 });
    expect(await runDurableObjectAlarm(objectOf(id))).toBe(true);
    await api('PATCH', '/repos/rounds', { refreshMinutes: null });
    expect(await runDurableObjectAlarm(objectOf(id))).toBe(false);
    await api('PATCH', '/repos/rounds', { refreshMinutes: 30 });
    await api('DELETE', '/repos/rounds');
    expect(await runDurableObjectAlarm(objectOf(id))).toBe(true);
    expect(await runDurableObjectAlarm(objectOf(id))).toBe(false);
  });
});

describe('preview', () => {
  test('tells what a sync would index and skip, before and after it, and indexes nothing', async () => {
    const remote = await makeRepo('preview', {
      ...SOURCE,
      'node_modules/x/index.js': 'module.exports = 1;\n',
    });
    await registered('preview', remote.url);
    const before = await api('GET', '/repos/preview/preview');
    expect(before.body).toMatchObject({
      ref: 'main',
      commitSha: remote.head,
      files: 3,
      willIndex: { files: 2 },
      alreadyIndexed: { files: 0 },
      skipped: [{ reason: 'vendored', files: 1, examples: ['node_modules/x/index.js'] }],
      cost: { blobs: 2, batches: 1 },
    });
    expect(await refsOf('preview')).toEqual({});
    await synced('preview', 'main');
    const after = await api('GET', '/repos/preview/preview?ref=main');
    expect(after.body).toMatchObject({ alreadyIndexed: { files: 2 }, cost: { blobs: 0, batches: 0 } });
    const missing = await api('GET', '/repos/preview/preview?ref=nope');
    expect([missing.status, missing.body.errors?.[0]?.pointer]).toEqual([422, 'query/ref']);
  });
});

describe('jobs', () => {
  test('show active runs, the last run of a ref for an hour, and 404 for a ref without one', async () => {
    const remote = await makeRepo('status', manyFiles(40));
    await registered('status', remote.url);
    const { body } = await api('POST', '/repos/status/sync', { ref: 'main' });
    const active = await api('GET', '/indexing-status');
    expect(Number(active.headers.get('x-total-count'))).toBe((active.body as unknown as unknown[]).length);
    expect((await api('GET', '/indexing-status?page=1000')).text).toBe('[]');
    expect((active.body as unknown as { jobId: string }[]).map((entry) => entry.jobId)).toContain(body.jobId);
    await ended(body.jobId);
    expect((await api('GET', '/indexing-status')).text).not.toContain(String(body.jobId));
    expect((await call('/api/indexing-status/status/main', { headers: asAdmin })).body).toMatchObject({
      repo: 'status',
      ref: 'main',
      stage: 'ready',
      filesTotal: 40,
      filesProcessed: 40,
      error: null,
    });
    await bindings.DB.prepare("UPDATE jobs SET finished_at = '2026-01-01T00:00:00.000Z' WHERE id = ?")
      .bind(body.jobId)
      .run();
    expect((await api('GET', '/indexing-status/status/main')).status).toBe(404);
    expect((await api('GET', '/indexing-status/status/other')).status).toBe(404);
    const list = await api('GET', '/jobs?repo=status&status=completed&per_page=1');
    expect(list.body).toMatchObject({
      total: 2,
      page: 1,
      per_page: 1,
      items: [{ id: body.jobId, kind: 'sync' }],
    });
    expect((await api('GET', '/jobs?status=nonsense')).status).toBe(400);
    expect((await api('GET', '/jobs/nonsense')).status).toBe(404);
  });

  test('are cancelled at any stage; the next waiting one then runs, and an ended one cannot be cancelled', async () => {
    const remote = await makeRepo('cancel', manyFiles(300));
    await registered('cancel', remote.url);
    await remote.git('branch', 'second');
    const first = await api('POST', '/repos/cancel/sync', { ref: 'main' });
    const second = await api('POST', '/repos/cancel/sync', { ref: 'second' });
    // As soon as it runs, whatever its step: 300 files take a moment.
    const status = async () => String((await api('GET', `/jobs/${first.body.jobId}`)).body.status);
    while ((await status()) === 'queued') await scheduler.wait(5);
    expect((await api('DELETE', `/jobs/${first.body.jobId}`)).status).toBe(204);
    expect(await ended(first.body.jobId)).toMatchObject({
      status: 'cancelled',
      error: { code: 'CANCELLED' },
    });
    expect((await refsOf('cancel')).main).toMatchObject({ stage: 'error', commitSha: null });
    expect(await ended(second.body.jobId)).toMatchObject({ status: 'completed' });
    expect((await api('DELETE', `/jobs/${first.body.jobId}`)).status).toBe(204);
    expect((await api('DELETE', `/jobs/${second.body.jobId}`)).status).toBe(409);
    expect((await refsOf('cancel')).second).toMatchObject({ stage: 'ready' });
  });

  test('stream to whoever may see them, over both paths, with the token in header or query', async () => {
    const remote = await makeRepo('stream', SOURCE);
    const made = await api('POST', '/repos', { name: 'stream', remoteUrl: remote.url });
    const events = await stream(`/ws/jobs/${made.body.jobId}?token=${ADMIN_KEY}`, {});
    expect(events[0]?.type).toBe('job.snapshot');
    expect(events.at(-1)).toMatchObject({
      type: 'job.completed',
      payload: { result: { commitSha: remote.head } },
    });
    const resumed = await stream(
      `/api/v1/ws/jobs/${made.body.jobId}?after=${events.at(-1)!.seq - 1}`,
      asAdmin,
    );
    expect(resumed).toEqual(events.slice(-1));

    const upgrade = (path: string, headers: Record<string, string> = asAdmin) =>
      call(path, { headers: { ...headers, upgrade: 'websocket' } });
    expect((await upgrade(`/ws/jobs/${made.body.jobId}`, {})).status).toBe(401);
    expect((await upgrade('/ws/jobs/nonsense')).status).toBe(404);
    for (const after of ['-1', 'x', '1.5', '']) {
      expect((await upgrade(`/ws/jobs/${made.body.jobId}?after=${after}`)).status, after).toBe(400);
    }
    const plain = await call(`/ws/jobs/${made.body.jobId}`, { headers: asAdmin });
    expect([plain.status, plain.headers.get('upgrade')]).toEqual([426, 'websocket']);
    expect(plain.body.error_code).toBe('UPGRADE_REQUIRED');
  });
});

async function stream(path: string, headers: Record<string, string>): Promise<JobEvent[]> {
  const response = await exports.default.fetch(
    request(path, { headers: { ...headers, upgrade: 'websocket' } }),
  );
  expect(response.status).toBe(101);
  const socket = response.webSocket!;
  const events: JobEvent[] = [];
  const closed = new Promise<number>((resolve) => {
    socket.addEventListener('message', ({ data }) => {
      events.push(JSON.parse(String(data)));
    });
    socket.addEventListener('close', ({ code }) => resolve(code));
  });
  socket.accept();
  expect(await closed).toBe(1000);
  return events;
}

describe('deleting', () => {
  /** Rows of a repo by table, in both kinds of database. */
  async function leftovers(id: string) {
    const key = await count(bindings.DB, 'SELECT repo_key AS n FROM jobs WHERE repo_id = ?', id);
    const control = ['git_refs', 'snapshots', 'indexed_refs', 'ref_snapshots', 'packs'];
    const index = ['live_repos', 'blobs', 'dirs', 'symbols', 'imports', 'calls', 'index_runs'];
    const objects = (await bindings.BUCKET.list({ prefix: `repos/${id}/` })).objects.length;
    const rows: Record<string, number> = {
      repos: await count(bindings.DB, 'SELECT count(*) AS n FROM repos WHERE id = ?', id),
    };
    for (const table of control)
      rows[table] = await count(bindings.DB, `SELECT count(*) AS n FROM ${table} WHERE repo_key = ?`, key);
    for (const shard of [bindings.INDEX_0, bindings.INDEX_1]) {
      for (const table of index)
        rows[table] =
          (rows[table] ?? 0) + (await count(shard, `SELECT count(*) AS n FROM ${table} WHERE repo = ?`, key));
      rows.text =
        (rows.text ?? 0) +
        (await count(shard, 'SELECT count(*) AS n FROM sqlite_master WHERE name LIKE ?', `%\\_${key}`));
    }
    const total = Object.values(rows).reduce((sum, n) => sum + n, 0);
    return { objects, rows: total };
  }

  test('removes everything, frees the name, and answers 204', async () => {
    const remote = await makeRepo('delete', SOURCE);
    const { id } = await registered('delete', remote.url, {});
    await synced('delete', 'main');
    const before = await leftovers(String(id));
    // The pack, its index, and the vectors.
    expect(before.objects).toBe(3);
    expect(before.rows).toBeGreaterThan(10);
    expect((await api('DELETE', '/repos/delete', undefined, { 'if-match': '"stale"' })).status).toBe(412);
    expect((await api('DELETE', '/repos/delete')).status).toBe(204);
    expect(await leftovers(String(id))).toEqual({ objects: 0, rows: 0 });
    expect((await api('GET', `/repos/${id}`)).status).toBe(404);
    expect((await api('DELETE', `/repos/${id}`)).status).toBe(404);
    await registered('delete', remote.url);
    expect(await synced('delete', 'main')).toMatchObject({ status: 'completed' });
  });

  test('whose request dies before anything was started is finished by the watchdog', async () => {
    const remote = await makeRepo('orphaned', SOURCE);
    const { id } = await registered('orphaned', remote.url, {});
    await synced('orphaned', 'main');
    const s = services(bindings);
    const row = await bindings.DB.prepare('SELECT key FROM repos WHERE id = ?')
      .bind(id)
      .first<{ key: number }>();
    const scope = await systemScope(s.db, row!.key);
    // The last thing the request did: the repo is marked, its job is a row, and no one was told to run it.
    const jobs = createJobs({ ...s, db: s.db, env: { JOBS: dyingAfterCreate(bindings.JOBS) } });
    await expect(jobs.start(scope!, { kind: 'delete-repo', requestedBy: null })).rejects.toThrow('died');
    expect((await api('GET', '/repos/orphaned')).status).toBe(404);
    expect((await leftovers(String(id))).rows).toBeGreaterThan(0);
    const job = await bindings.DB.prepare(
      "SELECT id, status FROM jobs WHERE repo_id = ? AND kind = 'delete-repo'",
    )
      .bind(id)
      .first<{ id: string }>();
    await runDurableObjectAlarm(bindings.JOBS.get(bindings.JOBS.idFromName(job!.id)));
    expect(await ended(job!.id)).toMatchObject({ status: 'completed' });
    expect(await leftovers(String(id))).toEqual({ objects: 0, rows: 0 });
  });

  test.each([0, 60, 250, 600])(
    'in the middle of a run (after %i ms) leaves nothing behind and ends the run',
    async (delay) => {
      const name = `midway-${delay}`;
      const remote = await makeRepo(name, manyFiles(200));
      const { body: made } = await api('POST', '/repos', { name, remoteUrl: remote.url });
      if (delay > 0) await ended(made.jobId);
      const { body: sync } = await api('POST', `/repos/${name}/sync`, { ref: 'main' });
      await scheduler.wait(delay);
      expect((await api('DELETE', `/repos/${name}`)).status).toBe(204);
      const jobs = await bindings.DB.prepare('SELECT id, status FROM jobs WHERE repo_id = ?')
        .bind(made.id)
        .all<{ id: string; status: string }>();
      expect(jobs.results.map((job) => job.status)).not.toContain('running');
      expect(jobs.results.find((job) => job.id === String(sync.jobId))?.status).toMatch(
        /cancelled|completed/,
      );
      await scheduler.wait(1000);
      expect(await leftovers(String(made.id))).toEqual({ objects: 0, rows: 0 });
    },
  );
});
