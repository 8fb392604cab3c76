/** Calls, with what the file itself tells about the type of their receivers. */
import type { RawBinding, RawCall, RawFacts, RawName, Span } from './captures.ts';
import { clip } from './comments.ts';
import type { CallFact } from './facts.ts';
import type { LanguageDefinition } from './language.ts';
import { type Lines, rowAt } from './lines.ts';
import { ownerName, type Region, regionAt, type SymbolTable } from './symbols.ts';

const MAX_RECEIVER = 200;
/** Longer ones are no chain that anybody reads. */
const MAX_WRITTEN = 4_000;
const MAX_CALLS = 40_000;

export function callsOf(
  raw: RawFacts,
  table: SymbolTable,
  lines: Lines,
  language: LanguageDefinition,
): CallFact[] {
  const types = new ReceiverTypes(raw, table, language);
  return distinct([...raw.calls, ...bareCalls(raw, table.regions)]).map((call) => {
    const region = regionAt(table.regions, call.start);
    const caller = callerOf(table.regions, region);
    const receiver = receiverText(call.receiver);
    return {
      caller,
      callee: clip(call.callee, 200),
      receiver: clip(receiver, MAX_RECEIVER),
      receiverType: receiver === '' ? null : types.of(receiver, region, call.start),
      line: rowAt(lines, call.start) + 1,
      arity: call.arity,
    };
  });
}

/** After every pattern: what one of them reads as a call is that. */
const LAST = Number.MAX_SAFE_INTEGER;
/** Blocks looked at for the one around a variable; beyond, it is taken for one of the function. */
const MAX_BLOCKS = 200;

/** Bare words that are calls: no variable of that name is assigned before, or a parameter, in the function around it. */
function bareCalls(raw: RawFacts, regions: readonly Region[]): RawCall[] {
  const keyOf = ({ start, name }: RawName) => `${functionOf(regions, regionAt(regions, start))} ${name}`;
  const scopes = [...raw.localScopes].sort((a, b) => a.start - b.start);
  const locals = Map.groupBy(raw.locals, keyOf);
  const given = new Set(raw.locals.map(({ start }) => start));
  const words = raw.bare.filter(({ start }) => !given.has(start) && !raw.notBare.has(start));
  return [...Map.groupBy(words, keyOf)].flatMap(([key, same]) =>
    unbound(same, locals.get(key) ?? [], scopes).map(({ start, name }) => ({
      start,
      callee: name,
      receiver: '',
      arity: null,
      pattern: LAST,
    })),
  );
}

/** The words of one name that stand where no variable of that name is. One sweep, however many of both there are. */
function unbound(words: readonly RawName[], locals: readonly RawName[], scopes: readonly Span[]): RawName[] {
  const begun = [...locals].sort((a, b) => a.start - b.start);
  let end = -1;
  let next = 0;
  return [...words]
    .sort((a, b) => a.start - b.start)
    .filter(({ start }) => {
      for (; next < begun.length && begun[next]!.start < start; next++)
        end = Math.max(end, endOfLocal(begun[next]!, scopes));
      return start >= end;
    });
}

/** Where a local variable ends to be one: with the block that it begins in. */
function endOfLocal(local: RawName, scopes: readonly Span[]): number {
  let [low, high] = [0, scopes.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (scopes[middle]!.start <= local.start) low = middle + 1;
    else high = middle;
  }
  for (let at = low - 1, left = MAX_BLOCKS; at >= 0 && left > 0; at--, left--) {
    if (scopes[at]!.end > local.start) return scopes[at]!.end;
  }
  return Number.POSITIVE_INFINITY;
}

/** A receiver on one line. What a call gives does not depend on its arguments: `a.b(x => x.c).d` is kept as `a.b().d`. */
export function receiverText(written: string): string {
  const text = written
    .slice(0, MAX_WRITTEN)
    .replace(/\s+/g, ' ')
    .replace(/ (?=\W)|(?<=\W) /g, '');
  let out = '';
  for (let at = 0; at < text.length; at++) {
    out += text[at]!;
    if (text[at] !== '(' || !/[\w$)\]>]/.test(text[at - 1] ?? '')) continue;
    const end = closing(text, at);
    const inner = text.slice(at + 1, end);
    out += `${SHORT_ARGUMENT.test(inner) ? inner : ''}${text[end] ?? ''}`;
    at = end;
  }
  return out;
}

/** One name or type: what `type(self)`, `new(T)` and casts need. */
const SHORT_ARGUMENT = /^[\w.*&[\]]{0,40}$/;

/** Where the parenthesis at `open` closes, strings passed over; the end of the text when it does not. */
function closing(text: string, open: number): number {
  let depth = 0;
  let quote = '';
  for (let at = open; at < text.length; at++) {
    const character = text[at]!;
    if (quote !== '') {
      if (character === '\\') at++;
      else if (character === quote) quote = '';
    } else if (character === '"' || character === '`') quote = character;
    else if (character === '(') depth++;
    else if (character === ')' && --depth === 0) return at;
  }
  return text.length;
}

/** One call per callee node, the earliest pattern deciding, in order of appearance. */
function distinct(calls: readonly RawCall[]): RawCall[] {
  const byStart = new Map<number, RawCall>();
  for (const call of calls) {
    const other = byStart.get(call.start);
    if (!other || call.pattern < other.pattern) byStart.set(call.start, call);
  }
  return [...byStart.values()].sort((a, b) => a.start - b.start).slice(0, MAX_CALLS);
}

/** The innermost enclosing function or method, else the innermost symbol, else null. */
function callerOf(regions: readonly Region[], at: number): number | null {
  let first: number | null = null;
  for (let index = at; index >= 0; index = regions[index]!.enclosing) {
    const region = regions[index]!;
    if (region.symbol === -1 || region.kind === null) continue;
    if (isFunction(region)) return region.symbol;
    first ??= region.symbol;
  }
  return first;
}

/** The innermost function around a region, -1 for the file. */
function functionOf(regions: readonly Region[], at: number): number {
  let index = at;
  while (index >= 0 && !isFunction(regions[index]!)) index = regions[index]!.enclosing;
  return index;
}

function isFunction(region: Region): boolean {
  return region.kind === 'function' || region.kind === 'method' || region.kind === 'macro';
}

/** Longest chain followed (`a.b.c.d`), so that a hostile file costs no more. */
const MAX_CHAIN = 6;

class ReceiverTypes {
  private readonly table: SymbolTable;
  private readonly language: LanguageDefinition;
  /** `region:name` → bindings in order of appearance; region is the function's, -1 for the file. */
  private readonly vars = new Map<string, { start: number; type: string }[]>();
  /** `Type.field` → the field's type. */
  private readonly fields = new Map<string, string>();
  private readonly defined = new Set<string>();

  constructor(raw: RawFacts, table: SymbolTable, language: LanguageDefinition) {
    this.table = table;
    this.language = language;
    for (const region of table.regions)
      if (region.kind !== null && region.type !== null) this.defined.add(region.type);
    for (const binding of raw.vars) this.addVar(binding);
    for (const list of this.vars.values()) list.sort((a, b) => a.start - b.start);
    for (const binding of raw.fields) this.addField(binding);
  }

  /** The type of a receiver expression without white space, seen from a region, or null. */
  of(receiver: string, region: number, offset: number): string | null {
    const made = /^new ([A-Z][\w$.]*)(?:<[^()]*>)?\([^()]*\)$/.exec(receiver);
    if (made) return ownerName(made[1]!);
    if (this.language.superNames?.includes(receiver)) return this.firstBase(region);
    if (receiver.length > 200 || !PATH.test(receiver)) return null;
    const path = receiver.split(SEPARATOR).slice(0, MAX_CHAIN + 1);
    if (path.length > MAX_CHAIN) return null;
    let type = this.head(path[0]!, region, offset);
    for (const field of path.slice(1)) {
      if (type === null) return null;
      type = this.fields.get(`${type}.${field}`) ?? null;
    }
    return type;
  }

  private head(name: string, region: number, offset: number): string | null {
    if (this.language.selfNames.includes(name)) return this.enclosingType(region);
    if (this.language.superNames?.includes(name)) return this.firstBase(region);
    for (
      let scope = functionOf(this.table.regions, region);
      ;
      scope = scope === -1 ? -2 : functionOf(this.table.regions, this.table.regions[scope]!.enclosing)
    ) {
      if (scope === -2) break;
      const type = this.varIn(scope, name, offset);
      if (type !== null) return type;
    }
    if (this.language.implicitSelf) {
      const own = this.enclosingType(region);
      const field = own === null ? undefined : this.fields.get(`${own}.${name}`);
      if (field !== undefined) return field;
    }
    return this.defined.has(name) ? name : null;
  }

  /** The latest binding before the use; one after it (a loop, a hoisted name) only when it is the only one. */
  private varIn(scope: number, name: string, offset: number): string | null {
    const bindings = this.vars.get(`${scope}:${name}`);
    if (!bindings) return null;
    const before = bindings.findLast((binding) => binding.start <= offset);
    return before?.type ?? (bindings.length === 1 ? bindings[0]!.type : null);
  }

  private addVar(binding: RawBinding): void {
    const type = this.typeName(binding.type);
    if (type === null) return;
    const key = `${functionOf(this.table.regions, regionAt(this.table.regions, binding.start))}:${binding.name}`;
    const list = this.vars.get(key);
    if (list) list.push({ start: binding.start, type });
    else this.vars.set(key, [{ start: binding.start, type }]);
  }

  private addField(binding: RawBinding): void {
    const region = regionAt(this.table.regions, binding.start);
    const type = binding.ofVariable
      ? this.varIn(functionOf(this.table.regions, region), binding.type, binding.start)
      : this.typeName(binding.type);
    const owner = this.enclosingType(region);
    if (type === null || owner === null) return;
    const key = `${owner}.${binding.name.replace(/^(?:this|self)[.]|^\$/, '')}`;
    if (!this.fields.has(key)) this.fields.set(key, type);
  }

  private typeName(text: string): string | null {
    return (this.language.typeName ?? typeName)(text);
  }

  private enclosingType(at: number): string | null {
    for (let index = at; index >= 0; index = this.table.regions[index]!.enclosing) {
      const { type } = this.table.regions[index]!;
      if (type !== null) return type;
    }
    return null;
  }

  private firstBase(at: number): string | null {
    for (let index = at; index >= 0; index = this.table.regions[index]!.enclosing) {
      const region = this.table.regions[index]!;
      if (region.type !== null && region.symbol !== -1)
        return this.table.symbols[region.symbol]?.bases[0] ?? null;
    }
    return null;
  }
}

const PATH = /^[\p{L}\p{N}_$@#?!.>:-]+$/u;
const SEPARATOR = /\?\.|!\.|->|::|\./;

/** Names that say nothing about where a method is defined. */
const WITHOUT_MEMBERS = new Set([
  'any',
  'unknown',
  'object',
  'void',
  'never',
  'null',
  'undefined',
  'auto',
  'var',
  'let',
  'const',
  'None',
]);

/**
 * The class or interface named by a type as written: pointers, references, `?`, generic arguments and qualifiers go;
 * `Optional[T]`, `T | null` and smart pointers mean T; functions, arrays, tuples and other unions have no name.
 */
export function typeName(text: string): string | null {
  let type = text
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/^:\s*/, '')
    .replace(/^(["'])(.*)\1$/, '$2');
  const wrapped =
    /^(?:typing\.)?(?:Optional|Box|Rc|Arc|RefCell|Ref|unique_ptr|shared_ptr|std::unique_ptr|std::shared_ptr|Readonly|Final|ClassVar)\s*[[<](.*)[\]>]$/.exec(
      type,
    );
  if (wrapped) return typeName(wrapped[1]!);
  type = type
    .replace(/\s*\|\s*(?:null|undefined|None)\b/g, '')
    .replace(/^(?:null|undefined|None)\s*\|\s*/, '');
  if (/[|(]|=>/.test(type)) return null;
  type = type.replace(/^(?:[&*?]|\bmut\b|\bdyn\b|\bimpl\b|\bconst\b|\breadonly\b|\bstruct\b|'\w+\b|\s)+/, '');
  if (/\]$/.test(type) && /\[\d*\]$/.test(type)) return null;
  type = type.replace(/^\[\d*\][\s\S]*$|[<[][\s\S]*$/, '').replace(/[?!*&\s]+$/, '');
  const name = /(?:^|[.:\\])([\p{L}_$][\p{L}\p{N}_$]*)$/u.exec(type)?.[1];
  return name === undefined || WITHOUT_MEMBERS.has(name) ? null : name;
}
