import { bindingOf, given } from './contextual.ts';
import { exportedFrom, imported, moduleFiles, namespaceFiles, unique } from './exports.ts';
import {
  type CallSite,
  containerOf,
  type Definition,
  dotted,
  type Facts,
  isMember,
  isType,
  lastName,
} from './facts.ts';
import { type Family, familyOf, IMPLICIT_SELF } from './modules.ts';
import type { IndexedFile } from './paths.ts';
import type { Edge } from './resolve.ts';
import { lineStart, returnedBy, valueOnLine } from './scopes.ts';
import {
  annotatedTypes,
  declaredType,
  documentedAbove,
  documentedVariable,
  elementNamed,
  initialiser,
  iterated,
  returnType,
  type TypeReader,
  typeNamed,
} from './signatures.ts';
import { lookupMember, nearest, ownerOf, typesVisible } from './types.ts';
import { declaredFunctions, typeNames, type Written, writtenAt } from './written-types.ts';

/** What can be told of a receiver: its types, that it comes from outside the repository, or nothing. */
export type Inferred =
  | { kind: 'type'; types: Definition[]; sure: boolean }
  | { kind: 'external'; name?: string }
  | { kind: 'unknown' };

type Resolve = (facts: Facts, site: CallSite, steps: number) => Edge[];

const NOTHING: Inferred = { kind: 'unknown' };
/** A callee below this confidence does not lend its return type. */
const SURE_CALLEE = 0.85;

/** How languages write a value's type into an expression: casts, assertions, literals and `new`; the first group is it. */
const TYPED: Readonly<Partial<Record<Family, readonly RegExp[]>>> = {
  c: [
    /^(?:static|dynamic|reinterpret|const)_(?:pointer_)?cast<(?:const\s*)?([\w:]+)[^()]*>\(.*\)$/s,
    /^\(\((?:const\s*|struct\s*)*([\w:]+)[*&]*\)[\w(&*].*\)$/s,
  ],
  jvm: [/^\(\(([\w.]+)(?:<.*>)?\)[\w(].*\)$/s],
  csharp: [/^\(\(([\w.]+)(?:<.*>)?\)[\w(].*\)$/s],
  javascript: [/^\((?:[^()]|\([^()]*\))*(?<=[\s)\]])as (?:unknown as )?([\w$.]+)(?:<.*>)?\)$/s],
  go: [
    /^new\(([\w.[\]*]+)\)$/,
    /^make\(([\w.[\]*]+)[,)]/,
    /^&?((?:\[\w*\]|map\[[^\]]+\]|\*)+[\w.]+)\{/,
    /^\(?&?([A-Z]\w*|\w+\.[A-Z]\w*)\{.*\}\)?$/s,
    /\.\(\*?([\w.]+)\)$/,
  ],
};
/** What wraps a value without changing which methods are meant: results, options, locks and references are opened. */
const WRAPPING: Readonly<Partial<Record<Family, RegExp>>> = {
  rust: /(?:\?|\.(?:unwrap|unwrap_or_default|clone|as_ref|as_mut|as_deref|as_deref_mut|borrow|borrow_mut|lock|to_owned|cloned|copied)\(\)|\.expect\([^()]*\)|\.await)$/,
};
/** What gives the values of a collection one by one. */
const VALUES = /\.(?:iter|iter_mut|into_iter|drain|values|values_mut)\((?:\.\.)?\)$/;

/** Where an expression stands and what is asked of its type. */
interface Question {
  site: CallSite;
  resolve: Resolve;
  read: TypeReader;
}

/**
 * The type of a receiver that its own file does not state: from the initialiser of a variable, the return type of a
 * function, the type of a field or of an imported variable, a cast. `resolve` resolves the calls on the way, with what is
 * left of `steps`: calls and variables that one receiver is followed through.
 */
export function inferType(
  facts: Facts,
  site: CallSite,
  expression: string,
  resolve: Resolve,
  steps: number,
): Inferred {
  return infer(facts, { site, resolve, read: typeNamed }, expression, steps);
}

function infer(facts: Facts, question: Question, expression: string, steps: number): Inferred {
  if (steps <= 0) return NOTHING;
  const { site, read } = question;
  const family = familyOf(site.lang);
  for (const pattern of TYPED[family] ?? []) {
    const written = pattern.exec(expression)?.[1];
    if (written === undefined) continue;
    const name = read(written);
    return name === null ? NOTHING : named(facts, site, name);
  }
  const text = unwrapped(dotted(expression, site.lang), family).replace(/^(?:await|yield)\s+/, '');
  if (text === '') return NOTHING;
  const constructed = /^new\s+([\w$.]+)\s*(?:\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\))?$/.exec(text);
  if (constructed) return read === typeNamed ? named(facts, site, constructed[1]!) : NOTHING;
  const indexed = /^(.+)\[[^[\]]*\]$/s.exec(text);
  if (indexed) return read === typeNamed ? elementOf(facts, question, indexed[1]!, steps) : NOTHING;
  const call = splitCall(text);
  if (call) return ofCall(facts, question, call, steps);
  if (/^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(text)) return ofVariable(facts, question, text, steps);
  const member = /^(.+)\.([\p{L}_$#][\p{L}\p{N}_$]*)$/u.exec(text);
  return member ? ofField(facts, question, member[1]!, member[2]!, steps) : NOTHING;
}

/** What a collection holds, where its type is written. */
function elementOf(facts: Facts, question: Question, collection: string, steps: number): Inferred {
  return infer(facts, { ...question, read: elementNamed }, collection.replace(VALUES, ''), steps - 1);
}

function unwrapped(text: string, family: Family): string {
  const wrapping = WRAPPING[family];
  if (!wrapping) return /^\((.*)\)$/s.test(text) && closes(text) ? text.slice(1, -1).trim() : text;
  let inner = text.replace(/^\(?[&*]+\s*(?:mut\s+)?/, '');
  while (wrapping.test(inner)) inner = inner.replace(wrapping, '');
  return inner;
}

/** True when the first parenthesis closes with the last character. */
function closes(text: string): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '(') depth++;
    else if (text[at] === ')' && --depth === 0) return at === text.length - 1;
  }
  return false;
}

/** `a.b(…)` → callee `b`, receiver `a`; null for anything but one whole call expression. */
function splitCall(text: string): { callee: string; receiver: string } | null {
  if (!text.endsWith(')')) return null;
  let depth = 0;
  for (let at = text.length - 1; at >= 0; at--) {
    if (text[at] === ')') depth++;
    if (text[at] !== '(' || --depth > 0) continue;
    const match = /^(?:(.+)\.)?([\p{L}_$][\p{L}\p{N}_$]*)$/su.exec(text.slice(0, at).trim());
    return match ? { callee: match[2]!, receiver: match[1] ?? '' } : null;
  }
  return null;
}

function ofCall(
  facts: Facts,
  { site, resolve, read }: Question,
  call: { callee: string; receiver: string },
  steps: number,
): Inferred {
  const root = /^[\p{L}\p{N}_$]*/u.exec(call.receiver)![0];
  if (isExternal(facts, site, root || call.callee)) return { kind: 'external' };
  // Resolving the call infers its own receiver: once, so that a chain costs its length.
  const [best] = resolve(facts, { ...site, ...call, receiverType: null, arity: null }, steps - 1);
  if (!best || best.confidence < SURE_CALLEE) return NOTHING;
  const known = returned(facts, best.definition, { resolve, read }, steps - 1);
  if (known.kind !== 'unknown' || read !== typeNamed) return known;
  // A call that tells no type may return its own receiver, as builders do: then the next method is one of it.
  const owner = isMember(best.definition) ? ownerOf(facts, best.definition) : null;
  return owner && familyOf(site.lang) === 'javascript'
    ? { kind: 'type', types: [owner], sure: false }
    : known;
}

/** What calling a definition gives: the class itself, the declared return type, or what its body returns. */
function returned(
  facts: Facts,
  definition: Definition,
  { resolve, read }: Pick<Question, 'resolve' | 'read'>,
  steps: number,
): Inferred {
  if (isType(definition) && read === typeNamed) return { kind: 'type', types: [definition], sure: true };
  const name =
    returnType(definition.signature, definition.name, definition.lang, read) ??
    inComment(facts, definition, 'return', read);
  if (name !== null) return typeIn(facts, definition, name);
  if (familyOf(definition.lang) !== 'javascript' || isType(definition)) return NOTHING;
  // What the signature cuts off, or what a field of function type returns.
  const results = declaredFunctions(facts, definition).flatMap(({ result, at, env }) =>
    result === null ? [] : [{ text: result, at, env }],
  );
  const known = ofWritten(facts, results, read);
  if (known.kind === 'type') return known;
  return results.length > 0 ? NOTHING : ofBody(facts, definition, { resolve, read }, steps);
}

/** The type that the comment before a definition of PHP names. */
function inComment(facts: Facts, definition: Definition, tag: string, read: TypeReader): string | null {
  const text = definition.lang === 'php' ? facts.text(definition.path) : null;
  return text === null ? null : documentedAbove(text, definition.startLine, tag, read);
}

/** What a function without a declared type returns, read off its body. */
function ofBody(
  facts: Facts,
  definition: Definition,
  question: Pick<Question, 'resolve' | 'read'>,
  steps: number,
): Inferred {
  const text = facts.text(definition.path);
  const start = text === null ? -1 : lineStart(text, definition.startLine);
  const body = text === null ? null : returnedBy(text, text.indexOf(definition.name, start));
  if (body === null || /^(?:this|[{[])/.test(body.value)) return NOTHING;
  const site = { ...placeOf(definition), line: body.line, caller: definition };
  return infer(facts, { ...question, site }, body.value, steps);
}

/** Where a definition stands, as a place that an expression is read at. */
function placeOf({ blob, path, lang, startLine, name }: Definition): CallSite {
  return {
    ...{ blob, path, lang, line: startLine, callee: name },
    ...{ ord: -1, receiver: '', receiverType: null, arity: null, caller: null },
  };
}

/** A type named in the file of `definition`; `this` and `Self` are the type that owns it. */
function typeIn(facts: Facts, definition: Definition | CallSite, name: string): Inferred {
  if ('qualifiedName' in definition && /^(?:this|Self|self|static)$/.test(name)) {
    const owner = ownerOf(facts, definition);
    return owner ? { kind: 'type', types: [owner], sure: true } : NOTHING;
  }
  return named(facts, definition, name);
}

/** The type that a name, qualified or not, means where `at` stands. */
function named(facts: Facts, at: CallSite | Definition, name: string): Inferred {
  const file = { path: at.path, blob: at.blob, lang: at.lang };
  const scope = 'qualifiedName' in at ? at.qualifiedName : (at.caller?.qualifiedName ?? '');
  const qualifier = containerOf(name);
  const { types, sure } = typesVisible(facts, file, lastName(name), scope);
  if (qualifier !== '') {
    const within = inQualifier(facts, file, qualifier, lastName(name), types);
    if (within) return within;
  }
  if (types.length > 0) return { kind: 'type', types, sure };
  return sure ? { kind: 'external', name: lastName(name) } : NOTHING;
}

/** `outer.Inner`, `module.Type`: of the types of that name, those that the qualifier holds; null when it tells nothing. */
function inQualifier(
  facts: Facts,
  file: { path: string; blob: number; lang: string },
  qualifier: string,
  name: string,
  types: readonly Definition[],
): Inferred | null {
  const inside = facts
    .definitions(name)
    .filter(
      (type) =>
        isType(type) &&
        familyOf(type.lang) === familyOf(file.lang) &&
        `.${containerOf(type.qualifiedName)}`.endsWith(`.${qualifier}`),
    );
  const near = inside.filter((type) => types.includes(type));
  if (near.length > 0) return { kind: 'type', types: near, sure: true };
  for (const binding of facts.bindings(file.path)) {
    if (binding.alias !== qualifier) continue;
    const files = moduleFiles(facts, file, binding);
    const exported = files ? exportedFrom(facts, files, name).filter(isType) : [];
    if (exported.length > 0) return { kind: 'type', types: exported, sure: true };
    if (imported(facts, file, binding).external) return { kind: 'external' };
  }
  return inside.length > 0 ? { kind: 'type', types: inside, sure: inside.length === 1 } : null;
}

function ofVariable(facts: Facts, question: Question, name: string, steps: number): Inferred {
  const { site, resolve, read } = question;
  if (familyOf(site.lang) === 'javascript') {
    const bound = ofBinding(facts, question, name, steps);
    if (bound) return bound;
  }
  const text = facts.text(site.path);
  const range = { from: site.caller?.startLine ?? 1, to: site.line, lang: site.lang };
  const documented =
    text === null || site.lang !== 'php' ? null : documentedVariable(text, name, range, read);
  if (documented !== null) {
    const known = named(facts, site, documented);
    if (known.kind === 'type') return known;
  }
  if (text !== null) {
    const value = initialiser(text, name, range);
    if (value !== null && value !== name) return infer(facts, question, value, steps - 1);
  }
  const file = { path: site.path, blob: site.blob, lang: site.lang };
  for (const type of text === null ? [] : annotatedTypes(text, name, range, read)) {
    const known = named(facts, site, type);
    if (known.kind === 'type') return known;
  }
  const collection = text === null || read !== typeNamed ? null : iterated(text, name, range);
  if (collection !== null) return elementOf(facts, question, collection, steps);
  const variables = facts
    .definitions(name)
    .filter((definition) => isVariable(definition) && familyOf(definition.lang) === familyOf(site.lang));
  const own = ofEnclosing(facts, site, variables) ?? nearest(facts, file, variables.filter(isUnowned))[0];
  if (own) return ofVariableDefinition(facts, own, { site, resolve, read }, steps);
  for (const binding of facts.bindings(site.path)) {
    if (binding.alias !== name) continue;
    const { definitions, external } = imported(facts, file, binding);
    if (external) return { kind: 'external' };
    const variable = unique(definitions).find(isVariable);
    if (variable) return ofVariableDefinition(facts, variable, question, steps);
  }
  return NOTHING;
}

/** What the code around a use binds the name to, where that is a parameter or taken out of an object; else null. */
function ofBinding(facts: Facts, question: Question, name: string, steps: number): Inferred | null {
  const { site } = question;
  const found = bindingOf(facts, site, name);
  if (!found) return null;
  const { binding } = found;
  if (binding.property !== null) {
    const owner = ownerOfPattern(facts, { ...question, read: typeNamed }, found, steps);
    return owner.kind === 'type' ? ofMember(facts, question, owner.types, binding.property, steps) : owner;
  }
  if (binding.annotation !== null) {
    const known = ofWritten(facts, [writtenAt(site, binding.annotation)], question.read);
    if (known.kind === 'type' || binding.kind === 'parameter') return known;
  }
  if (binding.kind === 'variable') {
    // One line is read below; what goes on over several is read here.
    return binding.value === null || binding.value === name
      ? null
      : infer(facts, question, binding.value, steps - 1);
  }
  return ofParameter(facts, question, found, steps);
}

/** The type of the object that a pattern takes apart. */
function ownerOfPattern(
  facts: Facts,
  question: Question,
  found: NonNullable<ReturnType<typeof bindingOf>>,
  steps: number,
): Inferred {
  const { annotation, kind, value } = found.binding;
  if (annotation !== null) return ofWritten(facts, [writtenAt(question.site, annotation)], typeNamed);
  if (kind === 'parameter') return ofParameter(facts, question, found, steps);
  return value === null ? NOTHING : infer(facts, question, value, steps - 1);
}

/** A parameter without a type gets it from what its function is passed to or assigned to. */
function ofParameter(
  facts: Facts,
  question: Question,
  found: NonNullable<ReturnType<typeof bindingOf>>,
  steps: number,
): Inferred {
  const { site, resolve, read } = question;
  if (steps <= 1) return NOTHING;
  const around = { ...site, ord: -1, receiverType: null, arity: null };
  const what = given(facts, site, found, (receiver, callee) =>
    resolve(facts, { ...around, receiver, callee }, steps - 1),
  );
  if (what?.kind === 'written') return ofWritten(facts, what.types, read);
  if (what?.kind === 'element' && read === typeNamed) return elementOf(facts, question, what.of, steps - 1);
  return what?.kind === 'same' ? infer(facts, question, what.as, steps - 1) : NOTHING;
}

/** The first of some written types that the repository holds. */
function ofWritten(facts: Facts, types: readonly Written[], read: TypeReader): Inferred {
  let external = false;
  for (const type of types) {
    for (const name of typeNames(facts, type, read)) {
      const known = typeIn(facts, name.at, name.text);
      if (known.kind === 'type') return known;
      external ||= known.kind === 'external';
    }
  }
  return external ? { kind: 'external' } : NOTHING;
}

/** The type of a member of one of some types. */
function ofMember(
  facts: Facts,
  question: Question,
  types: readonly Definition[],
  name: string,
  steps: number,
): Inferred {
  for (const type of types) {
    const found = lookupMember(facts, type, name);
    const members = found.own.length > 0 ? found.own : found.inherited;
    const member = members.find(isVariable) ?? members[0];
    if (member && /(?:^|\s)get\s/.test(member.signature) && member.kind === 'method')
      return returned(facts, member, question, steps);
    if (member) return ofVariableDefinition(facts, member, question, steps);
  }
  return NOTHING;
}

/** The types whose member a bare name is: `const { run } = server` makes `run()` a call of it. Null for other names. */
export function takenFrom(
  facts: Facts,
  site: CallSite,
  name: string,
  resolve: Resolve,
  steps: number,
): { property: string; types: Definition[]; sure: boolean } | null {
  const found = familyOf(site.lang) === 'javascript' ? bindingOf(facts, site, name) : null;
  if (!found || found.binding.property === null) return null;
  const owner = ownerOfPattern(facts, { site, resolve, read: typeNamed }, found, steps);
  const { property } = found.binding;
  return owner.kind === 'type' ? { property, types: owner.types, sure: owner.sure } : null;
}

/** A field of the type around the call, where members are reached without a receiver. */
function ofEnclosing(facts: Facts, site: CallSite, variables: readonly Definition[]): Definition | undefined {
  if (variables.length === 0 || !IMPLICIT_SELF.has(familyOf(site.lang))) return undefined;
  const around = enclosing(facts, site);
  if (around.kind !== 'type') return undefined;
  for (const type of around.types) {
    const { own, inherited } = lookupMember(facts, type, variables[0]!.name);
    const field = [...own, ...inherited].find(isVariable);
    if (field) return field;
  }
  return undefined;
}

/** Not a member of a type: a field of another one is no variable here. */
function isUnowned(variable: Definition): boolean {
  return variable.kind !== 'field' || !variable.qualifiedName.includes('.');
}

/** A variable, constant or field: its declared type, else its initialiser read in its own file. */
function ofVariableDefinition(
  facts: Facts,
  variable: Definition,
  { resolve, read }: Question,
  steps: number,
): Inferred {
  const type =
    declaredType(variable.signature, variable.name, variable.lang, read) ??
    inComment(facts, variable, 'var', read);
  if (type !== null) return typeIn(facts, variable, type);
  const value = initialValue(facts, variable);
  if (value === undefined) return NOTHING;
  const there = placeOf(variable);
  return infer(facts, { site: there, resolve, read }, value.replace(/[;,]\s*$/, ''), steps - 1);
}

/** The expression that a variable is made from. */
function initialValue(facts: Facts, variable: Definition): string | undefined {
  const text = familyOf(variable.lang) === 'javascript' ? facts.text(variable.path) : null;
  // A signature ends with its line, an expression where its statement does.
  const whole = text === null ? null : valueOnLine(text, variable.startLine, variable.name);
  if (whole !== null) return whole;
  const { signature, name } = variable;
  return /(?<![=!<>:])=(?![=>])\s*(.+)$/.exec(signature.slice(signature.indexOf(name)))?.[1];
}

function ofField(facts: Facts, question: Question, receiver: string, field: string, steps: number): Inferred {
  const module = boundModule(facts, question.site, receiver);
  if (module) {
    const variable = exportedFrom(facts, module, field).find(isVariable);
    return variable ? ofVariableDefinition(facts, variable, question, steps) : NOTHING;
  }
  const owner = /^(?:this|self)$/.test(receiver)
    ? enclosing(facts, question.site)
    : infer(facts, { ...question, read: typeNamed }, receiver, steps - 1);
  return owner.kind === 'type' ? ofMember(facts, question, owner.types, field, steps) : owner;
}

/** The files of the module or namespace that a name is bound to, or null. */
function boundModule(facts: Facts, site: CallSite, name: string): readonly IndexedFile[] | null {
  const file = { path: site.path, blob: site.blob, lang: site.lang };
  for (const binding of facts.bindings(site.path)) {
    const files = binding.alias === name ? namespaceFiles(facts, file, binding) : null;
    if (files) return files;
  }
  return null;
}

function enclosing(facts: Facts, site: CallSite): Inferred {
  const name = lastName(containerOf(site.caller?.qualifiedName ?? ''));
  return name === '' ? NOTHING : named(facts, site, name);
}

export function isVariable(definition: Definition): boolean {
  return definition.kind === 'variable' || definition.kind === 'constant' || definition.kind === 'field';
}

/** True when the file binds `name` to a package that the repository does not hold, or leaves it to the platform. */
function isExternal(facts: Facts, site: CallSite, name: string): boolean {
  if (isPlatform(facts, site, name)) return true;
  const file = { path: site.path, blob: site.blob, lang: site.lang };
  return facts
    .bindings(site.path)
    .some(
      (binding) =>
        binding.alias === name &&
        imported(facts, file, binding).external &&
        moduleFiles(facts, file, binding) === null,
    );
}

/** Objects that browsers and Node give to every module. */
const PLATFORM = new Set(
  `AbortController Array ArrayBuffer Atomics BigInt Blob Boolean Buffer Date Error EventSource FormData Headers Intl JSON
  Map Math Number Object Promise Proxy Reflect RegExp Request Response Set String Symbol TextDecoder TextEncoder URL
  URLSearchParams WeakMap WeakSet WebSocket caches console crypto customElements document globalThis history indexedDB
  localStorage location navigator performance process screen sessionStorage window`.split(/\s+/),
);

/** True for a name of the platform that a JavaScript module does not make its own. */
export function isPlatform(facts: Facts, site: CallSite, name: string): boolean {
  if (familyOf(site.lang) !== 'javascript' || !PLATFORM.has(name)) return false;
  if (facts.bindings(site.path).some((binding) => binding.alias === name)) return false;
  return (
    !facts.definitions(name).some((definition) => definition.path === site.path) &&
    bindingOf(facts, site, name) === null
  );
}
