import { lineRange } from '../lines.ts';
import { familyOf } from './modules.ts';

/** Types of values that no class of a repository is. */
const NO_TYPE =
  /^(?:void|any|unknown|object|never|None|null|undefined|boolean|bool|string|str|number|int|float|double|error|var|let|const|auto|val|final|static|public|private|protected|return|async|await|def|func|function|fn|export|typeof|infer)$/;

/** Reads the name of a type off its text, or null: of the type itself, or of what a collection of it holds. */
export type TypeReader = (text: string) => string | null;

/** The name of a type as written, `a.b.C`: pointers, generics and `?` dropped, `Promise<T>` opened. */
export function typeNamed(text: string): string | null {
  let type = text
    .trim()
    .replace(/^(?:[&*]+\s*|'\w+\s+|(?:const|readonly|mut|dyn|impl|struct|class|final|unsigned)\s+)+/, '');
  for (;;) {
    const opened =
      /^(?:Promise|Awaitable|Coroutine|Optional|Option|Result|Box|Rc|Arc|RefCell|Mutex|RwLock|Readonly|Partial|Required|NonNullable|Pick|Omit|Task|shared_ptr|unique_ptr|std::shared_ptr|std::unique_ptr)\s*[<[]\s*(.+)[>\]]$/s.exec(
        type,
      );
    if (!opened) break;
    type = opened[1]!.split(/,(?![^<[]*[>\]])/)[0]!.trim();
  }
  const match = /^[&*?\s'"]*(?:mut\s+)?((?:[\p{L}_$\\][\p{L}\p{N}_$\\]*(?:\.|::)?)+)/u.exec(type);
  const segments = match?.[1]?.split(/\.|::|\\/).filter((part) => part !== '') ?? [];
  const name = segments.at(-1);
  return name === undefined || NO_TYPE.test(name) || /[|&]\s*(?!null\b|undefined\b)\w/.test(type)
    ? null
    : segments.join('.');
}

/** Collections that are gone through value by value: of one type argument, and of a key and a value. */
const COLLECTION =
  /^(?:[\w.]+(?:\.|::))?(?:Array|ReadonlyArray|Set|List|ArrayList|LinkedList|Deque|Queue|Collection|Iterable|Iterator|Stream|Sequence|Seq|Tuple|FrozenSet|Vec|VecDeque|BTreeSet|HashSet|vector|list|deque|set|unordered_set|array|span|tuple|frozenset)\s*[<[]\s*(.+)[>\]]$/s;

/** What a collection holds, `[]T`, `T[]`, `Vec<T>`, `map[K]T`: the name of T. */
export function elementNamed(text: string): string | null {
  const type = text.trim().replace(/^(?:[&*\s]|\b(?:const|readonly|mut|final)\b)+|[&*\s]+$/g, '');
  const array =
    /^(?:\[\w*\]|map\[[^\]]+\]|(?:<-)?chan\s)\s*(.+)$/s.exec(type) ??
    /^(.+)\[\]$/s.exec(type) ??
    /^\[(.+?)(?:;.*)?\]$/s.exec(type);
  if (array) return typeNamed(array[1]!);
  const first = COLLECTION.exec(type)?.[1]?.split(/,(?![^<[]*[>\]])/)[0];
  return first === undefined ? null : typeNamed(first);
}

/** The declared return type of a function's signature, or null. `name` is the function's. */
export function returnType(
  signature: string,
  name: string,
  lang: string,
  read: TypeReader = typeNamed,
): string | null {
  const start = signature.indexOf(name);
  const open = signature.indexOf('(', Math.max(0, start));
  if (open < 0) return null;
  const after = signature.slice(closing(signature, open) + 1).trim();
  switch (familyOf(lang)) {
    case 'python':
    case 'rust':
    case 'swift':
      return annotation(after, /->\s*(.+?)\s*(?:\bwhere\b.*|[:{]\s*)?$/s, read);
    case 'go':
      return annotation(after.replace(/^\(\s*(?:\w+\s+(?=[*[\w]))?/, ''), /^([^,)\s{]+)/, read);
    case 'php':
      // Of the class that it is called on, as `self` is as far as is known here.
      return annotation(after.replace(/^:\s*\??static\b/, ': self'), /^:\s*\??(.+?)\s*(?:\{.*)?$/s, read);
    case 'javascript':
      return annotation(after, /^:\s*(.+?)\s*(?:=>.*|\{.*)?$/s, read);
    case 'jvm':
      if (lang === 'kotlin') return annotation(after, /^:\s*([^={]+)/, read);
      return before(signature, start, read);
    case 'c':
    case 'csharp':
      return before(signature, start, read);
    default:
      return null;
  }
}

/** The declared type of a variable or field, or null when only its value tells. */
export function declaredType(
  signature: string,
  name: string,
  lang: string,
  read: TypeReader = typeNamed,
): string | null {
  const start = signature.indexOf(name);
  if (start < 0) return null;
  const after = signature.slice(start + name.length);
  switch (familyOf(lang)) {
    case 'go':
      return annotation(after, /^\s+([*[\]\w.]+)/, read);
    case 'jvm':
      if (lang === 'kotlin') return annotation(after, /^\s*:\s*([^={]+)/, read);
      return before(signature, start, read);
    case 'c':
    case 'csharp':
    case 'php':
      return before(signature, start, read);
    case 'ruby':
      return null;
    default:
      return annotation(after, /^\s*[?!]?\s*:\s*([^=;]+)/, read);
  }
}

/** A type of a documentation comment: without null, `$this` as `static`, a collection by what it holds. */
function documented(text: string | undefined, read: TypeReader): string | null {
  if (text === undefined) return null;
  const type = text
    .replace(/^\?|(?:^|(?<=\|))null(?:\||$)/g, '')
    .replace(/\|$/, '')
    .replace(/^\$this$/, 'static')
    .replace(/^[\w\\]+<(?:[^<>]*,\s*)?([\w\\]+)>$/, '$1[]');
  return type.endsWith('[]') && read === typeNamed ? null : read(type);
}

/** What `@var`, `@return` and the like say in the comment right before line `line` of PHP; null without. */
export function documentedAbove(text: string, line: number, tag: string, read: TypeReader): string | null {
  const before = lineRange(text, 1, line - 1).trimEnd();
  const open = before.endsWith('*/') ? before.lastIndexOf('/**') : -1;
  const type =
    open < 0 ? null : new RegExp(`@${tag}\\s+([^\\s*,]+(?:,\\s*[^\\s*,]+)*)`).exec(before.slice(open));
  return documented(type?.[1], read);
}

/** What a comment says of a variable: `@var T $name` or `@param T $name`, or `@var T` right before its assignment. */
export function documentedVariable(
  text: string,
  name: string,
  range: { from: number; to: number },
  read: TypeReader,
): string | null {
  const before = lineRange(text, 1, range.from - 1).trimEnd();
  const open = before.endsWith('*/') ? before.lastIndexOf('/**') : before.length;
  const code = `${before.slice(open)}\n${lineRange(text, range.from, range.to)}`.slice(-MAX_CHARACTERS);
  if (!code.includes(name)) return null;
  const pattern = new RegExp(
    `@(?:var|param)\\s+([^\\s*,]+(?:,\\s*[^\\s*,]+)*)\\s+(?:\\*/\\s*)?\\$${name}\\b`,
    'g',
  );
  return documented([...code.matchAll(pattern)].at(-1)?.[1], read);
}

function annotation(text: string, pattern: RegExp, read: TypeReader): string | null {
  const match = pattern.exec(text);
  return match ? read(match[1]!) : null;
}

/** The type that stands before a name, as in C and Java. */
function before(signature: string, start: number, read: TypeReader): string | null {
  const head = signature
    .slice(0, start)
    .replace(/[\w:]*::$/, '')
    .replace(/[*&$\s]+(?:const|volatile)?[*&\s]*$/, '');
  const last = /[\w.:$\\]+\s*(?:<(?:[^<>]|<(?:[^<>]|<[^<>]*>)*>)*>)?(?:\[\]|\?)*$/.exec(head)?.[0];
  return last === undefined ? null : read(last);
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

/** The expression that a loop before a use goes through with `name`; null where none does. */
export function iterated(
  text: string,
  name: string,
  range: { from: number; to: number; lang: string },
): string | null {
  const code = lineRange(text, range.from, range.to).slice(-MAX_CHARACTERS);
  const loop = loopPattern(name.replace(/\$/g, '\\$'), range.lang);
  if (loop === null || !code.includes(name)) return null;
  let last: string | null = null;
  for (const match of code.matchAll(loop)) last = match[1]!.trim();
  return last;
}

function loopPattern(word: string, lang: string): RegExp | null {
  switch (familyOf(lang)) {
    case 'go':
      return new RegExp(`\\bfor\\s+\\w+\\s*,\\s*${word}\\s*:?=\\s*range\\s+([^{\\n]{1,200}?)\\s*\\{`, 'g');
    case 'python':
      return new RegExp(`\\bfor\\s+${word}\\s+in\\s+([^:\\n]{1,200}?)\\s*(?::|\\]|\\)|\\bif\\b)`, 'g');
    case 'rust':
      return new RegExp(
        `\\bfor\\s+&?(?:mut\\s+)?${word}\\s+in\\s+&?(?:mut\\s+)?([^{\\n]{1,200}?)\\s*\\{`,
        'g',
      );
    case 'javascript':
      return new RegExp(
        `\\bfor\\s*\\(\\s*(?:const|let|var)\\s+${word}\\s+of\\s+([^\\n]{1,200}?)\\)\\s*(?:\\{|$)`,
        'gm',
      );
    case 'php':
      return new RegExp(
        `\\bforeach\\s*\\(\\s*([^\\n]{1,200}?)\\s+as\\s+(?:\\$\\w+\\s*=>\\s*)?&?\\$${word}\\s*\\)`,
        'g',
      );
    case 'c':
      return new RegExp(
        `\\bfor\\s*\\(\\s*(?:const\\s+)?auto\\s*[&*]{0,2}\\s*${word}\\s*:\\s*([^\\n]{1,200}?)\\)\\s*(?:\\{|$)`,
        'gm',
      );
    case 'jvm':
      return new RegExp(
        `\\bfor\\s*\\(\\s*(?:final\\s+)?(?:var\\s+)?${word}\\s*(?::|in\\b)\\s*([^\\n]{1,200}?)\\)\\s*(?:\\{|$)`,
        'gm',
      );
    default:
      return null;
  }
}

/** The type that a name for another type stands for, `using A = B<C>`, `type A = B`, `typedef B A`; else null. */
export function aliasedType(signature: string): string | null {
  const text =
    /=\s*(?:typename\s+)?([\w.:&]+\s*(?:<.*>)?)\s*;?$/s.exec(signature) ??
    /^typedef\s+(.+?)[\s*&]+\w+$/s.exec(signature);
  return text ? typeNamed(text[1]!) : null;
}

/**
 * The types that annotate a variable or parameter in the lines before a use, the nearest first; their names. What looks
 * like an annotation may be a member of an object literal, so the caller takes the first that is a type.
 */
export function annotatedTypes(
  text: string,
  name: string,
  range: { from: number; to: number; lang: string },
  read: TypeReader = typeNamed,
): string[] {
  const code = lineRange(text, range.from, range.to).slice(-MAX_CHARACTERS);
  if (!code.includes(name)) return [];
  const word = name.replace(/\$/g, '\\$');
  const matches = [...code.matchAll(annotationPattern(word, range.lang))];
  return matches.reverse().flatMap((match) => read(match[1]!) ?? []);
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
