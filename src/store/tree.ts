/** The tree of a snapshot, as git has it: files, symlinks and submodules, whether parsed or skipped. */
import type { SkipReason } from '../ingest/parse/facts.ts';
import type { RepoScope } from './scope.ts';

export interface TreeFile {
  path: string;
  /** As git: 33188 file, 33261 executable, 40960 symlink, 57344 submodule. */
  mode: number;
  oid: string;
  /** Bytes; null for submodules and for objects the mirror lacks. */
  size: number | null;
  lang: string | null;
  /** Why the file has no chunks; null when it has them. */
  skipped: SkipReason | null;
  /** Id of the parsed blob. */
  blob: number | null;
}

const COLUMNS = `d.path || e.name AS path, e.mode, e.oid, e.size, e.lang, coalesce(e.skipped, b.skipped) AS skipped, e.blob`;

/**
 * The files of a snapshot in bytewise order of their paths, which is git's; with a `prefix`, those below that
 * directory (or the one file of that path). A prefix ends at a segment: `src` is not a prefix of `src2/a.ts`.
 */
export async function listTree(
  shard: D1Database,
  scope: RepoScope,
  snapshotId: number,
  prefix = '',
): Promise<TreeFile[]> {
  const path = prefix.replace(/\/+$/, '');
  const { results } = await shard
    .prepare(
      `SELECT ${COLUMNS}
       FROM snapshot_dirs sd CROSS JOIN dirs d ON d.id = sd.dir AND d.repo = ?1
         CROSS JOIN entries e ON e.dir = d.id AND e.mode <> 16384 LEFT JOIN blobs b ON b.id = e.blob
       WHERE sd.snapshot = ?2
         AND (?3 = '' OR substr(d.path, 1, length(?3) + 1) = ?3 || '/' OR (d.path = ?4 AND e.name = ?5 AND ?6))
       ORDER BY path`,
    )
    .bind(scope.repo.key, snapshotId, path, ...splitPath(path), prefix.endsWith('/') ? 0 : 1)
    .all<TreeFile>();
  return results;
}

/** The file, symlink or submodule at a path, or null. */
export async function entryAt(
  shard: D1Database,
  scope: RepoScope,
  snapshotId: number,
  path: string,
): Promise<TreeFile | null> {
  return shard
    .prepare(
      `SELECT ${COLUMNS}
       FROM dirs d CROSS JOIN snapshot_dirs sd ON sd.snapshot = ?2 AND sd.dir = d.id
         CROSS JOIN entries e ON e.dir = d.id AND e.name = ?4 AND e.mode <> 16384
         LEFT JOIN blobs b ON b.id = e.blob
       WHERE d.repo = ?1 AND d.path = ?3`,
    )
    .bind(scope.repo.key, snapshotId, ...splitPath(path))
    .first<TreeFile>();
}

/** `a/b.ts` → `a/`, `b.ts`. */
function splitPath(path: string): [string, string] {
  const cut = path.lastIndexOf('/') + 1;
  return [path.slice(0, cut), path.slice(cut)];
}
