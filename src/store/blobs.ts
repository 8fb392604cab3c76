/** Texts of parsed blobs. */
import { inflateRawSync } from 'node:zlib';
import type { RepoScope } from './scope.ts';

/** Texts are fetched so many at a time, and so many deflated bytes: they travel as hex, twice that size. */
const TEXTS_AT_ONCE = 128;
const DEFLATED_AT_ONCE = 4 * 1024 * 1024;
/** All texts of one call together, inflated. */
const MAX_TEXT_BYTES = 32 * 1024 * 1024;

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
