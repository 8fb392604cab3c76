/**
 * What the bytes of a blob say about themselves, found while they stream by: a mirror sniffs every blob once, at
 * intake, so that a preview and a plan need no second read.
 */
import { MAX_PARSED_BYTES } from './facts.ts';

export interface BlobFlags {
  /** A NUL byte, a UTF-32 mark, or mostly control bytes. */
  binary: boolean;
  /** Lines as long as only a machine writes them. Meaningful for scripts and style sheets; prose has long lines too. */
  minified: boolean;
  /** A comment of the header says that a program wrote this file. */
  generated: boolean;
  utf16: 'le' | 'be' | null;
  invalidUtf8: boolean;
  /** A git-lfs pointer: the content lives elsewhere. */
  lfsPointer: boolean;
}

/** Bytes looked at. What lies beyond belongs to a blob that is skipped as oversized anyway. */
const SNIFFED_BYTES = MAX_PARSED_BYTES;
const HEAD_BYTES = 4096;
const HEAD_LINES = 30;

/** github-linguist calls a script minified above this mean; one long line proves that it is not just wide prose. */
const MINIFIED_MEAN = 110;
const MINIFIED_LONGEST = 500;

const LFS_HEADER = 'version https://git-lfs.github.com/spec/v1\n';
const LFS_MAX_BYTES = 1024;

export interface Sniffer {
  push(chunk: Uint8Array): void;
  end(): BlobFlags;
}

/**
 * A sniffer for one blob, of `size` bytes where that is known. `push` its bytes in order, in pieces of any size, then ask
 * `end` once.
 */
export function createSniffer(size = HEAD_BYTES): Sniffer {
  const head = new Uint8Array(Math.min(size, HEAD_BYTES));
  /** Made at the first byte that is no ASCII: most blobs have none. */
  let utf8: TextDecoder | null = null;
  const lines = new LineLengths();
  let total = 0;
  let seen = 0;
  let nul = false;
  let invalid = false;

  return {
    push(chunk) {
      total += chunk.length;
      const rest = SNIFFED_BYTES - seen;
      if (rest <= 0 || chunk.length === 0) return;
      const bytes = chunk.length > rest ? chunk.subarray(0, rest) : chunk;
      if (seen < head.length) head.set(bytes.subarray(0, head.length - seen), seen);
      seen += bytes.length;
      nul ||= bytes.includes(0);
      lines.push(bytes);
      if (invalid || nul || (utf8 === null && isAscii(bytes))) return;
      utf8 ??= new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
      invalid = !accepts(utf8, bytes);
    },
    end() {
      const start = head.subarray(0, Math.min(seen, head.length));
      const utf16 = utf16Mark(start);
      // A blob cut at the sniffing limit may end inside a character: that is no error of its own.
      if (!invalid && !nul && utf8 !== null && total <= SNIFFED_BYTES) invalid = !accepts(utf8, null);
      const controls = invalid && mostlyControls(start);
      const invalidUtf8 = invalid && utf16 === null;
      const headText = utf16 === null ? latin1(start) : latin1(start.filter((byte) => byte !== 0));
      return {
        binary: utf16 === null && (nul || controls),
        minified: utf16 === null && lines.minified(seen),
        generated: saysGenerated(headText),
        utf16,
        invalidUtf8: invalidUtf8 && !nul,
        lfsPointer: total <= LFS_MAX_BYTES && headText.startsWith(LFS_HEADER),
      };
    },
  };
}

/** The flags of bytes in hand. */
export function sniff(bytes: Uint8Array): BlobFlags {
  const sniffer = createSniffer(bytes.length);
  sniffer.push(bytes);
  return sniffer.end();
}

const BITS = {
  binary: 1,
  minified: 2,
  generated: 4,
  utf16le: 8,
  utf16be: 16,
  invalidUtf8: 32,
  lfsPointer: 64,
} as const;

/** Flags as one byte, for the mirror's index. `byteToFlags` is its inverse. */
export function flagsToByte(flags: BlobFlags): number {
  return (
    (flags.binary ? BITS.binary : 0) |
    (flags.minified ? BITS.minified : 0) |
    (flags.generated ? BITS.generated : 0) |
    (flags.utf16 === 'le' ? BITS.utf16le : 0) |
    (flags.utf16 === 'be' ? BITS.utf16be : 0) |
    (flags.invalidUtf8 ? BITS.invalidUtf8 : 0) |
    (flags.lfsPointer ? BITS.lfsPointer : 0)
  );
}

export function byteToFlags(byte: number): BlobFlags {
  return {
    binary: (byte & BITS.binary) !== 0,
    minified: (byte & BITS.minified) !== 0,
    generated: (byte & BITS.generated) !== 0,
    utf16: byte & BITS.utf16le ? 'le' : byte & BITS.utf16be ? 'be' : null,
    invalidUtf8: (byte & BITS.invalidUtf8) !== 0,
    lfsPointer: (byte & BITS.lfsPointer) !== 0,
  };
}

/** The byte order mark of UTF-16, unless it is one of UTF-32 (which then shows as binary by its NULs). */
export function utf16Mark(bytes: Uint8Array): 'le' | 'be' | null {
  const [a, b, c, d] = bytes;
  if (a === 0xff && b === 0xfe && !(c === 0 && d === 0)) return 'le';
  if (a === 0xfe && b === 0xff) return 'be';
  return null;
}

/** Counts lines and finds the longest without decoding. */
class LineLengths {
  private count = 0;
  private longest = 0;
  private open = 0;

  push(bytes: Uint8Array): void {
    let from = 0;
    for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, from)) {
      this.close(this.open + at - from);
      from = at + 1;
    }
    this.open += bytes.length - from;
  }

  minified(total: number): boolean {
    const longest = Math.max(this.longest, this.open);
    return longest > MINIFIED_LONGEST && total / (this.count + 1) > MINIFIED_MEAN;
  }

  private close(length: number): void {
    this.count++;
    if (length > this.longest) this.longest = length;
    this.open = 0;
  }
}

function isAscii(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at++) if (bytes[at]! > 127) return false;
  return true;
}

function accepts(decoder: TextDecoder, bytes: Uint8Array | null): boolean {
  try {
    if (bytes) decoder.decode(bytes, { stream: true });
    else decoder.decode();
    return true;
  } catch {
    return false;
  }
}

function mostlyControls(bytes: Uint8Array): boolean {
  let controls = 0;
  for (const byte of bytes) {
    if (byte < 32 && byte !== 9 && byte !== 10 && byte !== 12 && byte !== 13 && byte !== 27) controls++;
  }
  return controls * 20 > bytes.length;
}

/** One character a byte, as near as the markers need it; every blob of a mirror comes by here. */
const oneByte = new TextDecoder('latin1');

function latin1(bytes: Uint8Array): string {
  return oneByte.decode(bytes);
}

/** What opens a comment, or goes on with one; group 1 is what it says. */
const COMMENT =
  /^[\s\xef\xbb\xbf\xff\xfe]*(?:\/\/+|\/\*+|\*+|#+|--+|;+|<!--+|"""|'''|%+|\(\*+|REM\b|!)[\s*!\-=#/]*(.*)$/i;
/** Lines that stand before or between the comments of a header. */
const PREAMBLE = /^[\s\xef\xbb\xbf\xff\xfe]*(?:<\?(?:php|xml)\b.*|['"]use \w+['"];?|package [\w.]+;?)?\s*$/;
/** Where a comment that goes on over lines begins and ends: what stands between needs no mark of its own. */
const BLOCKS: readonly (readonly [RegExp, RegExp])[] = [
  [/^\s*\/\*(?!.*\*\/)/, /\*\//],
  [/^\s*<!--(?!.*-->)/, /-->/],
  [/^\s*\(\*(?!.*\*\))/, /\*\)/],
  [/^\s*"""(?!.*""")/, /"""/],
];

const EDIT = String.raw`\b(?:do not|don't|never|should not be|must not be|not be)\s+(?:manually\s+)?(?:edit|modify|change|touch|edited|modified|changed)\b`;
const MADE = String.raw`\b(?:(?:automatically|machine|auto)[- ]?generated|generated\s+(?:automatically|by|from|with|using|on|at))\b`;
/** The marks that generators leave, as a line of its own or as a notice not to edit. */
const GENERATED_LINE = new RegExp(
  [
    String.raw`^@generated\b(?!\/)`,
    String.raw`\b(?:is|was|automatically)\s+@generated\b(?!\/)`,
    '^<auto-?generated',
    String.raw`^(?:(?:this|the) (?:file|code|source)\s+(?:is|was|has been)\s+)?(?:auto(?:matic(?:ally)?)?[- ]?)?generated by (?:the protocol buffer|swagger|openapi|grpc|thrift|flex|bison|antlr|cython|swig)\b`,
    String.raw`^(?:A Bison parser, made by|A lexical scanner generated by flex)\b`,
    String.raw`^This file (?:is|was|has been) (?:automatically |auto-?|machine[- ])generated\b`,
  ].join('|'),
  'i',
);
const GENERATED_NOTICE = new RegExp(
  `(?<!\\bnot )${MADE}.{0,300}${EDIT}|${EDIT}.{0,120}(?<!\\bnot )${MADE}`,
  'is',
);

/**
 * Only the comments at the head of a file count, and there only the conventional marks: code that merely mentions them
 * (this file!), a comment on what generated code is, or one further down, make no generated file.
 */
function saysGenerated(head: string): boolean {
  let comment = '';
  let end: RegExp | null = null;
  for (const line of head.split('\n', HEAD_LINES)) {
    const said = end ? line.replace(/^[\s*#]+/, '') : COMMENT.exec(line)?.[1];
    if (said === undefined) {
      if (PREAMBLE.test(line)) continue;
      break;
    }
    if (GENERATED_LINE.test(said)) return true;
    comment += `${said}\n`;
    if (end?.test(line)) end = null;
    else end ??= BLOCKS.find(([start]) => start.test(line))?.[1] ?? null;
  }
  return GENERATED_NOTICE.test(comment);
}
