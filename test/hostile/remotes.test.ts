/**
 * Every remote of the hostile list, served in place of a sound repository that is indexed: its job ends with the reason,
 * what was indexed stays row for row, nothing of it stays in the bucket, and the job of another repository finishes.
 */
import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, inject, test } from 'vitest';
import { services } from '../../src/services.ts';
import { dumpIndex, type IndexDump } from '../../src/store/index-dump.ts';
import { systemScope } from '../../src/store/repos.ts';
import { api, ended, registered, repoPath, synced } from '../platform/repos/api.ts';
import { makeRepo, turn } from '../support/git.ts';
import { HOSTILE_REMOTES, type HostileRemote } from '../support/hostile-remotes.ts';

const s = services(env);
const SOUND = {
  'cart.ts': 'import { priceOf } from "./price.ts";\nexport const total = (a: string) => priceOf(a);\n',
  'price.ts': 'export function priceOf(item: string) {\n  return item.length;\n}\n',
};

/** A repository that is served at `/hostile/` and indexed, for a remote to turn into. */
async function victim(name: string): Promise<void> {
  await makeRepo(name, SOUND);
  await registered(name, `${inject('gitServer').url}/hostile/${name}.git`);
  expect(await synced(name, 'main')).toMatchObject({ status: 'completed' });
}

/** All rows that `main` of the repository is answered from, and the objects of its mirror. */
async function indexed(name: string): Promise<{ dump: IndexDump; objects: string[] }> {
  const row = await env.DB.prepare(
    `SELECT r.key, r.id, i.snapshot_id AS snapshot FROM repos r JOIN indexed_refs i ON i.repo_key = r.key
     WHERE r.name = ?1 AND i.ref = 'main'`,
  )
    .bind(name)
    .first<{ key: number; id: string; snapshot: number }>();
  const scope = await systemScope(s.db, row!.key);
  const listed = await env.BUCKET.list({ prefix: `repos/${row!.id}/` });
  return {
    dump: await dumpIndex(s.shard(scope!), scope!, row!.snapshot),
    objects: listed.objects.map((object) => object.key),
  };
}

async function hits(name: string): Promise<string[]> {
  const { body } = await api('GET', `/search?query=priceOf&repo=${encodeURIComponent(name)}`);
  return (body as unknown as { filePath: string }[]).map((hit) => hit.filePath);
}

/** Starts a sync of what the repository has become. */
async function startSync(name: string): Promise<unknown> {
  return (await api('POST', `${repoPath(name)}/sync`, { ref: 'main' })).body.jobId;
}

async function expectOutcome(name: string, job: Awaited<ReturnType<typeof ended>>, remote: HostileRemote) {
  const { outcome } = remote;
  if (outcome.status === 'failed') {
    expect(job).toMatchObject({
      status: 'failed',
      error: { code: outcome.code, message: expect.stringMatching(outcome.reason) },
    });
    return;
  }
  expect(job).toMatchObject({ status: 'completed', error: null });
  const { body } = await api('GET', repoPath(name));
  const main = (body.refs as unknown as { ref: string; skipped: object }[]).find(({ ref }) => ref === 'main');
  if (outcome.skipped) expect(main?.skipped).toEqual(outcome.skipped);
  for (const file of outcome.files ?? []) {
    const path = `${repoPath(name)}/refs/main/file?path=${encodeURIComponent(file)}`;
    expect((await api('GET', path)).status, file).toBe(200);
  }
}

beforeAll(async () => {
  await makeRepo('neighbour', SOUND);
  await registered('neighbour', `${inject('gitServer').url}/neighbour.git`);
  await synced('neighbour', 'main');
});

/** Syncs what the repository has become, and the neighbour beside it. */
async function syncBeside(name: string) {
  const [job, neighbour] = await Promise.all([
    startSync(name).then(ended),
    startSync('neighbour').then(ended),
  ]);
  expect(neighbour).toMatchObject({ status: 'completed' });
  return job;
}

const prompt = HOSTILE_REMOTES.filter(({ slow, large }) => !slow && !large);
const failing = prompt.filter(({ outcome }) => outcome.status === 'failed');
const completing = prompt.filter(({ outcome }) => outcome.status === 'completed');

describe('a sync fails with its reason and leaves the index as it was when the remote becomes', () => {
  let before: Awaited<ReturnType<typeof indexed>>;
  beforeAll(async () => {
    await victim('victim');
    before = await indexed('victim');
  });

  test.for(failing)('$name', async (remote) => {
    await turn('victim', remote.name);
    await expectOutcome('victim', await syncBeside('victim'), remote);
    const after = await indexed('victim');
    expect(after.dump).toEqual(before.dump);
    // A pack that is sound in itself stays, whatever its tree describes: the next fetch builds on it.
    expect(after.objects.length - before.objects.length).toBe(remote.keepsPack ? 2 : 0);
    before = after;
  });

  test('all of these in turn, and the next sync from itself completes and answers', async () => {
    await turn('victim', null);
    expect(await synced('victim', 'main')).toMatchObject({ status: 'completed' });
    expect(await hits('victim')).toEqual(['price.ts', 'cart.ts']);
  });
});

describe('what is sound of it is indexed, and the rest counted with its reason, of a repository with', () => {
  test.for(completing)('$name', async (remote) => {
    const name = `odd-${completing.indexOf(remote)}`;
    await victim(name);
    await turn(name, remote.name);
    await expectOutcome(name, await syncBeside(name), remote);
  });
});

test('all remotes that stall or drip at once end by their timeouts, and hold up nobody meanwhile', async () => {
  const slow = HOSTILE_REMOTES.filter((remote) => remote.slow);
  expect(slow.length).toBeGreaterThan(4);
  const names = slow.map((_, n) => `slow-${n}`);
  for (const name of names) await victim(name);
  const before = await Promise.all(names.map(indexed));
  for (const [n, name] of names.entries()) await turn(name, slow[n]!.name);
  const jobs = await Promise.all(names.map(startSync));
  const neighbour = await startSync('neighbour').then(ended);
  expect(neighbour).toMatchObject({ status: 'completed' });
  for (const [n, job] of (await Promise.all(jobs.map(ended))).entries()) {
    await expectOutcome(names[n]!, job, slow[n]!);
    // Ends are compared, not durations: what drips is given four times the silence.
    if (/drip|signs/.test(slow[n]!.name))
      expect(String(job.finishedAt) > String(neighbour.finishedAt)).toBe(true);
  }
  expect(await Promise.all(names.map(indexed))).toEqual(before);
}, 90_000);
