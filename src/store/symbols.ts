/**
 * Symbols by parts of their names, for search (src/store/navigation.ts looks them up by whole names). Every query is
 * bounded and filtered to the snapshots that answer.
 */
import { type Asked, fullTextTable } from './full-text.ts';
import {
  askedSnapshots,
  PLACED,
  type PlacedChunk,
  type RawPlaced,
  reached,
  SYMBOL_OF_CHUNK,
  toPlaced,
} from './hits.ts';
import type { RepoScope } from './scope.ts';
import { trigramExpression } from './trigrams.ts';

/** How a name relates to what was asked, best first. */
export const NAME_MATCHES = ['exact', 'prefix', 'substring'] as const;
export type NameMatch = (typeof NAME_MATCHES)[number];

export interface SymbolQuery {
  scope: RepoScope;
  snapshotIds: readonly number[];
  /** Names or pieces of names, as typed; letter case (ASCII) is ignored. */
  names: readonly string[];
  match: NameMatch;
  /** Only in these languages. */
  langs?: readonly string[] | undefined;
  /** Only these blobs. */
  blobIds?: readonly number[] | undefined;
  limit: number;
}

/** A symbol with the chunk its first line stands in. Lines are 1-based, inclusive. */
export interface SymbolHit {
  /** symbols.id */
  id: number;
  chunk: PlacedChunk;
  name: string;
  qualifiedName: string;
  kind: string;
  startLine: number;
  endLine: number;
  exported: boolean;
  lang: string;
}

type SymbolRow = Omit<SymbolHit, 'exported' | 'chunk'> & { exported: number } & RawPlaced;

/** Symbols of several repos of one shard, one list a query; a repo that was never indexed has none. */
export function matchSymbols(shard: D1Database, queries: readonly SymbolQuery[]): Asked<SymbolHit[][]> {
  return {
    lookups: queries.map((query) => ({
      scope: query.scope,
      kind: seeksPieces(query) ? 'grep' : 'text',
      statement: () => symbolStatement(shard, query),
    })),
    read: (lists) => (lists as SymbolRow[][]).map((rows) => rows.map(toHit)),
  };
}

function toHit(row: SymbolRow): SymbolHit {
  const { id, name, qualifiedName, kind, startLine, endLine, exported, lang } = row;
  return {
    id,
    name,
    qualifiedName,
    kind,
    startLine,
    endLine,
    exported: exported === 1,
    lang,
    chunk: toPlaced(row),
  };
}

function symbolStatement(shard: D1Database, query: SymbolQuery): D1PreparedStatement {
  // The inner selects work on ids and narrow columns; only the rows that are answered are read in full.
  return shard
    .prepare(
      `WITH ${askedSnapshots('?3')}, needles AS MATERIALIZED (
         SELECT key AS asked, value->>0 AS name, value->>1 AS pattern, value->>2 AS trigrams FROM json_each(?2))
       SELECT o.id, o.name, o.qualified_name AS qualifiedName, o.kind, o.start_line AS startLine,
              o.end_line AS endLine, o.exported, m.lang, ${PLACED}
       FROM (
         SELECT s.id, b.lang, ROW_NUMBER() OVER (PARTITION BY m.asked
             ORDER BY s.kind IN ('variable', 'field', 'constant'), s.exported DESC, length(s.name), s.id) AS place
         FROM (${namedIds(query)}) m CROSS JOIN symbols s ON s.id = m.id ${COUNTED}
         GROUP BY s.id
         ORDER BY place, s.id LIMIT ?5) m
         CROSS JOIN symbols o ON o.id = m.id CROSS JOIN chunks c ON c.id = (
           SELECT id FROM chunks WHERE id BETWEEN o.blob * 4096 AND o.blob * 4096 + 4095
             AND o.start_line BETWEEN start_line AND end_line ORDER BY id LIMIT 1)
         ${SYMBOL_OF_CHUNK}
       ORDER BY m.place, m.id`,
    )
    .bind(
      query.scope.repo.key,
      JSON.stringify(distinctNames(query.names).map(asNeedle)),
      JSON.stringify(query.snapshotIds),
      query.blobIds ? JSON.stringify(query.blobIds) : null,
      query.limit,
      query.langs ? JSON.stringify(query.langs) : null,
    );
}

/** SQL: of symbols `s`, those that a snapshot holds and the filters leave. */
const COUNTED = `CROSS JOIN blobs b ON b.id = s.blob AND ${reached('s.blob')}
  AND (?4 IS NULL OR s.blob IN (SELECT value FROM json_each(?4)))
  AND (?6 IS NULL OR b.lang IN (SELECT value FROM json_each(?6)))`;

/** Letter case (ASCII) is ignored by every match, so spellings that differ in it alone are one. */
function distinctNames(names: readonly string[]): string[] {
  return [...new Set(names.map((name) => name.replace(/[A-Z]+/g, (upper) => upper.toLowerCase())))];
}

/** `[name, LIKE pattern, trigram expression]` of a lower-cased name. D1 takes patterns of 50 bytes; a shorter one lets more through. */
function asNeedle(name: string): [string, string, string] {
  const head = [...name].slice(0, MAX_PATTERN).join('');
  return [name, `_%${head.replace(/[\\%_]/g, '\\$&')}%`, trigramExpression([name])];
}

/** Characters of a pattern, which may be escaped, or take four bytes. */
const MAX_PATTERN = 11;

/** Whether names are sought by their pieces in the files that hold these. */
const seeksPieces = ({ names, match }: SymbolQuery) =>
  match === 'substring' && names.every((name) => name.length >= TELLING);

/** Pieces this long are rare enough that the files which may hold them are fewer than the repo's names. */
const TELLING = 5;

/**
 * Ids of symbols by name, bounded. Whole names and beginnings are a seek and a range of the index on (repo, name). Pieces
 * are sought in the files that the index of trigrams hands over, short ones among all names of the repo.
 */
function namedIds(query: SymbolQuery): string {
  const { scope, match } = query;
  if (match !== 'substring') {
    const condition =
      match === 'exact'
        ? 's.name = n.name COLLATE NOCASE'
        : `s.name >= n.name COLLATE NOCASE AND s.name < n.name || char(1114111) COLLATE NOCASE
           AND length(s.name) > length(n.name)`;
    return `SELECT s.id, n.asked FROM needles n CROSS JOIN symbols s
      WHERE s.repo = ?1 AND ${condition} LIMIT ${MAX_NAMES}`;
  }
  // Names that begin so come first: where they are enough, none that only contains it is looked for.
  const holds = `s.name LIKE n.pattern ESCAPE '\\' AND instr(lower(s.name), n.name) > 1
    AND (SELECT count(*) FROM (SELECT 1 FROM needles n CROSS JOIN symbols s ON s.repo = ?1
      AND s.name >= n.name COLLATE NOCASE AND s.name < n.name || char(1114111) COLLATE NOCASE ${COUNTED}
      LIMIT ?5)) < ?5`;
  if (!seeksPieces(query)) {
    return `SELECT s.id, n.asked FROM needles n CROSS JOIN symbols s
      WHERE s.repo = ?1 AND ${holds} LIMIT ${MAX_NAMES}`;
  }
  const table = fullTextTable('grep', scope);
  // The plus keeps SQLite from the index on (repo, name), which it would scan once a file.
  return `SELECT s.id, n.asked FROM (
        SELECT DISTINCT n.asked, n.name, n.pattern, f.rowid >> 12 AS blob
        FROM needles n CROSS JOIN ${table} f ON f.${table} MATCH n.trigrams) n
      CROSS JOIN symbols s ON s.id BETWEEN n.blob * 65536 AND n.blob * 65536 + 65535
    WHERE +s.repo = ?1 AND ${holds} ORDER BY n.asked, s.name COLLATE NOCASE, s.id LIMIT ${MAX_NAMES}`;
}

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
      `WITH ${askedSnapshots('?4')} SELECT DISTINCT s.name AS name FROM symbols s
       WHERE s.repo = ?1 AND s.name >= ?2 COLLATE NOCASE AND s.name < ?2 || char(1114111) COLLATE NOCASE
         AND abs(length(s.name) - ?3) <= 3 AND ${reached('s.blob')} LIMIT ?5`,
    )
    .bind(scope.repo.key, first, name.length, JSON.stringify(snapshotIds), limit)
    .all<{ name: string }>();
  return results.map((row) => row.name);
}
