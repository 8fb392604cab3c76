/** Texts of parsed blobs, and where blobs stand in a snapshot. */
import { inflateRawSync } from 'node:zlib';
import type { RepoScope } from './scope.ts';

/** Texts are fetched so many at a time, and so many deflated bytes: they travel as hex, twice that size. */
const TEXTS_AT_ONCE = 128;
const DEFLATED_AT_ONCE = 4 * 1024 * 1024;
/** All texts of one call together, inflated. */
export const MAX_TEXT_BYTES = 32 * 1024 * 1024;

/**
 * The decoded text (no byte order mark) of parsed blobs, by id. Blobs that were skipped or are gone are left out;
 * so is, in the order asked for, what would take all of them past `maxBytes`.
 */
export async function textOf(
  shard: D1Database,
  scope: RepoScope,
  blobIds: readonly number[],
  maxBytes = MAX_TEXT_BYTES,
): Promise<Map<number, string>> {
  const texts = new Map<number, string>();
  let wanted = [...new Set(blobIds)];
  let left = maxBytes;
  while (wanted.length > 0) {
    const rows = await fetchTexts(shard, scope, wanted.slice(0, TEXTS_AT_ONCE));
    for (const { id, text } of rows) {
      if (text === null) continue;
      const inflated = inflateRawSync(Buffer.from(text, 'hex'));
      left -= inflated.length;
      if (left < 0) return texts;
      texts.set(id, inflated.toString('utf8'));
    }
    const postponed = rows.filter((row) => row.text === null).map((row) => row.id);
    wanted = [...postponed, ...wanted.slice(TEXTS_AT_ONCE)];
  }
  return texts;
}

/** Texts in the order of the ids; null for those that did not fit any more, never for the first. */
async function fetchTexts(
  shard: D1Database,
  scope: RepoScope,
  ids: readonly number[],
): Promise<{ id: number; text: string | null }[]> {
  const { results } = await shard
    .prepare(
      `SELECT id, CASE WHEN upTo <= ?3 OR upTo = size THEN hex(text) END AS text
       FROM (
         SELECT j.key AS place, b.id, b.text, length(b.text) AS size, sum(length(b.text)) OVER (ORDER BY j.key) AS upTo
         FROM json_each(?2) j CROSS JOIN blobs b ON b.id = j.value
         WHERE b.repo = ?1 AND b.text IS NOT NULL)
       ORDER BY place`,
    )
    .bind(scope.repo.key, JSON.stringify(ids), DEFLATED_AT_ONCE)
    .all<{ id: number; text: string | null }>();
  return results;
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
