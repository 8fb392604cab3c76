import type { NearChunk } from '../../models/vector-store.ts';
import { MAX_CHUNKS } from '../../store/blob-rows.ts';
import type { TextMatch } from '../../store/full-text.ts';
import type { BlobLines, ChunkDetail, Place, PlacedChunk, SymbolRef } from '../../store/hits.ts';
import type { SymbolHit } from '../../store/symbols.ts';
import { type Lookup, matchesLines } from './lookup.ts';
import type { Evidence, Signal } from './rank.ts';

/** A candidate before it has a place: a chunk of a blob, or lines within one. */
export interface Found {
  chunkId: number;
  blobId: number;
  startLine: number;
  endLine: number;
  symbol: SymbolRef | null;
  named: SymbolRef | null;
  ranks: Partial<Record<Signal, number>>;
  lexicalShare: number;
  /** Cosine of the chunk's vector and the question's, 0 where it is not among the nearest. */
  similarity: number;
  /** The best of what the members of a type that begins here were found by. */
  members: Evidence | null;
}

/** What the lists told of their chunks: the chunks by id, and the places of blobs. */
export interface Known {
  chunks: Map<number, ChunkDetail>;
  places: Map<number, Place[]>;
}

/** Candidates of one lookup by chunk (or by lines): what several lists found is one candidate with several ranks. */
export class Pool {
  readonly #lookup: Lookup;
  readonly #byKey = new Map<string, Found>();
  /** Rank of each file in the path list. */
  readonly #files = new Map<number, number>();
  readonly known: Known = { chunks: new Map(), places: new Map() };

  constructor(lookup: Lookup) {
    this.#lookup = lookup;
  }

  addText(match: TextMatch, rank: number, best: number): void {
    const found = this.#atChunk(match.chunk);
    found.ranks.lexical = rank;
    found.lexicalShare = best > 0 ? match.score / best : 0;
  }

  /** In symbol mode a hit is the symbol itself, if it is not too long to read; else the chunk where it starts. */
  addSymbol(hit: SymbolHit, rank: number): void {
    const whole = this.#lookup.mode === 'symbol' && hit.endLine - hit.startLine < MAX_SYMBOL_LINES;
    this.#learn(hit.chunk);
    const found = whole ? this.#atLines(hit.chunk, hit) : this.#atChunk(hit.chunk);
    found.ranks.symbol ??= rank;
    found.named ??= hit;
    if (whole) found.symbol ??= hit;
  }

  /** A file found by its path lifts its candidates; when it has none, its first chunk stands for it. */
  addFile(blobId: number, first: PlacedChunk | null, rank: number): void {
    if (first) this.#learn(first);
    if (!this.#files.has(blobId)) this.#files.set(blobId, rank);
  }

  /** A line that the query names is as good as the first of the files. */
  addNamedLine(chunk: PlacedChunk): void {
    this.#atChunk(chunk).ranks.path = 0;
  }

  /** Last of all lists: the first of them are candidates of their own, the others only tell how near the known are. */
  addNear(near: readonly NearChunk[]): void {
    // What is spelled like no name is not meant by one.
    const asksForName = this.#lookup.code && this.#lookup.mode !== 'semantic';
    for (const [rank, { chunkId, blobId, cosine }] of near.entries()) {
      const known = this.#byKey.get(`${chunkId}`);
      if (!known && (rank >= this.#lookup.pool || asksForName)) continue;
      // Its lines are looked up with its place.
      const found = known ?? this.#at(`${chunkId}`, { chunkId, blobId, startLine: 0, endLine: 0 });
      found.ranks.semantic = rank;
      found.similarity = cosine;
    }
  }

  addExact(lines: BlobLines, chunk: PlacedChunk | null): void {
    if (chunk) this.#learn(chunk);
    if (matchesLines(this.#lookup.mode))
      this.#atLines({ chunkId: chunk?.chunkId ?? -1, blobId: lines.blobId }, lines).ranks.exact = 0;
    else if (chunk) this.#atChunk(chunk).ranks.exact = 0;
  }

  #learn({ blobId, places, ...chunk }: PlacedChunk): void {
    this.known.chunks.set(chunk.chunkId, chunk);
    if (places) this.known.places.set(blobId, places);
  }

  #atChunk(chunk: PlacedChunk): Found {
    this.#learn(chunk);
    return this.#at(`${chunk.chunkId}`, chunk);
  }

  #atLines(
    { chunkId, blobId }: Pick<Found, 'chunkId' | 'blobId'>,
    { startLine, endLine }: Pick<Found, 'startLine' | 'endLine'>,
  ): Found {
    return this.#at(`${blobId}:${startLine}-${endLine}`, { chunkId, blobId, startLine, endLine });
  }

  #at(
    key: string,
    { chunkId, blobId, startLine, endLine }: Pick<Found, 'chunkId' | 'blobId' | 'startLine' | 'endLine'>,
  ): Found {
    const known = this.#byKey.get(key);
    if (known) return known;
    const found = unranked({ chunkId, blobId, startLine, endLine });
    this.#byKey.set(key, found);
    return found;
  }

  found(): Found[] {
    const { mode, clause, exact } = this.#lookup;
    for (const found of this.#byKey.values()) {
      const file = this.#files.get(found.blobId);
      if (file !== undefined) found.ranks.path ??= file;
      this.#files.delete(found.blobId);
    }
    if (clause.symbols.length === 0) {
      for (const [blobId, rank] of this.#files) {
        const chunkId = blobId * MAX_CHUNKS;
        this.#at(`${chunkId}`, { chunkId, blobId, startLine: 0, endLine: 0 }).ranks.path = rank;
      }
    }
    const all = [...this.#byKey.values()];
    const inSymbols = clause.symbols.length > 0 && mode !== 'symbol' ? withinNamed(all) : all;
    // A complete exact search says which files count; without it the demand is checked on the candidates.
    return exact ? inSymbols.filter((found) => exact.lines.has(found.blobId)) : inSymbols;
  }
}

/** A candidate that no list has found yet. */
export function unranked({
  chunkId,
  blobId,
  startLine,
  endLine,
}: Pick<Found, 'chunkId' | 'blobId' | 'startLine' | 'endLine'>): Found {
  return {
    chunkId,
    blobId,
    startLine,
    endLine,
    symbol: null,
    named: null,
    ranks: {},
    lexicalShare: 0,
    similarity: 0,
    members: null,
  };
}

const MAX_SYMBOL_LINES = 120;

/** With `sym:`, candidates must lie in a symbol of that name. */
function withinNamed(all: Found[]): Found[] {
  const named = all.filter((found) => found.named);
  return all.filter((found) =>
    named.some(
      ({ blobId, named: symbol }) =>
        blobId === found.blobId && found.startLine <= symbol!.endLine && symbol!.startLine <= found.endLine,
    ),
  );
}
