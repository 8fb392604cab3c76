/**
 * The words of code. Index and query split identifiers by the same rules, so that `parseHTTPRequest` is found by
 * `http request`, and a query for `parseHTTPRequest` finds what `parse_http_request` names.
 */

/** A plural acronym (`URLs`), an acronym, a capitalised or lower-case word, digits. */
const ASCII_WORD = /[A-Z]{2,}s(?![a-z])|[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+/g;
/** The same for every script; letters without case stay together. */
const ANY_WORD =
  /\p{Lu}{2,}s(?!\p{Ll})|\p{Lu}+(?!\p{Ll})|\p{Lu}?[\p{Ll}\p{M}]+|\p{N}+|[\p{Lo}\p{Lm}\p{Lt}\p{M}]+/gu;
const NOT_ASCII = /[^\x00-\x7f]/;

/**
 * The sub-words of an identifier in order, lower case: camelCase, PascalCase, acronyms, letter-digit borders,
 * snake_case and kebab-case. `parseHTTPRequest2` → `parse, http, request, 2`.
 */
export function splitIdentifier(identifier: string): string[] {
  const words = identifier.match(NOT_ASCII.test(identifier) ? ANY_WORD : ASCII_WORD) ?? [];
  return words.map((word) => word.toLowerCase());
}

/** Longer tokens, or tokens of more parts, are data (hashes, base64), not names. */
const MAX_TOKEN = 80;
const MAX_PARTS = 12;

/** Splits remembered between chunks, since a repository repeats its names; cleared when full. */
const MEMO_TOKENS = 20_000;
const memo = new Map<string, readonly string[]>();
const NONE: readonly string[] = [];

function subWords(token: string): readonly string[] {
  const known = memo.get(token);
  if (known) return known;
  const words = splitIdentifier(token);
  const kept =
    words.length > MAX_PARTS || (words.length === 1 && words[0]!.length === token.length) ? NONE : words;
  if (memo.size >= MEMO_TOKENS) memo.clear();
  memo.set(token, kept);
  return kept;
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

/** What stands between the tokens of a text that has other scripts; the tokenizer finds their borders by itself. */
const BETWEEN_TOKENS = /[^A-Za-z0-9\u0080-\uffff]+/g;

/** Tokens of the current text, one byte a character: kept, because a repository has tens of thousands of chunks. */
let scratch = Buffer.allocUnsafe(1 << 16);

/**
 * The full-text columns of a chunk. `text`: its tokens in order, separated by single spaces, which the tokenizer
 * reads exactly as it would the text itself, at half the bytes and with nothing for JSON to escape. `parts`: the
 * distinct sub-words of those tokens that it keeps whole, in order, separated by spaces.
 */
export function chunkTerms(text: string): { text: string; parts: string } {
  const parts = new Set<string>();
  const length = text.length;
  if (scratch.length < length + 1) scratch = Buffer.allocUnsafe(2 * length);
  const tokens = scratch;
  let end = 0;
  let start = -1;
  let before = OTHER;
  let compound = false;
  let foreign = false;
  // One pass over the char codes: only tokens with a border inside (aB, a1, ABc, é) are sliced out and split.
  for (let at = 0; at <= length; at++) {
    const code = at < length ? text.charCodeAt(at) : 0;
    const kind = code < 128 ? CLASSES[code]! : FOREIGN;
    if (kind === OTHER) {
      if (compound && at - start <= MAX_TOKEN)
        for (const part of subWords(text.slice(start, at))) parts.add(part);
      if (start !== -1) tokens[end++] = 32;
      start = -1;
      compound = false;
    } else {
      tokens[end++] = code;
      if (kind === FOREIGN) foreign = true;
      if (start === -1) {
        start = at;
        compound = kind === FOREIGN;
      } else if (kind !== before && !(before === UPPER && kind === LOWER && at - start === 1)) {
        compound = true;
      }
    }
    before = kind;
  }
  return {
    text: foreign ? text.replace(BETWEEN_TOKENS, ' ').trim() : tokens.latin1Slice(0, Math.max(0, end - 1)),
    parts: parts.size === 0 ? '' : [...parts].join(' '),
  };
}
