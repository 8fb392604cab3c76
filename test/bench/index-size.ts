/**
 * What an index weighs: the pages that a repository adds to its shard, tables, their indexes and full text, and its vectors,
 * against the text of the one ref that is indexed. Packs are not counted.
 */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { opened, openIndexFiles, shardFiles, snapshotsOf } from './index-files.ts';
import { type Repository, registerAndIndex, removeRepo, type Session } from './session.ts';

export async function measureIndexSize(session: Session, { name, url }: Repository): Promise<void> {
  const { server, rows } = session;
  const repo = `${name}-size`;
  const before = usedBytes(server.stateDir);
  await registerAndIndex(session, repo, url);
  const after = usedBytes(server.stateDir);
  const text = textBytes(server.stateDir, repo);
  const added = [...after].map(([table, bytes]): [string, number] => [
    table,
    bytes - (before.get(table) ?? 0),
  ]);
  const total = added.reduce((sum, [, bytes]) => sum + bytes, 0);
  rows.push({
    what: 'index size',
    repository: name,
    ours: total / 1e6,
    unit: 'MB',
    peer: 'text of the ref',
    theirs: text / 1e6,
    aim: { ratioAtMost: 2.5 },
  });
  const parts = added
    .filter(([, bytes]) => bytes > total / 200)
    .sort((a, b) => b[1] - a[1])
    .map(([table, bytes]) => `${table} ${(bytes / text).toFixed(2)}`);
  console.log(`index size, ${name}: of the text, ${parts.join(', ')}`);
  await removeRepo(session, repo);
}

/** Bytes of the pages in use by table or index, over all shards; a full-text table's parts count under its name. */
function usedBytes(stateDir: string): Map<string, number> {
  const used = new Map<string, number>();
  for (const file of shardFiles(stateDir)) {
    const db = opened(file);
    for (const row of db.prepare('SELECT name, sum(pgsize) AS bytes FROM dbstat GROUP BY name').all()) {
      const table = String(row.name).replace(/^((?:text|grep|path)_)\d+_\w+$/, '$1*');
      used.set(table, (used.get(table) ?? 0) + Number(row.bytes));
    }
    db.close();
  }
  used.set('vectors', vectorBytes(stateDir));
  return used;
}

/** Bytes of the segments of vectors, by what the local R2 notes of its objects. */
function vectorBytes(stateDir: string): number {
  const folder = path.join(stateDir, 'v3/r2/miniflare-R2BucketObject');
  let bytes = 0;
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.sqlite'))) {
    const db = opened(path.join(folder, file));
    const held = db.prepare("SELECT 1 FROM sqlite_master WHERE name = '_mf_objects'").get();
    const row =
      held && db.prepare("SELECT sum(size) AS bytes FROM _mf_objects WHERE key LIKE '%/vectors/%'").get();
    bytes += Number(row?.bytes ?? 0);
    db.close();
  }
  return bytes;
}

/** The bytes of every file of the ref that has text, by path: what a checkout of it holds of them. */
function textBytes(stateDir: string, repo: string): number {
  const files = openIndexFiles(stateDir, repo);
  const [snapshot] = snapshotsOf(files).values();
  const row = files.shard
    .prepare(
      `SELECT sum(b.size) AS bytes FROM snapshot_dirs sd CROSS JOIN entries e ON e.dir = sd.dir
         CROSS JOIN blobs b ON b.id = e.blob WHERE sd.snapshot = ? AND b.skipped IS NULL`,
    )
    .get(snapshot!);
  return Number(row!.bytes);
}
