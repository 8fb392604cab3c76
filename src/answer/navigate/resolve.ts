import { directoryOf } from '../../paths.ts';
import { CONFIDENCE, MIN_CONFIDENCE, nameWeight, type ResolutionLabel } from './confidence.ts';
import { useAt } from './contextual.ts';
import {
  exportedFrom,
  imported,
  namespaceFiles,
  namespaceWithin,
  sameFamily,
  unique,
  visibleBindings,
} from './exports.ts';
import {
  type CallSite,
  containerOf,
  type Definition,
  dotted,
  type Facts,
  isCallable,
  isLocalToFunction,
  isMember,
  isType,
  keyOf,
  lastName,
} from './facts.ts';
import { inferType, isPlatform, isVariable, takenFrom } from './infer.ts';
import { isShadowed } from './locals.ts';
import type { Binding } from './modules/module.ts';
import { resolveRustPath, sameCrate } from './modules/rust.ts';
import { type Family, familyOf, IMPLICIT_SELF } from './modules.ts';
import type { IndexedFile } from './paths.ts';
import { isVisibleAt } from './scopes.ts';
import {
  ancestors,
  lookupMember,
  mayStandElsewhere,
  membersOf,
  nearest,
  ownerOf,
  throughWildcards,
  typesVisible,
} from './types.ts';

/** Where a call may lead: one definition, how sure that is (0–1), and why. */
export interface Edge {
  definition: Definition;
  confidence: number;
  resolution: ResolutionLabel;
}

const SELF = new Set([
  'this',
  'self',
  'cls',
  'Self',
  'static',
  '@',
  'this.constructor',
  'self.class',
  'type(self)',
]);
/** How each language names the enclosing type's base; as a plain word it is an identifier elsewhere. */
const SUPER: Readonly<Partial<Record<Family, RegExp>>> = {
  javascript: /^super$/,
  python: /^super\(.*\)$/,
  jvm: /^(?:[\w.]+\.)?super(?:@\w+)?$/,
  csharp: /^base$/,
  php: /^parent$/,
  swift: /^super$/,
  ruby: /^super$/,
};
/** Types whose members are those of their first argument: what the file says of the receiver is then read in full. */
const WRAPPER = /^(?:Partial|Required|Readonly|NonNullable|Pick|Omit)$/;
/** Families whose functions are told apart by their parameters: one of other arity in the file is not meant. */
const OVERLOADING: ReadonlySet<Family> = new Set(['c', 'jvm', 'csharp', 'swift']);
/** Macros that define a function inside a class that they name first: test fixtures. */
const FIXTURE: Readonly<Partial<Record<Family, RegExp>>> = {
  c: /^(?:TEST_F|TEST_P|TYPED_TEST|TYPED_TEST_P)\(\s*(\w+)/,
};
/** What an edge keeps when the name alone said which type is meant: the only one of that name, or one of several. */
const ONLY_TYPE = 0.9;
const SEVERAL_TYPES = 0.75;
/** Calls and variables that a receiver is followed through to find its type. */
const MAX_STEPS = 12;
/** A name-only edge to more definitions than this says nothing. */
const MAX_AMBIGUOUS = 12;

/** What became of a call: `open` when nothing told the receiver's type, so that what others show may complete it. */
export interface Resolved {
  edges: Edge[];
  open: boolean;
}

/**
 * Resolves one call to the definitions it may reach, best first. Pure: the same facts give the same edges, whatever
 * was indexed before, so an incremental index answers as a clean rebuild does. No edge means that the call leads out of
 * the repository or to a local value, or, when `open`, that nothing is known of it.
 */
export function resolveOne(facts: Facts, site: CallSite): Resolved {
  return resolveWithin(facts, site, MAX_STEPS);
}

function resolveWithin(facts: Facts, site: CallSite, steps: number): Resolved {
  const receiver = dotted(site.receiver, site.lang);
  const { edges, open } =
    receiver === '' ? closed(bareCall(facts, site, steps)) : memberCall(facts, site, receiver, steps);
  return {
    open,
    edges: edges
      .filter((edge) => edge.confidence >= MIN_CONFIDENCE)
      .sort((a, b) => b.confidence - a.confidence || order(a.definition, b.definition)),
  };
}

/** The edges of one call by itself. */
export function resolveCall(facts: Facts, site: CallSite, steps = MAX_STEPS): Edge[] {
  return resolveWithin(facts, site, steps).edges;
}

function closed(edges: Edge[]): Resolved {
  return { edges, open: false };
}

function bareCall(facts: Facts, site: CallSite, steps: number): Edge[] {
  const file = fileOf(site);
  const family = familyOf(site.lang);
  if (site.callee === 'super' && family !== 'python') return onSuper(facts, site);
  if (site.callee === 'this' && family === 'jvm')
    return edges(enclosingTypes(facts, site).slice(0, 1), 'self', site);
  const named = visible(facts, site, candidates(facts, site, site.callee));
  const nested = lexical(named, site).filter((definition) => containerOf(definition.qualifiedName) !== '');
  if (nested.length > 0) return edges(nested, 'same-file', site);
  // Java keeps methods and variables apart: a variable of the name does not hide the method.
  if (site.lang !== 'java' && isShadowed(facts, site, site.callee)) return onTaken(facts, site, steps);

  if (IMPLICIT_SELF.has(family)) {
    const own = implicitSelf(facts, site);
    if (own.length > 0) return own;
  }
  const topLevel = named.filter(
    (definition) =>
      !isMember(definition) && (definition.path === site.path || !isLocalToFunction(facts, definition)),
  );
  const here = topLevel.filter(
    (definition) =>
      definition.path === site.path && !isHidden(definition, site) && !isBinding(facts, definition),
  );
  const isOverloaded = OVERLOADING.has(family) && !here.some((definition) => fits(definition, site));
  if (here.length > 0 && !isOverloaded) return edges(here, 'same-file', site);

  const bound = throughImports(facts, file, site);
  if (bound && (bound.length > 0 || family !== 'rust')) return bound;
  // Taken out of an object around the function that the call stands in.
  const taken = family === 'javascript' ? onTaken(facts, site, steps) : [];
  if (taken.length > 0) return taken;
  if (family === 'rust') {
    const macros = topLevel.filter(({ kind, path }) => kind === 'macro' && sameCrate(facts, path, site.path));
    if (macros.length > 0 || bound) return edges(macros, 'same-package', site);
  }
  if (family === 'rust' && site.callee.includes('.')) return [];
  const wildcard = throughWildcards(facts, file, topLevel);
  if (wildcard.length > 0) return edges(wildcard, 'wildcard-import', site);
  const elsewhere = topLevel.filter((definition) => definition.path !== site.path);
  const beside = nearest(facts, file, elsewhere);
  if (beside.length > 0) return edges(beside, 'same-package', site);
  if (here.length > 0) return edges(here, 'same-file', site);
  return byNameAlone(elsewhere, site, bareNameFactor(family));
}

/** Without what a block that the call does not stand in holds, in JavaScript, and what is assigned to a member there. */
function visible(facts: Facts, site: CallSite, named: Definition[]): Definition[] {
  const text = familyOf(site.lang) === 'javascript' ? facts.text(site.path) : null;
  const use = text === null ? -1 : useAt(text, site, site.callee);
  if (text === null || use < 0) return named;
  return named.filter(
    ({ path, signature, startLine }) =>
      path !== site.path ||
      (!/^[\w$.]+\.[\w$]+\s*=/.test(signature) &&
        (signature.startsWith('var ') || isVisibleAt(text, site.callee, startLine, use))),
  );
}

/** A local name that is a member taken out of an object. */
function onTaken(facts: Facts, site: CallSite, steps: number): Edge[] {
  const taken = takenFrom(facts, site, site.callee, resolveCall, steps);
  return taken ? onTypes(facts, { ...site, callee: taken.property }, taken, 'inferred-type') : [];
}

/** How much a name alone says for a call without receiver. */
function bareNameFactor(family: Family): number {
  switch (family) {
    // Linked or autoloaded by name: what is unique is almost surely meant.
    case 'c':
    case 'ruby':
    case 'swift':
    case 'csharp':
    case 'php':
      return 2;
    // Names that are neither imported nor defined here are globals of the platform, as a rule.
    case 'javascript':
    case 'python':
      return 0.5;
    default:
      return 1;
  }
}

/** Bound by a named, aliased or default import; null when no import binds the name. */
function throughImports(facts: Facts, file: IndexedFile, site: CallSite): Edge[] | null {
  let isBound = false;
  const found: { definition: Definition; label: ResolutionLabel }[] = [];
  for (const binding of facts.bindings(file.path)) {
    if (binding.alias !== site.callee || binding.alias === '') continue;
    isBound = true;
    const { definitions } = imported(facts, file, binding);
    for (const definition of definitions.filter(isCallable)) {
      found.push({ definition, label: binding.isDefault ? 'default-import' : 'import' });
    }
  }
  if (!isBound) return null;
  const label = found[0]?.label ?? 'import';
  return edges(unique(found.map(({ definition }) => definition)), label, site);
}

/** A method of the enclosing type or its bases, called without receiver. */
function implicitSelf(facts: Facts, site: CallSite): Edge[] {
  for (const type of enclosingTypes(facts, site)) {
    const { own, inherited } = lookupMember(facts, type, site.callee);
    if (own.length > 0) return edges(own, 'self', site);
    if (inherited.length > 0) return edges(inherited, 'inherited', site);
  }
  return [];
}

function memberCall(facts: Facts, site: CallSite, receiver: string, steps: number): Resolved {
  if (SUPER[familyOf(site.lang)]?.test(receiver)) return closed(onSuper(facts, site));
  const typed = onStatedType(facts, site, receiver, steps);
  if (typed) return closed(typed);
  const root = receiver.split(/[.([]/, 1)[0]!;
  if (root !== '' && !isShadowed(facts, site, root)) {
    const named = onNamedReceiver(facts, site, receiver, root);
    if (named) return closed(named);
  }
  if (isPlatform(facts, site, root)) return closed([]);
  const inferred = inferType(facts, site, site.receiver, resolveCall, steps);
  if (inferred.kind === 'external')
    return closed(inferred.name ? extensionsOf(facts, site, inferred.name) : []);
  if (inferred.kind === 'type') return closed(onTypes(facts, site, inferred, 'inferred-type'));
  if (root === '') return closed(byNameAlone(members(facts, site), site, 0.5));
  // A name that the file imports means what it imports, whatever others call so.
  const isImported = facts.bindings(site.path).some((binding) => binding.alias === root);
  return { edges: onUnknown(facts, site, receiver), open: !isImported };
}

/** The receiver is `this`, or the file itself states its type; null when neither helps. */
function onStatedType(facts: Facts, site: CallSite, receiver: string, steps: number): Edge[] | null {
  const isSelf = SELF.has(receiver);
  if (isSelf) {
    const enclosing = enclosingTypes(facts, site).slice(0, 1);
    if (enclosing.length > 0) return onTypes(facts, site, { types: enclosing, sure: true }, 'self');
  }
  if (site.receiverType === null) return null;
  const named = typesVisible(facts, fileOf(site), site.receiverType, site.caller?.qualifiedName);
  // A name alone may mean another type than the qualified one in the code, which inference reads in full.
  const visible = { types: named.types, sure: named.sure && (isSelf || !named.isPartial) };
  const inferred = visible.sure ? null : inferType(facts, site, site.receiver, resolveCall, steps);
  if (inferred?.kind === 'type' && inferred.sure) return onTypes(facts, site, inferred, 'receiver-type');
  if (visible.types.length > 0) {
    const label = isSelf ? 'self' : lastName(receiver) === site.receiverType ? 'static' : 'receiver-type';
    const found = onTypes(facts, site, visible, label);
    // An alias without members of its own stands for a type that is not read here.
    return found.length === 0 && visible.types.every((type) => type.kind === 'type') ? null : found;
  }
  if (familyOf(site.lang) === 'javascript' && WRAPPER.test(site.receiverType)) return null;
  // A type that the repository does not hold: the standard library's or a package's.
  return facts.definitions(site.receiverType).length === 0
    ? extensionsOf(facts, site, site.receiverType)
    : null;
}

/** Methods that the repository adds to a type it does not hold: `impl Trait for Path` in Rust, extensions elsewhere. */
function extensionsOf(facts: Facts, site: CallSite, type: string): Edge[] {
  if (facts.definitions(type).some(isType)) return [];
  const added = members(facts, site).filter((member) => lastName(containerOf(member.qualifiedName)) === type);
  return edges(added, 'receiver-type', site);
}

/** `ns.f()`, `pkg.F()`, `T.f()`: the receiver is itself a name of the program; null when it is not. */
function onNamedReceiver(facts: Facts, site: CallSite, receiver: string, root: string): Edge[] | null {
  const file = fileOf(site);
  const last = lastName(receiver);
  for (const binding of visibleBindings(facts, file)) {
    if (binding.alias === '') continue;
    const whole = binding.alias === receiver;
    if (!whole && binding.alias !== root && !receiver.startsWith(`${binding.alias}.`)) continue;
    const files = namespaceFiles(facts, file, binding);
    if (files) {
      if (!whole) return onModuleMember(facts, site, files, receiver);
      const direct = exportedFrom(facts, files, site.callee).filter(isCallable);
      return direct.length > 0 ? edges(direct, 'namespace', site) : onWholeModule(facts, file, site, binding);
    }
    const { definitions, external } = imported(facts, file, binding);
    if (external) return [];
    if (!whole) continue;
    const types = definitions.filter((definition) => isType(definition) && isValue(definition));
    if (types.length > 0) return onTypes(facts, site, { types, sure: true }, 'static');
    // `import api from './api'` where the module's functions are its members.
    const grouped = definitions.flatMap((definition) => objectMembers(facts, definition, site.callee));
    if (grouped.length > 0) return edges(grouped, 'namespace', site);
  }
  if (familyOf(site.lang) === 'rust') {
    const path = rustPath(facts, site, receiver);
    if (path) return path;
  }
  const { types, sure } = typesVisible(facts, file, last, site.caller?.qualifiedName);
  const values = types.filter((type) => isValue(type));
  if (values.length > 0 && (receiver === last || /^[\p{Lu}]/u.test(last))) {
    return onTypes(facts, site, { types: values, sure }, 'static');
  }
  const grouped = facts
    .definitions(receiver)
    .filter((definition) => definition.path === site.path && !isType(definition))
    .flatMap((definition) => objectMembers(facts, definition, site.callee));
  if (grouped.length > 0) return edges(grouped, 'same-file', site);
  const scoped = candidates(facts, site, site.callee).filter((definition) =>
    inNamespace(containerOf(definition.qualifiedName), receiver),
  );
  return scoped.length > 0 && !scoped.some(isMember) ? edges(scoped, 'namespace', site) : null;
}

/** `ns.T.f()`, `ns.inner.f()`: a type or a namespace of a module; null for a value, whose type is to be inferred. */
function onModuleMember(
  facts: Facts,
  site: CallSite,
  files: readonly IndexedFile[],
  receiver: string,
): Edge[] | null {
  // What a call of the module gives is to be inferred.
  if (/[^\p{L}\p{N}_$.]/u.test(receiver)) return null;
  const last = lastName(receiver);
  const direct = exportedFrom(facts, files, last).filter(isCallable);
  const types = direct.filter((definition) => isType(definition) && isValue(definition));
  if (types.length > 0) return onTypes(facts, site, { types, sure: true }, 'static');
  if (direct.some(isVariable)) return null;
  const inner = receiver.split('.').length === 2 ? namespaceWithin(facts, files, last) : null;
  return inner ? edges(exportedFrom(facts, inner, site.callee).filter(isCallable), 'namespace', site) : [];
}

/** In JavaScript interfaces and aliases are gone at run time: nothing can be called on them. */
function isValue(type: Definition): boolean {
  return familyOf(type.lang) !== 'javascript' || (type.kind !== 'type' && type.kind !== 'interface');
}

/** `const T = require('./t'); T.f()`: the module is one class or object, and the call means a member of it. */
function onWholeModule(facts: Facts, file: IndexedFile, site: CallSite, binding: Binding): Edge[] {
  const { definitions } = imported(facts, file, binding);
  const types = definitions.filter(isType);
  if (types.length > 0) return onTypes(facts, site, { types, sure: true }, 'static');
  return edges(
    definitions.flatMap((definition) => objectMembers(facts, definition, site.callee)),
    'namespace',
    site,
  );
}

/** `crate::router::parse()`: a path in code that no `use` was needed for. */
function rustPath(facts: Facts, site: CallSite, receiver: string): Edge[] | null {
  const segments = receiver.split('.');
  const resolution = resolveRustPath(facts, fileOf(site), segments);
  if (resolution.kind !== 'files') return null;
  if (resolution.member === null) {
    const own = exportedFrom(facts, resolution.files, site.callee).filter(isCallable);
    return own.length > 0 ? edges(own, 'namespace', site) : null;
  }
  const types = exportedFrom(facts, resolution.files, resolution.member).filter(isType);
  return types.length > 0 ? onTypes(facts, site, { types, sure: true }, 'static') : null;
}

/** Members of a constant object, `const api = { get() {} }`, or of a namespace. */
function objectMembers(facts: Facts, owner: Definition, name: string): Definition[] {
  return facts
    .definitions(name)
    .filter(
      (member) => member.path === owner.path && containerOf(member.qualifiedName) === owner.qualifiedName,
    );
}

/** Looks the callee up on the receiver's type or types. */
function onTypes(
  facts: Facts,
  site: CallSite,
  { types, sure }: { types: readonly Definition[]; sure: boolean },
  label: ResolutionLabel,
): Edge[] {
  const kinds = distinctTypes(types);
  const share = sure ? 1 : kinds === 1 ? ONLY_TYPE : SEVERAL_TYPES / kinds;
  const found: Edge[] = [];
  for (const type of types) {
    const { own, inherited, overrides } = lookupMember(facts, type, site.callee);
    // PHP keeps methods and properties apart.
    const direct = (own.length > 0 ? own : inherited).filter(
      ({ kind, lang }) => lang !== 'php' || kind !== 'field',
    );
    found.push(...edges(direct, own.length > 0 ? label : 'inherited', site, share));
    if (label !== 'static') found.push(...edges(overrides, 'override', site, share));
  }
  return merge(found);
}

/** `super.f()`; a bare `super(…)` is the method of the caller's own name, or the base's constructor. */
function onSuper(facts: Facts, site: CallSite): Edge[] {
  const name = site.callee === 'super' ? (site.caller?.name ?? '') : site.callee;
  for (const type of enclosingTypes(facts, site)) {
    const bases = ancestors(facts, type);
    const found = bases.map(({ type: base, level }) => ({ level, members: membersOf(facts, base, name) }));
    const first = found.find(({ members: list }) => list.length > 0)?.level;
    const reached = found
      .filter(({ level }) => level === first)
      .flatMap(({ members: list }) => list.filter((member) => !isType(member)));
    const isConstructor = site.callee === 'super' && familyOf(site.lang) !== 'ruby';
    const types = isConstructor ? bases.filter(({ level }) => level === 1).map((base) => base.type) : [];
    if (reached.length + types.length > 0) {
      return [...edges(reached, 'super', site), ...edges(types, 'super', site)];
    }
  }
  return [];
}

/** Nothing tells the receiver's type: its name may, or the types that the file knows, or the method's name alone. */
function onUnknown(facts: Facts, site: CallSite, receiver: string): Edge[] {
  const all = members(facts, site);
  if (all.length === 0) return [];
  const spoken = lastName(receiver.replace(/\([^()]*\)$/, ''))
    .replace(/^_+|_+$/g, '')
    .toLowerCase();
  const likeNamed = all.filter((member) => isNamedLike(spoken, member));
  if (likeNamed.length > 0 && likeNamed.length <= 3) return edges(likeNamed, 'receiver-name', site);
  const weight = nameWeight(site.callee);
  const file = fileOf(site);
  const known = all.filter((member) => {
    const owner = ownerOf(facts, member);
    return owner !== null && typesVisible(facts, file, owner.name).sure && isReachable(facts, file, owner);
  });
  if (known.length > 0 && known.length <= 3) return edges(known, 'known-type', site, weight);
  return byNameAlone(all, site, 1);
}

/** True when the file defines or imports the type, or stands in its package. */
function isReachable(facts: Facts, file: IndexedFile, type: Definition): boolean {
  return typesVisible(facts, file, type.name).types.includes(type);
}

/** `router` and `smartRouter` are named like `Router`, not like `RouterError`. */
function isNamedLike(spoken: string, member: Definition): boolean {
  const owner = lastName(containerOf(member.qualifiedName)).toLowerCase();
  return spoken.length > 2 && owner.length > 2 && (spoken === owner || spoken.endsWith(owner));
}

function byNameAlone(named: readonly Definition[], site: CallSite, factor: number): Edge[] {
  const targets = distinctTargets(named);
  if (targets === 0 || targets > MAX_AMBIGUOUS) return [];
  const label = targets === 1 ? 'unique-name' : 'ambiguous';
  return edges(named, label, site, factor * nameWeight(site.callee));
}

/** Members and function-valued fields that a call with a receiver may reach. */
function members(facts: Facts, site: CallSite): Definition[] {
  return candidates(facts, site, site.callee).filter(
    (definition) => isMember(definition) && containerOf(definition.qualifiedName) !== '',
  );
}

function candidates(facts: Facts, site: CallSite, name: string): Definition[] {
  return facts
    .definitions(name)
    .filter((definition) => isCallable(definition) && sameFamily(definition, site));
}

/** Definitions in the functions around the call, innermost first. */
function lexical(named: readonly Definition[], site: CallSite): Definition[] {
  const scope = site.caller?.qualifiedName ?? '';
  const inScope = named.filter((definition) => {
    const container = containerOf(definition.qualifiedName);
    return (
      definition.path === site.path &&
      !isMember(definition) &&
      (container === '' || scope === container || scope.startsWith(`${container}.`))
    );
  });
  const depth = Math.max(0, ...inScope.map((definition) => definition.qualifiedName.split('.').length));
  return inScope.filter((definition) => definition.qualifiedName.split('.').length === depth);
}

/** True for a function nested in another one that the call does not stand in. */
function isHidden(definition: Definition, site: CallSite): boolean {
  if (definition.parent === null) return false;
  const container = containerOf(definition.qualifiedName);
  const scope = site.caller?.qualifiedName ?? '';
  const family = familyOf(definition.lang);
  if (family !== 'javascript' && family !== 'python') return false;
  return container !== '' && scope !== container && !scope.startsWith(`${container}.`);
}

/** True for `const f = require('./f')`: a variable that an import made. */
function isBinding(facts: Facts, definition: Definition): boolean {
  return facts
    .bindings(definition.path)
    .some(
      (binding) =>
        binding.alias === definition.name &&
        definition.startLine <= binding.line &&
        binding.line <= definition.endLine,
    );
}

/** The types around the call, innermost first. */
function enclosingTypes(facts: Facts, site: CallSite): Definition[] {
  const segments = (site.caller?.qualifiedName ?? '').split('.');
  const fixture = FIXTURE[familyOf(site.lang)]?.exec(site.caller?.signature ?? '')?.[1];
  const found: Definition[] =
    fixture === undefined
      ? []
      : [...typesVisible(facts, fileOf(site), fixture, site.caller?.qualifiedName).types];
  for (let length = segments.length; length > 0; length--) {
    const qualifiedName = segments.slice(0, length).join('.');
    const types = facts
      .definitions(segments[length - 1]!)
      .filter(
        (definition) =>
          isType(definition) &&
          sameFamily(definition, site) &&
          (definition.qualifiedName === qualifiedName ||
            (definition.path !== site.path && mayStandElsewhere(definition, site.path))),
      );
    found.push(...preferOwn(types, site));
  }
  return found;
}

function preferOwn(types: Definition[], site: CallSite): Definition[] {
  const own = types.filter((type) => type.path === site.path);
  if (own.length > 0) return own;
  const beside = types.filter((type) => directoryOf(type.path) === directoryOf(site.path));
  // A C++ method's class stands in a header, a Go method's type in a sibling, a Rust impl's in its crate.
  return beside.length > 0 ? beside : types.length === 1 && familyOf(site.lang) !== 'javascript' ? types : [];
}

function inNamespace(container: string, receiver: string): boolean {
  return container !== '' && (container === receiver || container.endsWith(`.${receiver}`));
}

/** One edge a target. Overloads and redeclarations of one name are one target; several targets share the confidence. */
function edges(
  definitions: readonly Definition[],
  resolution: ResolutionLabel,
  site: CallSite,
  factor = 1,
): Edge[] {
  const fitting = fitArity(unique([...definitions]), site);
  const targets = distinctTargets(fitting);
  if (targets === 0) return [];
  const isShared = resolution !== 'override';
  const confidence = (CONFIDENCE[resolution] * factor) / (isShared ? targets : 1);
  return fitting.map((definition) => ({
    definition,
    confidence: Math.round(Math.min(confidence, 0.99) * 100) / 100,
    resolution,
  }));
}

/** Among overloads, those that take this many arguments; all of them when none does or it cannot be told. */
function fitArity(definitions: Definition[], site: CallSite): Definition[] {
  if (site.arity === null || definitions.length < 2) return definitions;
  const fitting = definitions.filter((definition) => fits(definition, site));
  return fitting.length > 0 ? fitting : definitions;
}

function fits(definition: Definition, site: CallSite): boolean {
  return site.arity === null || takes(definition.signature, site.arity);
}

function takes(signature: string, arity: number): boolean {
  const open = signature.indexOf('(');
  if (open < 0) return true;
  const { count, optional, variadic } = parameters(signature.slice(open + 1));
  return arity >= count - optional && (variadic || arity <= count);
}

/** Counts a parameter list up to its closing parenthesis. */
function parameters(text: string): { count: number; optional: number; variadic: boolean } {
  const list: string[] = [];
  let depth = 0;
  let current = '';
  for (const character of text) {
    if (depth === 0 && (character === ')' || character === ',')) {
      if (current.trim() !== '') list.push(current.trim());
      current = '';
      if (character === ')') break;
      continue;
    }
    if ('([{<'.includes(character)) depth++;
    else if (')]}>'.includes(character)) depth = Math.max(0, depth - 1);
    current += character;
  }
  const own = list.filter(
    (parameter) =>
      !/^&?(?:mut\s+)?(?:self|cls|this)\b/.test(parameter) && parameter !== '*' && parameter !== '/',
  );
  return {
    count: own.length,
    optional: own.filter((parameter) => /[?=]/.test(parameter)).length,
    variadic: own.some((parameter) => /\.\.\.|^\*|\bvararg\b|\bparams\b/.test(parameter)),
  };
}

/** Overloads, a declaration with its definition, and a class with its constructors count once. */
function distinctTargets(definitions: readonly Definition[]): number {
  return new Set(definitions.map(target)).size;
}

function distinctTypes(types: readonly Definition[]): number {
  return new Set(types.map(target)).size;
}

/** What makes two definitions one: in C a prototype and its body, elsewhere the same name in the same file. */
function target(definition: Definition): string {
  const family = familyOf(definition.lang);
  const isSpread = family === 'c' || family === 'csharp' || family === 'swift' || family === 'ruby';
  const container = containerOf(definition.qualifiedName);
  const isConstructor = isMember(definition) && definition.name === lastName(container);
  const name = isConstructor ? container : definition.qualifiedName;
  return isSpread ? name : `${definition.path}\0${name}`;
}

/** The best edge to each definition. */
function merge(all: Edge[]): Edge[] {
  const best = new Map<string, Edge>();
  for (const edge of all) {
    const id = keyOf(edge.definition);
    const known = best.get(id);
    if (!known || known.confidence < edge.confidence) best.set(id, edge);
  }
  return [...best.values()];
}

function fileOf(site: CallSite): IndexedFile {
  return { path: site.path, blob: site.blob, lang: site.lang };
}

function order(a: Definition, b: Definition): number {
  return a.path === b.path ? a.startLine - b.startLine : a.path < b.path ? -1 : 1;
}
