/**
 * Directories of snapshots, content-addressed by (path, tree, config). Present = the whole subtree is present with
 * all its blobs: children are written before their parent, and a sweep removes parents before their children.
 */
import type { SkipReason } from '../ingest/parse/facts.ts';
import { insertPaths } from './full-text.ts';
import { JsonRows, jsonPieces } from './index-json.ts';
import { takeIds } from './index-repo.ts';
import type { RepoScope } from './scope.ts';

/** Mode of a subdirectory's entry. */
export const TREE_MODE = 0o40000;

export interface DirKey {
  /** '' or `src/http/`: always with the final slash. */
  path: string;
  treeOid: string;
}

/** Totals of a subtree. A function of the directory's key, so a parent's are made of its children's. */
export interface DirStats {
  /** Directories, this one included. */
  dirs: number;
  /** Files, symlinks and submodules. */
  files: number;
  /** Files that have chunks. */
  indexed: number;
  /** Bytes of those. */
  bytes: number;
  skipped: Partial<Record<SkipReason, number>>;
  /** Bytes of indexed files by language, as languages are shown. */
  languages: Record<string, number>;
}

export interface NewEntry {
  name: string;
  mode: number;
  oid: string;
  size: number | null;
  lang: string | null;
  skipped: SkipReason | null;
  blob: number | null;
}

export interface NewDir extends DirKey {
  /** The snapshot's config, or one of this run alone when the subtree depends on more than its trees. */
  config: string;
  stats: DirStats;
  entries: readonly NewEntry[];
}

/** Whether the repo has any directory: a first index need not ask about each. */
export async function hasDirs(shard: D1Database, scope: RepoScope): Promise<boolean> {
  const row = await shard.prepare('SELECT 1 FROM dirs WHERE repo = ?1 LIMIT 1').bind(scope.repo.key).first();
  return row !== null;
}

/** Which of the directories are there, with their totals, by path. */
export async function knownDirs(
  shard: D1Database,
  scope: RepoScope,
  config: string,
  dirs: Iterable<DirKey>,
): Promise<Map<string, DirStats>> {
  const known = new Map<string, DirStats>();
  const pieces = jsonPieces(keysOf(dirs));
  if (pieces.length === 0) return known;
  const answers = await shard.batch<{ path: string; stats: string }>(
    pieces.map((piece) =>
      shard
        .prepare(
          `SELECT d.path, d.stats FROM json_each(?1) j CROSS JOIN dirs d
           ON d.repo = ?2 AND d.path = j.value->>0 AND d.tree_oid = j.value->>1 AND d.config = ?3`,
        )
        .bind(piece, scope.repo.key, config),
    ),
  );
  for (const { results } of answers) {
    for (const row of results) known.set(row.path, JSON.parse(row.stats) as DirStats);
  }
  return known;
}

function* keysOf(dirs: Iterable<DirKey>): Generator<[string, string]> {
  for (const dir of dirs) yield [dir.path, dir.treeOid];
}

/** A transaction holds about so many entries, unless one directory alone has more. */
const ENTRIES_PER_WRITE = 5_000;

/**
 * Writes directories, which must come with children before their parents. Idempotent: a directory that is there
 * keeps its row, and entries are inserted only where the id of their directory is.
 *
 * @param wordsOf the words a path is found by
 */
export async function writeDirs(
  shard: D1Database,
  scope: RepoScope,
  dirs: readonly NewDir[],
  wordsOf: (path: string) => string,
): Promise<void> {
  if (dirs.length === 0) return;
  const [dirIds, entryIds] = await shard.batch<{ first: number }>([
    takeIds(shard, 'dirs', dirs.length),
    takeIds(
      shard,
      'entries',
      dirs.reduce((sum, dir) => sum + dir.entries.length, 0),
    ),
  ]);
  let dirId = Number(dirIds?.results[0]?.first);
  let entryId = Number(entryIds?.results[0]?.first);
  for (const group of groups(dirs)) {
    const rows = { dirs: new JsonRows(), entries: new JsonRows(), paths: new JsonRows() };
    for (const dir of group) {
      rows.dirs.add([dirId, dir.path, dir.treeOid, dir.config, JSON.stringify(dir.stats)]);
      for (const entry of dir.entries) {
        const { name, mode, oid, size, lang, skipped, blob } = entry;
        rows.entries.add([entryId, dirId, name, mode, oid, size, lang, skipped, blob]);
        if (mode !== TREE_MODE) rows.paths.add([entryId, wordsOf(dir.path + name)]);
        entryId++;
      }
      dirId++;
    }
    await shard.batch([
      ...rows.dirs.pieces().map((piece) => shard.prepare(INSERT_DIRS).bind(piece, scope.repo.key)),
      ...rows.entries.pieces().map((piece) => shard.prepare(INSERT_ENTRIES).bind(piece)),
      ...rows.paths.pieces().map((piece) => insertPaths(shard, scope, piece)),
    ]);
  }
}

function* groups(dirs: readonly NewDir[]): Generator<NewDir[]> {
  let open: NewDir[] = [];
  let entries = 0;
  for (const dir of dirs) {
    if (open.length > 0 && entries + dir.entries.length > ENTRIES_PER_WRITE) {
      yield open;
      open = [];
      entries = 0;
    }
    open.push(dir);
    entries += dir.entries.length + 1;
  }
  yield open;
}

const INSERT_DIRS = `INSERT INTO dirs (id, repo, path, tree_oid, config, stats)
  SELECT value->>0, ?2, value->>1, value->>2, value->>3, value->>4 FROM json_each(?1)
  WHERE EXISTS (SELECT 1 FROM live_repos WHERE repo = ?2)
  ON CONFLICT (repo, path, tree_oid, config) DO NOTHING`;

const INSERT_ENTRIES = `INSERT INTO entries (id, dir, name, mode, oid, size, lang, skipped, blob)
  SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6, value->>7, value->>8
  FROM json_each(?1) WHERE EXISTS (SELECT 1 FROM dirs WHERE id = value->>1)`;

/**
 * Lists the directories of a snapshot: those written for it, and the subtrees that were there. One transaction, so
 * that a second delivery replaces the list by an equal one. Returns how many directories the snapshot has.
 */
export async function writeSnapshotDirs(
  shard: D1Database,
  scope: RepoScope,
  snapshot: {
    id: number;
    config: string;
    written: Iterable<DirKey & { config: string }>;
    kept: Iterable<DirKey>;
  },
): Promise<number> {
  const written = jsonPieces(withConfig(snapshot.written));
  const kept = jsonPieces(keysOf(snapshot.kept));
  const answers = await shard.batch<{ dirs: number }>([
    shard.prepare('DELETE FROM snapshot_dirs WHERE snapshot = ?1').bind(snapshot.id),
    ...written.map((piece) => shard.prepare(LIST_WRITTEN).bind(piece, scope.repo.key, snapshot.id)),
    ...kept.map((piece) =>
      shard.prepare(LIST_KEPT).bind(piece, scope.repo.key, snapshot.id, snapshot.config),
    ),
    shard.prepare('SELECT count(*) AS dirs FROM snapshot_dirs WHERE snapshot = ?1').bind(snapshot.id),
  ]);
  return answers.at(-1)?.results[0]?.dirs ?? 0;
}

function* withConfig(dirs: Iterable<DirKey & { config: string }>): Generator<[string, string, string]> {
  for (const dir of dirs) yield [dir.path, dir.treeOid, dir.config];
}

const LIST_WRITTEN = `INSERT OR IGNORE INTO snapshot_dirs (snapshot, dir)
  SELECT ?3, d.id FROM json_each(?1) j CROSS JOIN dirs d
    ON d.repo = ?2 AND d.path = j.value->>0 AND d.tree_oid = j.value->>1 AND d.config = j.value->>2
  WHERE EXISTS (SELECT 1 FROM live_repos WHERE repo = ?2)`;

const LIST_KEPT = `WITH RECURSIVE subtree (id, path) AS (
    SELECT d.id, d.path FROM json_each(?1) j CROSS JOIN dirs d
      ON d.repo = ?2 AND d.path = j.value->>0 AND d.tree_oid = j.value->>1 AND d.config = ?4
    UNION ALL
    SELECT c.id, c.path FROM subtree s
      CROSS JOIN entries e ON e.dir = s.id AND e.mode = 16384
      CROSS JOIN dirs c ON c.repo = ?2 AND c.path = s.path || e.name || '/' AND c.tree_oid = e.oid AND c.config = ?4
  )
  INSERT OR IGNORE INTO snapshot_dirs (snapshot, dir)
  SELECT ?3, id FROM subtree WHERE EXISTS (SELECT 1 FROM live_repos WHERE repo = ?2)`;
