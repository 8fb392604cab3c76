/** A place in the code as compilers, stack traces and editors write it. */
export interface CodePlace {
  /** Without a leading `./` or `/`; a trace of another machine has directories of its own before it. */
  path: string;
  /** 1-based; null for a path alone. */
  line: number | null;
}

/** `src/a.ts`, `src/a.ts:12:5`, `(/app/a.ts:12)`, `a.cs(12,5)`, `"a.py"`; file names need an extension that begins with a letter. */
const PLACE =
  /^[("'`<@]*(?:file:\/\/)?((?:[A-Za-z]:)?[\w$@.+\-/\\[\]]*[\w$\])-]\.[A-Za-z]\w{0,9})(?:[:#(]L?(\d{1,7})(?:[:,]\d{1,7})?\)?)?["'`>):,;]*$/;

/** The place that a word of a query names; null for other words. A bare `res.send` is no place, `lib/response.js` is. */
export function codePlace(word: string): CodePlace | null {
  const match = PLACE.exec(word);
  if (!match) return null;
  const path = match[1]!.replaceAll('\\', '/').replace(/^(?:[A-Za-z]:)?[./]*\//, '');
  const line = match[2] === undefined ? null : Number(match[2]);
  return line === null && !path.includes('/') ? null : { path, line };
}

/** The word without the line number of the place it names, so that the number is not searched for. */
export function withoutLine(word: string): string {
  const place = codePlace(word);
  return place === null || place.line === null ? word : place.path;
}

/** Directories of a path that must agree before a place of another root counts as the same file. */
const MIN_SHARED = 2;

/**
 * Whether a file is the one that a place names: either path ends with the other. A trace may carry the root of another
 * machine (`/app/src/a.ts`), a person leaves out the first directories (`search/rank.ts`).
 */
export function namesFile(place: CodePlace, path: string): boolean {
  if (path === place.path || path.endsWith(`/${place.path}`)) return true;
  return path.split('/').length >= MIN_SHARED && place.path.endsWith(`/${path}`);
}
