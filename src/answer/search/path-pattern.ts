import { invalid } from '../../errors.ts';
import { lastSegment, pathGlob } from '../../paths.ts';
import { regexMatcher } from './line-matcher.ts';

/** A filter on paths, made once a query. */
export interface PathPattern {
  /** As typed. */
  source: string;
  /** A piece, in lower case, that every matching path contains; '' when none is certain. */
  piece: string;
  test(path: string): boolean;
}

/** Whether a path is written as a glob. */
export function isGlob(source: string): boolean {
  return /[*?[\]{}]/.test(source);
}

const MAX_BRACES = 64;
const MAX_STARS = 24;

/**
 * A `path:` or `file:` value, or the `path` parameter. With glob characters: one without `/` matches base names at
 * any depth, else the whole path. Without: any part of the path (`part: 'path'`) or of the base name (`'name'`).
 * @throws Problem `validation` when the glob is too wild to be matched in bounded time
 */
export function pathPattern(source: string, part: 'path' | 'name', caseSensitive = false): PathPattern {
  return isGlob(source) ? globPattern(source, caseSensitive) : partPattern(source, part, caseSensitive);
}

/**
 * A regular expression over whole paths, found anywhere in them.
 * @throws Problem `validation` when it does not compile
 */
export function pathRegex(source: string, caseSensitive = false): PathPattern {
  const { test } = regexMatcher(source, caseSensitive);
  return { source, piece: '', test };
}

function partPattern(source: string, part: 'path' | 'name', caseSensitive: boolean): PathPattern {
  const fold = (text: string) => (caseSensitive ? text : text.toLowerCase());
  const wanted = fold(source.replace(/^\.?\//, ''));
  const subject = (path: string) => (part === 'name' && !source.includes('/') ? lastSegment(path) : path);
  return { source, piece: wanted.toLowerCase(), test: (path) => fold(subject(path)).includes(wanted) };
}

function globPattern(source: string, caseSensitive: boolean): PathPattern {
  if ((source.match(/\*+/g) ?? []).length > MAX_STARS) {
    throw invalid('query/path', `at most ${MAX_STARS} wildcards`);
  }
  const glob = pathGlob(source, { nocase: !caseSensitive, maxPatterns: MAX_BRACES });
  if (glob.patterns > MAX_BRACES)
    throw invalid('query/path', `its braces make more than ${MAX_BRACES} patterns`);
  return { source, piece: certainPiece(source), test: (path) => glob.match(path) };
}

/** The longest run of plain characters outside braces, brackets and wildcards; extglobs make nothing certain. */
function certainPiece(glob: string): string {
  if (/[!?+*@]\(|\\/.test(glob)) return '';
  const runs = glob.replace(/\{.*\}|\[.*\]/g, '*').split(/[*?]+|^\.?\//);
  return runs
    .reduce((best, run) => (run.length > best.length ? run : best), '')
    .replace(/^\/|\/$/g, '')
    .toLowerCase();
}
