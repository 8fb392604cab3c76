/** Types of TypeScript as they are written, followed to functions and members: what a callback is given, what a call returns. */
import type { CallSite, Definition, Facts } from './facts.ts';
import { isType, lastName } from './facts.ts';
import { closing, lineStart, masked, pieces } from './scopes.ts';
import { typesVisible } from './types.ts';

/** A type's text, what stands around it, and what the type parameters in it mean. */
export interface Written {
  text: string;
  at: Definition | CallSite;
  env: ReadonlyMap<string, Written>;
}

/** The parameters of a function type, by place, as they are written; and what it returns. */
export interface FunctionType {
  parameters: string[];
  result: string | null;
  at: Definition | CallSite;
  env: ReadonlyMap<string, Written>;
}

/** Aliases, constraints and unions that one type is followed through, and how much of a declaration is read. */
const MAX_DEPTH = 6;
const MAX_FUNCTIONS = 40;
const MAX_DECLARATION = 12_000;

const NOTHING: ReadonlyMap<string, Written> = new Map();
const KEEPING = /^(?:Readonly|Required|Partial|NonNullable|NoInfer|Awaited)$/;

/** The source of a definition: masked, so that brackets pair. Null where the text is not at hand. */
export function sourceOf(facts: Facts, definition: Definition): string | null {
  const text = facts.text(definition.path);
  if (text === null) return null;
  const start = lineStart(text, definition.startLine);
  const end = lineStart(text, definition.endLine + 1);
  const line = masked(text).slice(start, Math.min(end, start + MAX_DECLARATION));
  const at = line.search(
    new RegExp(`(?<![\\p{L}\\p{N}_$])${definition.name.replace(/[$]/g, '\\$')}(?![\\p{L}\\p{N}_$])`, 'u'),
  );
  return at < 0 ? null : line.slice(at + definition.name.length);
}

/** A type that is written at a definition or a call. */
export function writtenAt(at: Definition | CallSite, text: string, env = NOTHING): Written {
  return { text, at, env };
}

/** What a function or method is, of a declaration that has a body or a type. */
export function declaredFunctions(facts: Facts, definition: Definition): FunctionType[] {
  const source = sourceOf(facts, definition);
  if (source === null) return [];
  const own = signatureAt(source, definition, NOTHING);
  if (own) return [own];
  const type = /^\s*[?!]?\s*:\s*/.exec(source);
  if (type) return functionTypes(facts, writtenAt(definition, upTo(source, type[0].length)));
  const value = /^\s*=\s*(?:async\s*)?(?=[(<])/.exec(source);
  const arrow = value ? signatureAt(source.slice(value[0].length), definition, NOTHING) : null;
  return arrow ? [arrow] : [];
}

/** `<T>(a: A): R` and `(a: A) => R` at the start of a text. */
function signatureAt(
  source: string,
  at: Definition | CallSite,
  env: ReadonlyMap<string, Written>,
): FunctionType | null {
  const lead = /^\s*\??\s*/.exec(source)![0].length;
  let open = lead;
  let known = env;
  if (source[open] === '<') {
    const end = angleEnd(source, open);
    if (end < 0) return null;
    known = withConstraints(source.slice(open + 1, end), at, env);
    open = end + 1 + /^\s*/.exec(source.slice(end + 1))![0].length;
  }
  if (source[open] !== '(') return null;
  const close = closing(source, open);
  if (close < 0) return null;
  const parameters = pieces(source, open + 1, close)
    .map(({ from, to }) => source.slice(from, to).trim())
    .filter((parameter) => !/^this\s*:/.test(parameter));
  const result = /^\s*(?::|=>)\s*/.exec(source.slice(close + 1));
  return { parameters, result: result ? upTo(source, close + 1 + result[0].length) : null, at, env: known };
}

/** A type up to where the declaration around it goes on. */
function upTo(source: string, from: number): string {
  let depth = 0;
  for (let at = from; at < source.length; at++) {
    const char = source[at]!;
    if ('([{<'.includes(char)) {
      // The body of a function, not a type in braces.
      if (char === '{' && depth === 0 && /[\p{L}\p{N}_$>\])]\s*$/u.test(source.slice(from, at)))
        return source.slice(from, at);
      depth++;
    } else if (')]}'.includes(char) || (char === '>' && source[at - 1] !== '=')) {
      if (--depth < 0) return source.slice(from, at);
    } else if (depth === 0 && (char === ';' || char === ',' || (char === '=' && source[at + 1] !== '>')))
      return source.slice(from, at);
    else if (depth === 0 && char === '\n' && endsHere(source, from, at)) return source.slice(from, at);
  }
  return source.slice(from);
}

function endsHere(source: string, from: number, at: number): boolean {
  if (
    /(?:[|&:?<(,=]|=>|\bextends|\bkeyof|\btypeof)\s*$/.test(source.slice(from, at)) ||
    source.slice(from, at).trim() === ''
  )
    return false;
  return !/^\s*(?:[|&?:.)\]>]|=>|extends\b)/.test(source.slice(at, at + 200));
}

function angleEnd(source: string, open: number): number {
  let depth = 0;
  for (let at = open; at < source.length; at++) {
    if (source[at] === '<') depth++;
    else if (source[at] === '>' && source[at - 1] !== '=' && --depth === 0) return at;
  }
  return -1;
}

/** Type parameters mean what they must extend, as far as nothing else is known of them. */
function withConstraints(
  list: string,
  at: Definition | CallSite,
  env: ReadonlyMap<string, Written>,
): ReadonlyMap<string, Written> {
  const known = new Map(env);
  for (const { from, to } of pieces(list, 0, list.length)) {
    const match =
      /^\s*(?:const\s+|in\s+|out\s+)*([\p{L}_$][\p{L}\p{N}_$]*)(?:\s+extends\s+((?:=>|[^=])+))?/u.exec(
        list.slice(from, to),
      );
    if (match) known.set(match[1]!, writtenAt(at, match[2]?.trim() ?? '', env));
  }
  return known;
}

/** The functions that a type is or may be. */
export function functionTypes(facts: Facts, written: Written, depth = MAX_DEPTH): FunctionType[] {
  const text = bare(written.text);
  if (text === '' || depth <= 0) return [];
  const alternatives = parts(text);
  if (alternatives.length > 1) {
    return alternatives
      .flatMap((part) => functionTypes(facts, { ...written, text: part }, depth - 1))
      .slice(0, MAX_FUNCTIONS);
  }
  if (/^[(<]/.test(text)) {
    const own = signatureAt(text, written.at, written.env);
    return own ? [own] : [];
  }
  if (text.startsWith('{')) return callSignatures(text.slice(1, -1), written.at, written.env);
  const name = named(text);
  if (!name) return [];
  const meant = written.env.get(name.name);
  if (meant) return functionTypes(facts, meant, depth - 1);
  if (KEEPING.test(name.name))
    return functionTypes(facts, { ...written, text: name.args[0] ?? '' }, depth - 1);
  return definitionsOf(facts, written.at, name.name)
    .flatMap((definition) => {
      const body = bodyOf(facts, definition, { ...written, text: '' }, name.args);
      if (!body) return [];
      return definition.kind === 'type'
        ? functionTypes(facts, body, depth - 1)
        : callSignatures(body.text, body.at, body.env);
    })
    .slice(0, MAX_FUNCTIONS);
}

/** What an alias stands for, or what the braces of an interface hold; with its type parameters bound to `args`. */
function bodyOf(
  facts: Facts,
  definition: Definition,
  user: Written,
  args: readonly string[],
): Written | null {
  const source = sourceOf(facts, definition);
  if (source === null) return null;
  let from = /^\s*/.exec(source)![0].length;
  let env: ReadonlyMap<string, Written> = NOTHING;
  if (source[from] === '<') {
    const end = angleEnd(source, from);
    if (end < 0) return null;
    env = bindings(source.slice(from + 1, end), definition, user, args);
    from = end + 1;
  }
  if (definition.kind === 'type') {
    const equals = /^\s*=\s*/.exec(source.slice(from));
    return equals ? { text: upTo(source, from + equals[0].length), at: definition, env } : null;
  }
  const open = source.indexOf('{', from);
  const close = open < 0 ? -1 : closing(source, open);
  return open < 0
    ? null
    : { text: source.slice(open + 1, close < 0 ? undefined : close), at: definition, env };
}

function bindings(
  list: string,
  at: Definition,
  user: Written,
  args: readonly string[],
): ReadonlyMap<string, Written> {
  const known = new Map(withConstraints(list, at, NOTHING));
  for (const [n, name] of [...known.keys()].entries()) {
    const given = args[n];
    if (given !== undefined) known.set(name, { ...user, text: given });
  }
  return known;
}

/** `(a: A): R` among the members of an interface. */
function callSignatures(
  body: string,
  at: Definition | CallSite,
  env: ReadonlyMap<string, Written>,
): FunctionType[] {
  const found: FunctionType[] = [];
  let isStart = true;
  for (let n = 0; n < body.length && found.length < MAX_FUNCTIONS; n++) {
    const char = body[n]!;
    if (isStart && (char === '(' || char === '<')) {
      const one = signatureAt(body.slice(n), at, env);
      if (one) found.push(one);
    }
    if ('([{'.includes(char)) {
      const end = closing(body, n);
      if (end < 0) break;
      n = end;
      isStart = false;
    } else if (char === ';' || char === ',' || (char === '\n' && endsHere(body, Math.max(0, n - 200), n)))
      isStart = true;
    else if (char === '<') {
      const end = angleEnd(body, n);
      if (end < 0) break;
      n = end;
      isStart = false;
    } else if (!/\s/.test(char)) isStart = false;
  }
  return found;
}

/** The written type of parameter `index`; of a rest parameter, of its element there. */
export function parameterType(type: FunctionType, index: number): Written | null {
  const { parameters, at, env } = type;
  const last = parameters.length - 1;
  const parameter = parameters[Math.min(index, last)];
  if (parameter === undefined) return null;
  const isRest = parameter.startsWith('...');
  if (index > last && !isRest) return null;
  const annotation = /^(?:\.\.\.)?(?:\{[\s\S]*?\}|\[[\s\S]*?\]|[\p{L}\p{N}_$\s]+)\??\s*:\s*([\s\S]+)$/u
    .exec(parameter)?.[1]
    ?.replace(/\s=(?!>)[\s\S]*$/, '');
  if (annotation === undefined) return null;
  if (!isRest) return { text: annotation, at, env };
  const text = bare(annotation);
  if (text.startsWith('[')) {
    const place = pieces(text, 1, text.length - 1)[index - last];
    return place ? { text: text.slice(place.from, place.to).replace(/^\s*\w+\??:\s*/, ''), at, env } : null;
  }
  const element =
    /^(?:readonly\s+)?([\s\S]+)\[\]$/.exec(text)?.[1] ??
    (/^(?:Readonly)?Array</.test(text) ? named(text)?.args[0] : undefined);
  return element === undefined ? null : { text: element, at, env };
}

/** The names of types that a written type may be, with where each is to be looked up. Wrappers are opened by `read`. */
export function typeNames(
  facts: Facts,
  written: Written,
  read: (text: string) => string | null,
  depth = MAX_DEPTH,
): Written[] {
  if (depth <= 0) return [];
  const text = bare(written.text);
  const alternatives = parts(text).filter((part) => !/^(?:null|undefined|void|never)$/.test(part.trim()));
  if (alternatives.length > 1)
    return alternatives.flatMap((part) => typeNames(facts, { ...written, text: part }, read, depth - 1));
  const one = alternatives[0] ?? text;
  const name = read(one);
  if (name === null) return [];
  const meant = written.env.get(name);
  if (meant) return typeNames(facts, meant, read, depth - 1);
  return [{ ...written, text: name }];
}

/** Text without the parentheses around it, `readonly` and what leads a union. */
function bare(text: string): string {
  let inner = text
    .trim()
    .replace(/^[|&]\s*/, '')
    .replace(/^readonly\s+/, '');
  while (inner.startsWith('(') && closing(inner, 0) === inner.length - 1) inner = inner.slice(1, -1).trim();
  return inner;
}

/** The members of a union or an intersection. */
function parts(text: string): string[] {
  const found: string[] = [];
  let depth = 0;
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!;
    if ('([{<'.includes(char)) depth++;
    else if (')]}'.includes(char) || (char === '>' && text[at - 1] !== '=')) depth--;
    // What follows an arrow is its result.
    else if (char === '=' && text[at + 1] === '>' && depth === 0) break;
    else if (depth === 0 && (char === '|' || char === '&')) {
      found.push(text.slice(from, at));
      from = at + 1;
    }
  }
  return [...found, text.slice(from)].map((part) => part.trim()).filter((part) => part !== '');
}

/** `a.B<C, D>` → name B, arguments C and D. */
function named(text: string): { name: string; args: string[] } | null {
  const match = /^([\p{L}_$][\p{L}\p{N}_$.]*)\s*(<)?/u.exec(text);
  if (!match) return null;
  const name = lastName(match[1]!);
  if (!match[2]) return match[0].length === text.length ? { name, args: [] } : null;
  const end = angleEnd(text, match[0].length - 1);
  if (end !== text.length - 1) return null;
  return {
    name,
    args: pieces(text, match[0].length, end).map(({ from, to }) => text.slice(from, to).trim()),
  };
}

function definitionsOf(facts: Facts, at: Definition | CallSite, name: string): Definition[] {
  const file = { path: at.path, blob: at.blob, lang: at.lang };
  const scope = 'qualifiedName' in at ? at.qualifiedName : (at.caller?.qualifiedName ?? '');
  const { types, sure } = typesVisible(facts, file, name, scope);
  return sure ? types.filter((type) => isType(type)) : [];
}

/** The types that an alias is made of, `A & B`, `A | B`, `Pick<A, …>`: names, as written. */
export function aliasParts(signature: string): string[] {
  const text = /^[^=]*?=\s*([\s\S]+?)\s*;?$/.exec(signature)?.[1];
  if (text === undefined) return [];
  return parts(bare(text)).flatMap((part) => {
    const name = named(
      bare(part).replace(/^([^<]+)<[\s\S]*$/, (all, head: string) => (all.endsWith('>') ? all : head)),
    );
    if (!name) return [];
    if (/^(?:Pick|Omit|Partial|Required|Readonly|NonNullable)$/.test(name.name) && name.args[0] !== undefined)
      return [named(name.args[0])?.name ?? ''].filter((each) => each !== '');
    return [name.name];
  });
}
