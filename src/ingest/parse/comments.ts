/** Documentation: which comments belong to a definition, and what they say without their markers. */
import type { Span } from './captures.ts';

export const MAX_DOCUMENTATION = 2000;

export interface Lead {
  /** Where the definition begins together with its decorators and attributes. */
  start: number;
  /** Where its documentation begins; equals `start` without any. */
  docStart: number;
  /** The comments right before it, in order. */
  comments: Span[];
}

/**
 * What stands before a definition: attributes and decorators, then comments without a blank line between. A comment
 * that shares its line with other code belongs to that code.
 * @param pieces comments and attributes, sorted by start, not overlapping.
 */
export function leadOf(text: string, start: number, floor: number, pieces: readonly Piece[]): Lead {
  let from = beforeModifiers(text, start);
  let found = start;
  let docStart = start;
  const comments: Span[] = [];
  for (let at = lastEndingBefore(pieces, from); at >= 0; at--) {
    const piece = pieces[at]!;
    if (piece.start < floor) break;
    const gap = text.slice(piece.end, from);
    if (gap.length > 400 || !/^[\s\w()]*$/.test(gap)) break;
    if (piece.attribute) {
      from = beforeModifiers(text, piece.start);
      found = from;
      docStart = from;
      continue;
    }
    // A grammar may count the newline as part of a line comment.
    const breaks = newlines(gap) + (text[piece.end - 1] === '\n' ? 1 : 0);
    const most = comments.length === 0 && isDocBlock(text, piece) ? 2 : 1;
    if (breaks > most || /\S/.test(gap) || !startsLine(text, piece.start)) break;
    comments.unshift(piece);
    from = piece.start;
    docStart = piece.start;
  }
  return { start: Math.min(found, start), docStart, comments };
}

/**
 * A `/**` block documents what follows even past a blank line, as JSDoc and its kin read it. One that opens the file, or
 * says that it is about something else, does not.
 */
function isDocBlock(text: string, { start, end }: Span): boolean {
  if (!text.startsWith('/**', start) || text.slice(0, start).trim() === '') return false;
  return !ABOUT_OTHERS.test(text.slice(start, end));
}

const ABOUT_OTHERS =
  /@(?:file|fileoverview|overview|license|copyright|module|typedef|callback|namespace|package|defgroup|addtogroup|name|\{|\})|\bcopyright\b/i;

export interface Piece extends Span {
  attribute: boolean;
}

/** Comments and attributes as one list in order; what lies inside another piece is dropped. */
export function piecesOf(comments: readonly Span[], attributes: readonly Span[]): Piece[] {
  const all = [
    ...comments.map((span) => ({ ...span, attribute: false })),
    ...attributes.map((span) => ({ ...span, attribute: true })),
  ].sort((a, b) => a.start - b.start || b.end - a.end);
  const kept: Piece[] = [];
  for (const piece of all) if (piece.start >= (kept.at(-1)?.end ?? 0)) kept.push(piece);
  return kept;
}

/** Back over words on the same line (`export default`, `pub(crate)`) to the first of them. */
function beforeModifiers(text: string, start: number): number {
  const line = text.lastIndexOf('\n', start - 1) + 1;
  const before = text.slice(line, start);
  if (before.length > 200 || !/^[\s\w()]*$/.test(before)) return start;
  return line + before.length - before.trimStart().length;
}

function startsLine(text: string, at: number): boolean {
  return text.slice(text.lastIndexOf('\n', at - 1) + 1, at).trim() === '';
}

function newlines(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) count++;
  return count;
}

function lastEndingBefore(pieces: readonly Piece[], offset: number): number {
  let low = 0;
  let high = pieces.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (pieces[middle]!.end <= offset) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** A comment's words: markers (`//`, `///`, `/** … *\/`, `#`, `--`, `"""`) and the common margin are gone. */
export function stripComment(comment: string): string {
  const text = comment.replace(/\r/g, '');
  if (text.startsWith('/*')) {
    const body = text.replace(/^\/\*+!?/, '').replace(/\**\/\s*$/, '');
    return dedent(body.split('\n').map((line) => line.replace(/^\s*\*(?!\*) ?/, '')));
  }
  if (/^\s*(?:\/\/|#|--|;|%)/.test(text)) {
    return dedent(text.split('\n').map((line) => line.replace(/^\s*(?:\/\/[/!]?|#+!?|--+|;+|%+) ?/, '')));
  }
  const quoted = /^[a-zA-Z]{0,2}("""|'''|"|')([\s\S]*)\1$/.exec(text.trim());
  return dedent((quoted ? quoted[2]! : text).split('\n'));
}

/** Removes blank lines around and the indentation that all lines but the first share. */
function dedent(lines: string[]): string {
  let margin = Number.POSITIVE_INFINITY;
  for (const line of lines.slice(1)) {
    if (line.trim() !== '') margin = Math.min(margin, line.length - line.trimStart().length);
  }
  if (!Number.isFinite(margin)) margin = 0;
  return [lines[0]?.trim() ?? '', ...lines.slice(1).map((line) => line.slice(margin).trimEnd())]
    .join('\n')
    .trim();
}

/** At most MAX_DOCUMENTATION characters, never half a surrogate pair; null when nothing is left. */
export function clipDocumentation(text: string): string | null {
  if (text === '') return null;
  return clip(text, MAX_DOCUMENTATION);
}

/** The first `length` code units of a text, one less where that would cut a character in two. */
export function clip(text: string, length: number): string {
  if (text.length <= length) return text;
  const code = text.charCodeAt(length - 1);
  return text.slice(0, code >= 0xd800 && code < 0xdc00 ? length - 1 : length);
}
