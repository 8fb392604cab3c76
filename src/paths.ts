/** Paths of a repository: their parts, and globs over them, by one rule for indexing, search and navigation. */
import { Minimatch } from 'minimatch';

/** `a/b/c.ts` → `a/b`; '' for a file at the root. */
export function directoryOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '' : path.slice(0, slash);
}

/** `a/b/c.ts` → `c.ts`. */
export function lastSegment(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

export interface Glob {
  match(text: string): boolean;
  /** Patterns that its braces come to, counted up to one more than `maxPatterns`: the caller refuses what is over. */
  patterns: number;
}

export interface GlobOptions {
  nocase?: boolean;
  /** Braces multiply: `{a,b}{c,d}` is four patterns, each of which is tried. Wildcards cost no backtracking here. */
  maxPatterns: number;
}

/** A glob over whole names or paths. Hidden files are files; a leading `!` or `#` has no meaning. */
export function compileGlob(pattern: string, { nocase = false, maxPatterns }: GlobOptions): Glob {
  const compiled = new Minimatch(pattern, {
    dot: true,
    nocase,
    nonegate: true,
    nocomment: true,
    braceExpandMax: maxPatterns + 1,
    platform: 'linux',
  });
  return { match: (text) => compiled.match(text), patterns: compiled.globSet.length };
}

/** A glob over paths: one that is written without `/` is compared with base names at any depth, else with whole paths. */
export function pathGlob(pattern: string, options: GlobOptions): Glob {
  const glob = compileGlob(pattern.replace(/^(?:\.\/)+|^\//, ''), options);
  return pattern.includes('/') ? glob : { ...glob, match: (path) => glob.match(lastSegment(path)) };
}
