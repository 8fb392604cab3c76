/** Entry headers of a pack (gitformat-pack): type and size, and where a delta's base is. */
import { MirrorError } from './mirror-error.ts';

/** Types as git numbers them. */
export const COMMIT = 1;
export const TREE = 2;
export const BLOB = 3;
export const TAG = 4;
export const OFS_DELTA = 6;
export const REF_DELTA = 7;

export type ObjectType = 'commit' | 'tree' | 'blob' | 'tag';
export const TYPE_NAMES = ['', 'commit', 'tree', 'blob', 'tag'] as const;

/** Ten bytes of size, ten of offset or twenty of oid. */
export const MAX_HEADER_BYTES = 32;

export interface EntryHeader {
  type: number;
  /** Inflated size of what the entry holds: the object, or the delta. */
  size: number;
  /** Bytes of this header. */
  length: number;
  /** OFS_DELTA: how far before this entry the base begins. */
  distance: number;
  /** REF_DELTA: how far into the entry the base's oid stands. */
  baseAt: number;
}

/** Reads the header at `at`, of bytes that are the pack's up to `end`. @throws MirrorError `corrupt` */
export function readEntryHeader(bytes: Uint8Array, at: number, end = bytes.length): EntryHeader {
  let p = at;
  let byte = bytes[p++]!;
  const type = (byte >> 4) & 7;
  let size = byte & 15;
  let scale = 16;
  while (byte & 0x80) {
    if (p - at > 7) throw broken('an object declares an impossible size');
    byte = bytes[p++]!;
    size += (byte & 0x7f) * scale;
    scale *= 128;
  }
  const header: EntryHeader = { type, size, length: 0, distance: 0, baseAt: 0 };
  if (type === OFS_DELTA) {
    byte = bytes[p++]!;
    let distance = byte & 0x7f;
    while (byte & 0x80) {
      if (p - at > 20) throw broken('a delta declares an impossible distance');
      byte = bytes[p++]!;
      distance = (distance + 1) * 128 + (byte & 0x7f);
    }
    header.distance = distance;
  } else if (type === REF_DELTA) {
    header.baseAt = p - at;
    p += 20;
  } else if (type < COMMIT || type > TAG) throw broken(`an object has the unknown type ${type}`);
  if (p > end) throw broken('it ends inside an object');
  header.length = p - at;
  return header;
}

/** The header of an entry that is no delta. */
export function writeEntryHeader(type: number, size: number): Uint8Array {
  let rest = Math.floor(size / 16);
  const bytes = [(type << 4) | (size % 16) | (rest > 0 ? 0x80 : 0)];
  while (rest > 0) {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(low | (rest > 0 ? 0x80 : 0));
  }
  return Uint8Array.from(bytes);
}

export function broken(why: string): MirrorError {
  return new MirrorError('corrupt', `The pack is corrupt: ${why}.`);
}
