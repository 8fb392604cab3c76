/**
 * Inflating and hashing of objects so small that setting up zlib and a hash costs several times the work itself: a pack
 * may hold a million of them.
 */

/** Up to here the functions of this file are faster than the runtime's. */
export const SMALL_BYTES = 512;

const LENGTH_BASE = Uint16Array.of(
  ...[
    3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195,
    227, 258,
  ],
);
const LENGTH_BITS = Uint8Array.of(
  ...[0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0],
);
const DISTANCE_BASE = Uint16Array.of(
  ...[
    1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073,
    4097,
  ],
  ...[6145, 8193, 12289, 16385, 24577],
);
const DISTANCE_BITS = Uint8Array.of(
  ...[0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13],
);
const CODE_LENGTH_ORDER = Uint8Array.of(
  ...[16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15],
);
const MAX_BITS = 15;

/** A canonical Huffman code: how many codes each length has, and the symbols in the order of their codes. */
interface Code {
  counts: Uint16Array;
  symbols: Uint16Array;
}

function emptyCode(symbols: number): Code {
  return { counts: new Uint16Array(MAX_BITS + 1), symbols: new Uint16Array(symbols) };
}

const offsets = new Uint16Array(MAX_BITS + 1);

/** Fills `code` from the lengths of its symbols; false when they make no code that is complete. */
function fillCode(code: Code, lengths: Uint8Array, from: number, count: number): boolean {
  const { counts, symbols } = code;
  counts.fill(0);
  for (let n = 0; n < count; n++) counts[lengths[from + n]!]!++;
  let left = 1;
  for (let bits = 1; bits <= MAX_BITS; bits++) {
    left = left * 2 - counts[bits]!;
    if (left < 0) return false;
  }
  offsets[1] = 0;
  for (let bits = 1; bits < MAX_BITS; bits++) offsets[bits + 1] = offsets[bits]! + counts[bits]!;
  for (let n = 0; n < count; n++) {
    const length = lengths[from + n]!;
    if (length !== 0) symbols[offsets[length]!++] = n;
  }
  // zlib takes an incomplete code only where it is a single distance; what is rarer than that is left to it.
  return left === 0;
}

const fixedLengths = new Uint8Array(318)
  .fill(8, 0, 144)
  .fill(9, 144, 256)
  .fill(7, 256, 280)
  .fill(8, 280, 288);
const FIXED_LITERALS = emptyCode(288);
fillCode(FIXED_LITERALS, fixedLengths, 0, 288);
const FIXED_DISTANCES = emptyCode(32);
fillCode(FIXED_DISTANCES, new Uint8Array(32).fill(5), 0, 32);

/** Reused by every call: nothing here waits. */
const dynamicLengths = new Uint8Array(320);
const dynamicLiterals = emptyCode(288);
const dynamicDistances = emptyCode(32);
const codeLengths = emptyCode(19);

class Bits {
  bytes: Uint8Array = new Uint8Array();
  at = 0;
  private end = 0;
  private held = 0;
  private count = 0;

  reset(bytes: Uint8Array, at: number): void {
    this.bytes = bytes;
    this.at = at;
    this.end = bytes.length;
    this.held = 0;
    this.count = 0;
  }

  /** The next bits; -1 beyond the end. At most 13. */
  take(wanted: number): number {
    while (this.count < wanted) {
      if (this.at >= this.end) return -1;
      this.held |= this.bytes[this.at++]! << this.count;
      this.count += 8;
    }
    const value = this.held & ((1 << wanted) - 1);
    this.held >>>= wanted;
    this.count -= wanted;
    return value;
  }

  /** The next symbol; -1 beyond the end and for what is no code. */
  symbol({ counts, symbols }: Code): number {
    let code = 0;
    let first = 0;
    let index = 0;
    for (let length = 1; length <= MAX_BITS; length++) {
      if (this.count === 0) {
        if (this.at >= this.end) return -1;
        this.held = this.bytes[this.at++]!;
        this.count = 8;
      }
      code |= this.held & 1;
      this.held >>>= 1;
      this.count--;
      const count = counts[length]!;
      if (code - count < first) return symbols[index + code - first]!;
      index += count;
      first = (first + count) << 1;
      code <<= 1;
    }
    return -1;
  }

  /** Drops the rest of the byte that is being read. */
  align(): void {
    this.held = 0;
    this.count = 0;
  }
}

const bits = new Bits();

/**
 * Inflates the zlib stream that begins `bytes` into `out`, which it must fill exactly.
 * @returns its length, checksum included; -1 for whatever is not entirely sound: zlib then says what is wrong.
 */
export function inflateSmall(bytes: Uint8Array, out: Uint8Array): number {
  const end = bytes.length;
  if (end < 6) return -1;
  const method = bytes[0]!;
  const flags = bytes[1]!;
  if ((method & 0x0f) !== 8 || method >> 4 > 7 || (method * 256 + flags) % 31 !== 0 || flags & 0x20)
    return -1;
  bits.reset(bytes, 2);
  let used = 0;
  for (let last = 0; last === 0; ) {
    last = bits.take(1);
    const kind = bits.take(2);
    if (last < 0) return -1;
    if (kind === 0) used = copyStored(out, used);
    else if (kind === 1) used = inflateBlock(out, used, FIXED_LITERALS, FIXED_DISTANCES);
    else if (kind === 2 && readCodes()) used = inflateBlock(out, used, dynamicLiterals, dynamicDistances);
    else return -1;
    if (used < 0) return -1;
  }
  if (used !== out.length || bits.at + 4 > end) return -1;
  const sum =
    bytes[bits.at]! * 0x1000000 +
    (bytes[bits.at + 1]! << 16) +
    (bytes[bits.at + 2]! << 8) +
    bytes[bits.at + 3]!;
  return adler32(out) === sum ? bits.at + 4 : -1;
}

function copyStored(out: Uint8Array, used: number): number {
  bits.align();
  const { bytes, at } = bits;
  if (at + 4 > bytes.length) return -1;
  const length = bytes[at]! | (bytes[at + 1]! << 8);
  if ((length ^ 0xffff) !== (bytes[at + 2]! | (bytes[at + 3]! << 8))) return -1;
  if (at + 4 + length > bytes.length || used + length > out.length) return -1;
  for (let n = 0; n < length; n++) out[used + n] = bytes[at + 4 + n]!;
  bits.at = at + 4 + length;
  return used + length;
}

/** The codes that a dynamic block begins with. */
function readCodes(): boolean {
  const literals = bits.take(5) + 257;
  const distances = bits.take(5) + 1;
  const count = bits.take(4) + 4;
  if (count < 4 || literals > 286 || distances > 30) return false;
  dynamicLengths.fill(0, 0, 19);
  for (let n = 0; n < count; n++) {
    const length = bits.take(3);
    if (length < 0) return false;
    dynamicLengths[CODE_LENGTH_ORDER[n]!] = length;
  }
  if (!fillCode(codeLengths, dynamicLengths, 0, 19)) return false;
  for (let n = 0; n < literals + distances; ) {
    const symbol = bits.symbol(codeLengths);
    if (symbol < 0) return false;
    if (symbol < 16) {
      dynamicLengths[n++] = symbol;
      continue;
    }
    if (symbol === 16 && n === 0) return false;
    const value = symbol === 16 ? dynamicLengths[n - 1]! : 0;
    const more = symbol === 16 ? bits.take(2) + 3 : symbol === 17 ? bits.take(3) + 3 : bits.take(7) + 11;
    if (more < 3 || n + more > literals + distances) return false;
    dynamicLengths.fill(value, n, n + more);
    n += more;
  }
  if (dynamicLengths[256] === 0) return false;
  return (
    fillCode(dynamicLiterals, dynamicLengths, 0, literals) &&
    fillCode(dynamicDistances, dynamicLengths, literals, distances)
  );
}

function inflateBlock(out: Uint8Array, from: number, literals: Code, distances: Code): number {
  let used = from;
  for (;;) {
    const symbol = bits.symbol(literals);
    if (symbol < 0) return -1;
    if (symbol === 256) return used;
    if (symbol < 256) {
      if (used === out.length) return -1;
      out[used++] = symbol;
      continue;
    }
    if (symbol > 285) return -1;
    const length = LENGTH_BASE[symbol - 257]! + bits.take(LENGTH_BITS[symbol - 257]!);
    const code = bits.symbol(distances);
    if (code < 0 || code > 29) return -1;
    const extra = bits.take(DISTANCE_BITS[code]!);
    const distance = DISTANCE_BASE[code]! + extra;
    if (extra < 0 || distance > used || used + length > out.length) return -1;
    for (let n = 0; n < length; n++, used++) out[used] = out[used - distance]!;
  }
}

/** Of at most `SMALL_BYTES`, so that the sums need no reduction on the way. */
function adler32(bytes: Uint8Array): number {
  let a = 1;
  let b = 0;
  for (let n = 0; n < bytes.length; n++) {
    a += bytes[n]!;
    b += a;
  }
  return (b % 65521) * 65536 + (a % 65521);
}

const words = new Int32Array(80);
const padded = new Uint8Array(SMALL_BYTES + 192);
const digest = new Uint8Array(20);

/** SHA-1 of `prefix` (ASCII) and at most `SMALL_BYTES`. Valid until the next call. */
export function sha1Small(prefix: string, bytes: Uint8Array): Uint8Array {
  const length = prefix.length + bytes.length;
  const total = (length + 72) & ~63;
  for (let n = 0; n < prefix.length; n++) padded[n] = prefix.charCodeAt(n);
  padded.set(bytes, prefix.length);
  padded[length] = 0x80;
  padded.fill(0, length + 1, total - 4);
  putWord(padded, total - 4, length * 8);
  let h0 = 0x67452301;
  let h1 = 0xefcdab89 | 0;
  let h2 = 0x98badcfe | 0;
  let h3 = 0x10325476;
  let h4 = 0xc3d2e1f0 | 0;
  for (let start = 0; start < total; start += 64) {
    for (let n = 0; n < 16; n++) {
      const at = start + 4 * n;
      words[n] = (padded[at]! << 24) | (padded[at + 1]! << 16) | (padded[at + 2]! << 8) | padded[at + 3]!;
    }
    for (let n = 16; n < 80; n++) {
      const word = words[n - 3]! ^ words[n - 8]! ^ words[n - 14]! ^ words[n - 16]!;
      words[n] = (word << 1) | (word >>> 31);
    }
    let a = h0;
    let b = h1;
    let c = h2;
    let d = h3;
    let e = h4;
    for (let n = 0; n < 80; n++) {
      let mixed: number;
      if (n < 20) mixed = ((b & c) | (~b & d)) + 0x5a827999;
      else if (n < 40) mixed = (b ^ c ^ d) + 0x6ed9eba1;
      else if (n < 60) mixed = ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
      else mixed = (b ^ c ^ d) + 0xca62c1d6;
      const next = (((a << 5) | (a >>> 27)) + mixed + e + words[n]!) | 0;
      e = d;
      d = c;
      c = (b << 30) | (b >>> 2);
      b = a;
      a = next;
    }
    h0 = (h0 + a) | 0;
    h1 = (h1 + b) | 0;
    h2 = (h2 + c) | 0;
    h3 = (h3 + d) | 0;
    h4 = (h4 + e) | 0;
  }
  putWord(digest, 0, h0);
  putWord(digest, 4, h1);
  putWord(digest, 8, h2);
  putWord(digest, 12, h3);
  putWord(digest, 16, h4);
  return digest;
}

function putWord(bytes: Uint8Array, at: number, word: number): void {
  bytes[at] = word >>> 24;
  bytes[at + 1] = word >>> 16;
  bytes[at + 2] = word >>> 8;
  bytes[at + 3] = word;
}
