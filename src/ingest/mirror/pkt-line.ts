/** The framing of git's wire protocol (gitprotocol-common): four hex digits of length, then the payload. */
import type { BodyReader } from '../../egress.ts';
import { MirrorError } from './mirror-error.ts';

/** Git's own maximum of a line, framing included. */
const MAX_LINE = 65_520;

/** What a remote may say that is no pack: 100,000 refs with long names are half of it. */
export const MAX_TALK_BYTES = 32 * 1024 * 1024;

export type Pkt =
  /** `bytes` are valid until the next read. */
  | { kind: 'data'; bytes: Uint8Array }
  | { kind: 'flush' }
  | { kind: 'delimiter' }
  | { kind: 'response-end' }
  | { kind: 'end' };

export interface PktReader {
  /**
   * The next line; `end` when the body ended between lines.
   * @throws MirrorError `corrupt` for bad framing, `refused` when the lines never end.
   */
  next(): Promise<Pkt>;
  /** Takes back so many bytes of what was counted as talk: they were the pack's, which has limits of its own. */
  credit(bytes: number): void;
  /** What follows the lines read so far, unframed; null at the end. */
  raw(): Promise<Uint8Array | null>;
  cancel(): Promise<void>;
}

/** Reads lines with one buffer of two lines' size, whatever the remote sends, and at most `talkBytes` that are no pack. */
export function readPkts(body: BodyReader, talkBytes = MAX_TALK_BYTES): PktReader {
  let left = talkBytes;
  const buffer = new Uint8Array(2 * MAX_LINE);
  let start = 0;
  let end = 0;
  let pending: Uint8Array | null = null;
  let ended = false;

  /** Makes at least `wanted` bytes available at `start`; false when the body ends before. */
  async function fill(wanted: number): Promise<boolean> {
    while (end - start < wanted) {
      if (!pending) {
        if (ended) return false;
        pending = await body.read();
        if (!pending) {
          ended = true;
          return false;
        }
      }
      if (end + pending.length > buffer.length) {
        buffer.copyWithin(0, start, end);
        end -= start;
        start = 0;
      }
      const taken = pending.subarray(0, buffer.length - end);
      buffer.set(taken, end);
      end += taken.length;
      pending = taken.length < pending.length ? pending.subarray(taken.length) : null;
    }
    return true;
  }

  return {
    next: async () => {
      if (!(await fill(4))) {
        if (end > start)
          throw new MirrorError('corrupt', 'The remote broke off inside a line of the git protocol.');
        return { kind: 'end' };
      }
      const length = hex4(buffer, start);
      left -= Math.max(4, length);
      if (left < 0) {
        throw new MirrorError(
          'refused',
          `The remote talks without end: more than ${talkBytes} bytes and no pack.`,
        );
      }
      if (length === 0 || length === 1 || length === 2) {
        start += 4;
        return { kind: length === 0 ? 'flush' : length === 1 ? 'delimiter' : 'response-end' };
      }
      if (!(length >= 4 && length <= MAX_LINE)) {
        throw new MirrorError('corrupt', 'The remote does not speak the git protocol: bad line framing.');
      }
      if (!(await fill(length))) {
        throw new MirrorError('unreachable', 'The remote broke off inside a line of the git protocol.');
      }
      const bytes = buffer.subarray(start + 4, start + length);
      start += length;
      return { kind: 'data', bytes };
    },
    credit: (bytes) => {
      left += bytes;
    },
    raw: async () => {
      if (end === start && !(await fill(1))) return null;
      const bytes = buffer.subarray(start, end);
      start = end;
      return bytes;
    },
    cancel: () => body.cancel(),
  };
}

/** Frames payloads; `null` is a flush, `'delimiter'` a delimiter. */
export function writePkts(lines: (string | null | { delimiter: true })[]): string {
  return lines
    .map((line) => {
      if (line === null) return '0000';
      if (typeof line !== 'string') return '0001';
      return (line.length + 4).toString(16).padStart(4, '0') + line;
    })
    .join('');
}

/** The text of a line without its line feed. */
export function textOf(bytes: Uint8Array): string {
  const trimmed = bytes.at(-1) === 10 ? bytes.subarray(0, -1) : bytes;
  return decoder.decode(trimmed);
}
const decoder = new TextDecoder();

function hex4(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let i = at; i < at + 4; i++) {
    const c = bytes[i]!;
    const digit =
      c >= 48 && c <= 57 ? c - 48 : c >= 97 && c <= 102 ? c - 87 : c >= 65 && c <= 70 ? c - 55 : Number.NaN;
    value = value * 16 + digit;
  }
  return value;
}
