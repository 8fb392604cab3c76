import { env } from 'cloudflare:workers';
import { describe, expect, inject, test } from 'vitest';
import { createEgress } from '../../../src/egress.ts';
import { lacksHistory, peel, shallowBoundary } from '../../../src/ingest/mirror/history.ts';
import { type StoredPack, storePack } from '../../../src/ingest/mirror/intake.ts';
import { type ObjectStore, openObjects } from '../../../src/ingest/mirror/object-store.ts';
import { fetchPack, listRefs } from '../../../src/ingest/mirror/remote.ts';
import { parseCommit, parseTree, TREE_MODE } from '../../../src/ingest/mirror/trees.ts';
import { git, makeRepo } from '../../support/git.ts';
import { noise } from './packs.ts';

const bucket = (env as unknown as { BUCKET: R2Bucket }).BUCKET;
const server = inject('gitServer');
const egress = createEgress({ allow: new URL(server.url).host });

/** A mirror as the job steps keep it: packs, their tips and the shallow boundary. */
function openMirror(url: string) {
  const repo = `mirror-of-${url.split('/').slice(3).join('-')}`;
  const packs: string[] = [];
  const tips: string[] = [];
  let shallow: string[] = [];
  const objects = () => openObjects(bucket, repo, packs);
  const fetch = async (oid: string, depth = 1): Promise<StoredPack> => {
    const fetched = await fetchPack(
      egress,
      { url, headers: {} },
      { oids: [oid], haves: tips, shallow, depth },
    );
    const id = `p${packs.length}`;
    const stored = await storePack({ bucket, objects: objects() }, repo, id, fetched.pack!);
    packs.push(id);
    tips.push(oid);
    shallow = [...new Set([...shallow, ...fetched.shallow])].filter(
      (commit) => !fetched.unshallow.includes(commit),
    );
    return stored;
  };
  return { fetch, objects, shallow: () => shallow };
}

/** Every file of a commit, by path: proves that all of its trees and blobs can be read. */
async function checkOut(objects: ObjectStore, commit: string): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const root = await objects.read(commit);
  const open = [{ path: '', oid: parseCommit(root!.bytes).tree }];
  for (let dir = open.pop(); dir; dir = open.pop()) {
    const tree = await objects.read(dir.oid);
    for (const entry of parseTree(tree!.bytes)) {
      const path = dir.path + entry.name;
      if (entry.mode === TREE_MODE) open.push({ path: `${path}/`, oid: entry.oid });
      else files.set(path, new TextDecoder('latin1').decode((await objects.read(entry.oid))!.bytes));
    }
  }
  return files;
}

const lines = (n: number, changed = -1) =>
  Array.from({ length: n }, (_, i) => (i === changed ? 'changed\n' : `line ${i} of the file\n`)).join('');

function project(): Record<string, string> {
  const files: Record<string, string> = { 'README.md': '# project\n' };
  for (let i = 0; i < 60; i++) files[`src/dir${i % 6}/file${i}.ts`] = lines(200 + i);
  return files;
}

describe.each([
  ['v2', ''],
  ['v0', '/v0'],
])('a mirror over protocol %s', (version, prefix) => {
  test('holds the default branch at depth 1, and a later sync fetches only what changed', async () => {
    const name = `sync-${version}`;
    const repo = await makeRepo(name, project());
    const mirror = openMirror(`${server.url}${prefix}/${name}.git`);
    const first = await mirror.fetch(repo.head);
    expect((await checkOut(mirror.objects(), repo.head)).size).toBe(61);

    const next = await repo.commit({ 'src/dir3/file3.ts': lines(203, 100) });
    const second = await mirror.fetch(next);
    // The commit, three trees on the way to the file, and the file as a delta.
    expect(second.objects).toBe(5);
    expect(second.bytes).toBeLessThan(first.bytes / 5);
    expect(second.bytes).toBeLessThan(1200);
    const files = await checkOut(mirror.objects(), next);
    expect(files.size).toBe(61);
    expect(files.get('src/dir3/file3.ts')).toContain('changed');
    expect((await checkOut(mirror.objects(), repo.head)).get('src/dir3/file3.ts')).not.toContain('changed');
  });

  test('follows a force-push to a commit without common history', async () => {
    const name = `pushed-${version}`;
    const repo = await makeRepo(name, project());
    const mirror = openMirror(`${server.url}${prefix}/${name}.git`);
    await mirror.fetch(repo.head);
    await repo.git('checkout', '-q', '--orphan', 'other');
    const orphan = await repo.commit({ 'README.md': '# rewritten\n', 'src/dir0/file0.ts': null });
    const stored = await mirror.fetch(orphan);
    expect(stored.objects).toBeLessThan(10);
    expect((await checkOut(mirror.objects(), orphan)).get('README.md')).toBe('# rewritten\n');
  });

  test('deepens on demand and in full, transferring only history', async () => {
    const name = `deepen-${version}`;
    const repo = await makeRepo(name, { 'a.txt': 'v0\n' });
    const commits = [repo.head];
    for (let i = 1; i <= 5; i++) commits.push(await repo.commit({ 'a.txt': `v${i}\n` }));
    const tip = commits[5]!;
    const mirror = openMirror(`${server.url}${prefix}/${name}.git`);
    await mirror.fetch(tip);
    expect(mirror.shallow()).toEqual([tip]);
    const lacks = (depth: number) => lacksHistory(mirror.objects(), tip, depth, mirror.shallow());
    expect([await lacks(1), await lacks(2), await lacks(0)]).toEqual([false, true, true]);

    expect((await mirror.fetch(tip, 3)).objects).toBe(6);
    expect(mirror.shallow()).toEqual([commits[3]]);
    expect([await lacks(3), await lacks(4), await lacks(0)]).toEqual([false, true, true]);

    expect((await mirror.fetch(tip, 0)).objects).toBe(9);
    expect(mirror.shallow()).toEqual([]);
    expect([await lacks(4), await lacks(100), await lacks(0)]).toEqual([false, false, false]);
    for (const [i, commit] of commits.entries()) {
      expect((await checkOut(mirror.objects(), commit)).get('a.txt')).toBe(`v${i}\n`);
    }
  });

  test('takes an annotated tag, and a commit by its id alone', async () => {
    const name = `tag-${version}`;
    const repo = await makeRepo(name, { 'a.txt': 'one\n' });
    await repo.git('tag', '-a', '-m', 'release', 'v1.0.0');
    const later = await repo.commit({ 'a.txt': 'two\n' });
    const url = `${server.url}${prefix}/${name}.git`;
    const listing = await listRefs(egress, { url, headers: {} });
    const tag = listing.refs.find((ref) => ref.name === 'refs/tags/v1.0.0')!;
    const mirror = openMirror(url);
    await mirror.fetch(tag.oid);
    expect(await peel(mirror.objects(), tag.oid)).toEqual({ oid: repo.head, type: 'commit' });
    expect((await checkOut(mirror.objects(), repo.head)).get('a.txt')).toBe('one\n');
    await mirror.fetch(later);
    expect((await checkOut(mirror.objects(), later)).get('a.txt')).toBe('two\n');
  });
});

test('two syncs at once, each unaware of the other, leave a mirror that later syncs fill in correctly', async () => {
  const repo = await makeRepo('at-once', { 'a.txt': 'first\n', 'b.txt': 'b\n' });
  const second = await repo.commit({ 'a.txt': 'second\n' });
  // The third has the file of the first again: a remote that believes we hold the first's tree would leave it out.
  const third = await repo.commit({ 'a.txt': 'first\n', 'b.txt': 'changed\n' });
  await repo.git('branch', 'side', repo.head);
  const other = await (async () => {
    await repo.git('checkout', '-q', '--orphan', 'unrelated');
    return repo.commit({ 'c.txt': 'c\n' });
  })();
  const none = openObjects(bucket, 'at-once', []);
  const candidates: string[] = [];
  for (const [id, oid] of [
    ['p0', second],
    ['p1', other],
  ] as const) {
    const want = { oids: [oid], haves: [], shallow: [], depth: 1 };
    const fetched = await fetchPack(egress, { url: repo.url, headers: {} }, want);
    await storePack({ bucket, objects: none }, 'at-once', id, fetched.pack!);
    candidates.push(...fetched.shallow);
  }
  const objects = openObjects(bucket, 'at-once', ['p0', 'p1']);
  // An orphan has no parents, so it is no boundary, whatever the remote called it.
  const shallow = await shallowBoundary(objects, candidates);
  expect(shallow).toEqual([second]);
  const want = { oids: [third], haves: [other, second], shallow, depth: 1 };
  const fetched = await fetchPack(egress, { url: repo.url, headers: {} }, want);
  await storePack({ bucket, objects }, 'at-once', 'p2', fetched.pack!);
  const files = await checkOut(openObjects(bucket, 'at-once', ['p0', 'p1', 'p2']), third);
  expect(Object.fromEntries(files)).toEqual({ 'a.txt': 'first\n', 'b.txt': 'changed\n' });
});

test('a repository with a large binary file is mirrored under the memory budget', async () => {
  const repo = await makeRepo('large', { 'small.txt': 'small\n', 'large.bin': noise(12 * 1024 * 1024) });
  const mirror = openMirror(repo.url);
  const stored = await mirror.fetch(repo.head);
  expect(stored.peakBytes).toBeLessThan(20 * 1024 * 1024);
  const oid = (await repo.git('rev-parse', 'HEAD:large.bin')).stdout.trim();
  expect((await mirror.objects().info([oid])).get(oid)).toMatchObject({
    size: 12 * 1024 * 1024,
    flags: { binary: true },
  });
});

test('names, modes and contents of odd files survive', async () => {
  const repo = await makeRepo('odd', {
    'ünï cödé/日本 語.txt': 'x\n',
    empty: '',
    'crlf.txt': 'a\r\nb',
    '-dash': 'd',
    'new\nline': 'n',
  });
  await repo.git(
    'update-index',
    '--add',
    '--cacheinfo',
    `120000,${(await git(['hash-object', '-w', '--stdin'], { cwd: repo.cwd, input: btoa('empty') })).stdout.trim()},link`,
  );
  await repo.git('update-index', '--add', '--cacheinfo', `160000,${repo.head},module`);
  await repo.git('update-index', '--chmod=+x', 'empty');
  await repo.git('commit', '-q', '-m', 'modes');
  const head = (await repo.git('rev-parse', 'HEAD')).stdout.trim();
  const mirror = openMirror(repo.url);
  await mirror.fetch(head);
  const objects = mirror.objects();
  const tree = parseTree((await objects.read(parseCommit((await objects.read(head))!.bytes).tree))!.bytes);
  const modes = Object.fromEntries(tree.map(({ name, mode }) => [name, mode.toString(8)]));
  expect(modes).toEqual({
    '-dash': '100644',
    'crlf.txt': '100644',
    empty: '100755',
    link: '120000',
    module: '160000',
    'new\nline': '100644',
    'ünï cödé': '40000',
  });
});
