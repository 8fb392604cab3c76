/**
 * Our index beside a pack. Not git's: it also tells type, size and flags of every object, and where a delta's base is,
 * so that most questions need no byte of the pack, and it can be read by range.
 *
 *   header (32 bytes)  magic, version, count, externals, unresolved, fan-out bits
 *   fan-out            2^bits + 1 numbers: the first record whose oid begins with that many bits or more
 *   records            40 bytes each, sorted by oid, once each
 *   externals          20 bytes each: oids in other packs that deltas here build on
 *
 * Numbers are big-endian, 32 bits. Format history: 1 (2026-11) first.
 */

import { ByteLru } from '../../lru.ts';
import { type EntryTable, EXTERNAL, NO_BASE, sortByOid } from './entry-table.ts';
import { openUpload } from './multipart.ts';
import { compareOids, lowerBound, OID_BYTES, oidToBytes, oidToHex } from './oid.ts';
import { COMMIT, TAG } from './pack-entry.ts';
import { lost, readRange } from './pack-source.ts';

const MAGIC = 0x534c5058; // SLPX
const FORMAT = 1;
const HEADER_BYTES = 32;
const RECORD_BYTES = 40;
/** A bucket of the fan-out then has 16 records in a small index, 244 in one of a million. */
const MAX_FANOUT_BITS = 12;

export interface IndexRecord {
  oid: string;
  offset: number;
  /** Of the entry in the pack, header included. */
  packedLength: number;
  size: number;
  /** 1 commit, 2 tree, 3 blob, 4 tag. */
  type: number;
  flags: number;
  /** `NO_BASE`, the number of the base's record, or `EXTERNAL` and a number into the externals. */
  base: number;
  /** Links to the next whole object. */
  depth: number;
}

export interface IndexSource {
  table: EntryTable;
  /** Bytes of an entry in the pack, header included. */
  lengthOf: (i: number) => number;
  externals: Uint8Array;
  unresolved: number;
}

/** Writes the index; records of entries without a known oid are left out. @returns the number of records. */
export async function writePackIndex(bucket: R2Bucket, key: string, source: IndexSource): Promise<number> {
  const { table } = source;
  const known = (i: number) => table.type(i) >= COMMIT && table.type(i) <= TAG;
  const sorted = withoutTwins(table, sortByOid(table, known));
  const positions = positionsOf(table, sorted);
  const upload = openUpload(bucket, key);
  try {
    await upload.write(headOf(source, sorted));
    const block = new Uint8Array(RECORD_BYTES * 1024);
    const view = new DataView(block.buffer);
    let at = 0;
    for (const i of sorted) {
      putRecord(block, view, at, source, positions, i);
      at += RECORD_BYTES;
      if (at < block.length) continue;
      await upload.write(block);
      at = 0;
    }
    await upload.write(block.subarray(0, at));
    await upload.write(source.externals);
    await upload.complete();
  } catch (error) {
    await upload.abort();
    throw error;
  }
  return sorted.length;
}

function putRecord(
  block: Uint8Array,
  view: DataView,
  at: number,
  { table, lengthOf }: IndexSource,
  positions: Uint32Array,
  i: number,
): void {
  const base = table.base(i);
  block.set(table.oid(i), at);
  view.setUint32(at + 20, table.offset(i));
  view.setUint32(at + 24, lengthOf(i));
  view.setUint32(at + 28, table.size(i));
  view.setUint32(at + 32, base === NO_BASE || base & EXTERNAL ? base : positions[base]!);
  view.setUint8(at + 36, table.type(i));
  view.setUint8(at + 37, table.flags(i));
  view.setUint16(at + 38, table.depth(i));
}

/** A pack may hold an object twice; the first entry stands for both. */
function withoutTwins(table: EntryTable, sorted: Uint32Array): Uint32Array {
  let kept = 0;
  for (let n = 0; n < sorted.length; n++) {
    if (kept > 0 && table.compare(sorted[kept - 1]!, sorted[n]!) === 0) {
      sorted[kept - 1] = Math.min(sorted[kept - 1]!, sorted[n]!);
    } else sorted[kept++] = sorted[n]!;
  }
  return sorted.subarray(0, kept);
}

/** Entry index → record number. A dropped twin is found through its oid. */
function positionsOf(table: EntryTable, sorted: Uint32Array): Uint32Array {
  const positions = new Uint32Array(table.length).fill(NO_BASE);
  for (let n = 0; n < sorted.length; n++) positions[sorted[n]!] = n;
  for (let i = 0; i < table.length; i++) {
    const base = table.base(i);
    if (base === NO_BASE || base & EXTERNAL || positions[base] !== NO_BASE) continue;
    const twin = lowerBound(sorted.length, (n) => table.compare(sorted[n]!, base));
    if (twin < sorted.length && table.compare(sorted[twin]!, base) === 0) positions[base] = twin;
  }
  return positions;
}

function headOf({ table, externals, unresolved }: IndexSource, sorted: Uint32Array): Uint8Array {
  const bits = Math.min(MAX_FANOUT_BITS, Math.max(0, Math.ceil(Math.log2(Math.max(1, sorted.length) / 16))));
  const head = new Uint8Array(HEADER_BYTES + 4 * (2 ** bits + 1));
  const view = new DataView(head.buffer);
  const numbers = [MAGIC, FORMAT, sorted.length, externals.length / OID_BYTES, unresolved, bits];
  for (const [n, value] of numbers.entries()) view.setUint32(4 * n, value);
  let n = 0;
  for (let bucket = 0; bucket <= 2 ** bits; bucket++) {
    while (n < sorted.length && bucketOf(table.prefix(sorted[n]!), bits) < bucket) n++;
    view.setUint32(HEADER_BYTES + 4 * bucket, n);
  }
  return head;
}

function bucketOf(prefix: number, bits: number): number {
  return bits === 0 ? 0 : prefix >>> (32 - bits);
}

const BLOCK_BYTES = 512 * 1024;

/** Blocks of indexes, of all repos of this isolate. An index never changes, so nothing goes stale. */
const blockCache = new ByteLru<string, Uint8Array>(6 * 1024 * 1024);

/** Reads an index by range, through the isolate's cache. */
export class PackIndex {
  readonly count: number;
  readonly unresolved: number;
  readonly externalCount: number;
  private readonly bucket: R2Bucket;
  private readonly key: string;
  private readonly bits: number;
  private readonly size: number;

  private constructor(bucket: R2Bucket, key: string, head: DataView) {
    if (head.getUint32(0) !== MAGIC || head.getUint32(4) !== FORMAT) throw lost();
    this.bucket = bucket;
    this.key = key;
    this.count = head.getUint32(8);
    this.externalCount = head.getUint32(12);
    this.unresolved = head.getUint32(16);
    this.bits = head.getUint32(20);
    this.size = this.recordsStart + this.count * RECORD_BYTES + this.externalCount * OID_BYTES;
  }

  /** @returns null when there is no such index: the pack was never taken in, or is deleted. */
  static async open(bucket: R2Bucket, key: string): Promise<PackIndex | null> {
    const known = blockCache.get(`${key}#0`);
    if (known) return new PackIndex(bucket, key, viewOf(known));
    const object = await bucket.get(key, { range: { offset: 0, length: BLOCK_BYTES } });
    if (!object) return null;
    const first = new Uint8Array(await object.arrayBuffer());
    blockCache.set(`${key}#0`, first, first.length);
    return new PackIndex(bucket, key, viewOf(first));
  }

  /** The record of an object, with its number; null when it is not in this pack. */
  async find(oid: Uint8Array): Promise<{ n: number; record: IndexRecord } | null> {
    if (this.count === 0) return null;
    const prefix = viewOf(oid).getUint32(0);
    const bucket = bucketOf(prefix, this.bits);
    const fan = viewOf(await this.bytes(HEADER_BYTES + 4 * bucket, 8));
    const first = fan.getUint32(0);
    const length = fan.getUint32(4) - first;
    if (length <= 0) return null;
    const records = await this.bytes(this.recordsStart + first * RECORD_BYTES, length * RECORD_BYTES);
    const n = lowerBound(length, (at) =>
      compareOids(records.subarray(at * RECORD_BYTES, at * RECORD_BYTES + 20), oid),
    );
    if (n === length) return null;
    const found = records.subarray(n * RECORD_BYTES, (n + 1) * RECORD_BYTES);
    return compareOids(found, oid) === 0 ? { n: first + n, record: readRecord(found) } : null;
  }

  /** Up to `limit` records whose oids begin with the hex digits. */
  async withPrefix(digits: string, limit: number): Promise<IndexRecord[]> {
    const low = oidToBytes(digits.padEnd(40, '0'));
    const from = HEADER_BYTES + 4 * bucketOf(viewOf(low).getUint32(0), this.bits);
    const first = this.count === 0 ? 0 : viewOf(await this.bytes(from, 4)).getUint32(0);
    const found: IndexRecord[] = [];
    for (let n = first; n < this.count && found.length < limit; n++) {
      const record = await this.record(n);
      if (record.oid.startsWith(digits)) found.push(record);
      else if (record.oid > digits) break;
    }
    return found;
  }

  /** All records in order, a block at a time, past the cache. */
  async *records(): AsyncGenerator<IndexRecord> {
    const perRead = Math.floor(BLOCK_BYTES / RECORD_BYTES);
    for (let n = 0; n < this.count; n += perRead) {
      const many = Math.min(perRead, this.count - n);
      const bytes = await readRange(
        this.bucket,
        this.key,
        this.recordsStart + n * RECORD_BYTES,
        many * RECORD_BYTES,
      );
      for (let at = 0; at < bytes.length; at += RECORD_BYTES)
        yield readRecord(bytes.subarray(at, at + RECORD_BYTES));
    }
  }

  async record(n: number): Promise<IndexRecord> {
    return readRecord(await this.bytes(this.recordsStart + n * RECORD_BYTES, RECORD_BYTES));
  }

  async external(n: number): Promise<Uint8Array> {
    return this.bytes(this.recordsStart + this.count * RECORD_BYTES + n * OID_BYTES, OID_BYTES);
  }

  private get recordsStart(): number {
    return HEADER_BYTES + 4 * (2 ** this.bits + 1);
  }

  private async bytes(offset: number, length: number): Promise<Uint8Array> {
    if (offset + length > this.size) throw lost();
    const first = Math.floor(offset / BLOCK_BYTES);
    const last = Math.floor((offset + length - 1) / BLOCK_BYTES);
    if (first === last) {
      const from = offset - first * BLOCK_BYTES;
      return (await this.block(first)).subarray(from, from + length);
    }
    const out = new Uint8Array(length);
    for (let n = first; n <= last; n++) {
      const start = Math.max(offset, n * BLOCK_BYTES);
      const end = Math.min(offset + length, (n + 1) * BLOCK_BYTES);
      out.set((await this.block(n)).subarray(start - n * BLOCK_BYTES, end - n * BLOCK_BYTES), start - offset);
    }
    return out;
  }

  private async block(n: number): Promise<Uint8Array> {
    const name = `${this.key}#${n}`;
    const known = blockCache.get(name);
    if (known) return known;
    const length = Math.min(BLOCK_BYTES, this.size - n * BLOCK_BYTES);
    const bytes = await readRange(this.bucket, this.key, n * BLOCK_BYTES, length);
    blockCache.set(name, bytes, bytes.length);
    return bytes;
  }
}

function readRecord(bytes: Uint8Array): IndexRecord {
  const view = viewOf(bytes);
  return {
    oid: oidToHex(bytes),
    offset: view.getUint32(20),
    packedLength: view.getUint32(24),
    size: view.getUint32(28),
    base: view.getUint32(32),
    type: view.getUint8(36),
    flags: view.getUint8(37),
    depth: view.getUint16(38),
  };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
