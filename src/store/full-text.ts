/**
 * Full text, in tables of their own per repo, so that the term statistics of one repo never show in another and a
 * deletion is a DROP. All are contentless: text comes from `text_blocks`.
 *
 *   text_<key>  a row a chunk (rowid = chunks.id): `text` as written, `parts` of identifiers, `symbols` of the chunk
 *   grep_<key>  a row a block of text (rowid = text_blocks.id): its distinct trigrams as words (trigrams.ts), without
 *               positions: a prefilter for literals and regular expressions
 *   path_<key>  a row a file (rowid = entries.id): the words of its path
 *
 * A table holds what several snapshots need, so a match must also be reached by the snapshot that answers. That is
 * tested row by row in rank order, and a LIMIT ends the search early.
 */
import { invalid, Problem } from '../errors.ts';
import { blocksOf } from './blobs.ts';
import {
  askedSnapshots,
  PLACED,
  type PlacedChunk,
  type RawPlaced,
  reached,
  SYMBOL_OF_CHUNK,
  toPlaced,
} from './hits.ts';
import { MAX_JSON_BYTES } from './index-json.ts';
import type { RepoScope } from './scope.ts';
import { trigramExpression } from './trigrams.ts';

type Kind = 'text' | 'grep' | 'path';

/** The name of a repo's table; safe to splice into SQL, being made of a word and an integer. */
export function fullTextTable(kind: Kind, scope: RepoScope): string {
  const { key } = scope.repo;
  if (!Number.isSafeInteger(key)) throw new Error('repo key is no integer');
  return `${kind}_${key}`;
}

export function createFullText(shard: D1Database, scope: RepoScope): D1PreparedStatement[] {
  const words = `content='', contentless_delete=1, tokenize='porter unicode61 remove_diacritics 2'`;
  const trigrams = `content='', contentless_delete=1, tokenize='ascii', detail=none`;
  const create = (kind: Kind, columns: string) =>
    shard.prepare(`CREATE VIRTUAL TABLE IF NOT EXISTS ${fullTextTable(kind, scope)} USING fts5(${columns})`);
  return [
    create('text', `text, parts, symbols, ${words}`),
    create('grep', `trigrams, ${trigrams}`),
    create('path', `path, ${words}`),
    mergeLess(shard, 'text', scope),
    mergeLess(shard, 'grep', scope),
  ];
}

/**
 * Segments of a level are merged when there are 16 of them and not already at 4. Measured on a full index: a fifth less
 * CPU for the writes, the same time for queries.
 */
function mergeLess(shard: D1Database, kind: Kind, scope: RepoScope): D1PreparedStatement {
  const table = fullTextTable(kind, scope);
  return shard.prepare(
    `INSERT INTO ${table} (${table}, rank) SELECT 'automerge', 16
     WHERE NOT EXISTS (SELECT 1 FROM ${table}_config WHERE k = 'automerge')`,
  );
}

/** Pages that one run may write to merge a table: a small repo's become one segment, a large one's some runs later. */
const MERGED_PAGES = 500;

/**
 * Merges what the writes of a run left in segments of their own, each of which repeats the terms of the others: of a small
 * repo a fifth of the index.
 */
export async function mergeFullText(shard: D1Database, scope: RepoScope): Promise<void> {
  const kinds: Kind[] = ['text', 'grep'];
  await shard.batch(
    kinds.map((kind) => {
      const table = fullTextTable(kind, scope);
      return shard.prepare(`INSERT INTO ${table} (${table}, rank) VALUES ('merge', ${MERGED_PAGES})`);
    }),
  );
}

export function dropFullText(shard: D1Database, scope: RepoScope): D1PreparedStatement[] {
  const kinds: Kind[] = ['text', 'grep', 'path'];
  return kinds.map((kind) => shard.prepare(`DROP TABLE IF EXISTS ${fullTextTable(kind, scope)}`));
}

/** Rows `[chunkId, blobId, text, parts, symbols]`; a row whose blob is not there is left out. */
export function insertText(shard: D1Database, scope: RepoScope, rows: string): D1PreparedStatement {
  return shard
    .prepare(
      `INSERT INTO ${fullTextTable('text', scope)} (rowid, text, parts, symbols)
       SELECT value->>0, value->>2, value->>3, value->>4 FROM json_each(?1)
       WHERE EXISTS (SELECT 1 FROM blobs WHERE id = value->>1)`,
    )
    .bind(rows);
}

/** Rows `[blockId, blobId, trigramWords]`; a row whose blob is not there is left out. */
export function insertTrigrams(shard: D1Database, scope: RepoScope, rows: string): D1PreparedStatement {
  return shard
    .prepare(
      `INSERT INTO ${fullTextTable('grep', scope)} (rowid, trigrams)
       SELECT value->>0, value->>2 FROM json_each(?1) WHERE EXISTS (SELECT 1 FROM blobs WHERE id = value->>1)`,
    )
    .bind(rows);
}

/** Rows `[entryId, words]`; a row whose entry is not there is left out. */
export function insertPaths(shard: D1Database, scope: RepoScope, rows: string): D1PreparedStatement {
  return shard
    .prepare(
      `INSERT INTO ${fullTextTable('path', scope)} (rowid, path)
       SELECT value->>0, value->>1 FROM json_each(?1) WHERE EXISTS (SELECT 1 FROM entries WHERE id = value->>0)`,
    )
    .bind(rows);
}

/** What narrows a match besides its terms. */
export interface SnapshotFilter {
  /** Snapshots that answer; a row reached by any of them counts. */
  snapshotIds: readonly number[];
  /** Only blobs of these languages (ids of the language table). */
  langs?: readonly string[];
  /** Only these blobs, e.g. those under the paths asked for. */
  blobIds?: readonly number[];
}

export interface TextQuery extends SnapshotFilter {
  /** An FTS5 expression over the columns `text`, `parts` and `symbols`. */
  match: string;
  limit: number;
  offset?: number;
  /** BM25 weights of `text`, `parts`, `symbols`. */
  weights?: readonly [number, number, number];
}

export interface TextMatch {
  chunk: PlacedChunk;
  lang: string;
  /** BM25, positive, higher is better; comparable within one repo only. */
  score: number;
}

type TextRow = RawPlaced & { lang: string; score: number; counts: number };

/** How each order begins: what `matchText` completes. */
export type TextHeads = readonly TextRow[][];

export function textHeads(
  shard: D1Database,
  queries: readonly (TextQuery & { scope: RepoScope })[],
): Asked<TextHeads> {
  return {
    lookups: queries.map((query) => ({
      scope: query.scope,
      kind: 'text',
      statement: () => headStatement(shard, query),
    })),
    read: (rows) => rows as TextRow[][],
  };
}

/**
 * Chunks in rank order, one list a query, for several repos of one shard; a repo that was never indexed has no matches.
 * One round trip, which the caller made for the heads, unless filters left too little of a head.
 * @throws Problem `validation` when FTS5 cannot read an expression
 */
export async function matchText(
  shard: D1Database,
  queries: readonly (TextQuery & { scope: RepoScope })[],
  heads: TextHeads,
): Promise<TextMatch[][]> {
  const lists = heads.map((rows) => rows.filter((row) => row.counts === 1));
  const short = queries.flatMap((query, at) =>
    heads[at]!.length === headOf(query) && lists[at]!.length < endOf(query) ? [at] : [],
  );
  const rest = await runAll<TextRow>(
    shard,
    short.map((at) => ({
      scope: queries[at]!.scope,
      kind: 'text',
      statement: () => orderedStatement(shard, queries[at]!),
    })),
  );
  for (const [index, at] of short.entries()) lists[at] = rest[index]!;
  return lists.map((rows, at) =>
    rows
      .slice(queries[at]!.offset ?? 0, endOf(queries[at]!))
      .map((row) => ({ chunk: toPlaced(row), lang: row.lang, score: row.score })),
  );
}

const endOf = ({ limit, offset = 0 }: TextQuery) => offset + limit;

/** How far the order is read at first. What other snapshots and filters take out of it may leave too little. */
const headOf = (query: TextQuery) => {
  const narrowed = query.langs !== undefined || query.blobIds !== undefined;
  return narrowed ? 4 * endOf(query) : endOf(query) + 40;
};

/**
 * The first rows of the order and whether each counts. The function `bm25()` with a LIMIT keeps the best in a heap;
 * `rank`, which FTS5 sorts itself, would write out every match with its positions: half as long again.
 */
function headStatement(shard: D1Database, query: TextQuery & { scope: RepoScope }): D1PreparedStatement {
  const table = fullTextTable('text', query.scope);
  return shard
    .prepare(
      `WITH ${askedSnapshots('?3')} SELECT *, places <> '[]' AND kept AS counts FROM (
       SELECT ${PLACED}, b.lang, -f.score AS score, 1 ${narrowed('b.lang', 'c.blob', query)} AS kept
       FROM (SELECT rowid AS id, bm25(${table}, ${weightsOf(query)}) AS score FROM ${table} WHERE ${table} MATCH ?1
             ORDER BY score, id LIMIT ?2) f
         CROSS JOIN chunks c ON c.id = f.id CROSS JOIN blobs b ON b.id = c.blob
         ${SYMBOL_OF_CHUNK}
       ORDER BY f.score, f.id)`,
    )
    .bind(checked(query.match), headOf(query), ...filterValues(query));
}

/** The rows that count, however deep. CROSS JOIN keeps FTS5 outermost: its rows come in order, so LIMIT ends the tests early. */
function orderedStatement(shard: D1Database, query: TextQuery & { scope: RepoScope }): D1PreparedStatement {
  const table = fullTextTable('text', query.scope);
  return shard
    .prepare(
      `WITH ${askedSnapshots('?3')} SELECT ${PLACED}, b.lang, -f.rank AS score, 1 AS counts
       FROM ${table} f CROSS JOIN chunks c ON c.id = f.rowid CROSS JOIN blobs b ON b.id = c.blob
         ${SYMBOL_OF_CHUNK}
       WHERE f.${table} MATCH ?1 AND f.rank MATCH ?6 AND ${reached('c.blob')} ${narrowed('b.lang', 'c.blob', query)}
       ORDER BY f.rank LIMIT ?2`,
    )
    .bind(checked(query.match), endOf(query), ...filterValues(query), `bm25(${weightsOf(query)})`);
}

const weightsOf = ({ weights = [1, 1, 1] }: TextQuery) => weights.map(Number).join(', ');

/** FTS5 expressions, to be asked one by one. */
export interface WordsQuery {
  scope: RepoScope;
  words: readonly string[];
}

/**
 * Which of the expressions match any chunk of a repo, in whatever snapshot: indexes into `words`, one list a query. Each
 * is a look at the first posting.
 */
export function heldWords(shard: D1Database, queries: readonly WordsQuery[]): Asked<number[][]> {
  return {
    lookups: queries.map(({ scope, words }) => ({
      scope,
      kind: 'text',
      statement: () => {
        const table = fullTextTable('text', scope);
        return shard
          .prepare(
            `SELECT j.key AS at FROM json_each(?1) j WHERE EXISTS (SELECT 1 FROM ${table} WHERE ${table} MATCH j.value)`,
          )
          .bind(JSON.stringify(words.map(checked)));
      },
    })),
    read: (lists) => (lists as { at: number }[][]).map((rows) => rows.map((row) => row.at)),
  };
}

export interface TrigramQuery extends SnapshotFilter {
  /** Literal pieces of at least three characters, all of which must occur; letter case is ignored. */
  terms: readonly string[];
  limit: number;
}

/**
 * Blocks of text that hold every trigram of every term, in id order, one list a query: a superset of those with a line
 * that holds the terms, to be verified against the text. Terms shorter than three characters narrow nothing.
 */
export async function matchBlocks(
  shard: D1Database,
  queries: readonly (TrigramQuery & { scope: RepoScope })[],
): Promise<number[][]> {
  return matchTrigrams(shard, queries, blocksStatement);
}

/** Blobs with a block for each of the terms, in id order, one list a query; in the same way a superset. */
export async function matchFiles(
  shard: D1Database,
  queries: readonly (TrigramQuery & { scope: RepoScope })[],
): Promise<number[][]> {
  return matchTrigrams(shard, queries, filesStatement);
}

async function matchTrigrams(
  shard: D1Database,
  queries: readonly (TrigramQuery & { scope: RepoScope })[],
  statement: (shard: D1Database, query: TrigramQuery & { scope: RepoScope }) => D1PreparedStatement,
): Promise<number[][]> {
  const found = await runAll<{ id: number }>(
    shard,
    queries.map((query) => ({
      scope: query.scope,
      kind: 'grep',
      statement: () => statement(shard, query),
    })),
  );
  return found.map((rows) => rows.map((row) => row.id));
}

function blocksStatement(shard: D1Database, query: TrigramQuery & { scope: RepoScope }): D1PreparedStatement {
  const match = trigramExpression(query.terms);
  const table = fullTextTable('grep', query.scope);
  // Literals too short to narrow leave every block of the repo a candidate.
  const candidates =
    match === ''
      ? `SELECT t.id FROM blobs b CROSS JOIN text_blocks t ON ${blocksOf('b.id')} WHERE b.repo = ?2 AND ?1 = ''`
      : `SELECT f.rowid AS id FROM ${table} f CROSS JOIN blobs b ON b.id = f.rowid >> 12 AND b.repo = ?2
         WHERE f.${table} MATCH ?1`;
  return shard
    .prepare(
      `WITH ${askedSnapshots('?3')} ${candidates} AND ${reached('b.id')} ${narrowed('b.lang', 'b.id', query)} ORDER BY 1 LIMIT ?6`,
    )
    .bind(match, query.scope.repo.key, ...filterValues(query), query.limit);
}

/** More terms narrow files no further. */
const MAX_TERMS = 12;

function filesStatement(shard: D1Database, query: TrigramQuery & { scope: RepoScope }): D1PreparedStatement {
  const matches = query.terms
    .map((term) => trigramExpression([term]))
    .filter((match) => match !== '')
    .slice(0, MAX_TERMS);
  const table = fullTextTable('grep', query.scope);
  const candidates =
    matches.length === 0
      ? `SELECT b.id FROM blobs b WHERE b.repo = ?2 AND ?1 = '[]' AND b.skipped IS NULL`
      : `SELECT b.id FROM (
           SELECT f.rowid >> 12 AS id FROM json_each(?1) j CROSS JOIN ${table} f ON f.${table} MATCH j.value
           GROUP BY 1 HAVING count(DISTINCT j.key) = ${matches.length}) f
         CROSS JOIN blobs b ON b.id = f.id AND b.repo = ?2 WHERE true`;
  return shard
    .prepare(
      `WITH ${askedSnapshots('?3')} ${candidates} AND ${reached('b.id')} ${narrowed('b.lang', 'b.id', query)} ORDER BY 1 LIMIT ?6`,
    )
    .bind(JSON.stringify(matches), query.scope.repo.key, ...filterValues(query), query.limit);
}

export interface PathQuery extends Pick<SnapshotFilter, 'snapshotIds'> {
  /** An FTS5 expression over the words of paths. */
  match: string;
  limit: number;
}

export interface PathMatch {
  entryId: number;
  path: string;
  oid: string;
  lang: string | null;
  blobId: number | null;
  score: number;
  /** The file's first chunk; null when it has none. */
  first: PlacedChunk | null;
}

interface PathRow extends Pick<PathMatch, 'entryId' | 'path' | 'oid' | 'score'>, Omit<RawPlaced, 'chunkId'> {
  entryLang: string | null;
  entryBlob: number | null;
  chunkId: number | null;
}

/** Files by the words of their path, in rank order, one list a query. @throws Problem `validation` on an unreadable expression */
export function matchPaths(
  shard: D1Database,
  queries: readonly (PathQuery & { scope: RepoScope })[],
): Asked<PathMatch[][]> {
  return {
    lookups: queries.map((query) => ({
      scope: query.scope,
      kind: 'path',
      statement: () => pathStatement(shard, query),
    })),
    read: (lists) =>
      (lists as PathRow[][]).map((rows) =>
        rows.map((row) => {
          const { entryId, path, oid, entryLang: lang, entryBlob: blobId, score } = row;
          return { entryId, path, oid, lang, blobId, score, first: hasChunk(row) ? toPlaced(row) : null };
        }),
      ),
  };
}

function hasChunk(row: PathRow): row is PathRow & RawPlaced {
  return row.chunkId !== null;
}

function pathStatement(shard: D1Database, query: PathQuery & { scope: RepoScope }): D1PreparedStatement {
  const table = fullTextTable('path', query.scope);
  return shard
    .prepare(
      `WITH ${askedSnapshots('?2')} SELECT f.rowid AS entryId, d.path || e.name AS path, e.oid, e.lang AS entryLang, e.blob AS entryBlob,
              -f.rank AS score, ${PLACED}
       FROM ${table} f CROSS JOIN entries e ON e.id = f.rowid CROSS JOIN dirs d ON d.id = e.dir
         LEFT JOIN chunks c ON c.id = e.blob * 4096 ${SYMBOL_OF_CHUNK}
       WHERE f.${table} MATCH ?1 AND EXISTS (
         SELECT 1 FROM asked q CROSS JOIN snapshot_dirs sd ON sd.snapshot = q.snapshot AND sd.dir = e.dir)
       ORDER BY f.rank LIMIT ?3`,
    )
    .bind(checked(query.match), JSON.stringify(query.snapshotIds), query.limit);
}

/** Filters that were not asked for cost nothing: their parameter is NULL. */
const narrowed = (lang: string, blob: string, filter: SnapshotFilter) =>
  `AND ${filter.langs ? `${lang} IN (SELECT value FROM json_each(?4))` : '?4 IS NULL'}
   AND ${filter.blobIds ? `${blob} IN (SELECT value FROM json_each(?5))` : '?5 IS NULL'}`;

function filterValues(filter: SnapshotFilter): (string | null)[] {
  const blobIds = filter.blobIds ? JSON.stringify(filter.blobIds) : null;
  if (blobIds !== null && blobIds.length > MAX_JSON_BYTES) throw new Error('too many blobs in one filter');
  return [JSON.stringify(filter.snapshotIds), filter.langs ? JSON.stringify(filter.langs) : null, blobIds];
}

/** Longer expressions are no questions; FTS5's own parser would take its time over them. */
const MAX_MATCH = 8_000;

function checked(match: string): string {
  if (match.trim() === '') throw invalid('query/query', 'the query holds nothing to search for');
  if (match.length > MAX_MATCH)
    throw invalid('query/query', `the query is longer than ${MAX_MATCH} characters`);
  return match;
}

/** One statement over a repo's table. */
export interface Lookup {
  scope: RepoScope;
  kind: Kind;
  statement: () => D1PreparedStatement;
}

/** Lookups, and what their rows say: what several of them ask of one shard travels together. */
export interface Asked<T> {
  lookups: readonly Lookup[];
  /** Rows of each lookup, in order. */
  read(rows: unknown[][]): T;
}

/** Everything in one round trip. @throws Problem `validation` when FTS5 cannot read an expression */
export async function askAll<T extends readonly unknown[]>(
  shard: D1Database,
  asked: { [K in keyof T]: Asked<T[K]> },
): Promise<T> {
  const rows = await runAll<unknown>(
    shard,
    asked.flatMap(({ lookups }) => lookups),
  );
  let next = 0;
  const answers = asked.map(({ lookups, read }) => {
    const own = rows.slice(next, next + lookups.length);
    next += lookups.length;
    return read(own);
  });
  return answers as unknown as T;
}

/** Runs the lookups in one batch, leaving out repos whose tables do not exist (never indexed, or just deleted). */
export async function runAll<Row>(shard: D1Database, lookups: readonly Lookup[]): Promise<Row[][]> {
  if (lookups.length === 0) return [];
  try {
    return (await shard.batch<Row>(lookups.map((lookup) => lookup.statement()))).map(
      (result) => result.results,
    );
  } catch (error) {
    if (!isMissingTable(error)) throw asProblem(error);
  }
  const there = await existing(shard, lookups);
  const kept = lookups.filter((lookup) => there.has(fullTextTable(lookup.kind, lookup.scope)));
  if (kept.length === lookups.length)
    throw new Problem('unavailable', 'The index is changing; ask again.', { retryAfter: 1 });
  const rows = await runAll<Row>(shard, kept);
  return lookups.map((lookup) => rows[kept.indexOf(lookup)] ?? []);
}

async function existing(shard: D1Database, lookups: readonly Lookup[]): Promise<Set<string>> {
  const names = lookups.map((lookup) => fullTextTable(lookup.kind, lookup.scope));
  const { results } = await shard
    .prepare(
      `SELECT name FROM sqlite_master WHERE type = 'table' AND name IN (SELECT value FROM json_each(?1))`,
    )
    .bind(JSON.stringify(names))
    .all<{ name: string }>();
  return new Set(results.map((row) => row.name));
}

function isMissingTable(error: unknown): boolean {
  return error instanceof Error && /no such table: (?:text|grep|path)_\d+/.test(error.message);
}

/** What FTS5 says about an expression it cannot read; the words are its own, so only the fact is passed on. */
function asProblem(error: unknown): unknown {
  const unreadable =
    error instanceof Error &&
    /fts5: |unterminated string|no such column|unknown special query|malformed MATCH|unable to use function MATCH/.test(
      error.message,
    );
  return unreadable
    ? new Problem('validation', 'query/query: the search expression cannot be read', {
        errors: [{ pointer: 'query/query', detail: 'the search expression cannot be read' }],
        cause: error,
      })
    : error;
}
