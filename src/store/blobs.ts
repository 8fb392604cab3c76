/** Texts of parsed blobs, and where blobs stand in a snapshot. */
import { inflateRawSync } from 'node:zlib';
import type { RepoScope } from './scope.ts';

/** Texts are fetched so many at a time; each travels as hex, twice its deflated size. */
const TEXTS_AT_ONCE = 64;
/** All texts of one call together, inflated. */
export const MAX_TEXT_BYTES = 32 * 1024 * 1024;

/**
 * The decoded text (no byte order mark) of parsed blobs, by id. Blobs that were skipped or are gone are left out;
 * so is what would pass `maxBytes`, in the order asked for.
 */
export async function textOf(
  shard: D1Database,
  scope: RepoScope,
  blobIds: readonly number[],
  maxBytes = MAX_TEXT_BYTES,
): Promise<Map<number, string>> {
  const texts = new Map<number, string>();
  const wanted = [...new Set(blobIds)];
  let left = maxBytes;
  for (let at = 0; at < wanted.length && left > 0; at += TEXTS_AT_ONCE) {
    const { results } = await shard
      .prepare(
        `SELECT b.id, hex(b.text) AS text FROM json_each(?2) j CROSS JOIN blobs b ON b.id = j.value
         WHERE b.repo = ?1 AND b.text IS NOT NULL ORDER BY j.key`,
      )
      .bind(scope.repo.key, JSON.stringify(wanted.slice(at, at + TEXTS_AT_ONCE)))
      .all<{ id: number; text: string }>();
    for (const row of results) {
      const text = inflateRawSync(Buffer.from(row.text, 'hex'));
      left -= text.length;
      if (left < 0) break;
      texts.set(row.id, text.toString('utf8'));
    }
  }
  return texts;
}

/** Where each blob stands in a snapshot: paths in bytewise order. A blob that stands nowhere is left out. */
export async function pathsOf(
  shard: D1Database,
  scope: RepoScope,
  snapshotId: number,
  blobIds: readonly number[],
): Promise<Map<number, string[]>> {
  const [paths] = await pathsOfAll(shard, [{ scope, snapshotId, blobIds }]);
  return paths ?? new Map();
}

/** The same for several snapshots of one shard, in one round trip. */
export async function pathsOfAll(
  shard: D1Database,
  lookups: readonly { scope: RepoScope; snapshotId: number; blobIds: readonly number[] }[],
): Promise<Map<number, string[]>[]> {
  if (lookups.length === 0) return [];
  const answers = await shard.batch<{ blob: number; path: string }>(
    lookups.map(({ scope, snapshotId, blobIds }) =>
      shard
        .prepare(
          `SELECT e.blob, d.path || e.name AS path
           FROM (SELECT DISTINCT value AS blob FROM json_each(?3)) j
             CROSS JOIN entries e ON e.blob = j.blob
             CROSS JOIN snapshot_dirs sd ON sd.snapshot = ?2 AND sd.dir = e.dir
             CROSS JOIN dirs d ON d.id = e.dir AND d.repo = ?1
           ORDER BY path`,
        )
        .bind(scope.repo.key, snapshotId, JSON.stringify(blobIds)),
    ),
  );
  return answers.map(({ results }) => {
    const paths = new Map<number, string[]>();
    for (const { blob, path } of results) {
      const there = paths.get(blob);
      if (there) there.push(path);
      else paths.set(blob, [path]);
    }
    return paths;
  });
}
