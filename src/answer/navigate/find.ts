import { invalid } from '../../errors.ts';
import { compileGlob, type Glob, type GlobOptions, lastSegment, pathGlob } from '../../paths.ts';
import { symbolNames, symbolsNamed } from '../../store/navigation.ts';
import { listTree } from '../../store/tree.ts';
import { placed } from './demand.ts';
import { type OpenSnapshot, treeOf } from './snapshot.ts';

/** The seed's FindResult; of a file, `name` is its base name, `kind` is `file`, and there are no lines. */
export interface FindResult {
  path: string;
  name: string;
  kind: string;
  filePath: string;
  startLine: number | null;
  endLine: number | null;
  signature: string | null;
  qualifiedName?: string;
}

export interface Found {
  results: FindResult[];
  /** True when there are more than are answered. */
  truncated: boolean;
}

export const MAX_PATTERN = 300;
const MAX_BRACES = 100;
/** Results of one answer. */
const MAX_RESULTS = 10_000;
const MAX_SYMBOLS = 5_000;
/** Names that a pattern is tried on, a page at a time. */
const NAMES_A_PAGE = 5_000;
const MAX_NAMES = 200_000;

/**
 * Files whose path matches a glob; one without `/` is compared with base names at any depth. Hidden files are files.
 * @throws Problem `validation` naming the pattern
 */
export async function findFiles(snapshot: OpenSnapshot, pattern: string): Promise<Found> {
  const glob = checked(pattern, pathGlob);
  const files = await listTree(snapshot.shard, snapshot.scope, snapshot.snapshotId);
  const found = files.filter((file) => glob.match(file.path));
  return {
    results: found.slice(0, MAX_RESULTS).map((file) => ({
      path: file.path,
      name: lastSegment(file.path),
      kind: 'file',
      filePath: file.path,
      startLine: null,
      endLine: null,
      signature: null,
    })),
    truncated: found.length > MAX_RESULTS,
  };
}

/**
 * Symbols whose name matches a glob; a pattern with a dot is compared with qualified names. Exact letter case first,
 * any case when that finds nothing.
 * @throws Problem `validation` naming the pattern
 */
export async function findSymbols(snapshot: OpenSnapshot, pattern: string): Promise<Found> {
  const exact = await symbolsMatching(snapshot, pattern, false);
  return exact.results.length > 0 ? exact : symbolsMatching(snapshot, pattern, true);
}

async function symbolsMatching(snapshot: OpenSnapshot, pattern: string, nocase: boolean): Promise<Found> {
  const isQualified = pattern.includes('.');
  const compile = (part: string) => checked(part, compileGlob, nocase);
  const glob = compile(pattern);
  const byName = isQualified ? compile(pattern.slice(pattern.lastIndexOf('.') + 1) || '*') : glob;
  const names = await matchingNames(snapshot, byName, literalStart(isQualified ? '' : pattern));
  const { paths } = await treeOf(snapshot);
  const rows = await symbolsNamed(snapshot, names, { limit: MAX_SYMBOLS + 1, brief: true });
  const results = rows
    .slice(0, MAX_SYMBOLS)
    .filter((row) => !isQualified || glob.match(row.qualifiedName) || endsLike(glob, row.qualifiedName))
    .flatMap((row) => placed(row, paths))
    .map((symbol) => ({
      path: symbol.path,
      name: symbol.name,
      kind: symbol.kind,
      filePath: symbol.path,
      startLine: symbol.startLine,
      endLine: symbol.endLine,
      signature: symbol.signature,
      qualifiedName: symbol.qualifiedName,
    }))
    .sort((a, b) => (a.path === b.path ? a.startLine - b.startLine : a.path < b.path ? -1 : 1));
  return { results, truncated: rows.length > MAX_SYMBOLS };
}

/** `Router.ma*` also means the end of `app.Router.match`. */
function endsLike(glob: Glob, qualifiedName: string): boolean {
  for (let dot = qualifiedName.indexOf('.'); dot >= 0; dot = qualifiedName.indexOf('.', dot + 1)) {
    if (glob.match(qualifiedName.slice(dot + 1))) return true;
  }
  return false;
}

async function matchingNames(snapshot: OpenSnapshot, glob: Glob, prefix: string): Promise<string[]> {
  const names: string[] = [];
  let after = '';
  for (let looked = 0; looked < MAX_NAMES; looked += NAMES_A_PAGE) {
    const page = await symbolNames(snapshot, { prefix, after, limit: NAMES_A_PAGE });
    names.push(...page.filter((name) => glob.match(name)));
    if (page.length < NAMES_A_PAGE || names.length > MAX_SYMBOLS) break;
    after = page.at(-1)!;
  }
  return names;
}

/** What every match begins with: the index is then read from there on. */
function literalStart(pattern: string): string {
  return /^[^*?[\]{}()!+@\\]*/.exec(pattern)![0];
}

/** @throws Problem `validation` naming the pattern */
function checked(
  pattern: string,
  compile: (pattern: string, options: GlobOptions) => Glob,
  nocase = false,
): Glob {
  const pointer = 'query/pattern';
  if (pattern.length > MAX_PATTERN) throw invalid(pointer, `must be at most ${MAX_PATTERN} characters`);
  if (/[\u0000-\u001f]/.test(pattern)) throw invalid(pointer, 'must not hold control characters');
  const glob = compile(pattern, { nocase, maxPatterns: MAX_BRACES });
  if (glob.patterns > MAX_BRACES) throw invalid(pointer, `its braces make more than ${MAX_BRACES} patterns`);
  return glob;
}
