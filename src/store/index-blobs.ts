/** Writing and finding parsed blobs. Key: (repo, oid, lang, INDEX_VERSION). */
import { deflateRawSync } from 'node:zlib';
import type { BlobFacts, SkipReason } from '../ingest/parse/facts.ts';
import { INDEX_VERSION } from '../ingest/parse/facts.ts';
import { chunkTerms } from '../ingest/parse/lexicon.ts';
import { linesOf } from '../ingest/parse/lines.ts';
import { indexableText, insertText, insertTrigrams } from './full-text.ts';
import { JsonRows, jsonPieces } from './index-json.ts';
import { extendRun, takeIds } from './index-repo.ts';
import type { RepoScope } from './scope.ts';

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
  readonly #chunks = new JsonRows();
  readonly #symbols = new JsonRows();
  readonly #imports = new JsonRows();
  readonly #calls = new JsonRows();
  readonly #text = new JsonRows();
  readonly #trigrams = new JsonRows();

  get chunks(): number {
    return this.#chunks.count;
  }

  /** @param size bytes of the blob in git */
  add(blob: BlobKey & { id: number; size: number }, facts: BlobFacts): void {
    const { id } = blob;
    const { lines, complexity, maxNesting, functions } = facts.metrics;
    const deflated = facts.skipped ? null : deflateRawSync(facts.text, { level: 6 }).toString('hex');
    this.#blobs.add([
      id,
      blob.oid,
      blob.lang,
      facts.skipped,
      blob.size,
      deflated,
      lines,
      complexity,
      maxNesting,
      functions,
      facts.hasErrors ? 1 : 0,
    ]);
    if (facts.skipped) return;
    this.#addSymbols(id, facts);
    this.#addChunks(id, facts);
    facts.imports.forEach((fact, ord) => {
      const flags = [fact.isDefault ? 1 : 0, fact.isReexport ? 1 : 0];
      this.#imports.add([id, ord, fact.source, fact.name, fact.alias, ...flags, fact.line]);
    });
    facts.calls.forEach((fact, ord) => {
      const { caller, callee, receiver, receiverType, line, arity } = fact;
      this.#calls.add([id, ord, within(caller, MAX_SYMBOLS), callee, receiver, receiverType, line, arity]);
    });
  }

  #addSymbols(id: number, facts: BlobFacts): void {
    facts.symbols.slice(0, MAX_SYMBOLS).forEach((fact, ord) => {
      this.#symbols.add([
        id * MAX_SYMBOLS + ord,
        id,
        ord,
        fact.name,
        fact.qualifiedName,
        fact.kind,
        fact.signature,
        fact.documentation,
        fact.startLine,
        fact.endLine,
        fact.parent,
        fact.exported ? 1 : 0,
        JSON.stringify(fact.bases),
      ]);
    });
  }

  #addChunks(id: number, facts: BlobFacts): void {
    if (facts.text !== '') this.#trigrams.add([id, indexableText(facts.text)]);
    const { starts } = linesOf(facts.text);
    const symbolsAt = symbolsByStart(facts);
    facts.chunks.slice(0, MAX_CHUNKS).forEach((chunk, ord) => {
      const chunkId = id * MAX_CHUNKS + ord;
      this.#chunks.add([chunkId, id, chunk.startLine, chunk.endLine, within(chunk.symbol, MAX_SYMBOLS)]);
      const source = facts.text.slice(starts[chunk.startLine - 1] ?? 0, starts[chunk.endLine]);
      const { text, parts } = chunkTerms(indexableText(source));
      this.#text.add([chunkId, id, text, parts, symbolWords(facts, chunk.symbol, symbolsAt, chunk)]);
    });
  }

  /** The statements of the one transaction; empty when nothing was added. */
  statements(shard: D1Database, scope: RepoScope): D1PreparedStatement[] {
    const { key } = scope.repo;
    const children = (rows: JsonRows, sql: string, ...values: number[]) =>
      rows.pieces().map((piece) => shard.prepare(sql).bind(piece, ...values));
    return [
      ...children(this.#blobs, INSERT_BLOBS, key, INDEX_VERSION),
      ...children(this.#chunks, INSERT_CHUNKS),
      ...children(this.#symbols, INSERT_SYMBOLS, key),
      ...children(this.#imports, INSERT_IMPORTS, key),
      ...children(this.#calls, INSERT_CALLS, key),
      ...this.#text.pieces().map((piece) => insertText(shard, scope, piece)),
      ...this.#trigrams.pieces().map((piece) => insertTrigrams(shard, scope, piece)),
    ];
  }
}

const INSERT_BLOBS = `INSERT INTO blobs
    (id, repo, oid, lang, version, skipped, size, text, lines, complexity, max_nesting, functions, has_errors)
  SELECT value->>0, ?2, value->>1, value->>2, ?3, value->>3, value->>4, unhex(value->>5), value->>6, value->>7,
    value->>8, value->>9, value->>10
  FROM json_each(?1) WHERE EXISTS (SELECT 1 FROM live_repos WHERE repo = ?2)
  ON CONFLICT (repo, oid, lang, version) DO NOTHING`;

const INSERT_CHUNKS = `INSERT INTO chunks (id, blob, start_line, end_line, symbol)
  SELECT value->>0, value->>1, value->>2, value->>3, value->>4 FROM json_each(?1)
  WHERE EXISTS (SELECT 1 FROM blobs WHERE id = value->>1)`;

const INSERT_SYMBOLS = `INSERT INTO symbols (id, repo, blob, ord, name, qualified_name, kind, signature, documentation,
    start_line, end_line, parent, exported, bases)
  SELECT value->>0, ?2, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6, value->>7, value->>8,
    value->>9, value->>10, value->>11, value->>12
  FROM json_each(?1) WHERE EXISTS (SELECT 1 FROM blobs WHERE id = value->>1)`;

const INSERT_IMPORTS = `INSERT INTO imports (blob, ord, repo, source, name, alias, is_default, is_reexport, line)
  SELECT value->>0, value->>1, ?2, value->>2, value->>3, value->>4, value->>5, value->>6, value->>7
  FROM json_each(?1) WHERE EXISTS (SELECT 1 FROM blobs WHERE id = value->>0)`;

const INSERT_CALLS = `INSERT INTO calls (blob, ord, repo, caller, callee, receiver, receiver_type, line, arity)
  SELECT value->>0, value->>1, ?2, value->>2, value->>3, value->>4, value->>5, value->>6, value->>7
  FROM json_each(?1) WHERE EXISTS (SELECT 1 FROM blobs WHERE id = value->>0)`;

/** An index into a list that is cut at `size`. */
function within(index: number | null, size: number): number | null {
  return index !== null && index < size ? index : null;
}

function symbolsByStart(facts: BlobFacts): Map<number, number[]> {
  const byLine = new Map<number, number[]>();
  facts.symbols.forEach((symbol, index) => {
    const there = byLine.get(symbol.startLine);
    if (there) there.push(index);
    else byLine.set(symbol.startLine, [index]);
  });
  return byLine;
}

/** More names than this say nothing about a chunk any more. */
const MAX_CHUNK_SYMBOLS = 64;

/** Names of the chunk's own symbol and of those that start in it, whole and split. */
function symbolWords(
  facts: BlobFacts,
  own: number | null,
  byLine: Map<number, number[]>,
  chunk: { startLine: number; endLine: number },
): string {
  const names = new Set<string>();
  const add = (index: number) => {
    const symbol = facts.symbols[index];
    if (symbol && names.size < MAX_CHUNK_SYMBOLS) names.add(symbol.qualifiedName);
  };
  if (own !== null) add(own);
  for (let line = chunk.startLine; line <= chunk.endLine; line++) byLine.get(line)?.forEach(add);
  if (names.size === 0) return '';
  const { text, parts } = chunkTerms(indexableText([...names].join(' ')));
  return parts === '' ? text : `${text} ${parts}`;
}
