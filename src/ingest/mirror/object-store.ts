/**
 * Objects of a repo, read from all of its packs. Packs never change, so what an isolate has read stays true; the
 * caches are bounded and shared by all repos of the isolate.
 */
import { Problem } from '../../errors.ts';
import { ByteLru } from '../../lru.ts';
import { keys } from '../../store/keys.ts';
import { type BlobFlags, byteToFlags } from '../parse/sniff.ts';
import { applyDelta } from './delta.ts';
import { EXTERNAL, NO_BASE } from './entry-table.ts';
import { PieceInflater } from './inflate.ts';
import { isOid, oidToBytes } from './oid.ts';
import { type ObjectType, TYPE_NAMES } from './pack-entry.ts';
import { type IndexRecord, PackIndex } from './pack-index.ts';
import { inflateEntry, lost, readHeader, streamEntry } from './pack-source.ts';

export type { ObjectType } from './pack-entry.ts';

export interface ObjectInfo {
  type: ObjectType;
  size: number;
  /** All false for what is no blob. */
  flags: BlobFlags;
  /** Ascending in the order in which objects lie in the packs: sort by it, and neighbours share reads. */
  position: number;
}

export interface StoredObject {
  oid: string;
  type: ObjectType;
  bytes: Uint8Array;
}

export interface ObjectStore {
  /** What the indexes say; only found oids are in the map. Reads no pack. */
  info(oids: string[]): Promise<Map<string, ObjectInfo>>;
  /** null when missing. @throws Problem `payload_too_large` when the object exceeds `maxBytes` (default 32 MB) */
  read(oid: string, maxBytes?: number): Promise<{ type: ObjectType; bytes: Uint8Array } | null>;
  /** Found objects up to 32 MB, in pack order, one at a time; missing and larger ones are left out. */
  readMany(oids: string[]): AsyncIterable<StoredObject>;
  /** Any size, with a byte range; `size` is the whole object's. null when missing. */
  stream(
    oid: string,
    range?: { offset: number; length: number },
  ): Promise<{ size: number; body: ReadableStream<Uint8Array> } | null>;
  /** Oids that begin with these hex digits (at least 4), at most `limit`, with their types. */
  withPrefix(digits: string, limit: number): Promise<{ oid: string; type: ObjectType }[]>;
  /** Deltas that the intake left unresolved: above 0, a missing object may be one of them. */
  unresolvedCount(): Promise<number>;
}

const MB = 1024 * 1024;
const MAX_HELD_BYTES = 32 * MB;
const BLOCK_BYTES = 256 * 1024;
/** Blocks fetched by one read when their neighbours are wanted too. */
const RUN_BLOCKS = 8;
/** Objects inflated in one piece rather than streamed. */
const SMALL_BYTES = 1 * MB;

/** Links of deltas over all packs: what the intake allows in one, in as many as there are before they are merged. */
const MAX_CHAIN = 65_535;

/** Blocks of packs, and objects that deltas build on, of all repos of this isolate. */
const blocks = new ByteLru<string, Uint8Array>(4 * MB);
const bases = new ByteLru<string, Uint8Array>(6 * MB);

interface Pack {
  key: string;
  /** Among the repo's packs, oldest first. */
  ordinal: number;
  index: PackIndex;
}

interface Location {
  pack: Pack;
  n: number;
  record: IndexRecord;
}

/**
 * Opens the repo's packs for reading; nothing is read until asked. Packs that are gone hold nothing.
 * @param packIds oldest first: a delta then builds on its own pack or an older one, and no chain comes back to itself.
 */
export function openObjects(bucket: R2Bucket, repoId: string, packIds: string[]): ObjectStore {
  return new PackedObjects(bucket, repoId, packIds);
}

class PackedObjects implements ObjectStore {
  private readonly bucket: R2Bucket;
  private readonly repoId: string;
  private readonly packIds: string[];
  private opened: Promise<Pack[]> | null = null;

  constructor(bucket: R2Bucket, repoId: string, packIds: string[]) {
    this.bucket = bucket;
    this.repoId = repoId;
    this.packIds = packIds;
  }

  async info(oids: string[]): Promise<Map<string, ObjectInfo>> {
    const found = new Map<string, ObjectInfo>();
    for (const oid of oids) {
      const location = await this.locate(oid);
      if (location) found.set(oid, infoOf(location));
    }
    return found;
  }

  async read(
    oid: string,
    maxBytes = MAX_HELD_BYTES,
  ): Promise<{ type: ObjectType; bytes: Uint8Array } | null> {
    const location = await this.locate(oid);
    if (!location) return null;
    if (location.record.size > maxBytes) {
      throw new Problem(
        'payload_too_large',
        `Object ${oid} has ${location.record.size} bytes; at most ${maxBytes} are read.`,
      );
    }
    return { type: typeName(location.record), bytes: await this.bytesOf(location) };
  }

  async *readMany(oids: string[]): AsyncIterable<StoredObject> {
    const wanted: Location[] = [];
    for (const oid of oids) {
      const location = await this.locate(oid);
      if (location && location.record.size <= MAX_HELD_BYTES) wanted.push(location);
    }
    wanted.sort((a, b) => a.pack.ordinal - b.pack.ordinal || a.record.offset - b.record.offset);
    for (const [i, location] of wanted.entries()) {
      await this.prefetch(wanted, i);
      yield {
        oid: location.record.oid,
        type: typeName(location.record),
        bytes: await this.bytesOf(location),
      };
    }
  }

  async stream(oid: string, range?: { offset: number; length: number }) {
    const location = await this.locate(oid);
    if (!location) return null;
    const { size } = location.record;
    const from = Math.min(Math.max(0, range?.offset ?? 0), size);
    const length = Math.min(range?.length ?? size, size - from);
    const whole = size <= SMALL_BYTES || location.record.base !== NO_BASE;
    const body = whole
      ? streamOf(async () => (await this.bytesOf(location)).subarray(from, from + length))
      : await this.inflating(location, from, length);
    return { size, body };
  }

  async withPrefix(digits: string, limit: number): Promise<{ oid: string; type: ObjectType }[]> {
    if (!/^[0-9a-f]{4,40}$/.test(digits)) return [];
    const found = new Map<string, ObjectType>();
    for (const pack of await this.packs()) {
      for (const record of await pack.index.withPrefix(digits, limit))
        found.set(record.oid, typeName(record));
    }
    return [...found].slice(0, limit).map(([oid, type]) => ({ oid, type }));
  }

  async unresolvedCount(): Promise<number> {
    let count = 0;
    for (const pack of await this.packs()) count += pack.index.unresolved;
    return count;
  }

  private packs(): Promise<Pack[]> {
    this.opened ??= this.open();
    return this.opened;
  }

  private async open(): Promise<Pack[]> {
    const packs: Pack[] = [];
    for (const id of this.packIds) {
      const index = await PackIndex.open(this.bucket, keys.packIndex(this.repoId, id));
      if (index) packs.push({ key: keys.pack(this.repoId, id), ordinal: packs.length, index });
    }
    return packs;
  }

  private async locate(oid: string): Promise<Location | null> {
    if (!isOid(oid)) return null;
    return this.locateBytes(oidToBytes(oid));
  }

  private async locateBytes(oid: Uint8Array): Promise<Location | null> {
    for (const pack of await this.packs()) {
      const found = await pack.index.find(oid);
      if (found) return { pack, ...found };
    }
    return null;
  }

  /** The object's bytes: its chain of deltas is walked down to what is cached or whole, then applied upwards. */
  private async bytesOf(target: Location): Promise<Uint8Array> {
    if (target.record.base === NO_BASE) return this.payload(target);
    const chain: Location[] = [];
    let at = target;
    let bytes = bases.get(cacheKey(at));
    while (!bytes) {
      if (at.record.base === NO_BASE) {
        bytes = await this.payload(at);
        bases.set(cacheKey(at), bytes, bytes.length);
      } else {
        if (chain.push(at) > MAX_CHAIN) throw lost();
        at = await this.baseOf(at);
        bytes = bases.get(cacheKey(at));
      }
    }
    for (let link = chain.pop(); link; link = chain.pop()) {
      bytes = applyDelta(bytes, await this.payload(link));
      bases.set(cacheKey(link), bytes, bytes.length);
    }
    return bytes;
  }

  private async baseOf({ pack, record }: Location): Promise<Location> {
    if ((record.base & EXTERNAL) === 0) {
      return { pack, n: record.base, record: await pack.index.record(record.base) };
    }
    const oid = await pack.index.external((record.base & ~EXTERNAL) >>> 0);
    const found = await this.locateBytes(oid);
    if (!found) throw lost();
    return found;
  }

  /** What the entry itself holds: the object, or the delta. */
  private async payload({ pack, record }: Location): Promise<Uint8Array> {
    const { offset, packedLength } = record;
    if (packedLength > BLOCK_BYTES) return streamEntry(this.bucket, pack.key, offset, packedLength);
    const first = Math.floor(offset / BLOCK_BYTES);
    const last = Math.floor((offset + packedLength - 1) / BLOCK_BYTES);
    const from = offset - first * BLOCK_BYTES;
    const head = await this.block(pack, first);
    if (first === last) return inflateEntry(head.subarray(from, from + packedLength));
    const entry = new Uint8Array(packedLength);
    const part = head.subarray(from);
    entry.set(part);
    entry.set((await this.block(pack, last)).subarray(0, packedLength - part.length), part.length);
    return inflateEntry(entry);
  }

  /** The last block of a pack is shorter; the bucket clamps. */
  private async block(pack: Pack, n: number): Promise<Uint8Array> {
    const known = blocks.get(blockKey(pack, n));
    if (known) return known;
    await this.fetchBlocks(pack, n, 1);
    const bytes = blocks.get(blockKey(pack, n));
    if (!bytes) throw lost();
    return bytes;
  }

  private async fetchBlocks(pack: Pack, first: number, count: number): Promise<void> {
    const object = await this.bucket.get(pack.key, {
      range: { offset: first * BLOCK_BYTES, length: count * BLOCK_BYTES },
    });
    if (!object) throw lost();
    const bytes = new Uint8Array(await object.arrayBuffer());
    for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
      // Copies: a view would keep the whole run alive for one block.
      const block = count === 1 ? bytes : bytes.slice(at, at + BLOCK_BYTES);
      blocks.set(blockKey(pack, first + at / BLOCK_BYTES), block, block.length);
    }
  }

  /** When the next objects lie in the blocks that follow, one read fetches the run. */
  private async prefetch(wanted: Location[], i: number): Promise<void> {
    const { pack, record } = wanted[i]!;
    const first = Math.floor(record.offset / BLOCK_BYTES);
    if (record.packedLength > BLOCK_BYTES || blocks.get(blockKey(pack, first))) return;
    let last = first;
    for (let next = i; next < wanted.length && wanted[next]!.pack === pack; next++) {
      const { offset, packedLength } = wanted[next]!.record;
      const block = Math.floor((offset + packedLength - 1) / BLOCK_BYTES);
      if (packedLength > BLOCK_BYTES || Math.floor(offset / BLOCK_BYTES) > last + 1) break;
      if (block - first >= RUN_BLOCKS) break;
      last = Math.max(last, block);
    }
    await this.fetchBlocks(pack, first, last - first + 1);
  }

  /** A whole object too large to hold: inflated as the reader asks for it. */
  private async inflating({ pack, record }: Location, from: number, length: number) {
    const object = await this.bucket.get(pack.key, {
      range: { offset: record.offset, length: record.packedLength },
    });
    if (!object) throw lost();
    return inflateRange(object.body, record, from, length);
  }
}

/** Compressed bytes fed at once are so few that their output stays near this, however well they are compressed. */
const OUTPUT_BYTES = 256 * 1024;

function inflateRange(
  packed: ReadableStream<Uint8Array>,
  record: IndexRecord,
  from: number,
  length: number,
): ReadableStream<Uint8Array> {
  const reader = packed.getReader();
  const slice = Math.max(512, Math.floor((OUTPUT_BYTES * record.packedLength) / record.size));
  let skip = from;
  let left = length;
  let input: Uint8Array | null = null;
  let ready: Uint8Array[] = [];
  const inflater = new PieceInflater(record.size, (piece) => {
    const wanted = piece.subarray(Math.min(skip, piece.length)).subarray(0, left);
    skip -= Math.min(skip, piece.length);
    left -= wanted.length;
    if (wanted.length > 0) ready.push(wanted);
  });

  async function advance(): Promise<void> {
    input ??= (await readHeader(reader)).rest;
    if (input.length === 0) {
      const { value } = await reader.read();
      if (!value) return inflater.finish();
      input = value;
    }
    const fed = input.subarray(0, slice);
    input = input.subarray(slice);
    await inflater.push(fed);
  }

  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        while (ready.length === 0 && left > 0) await advance();
        for (const piece of ready) controller.enqueue(piece);
        ready = [];
        if (left > 0) return;
        controller.close();
        await reader.cancel();
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}

function streamOf(make: () => Promise<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const bytes = await make();
        if (bytes.length > 0) controller.enqueue(bytes);
        controller.close();
      },
    },
    { highWaterMark: 0 },
  );
}

function infoOf({ pack, record }: Location): ObjectInfo {
  const { size, flags, offset } = record;
  const position = pack.ordinal * 2 ** 32 + offset;
  return { type: typeName(record), size, flags: byteToFlags(flags), position };
}

function typeName(record: IndexRecord): ObjectType {
  return TYPE_NAMES[record.type] as ObjectType;
}

const cacheKey = ({ pack, n }: Location) => `${pack.key}#${n}`;
const blockKey = (pack: Pack, n: number) => `${pack.key}#${n}`;
