/** Packs made by hand: what no git would write, and what one would. */
import { createHash } from 'node:crypto';
import { deflateSync } from 'node:zlib';

const TYPES = { commit: 1, tree: 2, blob: 3, tag: 4 } as const;

export type Entry =
  | { type: keyof typeof TYPES; data: Uint8Array; size?: number; packed?: Uint8Array }
  /** `base` is the index of an earlier entry, or a distance when given as such. */
  | { ofs: number; delta: Uint8Array; distance?: number }
  | { ref: string; delta: Uint8Array };

export interface PackOptions {
  count?: number;
  version?: number;
  trailer?: Uint8Array;
}

/** The bytes of a pack of these entries. */
export function makePack(entries: Entry[], options: PackOptions = {}): Uint8Array {
  const parts: Uint8Array[] = [header(options.version ?? 2, options.count ?? entries.length)];
  const offsets: number[] = [];
  let at = 12;
  for (const entry of entries) {
    offsets.push(at);
    const bytes = encode(entry, at, offsets);
    parts.push(bytes);
    at += bytes.length;
  }
  const body = Buffer.concat(parts);
  return Buffer.concat([body, options.trailer ?? createHash('sha1').update(body).digest()]);
}

function encode(entry: Entry, at: number, offsets: number[]): Uint8Array {
  if ('ofs' in entry) {
    const distance = entry.distance ?? at - offsets[entry.ofs]!;
    return Buffer.concat([
      sizeHeader(6, entry.delta.length),
      distanceBytes(distance),
      deflateSync(entry.delta),
    ]);
  }
  if ('ref' in entry) {
    return Buffer.concat([
      sizeHeader(7, entry.delta.length),
      Buffer.from(entry.ref, 'hex'),
      deflateSync(entry.delta),
    ]);
  }
  const size = entry.size ?? entry.data.length;
  return Buffer.concat([sizeHeader(TYPES[entry.type], size), entry.packed ?? deflateSync(entry.data)]);
}

function header(version: number, count: number): Uint8Array {
  const bytes = Buffer.alloc(12);
  bytes.write('PACK');
  bytes.writeUInt32BE(version, 4);
  bytes.writeUInt32BE(count, 8);
  return bytes;
}

function sizeHeader(type: number, size: number): Uint8Array {
  const bytes: number[] = [];
  let rest = Math.floor(size / 16);
  bytes.push((type << 4) | (size % 16) | (rest > 0 ? 0x80 : 0));
  while (rest > 0) {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(low | (rest > 0 ? 0x80 : 0));
  }
  return Uint8Array.from(bytes);
}

function distanceBytes(distance: number): Uint8Array {
  const bytes = [distance & 0x7f];
  for (let rest = distance >>> 7; rest > 0; rest >>>= 7) {
    rest--;
    bytes.unshift(0x80 | (rest & 0x7f));
  }
  return Uint8Array.from(bytes);
}

/** A delta that copies the whole base and appends `text`; `claims` lie about the sizes. */
export function appending(
  base: Uint8Array,
  text: string,
  claims: { base?: number; result?: number } = {},
): Uint8Array {
  const added = Buffer.from(text);
  const parts = [varint(claims.base ?? base.length), varint(claims.result ?? base.length + added.length)];
  for (let from = 0; from < base.length; from += 0xffff)
    parts.push(copyOp(from, Math.min(0xffff, base.length - from)));
  if (added.length > 0) parts.push(Uint8Array.of(added.length), added);
  return Buffer.concat(parts);
}

export function copyOp(from: number, size: number): Uint8Array {
  return Uint8Array.of(
    0xff,
    from & 255,
    (from >>> 8) & 255,
    (from >>> 16) & 255,
    from >>> 24,
    size & 255,
    (size >>> 8) & 255,
    0,
  );
}

export function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  do {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(low | (rest > 0 ? 0x80 : 0));
  } while (rest > 0);
  return Uint8Array.from(bytes);
}

export function oidOf(type: keyof typeof TYPES, data: Uint8Array): string {
  return createHash('sha1').update(`${type} ${data.length}\0`).update(data).digest('hex');
}

/** The bytes as a stream, in chunks of `chunk`. */
export function streamOf(bytes: Uint8Array, chunk = 10_000): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (at >= bytes.length) return controller.close();
        controller.enqueue(bytes.subarray(at, at + chunk));
        at += chunk;
      },
    },
    { highWaterMark: 0 },
  );
}

/** Bytes that do not compress and are the same in every run. */
export function noise(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}
