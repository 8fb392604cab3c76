import { lineRange } from '../lines.ts';
import { familyOf } from './modules.ts';

/** Types of values that no class of a repository is. */
const NO_TYPE =
  /^(?:void|any|unknown|object|never|None|null|undefined|boolean|bool|string|str|number|int|float|double|error|var|let|const|auto|val|final|static|public|private|protected|return|async|await|def|func|function|fn|export|typeof|infer)$/;

/** The simple name of a type as written: pointers, generics, `?` and qualifiers dropped, `Promise<T>` opened. */
export function simpleType(text: string): string | null {
  let type = text.trim().replace(/^(?:const|readonly|mut|dyn|impl|struct|class|final|unsigned)\s+/, '');
  for (;;) {
    const opened =
      /^(?:Promise|Awaitable|Coroutine|Optional|Option|Result|Box|Rc|Arc|Readonly|Partial|Task|shared_ptr|unique_ptr|std::shared_ptr|std::unique_ptr)\s*[<[]\s*(.+)[>\]]$/s.exec(
        type,
      );
    if (!opened) break;
    type = opened[1]!.split(/,(?![^<[]*[>\]])/)[0]!.trim();
  }
  const match = /^[&*?\s'"]*(?:mut\s+)?((?:[\p{L}_$\\][\p{L}\p{N}_$\\]*(?:\.|::)?)+)/u.exec(type);
  const name = match?.[1]
    ?.split(/\.|::|\\/)
    .filter((part) => part !== '')
    .at(-1);
  return name === undefined || NO_TYPE.test(name) || /[|&]\s*(?!null\b|undefined\b)\w/.test(type)
    ? null
    : name;
}

/** The declared return type of a function's signature, or null. `name` is the function's. */
export function returnType(signature: string, name: string, lang: string): string | null {
  const start = signature.indexOf(name);
  const open = signature.indexOf('(', Math.max(0, start));
  if (open < 0) return null;
  const after = signature.slice(closing(signature, open) + 1).trim();
  switch (familyOf(lang)) {
    case 'python':
    case 'rust':
    case 'swift':
      return annotation(after, /->\s*(.+?)\s*(?:\bwhere\b.*|[:{]\s*)?$/s);
    case 'go':
      return annotation(after.replace(/^\(\s*(?:\w+\s+(?=[*[\w]))?/, ''), /^([^,)\s{]+)/);
    case 'javascript':
    case 'php':
      return annotation(after, /^:\s*(.+?)\s*(?:=>.*|\{.*)?$/s);
    case 'jvm':
      if (lang === 'kotlin') return annotation(after, /^:\s*([^={]+)/);
      return before(signature, start);
    case 'c':
    case 'csharp':
      return before(signature, start);
    default:
      return null;
  }
}

/** The declared type of a variable or field, or null when only its value tells. */
export function declaredType(signature: string, name: string, lang: string): string | null {
  const start = signature.indexOf(name);
  if (start < 0) return null;
  const after = signature.slice(start + name.length);
  switch (familyOf(lang)) {
    case 'go':
      return annotation(after, /^\s+([*[\]\w.]+)/);
    case 'jvm':
      if (lang === 'kotlin') return annotation(after, /^\s*:\s*([^={]+)/);
      return before(signature, start);
    case 'c':
    case 'csharp':
    case 'php':
      return before(signature, start);
    case 'ruby':
      return null;
    default:
      return annotation(after, /^\s*[?!]?\s*:\s*([^=;]+)/);
  }
}

function annotation(text: string, pattern: RegExp): string | null {
  const match = pattern.exec(text);
  return match ? simpleType(match[1]!) : null;
}

/** The type that stands before a name, as in C and Java. */
function before(signature: string, start: number): string | null {
  const words = signature
    .slice(0, start)
    .replace(/<[^<>]*>/g, '')
    .replace(/[\w:]*::$/, '')
    .trim()
    .split(/\s+/);
  const last = words.at(-1);
  return last === undefined || last === '' ? null : simpleType(last.replace(/[*&]+$/, ''));
}

function closing(text: string, open: number): number {
  let depth = 0;
  for (let at = open; at < text.length; at++) {
    if (text[at] === '(') depth++;
    if (text[at] === ')' && --depth === 0) return at;
  }
  return text.length;
}

/** How far back from a call an assignment is looked for, and how long its value may be. */
const MAX_CHARACTERS = 20_000;
const MAX_VALUE = 200;

/**
 * The value last assigned to a variable before a call: in the function around it, else at the top of the file. One
 * line, as written; null when there is none or it goes on over lines.
 */
export function initialiser(
  text: string,
  name: string,
  range: { from: number; to: number; lang: string },
): string | null {
  const inside = lineRange(text, range.from, range.to).slice(-MAX_CHARACTERS);
  const local = lastAssignment(inside, name, range.lang, '[ \\t]*');
  if (local !== null || range.from === 1) return local;
  return lastAssignment(text.slice(0, MAX_CHARACTERS * 4), name, range.lang, '');
}

function lastAssignment(code: string, name: string, lang: string, indent: string): string | null {
  if (!code.includes(name)) return null;
  const word = name.replace(/\$/g, '\\$');
  const family = familyOf(lang);
  const sign = family === 'go' ? ':?=' : '=';
  const others = family === 'go' ? '(?:\\s*,\\s*\\w+){0,3}' : '';
  const keyword =
    '(?:(?:export|const|let|var|val|final|static|auto|mut|readonly|public|private|protected|[A-Z][\\w.]*(?:<[^<>=]{0,60}>)?[*&]?)\\s+){0,4}';
  const pattern = new RegExp(
    `^${indent}(?:(?:if|for|while|switch)\\s*\\(?\\s*)?${keyword}[$*]?${word}${others}\\s*(?::[^=\\n]{0,80})?${sign}(?![=>~])\\s*([^\\n]{1,${MAX_VALUE}})$`,
    'gm',
  );
  let last: string | null = null;
  for (const match of code.matchAll(pattern)) last = match[1]!;
  return last === null ? null : value(last);
}

/**
 * The types that annotate a variable or parameter in the lines before a use, the nearest first; simple names. What looks
 * like an annotation may be a member of an object literal, so the caller takes the first that is a type.
 */
export function annotatedTypes(
  text: string,
  name: string,
  range: { from: number; to: number; lang: string },
): string[] {
  const code = lineRange(text, range.from, range.to).slice(-MAX_CHARACTERS);
  if (!code.includes(name)) return [];
  const word = name.replace(/\$/g, '\\$');
  const matches = [...code.matchAll(annotationPattern(word, range.lang))];
  return matches.reverse().flatMap((match) => simpleType(match[1]!) ?? []);
}

function annotationPattern(word: string, lang: string): RegExp {
  switch (familyOf(lang)) {
    case 'go':
      return new RegExp(`(?:[(,]\\s*|\\bvar\\s+)${word}\\s+([*\\[\\]\\w.]+)`, 'g');
    case 'jvm':
    case 'csharp':
    case 'c':
    case 'php':
      if (lang === 'kotlin') break;
      return new RegExp(`([\\w.:\\\\]+(?:<[^<>;(){}\\n]{0,80}>)?)\\s*[*&]?\\s+[*&$]?${word}\\s*[,)=;:]`, 'g');
    default:
      break;
  }
  return new RegExp(`(?:^|[(,{\\s])${word}\\s*[?!]?\\s*:\\s*([^,)=;{}\\n]{1,120})`, 'g');
}

/** Cuts what follows the expression: a terminator, a comment, Rust's `?`, arguments that go on over lines. */
function value(text: string): string {
  return closed(text)
    .replace(/\s*(?:\/\/|#\s).*$/, '')
    .replace(/[;,]\s*$/, '')
    .replace(/\)\?$/, ')')
    .replace(/^&/, '')
    .replace(/^([A-Z][\w.]*)\{.*$/, 'new $1')
    .trim();
}

/** `f(a, function () {` → `f()`: what a call gives does not depend on its arguments. */
function closed(text: string): string {
  let depth = 0;
  let open = -1;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '(' && depth++ === 0) open = at;
    if (text[at] === ')' && depth > 0) depth--;
  }
  return depth > 0 && open > 0 ? `${text.slice(0, open)}()` : text;
}
