import { EXTERNAL, found, type ModuleResolver, UNKNOWN } from './module.ts';

/** Packages that no repository of application code defines. */
const PLATFORM = /^(?:java|javax|jakarta|kotlin|kotlinx|android|androidx|sun|com\.sun)\./;

/** Java and Kotlin: a class is a file of its name in the directory of its package; static members name their class. */
export const resolveJvm: ModuleResolver = ({ paths }, from, binding) => {
  const written = binding.source.replace(/\.\*$/, '');
  const wildcard = binding.name === '*' || binding.name === '';
  const full =
    wildcard || written.endsWith(`.${binding.name}`) || written === binding.name
      ? written
      : `${written}.${binding.name}`;
  const path = full.replaceAll('.', '/');
  const classFile = (suffix: string) => [
    ...paths.filesEnding(`${suffix}.java`),
    ...paths.filesEnding(`${suffix}.kt`),
  ];
  if (wildcard) {
    const members = classFile(path);
    if (members.length > 0) return { kind: 'files', files: members, member: null };
    const files = paths.directoriesEnding(path).flatMap((directory) => paths.inDirectory(directory));
    return found(files.filter(isJvm), null, absent(full));
  }
  const own = classFile(path);
  if (own.length > 0) return { kind: 'files', files: own, member: binding.name };
  const slash = path.lastIndexOf('/');
  if (slash < 0) return UNKNOWN;
  // A nested class or a static member stands in the file of its outer class; Kotlin's top level in any file of the package.
  const outer = classFile(path.slice(0, slash));
  if (outer.length > 0) return { kind: 'files', files: outer, member: binding.name };
  if (from.lang === 'java') return absent(full);
  const files = paths
    .directoriesEnding(path.slice(0, slash))
    .flatMap((directory) => paths.inDirectory(directory));
  return found(files.filter(isJvm), binding.name, absent(full));
};

function absent(name: string) {
  return PLATFORM.test(name) ? EXTERNAL : UNKNOWN;
}

function isJvm(file: { lang: string }): boolean {
  return file.lang === 'java' || file.lang === 'kotlin';
}
