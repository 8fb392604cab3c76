import { QUALIFIERS, type QualifierName, type QueryNode } from './query-tree.ts';

/** Tokens of a query. Leaves are finished nodes; the parser only has to see structure. */
export type Token =
  | { type: 'leaf'; node: QueryNode }
  | { type: 'open' }
  | { type: 'close' }
  | { type: 'minus' }
  | { type: 'operator'; word: 'AND' | 'OR' | 'NOT' };

const ALIASES: Record<string, QualifierName> = {
  ...Object.fromEntries(QUALIFIERS.map((name) => [name, name])),
  language: 'lang',
  ext: 'lang',
  extension: 'lang',
  symbol: 'sym',
  ref: 'rev',
  branch: 'rev',
  tag: 'rev',
  repository: 'repo',
  filename: 'file',
  dir: 'path',
  directory: 'path',
};
const LONGEST_NAME = Math.max(...Object.keys(ALIASES).map((name) => name.length));
/** `name:value`; not `a::b`, not the scheme of a URL. */
const QUALIFIER = /^([A-Za-z]+):(?![:\s]|\/\/|$)/;
const OPERATOR = /^(AND|OR|NOT)(?=[\s()]|$)/;
/** The option of a command, as commands are pasted. */
const FLAG = /^-[A-Za-z](\s|$)/;
const SPACE = /\s/u;
/** Quotes that text processors make of `"`. What opens one language's quotation closes another's. */
const SMART_QUOTES = /[\u201c\u201d\u201e\u201f\u00ab\u00bb\uff02]/g;

/** Splits a query into tokens. Never fails: whatever has no meaning as syntax is a word. */
export function lexQuery(input: string): Token[] {
  const lexer = new Lexer(input.replace(SMART_QUOTES, '"'));
  return lexer.run();
}

class Lexer {
  readonly #input: string;
  #at = 0;
  /** Groups open at this point: only inside one does `)` end a word. */
  #depth = 0;
  readonly #tokens: Token[] = [];

  constructor(input: string) {
    this.#input = input;
  }

  run(): Token[] {
    while (this.#at < this.#input.length) {
      if (SPACE.test(this.#char())) this.#at++;
      else this.#token();
    }
    return this.#tokens;
  }

  #char(offset = 0): string {
    return this.#input[this.#at + offset] ?? '';
  }

  #token(): void {
    const char = this.#char();
    const operator = this.#operator();
    if (char === '(') this.#open();
    else if (char === ')') this.#close();
    else if (char === '-' && this.#negates()) this.#push({ type: 'minus' }, 1);
    else if (operator) this.#push({ type: 'operator', word: operator }, operator.length);
    else this.#leaf(this.#phrase() ?? this.#regex() ?? this.#qualifier() ?? this.#word());
  }

  #push(token: Token, length: number): void {
    this.#tokens.push(token);
    this.#at += length;
  }

  #leaf(node: QueryNode): void {
    this.#tokens.push({ type: 'leaf', node });
  }

  /** In shouted text (`MUST NOT`, `IS NOT NULL`) NOT is a word like the others. */
  #operator(): 'AND' | 'OR' | 'NOT' | null {
    const word = OPERATOR.exec(this.#input.slice(this.#at, this.#at + 4))?.[1] as
      | 'AND'
      | 'OR'
      | 'NOT'
      | undefined;
    const before = this.#tokens.at(-1);
    const shouted =
      before?.type === 'leaf' && before.node.kind === 'word' && /^\p{Lu}{2,}$/u.test(before.node.text);
    return word === undefined || (word === 'NOT' && shouted) ? null : word;
  }

  #open(): void {
    this.#depth++;
    this.#push({ type: 'open' }, 1);
  }

  /** A `)` that closes nothing is punctuation, not an error. */
  #close(): void {
    if (this.#depth === 0) {
      this.#at++;
      return;
    }
    this.#depth--;
    this.#push({ type: 'close' }, 1);
  }

  /** `-word`, `-"…"`, `-(…)`, `-/…/` negate; a lone `-`, `-m`, `--flag`, `->` and `-1` are text. */
  #negates(): boolean {
    if (FLAG.test(this.#input.slice(this.#at, this.#at + 3))) return false;
    return /[\p{L}_"(/]/u.test(this.#input.slice(this.#at + 1, this.#at + 3).match(/^./su)?.[0] ?? '');
  }

  /** `"…"` with `\"` and `\\`. Without its closing quote the quote is punctuation and the rest are words. */
  #phrase(): QueryNode | null {
    if (this.#char() !== '"') return null;
    const end = closing(this.#input, this.#at + 1, '"');
    if (end < 0) {
      this.#at++;
      return this.#at < this.#input.length && !SPACE.test(this.#char()) ? this.#word() : EMPTY;
    }
    const text = unescapeQuoted(this.#input.slice(this.#at + 1, end));
    this.#at = end + 1;
    return { kind: 'phrase', text };
  }

  /** `/…/` or `/…/i` up to a slash that ends the token, so that `/usr/lib/x` stays a word; `/*` and `//` open comments. */
  #regex(): QueryNode | null {
    if (this.#char() !== '/' || '*/'.includes(this.#char(1))) return null;
    const end = this.#regexEnd(this.#at + 1);
    if (end <= this.#at + 1) return null;
    const source = this.#input.slice(this.#at + 1, end).replaceAll('\\/', '/');
    const anyCase = this.#input[end + 1] === 'i';
    this.#at = end + (anyCase ? 2 : 1);
    return { kind: 'regex', source: anyCase ? `(?i)${source}` : source };
  }

  #regexEnd(from: number): number {
    for (let end = closing(this.#input, from, '/'); end >= 0; end = closing(this.#input, end + 1, '/')) {
      if (this.#endsToken(end + 1)) return end;
      // `/home/i` is a path: only what cannot be one takes a flag.
      const isPattern = REGEX_SYNTAX.test(this.#input.slice(from, end));
      if (this.#input[end + 1] === 'i' && isPattern && this.#endsToken(end + 2)) return end;
    }
    return -1;
  }

  #endsToken(at: number): boolean {
    const next = this.#input[at];
    return next === undefined || SPACE.test(next) || (next === ')' && this.#depth > 0);
  }

  #qualifier(): QueryNode | null {
    const match = QUALIFIER.exec(this.#input.slice(this.#at, this.#at + LONGEST_NAME + 2));
    const name = match && ALIASES[match[1]!.toLowerCase()];
    if (!match || !name) return null;
    const start = this.#at;
    this.#at += match[0].length;
    const value = this.#value(name);
    if (value.value !== '' && (name !== 'case' || /^(yes|no|auto)$/i.test(value.value))) {
      return { kind: 'qualifier', name, ...value };
    }
    this.#at = start;
    return null;
  }

  #value(name: QualifierName): { value: string; form: 'plain' | 'quoted' | 'regex' } {
    if (this.#char() === '"' && closing(this.#input, this.#at + 1, '"') >= 0) {
      const phrase = this.#phrase();
      return { value: phrase?.kind === 'phrase' ? phrase.text : '', form: 'quoted' };
    }
    const quoted = this.#singleQuoted();
    if (quoted !== null) return { value: quoted, form: 'quoted' };
    if (name === 'content' || PATTERNED.has(name)) {
      const regex = this.#regex();
      if (regex?.kind === 'regex' && (name === 'content' || REGEX_SYNTAX.test(regex.source)))
        return { value: regex.source, form: 'regex' };
      if (regex?.kind === 'regex') return { value: `/${regex.source}/`, form: 'plain' };
    }
    const word = this.#word();
    return { value: word.kind === 'word' ? word.text : '', form: 'plain' };
  }

  /** Elsewhere an apostrophe is part of a word; after `name:` it can only be meant as a quote. */
  #singleQuoted(): string | null {
    const end = this.#char() === "'" ? this.#input.indexOf("'", this.#at + 1) : -1;
    if (end < 0 || !this.#endsToken(end + 1)) return null;
    const value = this.#input.slice(this.#at + 1, end);
    this.#at = end + 1;
    return value;
  }

  /** Up to white space, or to the `)` of an open group; parentheses of its own (`foo(bar)`) belong to the word. */
  #word(): QueryNode {
    const start = this.#at;
    let own = 0;
    while (this.#at < this.#input.length && !SPACE.test(this.#char())) {
      if (this.#char() === '(') own++;
      else if (this.#char() === ')' && --own < 0 && this.#depth > 0) break;
      this.#at++;
    }
    return { kind: 'word', text: this.#input.slice(start, this.#at) };
  }
}

const PATTERNED = new Set<QualifierName>(['path', 'file']);
/** What no directory is called: tells `path:/^src.*x/` from the path `/src/lib/`. */
const REGEX_SYNTAX = /[\^$|+()\\]|\.\*/;

const EMPTY: QueryNode = { kind: 'word', text: '' };

/** Index of the next `mark` that no backslash escapes, or -1. */
function closing(input: string, from: number, mark: string): number {
  for (let at = from; at < input.length; at++) {
    if (input[at] === '\\') at++;
    else if (input[at] === mark) return at;
  }
  return -1;
}

function unescapeQuoted(text: string): string {
  return text.replace(/\\(["\\])/g, '$1');
}
