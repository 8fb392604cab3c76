/**
 * Reads of an index shard for navigation: symbols, imports and calls of one served snapshot. Every query is bounded
 * by a limit its caller passes and filtered to the snapshot, so facts of other refs never show.
 */
import type { RepoScope } from './scope.ts';

/** A shard, the repo it is asked about, and the snapshot that answers. */
export interface SnapshotView {
  shard: D1Database;
  scope: RepoScope;
  snapshotId: number;
}

/** A symbol without its path: one blob may stand at several paths of a snapshot. Lines are 1-based, inclusive. */
export interface SymbolRow {
  blob: number;
  ord: number;
  name: string;
  qualifiedName: string;
  kind: string;
  signature: string;
  documentation: string | null;
  startLine: number;
  endLine: number;
  parent: number | null;
  exported: boolean;
  bases: string[];
}

export interface ImportRow {
  blob: number;
  ord: number;
  /** As written, without quotes. */
  source: string;
  /** The exported name; `*` for namespaces and wildcards, `default` for default imports, '' for side effects. */
  name: string;
  /** The local name, '' when nothing is bound. */
  alias: string;
  isDefault: boolean;
  isReexport: boolean;
  line: number;
}

/** A call site with the symbol that encloses it (null at file level). */
export interface CallRow {
  blob: number;
  ord: number;
  callee: string;
  receiver: string;
  receiverType: string | null;
  line: number;
  arity: number | null;
  caller: Pick<
    SymbolRow,
    'ord' | 'name' | 'qualifiedName' | 'kind' | 'signature' | 'startLine' | 'endLine' | 'parent'
  > | null;
}

/** One directory of the snapshot: `path` is '' or ends with a slash. */
export interface DirectoryRow {
  path: string;
  files: { name: string; blob: number | null; lang: string | null }[];
}

const SYMBOL_COLUMNS = `s.blob, s.ord, s.name, s.qualified_name AS qualifiedName, s.kind, s.signature, s.documentation,
  s.start_line AS startLine, s.end_line AS endLine, s.parent, s.exported, s.bases`;

/** The same without documentation, for resolving in bulk. */
const BRIEF_SYMBOL_COLUMNS = SYMBOL_COLUMNS.replace('s.documentation', 'NULL AS documentation');

const CALL_COLUMNS = `c.blob, c.ord, c.callee, c.receiver, c.receiver_type AS receiverType, c.line, c.arity,
  c.caller AS callerOrd, s.name AS callerName, s.qualified_name AS callerQualifiedName, s.kind AS callerKind,
  s.signature AS callerSignature, s.start_line AS callerStartLine, s.end_line AS callerEndLine,
  s.parent AS callerParent`;

const IMPORT_COLUMNS = `i.blob, i.ord, i.source, i.name, i.alias, i.is_default AS isDefault,
  i.is_reexport AS isReexport, i.line`;

/** True when `blob` stands at some path of snapshot `?2`; answered from the indexes on entries and snapshot_dirs. */
const inSnapshot = (blob: string) =>
  `EXISTS (SELECT 1 FROM entries e JOIN snapshot_dirs d ON d.dir = e.dir AND d.snapshot = ?2 WHERE e.blob = ${blob})`;

/** Ids of a directory's entries follow each other: so many names together stay below D1's 2 MB a value. */
const FILES_A_ROW = 4_096;

/** Every file of the snapshot, by directory: a row a directory, so that a tree of 20,000 files is some hundred rows. */
export async function snapshotDirectories(view: SnapshotView): Promise<DirectoryRow[]> {
  const { results } = await view.shard
    .prepare(
      `SELECT d.path, json_group_array(json_array(e.name, e.blob, e.lang)) AS files
       FROM snapshot_dirs sd JOIN dirs d ON d.id = sd.dir JOIN entries e ON e.dir = d.id
       WHERE sd.snapshot = ?2 AND d.repo = ?1 AND e.mode <> 16384
       GROUP BY d.id, e.id / ${FILES_A_ROW} ORDER BY d.path, d.id, e.id / ${FILES_A_ROW}`,
    )
    .bind(view.scope.repo.key, view.snapshotId)
    .all<{ path: string; files: string }>();
  const directories: DirectoryRow[] = [];
  for (const { path, files } of results) {
    const known = directories.at(-1);
    const directory = known?.path === path ? known : { path, files: [] };
    if (directory !== known) directories.push(directory);
    for (const [name, blob, lang] of JSON.parse(files) as [string, number | null, string | null][]) {
      directory.files.push({ name, blob, lang });
    }
  }
  return directories;
}

/** Where blob `f.blob` of snapshot `?2` stands, the first path in byte order: an order that no id has a part in. */
const PLACE = `(SELECT min(d.path || e.name) FROM entries e JOIN snapshot_dirs sd ON sd.dir = e.dir AND sd.snapshot = ?2
  JOIN dirs d ON d.id = e.dir WHERE e.blob = f.blob)`;

/**
 * Up to `limit` rows of a select. Ids tell in which order blobs were indexed, and no answer may depend on that: when there
 * are more rows than `limit`, those of the first paths are taken. Sorting all is only paid for then.
 * @param rows the rows of all blobs, in any order; `?1` is the repo, `?2` the snapshot, `?3` JSON of what is asked for.
 * @param blobs the blobs (as `blob`) that hold such rows.
 */
async function firstByPlace<T>(
  view: SnapshotView,
  asked: string[],
  limit: number,
  { columns, source, where, alias }: { columns: string; source: string; where: string; alias: string },
): Promise<T[]> {
  const values = [view.scope.repo.key, view.snapshotId, JSON.stringify(asked), limit];
  const blob = `${alias}.blob`;
  const { results } = await view.shard
    .prepare(`SELECT ${columns} FROM ${source} WHERE ${where} AND ${inSnapshot(blob)} LIMIT ?4`)
    .bind(...values)
    .all<T>();
  if (results.length < limit) return results;
  const ordered = await view.shard
    .prepare(
      `WITH places AS MATERIALIZED (
         SELECT f.blob, ${PLACE} AS place FROM (SELECT DISTINCT ${blob} AS blob FROM ${source} WHERE ${where}) f)
       SELECT ${columns} FROM ${source} JOIN places p ON p.blob = ${blob}
       WHERE ${where} AND p.place IS NOT NULL ORDER BY p.place, ${alias}.ord LIMIT ?4`,
    )
    .bind(...values)
    .all<T>();
  return ordered.results;
}

/** Symbols with exactly one of `names`; `anyCase` ignores letter case (ASCII), `brief` leaves documentation out. */
export async function symbolsNamed(
  view: SnapshotView,
  names: string[],
  options: { limit: number; anyCase?: boolean; brief?: boolean },
): Promise<SymbolRow[]> {
  if (names.length === 0) return [];
  const rows = await firstByPlace<RawSymbol>(view, names, options.limit, {
    columns: options.brief ? BRIEF_SYMBOL_COLUMNS : SYMBOL_COLUMNS,
    source: 'json_each(?3) j CROSS JOIN symbols s',
    where: `s.repo = ?1 AND s.name = j.value COLLATE NOCASE ${options.anyCase ? '' : 'AND s.name = j.value'}`,
    alias: 's',
  });
  return rows.map(toSymbol);
}

/** All symbols of one blob, in source order. */
export async function symbolsOfBlob(
  view: Pick<SnapshotView, 'shard' | 'scope'>,
  blob: number,
): Promise<SymbolRow[]> {
  const { results } = await view.shard
    .prepare(
      `SELECT ${SYMBOL_COLUMNS} FROM symbols s
       WHERE s.id BETWEEN ?2 * 65536 AND ?2 * 65536 + 65535 AND s.repo = ?1 ORDER BY s.id`,
    )
    .bind(view.scope.repo.key, blob)
    .all<RawSymbol>();
  return results.map(toSymbol);
}

/** The object ids of blobs. */
export async function blobOids(
  view: Pick<SnapshotView, 'shard' | 'scope'>,
  blobs: number[],
): Promise<Map<number, string>> {
  if (blobs.length === 0) return new Map();
  const { results } = await view.shard
    .prepare('SELECT b.id, b.oid FROM json_each(?2) j CROSS JOIN blobs b ON b.id = j.value WHERE b.repo = ?1')
    .bind(view.scope.repo.key, JSON.stringify(blobs))
    .all<{ id: number; oid: string }>();
  return new Map(results.map((row) => [row.id, row.oid]));
}

/** Distinct symbol names from `prefix` on (letter case ignored), in name order: what globs and suggestions look through. */
export async function symbolNames(
  view: SnapshotView,
  options: { prefix: string; after?: string; limit: number },
): Promise<string[]> {
  const { results } = await view.shard
    .prepare(
      `SELECT DISTINCT s.name COLLATE BINARY AS name FROM symbols s
       WHERE s.repo = ?1 AND s.name >= ?3 COLLATE NOCASE AND s.name < ?4 COLLATE NOCASE
         AND s.name >= ?5 COLLATE NOCASE AND (s.name > ?5 COLLATE NOCASE OR s.name > ?5)
         AND ${inSnapshot('s.blob')}
       ORDER BY s.name COLLATE NOCASE, s.name LIMIT ?6`,
    )
    .bind(
      view.scope.repo.key,
      view.snapshotId,
      options.prefix,
      `${options.prefix}\u{10ffff}`,
      options.after ?? '',
      options.limit,
    )
    .all<{ name: string }>();
  return results.map((row) => row.name);
}

/** Call sites of functions called by one of `names`; where there are more than `limit`, those of the first paths. */
export async function callsTo(view: SnapshotView, names: string[], limit: number): Promise<CallRow[]> {
  if (names.length === 0) return [];
  const rows = await firstByPlace<RawCall>(view, names, limit, {
    columns: CALL_COLUMNS,
    source: `json_each(?3) j CROSS JOIN calls c LEFT JOIN symbols s ON s.id = c.blob * 65536 + c.caller`,
    where: 'c.repo = ?1 AND c.callee = j.value',
    alias: 'c',
  });
  return rows.map(toCall);
}

/** Call sites on the given lines of a blob (a symbol's body), in source order. */
export async function callsWithin(
  view: Pick<SnapshotView, 'shard' | 'scope'>,
  range: { blob: number; startLine: number; endLine: number },
  limit: number,
): Promise<CallRow[]> {
  const { results } = await view.shard
    .prepare(
      `SELECT ${CALL_COLUMNS} FROM calls c LEFT JOIN symbols s ON s.id = c.blob * 65536 + c.caller
       WHERE c.blob = ?2 AND c.repo = ?1 AND c.line BETWEEN ?3 AND ?4 ORDER BY c.ord LIMIT ?5`,
    )
    .bind(view.scope.repo.key, range.blob, range.startLine, range.endLine, limit)
    .all<RawCall>();
  return results.map(toCall);
}

/** All imports of the given blobs, in their order. */
export async function importsOfBlobs(
  view: Pick<SnapshotView, 'shard' | 'scope'>,
  blobs: number[],
  limit: number,
): Promise<ImportRow[]> {
  if (blobs.length === 0) return [];
  const { results } = await view.shard
    .prepare(
      `SELECT ${IMPORT_COLUMNS} FROM json_each(?2) j CROSS JOIN imports i
       WHERE i.blob = j.value AND i.repo = ?1 ORDER BY j.key, i.ord LIMIT ?3`,
    )
    .bind(view.scope.repo.key, JSON.stringify(blobs), limit)
    .all<RawImport>();
  return results.map(toImport);
}

/** Imports of one of `names` as the exporting module calls them. */
export async function importsNamed(view: SnapshotView, names: string[], limit: number): Promise<ImportRow[]> {
  if (names.length === 0) return [];
  const rows = await firstByPlace<RawImport>(view, names, limit, {
    columns: IMPORT_COLUMNS,
    source: 'json_each(?3) j CROSS JOIN imports i',
    where: 'i.repo = ?1 AND i.name = j.value',
    alias: 'i',
  });
  return rows.map(toImport);
}

/**
 * Imports that bind no particular name (namespace, wildcard, default, whole packages) whose source ends with one of
 * `endings`, e.g. the base name of a file: a cheap prefilter, the resolver decides.
 */
export async function importsEnding(
  view: SnapshotView,
  endings: string[],
  limit: number,
): Promise<ImportRow[]> {
  if (endings.length === 0) return [];
  const rows = await firstByPlace<RawImport>(view, endings, limit, {
    columns: IMPORT_COLUMNS,
    source: 'imports i',
    where: `i.repo = ?1 AND (i.name IN ('*', 'default', '') OR i.name = i.source)
         AND EXISTS (SELECT 1 FROM json_each(?3) j WHERE substr(i.source, -length(j.value)) = j.value)`,
    alias: 'i',
  });
  return rows.map(toImport);
}

/** Classes and interfaces of the snapshot that name `base` among their bases. */
export async function subtypesOf(view: SnapshotView, bases: string[], limit: number): Promise<SymbolRow[]> {
  if (bases.length === 0) return [];
  const rows = await firstByPlace<RawSymbol>(view, bases, limit, {
    columns: SYMBOL_COLUMNS,
    source: 'symbols s',
    where: `s.repo = ?1 AND s.bases <> '[]'
         AND EXISTS (SELECT 1 FROM json_each(s.bases) b JOIN json_each(?3) j ON j.value = b.value)`,
    alias: 's',
  });
  return rows.map(toSymbol);
}

interface RawSymbol extends Omit<SymbolRow, 'exported' | 'bases'> {
  exported: number;
  bases: string;
}

function toSymbol(row: RawSymbol): SymbolRow {
  return { ...row, exported: row.exported === 1, bases: JSON.parse(row.bases) as string[] };
}

interface RawImport extends Omit<ImportRow, 'isDefault' | 'isReexport'> {
  isDefault: number;
  isReexport: number;
}

function toImport(row: RawImport): ImportRow {
  return { ...row, isDefault: row.isDefault === 1, isReexport: row.isReexport === 1 };
}

interface RawCall extends Omit<CallRow, 'caller'> {
  callerOrd: number | null;
  callerName: string | null;
  callerQualifiedName: string;
  callerKind: string;
  callerSignature: string;
  callerStartLine: number;
  callerEndLine: number;
  callerParent: number | null;
}

function toCall(row: RawCall): CallRow {
  const { blob, ord, callee, receiver, receiverType, line, arity } = row;
  const caller =
    row.callerOrd === null || row.callerName === null
      ? null
      : {
          ord: row.callerOrd,
          name: row.callerName,
          qualifiedName: row.callerQualifiedName,
          kind: row.callerKind,
          signature: row.callerSignature,
          startLine: row.callerStartLine,
          endLine: row.callerEndLine,
          parent: row.callerParent,
        };
  return { blob, ord, callee, receiver, receiverType, line, arity, caller };
}
