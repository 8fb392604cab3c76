/**
 * A pack, from the wire to the bucket. One pass over the stream: bytes go to R2 as they come, objects are inflated,
 * hashed and sniffed while they are in hand, deltas are resolved at once when their base still is. A second pass
 * resolves the others by ranged reads. Then our own index is written beside the pack, last: a pack without an index
 * was never taken in.
 */
import { keys } from '../../store/keys.ts';
import { applyDelta, DELTA_HEADER_BYTES, deltaSizes } from './delta.ts';
import { EntryTable, NO_BASE } from './entry-table.ts';
import { inflateExactly, PieceInflater } from './inflate.ts';
import { finishObject, type Intake, ObjectDigest, tooDeep, UNRESOLVED } from './intake-state.ts';
import { INTAKE_LIMITS, type IntakeLimits, MemoryGauge } from './limits.ts';
import { ByteLru } from './lru.ts';
import { MirrorError } from './mirror-error.ts';
import { openUpload, type Upload } from './multipart.ts';
import type { ObjectStore } from './object-store.ts';
import {
  broken,
  type EntryHeader,
  MAX_HEADER_BYTES,
  OFS_DELTA,
  REF_DELTA,
  readEntryHeader,
} from './pack-entry.ts';
import { writePackIndex } from './pack-index.ts';
import { openPackSource } from './pack-source.ts';
import { PackWindow, TRAILER_BYTES } from './pack-window.ts';
import { resolveDeltas } from './resolve.ts';

export interface PackProgress {
  /** Bytes received. */
  bytes: number;
  /** Objects walked, of how many the pack declares. */
  objects: number;
  objectsTotal: number;
}

export interface StoreOptions {
  limits?: Partial<IntakeLimits>;
  /** Called a few times a second. What it throws cancels the intake and comes out of `storePack`. */
  onProgress?: (progress: PackProgress) => Promise<void>;
  now?: () => number;
}

export interface StoredPack {
  bytes: number;
  /** Objects that can be read. */
  objects: number;
  /** Deltas left alone because base or result exceed the limit: their oids are unknown, so they are absent. */
  unresolved: number;
  /** The most memory the intake held, by its own count. */
  peakBytes: number;
}

export interface StoreDeps {
  bucket: R2Bucket;
  /** Earlier packs of the repo, for the bases of a thin pack. */
  objects: ObjectStore;
}

const PROGRESS_MS = 250;
const HEADER_BYTES = 12;
/** Two objects that are held whole, so that one never has to wait for a compaction of the other. */
const windowBytes = (limits: IntakeLimits) => 2 * limits.heldBytes + 128 * 1024;

/**
 * Stores a pack and its index under `keys.pack` and `keys.packIndex`. On failure or cancel nothing stays.
 * @throws MirrorError `corrupt` for a broken or hostile pack, `refused` for one beyond the limits; what the stream
 *   or `onProgress` throws.
 */
export async function storePack(
  deps: StoreDeps,
  repoId: string,
  packId: string,
  pack: ReadableStream<Uint8Array>,
  options: StoreOptions = {},
): Promise<StoredPack> {
  const limits = { ...INTAKE_LIMITS, ...options.limits };
  const packKey = keys.pack(repoId, packId);
  const indexKey = keys.packIndex(repoId, packId);
  const upload = openUpload(deps.bucket, packKey);
  const walk = new PackWalk(pack, upload, limits, options);
  try {
    await walk.run();
    await upload.complete();
    const { table, gauge } = walk;
    const bytes = walk.window.bytesReceived;
    const packEnd = bytes - TRAILER_BYTES;
    const source = openPackSource(deps.bucket, packKey, bytes, upload.tail, limits.maxReads);
    const resolved = await resolveDeltas(walk, source, deps.objects, packEnd);
    walk.cache.clear();
    const objects = await writePackIndex(deps.bucket, indexKey, {
      table,
      lengthOf: (i) => table.end(i, packEnd) - table.offset(i),
      externals: resolved.externals,
      unresolved: resolved.unresolved,
    });
    return { bytes, objects, unresolved: resolved.unresolved, peakBytes: gauge.peak };
  } catch (error) {
    await walk.window.cancel(error);
    await upload.abort();
    await deps.bucket.delete(indexKey);
    throw error;
  }
}

class PackWalk implements Intake {
  readonly table = new EntryTable();
  readonly cache: ByteLru<number, Uint8Array>;
  readonly limits: IntakeLimits;
  readonly gauge = new MemoryGauge();
  readonly window: PackWindow;
  private readonly upload: Upload;
  private readonly options: StoreOptions;
  private readonly now: () => number;
  private objectsTotal = 0;
  private reportedAt: number;
  private spent = 0;

  constructor(pack: ReadableStream<Uint8Array>, upload: Upload, limits: IntakeLimits, options: StoreOptions) {
    this.limits = limits;
    this.upload = upload;
    this.options = options;
    this.cache = new ByteLru(limits.cacheBytes);
    this.now = options.now ?? Date.now;
    this.reportedAt = this.now();
    this.window = new PackWindow(pack, upload, windowBytes(limits), (received) => this.onBytes(received));
    this.gauge.set('window', this.window.buffer.length);
  }

  async run(): Promise<void> {
    const { window } = this;
    await window.fill(HEADER_BYTES);
    this.objectsTotal = this.readHeader();
    window.consume(HEADER_BYTES);
    for (let i = 0; i < this.objectsTotal; i++) {
      if (window.available < MAX_HEADER_BYTES) await window.fill(MAX_HEADER_BYTES);
      const header = readEntryHeader(window.buffer, window.start, window.end);
      this.table.add(window.offset);
      // No allocation for what a header merely claims: larger than the window means streamed.
      if (header.size > this.limits.heldBytes) {
        await this.streamEntry(i, header);
        continue;
      }
      const likely = header.length + header.size + (header.size >>> 3) + 64;
      if (window.available < likely) await window.fill(likely);
      if (!this.holdEntry(i, header)) await this.streamEntry(i, header);
    }
    await window.finish();
    await this.report();
  }

  spend(bytes: number): void {
    this.spent += bytes;
    const { maxTotalBytes, maxRatio, ratioFloorBytes } = this.limits;
    if (this.spent > maxTotalBytes) {
      throw new MirrorError(
        'refused',
        `The pack holds more than ${Math.floor(maxTotalBytes / 2 ** 20)} MB of objects.`,
      );
    }
    if (this.spent > ratioFloorBytes && this.spent > maxRatio * this.window.bytesReceived) {
      throw broken('it inflates to an absurd multiple of its size');
    }
  }

  private readHeader(): number {
    const { window, limits } = this;
    const bytes = window.view();
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    if (bytes.length < HEADER_BYTES) throw broken('it ends inside its header');
    if (view.getUint32(0) !== 0x5041434b) throw broken('it does not begin like a pack');
    if (view.getUint32(4) !== 2 && view.getUint32(4) !== 3) throw broken('its version is unknown');
    const count = view.getUint32(8);
    if (count > limits.maxObjects) {
      throw new MirrorError(
        'refused',
        `The pack holds ${count} objects; at most ${limits.maxObjects} are mirrored.`,
      );
    }
    return count;
  }

  /** An entry small enough to be inflated in one call, from contiguous bytes; false where it must come in pieces. */
  private holdEntry(i: number, header: EntryHeader): boolean {
    const { window } = this;
    const { size } = header;
    const at = window.start;
    let inflated: ReturnType<typeof inflateExactly>;
    try {
      inflated = inflateExactly(window.buffer.subarray(at + header.length, window.end), size);
    } catch (error) {
      // Compressed worse than any sane encoder would, so that the guess above fell short: take it in pieces.
      if (window.ended || !(error instanceof MirrorError)) throw error;
      return false;
    }
    this.spend(size);
    if (header.type >= OFS_DELTA) this.delta(i, header, at, inflated.bytes);
    else finishObject(this, i, header.type, inflated.bytes);
    window.consume(header.length + inflated.consumed);
    return true;
  }

  /** An entry that is only passed by: hashed and sniffed in pieces. Of a delta only the sizes are read. */
  private async streamEntry(i: number, header: EntryHeader): Promise<void> {
    const { window } = this;
    const delta = header.type >= OFS_DELTA;
    const head = new Uint8Array(delta ? DELTA_HEADER_BYTES : 0);
    let headUsed = 0;
    const digest = delta ? null : new ObjectDigest(header.type, header.size);
    const inflater = new PieceInflater(header.size, (piece) => {
      this.spend(piece.length);
      digest?.push(piece);
      if (headUsed < head.length) {
        const part = piece.subarray(0, head.length - headUsed);
        head.set(part, headUsed);
        headUsed += part.length;
      }
    });
    const base = delta ? this.locateBase(i, header, window.start) : NO_BASE;
    window.consume(header.length);
    let fed = 0;
    for (;;) {
      if (window.available === 0) await window.fill(1);
      if (window.available === 0) throw broken('it ends inside an object');
      const piece = window.view();
      const consumed = await inflater.push(piece);
      if (consumed !== null) {
        window.consume(consumed - fed);
        break;
      }
      fed += piece.length;
      window.consume(piece.length);
    }
    if (digest) {
      const { oid, flags } = digest.end();
      this.table.setObject(i, oid, header.type, header.size, flags);
    } else {
      const sizes = deltaSizes(head.subarray(0, headUsed));
      const tooLarge = header.size > this.limits.maxDeltaBytes || this.exceeds(sizes);
      this.defer(i, tooLarge ? UNRESOLVED : header.type, base);
    }
  }

  /** Resolves a delta if its base is at hand, else leaves it to the second pass. */
  private delta(i: number, header: EntryHeader, at: number, bytes: Uint8Array): void {
    const base = this.locateBase(i, header, at);
    const sizes = deltaSizes(bytes);
    if (this.exceeds(sizes)) {
      this.defer(i, UNRESOLVED, base);
      return;
    }
    const cached =
      base === NO_BASE || sizes.result > this.limits.heldBytes ? undefined : this.cache.get(base);
    if (!cached) {
      this.defer(i, header.type, base);
      return;
    }
    const depth = this.table.depth(base) + 1;
    if (depth > this.limits.maxDeltaDepth) throw tooDeep(this.limits);
    this.spend(sizes.result);
    finishObject(this, i, this.table.type(base), applyDelta(cached, bytes));
    this.table.setBase(i, base, depth);
  }

  /** Entry index of an offset delta's base; for a ref delta its oid is put where the entry's own will be. */
  private locateBase(i: number, header: EntryHeader, at: number): number {
    const { table, window } = this;
    if (header.type === REF_DELTA) {
      table.setOid(i, window.buffer.subarray(at + header.baseAt, at + header.baseAt + 20));
      return NO_BASE;
    }
    const base = header.distance > 0 ? table.at(table.offset(i) - header.distance) : -1;
    if (base < 0) throw broken('a delta names a base where no object begins');
    return base;
  }

  private defer(i: number, type: number, base: number): void {
    this.table.setType(i, type);
    this.table.setBase(i, base, 0);
  }

  private exceeds(sizes: { base: number; result: number }): boolean {
    return sizes.base > this.limits.maxDeltaBytes || sizes.result > this.limits.maxDeltaBytes;
  }

  private async onBytes(received: number): Promise<void> {
    this.gauge.set('upload', this.upload.heldBytes);
    this.gauge.set('table', this.table.heldBytes);
    this.gauge.set('cache', this.cache.bytes);
    if (received > this.limits.maxPackBytes) {
      throw new MirrorError(
        'refused',
        `The pack is larger than ${Math.floor(this.limits.maxPackBytes / 2 ** 20)} MB.`,
      );
    }
    const now = this.now();
    if (now - this.reportedAt < PROGRESS_MS) return;
    this.reportedAt = now;
    await this.report();
  }

  private async report(): Promise<void> {
    await this.options.onProgress?.({
      bytes: this.window.bytesReceived,
      objects: this.table.length,
      objectsTotal: this.objectsTotal,
    });
  }
}
