/** Follows a git history with one index, kept up to date through the API, and compares it after every sync. */

import { expect } from 'vitest';
import { calleesOf } from '../../../src/answer/navigate/callees.ts';
import { callersOf } from '../../../src/answer/navigate/callers.ts';
import { readFile } from '../../../src/answer/navigate/file.ts';
import { impactOf } from '../../../src/answer/navigate/impact.ts';
import { lookUpSymbol } from '../../../src/answer/navigate/lookup.ts';
import { rawFile } from '../../../src/answer/navigate/raw.ts';
import { findReferences } from '../../../src/answer/navigate/references.ts';
import { type OpenSnapshot, openSnapshot } from '../../../src/answer/navigate/snapshot.ts';
import type { SearchMode } from '../../../src/answer/search/query-plan.ts';
import { search } from '../../../src/answer/search/search.ts';
import { batches, planSnapshot } from '../../../src/ingest/indexing/plan.ts';
import { processBatch } from '../../../src/ingest/indexing/process.ts';
import { publishSnapshot } from '../../../src/ingest/indexing/publish.ts';
import { removeRepo } from '../../../src/ingest/indexing/remove.ts';
import { rowsBy } from '../../../src/ingest/indexing/rows.ts';
import { initParser, parseBlob } from '../../../src/ingest/parse/parse.ts';
import { fetchCommit } from '../../../src/ingest/steps/fetch-commit.ts';
import { services } from '../../../src/services.ts';
import { run } from '../../../src/store/control-db.ts';
import { repoAndRefsRead } from '../../../src/store/refs.ts';
import { listTree } from '../../../src/store/tree.ts';
import { api, ended, registered, repoPath } from '../../platform/repos/api.ts';
import { ADMIN_CALLER } from '../../support/repos.ts';
import { type Content, contentOf, unreached } from './content.ts';
import type { History } from './history.ts';
import { addRef, bindings, createRepo } from './support.ts';

const s = services(bindings);

/** What was compared so far. */
export interface Coverage {
  syncs: number;
  /** Rows of the index, full text included. */
  rows: number;
  /** Calls and imports with where they lead. */
  edges: number;
  /** Answers of navigation and search. */
  answers: number;
  /** Files whose content was compared with git's. */
  files: number;
}

export interface Synced {
  snapshot: OpenSnapshot;
  content: Content;
  /** Blobs that this sync parsed. */
  parsed: number;
  /** Directories that this sync wrote. */
  written: number;
}

export interface Followed {
  coverage: Coverage;
  /**
   * Syncs a ref, and expects its index to equal a clean rebuild, its files to be git's, and the work to be what changed.
   * @param options.globs set before, and for the rebuild too
   */
  sync(ref: string, options?: { depth?: number; globs?: string[] | null }): Promise<Synced>;
  /** Deletes what is indexed of a ref; the others answer as before. */
  forget(ref: string): Promise<void>;
}

/** Registers a history's repository, whose index is then followed. */
export async function follow(history: History, name: string): Promise<Followed> {
  await initParser();
  await registered(name, history.url);
  const coverage: Coverage = { syncs: 0, rows: 0, edges: 0, answers: 0, files: 0 };
  const seen = new Set<string>();
  let globs: string[] | null = null;
  const served = new Map<string, Content>();
  const othersStay = async (changed: string) => {
    for (const [ref, content] of served) {
      if (ref === changed) continue;
      expect(await contentOf(await snapshotOf(name, ref)), `${ref} after ${changed}`).toEqual(content);
    }
  };

  return {
    coverage,
    async sync(ref, options = {}) {
      if (options.globs !== undefined) {
        globs = options.globs;
        const patched = await api('PATCH', repoPath(name), { globPatterns: globs });
        expect(patched.status, patched.text).toBe(200);
      }
      const before = await held(name);
      const body = { ref, ...(options.depth === undefined ? {} : { depth: options.depth }) };
      const started = await api('POST', `${repoPath(name)}/sync`, body);
      expect(started.status, started.text).toBe(202);
      expect(await ended(started.body.jobId)).toMatchObject({ status: 'completed' });

      const after = await held(name);

      const snapshot = await snapshotOf(name, ref);
      const clean = await rebuild(history.url, snapshot.served.commitSha, globs);
      const content = await contentOf(snapshot);
      expect(content).toEqual(await contentOf(clean.snapshot));
      expect(snapshot.served.coverage).toEqual(clean.snapshot.served.coverage);
      const asked = symbolIn(content, coverage.syncs);
      const answers = await answersOf(snapshot, asked);
      expect(answers).toEqual(await answersOf(clean.snapshot, asked));
      await clean.remove();
      expect(await unreached(bindings.DB, snapshot)).toEqual([]);

      const work = workOf(before, content);
      expect({
        parsed: after.next.blobs - before.next.blobs,
        written: after.next.dirs - before.next.dirs,
      }).toEqual(work);
      coverage.syncs++;
      for (const [kind, rows] of Object.entries(content)) {
        coverage[kind.endsWith('Edges') ? 'edges' : 'rows'] += rows.length;
      }
      coverage.answers += answers.length;
      coverage.files += await expectFiles(history, snapshot, seen);
      // A ref has one name here, however it was asked for: `HEAD` is a branch.
      await othersStay(snapshot.served.ref);
      served.set(snapshot.served.ref, content);
      return { snapshot, content, ...work };
    },
    async forget(ref) {
      const { scope, shard } = await snapshotOf(name, ref);
      const gone = await api('DELETE', `${repoPath(name)}/versions/${encodeURIComponent(ref)}`);
      expect(gone.status, gone.text).toBe(204);
      served.delete(ref);
      expect(await unreached(bindings.DB, { scope, shard })).toEqual([]);
      await othersStay(ref);
    },
  };
}

/** A new repository that has seen nothing but this commit. */
async function rebuild(
  url: string,
  commit: string,
  globs: string[] | null,
): Promise<{ snapshot: OpenSnapshot; remove(): Promise<void> }> {
  const { scope, deps } = await createRepo(1);
  const remote = { url, headers: {} };
  const objects = await fetchCommit(s, scope, remote, { oid: commit, depth: 1 }, async () => undefined);
  await addRef({ scope }, 'clean');
  const target = { commit, globs, runId: crypto.randomUUID(), ref: 'clean' };
  const embedding = { embedder: s.embedder!, vectors: s.vectors! };
  const stores = { ...deps, objects, embedding };
  const plan = await planSnapshot(stores, scope, target);
  // Backwards, so that ids have another order too: no answer may depend on it.
  for (const batch of batches(plan.missing.toReversed()))
    await processBatch(stores, scope, batch, rowsBy(parseBlob, s.embedder), target.runId);
  expect(await publishSnapshot(stores, scope, target)).toMatchObject({ status: 'published' });
  return {
    snapshot: await snapshotOf(scope.repo.id, 'clean'),
    remove: () => removeRepo({ ...deps, bucket: bindings.BUCKET }, scope),
  };
}

interface Held {
  /** `oid:lang` of parsed blobs. */
  blobs: Set<string>;
  /** `path:tree:config` of directories. */
  dirs: Set<string>;
  /** The next ids of blobs and of directories: how many were ever written. */
  next: { blobs: number; dirs: number };
}

/** What the index of a repo holds, whatever snapshots it is of. */
async function held(name: string): Promise<Held> {
  const repo = await bindings.DB.prepare('SELECT key, shard FROM repos WHERE name = ?1')
    .bind(name)
    .first<{ key: number; shard: number }>();
  const shard = repo!.shard === 0 ? bindings.INDEX_0 : bindings.INDEX_1;
  const [blobs, dirs, counters] = await shard.batch<{ row: string }>([
    shard.prepare("SELECT oid || ':' || lang AS row FROM blobs WHERE repo = ?1").bind(repo!.key),
    shard
      .prepare("SELECT path || ':' || tree_oid || ':' || config AS row FROM dirs WHERE repo = ?1")
      .bind(repo!.key),
    shard.prepare(
      "SELECT json_object('blobs', b.next, 'dirs', d.next) AS row FROM counters b, counters d WHERE b.name = 'blobs' AND d.name = 'dirs'",
    ),
  ]);
  const rows = (answer: typeof blobs) => new Set(answer!.results.map(({ row }) => row));
  return {
    blobs: rows(blobs),
    dirs: rows(dirs),
    next: JSON.parse(counters!.results[0]!.row) as Held['next'],
  };
}

/** The blobs and directories of a snapshot that were not there before. */
function workOf(before: Held, content: Content): Pick<Synced, 'parsed' | 'written'> {
  const fresh = (kind: 'blobs' | 'dirs') => {
    const keys = content[kind].map((row) => JSON.parse(row) as string[]);
    const names =
      kind === 'dirs'
        ? keys.map(([path, tree, config]) => `${path}:${tree}:${config}`)
        : keys.map(([, oid, lang]) => `${oid}:${lang}`);
    return [...new Set(names)].filter((key) => !before[kind].has(key)).length;
  };
  return { parsed: fresh('blobs'), written: fresh('dirs') };
}

/** A symbol name of the snapshot, for every fourth `n` another one. */
function symbolIn(content: Content, n: number): string | null {
  if (n % 4 > 0) return null;
  const names = [...new Set(content.symbols.map((row) => String((JSON.parse(row) as unknown[])[3])))].sort();
  return names[(n * 7919) % names.length] ?? null;
}

const SEARCHES: SearchMode[] = ['literal', 'regex', 'symbol'];

/** What navigation and search answer about a name. */
async function answersOf(snapshot: OpenSnapshot, name: string | null): Promise<string[]> {
  if (name === null) return [];
  const all = { limit: 1_000, offset: 0, minConfidence: 0 };
  const navigated = await Promise.all([
    callersOf(snapshot, { name }, all),
    calleesOf(snapshot, { name }, all),
    impactOf(snapshot, { name }, { depth: 3, minConfidence: 0.3 }),
    findReferences(snapshot, { name }),
    lookUpSymbol(snapshot, { name }, { includeImports: true }),
  ]);
  const found = await Promise.all(SEARCHES.map((mode) => hitsOf(snapshot, name, mode)));
  return [
    ...navigated.map((answer) => JSON.stringify(answer)),
    ...found.map((hits) => JSON.stringify(hits.sort())),
  ];
}

/** Hits as text. Scores are left out: they tell of all refs that the repository holds, a clean rebuild of one. */
async function hitsOf(snapshot: OpenSnapshot, query: string, mode: SearchMode): Promise<string[]> {
  const { scope, served } = snapshot;
  const { hits } = await search(s, ADMIN_CALLER, {
    query,
    mode,
    repo: scope.repo.id,
    ref: served.ref,
    limit: 100,
  });
  return hits.map(({ filePath, startLine, endLine, oid, symbolName }) =>
    [filePath, startLine, endLine, oid, symbolName].join(':'),
  );
}

/** `tree` is `git ls-tree`, `file` and `raw` are `git show`; contents are compared once a path and blob. */
async function expectFiles(history: History, snapshot: OpenSnapshot, seen: Set<string>): Promise<number> {
  const theirs = await history.files(snapshot.served.commitSha);
  const ours = await listTree(snapshot.shard, snapshot.scope, snapshot.snapshotId);
  expect(ours.map(({ mode, oid, size, path }) => [mode.toString(8), oid, String(size ?? '-'), path])).toEqual(
    theirs.map(({ mode, oid, size, path }) => [mode, oid, size, path]),
  );
  const fresh = theirs.filter(({ type, path, oid }) => type === 'blob' && !seen.has(`${path}\0${oid}`));
  const blobs = await history.blobs([...new Set(fresh.map(({ oid }) => oid))]);
  for (const { path, oid } of fresh) {
    seen.add(`${path}\0${oid}`);
    const bytes = Buffer.from(blobs.get(oid)!);
    const raw = await rawFile(s, snapshot, { path, head: false });
    expect(Buffer.from(await raw.arrayBuffer()), `raw ${path}`).toEqual(bytes);
    const shown = await readFile(s, snapshot, path, { includeSymbols: false });
    const text =
      shown.encoding === 'base64' ? Buffer.from(shown.content, 'base64') : Buffer.from(shown.content);
    if (isUtf16(bytes)) expect(shown.content, `file ${path}`).toBe(new TextDecoder('utf-16le').decode(bytes));
    else expect(text, `file ${path}`).toEqual(bytes);
  }
  return fresh.length;
}

const isUtf16 = (bytes: Uint8Array) => bytes[0] === 0xff && bytes[1] === 0xfe;

/** As a request of an admin would open it. */
async function snapshotOf(name: string, ref: string): Promise<OpenSnapshot> {
  const found = await run(s.db.$client, repoAndRefsRead(s.db, ADMIN_CALLER, name));
  return openSnapshot(s, ADMIN_CALLER, found, ref);
}
