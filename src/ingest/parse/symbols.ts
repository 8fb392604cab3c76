/** Definitions become symbols: nested, qualified, documented, in an order where a parent precedes its children. */
import type { RawDefinition, RawFacts, RawScope, Span } from './captures.ts';
import { clip, clipDocumentation, leadOf, type Piece, piecesOf, stripComment } from './comments.ts';
import type { SymbolFact, SymbolKind } from './facts.ts';
import type { DefinitionView, LanguageDefinition } from './language.ts';
import { type Lines, lastRow, rowAt } from './lines.ts';

const MAX_SIGNATURE = 300;
const MAX_NAME = 200;
/** Symbols of one blob: the index numbers them with 16 bits. */
const MAX_SYMBOLS = 20_000;

/** A region of the file that belongs to a symbol or to a scope, in order of start; regions nest by range. */
export interface Region extends Span {
  /** Index of the enclosing region, or -1. */
  enclosing: number;
  /** Index into the symbols, or -1 for a scope whose owner is not defined in this file. */
  symbol: number;
  kind: SymbolKind | null;
  /** The type that members of this region belong to: its own name, or that of the owner; null for functions. */
  type: string | null;
}

export interface SymbolTable {
  symbols: SymbolFact[];
  regions: Region[];
  /** Per symbol: first row of its documentation or attributes. */
  leadRows: number[];
}

/** Kinds that own members: a function inside becomes a method, `this` means them. */
const OWNERS: ReadonlySet<SymbolKind> = new Set(['class', 'interface', 'struct', 'enum', 'trait', 'type']);
const CALLABLE: ReadonlySet<SymbolKind> = new Set(['function', 'method', 'macro']);

interface Item extends Span {
  definition: RawDefinition | null;
  scope: RawScope | null;
  leadStart: number;
  comments: Span[];
  enclosing: Item | null;
  /** The item whose symbol is the parent: the nearest enclosing one that is a symbol, or the owner. */
  parent: Item | null;
  children: Item[];
  kind: SymbolKind | null;
  dropped: boolean;
  order: number;
  region: number;
}

export function symbolsOf(
  raw: RawFacts,
  text: string,
  lines: Lines,
  language: LanguageDefinition,
): SymbolTable {
  const pieces = piecesOf(raw.comments, raw.attributes);
  const items = itemsOf(raw, text, pieces);
  nest(items);
  closeRests(items, text.length);
  const types = typesByName(items);
  for (const item of items) settle(item, types, language);
  const ordered = inOrder(items);
  const marked = markedItems(items, raw);
  const table: SymbolTable = { symbols: [], regions: regionsOf(items), leadRows: [] };
  for (const item of ordered) {
    item.order = table.symbols.length;
    table.symbols.push(symbolOf(item, table.symbols, { text, lines, pieces, language }, marked.has(item)));
    table.leadRows.push(rowAt(lines, item.leadStart));
  }
  for (const item of items) if (!item.dropped) finishRegion(table.regions[item.region]!, item, types);
  addScopeBases(items, types, table.symbols);
  return table;
}

/** One item per defined name (the earliest pattern decides), scope and closure, in order of start. */
function itemsOf(raw: RawFacts, text: string, pieces: readonly Piece[]): Item[] {
  const byName = new Map<number, RawDefinition>();
  for (const definition of raw.definitions) {
    const other = byName.get(definition.nameStart);
    if (!other) {
      byName.set(definition.nameStart, definition);
      continue;
    }
    const [first, second] = other.pattern <= definition.pattern ? [other, definition] : [definition, other];
    byName.set(definition.nameStart, merged(first, second));
  }
  const definitions = [...byName.values()]
    .sort((a, b) => a.start - b.start || b.end - a.end)
    .slice(0, MAX_SYMBOLS);
  const items: Item[] = definitions.map((definition) => {
    const lead = leadOf(text, definition.start, 0, pieces);
    return item({ start: lead.start, end: definition.end }, lead.docStart, lead.comments, definition, null);
  });
  for (const scope of raw.scopes) items.push(item(scope, scope.start, [], null, scope));
  for (const closure of raw.closures) items.push(item(closure, closure.start, [], null, null));
  return items.sort((a, b) => a.start - b.start || b.end - a.end || Number(owns(a)) - Number(owns(b)));
}

/** Of two with one range (`typedef struct s { … } t`, `struct s { … } v`) the last one encloses the members. */
function owns(one: Item): boolean {
  return one.kind !== 'type' && one.kind !== 'variable' && one.kind !== 'constant' && one.kind !== 'field';
}

function merged(first: RawDefinition, second: RawDefinition): RawDefinition {
  // The same pattern matches once per base; distinct patterns add what the first did not see.
  return {
    ...first,
    bases: [...new Set([...first.bases, ...second.bases])],
    marked: first.marked || second.marked,
    hidden: first.hidden || second.hidden,
    owner: first.owner ?? second.owner,
    doc: first.doc ?? second.doc,
    body: first.body === -1 ? second.body : first.body,
  };
}

function item(
  span: Span,
  leadStart: number,
  comments: Span[],
  definition: RawDefinition | null,
  scope: RawScope | null,
): Item {
  return {
    start: span.start,
    end: span.end,
    leadStart,
    comments,
    definition,
    scope,
    enclosing: null,
    parent: null,
    children: [],
    kind: definition ? definition.kind : scope ? null : 'function',
    dropped: false,
    order: -1,
    region: -1,
  };
}

/** Fills `enclosing` by range. Items come sorted by start, wider ones first. */
function nest(items: readonly Item[]): void {
  const open: Item[] = [];
  for (const current of items) {
    while (open.length > 0 && open.at(-1)!.end <= current.start) open.pop();
    // Two names of one declaration (`const a = 1, b = 2`) have one range and do not enclose each other.
    let at = open.length - 1;
    while (at >= 0 && open[at]!.start === current.start && open[at]!.end === current.end) at--;
    current.enclosing = open[at] ?? null;
    open.push(current);
  }
}

/** `namespace X;` reaches to the next one of its kind, or to the end of the file. */
function closeRests(items: readonly Item[], end: number): void {
  const rests = items.filter((one) => one.definition?.rest);
  if (rests.length === 0) return;
  rests.forEach((rest, at) => {
    rest.end = rests[at + 1]?.leadStart ?? end;
  });
  nest(items);
}

/** Types defined in this file by name; the first of a name wins. */
function typesByName(items: readonly Item[]): Map<string, Item> {
  const types = new Map<string, Item>();
  for (const one of items) {
    const { definition } = one;
    if (definition && OWNERS.has(definition.kind) && !types.has(definition.name))
      types.set(definition.name, one);
  }
  return types;
}

/** Decides parent and kind, and drops locals. The enclosing item was settled before. */
function settle(one: Item, types: ReadonlyMap<string, Item>, language: LanguageDefinition): void {
  const enclosing = undropped(one.enclosing);
  if (!one.definition) {
    one.parent = null;
    return;
  }
  const owner = one.definition.owner ?? enclosing?.scope?.owner ?? null;
  one.parent = (owner === null ? null : types.get(ownerName(owner))) ?? aroundOrNamespace(enclosing, owner);
  if (one.parent === one) one.parent = null;
  if (one.kind === 'field' && isLocal(enclosing)) {
    // A promoted constructor parameter is a field of the class; other fields here describe the shape of a value.
    one.parent = one.definition.promoted ? symbolAround(enclosing!.enclosing) : null;
    one.dropped = !one.definition.promoted;
    return;
  }
  const inside = one.parent?.kind ?? null;
  if (one.kind === 'function' && (owner !== null || (inside !== null && OWNERS.has(inside))))
    one.kind = 'method';
  one.dropped =
    ((one.kind === 'variable' || one.kind === 'constant') && isLocal(enclosing)) ||
    (one.kind === 'field' && inside === 'field') ||
    // `const f = function g() {}`: one body, one symbol.
    (one.definition.body !== -1 && enclosing?.definition?.body === one.definition.body) ||
    language.isSpurious?.({ name: one.definition.name, kind: one.kind!, local: isLocal(enclosing) }) === true;
}

/** The parent of what is owned by a type of another file is the namespace around it. */
function aroundOrNamespace(enclosing: Item | null, owner: string | null): Item | null {
  const around = symbolAround(enclosing);
  return owner === null || around?.kind === 'namespace' ? around : null;
}

function isLocal(enclosing: Item | null): boolean {
  return enclosing?.kind != null && CALLABLE.has(enclosing.kind);
}

function undropped(one: Item | null): Item | null {
  let found = one;
  while (found?.dropped) found = found.enclosing;
  return found;
}

/** The nearest enclosing symbol; a scope stands for its owner, which `settle` of the scope's members looks up. */
function symbolAround(enclosing: Item | null): Item | null {
  let found = enclosing;
  while (found && (found.dropped || !found.definition)) found = found.enclosing;
  return found;
}

/** Parents before children, otherwise in order of start. */
function inOrder(items: readonly Item[]): Item[] {
  const roots: Item[] = [];
  for (const one of items) {
    if (!one.definition || one.dropped) continue;
    if (one.parent && !reaches(one.parent, one)) one.parent.children.push(one);
    else {
      one.parent = null;
      roots.push(one);
    }
  }
  const ordered: Item[] = [];
  const stack = roots.reverse();
  for (let next = stack.pop(); next; next = stack.pop()) {
    ordered.push(next);
    for (let at = next.children.length - 1; at >= 0; at--) stack.push(next.children[at]!);
  }
  return ordered;
}

/** True when walking up from `from` meets `target`: owners can be written in a circle. */
function reaches(from: Item, target: Item): boolean {
  let steps = 0;
  for (let one: Item | null = from; one && steps < 1000; one = one.parent, steps++)
    if (one === target) return true;
  return steps >= 1000;
}

interface Source {
  text: string;
  lines: Lines;
  pieces: readonly Piece[];
  language: LanguageDefinition;
}

function symbolOf(one: Item, done: readonly SymbolFact[], source: Source, marked: boolean): SymbolFact {
  const { text, lines, language } = source;
  const definition = one.definition!;
  const parent = one.parent ? done[one.parent.order]! : null;
  const name = clip(fold(definition.name), MAX_NAME);
  const owner = definition.owner ?? undropped(one.enclosing)?.scope?.owner ?? null;
  const signature = signatureOf(definition, source.text, source.pieces);
  const kind = language.kind?.({ name, kind: one.kind!, signature, parent }) ?? one.kind!;
  const view = { name, kind, signature, parent, marked: marked || definition.marked };
  const foreign = owner !== null && (parent === null || parent.kind === 'namespace');
  const prefix = [parent?.qualifiedName, foreign ? ownerName(owner) : null].filter(Boolean).join('.');
  return {
    name: lastSegment(name),
    qualifiedName: (prefix === '' ? name : `${prefix}.${name}`).replaceAll('::', '.').replaceAll('\\', '.'),
    kind,
    signature,
    documentation: documentationOf(one, text, language),
    startLine: rowAt(lines, one.start) + 1,
    endLine: lastRow(lines, text, one.start, one.end) + 1,
    parent: one.parent ? one.parent.order : null,
    exported: !definition.hidden && (language.exported ?? exportedByDefault)(view),
    bases: basesOf(definition.bases),
  };
}

/** Kinds whose members are seen wherever they are seen; a namespace and a function keep theirs. */
const OPEN: ReadonlySet<SymbolKind> = new Set([...OWNERS, 'constant', 'variable', 'field']);

function exportedByDefault({ marked, parent, signature }: DefinitionView): boolean {
  if (marked) return true;
  return (
    parent?.exported === true && OPEN.has(parent.kind) && !/^(?:[\w@]+\s+)*(?:private\b|#)/.test(signature)
  );
}

/** `a::B` and `a.B` name `B`. */
function lastSegment(name: string): string {
  const at = Math.max(name.lastIndexOf('::') + 1, name.lastIndexOf('\\'));
  return at > 0 && at + 1 < name.length ? name.slice(at + 1) : name;
}

/** The declaration up to its body on one line, at most 300 characters; of values only the first line. */
function signatureOf(definition: RawDefinition, text: string, pieces: readonly Piece[]): string {
  const bodied = definition.body > definition.start;
  let end = bodied ? definition.body : definition.end;
  if (!bodied && definition.kind !== 'type') {
    const newline = text.indexOf('\n', Math.max(definition.nameStart + 1, definition.start));
    if (newline !== -1 && newline < end) end = newline;
  }
  const head = fold(withoutPieces(text, definition.start, Math.min(end, definition.start + 4000), pieces));
  const joined = head.replace(/([([]) /g, '$1').replace(/,? ([)\]])/g, '$1');
  return clip(joined.replace(/(?:\s*(?:=>|[{=:;,]))+$/, ''), MAX_SIGNATURE);
}

/** The text of a range without comments and attributes. */
function withoutPieces(text: string, start: number, end: number, pieces: readonly Piece[]): string {
  let out = '';
  let from = start;
  for (let at = firstFrom(pieces, start); at < pieces.length && pieces[at]!.start < end; at++) {
    out += text.slice(from, pieces[at]!.start);
    from = pieces[at]!.end;
  }
  return out + text.slice(Math.min(from, end), end);
}

function firstFrom(pieces: readonly Piece[], offset: number): number {
  let low = 0;
  let high = pieces.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (pieces[middle]!.start < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

function fold(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

function documentationOf(one: Item, text: string, language: LanguageDefinition): string | null {
  const strip = language.stripComment ?? stripComment;
  const inside = one.definition?.doc;
  if (inside) return clipDocumentation(strip(inside));
  const comments = one.comments
    .map((span) => text.slice(span.start, span.end))
    .filter((comment) => !DIRECTIVE.test(comment) && !language.isDirective?.(comment));
  if (comments.length === 0) return null;
  // A block comment stands for itself: what precedes it is another subject (a license, a section).
  const block = comments.at(-1)!;
  return clipDocumentation(strip(block.startsWith('/*') ? block : lineComments(comments).join('\n')));
}

/** Comments for tools, not for readers. */
const DIRECTIVE =
  /^(?:\/\/|\/\*|#)\s*(?:eslint-|@ts-|prettier-ignore|biome-ignore|deno-lint|deno-fmt|tslint:|istanbul |c8 |v8 |#?(?:region|endregion)\b|type: ignore|noqa|pylint:|mypy:|ruff:|fmt: |go:\w|\+build|nolint|rubocop:|NOLINT|clang-format|swiftlint:|phpcs:|@phpstan|spell-?check)/i;

function lineComments(comments: readonly string[]): string[] {
  const from = comments.findLastIndex((comment) => comment.startsWith('/*')) + 1;
  return comments.slice(from).map((comment) => comment.trimEnd());
}

/** The last segment of each type in `extends A.B<C>, D`: generic arguments and keywords are no bases. */
function basesOf(texts: readonly string[]): string[] {
  const bases = new Set<string>();
  for (const text of texts) {
    for (const type of outsideBrackets(text).split(
      /[,&+\s:]+(?:(?:with|extends|implements|public|private|protected|virtual)\b)?\s*/,
    )) {
      const name = /([\p{L}\p{N}_$]+)\W*$/u.exec(type)?.[1];
      if (name && !BASE_KEYWORDS.has(name)) bases.add(name);
    }
  }
  return [...bases].slice(0, 50);
}

const BASE_KEYWORDS = new Set([
  'extends',
  'implements',
  'with',
  'public',
  'private',
  'protected',
  'virtual',
  'where',
  'by',
  'dyn',
]);

/** The text without what stands in <…>, (…), […] and without `=` arguments (`metaclass=M`). */
function outsideBrackets(text: string): string {
  let inner = text.trim();
  if (/^\([\s\S]*\)$/.test(inner)) inner = inner.slice(1, -1);
  let depth = 0;
  let out = '';
  for (const char of inner.slice(0, 2000)) {
    if ('<([{'.includes(char)) depth++;
    else if ('>)]}'.includes(char)) depth = Math.max(0, depth - 1);
    else if (depth === 0) out += char;
  }
  return out.replaceAll('::', '.').replace(/\b\w+\s*=[^,]*/g, '');
}

/** `*Engine`, `Router<T>`, `a::Router` → the type's own name. */
export function ownerName(text: string): string {
  const plain = text.replace(/<[\s\S]*$|\[[\s\S]*$/, '');
  return /([\p{L}\p{N}_$]+)\W*$/u.exec(plain)?.[1] ?? text;
}

/** Items in an `export` region with no other definition between, or named by an export. */
function markedItems(items: readonly Item[], raw: RawFacts): Set<Item> {
  const marked = new Set<Item>();
  const regions = [...raw.exports].sort((a, b) => a.start - b.start);
  let next = 0;
  const open: Span[] = [];
  for (const one of items) {
    const at = one.definition?.start ?? one.start;
    while (next < regions.length && regions[next]!.start <= at) open.push(regions[next++]!);
    while (open.length > 0 && open.at(-1)!.end <= at) open.pop();
    const region = open.at(-1);
    const around = symbolAround(one.enclosing);
    if (
      region &&
      (!around ||
        (around.start <= region.start && region.end <= around.end && around.definition!.start < region.start))
    )
      marked.add(one);
    if (one.parent === null && one.definition && raw.exportedNames.has(one.definition.name)) marked.add(one);
  }
  return marked;
}

function regionsOf(items: readonly Item[]): Region[] {
  const regions: Region[] = [];
  for (const one of items) {
    if (one.dropped) continue;
    one.region = regions.length;
    regions.push({
      start: one.start,
      end: one.end,
      enclosing: undropped(one.enclosing)?.region ?? -1,
      symbol: -1,
      kind: null,
      type: null,
    });
  }
  return regions;
}

function finishRegion(region: Region, one: Item, types: ReadonlyMap<string, Item>): void {
  const { definition, scope } = one;
  region.kind = one.kind;
  if (definition) region.symbol = one.order;
  else if (scope) region.symbol = types.get(ownerName(scope.owner))?.order ?? -1;
  if (scope) region.type = ownerName(scope.owner);
  else if (definition?.owner) region.type = ownerName(definition.owner);
  else if (definition && one.kind && OWNERS.has(one.kind)) region.type = definition.name;
}

/** `impl Display for Point` makes Display a base of Point. */
function addScopeBases(
  items: readonly Item[],
  types: ReadonlyMap<string, Item>,
  symbols: SymbolFact[],
): void {
  for (const { scope } of items) {
    if (!scope || scope.bases.length === 0) continue;
    const owner = types.get(ownerName(scope.owner));
    if (!owner || owner.order === -1) continue;
    const symbol = symbols[owner.order]!;
    symbol.bases = [...new Set([...symbol.bases, ...basesOf(scope.bases)])].slice(0, 50);
  }
}

/** The innermost region that holds an offset, or -1. Regions are sorted by start and nest. */
export function regionAt(regions: readonly Region[], offset: number): number {
  let low = 0;
  let high = regions.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (regions[middle]!.start <= offset) low = middle + 1;
    else high = middle;
  }
  let at = low - 1;
  while (at >= 0 && regions[at]!.end <= offset) at = regions[at]!.enclosing;
  return at;
}
