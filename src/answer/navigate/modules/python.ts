import { directoryOf } from '../../../paths.ts';
import type { IndexedFile, PathIndex } from '../paths.ts';
import { EXTERNAL, found, type ModuleResolver } from './module.ts';

const STUBS = ['py', 'pyi'];

/** Packages and modules: relative by dots, absolute from any directory that is a source root (holds no `__init__`). */
export const resolvePython: ModuleResolver = ({ paths }, from, binding) => {
  const locate = (dotted: string) => modules(paths, from, dotted);
  if (binding.name !== '*' && binding.name !== '') {
    // `from package import module`: the name may be a submodule, else it is a member of the package.
    const separator = /^\.*$/.test(binding.source) ? '' : '.';
    const own = locate(binding.source);
    const submodule = locate(`${binding.source}${separator}${binding.name}`);
    if (submodule.length > 0) return { kind: 'files', files: submodule, member: null };
    return found(own, binding.name, EXTERNAL);
  }
  return found(locate(binding.source), null, EXTERNAL);
};

function modules(paths: PathIndex, from: IndexedFile, dotted: string): IndexedFile[] {
  const dots = /^\.*/.exec(dotted)![0].length;
  const path = dotted.slice(dots).replaceAll('.', '/');
  if (dots > 0) {
    let directory = directoryOf(from.path);
    for (let up = 1; up < dots; up++) {
      if (directory === '') return [];
      directory = directoryOf(directory);
    }
    return at(paths, directory === '' ? path : path === '' ? directory : `${directory}/${path}`);
  }
  if (path === '') return [];
  for (const root of ['', 'src/', 'lib/']) {
    const files = at(paths, root + path);
    if (files.length > 0) return files;
  }
  return fromSourceRoots(paths, from, path);
}

/** The module file, or the package's `__init__`. */
function at(paths: PathIndex, path: string): IndexedFile[] {
  for (const extension of STUBS) {
    const file =
      paths.file(`${path}.${extension}`) ??
      paths.file(path === '' ? `__init__.${extension}` : `${path}/__init__.${extension}`);
    if (file) return [file];
  }
  return [];
}

/** Any other root, nearest to the importing file first: monorepos, `tests/`, scripts beside their modules. */
function fromSourceRoots(paths: PathIndex, from: IndexedFile, path: string): IndexedFile[] {
  const matches = STUBS.flatMap((extension) => [
    ...rooted(paths, `${path}.${extension}`),
    ...rooted(paths, `${path}/__init__.${extension}`),
  ]);
  if (matches.length < 2) return matches.map((match) => match.file);
  const near = matches.filter(({ root }) => root === '' || from.path.startsWith(`${root}/`));
  const pool = near.length > 0 ? near : matches;
  const longest = Math.max(...pool.map(({ root }) => root.length));
  return (near.length > 0 ? pool.filter(({ root }) => root.length === longest) : pool).map(
    ({ file }) => file,
  );
}

function rooted(paths: PathIndex, suffix: string): { file: IndexedFile; root: string }[] {
  return paths
    .filesEnding(suffix)
    .map((file) => ({ file, root: file.path.slice(0, -suffix.length).replace(/\/$/, '') }))
    .filter(({ root }) => root === '' || !paths.file(`${root}/__init__.py`));
}
