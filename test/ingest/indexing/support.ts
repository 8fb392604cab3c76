import { env } from 'cloudflare:workers';
import type { Env } from '../../../src/env.ts';
import { batches, type IndexingDeps, planSnapshot } from '../../../src/ingest/indexing/plan.ts';
import { type ProcessDeps, processBatch } from '../../../src/ingest/indexing/process.ts';
import { type PublishResult, publishSnapshot } from '../../../src/ingest/indexing/publish.ts';
import { sweep } from '../../../src/ingest/indexing/remove.ts';
import { type Parse, rowsBy } from '../../../src/ingest/indexing/rows.ts';
import type { BlobFacts, SymbolFact } from '../../../src/ingest/parse/facts.ts';
import { createSegments } from '../../../src/models/embedded/segments.ts';
import type { Embedder } from '../../../src/models/embedder.ts';
import type { VectorStore } from '../../../src/models/vector-store.ts';
import { mintRepoScope, type RepoScope } from '../../../src/store/scope.ts';
import { letters } from '../../support/letters.ts';
import { FakeMirror, type Node } from './fake-mirror.ts';

export const bindings = env as unknown as Env;

/** The store searches several repos at once, a query each; most tests have one. */
export function inOneRepo<Query, Row>(
  search: (shard: D1Database, queries: (Query & { scope: RepoScope })[]) => Promise<Row[][]>,
) {
  return async (shard: D1Database, scope: RepoScope, query: Query): Promise<Row[]> =>
    (await search(shard, [{ ...query, scope }]))[0] ?? [];
}

/** A tiny language: `def name` opens a function up to the next one, `use name` imports, `name()` calls. */
export const parseToy: Parse = (bytes) => {
  const text = new TextDecoder().decode(bytes);
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  const facts: BlobFacts = {
    skipped: null,
    text,
    symbols: [],
    imports: [],
    calls: [],
    chunks: [],
    metrics: { lines: lines.length, complexity: 1, maxNesting: 0, functions: 0 },
    hasErrors: false,
  };
  if (text.startsWith('REFUSE')) return { ...facts, skipped: 'unsupported-encoding', text: '' };
  lines.forEach((source, index) => {
    const line = index + 1;
    const def = /^def (\w+)/.exec(source)?.[1];
    const use = /^use (\w+)/.exec(source)?.[1];
    if (def) facts.symbols.push(toySymbol(def, line));
    const open = facts.symbols.at(-1);
    if (open) open.endLine = line;
    if (use) {
      facts.imports.push({
        source: `./${use}`,
        name: use,
        alias: use,
        isDefault: false,
        isReexport: false,
        line,
      });
    }
    for (const call of source.matchAll(/(?:(\w+)\.)?(\w+)\(\)/g)) {
      const caller = open ? facts.symbols.length - 1 : null;
      const [, receiver = '', callee = ''] = call;
      facts.calls.push({ caller, callee, receiver, receiverType: null, line, arity: 0 });
    }
  });
  facts.metrics.functions = facts.symbols.length;
  facts.chunks = facts.symbols.map(({ startLine, endLine }, symbol) => ({ startLine, endLine, symbol }));
  const head = (facts.symbols[0]?.startLine ?? lines.length + 1) - 1;
  if (head > 0) facts.chunks.unshift({ startLine: 1, endLine: head, symbol: null });
  return facts;
};

function toySymbol(name: string, line: number): SymbolFact {
  return {
    name,
    qualifiedName: name,
    kind: 'function',
    signature: `def ${name}`,
    documentation: null,
    startLine: line,
    endLine: line,
    parent: null,
    exported: true,
    bases: [],
  };
}

export interface TestRepo {
  scope: RepoScope;
  mirror: FakeMirror;
  deps: IndexingDeps & ProcessDeps & { vectors: VectorStore; now: number };
}

let repos = 0;

/** A registered repo with an empty mirror, and a clock that a test moves by hand. */
export async function createRepo(shard: 0 | 1 = 0, embedder: Embedder = letters()): Promise<TestRepo> {
  const name = `repo-${++repos}`;
  const id = `018f0000-0000-7000-8000-${String(repos).padStart(12, '0')}`;
  const at = new Date().toISOString();
  await bindings.DB.batch([
    bindings.DB.prepare(
      "INSERT OR IGNORE INTO groups (id, name, created_at, updated_at) VALUES ('g', 'g', ?1, ?1)",
    ).bind(at),
    bindings.DB.prepare(
      `INSERT INTO repos (id, shard, group_id, created_by, name, created_at, updated_at)
       VALUES (?1, ?2, 'g', 'u', ?3, ?4, ?4)`,
    ).bind(id, shard, name, at),
  ]);
  const row = await bindings.DB.prepare('SELECT key FROM repos WHERE id = ?1')
    .bind(id)
    .first<{ key: number }>();
  const scope = mintRepoScope('system', 'admin', { key: row!.key, id, shard, groupId: 'g', name });
  const mirror = new FakeMirror();
  const vectors = createSegments(bindings.BUCKET, () => crypto.randomUUID());
  const deps: TestRepo['deps'] = {
    control: bindings.DB,
    shard: shard === 0 ? bindings.INDEX_0 : bindings.INDEX_1,
    objects: mirror,
    vectors,
    embedding: { embedder, vectors },
    embeddingFailed: (error) => {
      throw error;
    },
    now: Date.parse('2026-11-20T12:00:00.000Z'),
    clock: () => new Date(deps.now),
  };
  return { scope, mirror, deps };
}

/** The row a job step makes before it indexes a ref. */
export async function addRef(repo: Pick<TestRepo, 'scope'>, ref: string): Promise<void> {
  await bindings.DB.prepare(
    "INSERT OR IGNORE INTO indexed_refs (repo_key, ref, stage) VALUES (?1, ?2, 'processing-files')",
  )
    .bind(repo.scope.repo.key, ref)
    .run();
}

export interface Synced {
  snapshotId: number;
  parsed: number;
  result: PublishResult;
}

/** Commits a tree and indexes it as the steps of a sync job do; time moves a minute. */
export async function sync(
  repo: TestRepo,
  root: { [name: string]: Node },
  options: { ref?: string; globs?: string[] | null; runId?: string; parse?: Parse } = {},
): Promise<Synced> {
  const { ref = 'main', globs = null, runId = crypto.randomUUID(), parse = parseToy } = options;
  await addRef(repo, ref);
  const target = { commit: repo.mirror.commit(root), globs, runId, ref };
  const plan = await planSnapshot(repo.deps, repo.scope, target);
  let parsed = 0;
  for (const batch of batches(plan.missing)) {
    parsed += (
      await processBatch(repo.deps, repo.scope, batch, rowsBy(parse, repo.deps.embedding!.embedder), runId)
    ).files;
  }
  const result = await publishSnapshot(repo.deps, repo.scope, target);
  await sweep(repo.deps, repo.scope);
  repo.deps.now += 60_000;
  return { snapshotId: plan.snapshotId, parsed, result };
}
