/**
 * Symbols by parts of their names, for search (src/store/navigation.ts looks them up by whole names). Every query is
 * bounded and filtered to the snapshots that answer.
 */
import type { RepoScope } from './scope.ts';

/** How a name relates to what was asked, best first. */
export const NAME_MATCHES = ['exact', 'prefix', 'substring'] as const;
export type NameMatch = (typeof NAME_MATCHES)[number];

export interface SymbolQuery {
  scope: RepoScope;
  snapshotIds: readonly number[];
  /** Names or pieces of names, as typed; letter case (ASCII) is ignored. */
  names: readonly string[];
  match: NameMatch;
  /** Only these blobs. */
  blobIds?: readonly number[] | undefined;
  limit: number;
}

/** A symbol with the chunk its first line stands in. Lines are 1-based, inclusive. */
export interface SymbolHit {
  /** symbols.id */
  id: number;
  blobId: number;
  chunkId: number;
  chunkStartLine: number;
  chunkEndLine: number;
  /** Index into the names asked for. */
  asked: number;
  name: string;
  qualifiedName: string;
  kind: string;
  signature: string;
  documentation: string | null;
  startLine: number;
  endLine: number;
  exported: boolean;
  lang: string;
}

/** Symbols of several repos of one shard, one list a query, in one round trip. */
export async function matchSymbolsAll(
  shard: D1Database,
  queries: readonly SymbolQuery[],
): Promise<SymbolHit[][]> {
  if (queries.length === 0) return [];
  const answers = await shard.batch<Omit<SymbolHit, 'exported'> & { exported: number }>(
    queries.map((query) => symbolStatement(shard, query)),
  );
  return answers.map(({ results }) => results.map((row) => ({ ...row, exported: row.exported === 1 })));
}

/** Each is answered from the index on (repo, name): a seek, a range, or a scan of the repo's names alone. */
const CONDITIONS: Record<NameMatch, string> = {
  exact: 's.name = j.value COLLATE NOCASE',
  prefix: `s.name >= j.value COLLATE NOCASE AND s.name < j.value || char(1114111) COLLATE NOCASE
    AND length(s.name) > length(j.value)`,
  substring: 'instr(lower(s.name), lower(j.value)) > 1',
};

function symbolStatement(shard: D1Database, query: SymbolQuery): D1PreparedStatement {
  // The inner select finds ids within the index alone and stops at its limit; only those rows are then read.
  return shard
    .prepare(
      `SELECT s.id, s.blob AS blobId, c.id AS chunkId, c.start_line AS chunkStartLine, c.end_line AS chunkEndLine,
              m.asked, s.name, s.qualified_name AS qualifiedName, s.kind, s.signature, s.documentation,
              s.start_line AS startLine, s.end_line AS endLine, s.exported, b.lang
       FROM (SELECT s.id, j.key AS asked FROM json_each(?2) j CROSS JOIN symbols s
             WHERE s.repo = ?1 AND ${CONDITIONS[query.match]} LIMIT ${MAX_NAMES}) m
         CROSS JOIN symbols s ON s.id = m.id CROSS JOIN blobs b ON b.id = s.blob
         CROSS JOIN chunks c ON c.blob = s.blob AND s.start_line BETWEEN c.start_line AND c.end_line
       WHERE ${reached('?3')}
         AND (?4 IS NULL OR s.blob IN (SELECT value FROM json_each(?4)))
       GROUP BY s.id
       ORDER BY ROW_NUMBER() OVER (PARTITION BY m.asked
         ORDER BY s.kind IN ('variable', 'field', 'constant'), s.exported DESC, length(s.name), s.id), s.id LIMIT ?5`,
    )
    .bind(
      query.scope.repo.key,
      JSON.stringify(query.names),
      JSON.stringify(query.snapshotIds),
      query.blobIds ? JSON.stringify(query.blobIds) : null,
      query.limit,
    );
}

/** True when the symbol's blob stands at some path of one of the snapshots that the parameter lists. */
const reached = (snapshots: string) =>
  `EXISTS (SELECT 1 FROM entries e CROSS JOIN json_each(${snapshots}) q
    CROSS JOIN snapshot_dirs sd ON sd.snapshot = q.value AND sd.dir = e.dir WHERE e.blob = s.blob)`;

/** Names looked at before the snapshot is; a piece that more symbols than this contain says little about any. */
const MAX_NAMES = 2_000;

/** Distinct symbol names of the snapshots that begin like `name` and are about as long: what "did you mean" chooses from. */
export async function similarNames(
  shard: D1Database,
  scope: RepoScope,
  snapshotIds: readonly number[],
  name: string,
  limit: number,
): Promise<string[]> {
  const first = name.slice(0, 1);
  const { results } = await shard
    .prepare(
      `SELECT DISTINCT s.name AS name FROM symbols s
       WHERE s.repo = ?1 AND s.name >= ?2 COLLATE NOCASE AND s.name < ?2 || char(1114111) COLLATE NOCASE
         AND abs(length(s.name) - ?3) <= 3 AND ${reached('?4')} LIMIT ?5`,
    )
    .bind(scope.repo.key, first, name.length, JSON.stringify(snapshotIds), limit)
    .all<{ name: string }>();
  return results.map((row) => row.name);
}
