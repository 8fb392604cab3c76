import { FNV_START, fnvStep, MAX_WORD, type WordSink } from './scan-words.ts';

/** What of texts has a row in a model: words, pairs of neighbouring words, and buckets for the pieces of unknown words. */
export interface LexiconParts {
  /** In order of their rows. */
  words: readonly string[];
  /** Two row numbers of words each. */
  pairs: Uint16Array;
  buckets: number;
}

const FRAME_START = 94; // ^
const FRAME_END = 36; // $
const SHORTEST_PIECE = 3;
const LONGEST_PIECE = 5;

/**
 * Counts the features of one text at a time. Rows are numbered words first, then pairs, then buckets.
 * Time is linear in the text, memory bounded by the rows.
 */
export class Lexicon implements WordSink {
  readonly rows: number;
  /** The rows that the text has, in order of appearance: `touched[0..size)`. */
  readonly touched: Uint16Array;
  size = 0;
  /** How often, by row; 0 for those not touched. */
  readonly counts: Float32Array;

  private readonly words: number;
  private readonly firstBucket: number;
  private readonly buckets: number;
  private readonly slots: Int32Array;
  private readonly chars: Uint16Array;
  private readonly starts: Uint32Array;
  private readonly pairSlots: Int32Array;
  private readonly pairs: Uint16Array;
  private readonly framed = new Uint16Array(MAX_WORD + 2);
  private before = -1;

  constructor({ words, pairs, buckets }: LexiconParts) {
    this.words = words.length;
    this.firstBucket = words.length + pairs.length / 2;
    this.buckets = buckets;
    this.rows = this.firstBucket + buckets;
    if (this.rows > 0xffff) throw new RangeError(`${this.rows} rows in a lexicon`);
    this.touched = new Uint16Array(this.rows);
    this.counts = new Float32Array(this.rows);
    this.starts = new Uint32Array(words.length + 1);
    this.chars = new Uint16Array(words.reduce((sum, word) => sum + word.length, 0));
    this.slots = new Int32Array(tableSize(words.length));
    for (const [row, word] of words.entries()) this.addWord(row, word);
    this.pairs = pairs;
    this.pairSlots = new Int32Array(tableSize(pairs.length / 2));
    for (let pair = 0; pair < pairs.length / 2; pair++) {
      let slot = pairHash(pairs[2 * pair]!, pairs[2 * pair + 1]!) & (this.pairSlots.length - 1);
      while (this.pairSlots[slot] !== 0) slot = (slot + 1) & (this.pairSlots.length - 1);
      this.pairSlots[slot] = pair + 1;
    }
  }

  /** Forgets the text before. */
  clear(): void {
    for (let at = 0; at < this.size; at++) this.counts[this.touched[at]!] = 0;
    this.size = 0;
    this.before = -1;
  }

  word(codes: Uint16Array, length: number, hash: number): void {
    // A single letter says nothing, a single sign of another script does.
    if (length < 2 && codes[0]! < 128) {
      this.before = -1;
      return;
    }
    const row = this.rowOf(codes, length, hash);
    if (row >= 0) {
      this.add(row, 1);
      if (this.before >= 0) this.addPair(this.before, row);
    } else if (!isNumber(codes[0]!)) {
      this.addPieces(codes, length);
    }
    this.before = row;
  }

  /** The row of a word, or -1. */
  rowOf(codes: Uint16Array, length: number, hash: number): number {
    const mask = this.slots.length - 1;
    for (let slot = mixed(hash) & mask; this.slots[slot] !== 0; slot = (slot + 1) & mask) {
      const row = this.slots[slot]! - 1;
      const start = this.starts[row]!;
      if (this.starts[row + 1]! - start !== length) continue;
      let same = 0;
      while (same < length && this.chars[start + same] === codes[same]) same++;
      if (same === length) return row;
    }
    return -1;
  }

  private add(row: number, count: number): void {
    const known = this.counts[row]!;
    if (known === 0) this.touched[this.size++] = row;
    this.counts[row] = known + count;
  }

  private addPair(first: number, second: number): void {
    const mask = this.pairSlots.length - 1;
    for (let slot = pairHash(first, second) & mask; this.pairSlots[slot] !== 0; slot = (slot + 1) & mask) {
      const pair = this.pairSlots[slot]! - 1;
      if (this.pairs[2 * pair] !== first || this.pairs[2 * pair + 1] !== second) continue;
      this.add(this.words + pair, 1);
      return;
    }
  }

  /** An unknown word by its pieces of three to five letters, hashed; together they count as a word. */
  private addPieces(codes: Uint16Array, length: number): void {
    if (this.buckets === 0) return;
    const { framed } = this;
    framed[0] = FRAME_START;
    for (let at = 0; at < length; at++) framed[at + 1] = codes[at]!;
    framed[length + 1] = FRAME_END;
    const end = length + 2;
    let pieces = 0;
    for (let size = SHORTEST_PIECE; size <= LONGEST_PIECE; size++) pieces += Math.max(0, end - size + 1);
    const share = 1 / Math.sqrt(pieces);
    for (let from = 0; from + SHORTEST_PIECE <= end; from++) {
      let hash = FNV_START;
      for (let at = from; at < end && at < from + LONGEST_PIECE; at++) {
        hash = fnvStep(hash, framed[at]!);
        if (at - from + 1 >= SHORTEST_PIECE) this.add(this.firstBucket + (mixed(hash) % this.buckets), share);
      }
    }
  }

  private addWord(row: number, word: string): void {
    const start = this.starts[row]!;
    let hash = FNV_START;
    for (let at = 0; at < word.length; at++) {
      this.chars[start + at] = word.charCodeAt(at);
      hash = fnvStep(hash, word.charCodeAt(at));
    }
    this.starts[row + 1] = start + word.length;
    const mask = this.slots.length - 1;
    let slot = mixed(hash) & mask;
    while (this.slots[slot] !== 0) slot = (slot + 1) & mask;
    this.slots[slot] = row + 1;
  }
}

/** A power of two, at most half full. */
function tableSize(entries: number): number {
  return 2 ** Math.ceil(Math.log2(2 * entries + 2));
}

const isNumber = (code: number) => code >= 48 && code <= 57;

/** FNV leaves its low bits poorly mixed. */
function mixed(hash: number): number {
  return Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) >>> 0;
}

function pairHash(first: number, second: number): number {
  return mixed(Math.imul(first, 0x9e3779b1) ^ second);
}
