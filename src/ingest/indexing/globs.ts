import { invalid } from '../../errors.ts';
import { type Glob, pathGlob } from '../../paths.ts';

const MAX_GLOBS = 100;
const MAX_GLOB_LENGTH = 300;
/** What the braces of all patterns of a repo together may come to, because each is tried on every path. */
const MAX_EXPANSIONS = 200;

interface Chooser extends Glob {
  negative: boolean;
}

/**
 * Refuses glob patterns that cannot be read or would make matching slow.
 * @throws Problem `validation` naming `/globPatterns/<i>`, or `/globPatterns` for too many
 */
export function validateGlobs(patterns: readonly string[]): void {
  compileAll(patterns);
}

/**
 * Whether a path is to be indexed: any positive pattern matches it (every path, when there is none) and no `!pattern`
 * does. A pattern without `/` is compared with base names at any depth, else with the whole path; `src/` means all
 * below it. Hidden files are files too.
 */
export function globFilter(patterns: readonly string[] | null): (path: string) => boolean {
  const globs = compileAll(patterns ?? []);
  const positive = globs.filter((glob) => !glob.negative);
  const negative = globs.filter((glob) => glob.negative);
  return (path) =>
    (positive.length === 0 || positive.some((glob) => glob.match(path))) &&
    !negative.some((glob) => glob.match(path));
}

function compileAll(patterns: readonly string[]): Chooser[] {
  if (patterns.length > MAX_GLOBS) throw invalid('/globPatterns', `at most ${MAX_GLOBS} patterns are taken`);
  let expansions = 0;
  return patterns.map((written, index) => {
    const pointer = `/globPatterns/${index}`;
    const negative = written.startsWith('!');
    const glob = compile(negative ? written.slice(1) : written, pointer);
    expansions += glob.patterns;
    if (expansions > MAX_EXPANSIONS) {
      throw invalid(pointer, `the braces of the patterns make more than ${MAX_EXPANSIONS} patterns`);
    }
    return { ...glob, negative };
  });
}

function compile(written: string, pointer: string): Glob {
  const pattern = written.replace(/^(?:\.\/)+/, '');
  if (pattern.trim() === '') throw invalid(pointer, 'the pattern is empty');
  if (written.length > MAX_GLOB_LENGTH)
    throw invalid(pointer, `the pattern is longer than ${MAX_GLOB_LENGTH} characters`);
  if (pattern.startsWith('/'))
    throw invalid(pointer, 'paths are relative to the root of the repository: no leading slash');
  if (/[\u0000-\u001f]/.test(pattern)) throw invalid(pointer, 'the pattern holds a control character');
  return pathGlob(written.replace(/\/$/, '/**'), { maxPatterns: MAX_EXPANSIONS });
}
