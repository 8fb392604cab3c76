import { directoryOf, lastSegment } from '../../paths.ts';
import { type ImportRow, importsEnding, importsNamed } from '../../store/navigation.ts';
import { exportedNames } from './call-sites.ts';
import { CONFIDENCE } from './confidence.ts';
import type { FactStore } from './demand.ts';
import { exportedFrom, imported, moduleFiles, sameFamily } from './exports.ts';
import { containerOf, type Definition, type Facts, isMember, keyOf } from './facts.ts';
import { familyOf, resolveModule } from './modules.ts';
import { type SymbolQuery, selectDefinitions } from './select.ts';
import { factsOf, type OpenSnapshot, type SnapshotTree, treeOf } from './snapshot.ts';

/** The seed's ImportReference, with the place and how sure it is. */
export interface ImportReference {
  filePath: string;
  source: string;
  importedName: string;
  isDefault: boolean;
  /** The local name; differs from `importedName` when renamed. */
  alias: string;
  line: number;
  isReexport: boolean;
  confidence: number;
}

/** An import that brings one of the asked definitions into a file. */
export interface Reference {
  row: ImportRow;
  path: string;
  target: Definition;
  confidence: number;
}

const MAX_IMPORTS = 10_000;
const RENAMES = 3;

/**
 * The files that import a symbol, by path and line.
 * @throws Problem `not_found` with `suggestions`
 */
export async function findReferences(snapshot: OpenSnapshot, query: SymbolQuery): Promise<ImportReference[]> {
  const tree = await treeOf(snapshot);
  const definitions = await selectDefinitions(snapshot, tree, query);
  return referencesOf(snapshot, tree, definitions);
}

/** The same for definitions at hand. */
export async function referencesOf(
  snapshot: OpenSnapshot,
  tree: SnapshotTree,
  definitions: readonly Definition[],
): Promise<ImportReference[]> {
  const { references } = await referencesTo(snapshot, tree, factsOf(snapshot, tree), definitions);
  return references.map(({ row, path, confidence }) => ({
    filePath: path,
    source: row.source,
    // A package imported as a whole, as in Go, is a namespace like any other.
    importedName: row.name === row.source ? '*' : row.name,
    isDefault: row.isDefault,
    alias: row.alias,
    line: row.line,
    isReexport: row.isReexport,
    confidence,
  }));
}

/**
 * Imports that lead to one of `definitions`: by its name, by the names re-exports give it, as a default, or a whole
 * module whose member the importing file then uses. A member of a type is imported with its type.
 */
export async function referencesTo(
  snapshot: OpenSnapshot,
  tree: SnapshotTree,
  store: FactStore,
  definitions: readonly Definition[],
): Promise<{ references: Reference[]; truncated: boolean }> {
  // Java and Kotlin import static members by themselves.
  const targets = definitions.filter(
    (definition) => !isMember(definition) || familyOf(definition.lang) === 'jvm',
  );
  if (targets.length === 0) return { references: [], truncated: false };
  const byKey = new Map(targets.map((target) => [keyOf(target), target]));
  const names = new Set([...targets.map((target) => target.name), ...(await exportedNames(store, targets))]);
  const found = new Map<string, Reference>();
  let truncated = false;

  const take = async (rows: ImportRow[]): Promise<string[]> => {
    truncated ||= rows.length === MAX_IMPORTS;
    const references = await store.run((facts) => rows.flatMap((row) => follow(facts, row, byKey, names)));
    const fresh: string[] = [];
    for (const reference of references) {
      const { row, path } = reference;
      found.set(`${path}\0${row.ord}`, reference);
      if (row.isReexport && row.alias !== '' && row.alias !== '*' && !names.has(row.alias))
        fresh.push(row.alias);
    }
    return fresh;
  };

  await take(await importsEnding(snapshot, endingsOf(targets, tree), MAX_IMPORTS));
  await take(await importsNamed(snapshot, moduleNames(targets), MAX_IMPORTS));
  for (let round = 0; round < RENAMES; round++) {
    const renamed = await take(await importsNamed(snapshot, [...names], MAX_IMPORTS));
    if (renamed.length === 0) break;
    for (const name of renamed) names.add(name);
  }
  return { references: [...found.values()].sort(byPlace), truncated: truncated || store.truncated };
}

/** The references to `targets` (by key) that one import makes, at each path where its file stands; `names` are theirs. */
export function follow(
  facts: Facts,
  row: ImportRow,
  targets: ReadonlyMap<string, Definition>,
  names: ReadonlySet<string>,
): Reference[] {
  return facts.paths.pathsOf(row.blob).flatMap((file): Reference[] => {
    const any = [...targets.values()].filter((target) => sameFamily(target, file));
    if (any.length === 0) return [];
    const files = moduleFiles(facts, file, row);
    if (files) {
      const member = [...names].find((name) =>
        exportedFrom(facts, files, name).some((definition) => targets.has(keyOf(definition))),
      );
      const whole = member === undefined ? imported(facts, file, row).definitions : [];
      const target =
        member === undefined
          ? whole.find((definition) => targets.has(keyOf(definition)))
          : exportedFrom(facts, files, member).find((definition) => targets.has(keyOf(definition)));
      // A module as a whole brings what it exports.
      if (!target || (familyOf(target.lang) === 'javascript' && !target.exported)) return [];
      if (member !== undefined && !row.isReexport && !uses(facts, file, row, member)) return [];
      return [
        { row, path: file.path, target: targets.get(keyOf(target))!, confidence: CONFIDENCE.namespace },
      ];
    }
    if (row.name === '*' || row.name === '') return [];
    const { definitions } = imported(facts, file, row);
    const hit = definitions.find((definition) => targets.has(keyOf(definition)));
    if (!hit) return [];
    const sure = resolveModule(facts, file, row).kind === 'files';
    const confidence = sure
      ? CONFIDENCE[row.isDefault ? 'default-import' : 'import']
      : 1 / definitions.length;
    return [{ row, path: file.path, target: targets.get(keyOf(hit))!, confidence }];
  });
}

/** True when a file that imports a whole module names this member of it. */
function uses(facts: Facts, file: { path: string; lang: string }, row: ImportRow, member: string): boolean {
  const text = facts.text(file.path);
  if (text === null) return false;
  const word = escaped(member);
  const local = row.alias === '' || familyOf(file.lang) === 'c' ? null : escaped(row.alias);
  // What stands between is a module or a type in other languages; in JavaScript it is a value with members of its own.
  const within = familyOf(file.lang) === 'javascript' ? '' : '(?:[\\w$]+\\s*(?:\\.|::)\\s*){0,3}';
  const pattern =
    local === null
      ? `(?<![\\w$])${word}(?![\\w$])`
      : `(?<![\\w$])${local}\\s*(?:\\.|::|->|\\?\\.)\\s*${within}${word}(?![\\w$])`;
  const destructured = local === null ? null : `[{,]\\s*${word}\\b[^{}=]{0,200}\\}\\s*=\\s*${local}\\b`;
  return new RegExp(pattern).test(text) || (destructured !== null && new RegExp(destructured).test(text));
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/** Names by which a module itself is imported, `from package import module`: its file or its directory. */
function moduleNames(targets: readonly Definition[]): string[] {
  return targets
    .filter(({ lang }) => familyOf(lang) === 'python' || familyOf(lang) === 'rust')
    .flatMap(({ path }) => [lastSegment(path).replace(/\.[^.]*$/, ''), lastSegment(directoryOf(path))])
    .filter((name) => name !== '');
}

/** How the sources of imports that name no member may end to mean a target's file. */
function endingsOf(targets: readonly Definition[], tree: SnapshotTree): string[] {
  // A package's root has the package's name, wherever it is checked out.
  const endings = new Set(tree.manifests.map((manifest) => lastSegment(manifest.name)));
  for (const target of targets) {
    const base = lastSegment(target.path);
    const stem = base.replace(/\.[^.]*$/, '');
    const directory = lastSegment(directoryOf(target.path));
    endings.add(base);
    endings.add(stem);
    if (directory !== '') endings.add(directory);
    const family = familyOf(target.lang);
    // `.` and `..` name an index file.
    if (family === 'javascript' && stem === 'index') for (const each of ['.', './', '../']) endings.add(each);
    if (family === 'python' && stem === '__init__') endings.add('.');
    if (family === 'c') for (const header of ['h', 'hh', 'hpp', 'hxx']) endings.add(`${stem}.${header}`);
    const namespace = lastSegment(containerOf(target.qualifiedName).replaceAll('.', '/'));
    if (namespace !== '') endings.add(namespace);
  }
  return [...endings];
}

function byPlace(a: Reference, b: Reference): number {
  return a.path === b.path ? a.row.line - b.row.line : a.path < b.path ? -1 : 1;
}
