/** Writing and finding parsed blobs. Key: (repo, oid, lang, INDEX_VERSION). */
import type { SkipReason } from '../ingest/parse/facts.ts';
import { INDEX_VERSION } from '../ingest/parse/facts.ts';
import { type BlobKey, type BlobRows, blobKey } from './blob-rows.ts';
import { insertText, insertTrigrams } from './full-text.ts';
import { jsonPieces } from './index-json.ts';
import { extendRun, takeIds } from './index-repo.ts';
import type { RepoScope } from './scope.ts';
import { lackingAmong } from './vector-sets.ts';

export interface KnownBlob {
  id: number;
  skipped: SkipReason | null;
}

/** Which of the blobs are parsed already, by `blobKey`. */
export async function knownBlobs(
  shard: D1Database,
  scope: RepoScope,
  blobs: Iterable<BlobKey>,
): Promise<Map<string, KnownBlob>> {
  const known = new Map<string, KnownBlob>();
  const pieces = jsonPieces(rowsOf(blobs));
  if (pieces.length === 0) return known;
  const answers = await shard.batch<KnownBlob & BlobKey>(
    pieces.map((piece) => knownStatement(shard, scope, piece)),
  );
  for (const { results } of answers) {
    for (const row of results) known.set(blobKey(row), { id: row.id, skipped: row.skipped });
  }
  return known;
}

function* rowsOf(blobs: Iterable<BlobKey>): Generator<[string, string]> {
  for (const blob of blobs) yield [blob.oid, blob.lang];
}

function knownStatement(shard: D1Database, scope: RepoScope, piece: string): D1PreparedStatement {
  return shard
    .prepare(
      `SELECT b.id, b.oid, b.lang, b.skipped FROM json_each(?1) j CROSS JOIN blobs b
       ON b.repo = ?2 AND b.oid = j.value->>0 AND b.lang = j.value->>1 AND b.version = ?3`,
    )
    .bind(piece, scope.repo.key, INDEX_VERSION);
}

/** Blobs of a batch with work to do on them. */
export interface Claimed {
  live: boolean;
  /** Still to be parsed, with ids for them. */
  missing: (BlobKey & { id: number })[];
  /** Parsed, but without vectors of the model. */
  lacking: (BlobKey & { id: number })[];
}

/** What is to be done of a batch, in one round trip; `model` null asks for no vectors. */
export async function claimBlobs(
  shard: D1Database,
  scope: RepoScope,
  blobs: readonly BlobKey[],
  run: { id: string; now: number },
  model: string | null,
): Promise<Claimed> {
  if (blobs.length === 0) return { live: true, missing: [], lacking: [] };
  const keys = JSON.stringify([...rowsOf(blobs)]);
  const [extended, known, ids, without] = await shard.batch<Record<string, unknown>>([
    extendRun(shard, scope, run),
    knownStatement(shard, scope, keys),
    takeIds(shard, 'blobs', blobs.length),
    ...(model === null ? [] : [lackingAmong(shard, scope, model, keys)]),
  ]);
  const first = Number(ids?.results[0]?.first);
  const parsed = new Set(
    known?.results.map((row) => blobKey({ oid: String(row.oid), lang: String(row.lang) })),
  );
  const missing = new Map<string, BlobKey & { id: number }>();
  for (const blob of blobs) {
    const key = blobKey(blob);
    if (!parsed.has(key)) missing.set(key, { ...blob, id: first + missing.size });
  }
  const lacking = (without?.results ?? []).map(({ id, oid, lang }) => ({
    id: Number(id),
    oid: String(oid),
    lang: String(lang),
  }));
  return { live: (extended?.meta.changes ?? 0) > 0, missing: [...missing.values()], lacking };
}

/**
 * The statements that write rows, in one transaction. Two deliveries of a batch may write at once: the blob's unique
 * key lets one win, and children are inserted only where the id of their blob is there, which the loser's is not. The
 * fence is checked by the blob's insert, so nothing follows where the repo is gone.
 */
export function insertBlobs(
  shard: D1Database,
  scope: RepoScope,
  rows: BlobRows['pieces'],
): D1PreparedStatement[] {
  const insert = (pieces: string[], sql: string, ...values: number[]) =>
    pieces.map((piece) => shard.prepare(sql).bind(piece, ...values));
  const { key } = scope.repo;
  return [
    ...insert(rows.blobs, INSERT_BLOBS, key, INDEX_VERSION),
    ...insert(rows.blocks, INSERT_BLOCKS),
    ...insert(rows.chunks, INSERT_CHUNKS),
    ...insert(rows.symbols, INSERT_SYMBOLS, key),
    ...insert(rows.imports, INSERT_IMPORTS, key),
    ...insert(rows.calls, INSERT_CALLS, key),
    ...rows.text.map((piece) => insertText(shard, scope, piece)),
    ...rows.trigrams.map((piece) => insertTrigrams(shard, scope, piece)),
  ];
}

const INSERT_BLOBS = `INSERT INTO blobs
    (id, repo, oid, lang, version, skipped, size, lines, complexity, max_nesting, functions, has_errors)
  SELECT value->>0, ?2, value->>1, value->>2, ?3, value->>3, value->>4, value->>5, value->>6, value->>7,
    value->>8, value->>9
  FROM json_each(?1) WHERE EXISTS (SELECT 1 FROM live_repos WHERE repo = ?2)
  ON CONFLICT (repo, oid, lang, version) DO NOTHING`;

/** Rows of blobs that are there; `r.value` is a row. */
const ROWS = `json_each(?1) j CROSS JOIN blobs b ON b.id = j.value->>0 CROSS JOIN json_each(j.value, '$[1]') r`;

const INSERT_BLOCKS = `INSERT INTO text_blocks (id, start_line, end_line, data)
  SELECT b.id * 4096 + (r.value->>0), r.value->>1, r.value->>2, unhex(r.value->>3) FROM ${ROWS}`;

const INSERT_CHUNKS = `INSERT INTO chunks (id, blob, start_line, end_line, symbol)
  SELECT b.id * 4096 + (r.value->>0), b.id, r.value->>1, r.value->>2, r.value->>3 FROM ${ROWS}`;

const INSERT_SYMBOLS = `INSERT INTO symbols (id, repo, blob, ord, name, qualified_name, kind, signature, documentation,
    start_line, end_line, parent, exported, bases)
  SELECT b.id * 65536 + (r.value->>0), ?2, b.id, r.value->>0, r.value->>1, r.value->>2, r.value->>3, r.value->>4,
    r.value->>5, r.value->>6, r.value->>7, r.value->>8, r.value->>9, r.value->>10 FROM ${ROWS}`;

const INSERT_IMPORTS = `INSERT INTO imports (blob, ord, repo, source, name, alias, is_default, is_reexport, line)
  SELECT b.id, r.value->>0, ?2, r.value->>1, r.value->>2, r.value->>3, r.value->>4, r.value->>5, r.value->>6
  FROM ${ROWS}`;

const INSERT_CALLS = `INSERT INTO call_sites (blob, callee, repo, sites)
  SELECT b.id, r.value->>0, ?2, r.value->>1 FROM ${ROWS}`;
