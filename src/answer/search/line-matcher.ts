import { RE2JS } from 're2js';
import { invalid } from '../../errors.ts';
import { anchorsOf, type Needles, needleOf, stringsOf } from './needles.ts';
import { regexNeedles } from './regex-needles.ts';

/** 1-based, inclusive. */
export interface LineRange {
  start: number;
  end: number;
}

/** Something a text is searched for exactly, line by line. */
export interface LineMatcher {
  /** What a text must contain to be worth matching; null: every text is. */
  needles: Needles;
  /** Time a character takes, about 1 for a string search: what scans are bounded by. */
  cost: number;
  /** No match spans lines. */
  withinLines: boolean;
  test(text: string): boolean;
  /** The lines that match, in order, at most `limit` of them. Only a pattern that names a newline spans lines. */
  lines(text: string, limit: number): LineRange[];
}

/** Finds a string. `caseSensitive` compares as it stands. */
export function literalMatcher(literal: string, caseSensitive: boolean): LineMatcher {
  const wanted = caseSensitive ? literal : literal.toLowerCase();
  const folded = (text: string) => (caseSensitive ? text : foldCase(text));
  const newlines = literal.split('\n').length - 1;
  return {
    needles: needleOf(literal),
    cost: 1,
    withinLines: newlines === 0,
    test: (text) => folded(text).includes(wanted),
    lines(text, limit) {
      const found: LineRange[] = [];
      const walker = new LineWalker(text);
      const haystack = folded(text);
      for (
        let at = haystack.indexOf(wanted);
        at >= 0 && found.length < limit;
        at = haystack.indexOf(wanted, at)
      ) {
        const start = walker.lineAt(at);
        found.push({ start, end: start + newlines });
        at = walker.endOfLine;
      }
      return found;
    },
  };
}

/**
 * Finds a regular expression in RE2 syntax, in time linear in the text. `^`, `$` and `.` see one line at a time, with
 * or without `\r` at its end, unless the pattern itself names a newline.
 * @param pointer the request field to name when the pattern does not compile
 * @throws Problem `validation`
 */
export function regexMatcher(source: string, caseSensitive: boolean, pointer = 'query/query'): LineMatcher {
  const regex = compile(source, caseSensitive, pointer);
  const needles = regexNeedles(source);
  if (NAMES_NEWLINE.test(source)) return multiLineMatcher(regex, needles);
  const anchors = anchorsOf(needles);
  const required = stringsOf(needles);
  const matching = (line: string, folded: string | undefined) =>
    (folded === undefined || required.every((each) => folded.includes(each))) && regex.matcher(line).find();
  return {
    needles,
    cost: anchors ? 1 : unanchoredCost(regex),
    withinLines: true,
    test: (text) => someLine(text, anchors, required, matching, 1).length > 0,
    lines: (text, limit) => someLine(text, anchors, required, matching, limit),
  };
}

const NAMES_NEWLINE = /\\n|\\r|\\x0[aAdD]|\\x\{0*[aAdD]\}|\n|\(\?[a-zA-Z]*s/;
/** A program this large costs seconds over a few megabytes even in linear time (`(a{1,200}){1,200}`). */
const MAX_PROGRAM = 2_000;

/** Measured: 6 to 30 MB/s for small programs, down to 2 for the largest allowed. */
function unanchoredCost(regex: RE2JS): number {
  return regex.programSize() > 200 ? 12 : 4;
}

function compile(source: string, caseSensitive: boolean, pointer: string): RE2JS {
  let regex: RE2JS;
  try {
    regex = RE2JS.compile(source, RE2JS.MULTILINE | (caseSensitive ? 0 : RE2JS.CASE_INSENSITIVE));
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'not valid RE2 syntax';
    throw invalid(pointer, `the regular expression does not compile (${reason})`);
  }
  if (regex.programSize() > MAX_PROGRAM) {
    throw invalid(pointer, 'the regular expression is too large; use smaller repetition counts');
  }
  return regex;
}

function multiLineMatcher(regex: RE2JS, needles: Needles): LineMatcher {
  return {
    needles,
    cost: unanchoredCost(regex),
    withinLines: false,
    test: (text) => regex.matcher(text).find(),
    lines(text, limit) {
      const found: LineRange[] = [];
      const walker = new LineWalker(text);
      const matcher = regex.matcher(text);
      for (let more = matcher.find(); more && found.length < limit; ) {
        const start = walker.lineAt(matcher.start());
        const end = walker.lineAt(Math.max(matcher.start(), matcher.end() - 1));
        found.push({ start, end });
        more = walker.endOfLine < text.length && matcher.find(walker.endOfLine);
      }
      return found;
    },
  };
}

/**
 * The lines `matching` accepts; with anchors, only lines that hold one of them are tried, and none when the text lacks
 * any of what is required.
 */
function someLine(
  text: string,
  anchors: string[] | null,
  required: readonly string[],
  matching: (line: string, folded: string | undefined) => boolean,
  limit: number,
): LineRange[] {
  const found: LineRange[] = [];
  const haystack = anchors ? foldCase(text) : undefined;
  if (haystack !== undefined && !required.every((each) => haystack.includes(each))) return found;
  const walker = new LineWalker(text);
  let after = 0;
  for (let at = 0; at < text.length && found.length < limit; at = after) {
    const candidate = haystack === undefined ? at : nextAnchor(haystack, anchors!, at);
    if (candidate < 0) break;
    const start = candidate === 0 ? 0 : text.lastIndexOf('\n', candidate - 1) + 1;
    const newline = text.indexOf('\n', candidate);
    const end = newline < 0 ? text.length : newline;
    after = end + 1;
    const line = text.slice(start, text[end - 1] === '\r' && newline >= 0 ? end - 1 : end);
    if (!matching(line, haystack?.slice(start, end))) continue;
    // Lines are counted only up to those that match.
    const number = walker.lineAt(start);
    found.push({ start: number, end: number });
  }
  return found;
}

function nextAnchor(haystack: string, anchors: string[], from: number): number {
  let next = -1;
  for (const anchor of anchors) {
    const at = haystack.indexOf(anchor, from);
    if (at >= 0 && (next < 0 || at < next)) next = at;
  }
  return next;
}

/** Lower case with every offset kept: the few characters whose lower case is longer stay as they are. */
export function foldCase(text: string): string {
  const lower = text.toLowerCase();
  return lower.length === text.length
    ? lower
    : text.replace(/[^\u0130]+/gu, (run) =>
        run.toLowerCase().length === run.length ? run.toLowerCase() : run,
      );
}

/** Counts lines while moving forward through a text, so that many offsets cost one pass. */
class LineWalker {
  readonly #text: string;
  #line = 1;
  #start = 0;
  /** Offset of the first character after the current line and its newline. */
  endOfLine = 0;

  constructor(text: string) {
    this.#text = text;
    this.endOfLine = this.#after(0);
  }

  /** The line of `offset`, which must not lie before the last one asked for. */
  lineAt(offset: number): number {
    while (offset >= this.endOfLine && this.endOfLine < this.#text.length) {
      this.#line++;
      this.#start = this.endOfLine;
      this.endOfLine = this.#after(this.#start);
    }
    return this.#line;
  }

  #after(offset: number): number {
    const newline = this.#text.indexOf('\n', offset);
    return newline < 0 ? this.#text.length : newline + 1;
  }
}
