/**
 * Full text, in tables of their own per repo, so that the term statistics of one repo never show in another and a
 * deletion is a DROP. All are contentless: text comes from `blobs.text`.
 *
 *   text_<key>  a row a chunk (rowid = chunks.id): `text` as written, `parts` of identifiers, `symbols` of the chunk
 *   tri_<key>   a row a blob (rowid = blobs.id): the distinct trigrams of the text as words (trigrams.ts), without
 *               positions: a prefilter for literals and regular expressions
 *   path_<key>  a row a file (rowid = entries.id): the words of its path
 *
 * A table holds what several snapshots need, so a match must also be reached by the snapshot that answers. That is
 * tested row by row in rank order, and a LIMIT ends the search early.
 */
import { invalid, Problem } from '../errors.ts';
import { MAX_JSON_BYTES } from './index-json.ts';
import type { RepoScope } from './scope.ts';
import { trigramExpression } from './trigrams.ts';

type Kind = 'text' | 'tri' | 'path';

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
    create('tri', `trigrams, ${trigrams}`),
    create('path', `path, ${words}`),
    mergeLess(shard, 'text', scope),
    mergeLess(shard, 'tri', scope),
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

export function dropFullText(shard: D1Database, scope: RepoScope): D1PreparedStatement[] {
  const kinds: Kind[] = ['text', 'tri', 'path'];
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

/** Rows `[blobId, trigramWords]`; a row whose blob is not there is left out. */
export function insertTrigrams(shard: D1Database, scope: RepoScope, rows: string): D1PreparedStatement {
  return shard
    .prepare(
      `INSERT INTO ${fullTextTable('tri', scope)} (rowid, trigrams)
       SELECT value->>0, value->>1 FROM json_each(?1) WHERE EXISTS (SELECT 1 FROM blobs WHERE id = value->>0)`,
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
  chunkId: number;
  blobId: number;
  startLine: number;
  endLine: number;
  /** The symbol whose code the chunk is, or that encloses it. */
  symbolName: string | null;
  symbolKind: string | null;
  lang: string;
  /** BM25, positive, higher is better; comparable within one repo only. */
  score: number;
}

/**
 * Chunks in rank order, one list a query, for several repos of one shard in one round trip; a repo that was never indexed
 * has no matches.
 * @throws Problem `validation` when FTS5 cannot read an expression
 */
export async function matchText(
  shard: D1Database,
  queries: readonly (TextQuery & { scope: RepoScope })[],
): Promise<TextMatch[][]> {
  const ask = (asked: typeof queries, statementOf: typeof headStatement) =>
    runAll<TextMatch & { counts: number }>(
      shard,
      asked.map((query) => ({
        scope: query.scope,
        kind: 'text',
        statement: () => statementOf(shard, query),
      })),
    );
  const heads = await ask(queries, headStatement);
  const lists = heads.map((rows) => rows.filter((row) => row.counts === 1));
  const short = queries.flatMap((query, at) =>
    heads[at]!.length === headOf(query) && lists[at]!.length < endOf(query) ? [at] : [],
  );
  const rest = await ask(
    short.map((at) => queries[at]!),
    orderedStatement,
  );
  for (const [index, at] of short.entries()) lists[at] = rest[index]!;
  return lists.map((rows, at) =>
    rows.slice(queries[at]!.offset ?? 0, endOf(queries[at]!)).map(({ counts: _, ...match }) => match),
  );
}

const endOf = ({ limit, offset = 0 }: TextQuery) => offset + limit;

/** How far the order is read at first. What other snapshots and filters take out of it may leave too little. */
const headOf = (query: TextQuery) => {
  const narrowed = query.langs !== undefined || query.blobIds !== undefined;
  return narrowed ? 4 * endOf(query) : endOf(query) + 40;
};

const MATCH_COLUMNS = `c.id AS chunkId, c.blob AS blobId, c.start_line AS startLine, c.end_line AS endLine,
  s.name AS symbolName, s.kind AS symbolKind, b.lang`;

/**
 * The first rows of the order and whether each counts. The function `bm25()` with a LIMIT keeps the best in a heap;
 * `rank`, which FTS5 sorts itself, would write out every match with its positions: half as long again.
 */
function headStatement(shard: D1Database, query: TextQuery & { scope: RepoScope }): D1PreparedStatement {
  const table = fullTextTable('text', query.scope);
  return shard
    .prepare(
      `SELECT ${MATCH_COLUMNS}, -f.score AS score,
              (${reached('c.blob')} ${narrowed('b.lang', 'c.blob', query)}) AS counts
       FROM (SELECT rowid AS id, bm25(${table}, ${weightsOf(query)}) AS score FROM ${table} WHERE ${table} MATCH ?1
             ORDER BY score, id LIMIT ?2) f
         CROSS JOIN chunks c ON c.id = f.id CROSS JOIN blobs b ON b.id = c.blob
         LEFT JOIN symbols s ON s.id = c.blob * 65536 + c.symbol
       ORDER BY f.score, f.id`,
    )
    .bind(checked(query.match), headOf(query), ...filterValues(query));
}

/** The rows that count, however deep. CROSS JOIN keeps FTS5 outermost: its rows come in order, so LIMIT ends the tests early. */
function orderedStatement(shard: D1Database, query: TextQuery & { scope: RepoScope }): D1PreparedStatement {
  const table = fullTextTable('text', query.scope);
  return shard
    .prepare(
      `SELECT ${MATCH_COLUMNS}, -f.rank AS score, 1 AS counts
       FROM ${table} f CROSS JOIN chunks c ON c.id = f.rowid CROSS JOIN blobs b ON b.id = c.blob
         LEFT JOIN symbols s ON s.id = c.blob * 65536 + c.symbol
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
export async function heldWords(shard: D1Database, queries: readonly WordsQuery[]): Promise<number[][]> {
  const found = await runAll<{ at: number }>(
    shard,
    queries.map(({ scope, words }) => ({
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
  );
  return found.map((rows) => rows.map((row) => row.at));
}

export interface TrigramQuery extends SnapshotFilter {
  /** Literal pieces of at least three characters, all of which must occur; letter case is ignored. */
  terms: readonly string[];
  limit: number;
}

/**
 * Blobs that hold every trigram of every term, in id order, one list a query: a superset of those that hold the terms, to
 * be verified against the text. Terms shorter than three characters narrow nothing.
 */
export async function matchTrigrams(
  shard: D1Database,
  queries: readonly (TrigramQuery & { scope: RepoScope })[],
): Promise<number[][]> {
  const found = await runAll<{ blobId: number }>(
    shard,
    queries.map((query) => ({
      scope: query.scope,
      kind: 'tri',
      statement: () => trigramStatement(shard, query),
    })),
  );
  return found.map((rows) => rows.map((row) => row.blobId));
}

function trigramStatement(
  shard: D1Database,
  query: TrigramQuery & { scope: RepoScope },
): D1PreparedStatement {
  const match = trigramExpression(query.terms);
  const table = fullTextTable('tri', query.scope);
  // Literals too short to narrow leave every blob of the repo a candidate.
  const candidates =
    match === ''
      ? `SELECT b.id AS blobId FROM blobs b WHERE b.repo = ?2 AND ?1 = '' AND b.text IS NOT NULL`
      : `SELECT f.rowid AS blobId FROM ${table} f CROSS JOIN blobs b ON b.id = f.rowid AND b.repo = ?2
         WHERE f.${table} MATCH ?1`;
  return shard
    .prepare(
      `${candidates} AND ${reached('b.id')} ${narrowed('b.lang', 'b.id', query)} ORDER BY blobId LIMIT ?6`,
    )
    .bind(match, query.scope.repo.key, ...filterValues(query), query.limit);
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
}

/** Files by the words of their path, in rank order, one list a query. @throws Problem `validation` on an unreadable expression */
export async function matchPaths(
  shard: D1Database,
  queries: readonly (PathQuery & { scope: RepoScope })[],
): Promise<PathMatch[][]> {
  return runAll<PathMatch>(
    shard,
    queries.map((query) => ({
      scope: query.scope,
      kind: 'path',
      statement: () => pathStatement(shard, query),
    })),
  );
}

function pathStatement(shard: D1Database, query: PathQuery & { scope: RepoScope }): D1PreparedStatement {
  const table = fullTextTable('path', query.scope);
  return shard
    .prepare(
      `SELECT f.rowid AS entryId, d.path || e.name AS path, e.oid, e.lang, e.blob AS blobId, -f.rank AS score
       FROM ${table} f CROSS JOIN entries e ON e.id = f.rowid CROSS JOIN dirs d ON d.id = e.dir
       WHERE f.${table} MATCH ?1 AND EXISTS (
         SELECT 1 FROM json_each(?2) q CROSS JOIN snapshot_dirs sd ON sd.snapshot = q.value AND sd.dir = e.dir)
       ORDER BY f.rank LIMIT ?3`,
    )
    .bind(checked(query.match), JSON.stringify(query.snapshotIds), query.limit);
}

/** True when a blob stands at some path of one of the snapshots bound as ?3. */
const reached = (blob: string) =>
  `EXISTS (SELECT 1 FROM entries e CROSS JOIN json_each(?3) q
    CROSS JOIN snapshot_dirs sd ON sd.snapshot = q.value AND sd.dir = e.dir WHERE e.blob = ${blob})`;

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

interface Lookup {
  scope: RepoScope;
  kind: Kind;
  statement: () => D1PreparedStatement;
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
  return error instanceof Error && /no such table: (?:text|tri|path)_\d+/.test(error.message);
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
