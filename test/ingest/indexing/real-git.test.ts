import { expect, it } from 'vitest';
import { createEgress } from '../../../src/egress.ts';
import { batches, planSnapshot } from '../../../src/ingest/indexing/plan.ts';
import { processBatch } from '../../../src/ingest/indexing/process.ts';
import { publishSnapshot } from '../../../src/ingest/indexing/publish.ts';
import { rowsBy } from '../../../src/ingest/indexing/rows.ts';
import { storePack } from '../../../src/ingest/mirror/intake.ts';
import { openObjects } from '../../../src/ingest/mirror/object-store.ts';
import { fetchPack } from '../../../src/ingest/mirror/remote.ts';
import { initParser, parseBlob } from '../../../src/ingest/parse/parse.ts';
import { matchText, matchTrigrams } from '../../../src/store/full-text.ts';
import { dumpIndex } from '../../../src/store/index-dump.ts';
import { listTree } from '../../../src/store/tree.ts';
import { makeRepo } from '../../support/git.ts';
import { addRef, bindings, createRepo, inOneRepo, type TestRepo } from './support.ts';

const findText = inOneRepo(matchText);
const findTrigrams = inOneRepo(matchTrigrams);

const SERVER = `import { Router } from './router';
import fs, { readFile as read } from 'node:fs';

/** Serves requests. */
export class HttpServer extends Base {
  constructor(private router: Router) { super(); }
  async handleRequest(request: Request): Promise<Response> {
    const route = this.router.matchRoute(request.url);
    return route ? read(route.file) : new Response('néant 🦀', { status: 404 });
  }
}
`;
const ROUTER = `export interface Route { file: string }
export class Router {
  matchRoute(url: string): Route | undefined { return lookup(url); }
}
export function lookup(url: string) { return undefined; }
`;

/** Fetches the commit into a new pack and indexes it, as the steps of a sync do. */
async function syncCommit(repo: TestRepo, packs: string[], remote: string, commit: string, haves: string[]) {
  await initParser();
  const bucket = bindings.BUCKET;
  const open = () => openObjects(bucket, repo.scope.repo.id, [...packs]);
  const egress = createEgress({ allow: new URL(remote).host });
  const fetched = await fetchPack(
    egress,
    { url: remote, headers: {} },
    { oids: [commit], haves, shallow: [], depth: 0 },
  );
  if (fetched.pack) {
    const id = `pack-${packs.length}`;
    await storePack({ bucket, objects: open() }, repo.scope.repo.id, id, fetched.pack);
    packs.push(id);
  }
  await addRef(repo, 'main');
  const deps = { ...repo.deps, objects: open() };
  const target = { commit, globs: null, runId: crypto.randomUUID(), ref: 'main' };
  const plan = await planSnapshot(deps, repo.scope, target);
  for (const batch of batches(plan.missing))
    await processBatch(deps, repo.scope, batch, rowsBy(parseBlob), target.runId);
  const result = await publishSnapshot(deps, repo.scope, target);
  repo.deps.now += 60_000;
  return { result, snapshotId: plan.snapshotId, parsed: plan.missing.length };
}

it('a real repository is indexed as git lists it, and every commit equals a clean rebuild', async () => {
  const work = await makeRepo('indexing-history', {
    'src/server.ts': SERVER,
    'src/router.ts': ROUTER,
    'lib/tool.py': 'import os\n\ndef run(path):\n    """Runs it."""\n    return os.stat(path)\n',
    'README.md': '# Title\n\nText.\n\n## Usage\n\nMore.\n',
    'logo.bin': new Uint8Array([137, 80, 0, 71]),
    'package-lock.json': '{}\n',
    'crlf.go': 'package main\r\n\r\nfunc Main() {\r\n\tprintln("hi")\r\n}\r\n',
  });
  await work.git('config', 'core.autocrlf', 'false');
  const commits = [
    work.head,
    await work.commit({ 'src/router.ts': ROUTER.replace('undefined; }', 'cache.get(url); }') }),
    await work.commit({ 'src/router.ts': null, 'src/routing/router.ts': ROUTER, lib: null }),
    await work.commit({ lib: 'a file now\n', 'src/server.ts': `${SERVER}\nexport const port = 8787;\n` }),
    await work.commit({ lib: null, 'lib/deep/er/tool.py': 'def run():\n    pass\n' }),
  ];
  const repo = await createRepo(0);
  const packs: string[] = [];
  const parsed: number[] = [];
  for (const [step, commit] of commits.entries()) {
    const synced = await syncCommit(repo, packs, work.url, commit, commits.slice(0, step));
    expect(synced.result.status).toBe('published');
    parsed.push(synced.parsed);

    const listed = await listTree(repo.deps.shard, repo.scope, synced.snapshotId);
    const ours = listed.map((file) => `${file.mode.toString(8)} ${file.oid} ${file.size} ${file.path}`);
    const theirs = (await work.git('ls-tree', '-r', '-l', '-z', commit)).stdout.split('\0').filter(Boolean);
    expect(ours).toEqual(theirs.map((line) => line.replace(/^(\d+) \w+ (\w+) +(\d+)\t/, '$1 $2 $3 ')));

    const clean = await createRepo(1);
    const rebuilt = await syncCommit(clean, [], work.url, commit, []);
    expect(await dumpIndex(repo.deps.shard, repo.scope, synced.snapshotId)).toEqual(
      await dumpIndex(clean.deps.shard, clean.scope, rebuilt.snapshotId),
    );
  }
  expect(parsed).toEqual([5, 1, 0, 2, 1]);

  const { snapshotId } = await syncCommit(repo, packs, work.url, commits[0]!, []);
  const query = { snapshotIds: [snapshotId], limit: 9 };
  const hits = await findText(repo.deps.shard, repo.scope, {
    ...query,
    match: 'symbols: handle AND request',
  });
  expect(hits.map((hit) => hit.symbolName)).toEqual(['HttpServer']);
  expect(await findTrigrams(repo.deps.shard, repo.scope, { ...query, terms: ['NÉANT 🦀'] })).toHaveLength(1);
  const { calls, imports, symbols } = await dumpIndex(repo.deps.shard, repo.scope, snapshotId);
  expect(calls.some((row) => row.includes('matchRoute') && row.includes('this.router'))).toBe(true);
  expect(imports.some((row) => row.includes('readFile') && row.includes('"read"'))).toBe(true);
  expect(symbols.some((row) => row.includes('HttpServer.handleRequest'))).toBe(true);
});
