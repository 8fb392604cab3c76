import { utf16Mark } from './sniff.ts';

export interface DecodedText {
  /** Without byte order mark; lines end in `\n` or `\r\n`. */
  text: string;
  encoding: 'utf-8' | 'utf-16le' | 'utf-16be' | 'windows-1252';
}

/**
 * The text of a blob, or null when its bytes are no text. Lines are what git and editors count, so `\n` ends a line and
 * `\r\n` does; in a file without any `\n`, lone `\r` (classic Mac OS) become `\n`, which is the one change made.
 * Bytes that are no UTF-8 are read as windows-1252, which never fails and leaves ASCII and all lines where they are:
 * searchable, if not always pretty.
 */
export function decodeText(bytes: Uint8Array): DecodedText | null {
  const utf16 = utf16Mark(bytes);
  if (utf16) {
    const encoding = `utf-16${utf16}` as const;
    const text = new TextDecoder(encoding).decode(bytes);
    return text.includes('\0') ? null : { text: withNewlines(text), encoding };
  }
  if (bytes.includes(0)) return null;
  try {
    return { text: withNewlines(strictUtf8().decode(bytes)), encoding: 'utf-8' };
  } catch {
    return looksLikeText(bytes)
      ? { text: withNewlines(new TextDecoder('windows-1252').decode(bytes)), encoding: 'windows-1252' }
      : null;
  }
}

/** A decoder each time: one that threw keeps no promise about its state. */
function strictUtf8(): TextDecoder {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });
}

function withNewlines(text: string): string {
  return text.includes('\r') && !text.includes('\n') ? text.replaceAll('\r', '\n') : text;
}

/** At most one byte in twenty is a control character that no text file has. */
function looksLikeText(bytes: Uint8Array): boolean {
  let controls = 0;
  for (const byte of bytes) {
    if (byte < 32 && byte !== 9 && byte !== 10 && byte !== 12 && byte !== 13 && byte !== 27) controls++;
  }
  return controls * 20 <= bytes.length;
}
