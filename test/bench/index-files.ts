/** The databases of a local server, read from outside: what peers are built from, and what the index weighs. */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { inflateRawSync } from 'node:zlib';

/** A repo's place in the files. */
export interface IndexFiles {
  key: number;
  /** Read-only. */
  shard: DatabaseSync;
  shardFile: string;
  control: DatabaseSync;
}

/** To read while the server still writes: it merges what it indexed. */
export function opened(file: string): DatabaseSync {
  const db = new DatabaseSync(file, { readOnly: true });
  db.exec('PRAGMA busy_timeout = 20000');
  return db;
}

/** The databases that hold a repo, by its name. */
export function openIndexFiles(stateDir: string, name: string): IndexFiles {
  const files = databases(stateDir);
  const control = files.find((file) => hasTable(file, 'repos'));
  if (!control) throw new Error(`no control database in ${stateDir}`);
  const db = opened(control);
  const repo = db.prepare('SELECT key FROM repos WHERE name = ? AND deleted_at IS NULL').get(name);
  if (!repo) throw new Error(`no repository ${name}`);
  const key = Number(repo.key);
  const shardFile = files.find((file) => hasTable(file, `text_${key}`));
  if (!shardFile) throw new Error(`${name} is not indexed`);
  return { key, shard: opened(shardFile), shardFile, control: db };
}

/** The files of all shards. */
export function shardFiles(stateDir: string): string[] {
  return databases(stateDir).filter((file) => hasTable(file, 'live_repos'));
}

/** Where wrangler keeps D1 databases, one file each. */
function databases(stateDir: string): string[] {
  const folder = path.join(stateDir, 'v3/d1/miniflare-D1DatabaseObject');
  return readdirSync(folder)
    .filter((file) => file.endsWith('.sqlite') && file !== 'metadata.sqlite')
    .map((file) => path.join(folder, file));
}

function hasTable(file: string, table: string): boolean {
  const db = opened(file);
  try {
    return db.prepare('SELECT 1 FROM sqlite_master WHERE name = ?').get(table) !== undefined;
  } finally {
    db.close();
  }
}

/** Snapshots of the indexed refs, by ref. */
export function snapshotsOf({ control, key }: IndexFiles): Map<string, number> {
  const rows = control
    .prepare(
      'SELECT ref, snapshot_id AS snapshot FROM indexed_refs WHERE repo_key = ? AND snapshot_id IS NOT NULL',
    )
    .all(key);
  return new Map(rows.map((row) => [String(row.ref), Number(row.snapshot)]));
}

/** The paths of a snapshot's blobs that have text, by blob id. */
export function pathsOf({ shard }: IndexFiles, snapshot: number): Map<number, string[]> {
  const rows = shard
    .prepare(
      `SELECT e.blob, d.path || e.name AS path FROM snapshot_dirs sd CROSS JOIN dirs d ON d.id = sd.dir
         CROSS JOIN entries e ON e.dir = d.id CROSS JOIN blobs b ON b.id = e.blob
       WHERE sd.snapshot = ? AND b.skipped IS NULL ORDER BY path`,
    )
    .all(snapshot);
  const paths = new Map<number, string[]>();
  for (const row of rows) {
    const blob = Number(row.blob);
    paths.set(blob, [...(paths.get(blob) ?? []), String(row.path)]);
  }
  return paths;
}

export interface IndexedChunk {
  id: number;
  startLine: number;
  endLine: number;
  text: string;
}

/** A blob's chunks with their text. */
export function chunksOf({ shard }: IndexFiles, blob: number): IndexedChunk[] {
  const lines = linesOf({ shard }, blob);
  return shard
    .prepare('SELECT id, start_line, end_line FROM chunks WHERE blob = ? ORDER BY id')
    .all(blob)
    .map((row) => {
      const startLine = Number(row.start_line);
      const endLine = Number(row.end_line);
      return { id: Number(row.id), startLine, endLine, text: lines.slice(startLine - 1, endLine).join('\n') };
    });
}

/** A blob's lines, without their newlines. */
export function linesOf({ shard }: Pick<IndexFiles, 'shard'>, blob: number): string[] {
  return shard
    .prepare('SELECT data FROM text_blocks WHERE id BETWEEN ?1 * 4096 AND ?1 * 4096 + 4095 ORDER BY id')
    .all(blob)
    .map((row) => inflateRawSync(row.data as Uint8Array).toString('utf8'))
    .join('')
    .split('\n');
}

/** Lines of what is indexed of the repository's trees. */
export function linesIn({ shard, key }: IndexFiles): number {
  const row = shard
    .prepare(
      'SELECT sum(b.lines) AS lines FROM entries e CROSS JOIN blobs b ON b.id = e.blob WHERE b.repo = ?',
    )
    .get(key);
  return Number(row!.lines);
}
