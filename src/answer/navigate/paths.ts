import { lastSegment } from '../../paths.ts';
import type { DirectoryRow } from '../../store/navigation.ts';

/** A parsed file of the snapshot. */
export interface IndexedFile {
  path: string;
  blob: number;
  lang: string;
}

/** The file tree of one snapshot, in the shapes that module resolution asks for. Immutable. */
export interface PathIndex {
  /** The file at exactly this path, or undefined. */
  file(path: string): IndexedFile | undefined;
  /** Files directly in a directory given without its final slash ('' = the root). */
  inDirectory(directory: string): readonly IndexedFile[];
  /** Directories whose path ends with these whole segments, shortest first. */
  directoriesEnding(segments: string): readonly string[];
  /** Files whose path ends with these whole segments, shortest path first. */
  filesEnding(segments: string): readonly IndexedFile[];
  /** Files of exactly this base name. */
  named(baseName: string): readonly IndexedFile[];
  /** The paths where a blob stands. */
  pathsOf(blob: number): readonly IndexedFile[];
  /** How many files it holds, parsed or not. */
  readonly size: number;
}

const NO_FILES: readonly IndexedFile[] = [];

/** Builds the index from directory rows; only parsed files (those with a blob) take part. */
export function createPathIndex(directories: DirectoryRow[]): PathIndex {
  const byPath = new Map<string, IndexedFile>();
  const byDirectory = new Map<string, IndexedFile[]>();
  const byBlob = new Map<number, IndexedFile[]>();
  const byBaseName = new Map<string, IndexedFile[]>();
  const directoriesByLast = new Map<string, string[]>();
  let size = 0;

  for (const { path: prefix, files } of directories) {
    const directory = prefix.replace(/\/$/, '');
    size += files.length;
    for (const { name, blob, lang } of files) {
      if (blob === null) continue;
      const file: IndexedFile = { path: prefix + name, blob, lang: lang ?? 'text' };
      byPath.set(file.path, file);
      push(byDirectory, directory, file);
      push(byBlob, blob, file);
      push(byBaseName, name, file);
    }
    if (byDirectory.has(directory)) push(directoriesByLast, lastSegment(directory), directory);
  }
  for (const list of directoriesByLast.values()) list.sort(shortestFirst);
  for (const list of byBaseName.values()) list.sort((a, b) => shortestFirst(a.path, b.path));

  return {
    size,
    file: (path) => byPath.get(path),
    inDirectory: (directory) => byDirectory.get(directory) ?? NO_FILES,
    directoriesEnding: (segments) =>
      (directoriesByLast.get(lastSegment(segments)) ?? []).filter((path) => endsWithSegments(path, segments)),
    filesEnding: (segments) =>
      (byBaseName.get(lastSegment(segments)) ?? []).filter((file) => endsWithSegments(file.path, segments)),
    named: (baseName) => byBaseName.get(baseName) ?? NO_FILES,
    pathsOf: (blob) => byBlob.get(blob) ?? NO_FILES,
  };
}

/** Resolves `.` and `..` of `relative` against a directory; null when it climbs out of the repository. */
export function joinPath(directory: string, relative: string): string | null {
  const segments = directory === '' ? [] : directory.split('/');
  for (const segment of relative.split('/')) {
    if (segment === '' || segment === '.') continue;
    if (segment !== '..') segments.push(segment);
    else if (segments.pop() === undefined) return null;
  }
  return segments.join('/');
}

function endsWithSegments(path: string, segments: string): boolean {
  return path === segments || path.endsWith(`/${segments}`);
}

function shortestFirst(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}
