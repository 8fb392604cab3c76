import { resolveGo } from './modules/go.ts';
import { resolveJavascript } from './modules/javascript.ts';
import { resolveJvm } from './modules/jvm.ts';
import type { ModuleResolver } from './modules/module.ts';
import { UNKNOWN } from './modules/module.ts';
import {
  resolveCsharp,
  resolveInclude,
  resolvePhp,
  resolveRuby,
  resolveSwift,
} from './modules/namespaces.ts';
import { resolvePython } from './modules/python.ts';
import { resolveRust } from './modules/rust.ts';

/** Languages whose code can call each other's symbols. */
export type Family =
  | 'javascript'
  | 'python'
  | 'go'
  | 'rust'
  | 'c'
  | 'jvm'
  | 'csharp'
  | 'php'
  | 'ruby'
  | 'swift'
  | 'other';

/** Families in which a bare name may mean a member of the enclosing type. */
export const IMPLICIT_SELF: ReadonlySet<Family> = new Set(['jvm', 'csharp', 'c', 'ruby', 'swift']);

const FAMILIES: Readonly<Record<string, Family>> = {
  typescript: 'javascript',
  tsx: 'javascript',
  javascript: 'javascript',
  python: 'python',
  go: 'go',
  rust: 'rust',
  c: 'c',
  cpp: 'c',
  java: 'jvm',
  kotlin: 'jvm',
  csharp: 'csharp',
  php: 'php',
  ruby: 'ruby',
  swift: 'swift',
};

const RESOLVERS: Readonly<Record<Family, ModuleResolver>> = {
  javascript: resolveJavascript,
  python: resolvePython,
  go: resolveGo,
  rust: resolveRust,
  c: resolveInclude,
  jvm: resolveJvm,
  csharp: resolveCsharp,
  php: resolvePhp,
  ruby: resolveRuby,
  swift: resolveSwift,
  other: () => UNKNOWN,
};

/** The family of a language id; `other` for everything without a grammar. */
export function familyOf(lang: string): Family {
  return FAMILIES[lang] ?? 'other';
}

/** Resolves an import of `from` to files of the snapshot, by the rules of its language. Pure. */
export const resolveModule: ModuleResolver = (context, from, binding) =>
  RESOLVERS[familyOf(from.lang)](context, from, binding);
