/**
 * What binds a name at a place of JavaScript or TypeScript: a parameter of a function around it, or a declaration before
 * it. Read off the text by brackets alone, since an index keeps no trees.
 */

/** How much is looked at before a use for its binding; blocks that are closed by then are stepped over. */
const MAX_CHARACTERS = 20_000;
/** How long a value or a type may be. */
const MAX_VALUE = 600;

export interface Binding {
  /** A function's parameter or a variable. */
  kind: 'parameter' | 'variable';
  /** The written type of the parameter, or of the whole pattern; null without. */
  annotation: string | null;
  /** `{ name: local }`: the property that the name is taken from; null for a plain name. */
  property: string | null;
  /** Of a variable, the expression it is made from, or null. */
  value: string | null;
  /** Of a parameter: its place in the list, and where the function begins. */
  index: number;
  functionStart: number;
}

/** What an expression is for the code around it. */
export type Role =
  /** An argument of a call. `receiver` is written as in a call site: without arguments. */
  | { kind: 'argument'; callee: string; receiver: string; index: number }
  /** A value of a variable or field with a written type. */
  | { kind: 'annotated'; type: string }
  /** The value of a property of an object literal that begins at `object`. */
  | { kind: 'property'; name: string; object: number };

const OPENING = '([{';
const CLOSING = ')]}';

/** A text without comments and strings, and which of its brackets belong together. */
interface Code {
  code: string;
  /** Of a bracket, the one that it pairs with. */
  pairs: ReadonlyMap<number, number>;
  /** Opening brackets in order, and for each the place in this list of the one around it; -1 without. */
  opens: readonly number[];
  outer: readonly number[];
}

/** The texts read last: calls of one file come one after the other, and lead to few others. */
const known = new Map<string, Code>();
const MAX_KNOWN = 12;

/** What `const name = …` on line `line` is made from, its arguments left out; null for anything else. */
export function valueOnLine(text: string, line: number, name: string): string | null {
  const code = masked(text);
  const from = lineStart(code, line);
  const keyword = /\b(?:const|let|var)\b/.exec(code.slice(from, lineStart(code, line + 1)));
  return keyword && (declared(text, code, from + keyword.index + keyword[0].length, name)?.value ?? null);
}

/**
 * What the function that begins at `start` returns: the expression behind an arrow, or of the one `return` that stands
 * outside of any other block. Null where that does not tell.
 */
export function returnedBy(text: string, start: number): { value: string; line: number } | null {
  const { code, pairs } = codeOf(text);
  const head =
    /^[^({=]*?(?:=\s*)?(?:async\s*)?(?:function\b\s*\*?\s*[\p{L}\p{N}_$]*\s*)?(?:<[^()]*>\s*)?(?=\()/u.exec(
      code.slice(start, start + 400),
    );
  const close = head ? pairs.get(start + head[0].length) : undefined;
  if (close === undefined) return null;
  const lead = /^\s*(=>)?\s*/.exec(code.slice(close + 1, close + 200))!;
  const body = close + 1 + lead[0].length;
  if (code[body] !== '{') return lead[1] === undefined ? null : expressionOn(code, body);
  let found: number | null = null;
  for (let at = body + 1; at < (pairs.get(body) ?? 0); at++) {
    if (OPENING.includes(code[at]!)) at = pairs.get(at) ?? code.length;
    else if (code.startsWith('return', at) && !isWord(code[at - 1]) && !isWord(code[at + 6])) {
      if (found !== null) return null;
      found = at + 6 + /^\s*/.exec(code.slice(at + 6, at + 200))![0].length;
    }
  }
  return found === null ? null : expressionOn(code, found);
}

function expressionOn(code: string, from: number): { value: string; line: number } | null {
  const value = expressionFrom(code, from);
  return value === null ? null : { value, line: code.slice(0, from).split('\n').length };
}

/** The text with comments, strings and regular expressions blanked out, of the same length. */
export function masked(text: string): string {
  return codeOf(text).code;
}

function codeOf(text: string): Code {
  const code = known.get(text) ?? bracketed(mask(text));
  known.delete(text);
  known.set(text, code);
  if (known.size > MAX_KNOWN) known.delete(known.keys().next().value!);
  return code;
}

function bracketed(code: string): Code {
  const pairs = new Map<number, number>();
  const opens: number[] = [];
  const outer: number[] = [];
  const stack: number[] = [];
  for (let at = 0; at < code.length; at++) {
    const char = code[at]!;
    if (OPENING.includes(char)) {
      outer.push(stack.at(-1) ?? -1);
      stack.push(opens.length);
      opens.push(at);
    } else if (CLOSING.includes(char)) {
      const open = stack.pop();
      if (open === undefined) continue;
      pairs.set(at, opens[open]!);
      pairs.set(opens[open]!, at);
    }
  }
  return { code, pairs, opens, outer };
}

const BEFORE_REGEX = /(?:^|[=(,:[!&|?{};+\-*%~^<>]|\b(?:return|typeof|case|in|of|await|yield))\s*$/;

function mask(text: string): string {
  const out: string[] = [];
  /** Depth of braces inside each template literal's `${`. */
  const templates: number[] = [];
  let kept = 0;
  let at = 0;
  const blank = (to: number) => {
    out.push(text.slice(kept, at), text.slice(at, to).replace(/[^\n]/g, ' '));
    kept = to;
    at = to;
  };
  while (at < text.length) {
    const char = text[at]!;
    const next = text[at + 1];
    if (char === '/' && next === '/') blank(endOf(text, '\n', at));
    else if (char === '/' && next === '*') blank(Math.min(text.length, endOf(text, '*/', at + 2) + 2));
    else if (char === '"' || char === "'") blank(quoteEnd(text, at));
    else if (char === '`' || (char === '}' && templates.at(-1) === 0)) {
      if (char === '}') templates.pop();
      const end = templateEnd(text, at + 1);
      if (text[end - 1] === '{') templates.push(0);
      blank(end);
    } else if (char === '/' && BEFORE_REGEX.test(text.slice(Math.max(0, at - 12), at)))
      blank(regexEnd(text, at));
    else {
      if (templates.length > 0 && char === '{') templates[templates.length - 1]!++;
      if (templates.length > 0 && char === '}') templates[templates.length - 1]!--;
      at++;
    }
  }
  out.push(text.slice(kept));
  return out.join('');
}

function endOf(text: string, what: string, from: number): number {
  const end = text.indexOf(what, from);
  return end < 0 ? text.length : end;
}

function quoteEnd(text: string, from: number): number {
  for (let at = from + 1; at < text.length && text[at] !== '\n'; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === text[from]) return at + 1;
  }
  return from + 1;
}

/** Behind the closing backquote, or behind the next `${`. */
function templateEnd(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '`') return at + 1;
    else if (text[at] === '$' && text[at + 1] === '{') return at + 2;
  }
  return text.length;
}

function regexEnd(text: string, from: number): number {
  let inClass = false;
  for (let at = from + 1; at < text.length && text[at] !== '\n'; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '[') inClass = true;
    else if (text[at] === ']') inClass = false;
    else if (text[at] === '/' && !inClass) return at + 1;
  }
  return from + 1;
}

/** Where line `line` (from 1) of a text begins. */
export function lineStart(text: string, line: number): number {
  let at = 0;
  for (let n = 1; n < line; n++) {
    const end = text.indexOf('\n', at);
    if (end < 0) return text.length;
    at = end + 1;
  }
  return at;
}

/** The last use of a name before `end`; -1 without. */
export function lastUse(code: string, name: string, end: number): number {
  for (let at = code.lastIndexOf(name, end - name.length); at >= 0; at = code.lastIndexOf(name, at - 1)) {
    if (!isWord(code[at - 1]) && !isWord(code[at + name.length]) && code[at - 1] !== '.') return at;
    if (at === 0) break;
  }
  return -1;
}

function isWord(char: string | undefined): boolean {
  return char !== undefined && /[\p{L}\p{N}_$]/u.test(char);
}

/** What binds `name` where it is used at `from`; null for what the file or nothing binds. */
export function bindingAt(text: string, from: number, name: string): Binding | null {
  const { code, pairs } = codeOf(text);
  if (from === 0 || code.lastIndexOf(name, from - 1) < 0) return null;
  /** True once the statement or argument that the use stands in has begun: an arrow before it is another one's. */
  let begun = false;
  for (let at = from - 1, left = MAX_CHARACTERS; at >= 0 && left > 0; at--, left--) {
    const char = code[at]!;
    if (CLOSING.includes(char)) {
      at = pairs.get(at) ?? -1;
      if (at < 0) return null;
    } else if (OPENING.includes(char)) {
      begun = false;
      const list = char === '{' ? parametersBefore(code, at) : null;
      const bound = list && parameterNamed(text, code, list, name);
      if (bound) return bound;
    } else if (char === '>' && code[at - 1] === '=') {
      const list = begun ? null : parametersBefore(code, at + 1);
      const bound = list && parameterNamed(text, code, list, name);
      if (bound) return bound;
    } else if (char === ';' || char === ',' || (char === '\n' && !goesOn(code, at))) begun = true;
    else if ((char === 't' && 'es'.includes(code[at - 1] ?? ' ')) || (char === 'r' && code[at - 1] === 'a')) {
      const keyword = /(?:^|[^\p{L}\p{N}_$.])(?:const|let|var)$/u.test(
        code.slice(Math.max(0, at - 6), at + 1),
      );
      const bound = keyword && !isWord(code[at + 1]) ? declared(text, code, at + 1, name) : null;
      if (bound) return bound;
    }
  }
  return null;
}

/** The bracket that the one at `at` closes; -1 without. */
function opening(code: string, at: number, first: number): number {
  let depth = 0;
  for (let back = at; back >= first; back--) {
    if (CLOSING.includes(code[back]!)) depth++;
    else if (OPENING.includes(code[back]!) && --depth === 0) return back;
  }
  return -1;
}

/** The bracket that closes the one at `at`; -1 without. */
export function closing(code: string, at: number): number {
  let depth = 0;
  for (let next = at; next < code.length; next++) {
    if (OPENING.includes(code[next]!)) depth++;
    else if (CLOSING.includes(code[next]!) && --depth === 0) return next;
  }
  return -1;
}

/** True when the expression before a line break goes on behind it. */
function goesOn(code: string, lineBreak: number): boolean {
  const next = /\S/.exec(code.slice(lineBreak, lineBreak + 200))?.[0] ?? '';
  const before = /\S(?=\s*$)/.exec(code.slice(Math.max(0, lineBreak - 200), lineBreak))?.[0] ?? '';
  return /[.?:&|+*/%=<>)\]},]/.test(next) || /[=(,[{.?:&|+\-*/%<>!]/.test(before);
}

interface ParameterList {
  /** Between the parentheses, or the one name. */
  from: number;
  to: number;
  /** Where the function begins. */
  start: number;
}

const NO_FUNCTION = /\b(?:if|for|while|switch|catch|with)\s*$/;

/** The parameters of the function whose body or arrow follows at `at`; null for what is no function. */
function parametersBefore(code: string, at: number): ParameterList | null {
  const head = code.slice(Math.max(0, at - 300), at).replace(/=>$/, '');
  const isArrow = head.length < Math.min(300, at);
  const end = at - (isArrow ? 2 : 0);
  const single = isArrow
    ? /(?:^|[^\p{L}\p{N}_$.])(?:async\s+)?([\p{L}_$][\p{L}\p{N}_$]*)\s*$/u.exec(head)
    : null;
  if (single) {
    const from = end - (head.length - head.lastIndexOf(single[1]!));
    return { from, to: from + single[1]!.length, start: from };
  }
  const typed = /\)(\s*:\s*[^(){};=]*?(?:\([^()]*\)[^(){};=]*)?)?\s*$/.exec(head);
  if (!typed) return null;
  const close = end - (head.length - typed.index);
  const open = opening(code, close, Math.max(0, close - 4000));
  if (open < 0) return null;
  const name = code.slice(Math.max(0, open - 120), open);
  if (!isArrow && NO_FUNCTION.test(name)) return null;
  const start = isArrow
    ? open
    : open - (/(?:\bfunction\b\s*\*?\s*)?[\p{L}\p{N}_$]*\s*(?:<[^()]*>)?\s*$/u.exec(name)?.[0].length ?? 0);
  return { from: open + 1, to: close, start };
}

/** The pieces between commas outside of brackets, with where each begins. */
export function pieces(code: string, from: number, to: number): { from: number; to: number }[] {
  const found: { from: number; to: number }[] = [];
  let start = from;
  let depth = 0;
  for (let at = from; at <= to; at++) {
    const char = code[at];
    if (at === to || (char === ',' && depth === 0)) {
      // A string is blank, too: only what follows the last comma may be nothing.
      if (at < to || code.slice(start, at).trim() !== '') found.push({ from: start, to: at });
      start = at + 1;
    } else if (char === '(' || char === '[' || char === '{' || char === '<') depth++;
    else if (char === ')' || char === ']' || char === '}' || (char === '>' && code[at - 1] !== '=')) depth--;
  }
  return found;
}

function parameterNamed(text: string, code: string, list: ParameterList, name: string): Binding | null {
  if (!code.slice(list.from, list.to).includes(name)) return null;
  for (const [index, piece] of pieces(code, list.from, list.to).entries()) {
    const bound = pattern(text, code, piece.from, piece.to, name);
    if (bound) return { kind: 'parameter', ...bound, value: null, index, functionStart: list.start };
  }
  return null;
}

/** `name: T`, `{ a, b: name }: T`, each with a default or without. */
function pattern(
  text: string,
  code: string,
  from: number,
  to: number,
  name: string,
): Pick<Binding, 'annotation' | 'property'> | null {
  const lead = /^\s*(?:(?:private|public|protected|readonly|override)\s+)*/.exec(code.slice(from, to))![0]
    .length;
  const start = from + lead;
  const open = code[start] === '{';
  const end = open
    ? closing(code, start) + 1
    : start + /^[\p{L}\p{N}_$]*/u.exec(code.slice(start, to))![0].length;
  if (end <= start || end > to) return null;
  const type = /^\s*[?!]?\s*:\s*((?:=>|[^=])+)/.exec(code.slice(end, to));
  const annotation = type
    ? text.slice(end + type[0].length - type[1]!.length, end + type[0].length).trim()
    : null;
  if (!open) return code.slice(start, end) === name ? { annotation, property: null } : null;
  for (const piece of pieces(code, start + 1, end - 1)) {
    const match = /^\s*(?:([\p{L}\p{N}_$]+)\s*:\s*)?([\p{L}\p{N}_$]+)\s*(?:=|$)/u.exec(
      code.slice(piece.from, piece.to),
    );
    if (match?.[2] === name) return { annotation, property: match[1] ?? match[2] };
  }
  return null;
}

/** A declaration that begins behind `const`; null when it is of other names. */
function declared(text: string, code: string, from: number, name: string): Binding | null {
  const head = code.slice(from, from + 2000);
  const lead = /^\s*/.exec(head)![0].length;
  const start = from + lead;
  let end: number;
  if (code[start] === '{') end = closing(code, start) + 1;
  else if (code[start] === '[') return null;
  else end = start + /^[\p{L}\p{N}_$]*/u.exec(code.slice(start, start + 200))![0].length;
  if (end <= start) return null;
  const equals = /^\s*[!]?\s*(?::(?:=>|[^=;\n])*)?=(?![=>])\s*/.exec(code.slice(end, end + MAX_VALUE));
  const bound = pattern(text, code, start, equals ? end + equals[0].replace(/=\s*$/, '').length : end, name);
  if (!bound) return null;
  const value = equals ? expressionFrom(code, end + equals[0].length) : null;
  return { kind: 'variable', ...bound, value, index: 0, functionStart: 0 };
}

/** The expression that begins at `from`, its arguments left out. */
function expressionFrom(code: string, from: number): string | null {
  for (let at = from; at < Math.min(code.length, from + 4000); at++) {
    const char = code[at]!;
    if (OPENING.includes(char)) {
      at = closing(code, at);
      if (at < 0) return null;
    } else if (char === '<' && typeArguments(code, at) > 0) at = typeArguments(code, at) - 1;
    else if (char === ';' || char === ',' || CLOSING.includes(char) || (char === '\n' && !goesOn(code, at)))
      return withoutArguments(code.slice(from, at));
  }
  return null;
}

/** Where the call follows whose type arguments begin at `at`; 0 where none do. */
function typeArguments(code: string, at: number): number {
  if (!isWord(code[at - 1])) return 0;
  let depth = 0;
  for (let next = at; next < Math.min(code.length, at + MAX_VALUE); next++) {
    const char = code[next]!;
    if (char === '<') depth++;
    else if (char === '>' && code[next - 1] !== '=' && --depth === 0)
      return code[next + 1] === '(' ? next + 1 : 0;
    else if (char === ';') return 0;
  }
  return 0;
}

function withoutArguments(expression: string): string | null {
  let out = '';
  for (let at = 0; at < expression.length; at++) {
    const char = expression[at]!;
    const behind = char === '<' ? typeArguments(expression, at) : 0;
    if (behind > 0) at = behind - 1;
    else if (char !== '(' || out.trim() === '') out += char;
    else {
      out += '()';
      at = closing(expression, at);
      if (at < 0) return null;
    }
  }
  const text = out.replace(/\s*\n\s*/g, '').trim();
  return text.length > MAX_VALUE ? null : text;
}

/** What the function or object that begins at `start` is for the code before it; null where nothing tells. */
export function roleOf(text: string, start: number): Role | null {
  const known = codeOf(text);
  const { code } = known;
  let at = start - 1;
  const back = () => {
    while (at >= 0 && /\s/.test(code[at]!)) at--;
  };
  back();
  if (code.slice(Math.max(0, at - 4), at + 1) === 'async' && !isWord(code[at - 5])) {
    at -= 5;
    back();
  }
  const char = code[at];
  if (char === '(' || char === ',') return argumentRole(known, at);
  if (char === '=' && !'=!<>'.includes(code[at - 1] ?? '=')) {
    const type = /[\p{L}\p{N}_$]\s*[?!]?\s*:\s*((?:=>|[^=;{}])+)$/u.exec(
      code.slice(Math.max(0, at - 300), at),
    );
    return type ? { kind: 'annotated', type: type[1]!.trim() } : null;
  }
  if (char === ':') {
    const key = /([\p{L}\p{N}_$]+)\s*$/u.exec(code.slice(Math.max(0, at - 100), at))?.[1];
    const object = key === undefined ? -1 : enclosing(known, at - 1);
    return key !== undefined && code[object] === '{' ? { kind: 'property', name: key, object } : null;
  }
  return null;
}

/** True when what is declared from line `line` on can be meant at `use`: the block that it stands in holds the use. */
export function isVisibleAt(text: string, name: string, line: number, use: number): boolean {
  const known = codeOf(text);
  const { code } = known;
  let open = enclosing(known, code.indexOf(name, lineStart(code, line)) - 1);
  // A pattern is no block.
  if (/\b(?:const|let|var)\s*$/.test(code.slice(Math.max(0, open - 8), Math.max(0, open))))
    open = enclosing(known, open - 1);
  return open < 0 || (open < use && use < (known.pairs.get(open) ?? code.length));
}

/** The bracket around a place, or at it; -1 without. */
function enclosing({ pairs, opens, outer }: Code, at: number): number {
  let [low, high] = [0, opens.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (opens[middle]! <= at) low = middle + 1;
    else high = middle;
  }
  let block = low - 1;
  while (block >= 0 && (pairs.get(opens[block]!) ?? Number.POSITIVE_INFINITY) <= at) block = outer[block]!;
  return block < 0 ? -1 : opens[block]!;
}

function argumentRole(known: Code, at: number): Role | null {
  const { code, pairs } = known;
  const open = code[at] === '(' ? at : enclosing(known, at - 1);
  if (code[open] !== '(') return null;
  let index = 0;
  for (let next = open + 1; next <= at; next++) {
    if (OPENING.includes(code[next]!)) next = pairs.get(next) ?? -1;
    else if (code[next] === ',') index++;
    if (next < 0) return null;
  }
  const call = calledAt(known, open);
  return call && { kind: 'argument', ...call, index };
}

/** The call whose arguments begin at `open`. */
function calledAt({ code, pairs }: Code, open: number): { callee: string; receiver: string } | null {
  let start = open;
  for (let at = open - 1; at >= Math.max(0, open - 8000); at--) {
    const char = code[at]!;
    if (char === ')' || char === ']') {
      at = pairs.get(at) ?? -1;
      if (at < 0) return null;
    } else if (char === '>' && code[at - 1] !== '=') {
      at = angleStart(code, at);
      if (at < 0) return null;
    } else if (/\s/.test(char)) {
      // A chain goes on over lines where one of them begins with a dot.
      const rest = /\S/.exec(code.slice(at, start + 1))?.[0];
      if (rest !== '.' && rest !== '?' && code.slice(at, start).trim() !== '') break;
      if (code.slice(at + 1, start).trim() === '' && rest !== '.' && rest !== '?' && start !== open) break;
      continue;
    } else if (!/[\p{L}\p{N}_$.?!#]/u.test(char)) break;
    start = at;
  }
  const before = /\bnew\s+$/.test(code.slice(Math.max(0, start - 8), start)) ? 'new ' : '';
  const expression = withoutArguments(code.slice(start, open))
    ?.replace(/<[^()]*>/g, '')
    .replace(/\?\./g, '.')
    .replace(/!/g, '');
  if (!expression || /^(?:if|for|while|switch|catch|return|function)$/.test(expression)) return null;
  const match = /^(?:(.+)\.)?([\p{L}_$#][\p{L}\p{N}_$]*)$/su.exec(expression);
  if (!match) return null;
  const receiver = match[1] ?? '';
  return {
    callee: match[2]!,
    receiver: before && receiver.includes('(') ? `${before}${receiver}` : receiver,
  };
}

function angleStart(code: string, at: number): number {
  let depth = 0;
  for (let back = at; back >= Math.max(0, at - 400); back--) {
    const char = code[back]!;
    if (char === '>' && code[back - 1] !== '=') depth++;
    else if (char === '<' && --depth === 0) return back;
    else if (char === ';') return -1;
  }
  return -1;
}
