/**
 * One pass over a tree: the matches of a language's query, sorted into plain records. Nodes stay here; the other
 * modules see offsets and text, because every question to a node crosses into WebAssembly.
 */
import type { Node, QueryMatch, Tree } from 'web-tree-sitter';
import { SYMBOL_KINDS, type SymbolKind } from './facts.ts';
import type { LoadedLanguage } from './runtime.ts';

/** Offsets in UTF-16 code units, end exclusive. */
export interface Span {
  start: number;
  end: number;
}

export interface RawDefinition extends Span {
  kind: SymbolKind;
  name: string;
  nameStart: number;
  /** Where the body begins, or -1. */
  body: number;
  bases: string[];
  owner: string | null;
  marked: boolean;
  hidden: boolean;
  doc: string | null;
  rest: boolean;
  /** A parameter with an access modifier, which declares a field. */
  promoted: boolean;
  pattern: number;
}

export interface RawScope extends Span {
  owner: string;
  bases: string[];
}

export interface RawCall {
  start: number;
  callee: string;
  receiver: string;
  arity: number | null;
  pattern: number;
}

export interface RawBinding {
  start: number;
  name: string;
  /** A type as written, or with `ofVariable` the variable whose type it has (`this.store = store`). */
  type: string;
  ofVariable: boolean;
}

export interface RawImport {
  start: number;
  source: string;
  name: string | null;
  alias: string | null;
  isDefault: boolean;
  isNamespace: boolean;
  isReexport: boolean;
  isEffect: boolean;
  /** Text of a tree that the language reads itself; then nothing else is set. */
  tree: string | null;
}

/** A name in the code, by where it begins. */
export interface RawName {
  start: number;
  name: string;
}

export interface RawFacts {
  definitions: RawDefinition[];
  scopes: RawScope[];
  /** Functions without a name: what they declare is local to them. */
  closures: Span[];
  exports: Span[];
  exportedNames: Set<string>;
  comments: Span[];
  attributes: Span[];
  calls: RawCall[];
  /** Names that are calls where nothing makes them local variables; where such a word is none of them; what is local. */
  bare: RawName[];
  notBare: Set<number>;
  locals: RawName[];
  localScopes: Span[];
  vars: RawBinding[];
  fields: RawBinding[];
  imports: RawImport[];
  branches: number[];
  nests: Span[];
}

/**
 * More matches in progress than this mean thousands of nested expressions, each of which costs every node below it; the
 * outermost are given up. Ordinary code stays under 24.
 */
const MATCH_LIMIT = 48;

/** Nodes deeper than this are not looked for: chains of a hundred thousand cost quadratic time. */
const MAX_DEPTH = 4000;

/**
 * Runs the query. `expired` is asked from time to time and ends it early when true; the facts are then those of the
 * beginning of the file.
 */
export function collect(loaded: LoadedLanguage, tree: Tree, text: string, expired: () => boolean): RawFacts {
  const facts: RawFacts = {
    definitions: [],
    scopes: [],
    closures: [],
    exports: [],
    exportedNames: new Set(),
    comments: [],
    attributes: [],
    calls: [],
    bare: [],
    notBare: new Set(),
    locals: [],
    localScopes: [],
    vars: [],
    fields: [],
    imports: [],
    branches: [],
    nests: [],
  };
  const reader = new MatchReader(facts, text, loaded.bodyField);
  const matches = loaded.query.matches(tree.rootNode, {
    matchLimit: MATCH_LIMIT,
    maxStartDepth: MAX_DEPTH,
    progressCallback: expired,
  });
  for (const match of matches) reader.read(match);
  return facts;
}

const DEFINITION = 'definition.';
const KINDS: ReadonlyMap<string, SymbolKind> = new Map(SYMBOL_KINDS.map((kind) => [DEFINITION + kind, kind]));

const PROMOTED = /^(?:public|private|protected|readonly|override)\b/;

class MatchReader {
  private readonly facts: RawFacts;
  private readonly text: string;
  private readonly bodyField: number;

  constructor(facts: RawFacts, text: string, bodyField: number) {
    this.facts = facts;
    this.text = text;
    this.bodyField = bodyField;
  }

  /** The first capture with a subject says what the pattern is about; stand-alone captures may share a pattern. */
  read(match: QueryMatch): void {
    for (const { name, node } of match.captures) {
      if (this.subject(match, name, node)) return;
      this.simple(name, node);
    }
  }

  private subject(match: QueryMatch, name: string, node: Node): boolean {
    const kind = KINDS.get(name);
    if (kind !== undefined) this.definition(match, node, kind);
    else if (name === 'call') this.call(match, node);
    else if (name === 'call.tokens') this.callInTokens(node);
    else if (name === 'import') this.import(match, node);
    else if (name === 'scope') this.scope(match, node);
    else if (name === 'var' || name === 'var.type') this.binding(match, 'var', this.facts.vars);
    else if (name === 'field' || name === 'field.type') this.binding(match, 'field', this.facts.fields);
    else return false;
    return true;
  }

  /** Captures that stand alone. */
  private simple(name: string, node: Node): void {
    switch (name) {
      case 'comment':
        this.facts.comments.push(this.span(node));
        break;
      case 'branch':
        this.facts.branches.push(node.startIndex);
        break;
      case 'nest':
        this.facts.nests.push(this.span(node));
        break;
      case 'attribute':
        this.facts.attributes.push(this.span(node));
        break;
      case 'bare':
        this.facts.bare.push(this.named(node));
        break;
      case 'bare.not':
        this.facts.notBare.add(node.startIndex);
        break;
      case 'local':
        this.facts.locals.push(this.named(node));
        break;
      case 'local.scope':
        this.facts.localScopes.push(this.span(node));
        break;
      case 'closure':
        this.facts.closures.push(this.span(node));
        break;
      case 'export':
        this.facts.exports.push(this.span(node));
        break;
      case 'export.name':
        this.facts.exportedNames.add(this.textOf(node));
        break;
    }
  }

  private definition(match: QueryMatch, node: Node, kind: SymbolKind): void {
    const raw: RawDefinition = {
      kind,
      name: '',
      nameStart: -1,
      ...this.span(node),
      body: -1,
      bases: [],
      owner: null,
      marked: false,
      hidden: false,
      doc: null,
      rest: false,
      promoted: kind === 'field' && PROMOTED.test(this.text.slice(node.startIndex, node.startIndex + 12)),
      pattern: match.patternIndex,
    };
    for (const capture of match.captures) {
      switch (capture.name) {
        case 'name':
          if (raw.nameStart === -1) raw.nameStart = capture.node.startIndex;
          raw.name = unquote(this.text.slice(raw.nameStart, capture.node.endIndex));
          break;
        case 'body':
          raw.body = capture.node.startIndex;
          break;
        case 'bases':
          raw.bases.push(this.textOf(capture.node));
          break;
        case 'owner':
          raw.owner = this.textOf(capture.node);
          break;
        case 'doc':
          raw.doc = this.textOf(capture.node);
          break;
        case 'exported':
          raw.marked = true;
          break;
        case 'hidden':
          raw.hidden = true;
          break;
        case 'rest':
          raw.rest = true;
          break;
      }
    }
    if (raw.name === '' || raw.name === '_') return;
    if (raw.body === -1 && this.bodyField !== 0)
      raw.body = node.childForFieldId(this.bodyField)?.startIndex ?? -1;
    this.facts.definitions.push(raw);
  }

  private scope(match: QueryMatch, node: Node): void {
    const raw: RawScope = { ...this.span(node), owner: '', bases: [] };
    for (const capture of match.captures) {
      if (capture.name === 'name') raw.owner = this.textOf(capture.node);
      else if (capture.name === 'bases') raw.bases.push(this.textOf(capture.node));
    }
    if (raw.owner !== '') this.facts.scopes.push(raw);
  }

  private call(match: QueryMatch, node: Node): void {
    const raw: RawCall = {
      start: node.startIndex,
      callee: '',
      receiver: '',
      arity: null,
      pattern: match.patternIndex,
    };
    const counts: (number | null)[] = [];
    for (const capture of match.captures) {
      switch (capture.name) {
        case 'callee':
          raw.callee = this.textOf(capture.node);
          // The line of a call is that of its name: chained calls start where the chain starts.
          raw.start = capture.node.startIndex;
          break;
        case 'receiver':
          raw.receiver = this.textOf(capture.node);
          break;
        case 'arguments':
          counts.push(this.arity(capture.node));
          break;
      }
    }
    raw.arity = counts.reduce(
      (sum, count) => (sum === null || count === null ? null : sum + count),
      counts.length > 0 ? 0 : null,
    );
    if (raw.callee !== '') this.facts.calls.push(raw);
  }

  /**
   * A name before parentheses among the arguments of a macro, which the grammar leaves as tokens. What it is called on
   * is read from the text.
   */
  private callInTokens(node: Node): void {
    const callee = this.textOf(node);
    if (this.text[node.endIndex] !== '(' || NO_CALLEE.test(callee) || !inMacro(node)) return;
    const before = this.text.slice(Math.max(0, node.startIndex - MAX_RECEIVER), node.startIndex);
    if (/\bfn\s+$/.test(before)) return;
    this.facts.calls.push({
      start: node.startIndex,
      callee,
      receiver: receiverBefore(before),
      arity: null,
      pattern: 0,
    });
  }

  private arity(node: Node): number | null {
    const text = this.textOf(node);
    const count = node.namedChildCount;
    // Only then is it worth a look at every argument.
    if (!text.includes('*') && !text.includes('...') && !text.includes('//') && !text.includes('#'))
      return count;
    let found = 0;
    for (const child of node.namedChildren) {
      if (SPREAD.test(child.type)) return null;
      if (!child.type.includes('comment')) found++;
    }
    // Go and C# write the spread as a token of the list itself.
    return /\.\.\.\s*,?\s*\)?$/.test(text) ? null : found;
  }

  private binding(match: QueryMatch, key: 'var' | 'field', into: RawBinding[]): void {
    const told = match.captures.find(({ name }) => name === `${key}.type` || name === `${key}.value`);
    const type = told ? this.textOf(told.node) : '';
    if (type === '' || type.length > 200) return;
    const ofVariable = told?.name === `${key}.value`;
    for (const { name, node } of match.captures) {
      if (name === key) into.push({ start: node.startIndex, name: this.textOf(node), type, ofVariable });
    }
  }

  private import(match: QueryMatch, node: Node): void {
    const raw: RawImport = {
      start: node.startIndex,
      source: '',
      name: null,
      alias: null,
      isDefault: false,
      isNamespace: false,
      isReexport: false,
      isEffect: false,
      tree: null,
    };
    for (const capture of match.captures) this.importPart(raw, capture.name, capture.node);
    const list = match.captures.find((capture) => capture.name === 'import.names');
    if (list) this.facts.imports.push(...this.importNames(raw, list.node));
    else if (raw.source !== '' || raw.tree !== null) this.facts.imports.push(raw);
  }

  /** The specifiers of `{ a, b as c }`, the properties of a pattern. */
  private importNames(raw: RawImport, list: Node): RawImport[] {
    return list.namedChildren.flatMap((one) => {
      if (one.type === 'comment') return [];
      const isPlain = one.type === 'shorthand_property_identifier_pattern';
      const name = isPlain ? one : (one.childForFieldName('name') ?? one.childForFieldName('key'));
      const alias = one.childForFieldName('alias') ?? one.childForFieldName('value');
      // A pattern within a pattern takes the name apart: it binds none.
      if (!name || (alias !== null && alias.type !== 'identifier' && alias.type !== 'string')) return [];
      return {
        ...raw,
        start: name.startIndex,
        name: unquote(this.textOf(name)),
        alias: alias && this.textOf(alias),
      };
    });
  }

  private importPart(raw: RawImport, part: string, node: Node): void {
    switch (part) {
      case 'import.source':
        raw.source = unquote(this.textOf(node));
        break;
      case 'import.name':
        raw.name = unquote(this.textOf(node));
        raw.start = node.startIndex;
        break;
      case 'import.alias':
        raw.alias = this.textOf(node);
        break;
      case 'import.default':
        raw.alias = this.textOf(node);
        raw.isDefault = true;
        break;
      case 'import.namespace':
        raw.alias = this.textOf(node);
        raw.isNamespace = true;
        break;
      case 'import.reexport':
        raw.isReexport = true;
        break;
      case 'import.effect':
        raw.isEffect = true;
        break;
      case 'import.tree':
        raw.tree = this.textOf(node);
        break;
    }
  }

  private span(node: Node): Span {
    return { start: node.startIndex, end: node.endIndex };
  }

  private named(node: Node): RawName {
    return { start: node.startIndex, name: this.textOf(node) };
  }

  private textOf(node: Node): string {
    return this.text.slice(node.startIndex, node.endIndex);
  }
}

const MAX_RECEIVER = 80;
/** Keywords that stand before parentheses. */
const NO_CALLEE = /^(?:as|break|else|for|if|in|let|loop|match|move|mut|ref|return|where|while|yield)$/;
const MAX_TOKEN_DEPTH = 24;

/** The expression before the last dot of `text`, `a.b(c)` of `x + a.b(c).`: names, and calls and indices that close. */
function receiverBefore(text: string): string {
  const end = /\s*(?:\.|::)\s*$/.exec(text)?.index;
  if (end === undefined) return '';
  let depth = 0;
  let at = end;
  for (; at > 0; at--) {
    const char = text[at - 1]!;
    if (char === ')' || char === ']') depth++;
    else if (char === '(' || char === '[') {
      if (depth === 0) break;
      depth--;
    } else if (depth === 0 && !/[\w.:?]/.test(char) && !isBeforeDot(text, at)) break;
  }
  return text.slice(at, end).trim();
}

/** White space before a dot goes on with a chain: `a\n  .b()`. */
function isBeforeDot(text: string, at: number): boolean {
  return /\s/.test(text[at - 1]!) && /^\s*\./.test(text.slice(at));
}

/** Tokens of a macro's arguments, not those of an attribute or of a macro's definition. */
function inMacro(node: Node): boolean {
  let around = node.parent;
  for (let depth = 0; around?.type === 'token_tree' && depth < MAX_TOKEN_DEPTH; depth++)
    around = around.parent;
  return around?.type === 'macro_invocation';
}

const SPREAD = /spread|splat|variadic|pack_expansion/;

/** A string literal's content, a Ruby symbol's name; everything else as it is. Handles prefixes (`b'…'`) and C's `<…>`. */
export function unquote(text: string): string {
  if (/^:\w/.test(text)) return text.slice(1);
  const quoted = /^[a-zA-Z@]{0,2}(["'`])([\s\S]*)\1$/.exec(text) ?? /^(<)(\w[\s\S]*)>$/.exec(text);
  return quoted ? quoted[2]! : text;
}
