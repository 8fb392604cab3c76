import { beforeAll, describe, expect, it } from 'vitest';
import { factsOf, treeOf } from '../../../src/answer/navigate/snapshot.ts';
import { batches, planSnapshot } from '../../../src/ingest/indexing/plan.ts';
import { previewSnapshot } from '../../../src/ingest/indexing/preview.ts';
import { processBatch } from '../../../src/ingest/indexing/process.ts';
import { publishSnapshot } from '../../../src/ingest/indexing/publish.ts';
import { removeRef, removeRepo, sweep } from '../../../src/ingest/indexing/remove.ts';
import { rowsBy } from '../../../src/ingest/indexing/rows.ts';
import type { Embedder } from '../../../src/models/embedder.ts';
import { textOf } from '../../../src/store/blobs.ts';
import {
  askAll,
  fullTextTable,
  matchBlocks,
  matchFiles,
  matchPaths,
  matchText,
  mergeFullText,
  type PathMatch,
  type TextHeads,
  textHeads,
} from '../../../src/store/full-text.ts';
import { dumpIndex } from '../../../src/store/index-dump.ts';
import { endRun } from '../../../src/store/index-repo.ts';
import {
  callsTo,
  importsEnding,
  importsNamed,
  snapshotDirectories,
  symbolsNamed,
} from '../../../src/store/navigation.ts';
import { entryAt, listTree } from '../../../src/store/tree.ts';
import { lackingBlobs, markEmbedded } from '../../../src/store/vector-sets.ts';
import { letters } from '../../support/letters.ts';
import { executable, FakeMirror, lost, type Node, submodule, symlink } from './fake-mirror.ts';
import { addRef, bindings, createRepo, inOneRepo, parseToy, sync, type TestRepo } from './support.ts';

async function matchTexts(shard: D1Database, queries: Parameters<typeof textHeads>[1]) {
  const [heads] = await askAll<[TextHeads]>(shard, [textHeads(shard, queries)]);
  return matchText(shard, queries, heads);
}

const findText = inOneRepo(matchTexts);
const findFiles = inOneRepo(matchFiles);
const findBlocks = inOneRepo(matchBlocks);
const findPaths = inOneRepo(
  async (shard, queries: Parameters<typeof matchPaths>[1]) =>
    (await askAll<[PathMatch[][]]>(shard, [matchPaths(shard, queries)]))[0],
);
const paths = (files: { path: string }[]) => files.map((file) => file.path);

async function count(shard: D1Database, table: string, where = '1'): Promise<number> {
  return (await shard.prepare(`SELECT count(*) AS n FROM ${table} WHERE ${where}`).first<number>('n')) ?? 0;
}

async function served(repo: TestRepo, ref = 'main') {
  return bindings.DB.prepare(
    `SELECT i.stage, i.snapshot_id AS snapshotId, i.indexed_at AS indexedAt, s.* FROM indexed_refs i
     LEFT JOIN snapshots s ON s.id = i.snapshot_id WHERE i.repo_key = ?1 AND i.ref = ?2`,
  )
    .bind(repo.scope.repo.key, ref)
    .first<Record<string, unknown>>();
}

const FIRST: { [name: string]: Node } = {
  'README.md': 'A toy.\n',
  src: {
    'router.toy': 'use match\ndef routeRequest\n  match()\n  trie.insert()\ndef other\n',
    'match.toy': 'def match\n  yes()\n',
    deep: { 'copy.toy': 'def match\n  yes()\n' },
  },
};

describe('a first sync', () => {
  let repo: TestRepo;
  let snapshotId: number;
  beforeAll(async () => {
    repo = await createRepo();
    const root = {
      ...FIRST,
      'link.toy': symlink('src/match.toy'),
      vendor_mod: submodule(),
      'logo.bin': new Uint8Array([0, 1, 2, 3]),
      'run.sh': executable('echo hi\n'),
      'bad.toy': 'REFUSE me\n',
    };
    const synced = await sync(repo, root);
    snapshotId = synced.snapshotId;
    expect(synced.result).toEqual({ status: 'published', snapshotId, filesIndexed: 5, filesSkipped: 4 });
  });

  it('parses each content once, whatever number of paths it has', async () => {
    expect(repo.mirror.reads.blobs).toHaveLength(new Set(repo.mirror.reads.blobs).size);
    expect(await count(repo.deps.shard, 'blobs', `repo = ${repo.scope.repo.key}`)).toBe(5);
  });

  it('is served by its ref with commit, totals, reasons and language shares', async () => {
    const row = await served(repo);
    expect(row).toMatchObject({
      stage: 'ready',
      snapshotId,
      complete: 1,
      files_indexed: 5,
      files_skipped: 4,
    });
    expect(JSON.parse(String(row?.skipped))).toEqual({
      symlink: 1,
      submodule: 1,
      binary: 1,
      'unsupported-encoding': 1,
    });
    const shares = JSON.parse(String(row?.language_stats)) as Record<string, number>;
    expect(Object.values(shares).reduce((sum, share) => sum + share, 0)).toBeCloseTo(100, 0);
    expect(Object.keys(shares)).toEqual(expect.arrayContaining(['markdown', 'shell', 'text']));
  });

  it('lists the tree in the order of git, with links and submodules', async () => {
    const tree = await listTree(repo.deps.shard, repo.scope, snapshotId);
    expect(paths(tree)).toEqual([
      'README.md',
      'bad.toy',
      'link.toy',
      'logo.bin',
      'run.sh',
      'src/deep/copy.toy',
      'src/match.toy',
      'src/router.toy',
      'vendor_mod',
    ]);
    expect(tree.find((file) => file.path === 'link.toy')).toMatchObject({
      mode: 0o120000,
      skipped: 'symlink',
    });
    expect(tree.find((file) => file.path === 'run.sh')).toMatchObject({
      mode: 0o100755,
      size: 8,
      lang: 'shell',
    });
    expect(tree.find((file) => file.path === 'bad.toy')).toMatchObject({ skipped: 'unsupported-encoding' });
  });

  it('lists the files of a directory however many it has, in values of bounded size', async () => {
    const { shard } = repo.deps;
    const key = repo.scope.repo.key;
    // Beside what is indexed: one directory of 20,000 long names.
    await shard.batch([
      shard
        .prepare(
          `INSERT INTO dirs (id, repo, path, tree_oid, config, stats) VALUES (9000001, ?1, 'wide/', 't', 'c', '{}')`,
        )
        .bind(key),
      shard.prepare('INSERT INTO snapshot_dirs (snapshot, dir) VALUES (9000001, 9000001)'),
      shard.prepare(
        `WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 19999)
         INSERT INTO entries (id, dir, name, mode, oid, lang, blob)
         SELECT 9000000 + i, 9000001, printf('%0200d', i), 33188, 'o', 'text', i FROM n`,
      ),
    ]);
    const sizes: number[] = [];
    const watched = {
      prepare: (query: string) => ({
        bind: (...values: unknown[]) => ({
          all: async () => {
            const answer = await shard
              .prepare(query)
              .bind(...values)
              .all<{ files: string }>();
            sizes.push(...answer.results.map((row) => row.files.length));
            return answer;
          },
        }),
      }),
    } as unknown as D1Database;
    const view = { shard: watched, scope: repo.scope, snapshotId: 9_000_001 };
    const directories = await snapshotDirectories(view);
    expect(directories.map(({ path }) => path)).toEqual(['wide/']);
    expect(new Set(directories[0]!.files.map((file) => file.blob)).size).toBe(20_000);
    expect(Math.max(...sizes)).toBeLessThan(2_000_000);
    await shard.batch(
      [
        'entries WHERE dir = 9000001',
        'snapshot_dirs WHERE snapshot = 9000001',
        'dirs WHERE id = 9000001',
      ].map((rows) => shard.prepare(`DELETE FROM ${rows}`)),
    );
  });

  it('ends a prefix at a segment', async () => {
    const under = async (prefix: string) =>
      paths(await listTree(repo.deps.shard, repo.scope, snapshotId, prefix));
    expect(await under('src')).toEqual(['src/deep/copy.toy', 'src/match.toy', 'src/router.toy']);
    expect(await under('src/deep/')).toEqual(['src/deep/copy.toy']);
    expect(await under('sr')).toEqual([]);
    expect(await under('src/match.toy')).toEqual(['src/match.toy']);
    expect(await under('src/match.toy/')).toEqual([]);
  });

  it('finds one entry by its path and nothing by a directory or a stranger', async () => {
    const at = (path: string) => entryAt(repo.deps.shard, repo.scope, snapshotId, path);
    expect(await at('src/match.toy')).toMatchObject({ path: 'src/match.toy', mode: 0o100644, skipped: null });
    expect(await at('vendor_mod')).toMatchObject({ mode: 0o160000, size: null, skipped: 'submodule' });
    expect(await at('src')).toBeNull();
    expect(await at('src/nothing')).toBeNull();
    expect(await at('')).toBeNull();
  });

  it('gives back texts', async () => {
    const entry = await entryAt(repo.deps.shard, repo.scope, snapshotId, 'src/match.toy');
    const texts = await textOf(repo.deps.shard, repo.scope, [entry!.blob!, 999_999]);
    expect([...texts]).toEqual([[entry!.blob, 'def match\n  yes()\n']]);
  });

  it('keeps the texts it gives within the bytes allowed', async () => {
    const blobs = (await listTree(repo.deps.shard, repo.scope, snapshotId)).flatMap(
      (file) => file.blob ?? [],
    );
    const texts = await textOf(repo.deps.shard, repo.scope, blobs, 20);
    expect([...texts.values()].join('').length).toBeLessThanOrEqual(20);
    expect(texts.size).toBeGreaterThan(0);
  });

  it('gives texts of many megabytes in the order asked for, none left out', async () => {
    const big = await createRepo();
    const random = () => Array.from(crypto.getRandomValues(new Uint8Array(55_000)), (b) => b.toString(36));
    const noise = (n: number) => [n, ...random(), ...random()].join(' ');
    const root = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`n${n}.txt`, noise(n)]));
    const synced = await sync(big, root);
    const tree = await listTree(big.deps.shard, big.scope, synced.snapshotId);
    const ids = tree.map((file) => file.blob!).reverse();
    const texts = await textOf(big.deps.shard, big.scope, ids);
    expect([...texts.keys()]).toEqual(ids);
    for (const file of tree) expect(texts.get(file.blob!)).toBe(root[file.path]);
  });

  it('finds chunks by words, by parts of identifiers and with their symbol', async () => {
    const find = (match: string) =>
      findText(repo.deps.shard, repo.scope, { match, snapshotIds: [snapshotId], limit: 9 });
    expect(await find('routeRequest')).toMatchObject([
      { chunk: { startLine: 2, endLine: 4, symbol: { name: 'routeRequest' } } },
    ]);
    expect(await find('request')).toMatchObject([{ chunk: { symbol: { name: 'routeRequest' } } }]);
    expect((await find('symbols: match')).map((hit) => hit.chunk.symbol?.name)).toContain('match');
    const [hit] = await find('insert');
    expect(hit?.score).toBeGreaterThan(0);
    expect(await find('nowhere')).toEqual([]);
  });

  it('narrows matches to languages and blobs, and to snapshots that reach them', async () => {
    const entry = await entryAt(repo.deps.shard, repo.scope, snapshotId, 'src/match.toy');
    const query = { match: 'match', snapshotIds: [snapshotId], limit: 9 };
    const find = (more: object) => findText(repo.deps.shard, repo.scope, { ...query, ...more });
    expect(await find({})).not.toEqual([]);
    expect(await find({ langs: ['python'] })).toEqual([]);
    expect(await find({ blobIds: [entry!.blob!] })).toMatchObject([{ chunk: { blobId: entry!.blob } }]);
    expect(await find({ snapshotIds: [snapshotId + 1000] })).toEqual([]);
  });

  it('finds blobs by trigrams, letter case ignored, without a limit on the length of a literal', async () => {
    const find = (...terms: string[]) =>
      findFiles(repo.deps.shard, repo.scope, { terms, snapshotIds: [snapshotId], limit: 99 });
    const router = await entryAt(repo.deps.shard, repo.scope, snapshotId, 'src/router.toy');
    expect(await find('ROUTEreq')).toEqual([router?.blob]);
    expect(await find('trie.insert()', 'other')).toEqual([router?.blob]);
    expect(await find('routeRequestNot')).toEqual([]);
    expect(await find('a"b')).toEqual([]);
    expect((await find('ma')).length).toBe(4);
    const blocks = (...terms: string[]) =>
      findBlocks(repo.deps.shard, repo.scope, { terms, snapshotIds: [snapshotId], limit: 99 });
    expect(await blocks('trie.insert()', 'other')).toEqual([router!.blob! * 4096]);
    expect(await blocks('routeRequestNot')).toEqual([]);
    expect((await blocks('ma')).length).toBe(4);
  });

  it('finds files by the words of their paths', async () => {
    const found = await findPaths(repo.deps.shard, repo.scope, {
      match: 'copy',
      snapshotIds: [snapshotId],
      limit: 9,
    });
    expect(paths(found)).toEqual(['src/deep/copy.toy']);
  });

  it('merges what many runs left in segments, and finds the same', async () => {
    const many = await createRepo();
    const files: Record<string, string> = {};
    let last = 0;
    for (let n = 0; n < 8; n++) {
      files[`f${n}.txt`] = `needle number ${n}\n`;
      last = (await sync(many, { ...files })).snapshotId;
    }
    const { shard } = many.deps;
    const table = fullTextTable('grep', many.scope);
    const segments = async () =>
      (await shard.prepare(`SELECT count(DISTINCT segid) AS n FROM ${table}_idx`).first<{ n: number }>())!.n;
    const found = () => findFiles(shard, many.scope, { terms: ['needle'], snapshotIds: [last], limit: 99 });
    const before = await found();
    expect(await segments()).toBeGreaterThan(4);
    await mergeFullText(shard, many.scope);
    expect(await segments()).toBeLessThan(4);
    expect(await found()).toEqual(before);
    expect(before).toHaveLength(8);
  });

  it('answers an expression that FTS5 cannot read with a problem of the caller', async () => {
    for (const match of ['"open', 'a AND', 'nocolumn: x', '(', '*', ' ']) {
      const asked = findText(repo.deps.shard, repo.scope, { match, snapshotIds: [snapshotId], limit: 9 });
      await expect(asked, match).rejects.toMatchObject({ slug: 'validation' });
    }
  });

  it('answers several repos in one round trip, those never indexed with nothing', async () => {
    const stranger = await createRepo();
    const query = { match: 'match', snapshotIds: [snapshotId], limit: 9 };
    const [mine, theirs] = await matchTexts(repo.deps.shard, [
      { ...query, scope: repo.scope },
      { ...query, scope: stranger.scope },
    ]);
    expect(mine?.length).toBeGreaterThan(0);
    expect(theirs).toEqual([]);
  });

  it('finds what counts behind a head of matches that only another ref holds', async () => {
    const shared = await createRepo();
    const better = Array.from({ length: 120 }, (_, n): [string, string] => [
      `f${n}.toy`,
      `def quick\n  quick()\n  quick${n}()\n`,
    ]);
    await sync(shared, Object.fromEntries(better), { ref: 'other' });
    const words = Array.from({ length: 40 }, (_, n) => `  filler${n}()\n`).join('');
    const own = await sync(shared, { 'own.toy': `def slow\n${words}  quick()\n` });
    const query = { match: 'quick', snapshotIds: [own.snapshotId], limit: 3 };
    expect(await findText(shared.deps.shard, shared.scope, query)).toHaveLength(1);
    const narrowed = await findText(shared.deps.shard, shared.scope, { ...query, langs: ['text'] });
    expect(narrowed).toHaveLength(1);
  });

  it('walks files in rank order, so that a limit ends the search without a sort', async () => {
    const { shard } = repo.deps;
    const explaining = {
      prepare: (sql: string) => shard.prepare(`EXPLAIN QUERY PLAN ${sql}`),
    } as unknown as D1Database;
    const query = { match: 'match', snapshotIds: [snapshotId], limit: 9, scope: repo.scope };
    const { results: plan } = await matchPaths(explaining, [query])
      .lookups[0]!.statement()
      .all<{ detail: string }>();
    const steps = plan.map((row) => row.detail).join('\n');
    expect(steps).toMatch(/^SCAN f VIRTUAL TABLE INDEX/);
    expect(steps).not.toContain('TEMP B-TREE');
    expect(steps).not.toMatch(/SCAN (?!f |json_each|q$|\(subquery)/m);
  });
});

describe('an incremental sync', () => {
  it('parses nothing and writes no directory when nothing changed', async () => {
    const repo = await createRepo();
    const first = await sync(repo, FIRST);
    const dirs = await count(repo.deps.shard, 'dirs');
    repo.mirror.reads.blobs.length = 0;
    const again = await sync(repo, FIRST);
    expect(again).toMatchObject({ snapshotId: first.snapshotId, parsed: 0, result: { status: 'published' } });
    expect(repo.mirror.reads.blobs).toEqual([]);
    expect(await count(repo.deps.shard, 'dirs')).toBe(dirs);
  });

  it('parses one file and writes the directories above it when one file changed', async () => {
    const repo = await createRepo();
    await sync(repo, FIRST);
    const dirs = await count(repo.deps.shard, 'dirs');
    const changed = { ...FIRST, src: { ...(FIRST.src as object), 'match.toy': 'def match\n  no()\n' } };
    const { parsed, snapshotId } = await sync(repo, changed);
    expect(parsed).toBe(1);
    expect(await count(repo.deps.shard, 'dirs')).toBe(dirs + 2);
    expect(paths(await listTree(repo.deps.shard, repo.scope, snapshotId))).toHaveLength(4);
  });

  it('parses nothing when files only move', async () => {
    const repo = await createRepo();
    await sync(repo, FIRST);
    expect((await sync(repo, { lib: FIRST.src!, 'README.md': 'A toy.\n' })).parsed).toBe(0);
  });

  it('gives definitions by their places, not in the order in which blobs were indexed', async () => {
    const repo = await createRepo();
    await sync(repo, { 'c.toy': 'def same\n  c()\n' });
    await sync(repo, { 'a.toy': 'def same\n  a()\n', 'c.toy': 'def same\n  c()\n' });
    const { snapshotId } = await sync(repo, {
      'a.toy': 'def same\n  a()\n',
      'b.toy': 'def same\n  b()\n',
      'c.toy': 'def same\n  c()\n',
    });
    const view = { shard: repo.deps.shard, scope: repo.scope, snapshotId };
    const facts = factsOf(view, await treeOf(view));
    const found = await facts.run((known) => known.definitions('same').map(({ path }) => path));
    expect(found).toEqual(['a.toy', 'b.toy', 'c.toy']);
  });

  it('cuts what is too much by path and place, not in the order in which blobs were indexed', async () => {
    const repo = await createRepo();
    const calls = (mark: string) => `use same\ndef same\n  same()\n  same() ${mark}\n`;
    await sync(repo, { 'd.toy': calls('d') });
    await sync(repo, { 'c.toy': calls('c'), 'd.toy': calls('d') });
    const { snapshotId } = await sync(repo, {
      a: { 'x.toy': calls('x'), 'gone.toy': calls('d') },
      'c.toy': calls('c'),
      'd.toy': calls('d'),
    });
    const view = { shard: repo.deps.shard, scope: repo.scope, snapshotId };
    const { paths: index } = await treeOf(view);
    const placesOf = (rows: { blob: number; ord: number }[]) =>
      rows.map(
        ({ blob, ord }) =>
          `${
            index
              .pathsOf(blob)
              .map(({ path }) => path)
              .sort()[0]
          }:${ord}`,
      );
    const sites = await callsTo(view, ['other', 'same'], 3);
    expect(placesOf(sites)).toEqual(['a/gone.toy:0', 'a/gone.toy:1', 'a/x.toy:0']);
    expect(sites[0]).toMatchObject({ callee: 'same', line: 3, caller: { name: 'same' } });
    expect(placesOf(await importsNamed(view, ['same'], 2))).toEqual(['a/gone.toy:0', 'a/x.toy:0']);
    expect(placesOf(await importsEnding(view, ['same'], 2))).toEqual([]);
    expect(placesOf(await symbolsNamed(view, ['same'], { limit: 2 }))).toEqual(['a/gone.toy:0', 'a/x.toy:0']);
    expect(await callsTo(view, ['same'], 7)).toHaveLength(6);
  });

  it('applies globs as a configuration of its own: another snapshot of the same commit', async () => {
    const repo = await createRepo();
    const all = await sync(repo, FIRST);
    const some = await sync(repo, FIRST, { globs: ['src/**', '!copy.toy'] });
    expect(some).toMatchObject({ parsed: 0, result: { filesIndexed: 2, filesSkipped: 2 } });
    expect(some.snapshotId).not.toBe(all.snapshotId);
    expect(JSON.parse(String((await served(repo))?.skipped))).toEqual({ glob: 2 });
  });

  it('writes for a second ref only the directories that differ', async () => {
    const repo = await createRepo();
    await sync(repo, FIRST, { ref: 'main' });
    const dirs = await count(repo.deps.shard, 'dirs', `repo = ${repo.scope.repo.key}`);
    await sync(repo, { ...FIRST, 'NOTES.md': 'new\n' }, { ref: 'feature' });
    expect(await count(repo.deps.shard, 'dirs', `repo = ${repo.scope.repo.key}`)).toBe(dirs + 1);
    expect((await served(repo, 'main'))?.snapshotId).not.toBe((await served(repo, 'feature'))?.snapshotId);
  });

  it('looks again at directories that lacked a blob once the mirror has it', async () => {
    const repo = await createRepo();
    const blob = 'def late\n';
    const oid = new FakeMirror().write('blob', Buffer.from(blob));
    const first = await sync(repo, { 'a.toy': 'def a\n', sub: { 'late.toy': lost(oid) } });
    expect(first.result).toMatchObject({ filesIndexed: 1, filesSkipped: 1 });
    repo.mirror.write('blob', Buffer.from(blob));
    const second = await sync(repo, { 'b.toy': 'def b\n', sub: { 'late.toy': lost(oid) } });
    expect(second).toMatchObject({ parsed: 2, result: { filesIndexed: 2, filesSkipped: 0 } });
  });
});

describe('deliveries that repeat, overlap or come late', () => {
  it('leave one set of rows when batches are delivered twice and at once', async () => {
    const repo = await createRepo();
    await addRef(repo, 'main');
    const target = { commit: repo.mirror.commit(FIRST), globs: null, runId: 'r', ref: 'main' };
    const plan = await planSnapshot(repo.deps, repo.scope, target);
    const [batch] = batches(plan.missing);
    const process = () => processBatch(repo.deps, repo.scope, batch!, rowsBy(parseToy, letters()), 'r');
    await Promise.all([process(), process(), process()]);
    expect(await process()).toEqual({
      status: 'written',
      files: 0,
      chunks: 0,
      skipped: 0,
      embedded: 0,
    });
    await Promise.all([
      publishSnapshot(repo.deps, repo.scope, target),
      publishSnapshot(repo.deps, repo.scope, target),
    ]);
    const clean = await createRepo();
    const rebuilt = await sync(clean, FIRST);
    expect(await dumpIndex(repo.deps.shard, repo.scope, plan.snapshotId)).toEqual(
      await dumpIndex(clean.deps.shard, clean.scope, rebuilt.snapshotId),
    );
    const hits = await findText(repo.deps.shard, repo.scope, {
      match: 'routeRequest',
      snapshotIds: [plan.snapshotId],
      limit: 9,
    });
    expect(hits).toHaveLength(1);
  });

  it('publish nothing while blobs are missing, and say which', async () => {
    const repo = await createRepo();
    await addRef(repo, 'main');
    const target = { commit: repo.mirror.commit(FIRST), globs: null, runId: 'r', ref: 'main' };
    const plan = await planSnapshot(repo.deps, repo.scope, target);
    const result = await publishSnapshot(repo.deps, repo.scope, target);
    expect(result).toEqual({ status: 'incomplete', missing: plan.missing });
    expect((await served(repo))?.snapshotId).toBeNull();
  });

  it('do not flip a ref that belongs to another run or is gone', async () => {
    const repo = await createRepo();
    const first = await sync(repo, FIRST);
    await bindings.DB.prepare("UPDATE indexed_refs SET job_id = 'newer' WHERE repo_key = ?1")
      .bind(repo.scope.repo.key)
      .run();
    expect((await sync(repo, { 'a.toy': 'def a\n' }, { runId: 'older' })).result).toEqual({ status: 'gone' });
    expect((await served(repo))?.snapshotId).toBe(first.snapshotId);
    await bindings.DB.prepare('DELETE FROM indexed_refs WHERE repo_key = ?1').bind(repo.scope.repo.key).run();
    const target = { commit: repo.mirror.commit(FIRST), globs: null, runId: 'r', ref: 'main' };
    expect(await publishSnapshot(repo.deps, repo.scope, target)).toEqual({ status: 'gone' });
  });

  it('write nothing while a blob cannot be read, and all of it once it can', async () => {
    const repo = await createRepo();
    const target = { commit: repo.mirror.commit(FIRST), globs: null, runId: 'r' };
    const plan = await planSnapshot(repo.deps, repo.scope, target);
    const [oid, object] = [...repo.mirror.objects].find(([each]) => each === plan.missing[1]?.oid)!;
    const process = () =>
      processBatch(repo.deps, repo.scope, batches(plan.missing)[0]!, rowsBy(parseToy, letters()), 'r');
    repo.mirror.objects.delete(oid);
    await expect(process()).rejects.toThrow('1 blobs of the batch could not be read');
    expect(await count(repo.deps.shard, 'blobs', `repo = ${repo.scope.repo.key}`)).toBe(0);
    repo.mirror.objects.set(oid, object);
    expect(await process()).toMatchObject({ status: 'written', files: 3 });
  });

  it('fail without a trace when the parser fails, and succeed when delivered again', async () => {
    const repo = await createRepo();
    const failing = () => {
      throw new Error('parser broke');
    };
    await expect(sync(repo, FIRST, { parse: failing })).rejects.toThrow('parser broke');
    expect(await count(repo.deps.shard, 'blobs', `repo = ${repo.scope.repo.key}`)).toBe(0);
    expect((await sync(repo, FIRST)).result.status).toBe('published');
  });
});

describe('removal', () => {
  const TABLES = ['blobs', 'dirs', 'live_repos', 'index_runs', 'symbols', 'imports', 'call_sites'];

  it('of a repo leaves nothing in the shard and in R2, also when steps arrive later', async () => {
    const repo = await createRepo();
    await sync(repo, FIRST);
    await bindings.BUCKET.put(`repos/${repo.scope.repo.id}/packs/a.pack`, 'x');
    const target = {
      commit: repo.mirror.commit({ 'z.toy': 'def z\n' }),
      globs: null,
      runId: 'late',
      ref: 'main',
    };
    const plan = await planSnapshot(repo.deps, repo.scope, target);

    await bindings.DB.prepare("UPDATE repos SET deleted_at = 'now' WHERE key = ?1")
      .bind(repo.scope.repo.key)
      .run();
    const deps = { ...repo.deps, bucket: bindings.BUCKET };
    await removeRepo(deps, repo.scope);
    await removeRepo(deps, repo.scope);

    const late = await processBatch(
      repo.deps,
      repo.scope,
      batches(plan.missing)[0]!,
      rowsBy(parseToy, letters()),
      'late',
    );
    expect(late.status).toBe('gone');
    expect(await publishSnapshot(repo.deps, repo.scope, target)).toEqual({ status: 'gone' });
    await expect(planSnapshot(repo.deps, repo.scope, target)).rejects.toMatchObject({ slug: 'not_found' });

    for (const table of TABLES)
      expect(await count(repo.deps.shard, table, `repo = ${repo.scope.repo.key}`), table).toBe(0);
    const tables = await count(
      repo.deps.shard,
      'sqlite_master',
      `name LIKE '%\\_${repo.scope.repo.key}' ESCAPE '\\'`,
    );
    expect(tables).toBe(0);
    expect(await count(repo.deps.shard, 'entries', 'dir NOT IN (SELECT id FROM dirs)')).toBe(0);
    expect(await count(repo.deps.shard, 'chunks', 'blob NOT IN (SELECT id FROM blobs)')).toBe(0);
    expect((await bindings.BUCKET.list({ prefix: `repos/${repo.scope.repo.id}/` })).objects).toEqual([]);
  });

  it('of a repo in the middle of a write lets the write end as gone', async () => {
    const repo = await createRepo();
    const target = { commit: repo.mirror.commit(FIRST), globs: null, runId: 'r', ref: 'main' };
    const plan = await planSnapshot(repo.deps, repo.scope, target);
    const result = await processBatch(
      repo.deps,
      repo.scope,
      batches(plan.missing)[0]!,
      rowsBy(async (bytes, lang) => {
        await removeRepo({ ...repo.deps, bucket: bindings.BUCKET }, repo.scope);
        return parseToy(bytes, lang);
      }, letters()),
      'r',
    );
    expect(result.status).toBe('gone');
    expect(await count(repo.deps.shard, 'blobs', `repo = ${repo.scope.repo.key}`)).toBe(0);
  });

  it('of a ref takes what it alone reached and leaves the other refs whole', async () => {
    const repo = await createRepo();
    const main = await sync(repo, FIRST, { ref: 'main' });
    const before = await dumpIndex(repo.deps.shard, repo.scope, main.snapshotId);
    await sync(repo, { ...FIRST, extra: { 'only.toy': 'def onlyHere\n' } }, { ref: 'feature' });
    await removeRef(repo.deps, repo.scope, 'feature');
    expect(await served(repo, 'feature')).toBeNull();
    expect(await dumpIndex(repo.deps.shard, repo.scope, main.snapshotId)).toEqual(before);
    const key = repo.scope.repo.key;
    expect(await count(repo.deps.shard, 'symbols', `repo = ${key} AND name = 'onlyHere'`)).toBe(0);
    expect(await count(repo.deps.shard, 'dirs', `repo = ${key}`)).toBe(before.dirs.length);
    expect(await count(repo.deps.shard, 'blobs', `repo = ${key}`)).toBe(3);
    expect(await count(bindings.DB, 'snapshots', `repo_key = ${key}`)).toBe(1);
    const path = { match: 'only', snapshotIds: [main.snapshotId], limit: 9 };
    expect(await findPaths(repo.deps.shard, repo.scope, path)).toEqual([]);
  });

  it('keeps the last five snapshots of a ref and sweeps the blobs of older ones', async () => {
    const repo = await createRepo();
    for (let n = 0; n < 8; n++) await sync(repo, { ...FIRST, 'n.toy': `def version${n}\n` });
    const key = repo.scope.repo.key;
    expect(await count(bindings.DB, 'ref_snapshots', `repo_key = ${key}`)).toBe(5);
    expect(await count(bindings.DB, 'snapshots', `repo_key = ${key}`)).toBe(5);
    const { results } = await repo.deps.shard
      .prepare(`SELECT name FROM symbols WHERE repo = ${key} AND name LIKE 'version%' ORDER BY name`)
      .all();
    expect(results.map((row) => row.name)).toEqual([
      'version3',
      'version4',
      'version5',
      'version6',
      'version7',
    ]);
  });

  it('takes nothing while a run is open, and takes it once that ended', async () => {
    const repo = await createRepo();
    await sync(repo, FIRST);
    await sync(repo, { 'solo.toy': 'def solo\n' }, { ref: 'feature' });
    const target = {
      commit: repo.mirror.commit({ 'solo.toy': 'def solo\n', 'b.toy': 'def b\n' }),
      globs: null,
      runId: 'open',
    };
    const plan = await planSnapshot(repo.deps, repo.scope, target);
    expect(plan.missing).toHaveLength(1);
    await removeRef(repo.deps, repo.scope, 'feature');
    const solo = () => count(repo.deps.shard, 'symbols', `repo = ${repo.scope.repo.key} AND name = 'solo'`);
    expect(await sweep(repo.deps, repo.scope)).toEqual({ status: 'busy' });
    expect(await solo()).toBe(1);
    await endRun(repo.deps.shard, repo.scope, 'open');
    expect(await sweep(repo.deps, repo.scope)).toEqual({ status: 'done' });
    expect(await solo()).toBe(0);
  });

  it('of what a dead run relied on is noticed by publish, which asks for the blobs again', async () => {
    const repo = await createRepo();
    await sync(repo, { 'solo.toy': 'def solo\n' }, { ref: 'feature' });
    await addRef(repo, 'main');
    const target = {
      commit: repo.mirror.commit({ 'solo.toy': 'def solo\n' }),
      globs: null,
      runId: 'slow',
      ref: 'main',
    };
    expect((await planSnapshot(repo.deps, repo.scope, target)).complete).toBe(true);
    repo.deps.now += 2 * 60 * 60 * 1000;
    await removeRef(repo.deps, repo.scope, 'feature');
    const result = await publishSnapshot(repo.deps, repo.scope, target);
    expect(result).toMatchObject({ status: 'incomplete', missing: [{ lang: 'text' }] });
    if (result.status !== 'incomplete') throw new Error('unreachable');
    await processBatch(
      repo.deps,
      repo.scope,
      batches(result.missing)[0]!,
      rowsBy(parseToy, letters()),
      'slow',
    );
    expect(await publishSnapshot(repo.deps, repo.scope, target)).toMatchObject({
      status: 'published',
      filesIndexed: 1,
    });
  });
});

describe('hostile and broken trees', () => {
  it('are refused when they describe more entries than the limit, in bounded work', async () => {
    const repo = await createRepo();
    let tree = repo.mirror.tree(Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`f${n}`, 'x'])));
    for (let depth = 0; depth < 4; depth++) {
      const entries = Array.from({ length: 100 }, (_, n) => ({ name: `d${n}`, mode: 0o40000, oid: tree }));
      tree = repo.mirror.rawTree(entries);
    }
    const target = { commit: repo.mirror.commit(tree), globs: null, runId: 'bomb' };
    await expect(planSnapshot(repo.deps, repo.scope, target)).rejects.toMatchObject({
      slug: 'unprocessable',
      message: expect.stringContaining('more than 300000'),
    });
    expect(repo.mirror.reads.trees).toBeLessThan(6);
  });

  it('are refused when they nest too deep or a path grows too long', async () => {
    const repo = await createRepo();
    const nest = (depth: number, name: string) => {
      let tree = repo.mirror.tree({ leaf: 'x' });
      for (let at = 0; at < depth; at++) tree = repo.mirror.rawTree([{ name, mode: 0o40000, oid: tree }]);
      return planSnapshot(repo.deps, repo.scope, {
        commit: repo.mirror.commit(tree),
        globs: null,
        runId: 'deep',
      });
    };
    await expect(nest(300, 'd')).rejects.toMatchObject({ slug: 'unprocessable' });
    await expect(nest(50, 'é'.repeat(60))).rejects.toMatchObject({ slug: 'unprocessable' });
  });

  it('are refused when a tree or the commit is missing or of the wrong type', async () => {
    const repo = await createRepo();
    const plan = (commit: string) => planSnapshot(repo.deps, repo.scope, { commit, globs: null, runId: 'm' });
    const blob = repo.mirror.write('blob', Buffer.from('x'));
    const dangling = repo.mirror.rawTree([{ name: 'sub', mode: 0o40000, oid: 'e'.repeat(40) }]);
    const lying = repo.mirror.rawTree([{ name: 'sub', mode: 0o40000, oid: blob }]);
    for (const commit of ['f'.repeat(40), blob, repo.mirror.commit(dangling), repo.mirror.commit(lying)]) {
      await expect(plan(commit)).rejects.toMatchObject({ slug: 'unprocessable' });
    }
  });

  it('index what is sound beside names that no checkout may have, which are counted with their reason', async () => {
    const repo = await createRepo();
    const oid = repo.mirror.write('blob', Buffer.from('def evil\n'));
    const names = ['..', '.git', '.GIT', 'fine.toy'];
    const tree = repo.mirror.rawTree(names.map((name) => ({ name, mode: 0o100644, oid })));
    await addRef(repo, 'main');
    const target = { commit: repo.mirror.commit(tree), globs: null, ref: 'main' };
    const preview = await previewSnapshot(repo.deps, repo.scope, target);
    expect(preview).toMatchObject({ files: 4, willIndex: { files: 1 } });
    expect(preview.skipped).toMatchObject([{ reason: 'unsafe-name', files: 3 }]);
    const plan = await planSnapshot(repo.deps, repo.scope, { ...target, runId: 'r' });
    await processBatch(repo.deps, repo.scope, batches(plan.missing)[0]!, rowsBy(parseToy, letters()), 'r');
    const result = await publishSnapshot(repo.deps, repo.scope, { ...target, runId: 'r' });
    expect(result).toMatchObject({ filesIndexed: 1, filesSkipped: 3 });
    expect(paths(await listTree(repo.deps.shard, repo.scope, plan.snapshotId))).toEqual(['fine.toy']);
  });

  it('name an unresolved delta as the likely reason where the mirror has some', async () => {
    const repo = await createRepo();
    repo.mirror.unresolved = 1;
    const { snapshotId } = await sync(repo, { 'huge.bin': lost() });
    const entry = await entryAt(repo.deps.shard, repo.scope, snapshotId, 'huge.bin');
    expect(entry?.skipped).toBe('unresolved-delta');
  });

  it('index an empty commit as an empty snapshot', async () => {
    const repo = await createRepo();
    const { result, snapshotId } = await sync(repo, {});
    expect(result).toMatchObject({ status: 'published', filesIndexed: 0, filesSkipped: 0 });
    expect(await listTree(repo.deps.shard, repo.scope, snapshotId)).toEqual([]);
  });

  it('keep names of any characters as they are', async () => {
    const repo = await createRepo();
    const names = [
      'ünïcödé 🦀.toy',
      'quo\'te".toy',
      '%2e%2e',
      ' lead',
      'new\nline',
      '-rf',
      '$HOME',
      '{"a":1}',
    ];
    const { snapshotId } = await sync(
      repo,
      Object.fromEntries(names.map((name) => [name, `def ${name.length}\n`])),
    );
    const listed = paths(await listTree(repo.deps.shard, repo.scope, snapshotId));
    expect(listed.toSorted()).toEqual(names.toSorted());
    for (const name of names)
      expect(await entryAt(repo.deps.shard, repo.scope, snapshotId, name)).not.toBeNull();
  });

  it('carry text that grows in JSON, holds control characters or halves of characters', async () => {
    const repo = await createRepo();
    const quoted = `def big\n${'"\\\t'.repeat(150_000)}\n`;
    const root = {
      'quotes.toy': quoted,
      'control.toy': `def c\n${'x\u0007'.repeat(200)}\n`,
      'emoji.toy': 'def e 🦀🦀\n',
    };
    const { snapshotId, result } = await sync(repo, root);
    expect(result).toMatchObject({ status: 'published', filesIndexed: 3 });
    const entry = await entryAt(repo.deps.shard, repo.scope, snapshotId, 'quotes.toy');
    expect((await textOf(repo.deps.shard, repo.scope, [entry!.blob!])).get(entry!.blob!)).toBe(quoted);
  });
});

describe('a preview', () => {
  it('says exactly what a sync then does', async () => {
    const repo = await createRepo();
    await sync(repo, FIRST);
    const root: { [name: string]: Node } = {
      ...FIRST,
      'new.toy': 'def fresh\n',
      node_modules: { dep: { 'index.js': 'x\n' } },
      'yarn.lock': 'lock\n',
      'app.min.js': 'x\n',
      'link.toy': symlink('x'),
      'big.txt': 'x'.repeat(600_000),
      sub: submodule(),
      gone: lost(),
      'logo.png': new Uint8Array([0, 1]),
      ...Object.fromEntries(Array.from({ length: 25 }, (_, n) => [`gen${n}.pb.go`, `package x${n}\n`])),
    };
    const commit = repo.mirror.commit(root);
    const globs = ['!match.toy'];
    const preview = await previewSnapshot(repo.deps, repo.scope, { ref: 'main', commit, globs });
    expect(preview).toMatchObject({
      ref: 'main',
      commitSha: commit,
      alreadyIndexed: { files: 3 },
      cost: { blobs: 1, batches: 1 },
    });
    const { result, parsed, snapshotId } = await sync(repo, root, { globs });
    expect(parsed).toBe(preview.cost.blobs);
    expect(result).toMatchObject({
      filesIndexed: preview.willIndex.files,
      filesSkipped: preview.files - preview.willIndex.files,
    });
    const row = await served(repo);
    const skipped = Object.fromEntries(preview.skipped.map(({ reason, files }) => [reason, files]));
    expect(JSON.parse(String(row?.skipped))).toEqual(skipped);
    expect(row?.bytes_indexed).toBe(preview.willIndex.bytes);
    expect(skipped).toMatchObject({
      glob: 1,
      generated: 26,
      missing: 1,
      submodule: 1,
      symlink: 1,
      oversized: 1,
    });
    const tree = await listTree(repo.deps.shard, repo.scope, snapshotId);
    for (const { reason, examples, files } of preview.skipped) {
      expect(examples).toHaveLength(Math.min(files, 20));
      for (const path of examples) expect(tree.find((file) => file.path === path)?.skipped).toBe(reason);
    }
  });
});

describe('vectors of another model', () => {
  it('are made of all that the repo holds, once, and those of the old one go', async () => {
    const repo = await createRepo();
    await sync(repo, FIRST);
    const { shard, vectors } = repo.deps;
    const old = await markEmbedded(shard, repo.scope, 'letters-1');
    expect(old).toEqual([]);
    expect(await lackingBlobs(shard, repo.scope, 'letters-1')).toEqual([]);
    const lacking = await lackingBlobs(shard, repo.scope, 'letters-2');
    expect(lacking).toHaveLength(
      await count(shard, 'blobs', `repo = ${repo.scope.repo.key} AND skipped IS NULL`),
    );
    const next = { ...repo.deps, embedding: { embedder: letters('letters-2'), vectors } };
    const parse = rowsBy(parseToy, letters('letters-2'));
    const results = [];
    for (const batch of batches(lacking)) {
      results.push(await processBatch(next, repo.scope, batch, parse, 'r'));
      results.push(await processBatch(next, repo.scope, batch, parse, 'r'));
    }
    expect(results[0]).toMatchObject({ status: 'written', files: 0, chunks: results[0]!.embedded });
    expect(results[0]!.embedded).toBeGreaterThan(0);
    expect(results[1]).toMatchObject({ files: 0, chunks: 0, embedded: 0 });
    expect(await markEmbedded(shard, repo.scope, 'letters-2')).toHaveLength(lacking.length);
    expect(await lackingBlobs(shard, repo.scope, 'letters-2')).toEqual([]);
    expect(await count(shard, 'vector_sets', `repo = ${repo.scope.repo.key} AND model <> 'letters-2'`)).toBe(
      0,
    );
  });

  it('are made later of what was indexed while the model did not answer', async () => {
    const repo = await createRepo();
    const { shard, vectors } = repo.deps;
    const failures: unknown[] = [];
    const remote: Embedder = { ...letters(), provider: 'openai' };
    const down = { ...remote, embed: () => Promise.reject(new Error('down')) };
    const deps = { ...repo.deps, embeddingFailed: (error: unknown) => failures.push(error) };
    const target = { commit: repo.mirror.commit(FIRST), globs: null, runId: 'r', ref: 'main' };
    await addRef(repo, 'main');
    const plan = await planSnapshot(repo.deps, repo.scope, target);
    const [batch] = batches(plan.missing);
    const parse = rowsBy(parseToy);
    const first = await processBatch(
      { ...deps, embedding: { embedder: down, vectors } },
      repo.scope,
      batch!,
      parse,
      'r',
    );
    expect(first).toMatchObject({ status: 'written', files: plan.missing.length, embedded: 0 });
    expect(failures).toHaveLength(1);
    expect(await publishSnapshot(repo.deps, repo.scope, target)).toMatchObject({ status: 'published' });
    await markEmbedded(shard, repo.scope, remote.id);
    const lacking = await lackingBlobs(shard, repo.scope, remote.id);
    expect(lacking.length).toBeGreaterThan(0);
    const second = await processBatch(
      { ...deps, embedding: { embedder: remote, vectors } },
      repo.scope,
      batches(lacking)[0]!,
      parse,
      'r',
    );
    expect(second.embedded).toBe(first.chunks);
    await markEmbedded(shard, repo.scope, remote.id);
    expect(await lackingBlobs(shard, repo.scope, remote.id)).toEqual([]);
  });
});
