/**
 * Chunks: the pieces of a file that search finds and contexts are made of. A symbol that fits is one chunk, with its
 * documentation and decorators; a larger one gives its members their own and is cut into windows between them. Every
 * line that holds a letter or digit is in exactly one chunk; closing braces between chunks are in none, so that a
 * chunk's range is its symbol's.
 */
import type { ChunkFact, SymbolFact, SymbolKind } from './facts.ts';
import type { Lines } from './lines.ts';

/** What fits: about a screen, and what embedding models and readers take in one piece. */
const MAX_LINES = 60;
const MAX_CHARS = 2000;
/** Of one blob; the index numbers them with 12 bits. */
export const MAX_CHUNKS = 4000;
/** Smaller symbols (fields, one-line constants) share a chunk with their neighbours. */
const MIN_OWN_LINES = 3;

export interface ChunkOptions {
  /** Kinds of symbols get a chunk of their own however small (sections of a document). */
  always?: boolean;
}

/** Chunks of a parsed file in order of lines. `leadRows` is where each symbol's documentation begins (0-based). */
export function chunksOf(
  text: string,
  lines: Lines,
  symbols: readonly SymbolFact[],
  leadRows: readonly number[],
  options: ChunkOptions = {},
): ChunkFact[] {
  const cutter = new Cutter(text, lines, symbols, leadRows, options);
  const chunks = cutter.cut();
  return chunks.length <= MAX_CHUNKS ? chunks : windowsOf(text, lines);
}

/** Line-safe windows over a text without symbols. They widen for a file that would have more than MAX_CHUNKS. */
export function windowsOf(text: string, lines: Lines): ChunkFact[] {
  for (let scale = 1; ; scale *= 2) {
    const cutter = new Cutter(text, lines, [], [], { scale });
    const chunks = cutter.cut();
    if (chunks.length <= MAX_CHUNKS) return chunks;
  }
}

interface Node {
  symbol: number | null;
  from: number;
  to: number;
  children: Node[];
}

/** Parts that own chunks when they are large enough; the others are lines of what encloses them. */
const MERGED: ReadonlySet<SymbolKind> = new Set(['field', 'variable', 'constant']);

class Cutter {
  private readonly text: string;
  private readonly lines: Lines;
  private readonly symbols: readonly SymbolFact[];
  private readonly leadRows: readonly number[];
  private readonly always: boolean;
  private readonly maxLines: number;
  private readonly maxChars: number;
  private readonly chunks: ChunkFact[] = [];

  constructor(
    text: string,
    lines: Lines,
    symbols: readonly SymbolFact[],
    leadRows: readonly number[],
    options: ChunkOptions & { scale?: number },
  ) {
    this.text = text;
    this.lines = lines;
    this.symbols = symbols;
    this.leadRows = leadRows;
    this.always = options.always ?? false;
    this.maxLines = MAX_LINES * (options.scale ?? 1);
    this.maxChars = MAX_CHARS * (options.scale ?? 1);
  }

  cut(): ChunkFact[] {
    if (this.lines.count > 0) {
      const root: Node = { symbol: null, from: 0, to: this.lines.count - 1, children: this.tree() };
      this.split(root);
    }
    return this.chunks;
  }

  /** Symbols by range, each line given to the first that claims it; ranges of siblings do not touch. */
  private tree(): Node[] {
    const roots: Node[] = [];
    const open: Node[] = [];
    const order = this.symbols
      .map((_, at) => at)
      .sort((a, b) => this.first(a) - this.first(b) || this.last(b) - this.last(a));
    for (const at of order) {
      const to = this.last(at);
      while (open.length > 0 && open.at(-1)!.to < this.first(at)) open.pop();
      const around = open.at(-1);
      const siblings = around ? around.children : roots;
      const from = Math.max(this.first(at), (siblings.at(-1)?.to ?? -1) + 1);
      if (from > to || (around && (to > around.to || (from === around.from && to === around.to)))) continue;
      const node: Node = { symbol: at, from, to, children: [] };
      siblings.push(node);
      open.push(node);
    }
    return roots;
  }

  private first(symbol: number): number {
    return Math.min(this.leadRows[symbol] ?? Number.POSITIVE_INFINITY, this.symbols[symbol]!.startLine - 1);
  }

  private last(symbol: number): number {
    return this.symbols[symbol]!.endLine - 1;
  }

  /** A node that does not fit: its members in turn, and windows over what lies between them. */
  private split(node: Node): void {
    let pending = node.from;
    let held: Node[] = [];
    const flush = (to: number) => {
      // A run that holds one small symbol and nothing else of note is that symbol's.
      const only = held.length === 1 && this.trim(pending, to)?.from === held[0]!.from ? held[0]! : null;
      this.windows(
        pending,
        to,
        only && only.to >= (this.trim(pending, to)?.to ?? 0) ? only.symbol : node.symbol,
      );
      held = [];
    };
    for (const child of node.children) {
      if (!this.ownsChunk(child)) {
        held.push(child);
        continue;
      }
      flush(child.from - 1);
      if (this.fits(child.from, child.to)) this.emit(child.from, child.to, child.symbol);
      else this.split(child);
      pending = child.to + 1;
    }
    flush(node.to);
  }

  private ownsChunk(node: Node): boolean {
    const height = node.to - node.from + 1;
    if (this.always) return true;
    const kind = this.symbols[node.symbol!]!.kind;
    return height >= (MERGED.has(kind) ? 2 * MIN_OWN_LINES : MIN_OWN_LINES);
  }

  private fits(from: number, to: number): boolean {
    return to - from < this.maxLines && this.chars(from, to) <= this.maxChars;
  }

  private chars(from: number, to: number): number {
    return this.lines.starts[to + 1]! - this.lines.starts[from]!;
  }

  /** Cuts rows into windows that fit, best at a blank line in their last half. A line that is too long stands alone. */
  private windows(from: number, to: number, symbol: number | null): void {
    let at = from;
    while (at <= to) {
      let end = at;
      while (end < to && this.fits(at, end + 1)) end++;
      if (end < to) end = this.breakBetween(at, end);
      this.emit(at, end, symbol);
      at = end + 1;
    }
  }

  private breakBetween(from: number, to: number): number {
    for (let row = to; row > from + (to - from) / 2; row--) if (this.isBlank(row)) return row;
    return to;
  }

  private emit(from: number, to: number, symbol: number | null): void {
    const rows = this.trim(from, to);
    if (rows && this.hasWords(rows.from, rows.to)) {
      this.chunks.push({ startLine: rows.from + 1, endLine: rows.to + 1, symbol });
    }
  }

  private trim(from: number, to: number): { from: number; to: number } | null {
    let first = from;
    let last = to;
    while (first <= last && this.isBlank(first)) first++;
    while (last >= first && this.isBlank(last)) last--;
    return first > last ? null : { from: first, to: last };
  }

  private isBlank(row: number): boolean {
    for (let at = this.lines.starts[row]!; at < this.lines.starts[row + 1]!; at++) {
      const code = this.text.charCodeAt(at);
      if (code !== 32 && (code < 9 || code > 13) && code !== 0xa0 && code !== 0xfeff) return false;
    }
    return true;
  }

  private hasWords(from: number, to: number): boolean {
    const rows = this.text.slice(this.lines.starts[from]!, this.lines.starts[to + 1]!);
    return WORD.test(rows) && !(to - from < 3 && CLOSER.test(rows));
  }
}

const WORD = /[\p{L}\p{N}]/u;
/** What closes a block in Ruby, shell and the like. */
const CLOSER = /^(?:[\s;})\]]|\b(?:end|fi|done|esac)\b)*$/;
