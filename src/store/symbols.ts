/**
 * Symbols by parts of their names, for search (src/store/navigation.ts looks them up by whole names). Every query is
 * bounded and filtered to the snapshots that answer.
 */
import { type Asked, fullTextTable } from './full-text.ts';
import { type PlacedChunk, placedColumns, type RawPlaced, SYMBOL_OF_CHUNK, toPlaced } from './hits.ts';
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
      kind: 'tri',
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
      `SELECT o.id, o.name, o.qualified_name AS qualifiedName, o.kind, o.start_line AS startLine,
              o.end_line AS endLine, o.exported, m.lang, ${placedColumns('?3')}
       FROM (
         SELECT s.id, c.id AS chunk, b.lang, ROW_NUMBER() OVER (PARTITION BY m.asked
             ORDER BY s.kind IN ('variable', 'field', 'constant'), s.exported DESC, length(s.name), s.id) AS place
         FROM (${namedIds(query)}) m
           CROSS JOIN symbols s ON s.id = m.id CROSS JOIN blobs b ON b.id = s.blob
           CROSS JOIN chunks c ON c.blob = s.blob AND s.start_line BETWEEN c.start_line AND c.end_line
         WHERE ${reached('?3')}
           AND (?4 IS NULL OR s.blob IN (SELECT value FROM json_each(?4)))
         GROUP BY s.id
         ORDER BY place, s.id LIMIT ?5) m
         CROSS JOIN symbols o ON o.id = m.id CROSS JOIN chunks c ON c.id = m.chunk ${SYMBOL_OF_CHUNK}
       ORDER BY m.place, m.id`,
    )
    .bind(
      query.scope.repo.key,
      JSON.stringify(distinctNames(query.names).map(asNeedle)),
      JSON.stringify(query.snapshotIds),
      query.blobIds ? JSON.stringify(query.blobIds) : null,
      query.limit,
    );
}

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

/** Pieces this long are rare enough that the files which may hold them are fewer than the repo's names. */
const TELLING = 5;

/**
 * Ids of symbols by name, bounded. Whole names and beginnings are a seek and a range of the index on (repo, name). Pieces
 * are sought in the files that the trigram index hands over, short ones among all names of the repo.
 */
function namedIds({ scope, names, match }: SymbolQuery): string {
  const needles = 'json_each(?2) j';
  if (match !== 'substring') {
    const condition =
      match === 'exact'
        ? 's.name = j.value->>0 COLLATE NOCASE'
        : `s.name >= j.value->>0 COLLATE NOCASE AND s.name < (j.value->>0) || char(1114111) COLLATE NOCASE
           AND length(s.name) > length(j.value->>0)`;
    return `SELECT s.id, j.key AS asked FROM ${needles} CROSS JOIN symbols s
      WHERE s.repo = ?1 AND ${condition} LIMIT ${MAX_NAMES}`;
  }
  const holds = `s.name LIKE j.value->>1 ESCAPE '\\' AND instr(lower(s.name), j.value->>0) > 1`;
  if (names.some((name) => name.length < TELLING)) {
    return `SELECT s.id, j.key AS asked FROM ${needles} CROSS JOIN symbols s
      WHERE s.repo = ?1 AND ${holds} LIMIT ${MAX_NAMES}`;
  }
  const table = fullTextTable('tri', scope);
  // The plus keeps SQLite from the index on (repo, name), which it would scan once a file.
  return `SELECT s.id, j.key AS asked FROM ${needles} CROSS JOIN ${table} f ON f.${table} MATCH j.value->>2
      CROSS JOIN symbols s ON s.id BETWEEN f.rowid * 65536 AND f.rowid * 65536 + 65535
    WHERE +s.repo = ?1 AND ${holds} ORDER BY j.key, s.name COLLATE NOCASE, s.id LIMIT ${MAX_NAMES}`;
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
