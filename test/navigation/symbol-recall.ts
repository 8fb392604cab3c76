/**
 * Our symbols against those of `ctags -R` (universal-ctags), as a process of its own:
 * `node --import ../support/grammar-hooks.ts symbol-recall.ts <directory> …` prints one `SymbolRecall[]` a line. Recall is the share of ctags' definitions that we have under their name at their place.
 *
 * What counts: the kinds below in files that an index reads, a name of a line once; not what is anonymous or local to a
 * function, no reserved words, and not what ctags is known to mistake for definitions (see `isDefinition`).
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { SymbolFact } from '../../src/ingest/parse/facts.ts';
import { languageDefinition } from '../../src/ingest/parse/languages/registry.ts';
import { parseBlob } from '../../src/ingest/parse/parse.ts';
import { sourceFiles } from '../bench/source-files.ts';

interface Tag {
  name: string;
  path: string;
  kind: string;
  line: number;
  language: string;
  scope?: string;
  scopeKind?: string;
}

export interface SymbolRecall {
  language: string;
  definitions: number;
  found: number;
  misses: string[];
}

/** ctags' kinds that take part: classes, interfaces, structs, enums, unions, traits, types, namespaces, callables, macros. */
const KINDS: ReadonlySet<string> = new Set(
  `class interface annotation struct enum union trait type typedef namespace module
  function func method methodSpec generator getter setter singletonMethod macro`.split(/\s+/),
);
/** Constants take part at the top level only. */
const CONSTANTS: ReadonlySet<string> = new Set(['constant', 'const']);
const CALLABLES: ReadonlySet<string> = new Set(
  'function func method member generator getter setter singletonMethod'.split(' '),
);

export async function symbolRecall(directory: string): Promise<SymbolRecall[]> {
  const files = new Map(
    sourceFiles(directory)
      .filter(({ language }) => languageDefinition(language) !== undefined)
      .map((file) => [file.path, file]),
  );
  const byLanguage = new Map<string, SymbolRecall>();
  for (const [name, tags] of Map.groupBy(tagsOf(directory), (tag) => tag.path)) {
    const file = files.get(name);
    if (!file) continue;
    const facts = await parseBlob(readFileSync(path.join(directory, name)), file.language);
    if (facts.skipped !== null) continue;
    const lines = facts.text.split('\n');
    const open = Map.groupBy(facts.symbols, (symbol) => written(symbol.name));
    const definitions = tags.filter((tag) => isDefinition(tag, lines[tag.line - 1] ?? ''));
    // `app.init = function init() {}` is tagged twice.
    const distinct = new Map(definitions.map((tag) => [`${tag.line} ${tag.name}`, tag]));
    for (const tag of [...distinct.values()].sort((a, b) => a.line - b.line)) {
      const { language } = tag;
      const recall = byLanguage.get(language) ?? { language, definitions: 0, found: 0, misses: [] };
      byLanguage.set(language, recall);
      recall.definitions++;
      if (take(open.get(written(tag.name)) ?? [], tag.line)) recall.found++;
      else recall.misses.push(`${tag.kind} ${tag.name} ${name}:${tag.line}`);
    }
  }
  return [...byLanguage.values()];
}

/** Takes the innermost symbol on a line out of those that no other tag has taken. */
function take(symbols: SymbolFact[], line: number): boolean {
  const at = symbols.findLastIndex(({ startLine, endLine }) => startLine <= line && line <= endLine);
  if (at >= 0) symbols.splice(at, 1);
  return at >= 0;
}

/** `operator ==` and `operator==` are one name. */
function written(name: string): string {
  return name.replace(/\s+/g, '');
}

function isDefinition(tag: Tag, line: string): boolean {
  const isAnonymous = /^__anon|^anonymous(?:Function|Class|Object)/i.test(tag.name);
  if (isAnonymous || RESERVED.has(tag.name) || CALLABLES.has(tag.scopeKind ?? '')) return false;
  if (CONSTANTS.has(tag.kind) && tag.scope !== undefined) return false;
  if (!KINDS.has(tag.kind) && !CONSTANTS.has(tag.kind) && LANGUAGE_KINDS[tag.language] !== tag.kind)
    return false;
  switch (tag.language) {
    case 'Python':
      // Its `namespace` is an import's alias.
      return tag.kind !== 'namespace';
    case 'C':
    case 'C++':
      // `TEST(a, b) { … }` defines what the macro makes of it, not a function TEST.
      return tag.kind !== 'function' || !/^[A-Z][A-Z0-9_]*$/.test(tag.name);
    case 'TypeScript':
    case 'JavaScript':
      return isDeclared(tag, line);
    default:
      return true;
  }
}

/** Kinds that are definitions in one language: methods in Python, type aliases in TypeScript. */
const LANGUAGE_KINDS: Readonly<Record<string, string>> = {
  Python: 'member',
  TypeScript: 'alias',
  Rust: 'typedef',
};

/** The keyword that declares a kind, before its name on the line of the tag. */
const KEYWORDS: Readonly<Record<string, string>> = {
  constant: '^(?:export\\s+)?(?:declare\\s+)?const',
  alias: '\\btype',
  class: '\\b(?:class|function\\b\\s*\\*?)',
};

/**
 * ctags' parsers of these two take specifiers of imports for type aliases, qualifiers in annotations for constants, what
 * blocks hold for the top level, and objects with functions for classes: a declaration has its keyword.
 */
function isDeclared({ kind, name }: Tag, line: string): boolean {
  const keyword = KEYWORDS[kind];
  if (keyword === undefined) return true;
  const word = name.replace(/[$]/g, '\\$&');
  const end = kind === 'alias' ? '\\s*(?:[=<]|$)' : '(?![\\w$])';
  return new RegExp(`${keyword}\\s+${word}${end}`).test(line);
}

/** What its parsers take for names where they lose the thread. */
const RESERVED: ReadonlySet<string> = new Set(
  `await break case catch class const continue default do else enum export extends finally for function if import in
  instanceof let new return super switch this throw try typeof var void while with yield`.split(/\s+/),
);

function tagsOf(directory: string): Tag[] {
  const output = execFileSync('ctags', ['-R', '--output-format=json', '--fields=+KnsZl', '-f', '-', '.'], {
    cwd: directory,
    encoding: 'utf8',
    maxBuffer: 1 << 30,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return output
    .split('\n')
    .filter((line) => line.startsWith('{"_type": "tag"'))
    .map((line) => JSON.parse(line) as Tag)
    .map((tag) => ({ ...tag, path: path.normalize(tag.path) }));
}

for (const directory of process.argv.slice(2)) console.log(JSON.stringify(await symbolRecall(directory)));
