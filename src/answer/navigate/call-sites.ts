import { directoryOf, lastSegment } from '../../paths.ts';
import {
  type CallRow,
  callsTo,
  type ImportRow,
  importsEnding,
  importsNamed,
} from '../../store/navigation.ts';
import { CONFIDENCE } from './confidence.ts';
import { complete } from './conventions.ts';
import type { FactStore } from './demand.ts';
import { exportRenames, imported } from './exports.ts';
import { type CallSite, containerOf, type Definition, isMember, isType, keyOf, lastName } from './facts.ts';
import { familyOf } from './modules.ts';
import type { PathIndex } from './paths.ts';
import { type Edge, resolveOne } from './resolve.ts';
import type { OpenSnapshot, SnapshotTree } from './snapshot.ts';

/** A call site that reaches one of the definitions asked about. */
export interface ReachingCall {
  site: CallSite;
  /** The likeliest of the definitions it reaches. */
  definition: Definition;
  confidence: number;
  resolution: Edge['resolution'];
}

export interface ReachingCalls {
  calls: ReachingCall[];
  /** True when there were more call sites, names or files than are looked at. */
  truncated: boolean;
}

/** Call sites of one question; a name called more often is answered in part, and says so. */
export const MAX_SITES = 6_000;
const MAX_IMPORTS = 5_000;
/** Rounds of renaming imports that are followed: `a as b` here, `b as c` there. */
const RENAMES = 3;

/** The calls of the snapshot that may reach one of `targets`, surest first. Touches only call sites of their names. */
export async function callsReaching(
  snapshot: OpenSnapshot,
  tree: SnapshotTree,
  store: FactStore,
  targets: readonly Definition[],
): Promise<ReachingCalls> {
  const wanted = withTypes(targets, await ownersOfConstructors(store, targets));
  const names = await calledNames(snapshot, tree, store, wanted);
  const rows = await callsTo(snapshot, names, MAX_SITES + 1);
  const sites = sitesOfAll(rows.slice(0, MAX_SITES), tree.paths);
  const keys = new Set(wanted.map(keyOf));
  const resolved = await store.each(sites, resolveOne);
  const calls = complete(sites, resolved).flatMap((edges, index) => {
    const reached = edges.filter((edge) => keys.has(keyOf(edge.definition)));
    return reached.length > 0 ? [combined(sites[index]!, reached)] : [];
  });
  return {
    calls: calls.sort(surestFirst),
    truncated: rows.length > MAX_SITES || store.truncated,
  };
}

/** One call that may reach several of the definitions asked about reaches one of them as surely as all together. */
function combined(site: CallSite, reached: Edge[]): ReachingCall {
  const best = reached[0]!;
  const distinct = new Map(
    reached.map((edge) => [`${edge.definition.path}\0${edge.definition.qualifiedName}`, edge]),
  );
  const together = [...distinct.values()]
    .filter((edge) => edge.resolution === best.resolution)
    .reduce((sum, edge) => sum + edge.confidence, 0);
  const confidence = Math.max(best.confidence, Math.min(CONFIDENCE[best.resolution], together));
  return {
    site,
    definition: best.definition,
    confidence: Math.round(confidence * 100) / 100,
    resolution: best.resolution,
  };
}

/**
 * The call sites of rows by path and place. Rows come in the order of ids, and what is looked up first is what a limit
 * leaves in: it may depend on the snapshot only.
 */
export function sitesOfAll(rows: readonly CallRow[], paths: PathIndex): CallSite[] {
  return rows
    .flatMap((row) => sitesOf(row, paths))
    .sort((a, b) => (a.path === b.path ? a.ord - b.ord : a.path < b.path ? -1 : 1));
}

/** A row at each of the paths where its blob stands. */
export function sitesOf(row: CallRow, paths: PathIndex): CallSite[] {
  return paths.pathsOf(row.blob).map((file) => ({ ...row, path: file.path, lang: file.lang }));
}

const CONSTRUCTORS = new Set(['constructor', '__init__', '__new__', '__construct', 'initialize', 'init']);

/** Calling a class calls its constructor: who asks for one is answered with calls of the class. */
async function ownersOfConstructors(store: FactStore, targets: readonly Definition[]): Promise<Definition[]> {
  const constructors = targets.filter(
    (target) =>
      isMember(target) &&
      (CONSTRUCTORS.has(target.name) || target.name === lastName(containerOf(target.qualifiedName))),
  );
  if (constructors.length === 0) return [];
  return store.run((facts) =>
    constructors.flatMap((method) => {
      const container = containerOf(method.qualifiedName);
      return facts
        .definitions(lastName(container))
        .filter(
          (type) =>
            isType(type) && type.qualifiedName === container && familyOf(type.lang) === familyOf(method.lang),
        );
    }),
  );
}

function withTypes(targets: readonly Definition[], types: readonly Definition[]): Definition[] {
  const byKey = new Map([...targets, ...types].map((definition) => [keyOf(definition), definition]));
  return [...byKey.values()];
}

/** The names under which calls reach the targets: their own, and what imports rename them to. */
async function calledNames(
  snapshot: OpenSnapshot,
  tree: SnapshotTree,
  store: FactStore,
  targets: readonly Definition[],
): Promise<string[]> {
  const names = new Set(targets.map((target) => target.name));
  // `super(…)` in a subclass calls the constructor, or in Ruby the method of the same name.
  if (targets.some((target) => isType(target) || isMember(target))) names.add('super');
  const importable = targets.filter((target) => !isMember(target));
  if (importable.length === 0) return [...names];
  const keys = new Set(importable.map(keyOf));
  const rename = (rows: ImportRow[]) =>
    store.run((facts) =>
      rows.flatMap((row) =>
        tree.paths.pathsOf(row.blob).flatMap((file) => {
          if (row.alias === '' || names.has(row.alias)) return [];
          const { definitions } = imported(facts, file, row);
          return definitions.some((definition) => keys.has(keyOf(definition))) ? [row.alias] : [];
        }),
      ),
    );
  for (const name of await exportedNames(store, importable)) names.add(name);
  for (const alias of await rename(await wholeImports(snapshot, importable))) names.add(alias);
  for (let round = 0; round < RENAMES; round++) {
    const rows = await importsNamed(snapshot, [...names], MAX_IMPORTS);
    const aliases = await rename(rows.filter((row) => row.alias !== row.name));
    if (aliases.length === 0) break;
    for (const alias of aliases) names.add(alias);
  }
  return [...names];
}

/** The names that the targets' own modules export them by: `export { own as name }`. */
export async function exportedNames(store: FactStore, targets: readonly Definition[]): Promise<string[]> {
  const modules = targets.filter((target) => familyOf(target.lang) === 'javascript');
  if (modules.length === 0) return [];
  return store.run((facts) =>
    modules.flatMap((target) =>
      exportRenames(facts.text(target.path) ?? '').flatMap(({ own, exported }) =>
        own === target.name && exported !== 'default' ? [exported] : [],
      ),
    ),
  );
}

/** Default imports and whole-module bindings of the targets' files: they name what they bind themselves. */
async function wholeImports(snapshot: OpenSnapshot, targets: readonly Definition[]): Promise<ImportRow[]> {
  const endings = new Set<string>();
  for (const target of targets) {
    if (familyOf(target.lang) !== 'javascript') continue;
    const stem = lastSegment(target.path).replace(/\.[^.]*$/, '');
    if (stem !== 'index') {
      endings.add(stem);
      endings.add(lastSegment(target.path));
      continue;
    }
    const directory = lastSegment(directoryOf(target.path));
    for (const ending of [directory, '/index', '/index.js', '.', './'])
      if (ending !== '') endings.add(ending);
  }
  return importsEnding(snapshot, [...endings], MAX_IMPORTS);
}

function surestFirst(a: ReachingCall, b: ReachingCall): number {
  return (
    b.confidence - a.confidence ||
    (a.site.path < b.site.path ? -1 : a.site.path > b.site.path ? 1 : a.site.ord - b.site.ord)
  );
}
