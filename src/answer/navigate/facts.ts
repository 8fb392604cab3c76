import type { CallRow, SymbolRow } from '../../store/navigation.ts';
import type { Binding, ModuleContext } from './modules/module.ts';

/** A symbol at one path of the snapshot. */
export interface Definition extends SymbolRow {
  path: string;
  lang: string;
}

/** A call at one path of the snapshot. */
export interface CallSite extends Omit<CallRow, 'caller'> {
  path: string;
  lang: string;
  /** The innermost symbol around the call, null at file level. */
  caller: Omit<NonNullable<CallRow['caller']>, 'parent'> | null;
}

/** What tells a definition, or a call, from the others of its kind in a snapshot. */
export function keyOf({ path, ord }: Pick<Definition, 'path' | 'ord'>): string {
  return `${path}\0${ord}`;
}

/**
 * What the resolver may ask. Answers are complete: `definitions` holds every symbol of that name in the snapshot, by path
 * and place, `bindings` every import of that file. How they come is the business of `demand.ts`; tests hand over literals.
 */
export interface Facts extends ModuleContext {
  definitions(name: string): readonly Definition[];
  bindings(path: string): readonly Binding[];
  /** The text of a file, or null where it is not at hand: what needs it is then left out. */
  text(path: string): string | null;
}

/** Kinds that own members and can be a receiver's type. */
const TYPE_KINDS: ReadonlySet<string> = new Set(['class', 'interface', 'struct', 'enum', 'trait', 'type']);

export function isType(definition: Pick<Definition, 'kind'>): boolean {
  return TYPE_KINDS.has(definition.kind);
}

/** Kinds whose definitions a call may reach. */
export function isCallable(definition: Pick<Definition, 'kind'>): boolean {
  return definition.kind !== 'namespace' && definition.kind !== 'interface';
}

/** True for members that need a receiver (or an implicit `this`). */
export function isMember(definition: Pick<Definition, 'kind' | 'qualifiedName'>): boolean {
  return (
    definition.kind === 'method' || (definition.kind === 'field' && definition.qualifiedName.includes('.'))
  );
}

/** `A.B.m` → `A.B`; '' at top level. */
export function containerOf(qualifiedName: string): string {
  const dot = qualifiedName.lastIndexOf('.');
  return dot < 0 ? '' : qualifiedName.slice(0, dot);
}

/** `A.B.m` → `m`. */
export function lastName(qualifiedName: string): string {
  return qualifiedName.slice(qualifiedName.lastIndexOf('.') + 1);
}

/** Receivers in one spelling: `a::b`, `a->b`, `a?.b`, `a!.b` and PHP's `$a` become dotted names. */
export function dotted(receiver: string, lang = ''): string {
  return receiver
    .replace(/::|->|\?\.|\\/g, '.')
    .replace(/!(?=$|[.)\]])/g, '')
    .replace(lang === 'php' ? /^\.+|[$&*]/g : /^\.+|[&*]/g, '')
    .replace(/<[^<>()]*>/g, '')
    .trim();
}

/** True for what is defined inside a function: nothing outside of it can mean it. */
export function isLocalToFunction(facts: Facts, definition: Definition): boolean {
  const container = containerOf(definition.qualifiedName);
  if (container === '') return false;
  return facts
    .definitions(lastName(container))
    .some(
      (owner) =>
        owner.path === definition.path &&
        owner.qualifiedName === container &&
        (owner.kind === 'function' || owner.kind === 'method'),
    );
}
