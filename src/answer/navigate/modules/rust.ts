import { directoryOf } from '../../../paths.ts';
import type { IndexedFile, PathIndex } from '../paths.ts';
import { EXTERNAL, type ModuleContext, type ModuleResolver, type Resolution, UNKNOWN } from './module.ts';

/** `crate`, `self`, `super`, submodules and crates of the workspace; the longest prefix that is a file, then a member. */
export const resolveRust: ModuleResolver = (context, from, binding) => {
  const segments = binding.source
    .replaceAll('::', '.')
    .split('.')
    .filter((segment) => segment !== '');
  if (binding.name !== '*' && binding.name !== '' && binding.name !== 'self') segments.push(binding.name);
  return resolveRustPath(context, from, segments);
};

/** Resolves a path as it stands in code (`crate.router.Router`, `super.parse`), given as segments. */
export function resolveRustPath(context: ModuleContext, from: IndexedFile, segments: string[]): Resolution {
  const { paths } = context;
  const [first, ...rest] = segments;
  if (first === undefined) return UNKNOWN;
  if (first === 'crate') return walk(paths, crateRoot(paths, from), rest);
  if (first === 'self') return walk(paths, moduleDirectory(from.path), rest, from);
  if (first === 'super') {
    let directory = directoryOf(moduleDirectory(from.path));
    let remaining = rest;
    while (remaining[0] === 'super') {
      directory = directoryOf(directory);
      remaining = remaining.slice(1);
    }
    return walk(paths, directory, remaining, moduleFile(paths, directory));
  }
  const crate = context.manifests.find(
    (manifest) => manifest.kind === 'cargo' && manifest.name.replaceAll('-', '_') === first,
  );
  if (crate) {
    const source = crate.directory === '' ? 'src' : `${crate.directory}/src`;
    return walk(paths, source, rest, paths.file(`${source}/lib.rs`));
  }
  const local = walk(paths, moduleDirectory(from.path), segments);
  return local.kind === 'files' ? local : EXTERNAL;
}

/** Follows segments through module files; what is left is a member of the last one found. */
function walk(paths: PathIndex, directory: string, segments: string[], start?: IndexedFile): Resolution {
  let file = start ?? moduleFile(paths, directory);
  let rest = segments;
  for (let at = directory; rest.length > 0; rest = rest.slice(1)) {
    at = at === '' ? rest[0]! : `${at}/${rest[0]}`;
    const next = paths.file(`${at}.rs`) ?? paths.file(`${at}/mod.rs`);
    if (!next) break;
    file = next;
  }
  // Without a step taken and without a module to stand in, the path starts at something this repository does not hold.
  if (!file || (start === undefined && rest.length === segments.length && !isRoot(file.path)))
    return EXTERNAL;
  return { kind: 'files', files: [file], member: rest.at(-1) ?? null };
}

function isRoot(path: string): boolean {
  return /(?:^|\/)(?:lib|main)\.rs$/.test(path);
}

/** The directory whose files are the submodules of this file's module. */
function moduleDirectory(path: string): string {
  if (/(?:^|\/)(?:lib|main|mod)\.rs$/.test(path)) return directoryOf(path);
  return path.replace(/\.rs$/, '');
}

/** The file that declares the module whose submodules stand in `directory`. */
function moduleFile(paths: PathIndex, directory: string): IndexedFile | undefined {
  const inside = directory === '' ? '' : `${directory}/`;
  return (
    paths.file(`${inside}mod.rs`) ??
    paths.file(`${inside}lib.rs`) ??
    paths.file(`${inside}main.rs`) ??
    paths.file(`${directory}.rs`)
  );
}

/** True when two files belong to one crate: its macros are known by name all over it. */
export function sameCrate({ paths }: ModuleContext, a: string, b: string): boolean {
  return crateRoot(paths, { path: a }) === crateRoot(paths, { path: b });
}

/** The directory of the nearest `lib.rs` or `main.rs` above. */
function crateRoot(paths: PathIndex, from: Pick<IndexedFile, 'path'>): string {
  for (let directory = directoryOf(from.path); ; directory = directoryOf(directory)) {
    const inside = directory === '' ? '' : `${directory}/`;
    if (paths.file(`${inside}lib.rs`) ?? paths.file(`${inside}main.rs`)) return directory;
    if (directory === '') return directoryOf(from.path);
  }
}
