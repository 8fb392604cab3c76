import { directoryOf } from '../../../paths.ts';
import { joinPath } from '../paths.ts';
import { EXTERNAL, found, type ModuleResolver, UNKNOWN } from './module.ts';

/** C#: `using A.B.C` names no file; directories that spell its end are taken where there are any, names decide else. */
export const resolveCsharp: ModuleResolver = ({ paths }, _from, binding) => {
  if (/^(?:System|Microsoft)(?:\.|$)/.test(binding.source)) return EXTERNAL;
  const segments = binding.source.split('.');
  for (let start = 0; start < segments.length; start++) {
    const directories = paths.directoriesEnding(segments.slice(start).join('/'));
    const files = directories.flatMap((directory) => paths.inDirectory(directory));
    if (files.some((file) => file.lang === 'csharp')) {
      return found(
        files.filter((file) => file.lang === 'csharp'),
        member(binding.name),
        UNKNOWN,
      );
    }
  }
  return UNKNOWN;
};

/** PHP: `use A\B\C` by PSR-4 (the longest suffix that is a file), `require` by relative path. */
export const resolvePhp: ModuleResolver = ({ paths }, from, binding) => {
  if (/\.(?:php|inc)$/.test(binding.source)) {
    const path = joinPath(directoryOf(from.path), binding.source.replace(/^\/+/, ''));
    return found([path === null ? undefined : paths.file(path)], null, EXTERNAL);
  }
  const written = binding.source.replace(/^\\/, '');
  const name = binding.name === '*' || binding.name === '' ? '' : binding.name;
  const full =
    name === '' || written.endsWith(`\\${name}`) || written === name ? written : `${written}\\${name}`;
  const segments = full.split('\\');
  for (let start = 0; start < segments.length; start++) {
    const files = paths.filesEnding(`${segments.slice(start).join('/')}.php`);
    if (files.length > 0 && (start < segments.length - 1 || segments.length === 1)) {
      return { kind: 'files', files, member: segments.at(-1)! };
    }
  }
  return UNKNOWN;
};

/** Ruby: `require_relative` and `require` load files but bind nothing; constants are global. */
export const resolveRuby: ModuleResolver = ({ paths }, from, binding) => {
  const stem = binding.source.replace(/\.rb$/, '');
  const relative = joinPath(directoryOf(from.path), stem);
  const near = relative === null ? undefined : paths.file(`${relative}.rb`);
  if (near) return { kind: 'files', files: [near], member: null };
  const suffix = stem.replace(/^(?:\.{1,2}\/)+/, '');
  const underLib = paths.filesEnding(`lib/${suffix}.rb`);
  return found(underLib.length > 0 ? underLib : paths.filesEnding(`${suffix}.rb`), null, EXTERNAL);
};

const C_SOURCES = ['c', 'cc', 'cpp', 'cxx', 'm', 'mm'];

/** C and C++: the header beside the file, or any header of that path, and the source file of the same stem. */
export const resolveInclude: ModuleResolver = ({ paths }, from, binding) => {
  // `using ns::name`: a namespace is no file.
  if (binding.name !== '*' && binding.name !== '') return UNKNOWN;
  const near = joinPath(directoryOf(from.path), binding.source);
  const exact = near === null ? undefined : paths.file(near);
  const clean = joinPath('', binding.source.replace(/^(?:\.{1,2}\/)+/, '')) ?? binding.source;
  const headers = exact ? [exact] : paths.filesEnding(clean);
  const sources = headers.flatMap((header) => {
    const stem = header.path.replace(/\.[^./]+$/, '');
    return C_SOURCES.map((extension) => paths.file(`${stem}.${extension}`));
  });
  return found([...headers, ...sources], null, EXTERNAL);
};

/** Swift: a module is a target's directory; inside a module everything is visible without an import. */
export const resolveSwift: ModuleResolver = ({ paths }, _from, binding) => {
  const directories = paths.directoriesEnding(`Sources/${binding.source}`);
  const files = directories.flatMap((directory) => paths.inDirectory(directory));
  return found(
    files.filter((file) => file.lang === 'swift'),
    null,
    EXTERNAL,
  );
};

function member(name: string): string | null {
  return name === '*' || name === '' ? null : name;
}
