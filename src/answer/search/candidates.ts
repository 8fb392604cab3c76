import { lastSegment } from '../../paths.ts';
import { matchPaths, matchText, type TextMatch } from '../../store/full-text.ts';
import { type ChunkRow, chunksOfBlobs } from '../../store/hits.ts';
import { chunksOf, Pool } from './candidate-pool.ts';
import { namesFile } from './code-place.ts';
import { filterOf, type Lookup, matchesLines } from './lookup.ts';
import type { Near } from './near-chunks.ts';
import { type PlacedCandidate, place } from './place.ts';
import { clauseWords, type SearchMode } from './query-plan.ts';
import { bySymbol } from './symbol-candidates.ts';
import { anyTerm, quote, termsOf } from './terms.ts';

/** BM25 weights of text, parts of identifiers, and names of symbols. */
const COLUMN_WEIGHTS = [1, 0.8, 3] as const;
/** A short list: its tail is noise. */
const MAX_PATHS = 40;

/**
 * The candidates of several lookups of one shard, one list a lookup, in few round trips: full text, symbols and paths
 * at once, then what the chunks are and where they stand.
 */
export async function gather(
  shard: D1Database,
  lookups: Lookup[],
  near: Near['lists'],
): Promise<PlacedCandidate[][]> {
  const [texts, symbols, paths] = await Promise.all([
    lexical(shard, lookups),
    bySymbol(shard, lookups),
    byPath(shard, lookups),
  ]);
  return Promise.all(
    lookups.map(async (lookup, at) => {
      const pool = new Pool(lookup);
      const best = texts[at]![0]?.score ?? 0;
      for (const [rank, match] of texts[at]!.entries()) pool.addText(match, rank, best);
      for (const [rank, hit] of symbols[at]!.entries()) pool.addSymbol(hit, rank);
      for (const [rank, { blobId }] of paths[at]!.entries()) pool.addFile(blobId, rank);
      for (const chunk of await namedLines(lookup, paths[at]!)) pool.addNamedLine(chunk);
      pool.addNear(near.get(lookup) ?? []);
      if (lookup.exact) pool.addExact(lookup.exact, await chunksOf(lookup, lookup.exact));
      return place(lookup, pool.found());
    }),
  );
}

/** One query a lookup that asks for the list; empty lists for the others. */
async function eachOf<Query, Row>(
  lookups: Lookup[],
  queryOf: (lookup: Lookup) => Query | null,
  run: (queries: Query[]) => Promise<Row[][]>,
): Promise<Row[][]> {
  const queries = lookups.map(queryOf);
  const rows = await run(queries.filter((query) => query !== null));
  let next = 0;
  return queries.map((query) => (query === null ? [] : rows[next++]!));
}

function lexical(shard: D1Database, lookups: Lookup[]): Promise<TextMatch[][]> {
  return eachOf(
    lookups,
    (lookup) =>
      lookup.terms.length > 0 && lookup.mode !== 'symbol' && !matchesLines(lookup.mode)
        ? {
            ...filterOf(lookup),
            match: anyTerm(lookup.terms, clauseWords(lookup.clause)),
            weights: COLUMN_WEIGHTS,
            limit: lookup.pool,
          }
        : null,
    (queries) => matchText(shard, queries),
  );
}

/** A file found by its path; the path is not known of files that filters alone name. */
interface NamedFile {
  blobId: number;
  path: string | null;
}

/** Files whose path holds the terms, or, when the query is nothing but path filters, the files they name. */
async function byPath(shard: D1Database, lookups: Lookup[]): Promise<NamedFile[][]> {
  const matches = await eachOf(
    lookups,
    (lookup) =>
      lookup.terms.length > 0 && ranksByNames(lookup.mode)
        ? {
            scope: lookup.target.scope,
            snapshotIds: lookup.target.refs.map((ref) => ref.snapshotId),
            match: pathExpression(lookup),
            limit: MAX_PATHS,
          }
        : null,
    (queries) => matchPaths(shard, queries),
  );
  return lookups.map((lookup, at) => {
    if (lookup.terms.length === 0 && lookup.clause.demand === null)
      return (lookup.blobIds ?? []).slice(0, lookup.pool).map((blobId) => ({ blobId, path: null }));
    const allowed = lookup.blobIds && new Set(lookup.blobIds);
    return matches[at]!.flatMap(({ blobId, lang, path }) =>
      blobId !== null &&
      (!allowed || allowed.has(blobId)) &&
      (!lookup.langs || lookup.langs.includes(lang ?? 'text'))
        ? [{ blobId, path }]
        : [],
    );
  });
}

/** The chunks at the lines that the query names (`src/a.ts:12`). */
async function namedLines({ shard, target, clause }: Lookup, files: NamedFile[]): Promise<ChunkRow[]> {
  const lines = clause.places.flatMap((place) => (place.line === null ? [] : [{ place, line: place.line }]));
  const asked = files.flatMap(({ blobId, path }) =>
    lines
      .filter(({ place }) => path !== null && namesFile(place, path))
      .map(({ line }) => ({ blobId, line })),
  );
  if (asked.length === 0) return [];
  const rows = await chunksOfBlobs(shard, target.scope, [...new Set(asked.map(({ blobId }) => blobId))]);
  return rows.filter((row) =>
    asked.some(({ blobId, line }) => row.blobId === blobId && row.startLine <= line && line <= row.endLine),
  );
}

/** Words of a question that are looked for in paths. */
const MAX_WORDS = 12;

/** Modes in which paths take part. */
function ranksByNames(mode: SearchMode): boolean {
  return mode === 'hybrid' || mode === 'semantic';
}

/** Every sub-word of every term; a path that holds all of them is what was meant. Of paths, the names of their files. */
function pathExpression({ terms, clause }: Lookup): string {
  const names = clause.places.map(({ path }) => termsOf(lastSegment(path)).flatMap((term) => term.parts));
  if (names.length > 0) return names.map((parts) => `(${parts.map(quote).join(' AND ')})`).join(' OR ');
  const parts = [...new Set(terms.slice(0, MAX_WORDS).flatMap((term) => term.parts))].map(quote);
  return terms.length <= 3 ? parts.join(' AND ') : parts.join(' OR ');
}
