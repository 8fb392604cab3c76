import { splitIdentifier } from '../../words.ts';

/** Longer words are data (hashes, base64), or a script without spaces: they are read in pieces of this length. */
export const MAX_WORD = 32;

/** Takes a word as lower-case UTF-16 units, `codes[0..length)`, which are overwritten by the next. */
export interface WordSink {
  word(codes: Uint16Array, length: number, hash: number): void;
}

const OTHER = 0;
const LOWER = 1;
const UPPER = 2;
const DIGIT = 3;
const FOREIGN = 4;
const CLASSES = new Uint8Array(128);
for (let code = 97; code <= 122; code++) CLASSES[code] = LOWER;
for (let code = 65; code <= 90; code++) CLASSES[code] = UPPER;
for (let code = 48; code <= 57; code++) CLASSES[code] = DIGIT;

const kindOf = (code: number) => (code < 128 ? CLASSES[code]! : FOREIGN);

/** FNV-1a over UTF-16 units: http://www.isthe.com/chongo/tech/comp/fnv/ */
export const FNV_START = 0x811c9dc5;
export const fnvStep = (hash: number, code: number) => Math.imul(hash ^ code, 0x01000193);

const scratch = new Uint16Array(MAX_WORD);

/**
 * The words of a text in order, as the index has them: `splitIdentifier` of every token. One pass over the char codes,
 * and no string is made, unless a token has letters of another script.
 */
export function scanWords(text: string, sink: WordSink): void {
  const end = text.length;
  let at = 0;
  while (at < end) {
    if (kindOf(text.charCodeAt(at)) === OTHER) {
      at++;
      continue;
    }
    const start = at;
    let foreign = false;
    for (; at < end; at++) {
      const kind = kindOf(text.charCodeAt(at));
      if (kind === OTHER) break;
      if (kind === FOREIGN) foreign = true;
    }
    if (foreign) for (const word of splitIdentifier(text.slice(start, at))) send(word, 0, word.length, sink);
    else scanAscii(text, start, at, sink);
  }
}

/** Borders as in `splitIdentifier`: aB, ABc, a1, 1a; and a plural acronym (`URLs`) is one word. */
function scanAscii(text: string, start: number, end: number, sink: WordSink): void {
  const kind = (at: number) => (at < end ? CLASSES[text.charCodeAt(at)]! : OTHER);
  for (let at = start; at < end; ) {
    const from = at;
    const first = kind(at);
    while (kind(at) === first) at++;
    if (first === UPPER && kind(at) === LOWER) {
      const capitals = at - from;
      const isPlural = capitals > 1 && text.charCodeAt(at) === 115 && kind(at + 1) !== LOWER;
      if (isPlural) at++;
      else if (capitals > 1) at--;
      else while (kind(at) === LOWER) at++;
    }
    send(text, from, at, sink);
  }
}

/** One word in pieces of at most MAX_WORD, in lower case. */
function send(text: string, from: number, to: number, sink: WordSink): void {
  for (let start = from; start < to; start += MAX_WORD) {
    const end = Math.min(to, start + MAX_WORD);
    let hash = FNV_START;
    for (let at = start; at < end; at++) {
      const unit = text.charCodeAt(at);
      const code = unit >= 65 && unit <= 90 ? unit | 32 : unit;
      scratch[at - start] = code;
      hash = fnvStep(hash, code);
    }
    sink.word(scratch, end - start, hash);
  }
}
