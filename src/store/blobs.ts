/** Texts of parsed blobs, as `text-blocks.ts` keeps them. */
import { inflateRawSync } from 'node:zlib';
import { type BlobLines, linesAsJson, RANGES } from './hits.ts';
import type { RepoScope } from './scope.ts';

/** Texts are fetched so many at a time, and so many deflated bytes: they travel as hex, twice that size. */
const TEXTS_AT_ONCE = 128;
const DEFLATED_AT_ONCE = 4 * 1024 * 1024;
/** All texts of one call together, inflated. */
const MAX_TEXT_BYTES = 32 * 1024 * 1024;

/** SQL: block `t` belongs to the blob. */
export const blocksOf = (blob: string) => `t.id BETWEEN ${blob} * 4096 AND ${blob} * 4096 + 4095`;

/** A block as it is fetched; `data` null where it did not fit any more. */
interface BlockRow {
  id: number;
  blob: number;
  startLine: number;
  data: string | null;
}

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
    const postponed: number[] = [];
    for (const [blob, blocks] of Map.groupBy(rows, (row) => row.blob)) {
      if (blocks.some(({ data }) => data === null)) {
        postponed.push(blob);
        continue;
      }
      const bytes = blocks.map(({ data }) => inflated(data!));
      left -= bytes.reduce((sum, each) => sum + each.length, 0);
      if (left < 0) return texts;
      texts.set(blob, bytes.map((each) => each.toString('utf8')).join(''));
    }
    wanted = [...postponed, ...wanted.slice(TEXTS_AT_ONCE)];
  }
  return texts;
}

function inflated(hex: string): Buffer {
  return inflateRawSync(Buffer.from(hex, 'hex'));
}

/** Blocks in the order of the blobs. Those of the first blob always fit: a parsed text is far smaller than the limit. */
async function fetchTexts(
  shard: D1Database,
  scope: RepoScope,
  blobIds: readonly number[],
): Promise<BlockRow[]> {
  const { results } = await shard
    .prepare(
      `SELECT id, blob, start_line AS startLine, CASE WHEN upTo <= ?3 THEN hex(data) END AS data
       FROM (
         SELECT j.key AS place, t.id, b.id AS blob, t.start_line, t.data,
           sum(length(t.data)) OVER (ORDER BY j.key, t.id) AS upTo
         FROM json_each(?2) j CROSS JOIN blobs b ON b.id = j.value AND b.repo = ?1
           CROSS JOIN text_blocks t ON ${blocksOf('b.id')})
       ORDER BY place, id`,
    )
    .bind(scope.repo.key, JSON.stringify(blobIds), DEFLATED_AT_ONCE)
    .all<BlockRow>();
  return results;
}

/** Part of a text: whole lines, the first of which has this number. */
export interface TextPart {
  blobId: number;
  startLine: number;
  text: string;
}

/** Blocks by id; of blobs that are gone, none. */
export async function blocksAt(
  shard: D1Database,
  scope: RepoScope,
  blockIds: readonly number[],
): Promise<TextPart[]> {
  const { results } = await shard
    .prepare(
      `SELECT t.id, b.id AS blob, t.start_line AS startLine, hex(t.data) AS data
       FROM json_each(?2) j CROSS JOIN text_blocks t ON t.id = j.value
         CROSS JOIN blobs b ON b.id = t.id >> 12 AND b.repo = ?1 ORDER BY t.id`,
    )
    .bind(scope.repo.key, JSON.stringify(blockIds))
    .all<BlockRow>();
  return results.map(toPart);
}

function toPart({ blob, startLine, data }: BlockRow): TextPart {
  return { blobId: blob, startLine, text: inflated(data!).toString('utf8') };
}

/** The parts of texts that hold the lines, by index into the ranges; none where the blob is gone or has no such lines. */
export async function partsAt(
  shard: D1Database,
  scope: RepoScope,
  ranges: readonly BlobLines[],
): Promise<Map<number, TextPart>> {
  const parts = new Map<number, TextPart>();
  if (ranges.length === 0) return parts;
  const { results } = await shard
    .prepare(
      `WITH ${RANGES}
       SELECT o.id, o.id >> 12 AS blob, o.start_line AS startLine, hex(o.data) AS data FROM text_blocks o
       WHERE o.id IN (
         SELECT t.id FROM ranges r CROSS JOIN blobs b ON b.id = r.blob AND b.repo = ?1
           CROSS JOIN text_blocks t ON ${blocksOf('b.id')} AND t.start_line <= r.last AND t.end_line >= r.first)
       ORDER BY o.id`,
    )
    .bind(scope.repo.key, linesAsJson(ranges))
    .all<BlockRow>();
  const byBlob = Map.groupBy(results.map(toPart), (part) => part.blobId);
  for (const [at, { blobId, startLine, endLine }] of ranges.entries()) {
    const blocks = byBlob.get(blobId) ?? [];
    const from = blocks.findLastIndex((block) => block.startLine <= startLine);
    const held = blocks.slice(Math.max(0, from)).filter((block) => block.startLine <= endLine);
    if (from < 0 || held.length === 0) continue;
    parts.set(at, {
      blobId,
      startLine: held[0]!.startLine,
      text: held.map((block) => block.text).join(''),
    });
  }
  return parts;
}
