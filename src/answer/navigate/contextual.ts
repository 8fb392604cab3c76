/** The type of what a function of JavaScript or TypeScript is given, or takes out of an object. */
import { type CallSite, type Definition, type Facts, isMember, isType, lastName } from './facts.ts';
import type { Edge } from './resolve.ts';
import { type Binding, bindingAt, lastUse, lineStart, masked, roleOf } from './scopes.ts';
import { lookupMember } from './types.ts';
import { declaredFunctions, functionTypes, parameterType, type Written, writtenAt } from './written-types.ts';

/** Functions of collections that hand over their elements, as the first argument. */
const OF_ELEMENTS = /^(?:map|forEach|filter|find|findLast|findIndex|some|every|flatMap)$/;

/** What an unannotated parameter is: one of these types, the elements of a collection, or what a promise becomes. */
export type Given =
  | { kind: 'written'; types: Written[] }
  | { kind: 'element'; of: string }
  | { kind: 'same'; as: string };

/** What binds a name where a call uses it; null where the text does not tell, or nothing in it binds the name. */
export function bindingOf(
  facts: Facts,
  site: CallSite,
  name: string,
): { binding: Binding; text: string } | null {
  const text = facts.text(site.path);
  const from = text === null ? -1 : useAt(text, site, name);
  if (text === null || from < 0) return null;
  const binding = bindingAt(text, from, name);
  return binding && { binding, text };
}

/** Where a call uses a name, -1 where it does not. */
export function useAt(text: string, site: CallSite, name: string): number {
  const code = masked(text);
  const start = lineStart(code, site.line);
  const lineEnd = lineStart(code, site.line + 1);
  const at = site.ord < 0 ? -1 : calleeAt(code.slice(start, lineEnd), site.callee);
  return lastUse(code, name, at < 0 ? lineEnd : start + at + site.callee.length);
}

function calleeAt(line: string, callee: string): number {
  const word = callee.replace(/[$]/g, '\\$');
  return line.search(new RegExp(`(?<![\\p{L}\\p{N}_$])${word}\\s*(?:[(<\`]|\\?\\.)`, 'u'));
}

/** What a function is given as parameter `index`, by the code that it stands in. `call` resolves a call. */
export function given(
  facts: Facts,
  site: CallSite,
  { text, binding }: { text: string; binding: Binding },
  call: (receiver: string, callee: string) => Edge[],
): Given | null {
  const role = roleOf(text, binding.functionStart);
  if (role?.kind === 'argument') {
    const types = argumentTypes(facts, call(role.receiver, role.callee), role.index);
    const found = parametersOf(facts, types, binding.index);
    if (found.length > 0) return { kind: 'written', types: found };
    if (types.length > 0 || binding.index > 0 || role.receiver === '') return null;
    if (OF_ELEMENTS.test(role.callee)) return { kind: 'element', of: role.receiver };
    return role.callee === 'then' ? { kind: 'same', as: role.receiver } : null;
  }
  const types = role ? contextTypes(facts, site, text, role, call, 3) : [];
  const found = parametersOf(facts, types, binding.index);
  return found.length > 0 ? { kind: 'written', types: found } : null;
}

function contextTypes(
  facts: Facts,
  site: CallSite,
  text: string,
  role: NonNullable<ReturnType<typeof roleOf>>,
  call: (receiver: string, callee: string) => Edge[],
  depth: number,
): Written[] {
  if (role.kind === 'annotated') return [writtenAt(site, role.type)];
  if (role.kind === 'argument') return argumentTypes(facts, call(role.receiver, role.callee), role.index);
  const outer = depth > 0 ? roleOf(text, role.object) : null;
  const owners = outer ? contextTypes(facts, site, text, outer, call, depth - 1) : [];
  return owners.flatMap((owner) => propertyTypes(facts, owner, role.name));
}

/** The written types of a property of a written type. */
function propertyTypes(facts: Facts, owner: Written, name: string): Written[] {
  return ownersOf(facts, owner).flatMap((type) => {
    const { own, inherited } = lookupMember(facts, type, name);
    return (own.length > 0 ? own : inherited).map((member) =>
      writtenAt(member, '', new Map([['', writtenAt(type, '')]])),
    );
  });
}

function ownersOf(facts: Facts, owner: Written): Definition[] {
  const name = /^[\p{L}_$][\p{L}\p{N}_$.]*/u.exec(owner.text.trim())?.[0];
  return name === undefined
    ? []
    : facts
        .definitions(lastName(name))
        .filter((type) => isType(type))
        .slice(0, 3);
}

/** What the definitions that a call reaches ask for as argument `index`. */
function argumentTypes(facts: Facts, edges: readonly Edge[], index: number): Written[] {
  const sure = edges.filter(
    ({ confidence }) => confidence >= 0.5 && confidence >= edges[0]!.confidence - 0.05,
  );
  return sure.flatMap(({ definition }) => {
    const callee = isType(definition) ? constructorOf(facts, definition) : [definition];
    return callee
      .flatMap((each) => declaredFunctions(facts, each))
      .flatMap((type) => parameterType(type, index) ?? []);
  });
}

function constructorOf(facts: Facts, type: Definition): Definition[] {
  const { own, inherited } = lookupMember(facts, type, 'constructor');
  return (own.length > 0 ? own : inherited).filter(isMember);
}

function parametersOf(facts: Facts, types: readonly Written[], index: number): Written[] {
  return types
    .flatMap((type) =>
      // A property, by its declaration: a method or a field of function type.
      type.text === '' ? declaredFunctions(facts, type.at as Definition) : functionTypes(facts, type),
    )
    .flatMap((type) => parameterType(type, index) ?? []);
}
