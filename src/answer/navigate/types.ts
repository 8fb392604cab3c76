import { directoryOf } from '../../paths.ts';
import { exportedFrom, imported, moduleFiles, sameFamily, unique, visibleBindings } from './exports.ts';
import { containerOf, type Definition, type Facts, isMember, isType, keyOf, lastName } from './facts.ts';
import { type Family, familyOf } from './modules.ts';
import type { IndexedFile } from './paths.ts';
import { aliasedType } from './signatures.ts';
import { aliasParts } from './written-types.ts';

const MAX_ANCESTORS = 40;

/** Families whose types are visible without an import across the whole program (or by headers that say little). */
const GLOBAL_TYPES: ReadonlySet<Family> = new Set(['ruby', 'c', 'csharp', 'swift', 'php']);
/** Families in which a directory is a package: its top level is visible without an import. */
const PACKAGE_FAMILIES: ReadonlySet<Family> = new Set(['go', 'jvm', 'csharp', 'php', 'swift']);

export interface VisibleTypes {
  types: Definition[];
  /** False when the name alone decided. */
  sure: boolean;
  /** True when a qualifier before the name could mean another type: one nested elsewhere has it too. */
  isPartial: boolean;
}

/**
 * The types that a name means in a file: imported, own, of the same package; else the program's, by name. `scope` is the
 * qualified name of what the name stands in: a nested type is meant outside of its own only when nothing else is.
 */
export function typesVisible(facts: Facts, file: IndexedFile, name: string, scope = ''): VisibleTypes {
  const named = facts
    .definitions(name)
    .filter((definition) => isType(definition) && sameFamily(definition, file));
  const all = withoutForeignNested(facts, named, scope);
  return { ...amongVisible(facts, file, name, all), isPartial: all.length < named.length };
}

function amongVisible(
  facts: Facts,
  file: IndexedFile,
  name: string,
  all: Definition[],
): Omit<VisibleTypes, 'isPartial'> {
  for (const binding of facts.bindings(file.path)) {
    if (binding.alias !== name) continue;
    const { definitions, external } = imported(facts, file, binding);
    const types = definitions.filter(isType);
    if (types.length > 0 || external) return { types, sure: true };
  }
  if (all.length === 0) return { types: [], sure: true };
  const near = nearest(facts, file, all);
  if (near.length > 0) return { types: near, sure: true };
  // The qualifier of `gin.Context` is not kept: of the modules that the file imports, one may export such a type.
  const qualified = throughModules(facts, file, all);
  if (qualified.length > 0) return { types: qualified, sure: true };
  // What a module neither imports nor declares is a global: the platform's, unless a declaration file makes it one.
  if (familyOf(file.lang) === 'javascript') {
    return { types: all.filter((type) => type.path.endsWith('.d.ts')), sure: false };
  }
  return { types: all, sure: all.length === 1 && GLOBAL_TYPES.has(familyOf(file.lang)) };
}

/** Leaves out types nested in others that `scope` does not stand in, unless there are no others. */
function withoutForeignNested(facts: Facts, types: Definition[], scope: string): Definition[] {
  if (types.length < 2) return types;
  const kept = types.filter((type) => {
    const container = containerOf(type.qualifiedName);
    return container === '' || `${scope}.`.startsWith(`${container}.`) || !isNested(facts, type, container);
  });
  return kept.length > 0 ? kept : types;
}

function isNested(facts: Facts, type: Definition, container: string): boolean {
  return facts
    .definitions(lastName(container))
    .some((owner) => owner.path === type.path && owner.qualifiedName === container && isType(owner));
}

/** Candidates that a whole module, package or namespace imported by the file exports. */
function throughModules(facts: Facts, file: IndexedFile, candidates: readonly Definition[]): Definition[] {
  const name = candidates[0]?.name;
  if (name === undefined) return [];
  const found: Definition[] = [];
  for (const binding of visibleBindings(facts, file)) {
    if (binding.alias === '') continue;
    const files = moduleFiles(facts, file, binding);
    if (files) found.push(...exportedFrom(facts, files, name));
  }
  return unique(found).filter((definition) => candidates.includes(definition));
}

/** Those of the same file, else of the same package, else those that a wildcard import or include brings in. */
export function nearest(facts: Facts, file: IndexedFile, candidates: readonly Definition[]): Definition[] {
  const own = candidates.filter((definition) => definition.path === file.path);
  if (own.length > 0) return own;
  if (PACKAGE_FAMILIES.has(familyOf(file.lang))) {
    const beside = candidates.filter((definition) => inPackageOf(file, definition));
    if (beside.length > 0) return beside;
  }
  return throughWildcards(facts, file, candidates);
}

/** True in the same directory; in Java and Kotlin, in the same package below any source root. */
function inPackageOf(file: IndexedFile, definition: Definition): boolean {
  const directory = directoryOf(file.path);
  if (directoryOf(definition.path) === directory) return true;
  const container = containerOf(definition.qualifiedName);
  if (familyOf(file.lang) !== 'jvm' || container === '') return false;
  return `/${directory}`.endsWith(`/${container.replaceAll('.', '/')}`);
}

/** Candidates that `import *`, `using` or an include of the file makes visible. */
export function throughWildcards(
  facts: Facts,
  file: IndexedFile,
  candidates: readonly Definition[],
): Definition[] {
  const name = candidates[0]?.name;
  if (name === undefined) return [];
  const found: Definition[] = [];
  // A module's `import 'm'`, `import('m')` and `export * from 'm'` bring no name into its own scope.
  if (familyOf(file.lang) === 'javascript') return found;
  for (const binding of facts.bindings(file.path)) {
    if (binding.alias !== '' && familyOf(file.lang) !== 'c') continue;
    // `mod router;` declares a submodule; its items are not in scope.
    if (familyOf(file.lang) === 'rust' && !/::|^(?:super|self|crate)$/.test(binding.source)) continue;
    const files = moduleFiles(facts, file, binding);
    if (files) found.push(...exportedFrom(facts, files, name));
  }
  return unique(found).filter((definition) => candidates.includes(definition));
}

/** The type's bases, breadth first, with their level (1 = direct); types that the repository does not hold are left out. */
export function ancestors(facts: Facts, type: Definition): { type: Definition; level: number }[] {
  const found: { type: Definition; level: number }[] = [];
  const seen = new Set([keyOf(type)]);
  let level = [type];
  for (let depth = 1; level.length > 0 && found.length < MAX_ANCESTORS; depth++) {
    const next: Definition[] = [];
    for (const child of level) {
      const file = { path: child.path, blob: child.blob, lang: child.lang };
      for (const base of basesOf(facts, child)) {
        for (const parent of typesVisible(facts, file, base, child.qualifiedName).types) {
          if (seen.has(keyOf(parent)) || !seen.add(keyOf(parent))) continue;
          found.push({ type: parent, level: depth });
          next.push(parent);
        }
      }
    }
    level = next;
  }
  return found;
}

/** Partial classes, extensions and `impl` blocks state bases of a type in several places. */
function basesOf(facts: Facts, type: Definition): string[] {
  const parts = facts
    .definitions(type.name)
    .filter(
      (other) => other.qualifiedName === type.qualifiedName && isType(other) && sameProgramUnit(other, type),
    );
  const alias = type.kind === 'type' ? aliasedType(type.signature) : null;
  const bases = [type, ...parts].flatMap((part) => part.bases);
  if (type.kind === 'type' && familyOf(type.lang) === 'javascript')
    return [...new Set([...bases, ...aliasParts(type.signature)])].filter((base) => base !== type.name);
  return [...new Set(alias === null ? bases : [...bases, lastName(alias)])];
}

/** Members of exactly this type under a name, wherever the language lets them be written. */
export function membersOf(facts: Facts, type: Definition, name: string): Definition[] {
  return facts
    .definitions(name)
    .filter(
      (definition) =>
        sameFamily(definition, type) &&
        isOwned(definition) &&
        isMemberOf(facts, definition, type) &&
        !isSameSymbol(definition, type),
    );
}

/** In JavaScript a function inside of a class's or value's code is no member of it. */
function isOwned(definition: Definition): boolean {
  return familyOf(definition.lang) !== 'javascript' || isMember(definition);
}

/** True when `member` is written in, or attributed to, `type`. */
export function isMemberOf(facts: Facts, member: Definition, type: Definition): boolean {
  const container = containerOf(member.qualifiedName);
  if (member.path === type.path) return container === type.qualifiedName;
  if (!sameProgramUnit(member, type) || lastName(container) !== lastName(type.qualifiedName)) return false;
  return !DECLARED_ONCE.has(familyOf(type.lang)) || isMeantIn(facts, member, container, type);
}

/** Families in which a type has one declaration, and two of one name are two types. */
const DECLARED_ONCE: ReadonlySet<Family> = new Set(['c', 'rust']);

/** True when a member's container, in the member's own file, names this type and not another one of that name. */
function isMeantIn(facts: Facts, member: Definition, container: string, type: Definition): boolean {
  const others = facts
    .definitions(type.name)
    .filter((other) => isType(other) && sameFamily(other, type) && !isSameSymbol(other, type));
  if (others.length === 0) return true;
  if (others.some((other) => other.path === member.path && other.qualifiedName === container)) return false;
  if (container === type.qualifiedName && others.every((other) => other.qualifiedName !== container))
    return true;
  const file = { path: member.path, blob: member.blob, lang: member.lang };
  return typesVisible(facts, file, type.name, member.qualifiedName).types.some((visible) =>
    isSameSymbol(visible, type),
  );
}

/** True where what belongs to a type may stand in another file than the type. */
export function mayStandElsewhere(type: Definition, path: string): boolean {
  return sameProgramUnit(type, { path, lang: type.lang });
}

/** Where parts of one type may stand: anywhere in the package, in the program, or only in its file. */
function sameProgramUnit(a: Definition, b: Pick<Definition, 'path' | 'lang'>): boolean {
  if (a.path === b.path) return true;
  switch (familyOf(a.lang)) {
    case 'go':
      return directoryOf(a.path) === directoryOf(b.path);
    case 'rust':
    case 'c':
    case 'csharp':
    case 'swift':
    case 'ruby':
      return true;
    case 'jvm':
      return a.lang === 'kotlin';
    default:
      return false;
  }
}

export interface MemberLookup {
  own: Definition[];
  inherited: Definition[];
  /** Members of subtypes: what a call through the base may reach. */
  overrides: Definition[];
}

/** Looks a member up on a type, then on its bases (nearest level wins), and lists overrides in subtypes. */
export function lookupMember(facts: Facts, type: Definition, name: string): MemberLookup {
  const own = membersOf(facts, type, name);
  let inherited: Definition[] = [];
  if (own.length === 0) {
    let level = 0;
    for (const ancestor of ancestors(facts, type)) {
      if (level !== 0 && ancestor.level > level) break;
      const members = membersOf(facts, ancestor.type, name);
      if (members.length > 0) level = ancestor.level;
      inherited = inherited.concat(members);
    }
  }
  const stated = own.length > 0 ? own : inherited;
  const overrides = isDispatched(type, stated) ? overridesOf(facts, type, name) : [];
  return { own, inherited: unique(inherited), overrides };
}

/** True when a call of `members` through `type` is decided at run time: in Go by interfaces, in C++ by what is virtual. */
function isDispatched(type: Definition, members: readonly Definition[]): boolean {
  switch (familyOf(type.lang)) {
    case 'go':
      return type.kind === 'interface';
    case 'rust':
      return type.kind === 'trait';
    case 'c':
      return members.some((member) => /\b(?:virtual|override|final)\b/.test(member.signature));
    default:
      return true;
  }
}

const MAX_OVERRIDES = 60;

function overridesOf(facts: Facts, type: Definition, name: string): Definition[] {
  const overrides: Definition[] = [];
  const verdicts = new Map<string, boolean>();
  for (const candidate of facts.definitions(name)) {
    if (overrides.length >= MAX_OVERRIDES) break;
    if (!isMember(candidate) || !sameFamily(candidate, type) || isMemberOf(facts, candidate, type)) continue;
    const owner = ownerOf(facts, candidate);
    if (!owner || owner.bases.length === 0) continue;
    const known = verdicts.get(keyOf(owner));
    const derives = known ?? ancestors(facts, owner).some((ancestor) => keyOf(ancestor.type) === keyOf(type));
    verdicts.set(keyOf(owner), derives);
    if (derives) overrides.push(candidate);
  }
  return overrides;
}

/** The type that owns a member, or null for what is no member. */
export function ownerOf(facts: Facts, member: Definition): Definition | null {
  const container = containerOf(member.qualifiedName);
  if (container === '') return null;
  const owners = facts
    .definitions(lastName(container))
    .filter((type) => isType(type) && sameFamily(type, member) && isMemberOf(facts, member, type));
  return owners.find((owner) => owner.path === member.path) ?? owners[0] ?? null;
}

function isSameSymbol(a: Definition, b: Definition): boolean {
  return a.blob === b.blob && a.ord === b.ord && a.path === b.path;
}
