/** A snapshot's index as plain rows without ids, so that two can be compared: an incremental one and a clean rebuild. */
import { blocksOf } from './blobs.ts';
import type { RepoScope } from './scope.ts';

/** Rows by kind; each row is the JSON of its columns, in a fixed order. */
export type IndexDump = Record<keyof typeof QUERIES, string[]>;

const FILES = `snapshot_dirs sd CROSS JOIN dirs d ON d.id = sd.dir AND d.repo = ?1
  CROSS JOIN entries e ON e.dir = d.id CROSS JOIN blobs b ON b.id = e.blob`;
const WHERE = 'WHERE sd.snapshot = ?2';

const QUERIES = {
  dirs: `SELECT json_array(d.path, d.tree_oid, d.config, json(d.stats)) AS row
    FROM snapshot_dirs sd JOIN dirs d ON d.id = sd.dir AND d.repo = ?1 ${WHERE} ORDER BY row`,
  entries: `SELECT json_array(d.path || e.name, e.mode, e.oid, e.size, e.lang, e.skipped, b.id IS NOT NULL) AS row
    FROM snapshot_dirs sd JOIN dirs d ON d.id = sd.dir AND d.repo = ?1 JOIN entries e ON e.dir = d.id
      LEFT JOIN blobs b ON b.id = e.blob ${WHERE} ORDER BY row`,
  blobs: `SELECT json_array(d.path || e.name, b.oid, b.lang, b.version, b.skipped, b.size, b.lines,
      b.complexity, b.max_nesting, b.functions, b.has_errors) AS row FROM ${FILES} ${WHERE} ORDER BY row`,
  blocks: `SELECT json_array(d.path || e.name, t.id - b.id * 4096, t.start_line, t.end_line, hex(t.data)) AS row
    FROM ${FILES} CROSS JOIN text_blocks t ON ${blocksOf('b.id')} ${WHERE} ORDER BY row`,
  chunks: `SELECT json_array(d.path || e.name, c.id - b.id * 4096, c.start_line, c.end_line, c.symbol) AS row
    FROM ${FILES} CROSS JOIN chunks c ON c.blob = b.id ${WHERE} ORDER BY row`,
  symbols: `SELECT json_array(d.path || e.name, s.ord, s.id - b.id * 65536, s.name, s.qualified_name, s.kind, s.signature,
      s.documentation, s.start_line, s.end_line, s.parent, s.exported, s.bases) AS row
    FROM ${FILES} CROSS JOIN symbols s ON s.id BETWEEN b.id * 65536 AND b.id * 65536 + 65535 ${WHERE} ORDER BY row`,
  imports: `SELECT json_array(d.path || e.name, i.ord, i.source, i.name, i.alias, i.is_default, i.is_reexport, i.line)
      AS row FROM ${FILES} CROSS JOIN imports i ON i.blob = b.id ${WHERE} ORDER BY row`,
  calls: `SELECT json_array(d.path || e.name, c.ord, c.caller, c.callee, c.receiver, c.receiver_type, c.line, c.arity)
      AS row FROM ${FILES} CROSS JOIN calls c ON c.blob = b.id ${WHERE} ORDER BY row`,
} as const;

/** Dumps everything a snapshot reaches in its shard. For tests and repair: reads the whole snapshot. */
export async function dumpIndex(shard: D1Database, scope: RepoScope, snapshotId: number): Promise<IndexDump> {
  const kinds = Object.keys(QUERIES) as (keyof typeof QUERIES)[];
  const answers = await shard.batch<{ row: string }>(
    kinds.map((kind) => shard.prepare(QUERIES[kind]).bind(scope.repo.key, snapshotId)),
  );
  const rows = kinds.map((kind, at) => [kind, (answers[at]?.results ?? []).map((result) => result.row)]);
  return Object.fromEntries(rows) as IndexDump;
}
