import { directoryOf } from '../../../paths.ts';
import { type IndexedFile, joinPath, type PathIndex } from '../paths.ts';
import { EXTERNAL, found, type ModuleContext, type ModuleResolver } from './module.ts';

const EXTENSIONS = ['ts', 'tsx', 'mts', 'cts', 'd.ts', 'js', 'jsx', 'mjs', 'cjs'];
/** Where packages keep what their public paths point at: source before an `index.js` that only loads what was built. */
const SOURCE_ROOTS = ['src/', '', 'lib/', 'source/'];

/** ES modules and CommonJS: relative paths, packages of this repository by name, and the usual root aliases. */
export const resolveJavascript: ModuleResolver = (context, from, binding) => {
  const member = binding.name === '*' || binding.name === '' ? null : binding.name;
  return found([resolveSpecifier(context, from, binding.source)], member, EXTERNAL);
};

function resolveSpecifier(
  context: ModuleContext,
  from: IndexedFile,
  specifier: string,
): IndexedFile | undefined {
  const bare = specifier.replace(/\?.*$/s, '');
  if (bare === '.' || bare === '..' || bare.startsWith('./') || bare.startsWith('../')) {
    const base = joinPath(directoryOf(from.path), bare);
    return base === null ? undefined : moduleFile(context.paths, base);
  }
  if (bare.startsWith('/')) return moduleFile(context.paths, bare.slice(1));
  return ownPackage(context, bare) ?? rootAlias(context.paths, from, bare);
}

/** A path as Node and the bundlers complete it: itself, with an extension, as a directory, `.js` written for `.ts`. */
function moduleFile(paths: PathIndex, base: string): IndexedFile | undefined {
  const exact = paths.file(base);
  if (exact) return exact;
  const stem = base.replace(/\.(?:js|jsx|mjs|cjs)$/, '');
  if (stem !== base) {
    const source = withExtension(paths, stem);
    if (source) return source;
  }
  return withExtension(paths, base) ?? withExtension(paths, base === '' ? 'index' : `${base}/index`);
}

function withExtension(paths: PathIndex, stem: string): IndexedFile | undefined {
  for (const extension of EXTENSIONS) {
    const file = paths.file(`${stem}.${extension}`);
    if (file) return file;
  }
  return undefined;
}

/** `hono/jsx` in the repository of `hono`, or a package of the same workspace. */
function ownPackage(context: ModuleContext, specifier: string): IndexedFile | undefined {
  let best: { directory: string; rest: string } | undefined;
  for (const manifest of context.manifests) {
    if (manifest.kind !== 'npm') continue;
    if (specifier !== manifest.name && !specifier.startsWith(`${manifest.name}/`)) continue;
    const rest = specifier.slice(manifest.name.length + 1);
    if (!best || rest.length < best.rest.length) best = { directory: manifest.directory, rest };
  }
  if (!best) return undefined;
  const prefix = best.directory === '' ? '' : `${best.directory}/`;
  for (const root of SOURCE_ROOTS) {
    const file = moduleFile(context.paths, `${prefix}${root}${best.rest}`.replace(/\/$/, ''));
    if (file) return file;
  }
  return undefined;
}

/** `@/x`, `~/x`, `#x` and `src/x`: aliases that most configurations point at the root or at `src` of the nearest package. */
function rootAlias(paths: PathIndex, from: IndexedFile, specifier: string): IndexedFile | undefined {
  // `@scope/name` is a package; only `@/` is an alias.
  const alias = /^(?:@\/|~\/?|#\/?)(?=\w)/.exec(specifier);
  if (specifier.startsWith('@') && !alias) return undefined;
  const target = alias ? specifier.slice(alias[0].length) : specifier;
  if (!alias && !target.includes('/')) return undefined;
  for (let directory = directoryOf(from.path); ; directory = directoryOf(directory)) {
    const prefix = directory === '' ? '' : `${directory}/`;
    for (const root of alias ? ['src/', '', 'app/'] : ['']) {
      const file = moduleFile(paths, `${prefix}${root}${target}`);
      if (file) return file;
    }
    if (directory === '') return undefined;
  }
}
