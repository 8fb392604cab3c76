/** Writing and finding parsed blobs. Key: (repo, oid, lang, INDEX_VERSION). */
import { deflateRawSync } from 'node:zlib';
import type { BlobFacts, CallFact, ImportFact, SkipReason, SymbolFact } from '../ingest/parse/facts.ts';
import { INDEX_VERSION } from '../ingest/parse/facts.ts';
import { insertText, insertTrigrams } from './full-text.ts';
import { JsonGroups, JsonRows, jsonPieces, MAX_JSON_BYTES } from './index-json.ts';
import { extendRun, takeIds } from './index-repo.ts';
import type { RepoScope } from './scope.ts';
import { ANY_TRIGRAM, trigramWords } from './trigrams.ts';

/** Ids of children are made of the blob's: `blob * 4096 + ordinal` and `blob * 65536 + ordinal`. */
export const MAX_CHUNKS = 4096;
export const MAX_SYMBOLS = 65_536;

export interface BlobKey {
  oid: string;
  lang: string;
}

export interface KnownBlob {
  id: number;
  skipped: SkipReason | null;
}

/** What a chunk is found by: its text, the parts of its identifiers, and the names of its symbols. */
export interface ChunkWords {
  text: string;
  parts: string;
  names: string;
}

export const blobKey = (blob: BlobKey) => `${blob.oid}:${blob.lang}`;

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

/** The blobs of a batch that are still to be parsed, and ids for them, in one round trip. */
export async function claimBlobs(
  shard: D1Database,
  scope: RepoScope,
  blobs: readonly BlobKey[],
  run: { id: string; now: number },
): Promise<{ live: boolean; missing: (BlobKey & { id: number })[] }> {
  if (blobs.length === 0) return { live: true, missing: [] };
  const [extended, known, ids] = await shard.batch<Record<string, unknown>>([
    extendRun(shard, scope, run),
    knownStatement(shard, scope, JSON.stringify([...rowsOf(blobs)])),
    takeIds(shard, 'blobs', blobs.length),
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
  return { live: (extended?.meta.changes ?? 0) > 0, missing: [...missing.values()] };
}

/**
 * Gathers the facts of parsed blobs as rows and writes them in one transaction. Two deliveries of a batch may write
 * at once: the blob's unique key lets one win, and children are inserted only where the id of their blob is there,
 * which the loser's is not. The fence is checked by the blob's insert, so nothing follows where the repo is gone.
 */
export class BlobWriter {
  readonly #blobs = new JsonRows();
  readonly #chunks = new JsonGroups();
  readonly #symbols = new JsonGroups();
  readonly #imports = new JsonGroups();
  readonly #calls = new JsonGroups();
  readonly #text = new JsonRows();
  readonly #trigrams = new JsonRows();
  #chunkCount = 0;

  get chunks(): number {
    return this.#chunkCount;
  }

  /**
   * @param blob.size bytes of the blob in git
   * @param words full-text columns of the facts' chunks, in their order
   */
  add(blob: BlobKey & { id: number; size: number }, facts: BlobFacts, words: readonly ChunkWords[]): void {
    const { id } = blob;
    const { lines, complexity, maxNesting, functions } = facts.metrics;
    const measures = [lines, complexity, maxNesting, functions, facts.hasErrors ? 1 : 0];
    const text = facts.skipped ? null : deflateRawSync(facts.text, DEFLATE).toString('hex');
    this.#blobs.add([id, blob.oid, blob.lang, facts.skipped, blob.size, text, ...measures]);
    if (facts.skipped) return;
    this.#symbols.add(id, facts.symbols.slice(0, MAX_SYMBOLS).map(symbolRow));
    this.#imports.add(id, facts.imports.map(importRow));
    this.#calls.add(id, callGroups(facts.calls));
    this.#addChunks(id, facts, words);
  }

  #addChunks(id: number, facts: BlobFacts, words: readonly ChunkWords[]): void {
    const chunks = facts.chunks.slice(0, MAX_CHUNKS);
    const rows = chunks.map(({ startLine, endLine, symbol }, ord) => [
      ord,
      startLine,
      endLine,
      within(symbol, MAX_SYMBOLS),
    ]);
    this.#chunks.add(id, rows);
    this.#chunkCount += rows.length;
    this.#trigrams.add([id, trigramText(facts.text)]);
    for (const ord of chunks.keys()) {
      const { text, parts, names } = words[ord]!;
      this.#text.add([id * MAX_CHUNKS + ord, id, text, parts, names]);
    }
  }

  /** The statements of the one transaction; empty when nothing was added. */
  statements(shard: D1Database, scope: RepoScope): D1PreparedStatement[] {
    const insert = (rows: { pieces(): string[] }, sql: string, ...values: number[]) =>
      rows.pieces().map((piece) => shard.prepare(sql).bind(piece, ...values));
    const { key } = scope.repo;
    return [
      ...insert(this.#blobs, INSERT_BLOBS, key, INDEX_VERSION),
      ...insert(this.#chunks, INSERT_CHUNKS),
      ...insert(this.#symbols, INSERT_SYMBOLS, key),
      ...insert(this.#imports, INSERT_IMPORTS, key),
      ...insert(this.#calls, INSERT_CALLS, key),
      ...this.#text.pieces().map((piece) => insertText(shard, scope, piece)),
      ...this.#trigrams.pieces().map((piece) => insertTrigrams(shard, scope, piece)),
    ];
  }
}

/** Measured on source code: a tenth more bytes than the default level, in three quarters of its time. */
const DEFLATE = { level: 3 };

const INSERT_BLOBS = `INSERT INTO blobs
    (id, repo, oid, lang, version, skipped, size, text, lines, complexity, max_nesting, functions, has_errors)
  SELECT value->>0, ?2, value->>1, value->>2, ?3, value->>3, value->>4, unhex(value->>5), value->>6, value->>7,
    value->>8, value->>9, value->>10
  FROM json_each(?1) WHERE EXISTS (SELECT 1 FROM live_repos WHERE repo = ?2)
  ON CONFLICT (repo, oid, lang, version) DO NOTHING`;

/** Rows of blobs that are there; `r.value` is a row. */
const ROWS = `json_each(?1) j CROSS JOIN blobs b ON b.id = j.value->>0 CROSS JOIN json_each(j.value, '$[1]') r`;

const INSERT_CHUNKS = `INSERT INTO chunks (id, blob, start_line, end_line, symbol)
  SELECT b.id * 4096 + (r.value->>0), b.id, r.value->>1, r.value->>2, r.value->>3 FROM ${ROWS}`;

const INSERT_SYMBOLS = `INSERT INTO symbols (id, repo, blob, ord, name, qualified_name, kind, signature, documentation,
    start_line, end_line, parent, exported, bases)
  SELECT b.id * 65536 + (r.value->>0), ?2, b.id, r.value->>0, r.value->>1, r.value->>2, r.value->>3, r.value->>4,
    r.value->>5, r.value->>6, r.value->>7, r.value->>8, r.value->>9, r.value->>10 FROM ${ROWS}`;

function symbolRow(fact: SymbolFact, ord: number): unknown[] {
  const { name, qualifiedName, kind, signature, documentation, startLine, endLine, parent } = fact;
  const exported = fact.exported ? 1 : 0;
  return [
    ord,
    name,
    qualifiedName,
    kind,
    signature,
    documentation,
    startLine,
    endLine,
    parent,
    exported,
    fact.bases,
  ];
}

const INSERT_IMPORTS = `INSERT INTO imports (blob, ord, repo, source, name, alias, is_default, is_reexport, line)
  SELECT b.id, r.value->>0, ?2, r.value->>1, r.value->>2, r.value->>3, r.value->>4, r.value->>5, r.value->>6
  FROM ${ROWS}`;

function importRow(fact: ImportFact, ord: number): unknown[] {
  const { source, name, alias, isDefault, isReexport, line } = fact;
  return [ord, source, name, alias, isDefault ? 1 : 0, isReexport ? 1 : 0, line];
}

const INSERT_CALLS = `INSERT INTO call_sites (blob, callee, repo, sites)
  SELECT b.id, r.value->>0, ?2, r.value->>1 FROM ${ROWS}`;

/** A value holds 2 MB: a file that calls one function more often than this keeps the first calls. */
const MAX_SITES = 5_000;

/** `[callee, [[ord, caller, receiver, receiverType, line, arity], …]]` for each callee, in order of first use. */
function callGroups(calls: readonly CallFact[]): [string, unknown[][]][] {
  const groups = new Map<string, unknown[][]>();
  for (const [ord, fact] of calls.entries()) {
    const { caller, callee, receiver, receiverType, line, arity } = fact;
    const site = [ord, within(caller, MAX_SYMBOLS), receiver, receiverType, line, arity];
    const sites = groups.get(callee);
    if (!sites) groups.set(callee, [site]);
    else if (sites.length < MAX_SITES) sites.push(site);
  }
  return [...groups];
}

/** A text of very many trigrams would pass the size of a bound value: it then counts as holding them all. */
function trigramText(text: string): string {
  const words = trigramWords(text);
  return words.length > MAX_JSON_BYTES - 100 ? ANY_TRIGRAM : words;
}

/** An index into a list that is cut at `size`. */
function within(index: number | null, size: number): number | null {
  return index !== null && index < size ? index : null;
}
