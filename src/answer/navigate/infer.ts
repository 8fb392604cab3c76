import { imported, moduleFiles, unique } from './exports.ts';
import {
  type CallSite,
  containerOf,
  type Definition,
  dotted,
  type Facts,
  isType,
  lastName,
} from './facts.ts';
import type { Edge } from './resolve.ts';
import { annotatedTypes, declaredType, initialiser, returnType } from './signatures.ts';
import { lookupMember, ownerOf, typesVisible } from './types.ts';

/** What can be told of a receiver: its types, that it comes from outside the repository, or nothing. */
export type Inferred =
  | { kind: 'type'; types: Definition[]; sure: boolean }
  | { kind: 'external' }
  | { kind: 'unknown' };

type Resolve = (facts: Facts, site: CallSite, steps: number) => Edge[];

const NOTHING: Inferred = { kind: 'unknown' };
/** A callee below this confidence does not lend its return type. */
const SURE_CALLEE = 0.85;

/**
 * The type of a receiver that its own file does not state: from the initialiser of a variable, the return type of a
 * function, the type of a field or of an imported variable. `resolve` resolves the calls on the way, with what is left of
 * `steps`: calls and variables that one receiver is followed through.
 */
export function inferType(
  facts: Facts,
  site: CallSite,
  expression: string,
  resolve: Resolve,
  steps: number,
): Inferred {
  const text = dotted(expression).replace(/^(?:await|yield)\s+/, '');
  if (steps === 0 || text === '') return NOTHING;
  const constructed = /^new\s+([\w.]+)/.exec(text);
  if (constructed) return named(facts, site, constructed[1]!);
  const call = splitCall(text);
  if (call) return ofCall(facts, site, call, resolve, steps);
  if (/^[\p{L}_][\p{L}\p{N}_]*$/u.test(text)) return ofVariable(facts, site, text, resolve, steps);
  const member = /^(.+)\.([\p{L}_][\p{L}\p{N}_]*)$/u.exec(text);
  return member ? ofField(facts, site, member[1]!, member[2]!, resolve, steps) : NOTHING;
}

/** `a.b(…)` → callee `b`, receiver `a`; null for anything but one whole call expression. */
function splitCall(text: string): { callee: string; receiver: string } | null {
  if (!text.endsWith(')')) return null;
  let depth = 0;
  for (let at = text.length - 1; at >= 0; at--) {
    if (text[at] === ')') depth++;
    if (text[at] !== '(' || --depth > 0) continue;
    const match = /^(?:(.+)\.)?([\p{L}_][\p{L}\p{N}_]*)$/su.exec(text.slice(0, at).trim());
    return match ? { callee: match[2]!, receiver: match[1] ?? '' } : null;
  }
  return null;
}

function ofCall(
  facts: Facts,
  site: CallSite,
  call: { callee: string; receiver: string },
  resolve: Resolve,
  steps: number,
): Inferred {
  const root = /^[\p{L}\p{N}_]*/u.exec(call.receiver)![0];
  if (isExternal(facts, site, root || call.callee)) return { kind: 'external' };
  // Resolving the call infers its own receiver: once, so that a chain costs its length.
  const [best] = resolve(facts, { ...site, ...call, receiverType: null, arity: null }, steps - 1);
  if (!best || best.confidence < SURE_CALLEE) return NOTHING;
  return returned(facts, best.definition);
}

/** What calling a definition gives: the class itself, or the declared return type. */
function returned(facts: Facts, definition: Definition): Inferred {
  if (isType(definition)) return { kind: 'type', types: [definition], sure: true };
  const name = returnType(definition.signature, definition.name, definition.lang);
  return name === null ? NOTHING : typeIn(facts, definition, name);
}

/** A type named in the file of `definition`; `this` and `Self` are the type that owns it. */
function typeIn(facts: Facts, definition: Definition, name: string): Inferred {
  if (name === 'this' || name === 'Self' || name === 'self' || name === 'static') {
    const owner = ownerOf(facts, definition);
    return owner ? { kind: 'type', types: [owner], sure: true } : NOTHING;
  }
  return named(facts, definition, name);
}

function named(facts: Facts, file: { path: string; blob: number; lang: string }, name: string): Inferred {
  const { types, sure } = typesVisible(
    facts,
    { path: file.path, blob: file.blob, lang: file.lang },
    lastName(name),
  );
  if (types.length > 0) return { kind: 'type', types, sure };
  return sure ? { kind: 'external' } : NOTHING;
}

function ofVariable(facts: Facts, site: CallSite, name: string, resolve: Resolve, steps: number): Inferred {
  const text = facts.text(site.path);
  if (text !== null) {
    const value = initialiser(text, name, {
      from: site.caller?.startLine ?? 1,
      to: site.line,
      lang: site.lang,
    });
    if (value !== null && value !== name) return inferType(facts, site, value, resolve, steps - 1);
  }
  const file = { path: site.path, blob: site.blob, lang: site.lang };
  for (const type of annotated(text, name, site)) {
    const known = named(facts, site, type);
    if (known.kind === 'type') return known;
  }
  const own = facts
    .definitions(name)
    .filter((definition) => definition.path === site.path && isVariable(definition));
  if (own.length > 0) return ofVariableDefinition(facts, own[0]!, resolve, steps);
  for (const binding of facts.bindings(site.path)) {
    if (binding.alias !== name) continue;
    const { definitions, external } = imported(facts, file, binding);
    if (external) return { kind: 'external' };
    const variable = unique(definitions).find(isVariable);
    if (variable) return ofVariableDefinition(facts, variable, resolve, steps);
  }
  return NOTHING;
}

function annotated(text: string | null, name: string, site: CallSite): string[] {
  if (text === null) return [];
  return annotatedTypes(text, name, { from: site.caller?.startLine ?? 1, to: site.line, lang: site.lang });
}

/** A variable, constant or field: its declared type, else its initialiser read in its own file. */
function ofVariableDefinition(facts: Facts, variable: Definition, resolve: Resolve, steps: number): Inferred {
  const type = declaredType(variable.signature, variable.name, variable.lang);
  if (type !== null) return typeIn(facts, variable, type);
  const value = /(?<![=!<>:])=(?![=>])\s*(.+)$/.exec(
    variable.signature.slice(variable.signature.indexOf(variable.name)),
  )?.[1];
  if (value === undefined) return NOTHING;
  const there: CallSite = {
    blob: variable.blob,
    ord: -1,
    path: variable.path,
    lang: variable.lang,
    line: variable.startLine,
    callee: variable.name,
    receiver: '',
    receiverType: null,
    arity: null,
    caller: null,
  };
  return inferType(facts, there, value.replace(/[;,]\s*$/, ''), resolve, steps - 1);
}

function ofField(
  facts: Facts,
  site: CallSite,
  receiver: string,
  field: string,
  resolve: Resolve,
  steps: number,
): Inferred {
  const owner = /^(?:this|self)$/.test(receiver)
    ? enclosing(facts, site)
    : inferType(facts, site, receiver, resolve, steps - 1);
  if (owner.kind !== 'type') return owner;
  for (const type of owner.types) {
    const found = lookupMember(facts, type, field);
    const member = (found.own.length > 0 ? found.own : found.inherited)[0];
    if (member) return ofVariableDefinition(facts, member, resolve, steps);
  }
  return NOTHING;
}

function enclosing(facts: Facts, site: CallSite): Inferred {
  const name = lastName(containerOf(site.caller?.qualifiedName ?? ''));
  return name === '' ? NOTHING : named(facts, site, name);
}

function isVariable(definition: Definition): boolean {
  return definition.kind === 'variable' || definition.kind === 'constant' || definition.kind === 'field';
}

/** True when the file binds `name` to a package that the repository does not hold. */
function isExternal(facts: Facts, site: CallSite, name: string): boolean {
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
