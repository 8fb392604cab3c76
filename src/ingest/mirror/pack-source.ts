/** Ranged reads of a pack in the bucket while it is taken in: blocks of it, cached, and counted against a limit. */

import { ByteLru } from '../../lru.ts';
import { inflateExactly, PieceInflater } from './inflate.ts';
import { MirrorError } from './mirror-error.ts';
import { type EntryHeader, MAX_HEADER_BYTES, readEntryHeader } from './pack-entry.ts';

const MIN_BLOCK = 256 * 1024;
const MAX_BLOCK = 2 * 1024 * 1024;
const CACHED_BLOCKS_BYTES = 4 * 1024 * 1024;
const INFLATED_AT_ONCE = 1024 * 1024;

export interface PackSource {
  /** What the entry at `offset`, `length` bytes long, holds: the object, or the delta. null when reads are used up. */
  payload(offset: number, length: number): Promise<Uint8Array | null>;
  readonly cachedBytes: number;
}

/** @param tail the end of the pack, still in memory. */
export function openPackSource(
  bucket: R2Bucket,
  key: string,
  size: number,
  tail: { offset: number; bytes: Uint8Array },
  maxReads: number,
): PackSource {
  // One sweep over the pack costs at most 2,048 reads, whatever its size.
  const blockBytes = Math.min(MAX_BLOCK, Math.max(MIN_BLOCK, 2 ** Math.ceil(Math.log2(size / 512))));
  const blocks = new ByteLru<number, Uint8Array>(CACHED_BLOCKS_BYTES);
  let reads = 0;

  async function block(n: number): Promise<Uint8Array> {
    const known = blocks.get(n);
    if (known) return known;
    const bytes = await readRange(bucket, key, n * blockBytes, Math.min(blockBytes, size - n * blockBytes));
    reads++;
    blocks.set(n, bytes, bytes.length);
    return bytes;
  }

  async function range(offset: number, length: number): Promise<Uint8Array> {
    if (offset >= tail.offset)
      return tail.bytes.subarray(offset - tail.offset, offset - tail.offset + length);
    const first = Math.floor(offset / blockBytes);
    const last = Math.floor((offset + length - 1) / blockBytes);
    if (first === last) {
      const from = offset - first * blockBytes;
      return (await block(first)).subarray(from, from + length);
    }
    const out = new Uint8Array(length);
    for (let n = first; n <= last; n++) {
      const start = Math.max(offset, n * blockBytes);
      const end = Math.min(offset + length, (n + 1) * blockBytes);
      out.set((await block(n)).subarray(start - n * blockBytes, end - n * blockBytes), start - offset);
    }
    return out;
  }

  return {
    get cachedBytes() {
      return blocks.bytes;
    },
    payload: async (offset, length) => {
      if (reads >= maxReads) return null;
      if (length <= blockBytes) return inflateEntry(await range(offset, length));
      reads++;
      return streamEntry(bucket, key, offset, length);
    },
  };
}

/** Exactly these bytes of an object. @throws MirrorError `unreachable` when the bucket does not hold them */
export async function readRange(
  bucket: R2Bucket,
  key: string,
  offset: number,
  length: number,
): Promise<Uint8Array> {
  const object = await bucket.get(key, { range: { offset, length } });
  const bytes = object ? new Uint8Array(await object.arrayBuffer()) : null;
  if (bytes?.length !== length) throw lost();
  return bytes;
}

/** What a whole entry holds. */
export async function inflateEntry(entry: Uint8Array): Promise<Uint8Array> {
  const header = readEntryHeader(entry, 0);
  if (header.size <= INFLATED_AT_ONCE)
    return inflateExactly(entry.subarray(header.length), header.size).bytes;
  const collected = collector(header);
  if ((await collected.inflater.push(entry.subarray(header.length))) === null)
    await collected.inflater.finish();
  return collected.bytes;
}

/** The same for an entry too long to be held beside what it inflates to. */
export async function streamEntry(
  bucket: R2Bucket,
  key: string,
  offset: number,
  length: number,
): Promise<Uint8Array> {
  const object = await bucket.get(key, { range: { offset, length } });
  if (!object) throw lost();
  const reader = object.body.getReader();
  const { header, rest } = await readHeader(reader);
  const { bytes, inflater } = collector(header);
  for (let piece: Uint8Array | null = rest; piece; piece = (await reader.read()).value ?? null) {
    if ((await inflater.push(piece)) === null) continue;
    await reader.cancel();
    return bytes;
  }
  await inflater.finish();
  return bytes;
}

/** The header at the beginning of an entry's stream, and the bytes read beyond it. */
export async function readHeader(
  reader: ReadableStreamDefaultReader<Uint8Array>,
): Promise<{ header: EntryHeader; rest: Uint8Array }> {
  let head: Uint8Array = new Uint8Array(0);
  for (;;) {
    const { value, done } = await reader.read();
    if (value) head = head.length === 0 ? value : joined(head, value);
    if (!done && head.length < MAX_HEADER_BYTES) continue;
    if (head.length === 0) throw lost();
    const header = readEntryHeader(head, 0);
    return { header, rest: head.subarray(header.length) };
  }
}

function collector(header: EntryHeader) {
  const bytes = new Uint8Array(header.size);
  let used = 0;
  const inflater = new PieceInflater(header.size, (piece) => {
    bytes.set(piece, used);
    used += piece.length;
  });
  return { bytes, inflater };
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const out = new Uint8Array(a.length + b.length);
  out.set(a);
  out.set(b, a.length);
  return out;
}

export function lost(): MirrorError {
  return new MirrorError('unreachable', 'A pack of the mirror cannot be read back.');
}
