import { env } from 'cloudflare:workers';
import { beforeAll, expect, inject, test } from 'vitest';
import { createEgress } from '../../../src/egress.ts';
import type { Env } from '../../../src/env.ts';
import { parseCommit, parseTree } from '../../../src/ingest/mirror/trees.ts';
import { consolidate } from '../../../src/ingest/steps/consolidate.ts';
import { fetchCommit } from '../../../src/ingest/steps/fetch-commit.ts';
import { services } from '../../../src/services.ts';
import { gitRefs, groups } from '../../../src/store/control-schema.ts';
import { listPacks } from '../../../src/store/packs.ts';
import { createRepo } from '../../../src/store/repos.ts';
import { makeRepo } from '../../support/git.ts';
import { ADMIN_CALLER, newRepo } from '../../support/repos.ts';

const s = services(env as unknown as Env);
const NOW = new Date('2026-11-20T12:00:00.000Z');
const nobodyAsks = async () => undefined;

beforeAll(async () => {
  expect(inject('gitServer').url).toContain('127.0.0.1');
  await s.db
    .insert(groups)
    .values({ id: 'g', name: 'g', createdAt: NOW.toISOString(), updatedAt: NOW.toISOString() });
});

async function registered(name: string, remoteUrl: string) {
  return createRepo(s.db, ADMIN_CALLER, newRepo({ groupId: 'g', name, remoteUrl }), 2, NOW);
}

test('many syncs end in one pack that holds what is served and listed, and the next sync builds on it', async () => {
  const repo = await makeRepo('many-syncs', { 'a.txt': 'v0\n'.repeat(100), 'b.txt': 'b\n' });
  const scope = await registered('many-syncs', repo.url);
  const remote = { url: repo.url, headers: {} };
  const commits = [repo.head];
  await fetchCommit(s, scope, remote, { oid: repo.head, depth: 1 }, nobodyAsks);
  for (let n = 1; n <= 9; n++) {
    // Each a force-push: the one before is reached by nothing any more.
    await repo.git('update-ref', 'HEAD', repo.head);
    commits.push(await repo.commit({ 'a.txt': `v${n}\n`.repeat(100) }));
    await fetchCommit(s, scope, remote, { oid: commits[n]!, depth: 1 }, nobodyAsks);
  }
  expect(await listPacks(s.db, scope)).toHaveLength(10);
  await s.db.insert(gitRefs).values({ repoKey: scope.repo.key, name: 'refs/heads/main', oid: commits[9]! });

  expect(await consolidate(s, scope)).toBe(true);
  expect(await consolidate(s, scope)).toBe(false);
  const [pack, ...others] = await listPacks(s.db, scope);
  expect(others).toEqual([]);
  expect(pack).toMatchObject({ shallow: [], tips: [commits[9]] });
  const stored = await s.bucket.list({ prefix: `repos/${scope.repo.id}/` });
  expect(stored.objects.map((object) => object.key.split('/').at(-1))).toEqual([
    `${pack!.id}.idx`,
    `${pack!.id}.pack`,
  ]);

  const next = await repo.commit({ 'b.txt': 'changed\n' });
  const objects = await fetchCommit(s, scope, remote, { oid: next, depth: 1 }, nobodyAsks);
  const tree = parseTree((await objects.read(parseCommit((await objects.read(next))!.bytes).tree))!.bytes);
  const contents = await Promise.all(
    tree.map(async ({ oid }) => new TextDecoder().decode((await objects.read(oid))!.bytes)),
  );
  expect(contents).toEqual(['v9\n'.repeat(100), 'changed\n']);
  const after = await s.objects(scope);
  expect((await after.info(commits)).size).toBe(2);
  expect(await after.read(commits[3]!)).toBeNull();
});

test.each([40_001, 80_001])('a history cut at %i commits is refused, and nothing stays', async (cuts) => {
  const scope = await registered(`cut at ${cuts}`, 'https://git.example.com/cut.git');
  const pkt = (line: string) => (line.length + 4).toString(16).padStart(4, '0') + line;
  const shallow = Array.from({ length: cuts }, (_, n) => pkt(`shallow ${n.toString(16).padStart(40, '0')}`));
  const answers = [
    new Response(`${pkt('version 2\n')}${pkt('fetch=shallow\n')}0000`, {
      headers: { 'content-type': 'application/x-git-upload-pack-advertisement' },
    }),
    new Response(`${pkt('shallow-info\n')}${shallow.join('')}0001${pkt('packfile\n')}0000`, {
      headers: { 'content-type': 'application/x-git-upload-pack-result' },
    }),
  ];
  const egress = createEgress({ allow: '', fetch: async () => answers.shift()! });
  const remote = { url: 'https://git.example.com/cut.git', headers: {} };
  const want = { oid: 'a'.repeat(40), depth: 1000 };
  await expect(fetchCommit({ ...s, egress }, scope, remote, want, nobodyAsks)).rejects.toThrow(
    /cut at more than 40000 commits; choose another depth/,
  );
  expect((await s.bucket.list({ prefix: `repos/${scope.repo.id}/` })).objects).toEqual([]);
});
