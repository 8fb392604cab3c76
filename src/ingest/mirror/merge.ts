/**
 * Many small packs into one, and what nothing reaches any more left behind. Entries are copied as they are, by
 * streams: the index, not the pack, says where a base is. Only objects at the end of a long chain of deltas are
 * written whole, so that years of small syncs do not make reading slower.
 *
 * Copies of an object in several packs: the oldest stays. A delta builds on its own pack or an older one, so the kept
 * entries still have no circle.
 */
import { deflateSync } from 'node:zlib';
import { keys } from '../../store/keys.ts';
import { EntryTable, EXTERNAL, NO_BASE, sortByOid } from './entry-table.ts';
import { INTAKE_LIMITS } from './limits.ts';
import { openUpload, type Upload } from './multipart.ts';
import { type ObjectStore, openObjects } from './object-store.ts';
import { compareOids, lowerBound, oidToBytes, oidToHex } from './oid.ts';
import { BLOB, type ObjectType, TYPE_NAMES, writeEntryHeader } from './pack-entry.ts';
import { type IndexRecord, PackIndex, writePackIndex } from './pack-index.ts';
import { lost } from './pack-source.ts';
import { parseCommit, parseTag, parseTree, SUBMODULE_MODE } from './trees.ts';

export interface MergedPack {
  bytes: number;
  objects: number;
  unresolved: number;
}

export interface MergeOptions {
  /** Commits and tags to keep, with all they reach; absent keeps everything. */
  reachableFrom?: string[];
  /** Chains of deltas longer than this are cut by a whole object. */
  maxDepth?: number;
}

/** git's own default for `pack.depth`. */
const MAX_DEPTH = 50;
/** Beyond this the bookkeeping of a merge would not fit beside other work; such packs stay as they are. */
const MAX_MERGED_OBJECTS = 500_000;
/** Gaps shorter than this are read over rather than paid for with another request. */
const MAX_GAP = 64 * 1024;
/** Objects read at once while walking what is reachable. */
const WALK_BATCH = 2000;
/** In place of a pack's own: this one is not for git. */
const HEADER = new TextEncoder().encode('SLPKmerged-1');

/**
 * Writes the objects of `packIds` (all packs of the repo, oldest first) as pack `into`. The old packs stay: the caller
 * swaps the rows in one write, then deletes their objects.
 * @returns null when the packs together are too many objects or bytes for one; nothing has then been written.
 * @throws MirrorError `unreachable` when a pack has vanished meanwhile.
 */
export async function mergePacks(
  deps: { bucket: R2Bucket },
  repoId: string,
  packIds: string[],
  into: string,
  options: MergeOptions = {},
): Promise<MergedPack | null> {
  const { bucket } = deps;
  const objects = openObjects(bucket, repoId, packIds);
  const merge = await Merge.open(bucket, repoId, packIds);
  if (!merge) return null;
  if (options.reachableFrom) await merge.keepReachable(objects, options.reachableFrom);
  merge.cutChains(options.maxDepth ?? MAX_DEPTH);
  const upload = openUpload(bucket, keys.pack(repoId, into));
  try {
    const bytes = await merge.copy(upload, objects);
    await upload.complete();
    const unresolved = await objects.unresolvedCount();
    const written = await merge.writeIndex(keys.packIndex(repoId, into), unresolved);
    return { bytes, objects: written, unresolved };
  } catch (error) {
    await upload.abort();
    await bucket.delete(keys.packIndex(repoId, into));
    throw error;
  }
}

const DROP = 0;
const KEEP = 1;
/** To be written as a whole object. */
const WHOLE = 2;

class Merge {
  private readonly bucket: R2Bucket;
  private readonly packKeys: string[] = [];
  /** Every object once. `offset` is that in its old pack, then in the new one; `base` is an index into this table. */
  private readonly table = new EntryTable();
  private readonly packOf: Uint8Array;
  private readonly lengths: Uint32Array;
  private readonly fate: Uint8Array;
  /** Entry indices sorted by oid, of the packs added so far. */
  private sorted: Uint32Array = new Uint32Array(0);

  private constructor(bucket: R2Bucket, count: number) {
    this.bucket = bucket;
    this.packOf = new Uint8Array(count);
    this.lengths = new Uint32Array(count);
    this.fate = new Uint8Array(count).fill(KEEP);
  }

  static async open(bucket: R2Bucket, repoId: string, packIds: string[]): Promise<Merge | null> {
    const packs: { key: string; index: PackIndex }[] = [];
    for (const id of packIds) {
      const index = await PackIndex.open(bucket, keys.packIndex(repoId, id));
      if (index) packs.push({ key: keys.pack(repoId, id), index });
    }
    const count = packs.reduce((sum, { index }) => sum + index.count, 0);
    if (count > MAX_MERGED_OBJECTS || packs.length > 255) return null;
    const merge = new Merge(bucket, count);
    for (const { key, index } of packs) await merge.add(key, index);
    const bytes = merge.lengths.reduce((sum, length) => sum + length, 0);
    return bytes > INTAKE_LIMITS.maxPackBytes ? null : merge;
  }

  /** Drops what the commits and tags do not reach, unless something kept builds on it. */
  async keepReachable(objects: ObjectStore, from: string[]): Promise<void> {
    this.fate.fill(DROP);
    let open = this.mark(from);
    while (open.length > 0) {
      const next: number[] = [];
      for (let at = 0; at < open.length; at += WALK_BATCH) {
        const oids = open.slice(at, at + WALK_BATCH).map((i) => oidToHex(this.table.oid(i)));
        for await (const object of objects.readMany(oids)) next.push(...this.mark(linksOf(object)));
      }
      open = next;
    }
    for (let i = 0; i < this.table.length; i++) {
      if (this.fate[i] === DROP) continue;
      for (let at = this.table.base(i); at !== NO_BASE && this.fate[at] === DROP; at = this.table.base(at)) {
        this.fate[at] = KEEP;
      }
    }
  }

  /** Measures every chain anew, now that it may span packs, and cuts it where it gets too long. */
  cutChains(maxDepth: number): void {
    const { table } = this;
    const measured = new Uint8Array(table.length);
    for (let i = 0; i < table.length; i++) {
      const chain: number[] = [];
      let at = i;
      while (at !== NO_BASE && !measured[at]) {
        chain.push(at);
        at = table.base(at);
      }
      for (let link = chain.pop(); link !== undefined; link = chain.pop()) {
        measured[link] = 1;
        const base = table.base(link);
        const depth = base === NO_BASE ? 0 : table.depth(base) + 1;
        const cut = depth > maxDepth;
        if (cut && this.fate[link] !== DROP) this.fate[link] = WHOLE;
        table.setBase(link, base, cut ? 0 : depth);
      }
    }
  }

  /** Writes the kept entries. @returns the bytes written. */
  async copy(upload: Upload, objects: ObjectStore): Promise<number> {
    await upload.write(HEADER);
    let offset = HEADER.length;
    for (const [pack, key] of this.packKeys.entries()) {
      const wanted = this.wantedOf(pack, KEEP);
      for (const run of runsOf(wanted, this.table, this.lengths))
        offset = await this.copyRun(upload, key, run, offset);
      for (const i of this.wantedOf(pack, WHOLE)) {
        const entry = await wholeEntry(objects, oidToHex(this.table.oid(i)));
        await upload.write(entry);
        this.table.setOffset(i, offset);
        this.table.setBase(i, NO_BASE, 0);
        this.lengths[i] = entry.length;
        offset += entry.length;
      }
    }
    return offset;
  }

  writeIndex(key: string, unresolved: number): Promise<number> {
    for (let i = 0; i < this.table.length; i++) if (this.fate[i] === DROP) this.table.setType(i, 0);
    const lengthOf = (i: number) => this.lengths[i]!;
    return writePackIndex(this.bucket, key, {
      table: this.table,
      lengthOf,
      externals: new Uint8Array(0),
      unresolved,
    });
  }

  private async add(key: string, index: PackIndex): Promise<void> {
    const { table } = this;
    const pack = this.packKeys.push(key) - 1;
    const first = table.length;
    /** Record number in this pack → entry index. */
    const entries = new Uint32Array(index.count);
    let n = 0;
    for await (const record of index.records()) {
      const older = this.find(oidToBytes(record.oid));
      entries[n++] = older ?? this.append(record, pack);
    }
    for (let i = first; i < table.length; i++) {
      const base = table.base(i);
      if (base === NO_BASE) continue;
      const found =
        base & EXTERNAL ? this.find(await index.external((base & ~EXTERNAL) >>> 0)) : entries[base];
      if (found === undefined || found === null) throw lost();
      table.setBase(i, found, 0);
    }
    this.sorted = sortByOid(table, () => true);
  }

  private append(record: IndexRecord, pack: number): number {
    const i = this.table.length;
    this.table.add(record.offset);
    this.table.setObject(i, oidToBytes(record.oid), record.type, record.size, record.flags);
    this.table.setBase(i, record.base, 0);
    this.packOf[i] = pack;
    this.lengths[i] = record.packedLength;
    return i;
  }

  private find(oid: Uint8Array): number | null {
    const n = lowerBound(this.sorted.length, (at) => compareOids(this.table.oid(this.sorted[at]!), oid));
    const i = n < this.sorted.length ? this.sorted[n]! : null;
    return i !== null && compareOids(this.table.oid(i), oid) === 0 ? i : null;
  }

  /** Marks objects as kept. @returns those that were not yet and lead to others. */
  private mark(oids: string[]): number[] {
    const found: number[] = [];
    for (const oid of oids) {
      const i = this.find(oidToBytes(oid));
      if (i === null || this.fate[i] !== DROP) continue;
      this.fate[i] = KEEP;
      if (this.table.type(i) !== BLOB) found.push(i);
    }
    return found;
  }

  /** Entries of an old pack with this fate, in its order. */
  private wantedOf(pack: number, fate: number): Uint32Array {
    let count = 0;
    const is = (i: number) => this.packOf[i] === pack && this.fate[i] === fate;
    for (let i = 0; i < this.table.length; i++) if (is(i)) count++;
    const wanted = new Uint32Array(count);
    let n = 0;
    for (let i = 0; i < this.table.length; i++) if (is(i)) wanted[n++] = i;
    return wanted.sort((a, b) => this.table.offset(a) - this.table.offset(b));
  }

  private async copyRun(upload: Upload, key: string, run: Uint32Array, start: number): Promise<number> {
    const { table, lengths } = this;
    const from = table.offset(run[0]!);
    const last = run.at(-1)!;
    const length = table.offset(last) + lengths[last]! - from;
    const object = await this.bucket.get(key, { range: { offset: from, length } });
    if (!object) throw lost();
    const bytes = new ByteTaker(object.body);
    let at = from;
    let offset = start;
    for (const i of run) {
      await bytes.take(table.offset(i) - at, null);
      await bytes.take(lengths[i]!, upload);
      at = table.offset(i) + lengths[i]!;
      table.setOffset(i, offset);
      offset += lengths[i]!;
    }
    await bytes.cancel();
    return offset;
  }
}

/** Takes counted bytes off a stream, into an upload or to nowhere. */
class ByteTaker {
  private readonly reader: ReadableStreamDefaultReader<Uint8Array>;
  private held: Uint8Array = new Uint8Array(0);

  constructor(body: ReadableStream<Uint8Array>) {
    this.reader = body.getReader();
  }

  async take(count: number, into: Upload | null): Promise<void> {
    let left = count;
    while (left > 0) {
      if (this.held.length === 0) {
        const { value } = await this.reader.read();
        if (!value) throw lost();
        this.held = value;
      }
      const taken = this.held.subarray(0, left);
      this.held = this.held.subarray(taken.length);
      left -= taken.length;
      if (into) await into.write(taken);
    }
  }

  cancel(): Promise<void> {
    return this.reader.cancel();
  }
}

/** Entries that lie so close together that one read brings them. */
function* runsOf(wanted: Uint32Array, table: EntryTable, lengths: Uint32Array): Generator<Uint32Array> {
  let first = 0;
  for (let n = 1; n <= wanted.length; n++) {
    const before = wanted[n - 1]!;
    const end = table.offset(before) + lengths[before]!;
    if (n < wanted.length && table.offset(wanted[n]!) - end <= MAX_GAP) continue;
    yield wanted.subarray(first, n);
    first = n;
  }
}

function linksOf({ type, bytes }: { type: ObjectType; bytes: Uint8Array }): string[] {
  if (type === 'commit') {
    const { tree, parents } = parseCommit(bytes);
    return [tree, ...parents];
  }
  if (type === 'tag') return [parseTag(bytes).object];
  if (type === 'blob') return [];
  return parseTree(bytes)
    .filter((entry) => entry.mode !== SUBMODULE_MODE)
    .map((entry) => entry.oid);
}

/** A pack entry that holds the object itself. */
async function wholeEntry(objects: ObjectStore, oid: string): Promise<Uint8Array> {
  const object = await objects.read(oid);
  if (!object) throw lost();
  const type = TYPE_NAMES.indexOf(object.type);
  return Buffer.concat([writeEntryHeader(type, object.bytes.length), deflateSync(object.bytes)]);
}
