/**
 * The rows of parsed blobs, as JSON texts for `INSERT … SELECT … FROM json_each(?)`. Pure: they are made where the
 * parsing is, which may be another process than the one that writes them.
 */
import { deflateRawSync } from 'node:zlib';
import type { BlobFacts, CallFact, ImportFact, SymbolFact } from '../ingest/parse/facts.ts';
import { JsonGroups, JsonRows } from './index-json.ts';
import { blockTrigrams, MAX_BLOCKS, textBlocks } from './text-blocks.ts';

/** Ids of children are made of the blob's: `blob * 4096 + ordinal` and `blob * 65536 + ordinal`. */
export const MAX_CHUNKS = 4096;
export const MAX_SYMBOLS = 65_536;

export interface BlobKey {
  oid: string;
  lang: string;
}

export const blobKey = (blob: BlobKey) => `${blob.oid}:${blob.lang}`;

/** What a chunk is found by: its text, the parts of its identifiers, and the names of its symbols. */
export interface ChunkWords {
  text: string;
  parts: string;
  names: string;
}

/** Tables of rows, in the order in which they are written: children follow the blob that they belong to. */
export const ROW_TABLES = [
  'blobs',
  'blocks',
  'chunks',
  'symbols',
  'imports',
  'calls',
  'text',
  'trigrams',
] as const;
export type RowTable = (typeof ROW_TABLES)[number];

/** The rows of several blobs: a table's as JSON arrays, each below the size of a bound value. */
export interface BlobRows {
  /** Blobs there are rows of. */
  files: number;
  chunks: number;
  /** Of `files`, those whose bytes ruled them out. */
  skipped: number;
  pieces: Record<RowTable, string[]>;
}

/** Gathers the facts of parsed blobs as rows. */
export class BlobRowsWriter {
  readonly #blobs = new JsonRows();
  readonly #blocks = new JsonGroups();
  readonly #chunks = new JsonGroups();
  readonly #symbols = new JsonGroups();
  readonly #imports = new JsonGroups();
  readonly #calls = new JsonGroups();
  readonly #text = new JsonRows();
  readonly #trigrams = new JsonRows();
  #files = 0;
  #chunkCount = 0;
  #skipped = 0;

  /**
   * @param blob.size bytes of the blob in git
   * @param words full-text columns of the facts' chunks, in their order
   */
  add(blob: BlobKey & { id: number; size: number }, facts: BlobFacts, words: readonly ChunkWords[]): void {
    const { id } = blob;
    const { lines, complexity, maxNesting, functions } = facts.metrics;
    const measures = [lines, complexity, maxNesting, functions, facts.hasErrors ? 1 : 0];
    this.#blobs.add([id, blob.oid, blob.lang, facts.skipped, blob.size, ...measures]);
    this.#files++;
    if (facts.skipped) {
      this.#skipped++;
      return;
    }
    this.#symbols.add(id, facts.symbols.slice(0, MAX_SYMBOLS).map(symbolRow));
    this.#imports.add(id, facts.imports.map(importRow));
    this.#calls.add(id, callGroups(facts.calls));
    this.#addBlocks(id, facts.text);
    this.#addChunks(id, facts, words);
  }

  #addBlocks(id: number, text: string): void {
    const blocks = textBlocks(text);
    const rows = blocks.map((block, ord) => [
      ord,
      block.startLine,
      block.endLine,
      deflateRawSync(block.text, DEFLATE).toString('hex'),
    ]);
    this.#blocks.add(id, rows);
    for (const [ord, block] of blocks.entries())
      this.#trigrams.add([id * MAX_BLOCKS + ord, id, blockTrigrams(block)]);
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
    for (const ord of chunks.keys()) {
      const { text, parts, names } = words[ord]!;
      this.#text.add([id * MAX_CHUNKS + ord, id, text, parts, names]);
    }
  }

  /** Every row added. */
  rows(): BlobRows {
    return {
      files: this.#files,
      chunks: this.#chunkCount,
      skipped: this.#skipped,
      pieces: {
        blobs: this.#blobs.pieces(),
        blocks: this.#blocks.pieces(),
        chunks: this.#chunks.pieces(),
        symbols: this.#symbols.pieces(),
        imports: this.#imports.pieces(),
        calls: this.#calls.pieces(),
        text: this.#text.pieces(),
        trigrams: this.#trigrams.pieces(),
      },
    };
  }
}

/** Measured on source code: a tenth more bytes than the default level, in three quarters of its time. */
const DEFLATE = { level: 3 };

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

function importRow(fact: ImportFact, ord: number): unknown[] {
  const { source, name, alias, isDefault, isReexport, line } = fact;
  return [ord, source, name, alias, isDefault ? 1 : 0, isReexport ? 1 : 0, line];
}

/** A value holds 2 MB: a file that calls one function more often than this keeps the first calls. */
const MAX_SITES = 5_000;

/** `[callee, [[ord, caller, line, arity, receiver?, receiverType?], …]]` for each callee, in order of first use. */
function callGroups(calls: readonly CallFact[]): [string, unknown[][]][] {
  const groups = new Map<string, unknown[][]>();
  for (const [ord, fact] of calls.entries()) {
    const { caller, callee, receiver, receiverType, line, arity } = fact;
    const site: unknown[] = [ord, within(caller, MAX_SYMBOLS), line, arity];
    // What most calls lack stands last, and is left out.
    if (receiver !== '' || receiverType !== null) site.push(receiver);
    if (receiverType !== null) site.push(receiverType);
    const sites = groups.get(callee);
    if (!sites) groups.set(callee, [site]);
    else if (sites.length < MAX_SITES) sites.push(site);
  }
  return [...groups];
}

/** An index into a list that is cut at `size`. */
function within(index: number | null, size: number): number | null {
  return index !== null && index < size ? index : null;
}
