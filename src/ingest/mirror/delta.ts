/** Git's delta format (gitformat-pack): two sizes, then copies from a base and inserts of literal bytes. */
import { MirrorError } from './mirror-error.ts';

export interface DeltaSizes {
  base: number;
  result: number;
  /** Where the instructions begin. */
  start: number;
}

/** Longest possible header: two sizes of ten bytes. */
export const DELTA_HEADER_BYTES = 20;

/** Reads the sizes a delta declares. @throws MirrorError `corrupt` */
export function deltaSizes(delta: Uint8Array): DeltaSizes {
  const base = varint(delta, 0);
  const result = varint(delta, base.end);
  return { base: base.value, result: result.value, start: result.end };
}

/** Receives one piece of a result: `size` bytes of `source` from `start`. */
export type DeltaSink = (source: Uint8Array, start: number, size: number) => void;

/** The object that `delta` makes of `base`. @throws MirrorError `corrupt` */
export function applyDelta(base: Uint8Array, delta: Uint8Array): Uint8Array {
  const out = new Uint8Array(deltaSizes(delta).result);
  let at = 0;
  runDelta(base, delta, (source, start, size) => {
    copy(out, at, source, start, size);
    at += size;
  });
  return out;
}

/**
 * Hands out the pieces of the result in order, without building it. Every bound is checked before a piece leaves, so
 * a sink never gets more bytes than the delta declares.
 * @throws MirrorError `corrupt`
 */
export function runDelta(base: Uint8Array, delta: Uint8Array, sink: DeltaSink): void {
  const sizes = deltaSizes(delta);
  if (sizes.base !== base.length) throw corrupt('its base has another size');
  let left = sizes.result;
  let p = sizes.start;
  while (p < delta.length) {
    const op = delta[p++]!;
    if (op & 0x80) {
      let from = 0;
      let size = 0;
      if (op & 1) from = delta[p++]!;
      if (op & 2) from |= delta[p++]! << 8;
      if (op & 4) from |= delta[p++]! << 16;
      if (op & 8) from += delta[p++]! * 0x1000000;
      if (op & 16) size = delta[p++]!;
      if (op & 32) size |= delta[p++]! << 8;
      if (op & 64) size |= delta[p++]! << 16;
      if (size === 0) size = 0x10000;
      // A truncated instruction has read undefined; `p` tells.
      if (p > delta.length) throw corrupt('it ends inside an instruction');
      if (from + size > base.length || size > left) throw corrupt('a copy reaches outside');
      sink(base, from, size);
      left -= size;
    } else {
      if (op === 0) throw corrupt('it uses a reserved instruction');
      if (p + op > delta.length || op > left) throw corrupt('an insert reaches outside');
      sink(delta, p, op);
      p += op;
      left -= op;
    }
  }
  if (left !== 0) throw corrupt('the result is shorter than declared');
}

/** A view costs more than the bytes of a short copy. */
function copy(to: Uint8Array, at: number, from: Uint8Array, start: number, size: number): void {
  if (size > 48) to.set(from.subarray(start, start + size), at);
  else for (let i = 0; i < size; i++) to[at + i] = from[start + i]!;
}

function varint(bytes: Uint8Array, from: number): { value: number; end: number } {
  let value = 0;
  let scale = 1;
  for (let p = from; p < bytes.length && p < from + 7; p++) {
    const byte = bytes[p]!;
    value += (byte & 0x7f) * scale;
    if (!(byte & 0x80)) return { value, end: p + 1 };
    scale *= 128;
  }
  throw corrupt('its sizes cannot be read');
}

function corrupt(why: string): MirrorError {
  return new MirrorError('corrupt', `The pack holds a broken delta: ${why}.`);
}
