/** What turns chunks into hits: the paths and refs they stand at, the symbols they belong to, the chunks of lines. */
import type { RepoScope } from './scope.ts';

/** A blob at a path of a snapshot. */
export interface Place {
  blobId: number;
  snapshotId: number;
  path: string;
  oid: string;
  lang: string;
}

/** A chunk's lines and the symbol (or Markdown heading) whose code it is, or that encloses it. */
export interface ChunkDetail {
  chunkId: number;
  startLine: number;
  endLine: number;
  symbol: SymbolRef | null;
}

export interface SymbolRef {
  /** symbols.id */
  id: number;
  name: string;
  qualifiedName: string;
  kind: string;
  startLine: number;
  endLine: number;
  exported: boolean;
}

/** A chunk with the places of its blob in the snapshots that answer, as the lists of a search find it. */
export interface PlacedChunk extends ChunkDetail {
  blobId: number;
  /** Null when they are too many to be told with every chunk: `describeChunks` lists them. */
  places: Place[] | null;
}

/** A chunk inside a type, and the chunk where that type begins, with the type as its symbol. */
export interface Owner {
  memberId: number;
  head: ChunkDetail;
}

/**
 * Where the blobs stand in these snapshots, what the chunks are, and the types that the members belong to: one round trip.
 * A type that begins in the member's own chunk is not told.
 */
export async function describeChunks(
  shard: D1Database,
  scope: RepoScope,
  snapshotIds: readonly number[],
  wanted: { blobIds: readonly number[]; chunkIds: readonly number[]; memberIds: readonly number[] },
): Promise<{ places: Place[]; chunks: ChunkDetail[]; owners: Owner[] }> {
  const [places, chunks, owners] = await shard.batch([
    placesStatement(shard, scope, snapshotIds, wanted.blobIds),
    shard
      .prepare(
        `SELECT ${DETAIL} FROM json_each(?2) j CROSS JOIN chunks c ON c.id = j.value
           LEFT JOIN symbols s ON s.id = c.blob * 65536 + c.symbol AND s.repo = ?1`,
      )
      .bind(scope.repo.key, JSON.stringify(wanted.chunkIds)),
    ownersStatement(shard, scope, wanted.memberIds),
  ]);
  return {
    places: places!.results as Place[],
    chunks: (chunks!.results as RawDetail[]).map(toDetail),
    owners: (owners!.results as (RawDetail & { memberId: number })[]).map((row) => ({
      memberId: row.memberId,
      head: toDetail(row),
    })),
  };
}

const TYPES = `('class', 'interface', 'struct', 'enum', 'trait', 'type')`;

/** The type around each chunk's symbol, or that symbol itself where the chunk goes on with a type begun above. */
function ownersStatement(
  shard: D1Database,
  scope: RepoScope,
  memberIds: readonly number[],
): D1PreparedStatement {
  return shard
    .prepare(
      `SELECT m.id AS memberId, ${DETAIL}
       FROM json_each(?2) j CROSS JOIN chunks m ON m.id = j.value
         CROSS JOIN symbols o ON o.id = m.blob * 65536 + m.symbol AND o.repo = ?1
         CROSS JOIN symbols s ON s.kind IN ${TYPES} AND s.id = m.blob * 65536 +
           CASE WHEN o.kind IN ${TYPES} AND o.start_line < m.start_line THEN o.ord ELSE o.parent END
         CROSS JOIN chunks c ON c.id <> m.id AND c.id = (
           SELECT h.id FROM chunks h WHERE h.id BETWEEN m.blob * 4096 AND m.blob * 4096 + 4095
             AND h.start_line <= s.start_line AND h.end_line >= s.start_line ORDER BY h.id LIMIT 1)`,
    )
    .bind(scope.repo.key, JSON.stringify(memberIds));
}

/** Columns of chunk `c` and its symbol `s`. */
const DETAIL = `c.id AS chunkId, c.start_line AS chunkStartLine, c.end_line AS chunkEndLine, s.id AS symbolId,
  s.name AS symbolName, s.qualified_name AS symbolQualifiedName, s.kind AS symbolKind, s.start_line AS symbolStartLine,
  s.end_line AS symbolEndLine, s.exported AS symbolExported`;

interface RawDetail {
  chunkId: number;
  chunkStartLine: number;
  chunkEndLine: number;
  symbolId: number | null;
  symbolName: string;
  symbolQualifiedName: string;
  symbolKind: string;
  symbolStartLine: number;
  symbolEndLine: number;
  symbolExported: number;
}

function toDetail(row: RawDetail): ChunkDetail {
  const { chunkId, chunkStartLine: startLine, chunkEndLine: endLine, symbolId } = row;
  const symbol =
    symbolId === null
      ? null
      : {
          id: symbolId,
          name: row.symbolName,
          qualifiedName: row.symbolQualifiedName,
          kind: row.symbolKind,
          startLine: row.symbolStartLine,
          endLine: row.symbolEndLine,
          exported: row.symbolExported === 1,
        };
  return { chunkId, startLine, endLine, symbol };
}

/** Most blobs stand at one path of one snapshot; those of more places than this are described by themselves. */
const PLACES_A_CHUNK = 16;

/** SQL: the table `asked` of the snapshots that a parameter lists. It is read for every row: JSON would be parsed as often. */
export const askedSnapshots = (parameter: string) =>
  `asked AS MATERIALIZED (SELECT value AS snapshot FROM json_each(${parameter}))`;

/** SQL, of a table `e` of entries: the directory of `e` is listed by a snapshot of `asked`. */
const LISTED =
  'CROSS JOIN asked q CROSS JOIN snapshot_dirs sd ON sd.snapshot = q.snapshot AND sd.dir = e.dir';

/** SQL: true when the blob stands at some path of a snapshot of `asked`. */
export const reached = (blob: string) => `EXISTS (SELECT 1 FROM entries e ${LISTED} WHERE e.blob = ${blob})`;

/**
 * SQL: columns of chunk `c`, of its symbol `s` (joined by `SYMBOL_OF_CHUNK`), and the places of its blob in the snapshots
 * of `asked`; `[]` when none of them holds it.
 */
export const PLACED = `${DETAIL}, c.blob AS blobId,
  (SELECT json_group_array(json_array(snapshot, path, oid, lang)) FROM (
    SELECT sd.snapshot, d.path || e.name AS path, e.oid, e.lang FROM entries e ${LISTED}
      CROSS JOIN dirs d ON d.id = e.dir
    WHERE e.blob = c.blob LIMIT ${PLACES_A_CHUNK + 1})) AS places`;

export const SYMBOL_OF_CHUNK = 'LEFT JOIN symbols s ON s.id = c.blob * 65536 + c.symbol';

/** A row of `PLACED`. */
export type RawPlaced = RawDetail & { blobId: number; places: string };

export function toPlaced(row: RawPlaced): PlacedChunk {
  const { blobId } = row;
  const places = JSON.parse(row.places) as [number, string, string, string][];
  return {
    ...toDetail(row),
    blobId,
    places:
      places.length > PLACES_A_CHUNK
        ? null
        : places.map(([snapshotId, path, oid, lang]) => ({ blobId, snapshotId, path, oid, lang })),
  };
}

function placesStatement(
  shard: D1Database,
  scope: RepoScope,
  snapshotIds: readonly number[],
  blobIds: readonly number[],
): D1PreparedStatement {
  return shard
    .prepare(
      `WITH ${askedSnapshots('?2')}
       SELECT e.blob AS blobId, sd.snapshot AS snapshotId, d.path || e.name AS path, e.oid, e.lang
       FROM json_each(?3) j CROSS JOIN entries e ON e.blob = j.value ${LISTED}
         CROSS JOIN dirs d ON d.id = e.dir AND d.repo = ?1
       LIMIT ${MAX_PLACES}`,
    )
    .bind(scope.repo.key, JSON.stringify(snapshotIds), JSON.stringify(blobIds));
}

/** A blob of a thousand copies in hundreds of refs must not flood an answer. */
const MAX_PLACES = 20_000;

/** Lines of a blob, 1-based, inclusive. */
export interface BlobLines {
  blobId: number;
  startLine: number;
  endLine: number;
}

/** The first chunk that holds any of the lines, by index into the ranges; none where no chunk does. */
export async function chunksAtLines(
  shard: D1Database,
  scope: RepoScope,
  snapshotIds: readonly number[],
  ranges: readonly BlobLines[],
): Promise<Map<number, PlacedChunk>> {
  const blobIds = [...new Set(ranges.map(({ blobId }) => blobId))];
  const [chunks, places] = await shard.batch([
    shard
      .prepare(
        `WITH ${RANGES} SELECT r.at, ${DETAIL}
         FROM ranges r CROSS JOIN blobs b ON b.id = r.blob AND b.repo = ?1 CROSS JOIN chunks c ON c.id = (
           SELECT o.id FROM chunks o WHERE o.id BETWEEN b.id * 4096 AND b.id * 4096 + 4095
             AND o.start_line <= r.last AND o.end_line >= r.first ORDER BY o.id LIMIT 1)
           ${SYMBOL_OF_CHUNK}`,
      )
      .bind(scope.repo.key, linesAsJson(ranges)),
    placesStatement(shard, scope, snapshotIds, blobIds),
  ]);
  const byBlob = Map.groupBy(places!.results as Place[], (place) => place.blobId);
  return new Map(
    (chunks!.results as (RawDetail & { at: number })[]).map((row) => {
      const { blobId } = ranges[row.at]!;
      return [row.at, { ...toDetail(row), blobId, places: byBlob.get(blobId) ?? [] }];
    }),
  );
}

/**
 * SQL: the table `ranges` of the lines that ?2 lists, read out of the JSON once: what compares them with every row of
 * a blob would read it again for each.
 */
export const RANGES = `ranges AS MATERIALIZED (
  SELECT key AS at, value->>0 AS blob, value->>1 AS first, value->>2 AS last FROM json_each(?2))`;

export function linesAsJson(ranges: readonly BlobLines[]): string {
  return JSON.stringify(ranges.map(({ blobId, startLine, endLine }) => [blobId, startLine, endLine]));
}

/** The innermost symbol around each of the ranges, by index into them; none where no symbol encloses the lines. */
export async function enclosingSymbols(
  shard: D1Database,
  scope: RepoScope,
  ranges: readonly BlobLines[],
): Promise<Map<number, SymbolRef>> {
  const { results } = await shard
    .prepare(
      `WITH ${RANGES} SELECT r.at, ${SYMBOL_COLUMNS}
       FROM ranges r CROSS JOIN symbols s ON s.repo = ?1 AND s.id = (
         SELECT o.id FROM symbols o WHERE o.id BETWEEN r.blob * 65536 AND r.blob * 65536 + 65535
           AND o.start_line <= r.first AND o.end_line >= r.last
         ORDER BY o.end_line - o.start_line, o.id DESC LIMIT 1)`,
    )
    .bind(scope.repo.key, linesAsJson(ranges))
    .all<Raw<SymbolRef & { at: number }>>();
  return new Map(results.map(({ at, ...symbol }) => [at, withFlag(symbol)]));
}

/** A file of a snapshot that has text. */
export interface IndexedPath {
  path: string;
  blobId: number;
}

/**
 * Files of the snapshots whose path contains `piece` (letter case ignored; '' = all), of these languages if any are
 * named, in path order: what path filters choose from.
 */
export async function indexedPaths(
  shard: D1Database,
  scope: RepoScope,
  snapshotIds: readonly number[],
  piece: string,
  limit: number,
  langs?: readonly string[],
): Promise<IndexedPath[]> {
  const { results } = await shard
    .prepare(
      `SELECT DISTINCT d.path || e.name AS path, e.blob AS blobId
       FROM json_each(?2) q CROSS JOIN snapshot_dirs sd ON sd.snapshot = q.value
         CROSS JOIN dirs d ON d.id = sd.dir AND d.repo = ?1 CROSS JOIN entries e ON e.dir = d.id
       WHERE e.blob IS NOT NULL AND (?3 = '' OR instr(lower(d.path || e.name), ?3) > 0)
         AND (?5 IS NULL OR e.lang IN (SELECT value FROM json_each(?5)))
       ORDER BY path LIMIT ?4`,
    )
    .bind(scope.repo.key, JSON.stringify(snapshotIds), piece, limit, langs ? JSON.stringify(langs) : null)
    .all<IndexedPath>();
  return results;
}

/** What a symbol says about itself beyond its name, and where it belongs. */
export interface SymbolCard extends SymbolRef {
  signature: string;
  documentation: string | null;
  blobId: number;
}

/** A symbol, and another one by how they are related. */
export interface Relative extends SymbolRef {
  /** The symbol it is related to. */
  of: number;
  relationship: 'contains' | 'contained_by' | 'sibling';
}

/** Signatures and documentation of some symbols. */
export async function symbolCards(
  shard: D1Database,
  scope: RepoScope,
  ids: readonly number[],
): Promise<SymbolCard[]> {
  const { results } = await shard
    .prepare(
      `SELECT ${SYMBOL_COLUMNS}, s.signature, s.documentation, s.blob AS blobId
       FROM json_each(?2) j CROSS JOIN symbols s ON s.id = j.value AND s.repo = ?1`,
    )
    .bind(scope.repo.key, JSON.stringify(ids))
    .all<Raw<SymbolCard>>();
  return results.map(withFlag);
}

/** Parents, children and siblings of some symbols, at most `limit` in all. */
export async function relativesOf(
  shard: D1Database,
  scope: RepoScope,
  ids: readonly number[],
  limit: number,
): Promise<Relative[]> {
  const { results } = await shard
    .prepare(
      `SELECT ${SYMBOL_COLUMNS}, o.id AS of,
              CASE WHEN s.ord = o.parent THEN 'contained_by' WHEN s.parent = o.ord THEN 'contains' ELSE 'sibling' END
                AS relationship
       FROM json_each(?2) j CROSS JOIN symbols o ON o.id = j.value AND o.repo = ?1
         CROSS JOIN symbols s ON s.id BETWEEN o.blob * 65536 AND o.blob * 65536 + 65535
       WHERE s.id <> o.id AND (s.ord = o.parent OR s.parent = o.ord OR s.parent = o.parent)
       ORDER BY j.key, relationship, s.id LIMIT ?3`,
    )
    .bind(scope.repo.key, JSON.stringify(ids), limit)
    .all<Raw<Relative>>();
  return results.map(withFlag);
}

const SYMBOL_COLUMNS = `s.id, s.name, s.qualified_name AS qualifiedName, s.kind, s.start_line AS startLine,
  s.end_line AS endLine, s.exported`;

type Raw<T> = Omit<T, 'exported'> & { exported: number };

function withFlag<T extends { exported: boolean }>(row: Raw<T>): T {
  return { ...row, exported: row.exported === 1 } as T;
}

/** Of a kind of symbol, of files or of chunks: how many there are, with vectors of the model, and of another alone. */
export interface EntityCount {
  kind: string;
  total: number;
  embedded: number;
  stale: number;
}

/** What the snapshots of a shard hold, and how much of it lies in blobs that have vectors. */
export async function countEntities(
  shard: D1Database,
  snapshotIds: readonly number[],
  model: string | null,
): Promise<EntityCount[]> {
  const counts =
    'count(*) AS total, coalesce(sum(h.embedded), 0) AS embedded, coalesce(sum(h.stale), 0) AS stale';
  const { results } = await shard
    .prepare(
      `WITH blob AS (SELECT DISTINCT e.blob AS id FROM json_each(?1) q CROSS JOIN snapshot_dirs sd ON sd.snapshot = q.value
         CROSS JOIN entries e ON e.dir = sd.dir AND e.blob IS NOT NULL),
       held AS (SELECT id AS blob, has AS embedded, NOT has AND other AS stale FROM (
         SELECT b.id, EXISTS (SELECT 1 FROM vector_sets v WHERE v.blob = b.id AND v.model = ?2) AS has,
           EXISTS (SELECT 1 FROM vector_sets v WHERE v.blob = b.id AND v.model IS NOT ?2) AS other
         FROM blob b CROSS JOIN blobs f ON f.id = b.id AND f.skipped IS NULL))
       SELECT s.kind, ${counts} FROM held h CROSS JOIN symbols s ON s.id BETWEEN h.blob * 65536 AND h.blob * 65536 + 65535
       GROUP BY s.kind
       UNION ALL SELECT 'file', ${counts} FROM held h
       UNION ALL SELECT 'chunk', ${counts} FROM held h CROSS JOIN chunks c ON c.blob = h.blob`,
    )
    .bind(JSON.stringify(snapshotIds), model)
    .all<EntityCount>();
  return results;
}
