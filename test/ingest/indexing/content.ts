/**
 * All that a snapshot answers from, as rows without ids: two indexes of one commit are compared by it. Beside the plain
 * rows of `dumpIndex` it reads what the contentless full-text tables hold, term by term, and derives every edge that
 * navigation would.
 */

import { createSegments } from '../../../src/models/embedded/segments.ts';
import { MAX_CHUNKS } from '../../../src/store/blob-rows.ts';
import { fullTextTable } from '../../../src/store/full-text.ts';
import { dumpIndex, type IndexDump } from '../../../src/store/index-dump.ts';
import type { SnapshotView } from '../../../src/store/navigation.ts';
import { setsOf } from '../../../src/store/vector-sets.ts';
import { callEdges, importEdges } from './edges.ts';
import { bindings } from './support.ts';

export type Content = IndexDump &
  Record<keyof typeof FULL_TEXT | 'callEdges' | 'importEdges' | 'vectors', string[]>;

let reads = 0;

export async function contentOf(view: SnapshotView): Promise<Content> {
  const { shard, scope, snapshotId } = view;
  const kinds = Object.keys(FULL_TEXT) as (keyof typeof FULL_TEXT)[];
  const tables = kinds.map((kind) => fullTextTable(FULL_TEXT[kind].table, scope));
  // A view of a full-text table's own index, a row each occurrence of a term; it holds nothing itself.
  const views = tables.map((table) => `terms_${++reads}_${table}`);
  await shard.batch(
    tables.map((table, at) =>
      shard.prepare(`CREATE VIRTUAL TABLE ${views[at]} USING fts5vocab('${table}', 'instance')`),
    ),
  );
  const answers = await shard.batch<{ row: string }>([
    ...kinds.map((kind, at) =>
      shard.prepare(`${termsOf(views[at]!)} ${FULL_TEXT[kind].rows}`).bind(scope.repo.key, snapshotId),
    ),
    ...views.map((view) => shard.prepare(`DROP TABLE ${view}`)),
  ]);
  const fullText = kinds.map((kind, at) => [kind, answers[at]!.results.map(({ row }) => row)]);
  return {
    ...(await dumpIndex(shard, scope, snapshotId)),
    ...(Object.fromEntries(fullText) as Record<keyof typeof FULL_TEXT, string[]>),
    callEdges: await callEdges(view),
    importEdges: await importEdges(view),
    vectors: await vectorsOf(view),
  };
}

/** Of each blob, how near its chunks are to one vector: the same of the same vectors, wherever they are stored. */
async function vectorsOf({ shard, scope, snapshotId }: SnapshotView): Promise<string[]> {
  const store = createSegments(bindings.BUCKET, () => crypto.randomUUID());
  const { results } = await shard
    .prepare(
      `SELECT DISTINCT v.blob, v.model, b.oid, b.lang FROM snapshot_dirs sd CROSS JOIN entries e ON e.dir = sd.dir
         CROSS JOIN vector_sets v ON v.blob = e.blob AND v.repo = ?1 CROSS JOIN blobs b ON b.id = v.blob
       WHERE sd.snapshot = ?2`,
    )
    .bind(scope.repo.key, snapshotId)
    .all<{ blob: number; model: string; oid: string; lang: string }>();
  const model = results[0]?.model ?? '';
  const held = await setsOf(shard, scope, [snapshotId], model);
  const places = new Map(held.map(({ blobId, place }) => [blobId, place]));
  const wanted = Float32Array.from({ length: DIMENSIONS[model] ?? 256 }, (_, at) => Math.sin(at + 1));
  const rows = results.map(async ({ blob, oid, lang }) => {
    const near = await store.nearest(scope, [places.get(blob)!], wanted, MAX_CHUNKS);
    const inOrder = near.sort((a, b) => a.chunkId - b.chunkId).map(({ cosine }) => cosine.toFixed(4));
    return JSON.stringify([oid, lang, inOrder]);
  });
  return (await Promise.all(rows)).sort();
}

const DIMENSIONS: Record<string, number> = { 'letters-1': 26 };

const FILES = `snapshot_dirs sd CROSS JOIN dirs d ON d.id = sd.dir AND d.repo = ?1
  CROSS JOIN entries e ON e.dir = d.id AND e.mode <> 16384`;
const WHERE = 'WHERE sd.snapshot = ?2 ORDER BY row';

/** The terms of each document with column and position, in one text. */
const termsOf = (view: string) => `WITH terms AS MATERIALIZED (
  SELECT doc, group_concat(coalesce(col, '') || ':' || coalesce(offset, '') || ':' || term, ' ' ORDER BY term, col, offset)
    AS terms FROM ${view} GROUP BY doc)`;

const FULL_TEXT = {
  words: {
    table: 'text',
    rows: `SELECT json_array(d.path || e.name, c.id - c.blob * 4096, t.terms) AS row
      FROM ${FILES} CROSS JOIN chunks c ON c.blob = e.blob LEFT JOIN terms t ON t.doc = c.id ${WHERE}`,
  },
  trigrams: {
    table: 'grep',
    rows: `SELECT json_array(d.path || e.name, k.id - e.blob * 4096, t.terms) AS row
      FROM ${FILES} CROSS JOIN text_blocks k ON k.id BETWEEN e.blob * 4096 AND e.blob * 4096 + 4095
        LEFT JOIN terms t ON t.doc = k.id ${WHERE}`,
  },
  pathWords: {
    table: 'path',
    rows: `SELECT json_array(d.path || e.name, t.terms) AS row FROM ${FILES} LEFT JOIN terms t ON t.doc = e.id ${WHERE}`,
  },
} as const;

/**
 * Rows of a repo that nothing reaches: facts of no blob, blobs of no directory, directories of no snapshot, full text
 * of none of them. Empty after a sweep, or the index grows for ever.
 */
export async function unreached(
  control: D1Database,
  { shard, scope }: Pick<SnapshotView, 'shard' | 'scope'>,
): Promise<string[]> {
  const key = scope.repo.key;
  const { results: snapshots } = await control
    .prepare('SELECT id FROM snapshots WHERE repo_key = ?1')
    .bind(key)
    .all<{ id: number }>();
  const repoBlobs = 'SELECT id FROM blobs WHERE repo = ?1';
  const chunks = `SELECT id FROM chunks WHERE blob IN (${repoBlobs})`;
  const parsed = `${repoBlobs} AND skipped IS NULL`;
  const blocks = `SELECT t.id FROM text_blocks t WHERE t.id >> 12 IN (${parsed})`;
  const files =
    'SELECT e.id FROM entries e JOIN dirs d ON d.id = e.dir WHERE d.repo = ?1 AND e.mode <> 16384';
  const documents = (kind: 'text' | 'grep' | 'path') =>
    `SELECT id FROM ${fullTextTable(kind, scope)}_docsize`;
  const listed = 'SELECT sd.dir FROM snapshot_dirs sd WHERE sd.snapshot IN (SELECT value FROM json_each(?2))';
  const left: Record<string, string> = {
    'directories of no snapshot': `SELECT id FROM dirs WHERE repo = ?1 AND id NOT IN (${listed})`,
    'lists of no snapshot': `SELECT sd.snapshot FROM snapshot_dirs sd JOIN dirs d ON d.id = sd.dir
      WHERE d.repo = ?1 AND sd.snapshot NOT IN (SELECT value FROM json_each(?2))`,
    'blobs of no directory': `${repoBlobs} AND id NOT IN (SELECT blob FROM entries WHERE blob IS NOT NULL)`,
    'symbols of no blob': `SELECT id FROM symbols WHERE repo = ?1 AND blob NOT IN (${repoBlobs})`,
    'imports of no blob': `SELECT blob FROM imports WHERE repo = ?1 AND blob NOT IN (${repoBlobs})`,
    'calls of no blob': `SELECT blob FROM call_sites WHERE repo = ?1 AND blob NOT IN (${repoBlobs})`,
    'words of no chunk': `${documents('text')} EXCEPT ${chunks}`,
    'chunks without words': `${chunks} EXCEPT ${documents('text')}`,
    'trigrams of no block': `${documents('grep')} EXCEPT ${blocks}`,
    'blocks without trigrams': `${blocks} EXCEPT ${documents('grep')}`,
    'blobs without text': `${parsed} EXCEPT SELECT t.id >> 12 FROM text_blocks t`,
    'path words of no file': `${documents('path')} EXCEPT ${files}`,
    'files without path words': `${files} EXCEPT ${documents('path')}`,
    'vectors of no blob': `SELECT blob FROM vector_sets WHERE repo = ?1 AND blob NOT IN (${repoBlobs})`,
    'blobs without vectors': `${parsed} AND id NOT IN (SELECT blob FROM vector_sets WHERE repo = ?1)`,
    'open runs': 'SELECT run FROM index_runs WHERE repo = ?1',
  };
  const ids = JSON.stringify(snapshots.map(({ id }) => id));
  const answers = await shard.batch<{ n: number }>(
    Object.values(left).map((sql) =>
      shard.prepare(`SELECT count(*) AS n FROM (${sql}) WHERE ?1 = ?1 AND ?2 = ?2`).bind(key, ids),
    ),
  );
  return Object.keys(left).flatMap((name, at) => {
    const n = answers[at]!.results[0]!.n;
    return n === 0 ? [] : [`${n} ${name}`];
  });
}
