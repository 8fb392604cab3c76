/**
 * The entries of a pack while it is taken in: columns of fixed width in blocks made as entries arrive, so that a
 * header that lies about its count costs nothing, and a million objects cost 36 MB.
 */
import { compareOids, OID_BYTES } from './oid.ts';

const BLOCK = 16_384;
/** Of all columns. */
const ENTRY_BYTES = OID_BYTES + 3 * 4 + 2 + 2;

/** `base` of entries that are no delta. */
export const NO_BASE = 0xffffffff;
/** Set in `base` when the rest is an index into the external bases of a thin pack. */
export const EXTERNAL = 0x80000000;

interface Block {
  oid: Uint8Array;
  offset: Uint32Array;
  size: Uint32Array;
  base: Uint32Array;
  type: Uint8Array;
  flags: Uint8Array;
  depth: Uint16Array;
}

export class EntryTable {
  private readonly blocks: Block[] = [];
  length = 0;

  get heldBytes(): number {
    return this.blocks.length * BLOCK * ENTRY_BYTES;
  }

  /** Appends an entry that begins at `offset`; its index is `length - 1`. */
  add(offset: number): void {
    const at = this.length % BLOCK;
    if (at === 0) this.blocks.push(newBlock());
    const block = this.blocks.at(-1)!;
    block.offset[at] = offset;
    block.base[at] = NO_BASE;
    this.length++;
  }

  setObject(i: number, oid: Uint8Array, type: number, size: number, flags: number): void {
    const block = this.block(i);
    const at = i % BLOCK;
    block.oid.set(oid, at * OID_BYTES);
    block.type[at] = type;
    block.size[at] = size;
    block.flags[at] = flags;
  }

  /** A view of the entry's 20 bytes. */
  oid(i: number): Uint8Array {
    const at = (i % BLOCK) * OID_BYTES;
    return this.block(i).oid.subarray(at, at + OID_BYTES);
  }

  setOid(i: number, oid: Uint8Array): void {
    this.block(i).oid.set(oid, (i % BLOCK) * OID_BYTES);
  }

  setOffset(i: number, offset: number): void {
    this.block(i).offset[i % BLOCK] = offset;
  }

  offset(i: number): number {
    return this.block(i).offset[i % BLOCK]!;
  }

  /** Where entry `i` ends, in a pack whose entries end at `packEnd`. */
  end(i: number, packEnd: number): number {
    return i + 1 < this.length ? this.offset(i + 1) : packEnd;
  }

  size(i: number): number {
    return this.block(i).size[i % BLOCK]!;
  }

  type(i: number): number {
    return this.block(i).type[i % BLOCK]!;
  }

  setType(i: number, type: number): void {
    this.block(i).type[i % BLOCK] = type;
  }

  flags(i: number): number {
    return this.block(i).flags[i % BLOCK]!;
  }

  base(i: number): number {
    return this.block(i).base[i % BLOCK]!;
  }

  depth(i: number): number {
    return this.block(i).depth[i % BLOCK]!;
  }

  setBase(i: number, base: number, depth: number): void {
    const block = this.block(i);
    block.base[i % BLOCK] = base;
    block.depth[i % BLOCK] = depth;
  }

  /** The first four bytes of an oid as a number: most comparisons need no more. */
  prefix(i: number): number {
    const { oid } = this.block(i);
    const at = (i % BLOCK) * OID_BYTES;
    return ((oid[at]! << 24) | (oid[at + 1]! << 16) | (oid[at + 2]! << 8) | oid[at + 3]!) >>> 0;
  }

  compare(a: number, b: number): number {
    const x = this.prefix(a);
    const y = this.prefix(b);
    return x !== y ? x - y : compareOids(this.oid(a), this.oid(b));
  }

  /** Index of the entry that begins exactly at `offset`, or -1. Entries stand in the order of their offsets. */
  at(offset: number): number {
    let low = 0;
    let high = this.length - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const found = this.offset(middle);
      if (found === offset) return middle;
      if (found < offset) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  private block(i: number): Block {
    return this.blocks[Math.floor(i / BLOCK)]!;
  }
}

function newBlock(): Block {
  return {
    oid: new Uint8Array(BLOCK * OID_BYTES),
    offset: new Uint32Array(BLOCK),
    size: new Uint32Array(BLOCK),
    base: new Uint32Array(BLOCK),
    type: new Uint8Array(BLOCK),
    flags: new Uint8Array(BLOCK),
    depth: new Uint16Array(BLOCK),
  };
}

/** Entry indices in the order of their oids, of those that `take` accepts. Counting sort on 16 bits, then insertion. */
export function sortByOid(table: EntryTable, take: (i: number) => boolean): Uint32Array {
  const counts = new Uint32Array(65_537);
  let taken = 0;
  for (let i = 0; i < table.length; i++) {
    if (!take(i)) continue;
    counts[(table.prefix(i) >>> 16) + 1]!++;
    taken++;
  }
  for (let bucket = 1; bucket < counts.length; bucket++) counts[bucket]! += counts[bucket - 1]!;
  const sorted = new Uint32Array(taken);
  const next = counts.slice();
  for (let i = 0; i < table.length; i++) if (take(i)) sorted[next[table.prefix(i) >>> 16]!++] = i;
  for (let bucket = 0; bucket < 65_536; bucket++) {
    const run = sorted.subarray(counts[bucket]!, counts[bucket + 1]!);
    if (run.length > 32) run.sort((a, b) => table.compare(a, b));
    else insertionSort(run, (a, b) => table.compare(a, b));
  }
  return sorted;
}

function insertionSort(run: Uint32Array, compare: (a: number, b: number) => number): void {
  for (let i = 1; i < run.length; i++) {
    const value = run[i]!;
    let at = i;
    while (at > 0 && compare(run[at - 1]!, value) > 0) {
      run[at] = run[at - 1]!;
      at--;
    }
    run[at] = value;
  }
}
