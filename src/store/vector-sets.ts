/** Which vectors there are: a row a blob and model. The vectors themselves are the vector store's (`src/models/`). */
import { INDEX_VERSION } from '../ingest/parse/facts.ts';
import { MAX_CHUNKS } from './blob-rows.ts';
import { jsonPieces } from './index-json.ts';
import type { RepoScope } from './scope.ts';

/** Where the vectors of a blob's chunks are stored, in the order of the chunks. */
export interface SetPlace {
  blobId: number;
  count: number;
  /** Of the embedded store, the object that holds them. */
  segment: string;
  /** The first of them in the segment. */
  at: number;
}

/** The chunk that a vector is of, by its place in the set. */
export function chunkIdOf(blobId: number, ordinal: number): number {
  return blobId * MAX_CHUNKS + ordinal;
}

/** Statements that note sets, for blobs that are there. A set that is noted already stays where it is. */
export function insertSets(
  shard: D1Database,
  scope: RepoScope,
  model: string,
  places: readonly SetPlace[],
): D1PreparedStatement[] {
  return jsonPieces(rowsOf(places)).map((piece) =>
    shard
      .prepare(
        `INSERT INTO vector_sets (blob, model, repo, segment, at, count)
         SELECT b.id, ?3, ?2, j.value->>1, j.value->>2, j.value->>3
         FROM json_each(?1) j CROSS JOIN blobs b ON b.id = j.value->>0 AND b.repo = ?2
         WHERE true ON CONFLICT (blob, model) DO NOTHING`,
      )
      .bind(piece, scope.repo.key, model),
  );
}

function* rowsOf(places: readonly SetPlace[]): Generator<unknown[]> {
  for (const { blobId, segment, at, count } of places) yield [blobId, segment, at, count];
}

/** A blob of a snapshot with the place of its set; null where it has chunks and no vectors. */
export interface HeldSet {
  blobId: number;
  lang: string;
  place: SetPlace | null;
}

/** More blobs than this are not searched by meaning at once: their places alone would take tens of megabytes. */
export const MAX_SETS = 60_000;

/** Blobs of the snapshots that have chunks, each once, with the sets of `model`. */
export async function setsOf(
  shard: D1Database,
  scope: RepoScope,
  snapshotIds: readonly number[],
  model: string,
): Promise<HeldSet[]> {
  const { results } = await shard
    .prepare(
      `SELECT DISTINCT e.blob AS blobId, e.lang, v.segment, v.at, v.count
       FROM json_each(?2) q CROSS JOIN snapshot_dirs sd ON sd.snapshot = q.value
         CROSS JOIN dirs d ON d.id = sd.dir AND d.repo = ?1
         CROSS JOIN entries e ON e.dir = d.id AND e.blob IS NOT NULL
         LEFT JOIN vector_sets v ON v.blob = e.blob AND v.model = ?3
       WHERE v.blob IS NOT NULL OR EXISTS (SELECT 1 FROM blobs b WHERE b.id = e.blob AND b.skipped IS NULL)
       ORDER BY e.blob LIMIT ${MAX_SETS}`,
    )
    .bind(scope.repo.key, JSON.stringify(snapshotIds), model)
    .all<{ blobId: number; lang: string; segment: string | null; at: number; count: number }>();
  return results.map(({ blobId, lang, segment, at, count }) => ({
    blobId,
    lang,
    place: segment === null ? null : { blobId, segment, at, count },
  }));
}

const LACKING = `b.repo = ?1 AND b.version = ${INDEX_VERSION} AND b.skipped IS NULL
  AND NOT EXISTS (SELECT 1 FROM vector_sets v WHERE v.blob = b.id AND v.model = ?2)`;

/** A parsed blob without vectors of the model. */
export interface LackingBlob {
  id: number;
  oid: string;
  lang: string;
  size: number;
}

/** At once: so many messages of batches a run may well have. */
const MAX_LACKING = 100_000;

/**
 * What stands in a directory of the repo and has no vectors of `model`: after a change of the model, everything. Costs
 * nothing while the repo is marked as having them all (`markEmbedded`).
 */
export async function lackingBlobs(
  shard: D1Database,
  scope: RepoScope,
  model: string,
): Promise<LackingBlob[]> {
  const { results } = await shard
    .prepare(
      `SELECT b.id, b.oid, b.lang, b.size FROM blobs b WHERE ${LACKING}
         AND EXISTS (SELECT 1 FROM entries e WHERE e.blob = b.id)
         AND EXISTS (SELECT 1 FROM live_repos WHERE repo = ?1 AND model IS NOT ?2)
       ORDER BY b.id LIMIT ${MAX_LACKING}`,
    )
    .bind(scope.repo.key, model)
    .all<LackingBlob>();
  return results;
}

/** Of some blobs, those that have no vectors of the model. */
export function lackingAmong(
  shard: D1Database,
  scope: RepoScope,
  model: string,
  blobs: string,
): D1PreparedStatement {
  return shard
    .prepare(
      `SELECT b.id, b.oid, b.lang, b.size FROM json_each(?3) j
         CROSS JOIN blobs b ON b.repo = ?1 AND b.oid = j.value->>0 AND b.lang = j.value->>1 AND ${LACKING}`,
    )
    .bind(scope.repo.key, model, blobs);
}

/** Marks the repo as having vectors of `model` for all it holds, if it has, and forgets the sets of other models. */
export async function markEmbedded(shard: D1Database, scope: RepoScope, model: string): Promise<SetPlace[]> {
  const bind = (sql: string) => shard.prepare(sql).bind(scope.repo.key, model);
  const [, forgotten] = await shard.batch<SetPlace>([
    bind(`UPDATE live_repos SET model = ?2 WHERE repo = ?1 AND model IS NOT ?2
            AND NOT EXISTS (SELECT 1 FROM blobs b WHERE ${LACKING})`),
    bind(`DELETE FROM vector_sets WHERE repo = ?1 AND model <> ?2
            AND EXISTS (SELECT 1 FROM live_repos WHERE repo = ?1 AND model = ?2)
          RETURNING blob AS blobId, segment, at, count`),
  ]);
  return forgotten!.results;
}

/** Blobs were written without vectors: the mark no longer holds. */
export function unmarkEmbedded(shard: D1Database, scope: RepoScope): D1PreparedStatement {
  return shard.prepare('UPDATE live_repos SET model = NULL WHERE repo = ?1').bind(scope.repo.key);
}

/** Segments that rows name. */
export async function liveSegments(shard: D1Database, scope: RepoScope): Promise<string[]> {
  const { results } = await shard
    .prepare('SELECT DISTINCT segment FROM vector_sets WHERE repo = ?1 ORDER BY segment')
    .bind(scope.repo.key)
    .all<{ segment: string }>();
  return results.map(({ segment }) => segment);
}

/** The sets of some segments, in their order there. */
export async function setsOfSegments(
  shard: D1Database,
  scope: RepoScope,
  segments: readonly string[],
): Promise<(SetPlace & { model: string })[]> {
  const { results } = await shard
    .prepare(
      `SELECT v.blob AS blobId, v.model, v.segment, v.at, v.count FROM json_each(?2) j
         CROSS JOIN vector_sets v ON v.repo = ?1 AND v.segment = j.value
       ORDER BY v.segment, v.at, v.blob`,
    )
    .bind(scope.repo.key, JSON.stringify(segments))
    .all<SetPlace & { model: string }>();
  return results;
}

/** Notes that sets moved. A row that says otherwise by now stays. */
export async function moveSets(
  shard: D1Database,
  scope: RepoScope,
  moves: readonly { from: SetPlace & { model: string }; to: SetPlace }[],
): Promise<void> {
  const pieces = jsonPieces(
    moves.map(({ from, to }) => [from.blobId, from.model, from.segment, to.segment, to.at]),
  );
  if (pieces.length === 0) return;
  await shard.batch(
    pieces.map((piece) =>
      shard
        .prepare(
          `UPDATE vector_sets SET segment = j.value->>3, at = j.value->>4 FROM json_each(?1) j
           WHERE blob = j.value->>0 AND model = j.value->>1 AND repo = ?2 AND segment = j.value->>2`,
        )
        .bind(piece, scope.repo.key),
    ),
  );
}
