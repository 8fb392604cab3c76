import { containerOf, type Definition, type Facts, isLocalToFunction, isMember, keyOf } from './facts.ts';
import type { Binding } from './modules/module.ts';
import { familyOf, resolveModule } from './modules.ts';
import type { IndexedFile } from './paths.ts';

/** Longest chain of re-exports that is followed. */
const MAX_HOPS = 8;
/** Most files one import may stand for (a package, a wildcard). */
const MAX_FILES = 400;

/**
 * What an imported name means: the definitions that `binding` in `from` binds (`name` as the exporter calls it), with
 * re-exports followed. `external` says that it comes from outside the repository, so that nothing here can be meant.
 */
export function imported(
  facts: Facts,
  from: IndexedFile,
  binding: Binding,
): { definitions: Definition[]; external: boolean } {
  const resolution = resolveModule(facts, from, binding);
  if (resolution.kind === 'external') return { definitions: [], external: true };
  if (resolution.kind === 'unknown') {
    const named = facts.definitions(binding.name).filter((definition) => sameFamily(definition, from));
    return { definitions: named.filter((definition) => fromNamespace(definition, binding)), external: false };
  }
  if (resolution.member === null) {
    // `const f = require('./f')` binds a module; used as a value, it is what the module exports as a whole.
    const whole = familyOf(from.lang) === 'javascript' && binding.alias !== '';
    return { definitions: whole ? exportedFrom(facts, resolution.files, 'default') : [], external: false };
  }
  return {
    definitions: exportedFrom(facts, resolution.files, resolution.member, MAX_HOPS, new Set()),
    external: false,
  };
}

/** The imports of a file; Python's `import a.b` binds `a` too, through which `a.x` and `a.b.x` are reached. */
export function visibleBindings(facts: Facts, file: IndexedFile): Binding[] {
  const bindings = facts.bindings(file.path);
  if (familyOf(file.lang) !== 'python') return [...bindings];
  const roots = bindings
    .filter(
      (binding) => binding.name === '*' && binding.alias === binding.source && binding.source.includes('.'),
    )
    .map((binding) => {
      const root = binding.source.split('.', 1)[0]!;
      return { ...binding, source: root, alias: root };
    });
  return [...bindings, ...roots];
}

/** The files that a namespace, package or wildcard binding stands for; null when it is external or unknown. */
export function moduleFiles(
  facts: Facts,
  from: IndexedFile,
  binding: Binding,
): readonly IndexedFile[] | null {
  const resolution = resolveModule(facts, from, binding);
  return resolution.kind === 'files' && resolution.member === null
    ? resolution.files.slice(0, MAX_FILES)
    : null;
}

/**
 * The same, and the files of a namespace that a module passes on under the imported name: `export * as z from './z'`, or
 * `import * as z` with `export { z }` or `export default z`.
 */
export function namespaceFiles(
  facts: Facts,
  from: IndexedFile,
  binding: Binding,
  seen: Set<string> = new Set(),
): readonly IndexedFile[] | null {
  const resolution = resolveModule(facts, from, binding);
  if (resolution.kind !== 'files') return null;
  if (resolution.member === null) return resolution.files.slice(0, MAX_FILES);
  return familyOf(from.lang) === 'javascript'
    ? namespaceWithin(facts, resolution.files, resolution.member, seen)
    : null;
}

/** The files of the namespace that modules export under a name; null when it is none. */
export function namespaceWithin(
  facts: Facts,
  modules: readonly IndexedFile[],
  name: string,
  seen: Set<string> = new Set(),
): readonly IndexedFile[] | null {
  for (const file of modules) {
    const key = `${file.path}\0${name}`;
    if (seen.size >= MAX_FILES || seen.has(key) || !seen.add(key)) continue;
    const local = name === 'default' ? exportNames(facts, file.path)?.ofDefault : name;
    for (const passed of facts.bindings(file.path)) {
      const isStar = passed.name === '*' && passed.alias === '' && passed.isReexport;
      if (!isStar && passed.alias !== local) continue;
      const files = namespaceFiles(facts, file, isStar ? { ...passed, name } : passed, seen);
      if (files) return files;
    }
  }
  return null;
}

/** Definitions that any of `files` offers under `name`: its own top level, else what it re-exports. */
export function exportedFrom(
  facts: Facts,
  files: readonly IndexedFile[],
  name: string,
  hops = MAX_HOPS,
  seen: Set<string> = new Set(),
): Definition[] {
  const paths = new Set(files.slice(0, MAX_FILES).map((file) => file.path));
  if (name === 'default') return defaultExports(facts, files, hops, seen);
  const own = facts
    .definitions(name)
    .filter(
      (definition) =>
        paths.has(definition.path) && isTopLevel(definition) && !isLocalToFunction(facts, definition),
    );
  if (own.length > 0 || hops === 0) return own;
  const passedOn = files.slice(0, MAX_FILES).flatMap((file) => reexported(facts, file, name, hops, seen));
  return passedOn.length > 0 ? passedOn : renamedExports(facts, files, name, hops, seen);
}

function reexported(
  facts: Facts,
  file: IndexedFile,
  name: string,
  hops: number,
  seen: Set<string>,
): Definition[] {
  const key = `${file.path}\0${name}`;
  if (seen.has(key) || !passesOn(file)) return [];
  seen.add(key);
  const found: Definition[] = [];
  for (const binding of facts.bindings(file.path)) {
    const wildcard = binding.name === '*' && binding.alias === '' && (binding.isReexport || !needsMark(file));
    if (binding.alias !== name && !wildcard) continue;
    if (!wildcard && !binding.isReexport && !isPassedOn(facts, file, name)) continue;
    const resolution = resolveModule(facts, file, binding);
    if (resolution.kind !== 'files' || resolution.files.some((target) => target.path === file.path)) continue;
    const member = wildcard ? name : resolution.member;
    if (member !== null) found.push(...exportedFrom(facts, resolution.files, member, hops - 1, seen));
  }
  return unique(found);
}

/** `export { own as name }` of a JavaScript module. */
function renamedExports(
  facts: Facts,
  files: readonly IndexedFile[],
  name: string,
  hops: number,
  seen: Set<string>,
): Definition[] {
  return unique(
    files.flatMap((file) => {
      if (familyOf(file.lang) !== 'javascript') return [];
      const own = exportNames(facts, file.path)?.renames.find((rename) => rename.exported === name)?.own;
      return own === undefined || own === name ? [] : exportedFrom(facts, [file], own, hops - 1, seen);
    }),
  );
}

/** True when a module's own clauses may export what it imports: in JavaScript, importing a name is not enough. */
function isPassedOn(facts: Facts, file: IndexedFile, name: string): boolean {
  const names = familyOf(file.lang) === 'javascript' ? exportNames(facts, file.path) : null;
  return names === null || !names.isModule || names.listed.has(name) || names.ofDefault === name;
}

interface ExportNames {
  /** True when it exports by ES modules' statements, which say all that it exports. */
  isModule: boolean;
  /** Own names in `export { … }`. */
  listed: ReadonlySet<string>;
  renames: { own: string; exported: string }[];
  ofDefault: string | null;
}

/** Read once a file, however many names are looked up in it. */
const exportNamesOf = new WeakMap<Facts, Map<string, ExportNames>>();

/** What a module's own clauses and default export name; null where its text is not at hand. */
function exportNames(facts: Facts, path: string): ExportNames | null {
  const known = exportNamesOf.get(facts) ?? new Map<string, ExportNames>();
  exportNamesOf.set(facts, known);
  const names = known.get(path);
  if (names) return names;
  const text = facts.text(path);
  if (text === null) return null;
  const read = {
    isModule: /^[ \t]*(?:import|export)\b/m.test(text),
    listed: listedExports(text),
    renames: exportRenames(text),
    ofDefault: defaultExportName(text),
  };
  known.set(path, read);
  return read;
}

const EXPORT_CLAUSE = /^[ \t]*export\s*(?:type\s*)?\{([^{}]{0,4000})\}(?!\s*from\b)/gm;
const RENAME = /([A-Za-z_$][\w$]*)\s+as\s+([A-Za-z_$][\w$]*)/g;

/** The names that a module's own `export { a as b }` clauses give, without re-exports from elsewhere. */
export function exportRenames(text: string): { own: string; exported: string }[] {
  if (!text.includes(' as ')) return [];
  return [...text.matchAll(EXPORT_CLAUSE)].flatMap(([, clause]) =>
    [...clause!.matchAll(RENAME)].map(([, own, exported]) => ({ own: own!, exported: exported! })),
  );
}

function listedExports(text: string): Set<string> {
  const clauses = [...text.matchAll(EXPORT_CLAUSE)].flatMap(([, clause]) => clause!.split(','));
  return new Set(clauses.map((one) => /^\s*(?:type\s+)?([\w$]+)/.exec(one)?.[1] ?? ''));
}

/** Languages whose modules make imported names visible to their own importers. */
function passesOn(file: IndexedFile): boolean {
  const family = familyOf(file.lang);
  return family === 'javascript' || family === 'python' || family === 'rust' || family === 'c';
}

/** Wildcards pass on only when marked, except where every import is visible. */
function needsMark(file: IndexedFile): boolean {
  const family = familyOf(file.lang);
  return family === 'javascript' || family === 'rust';
}

function defaultExports(
  facts: Facts,
  files: readonly IndexedFile[],
  hops: number,
  seen: Set<string>,
): Definition[] {
  return unique(
    files.flatMap((file) => {
      if (hops === 0) return [];
      const marked = reexported(facts, file, 'default', hops, seen);
      if (marked.length > 0) return marked;
      const name = exportNames(facts, file.path)?.ofDefault ?? null;
      return name === null || name === 'default' ? [] : exportedFrom(facts, [file], name, hops - 1, seen);
    }),
  );
}

const DEFAULT_EXPORTS = [
  /^[ \t]*export\s+default\s+(?:abstract\s+)?(?:async\s+)?(?:function\b\s*\*?|class\b|interface\b)\s*([A-Za-z_$][\w$]*)/m,
  /^[ \t]*export\s+default\s+(?:[\w$.]{1,80}\(){0,3}([A-Za-z_$][\w$]*)\s*(?:as\b[^;\n]{0,200})?[),;]*\s*$/m,
  /^[ \t]*export\s*\{[^}]{0,4000}?([A-Za-z_$][\w$]*)\s+as\s+default\b/m,
  /^[ \t]*(?:(?:module\.)?exports\s*=\s*){1,2}(?:(?:async\s+)?function\b\s*\*?|class\b)?\s*([A-Za-z_$][\w$]*)\s*(?:[;{(]|$)/m,
  /^[ \t]*export\s*=\s*([A-Za-z_$][\w$]*)/m,
];

/** The name that a JavaScript or TypeScript file exports as its default, or null for an anonymous one. */
export function defaultExportName(text: string): string | null {
  for (const pattern of DEFAULT_EXPORTS) {
    const match = pattern.exec(text);
    if (match && !/^(?:function|class|async|new)$/.test(match[1]!)) return match[1]!;
  }
  return null;
}

/** Not a member of a type; namespaces and modules around it do not matter, except where they are values of their own. */
function isTopLevel(definition: Definition): boolean {
  if (familyOf(definition.lang) === 'javascript') return containerOf(definition.qualifiedName) === '';
  return !isMember(definition) || familyOf(definition.lang) === 'jvm';
}

/** Where paths cannot tell, the namespace in the qualified name can: `using A.B` and `A.B.C`. */
function fromNamespace(definition: Definition, binding: Binding): boolean {
  const container = containerOf(definition.qualifiedName);
  if (container === '') return true;
  const source = binding.source.replaceAll('\\', '.').replaceAll('::', '.');
  return source === container || source === definition.qualifiedName || source.endsWith(`.${container}`);
}

export function sameFamily(definition: { lang: string }, file: { lang: string }): boolean {
  return familyOf(definition.lang) === familyOf(file.lang);
}

export function unique(definitions: Definition[]): Definition[] {
  const seen = new Set<string>();
  return definitions.filter((definition) => {
    const key = keyOf(definition);
    return !seen.has(key) && seen.add(key);
  });
}
