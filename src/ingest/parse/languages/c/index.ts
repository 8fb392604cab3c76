import type { SymbolKind } from '../../facts.ts';
import type { DefinitionView, LanguageDefinition } from '../../language.ts';
import { flattenConditionals } from './conditionals.ts';
import definitions from './definitions.scm';
import imports from './imports.scm';
import { blankLoneCalls, blankMacros } from './macros.ts';
import metrics from './metrics.scm';
import references from './references.scm';

export const c: LanguageDefinition = {
  id: 'c',
  grammar: async () => (await import('tree-sitter-c/tree-sitter-c.wasm')).default,
  queries: { definitions, references, imports, metrics },
  selfNames: [],
  prepare: blankMacros,
  repair: repairC,
  dialect: (text) => (isCpp(text) ? 'cpp' : 'c'),
  kind: kindOf,
  isSpurious,
  exported: isVisible,
};

/** C++ in a `.h`: words that C has no use for, at the start of a line. */
const CPP =
  /^[ \t]*(?:(?:class|namespace|template|using|virtual|explicit|mutable|friend)\b[ \t]*[<{:\w][^;=()\n]*|(?:public|private|protected)[ \t]*:|#[ \t]*include[ \t]*<(?:string|vector|map|set|memory|utility|functional|type_traits|algorithm|iostream|cstdint|cstddef|cstdio|cstring|cstdlib|array|unordered_map|optional)>)/m;

/** What only a C++ compiler sees of a header for C. The bound keeps a file of nothing but such lines cheap. */
const CPP_ONLY =
  /^[ \t]*#[ \t]*if(?:def[ \t]+__cplusplus|[ \t]+defined[ \t(]*__cplusplus)[\s\S]{0,2000}?^[ \t]*#[ \t]*(?:endif|else)/gm;

/** True when a header is C++. Comments may say "class of …", so they are left out. */
export function isCpp(text: string): boolean {
  return CPP.test(withoutComments(text).replace(CPP_ONLY, ''));
}

function withoutComments(text: string): string {
  let out = '';
  let from = 0;
  for (let at = text.indexOf('/'); at !== -1; at = text.indexOf('/', at)) {
    const next = text[at + 1];
    if (next !== '*' && next !== '/') {
      at++;
      continue;
    }
    const end = next === '*' ? text.indexOf('*/', at + 2) : text.indexOf('\n', at);
    out += text.slice(from, at);
    if (end === -1) return out;
    from = next === '*' ? end + 2 : end;
    at = from;
  }
  return out + text.slice(from);
}

/** The second try, when the text as it stands has errors. */
export function repairC(text: string): string | null {
  const repaired = blankLoneCalls(flattenConditionals(text) ?? text);
  return repaired === text ? null : repaired;
}

/** Everything but `static` functions and variables of a file, and what they hold. */
function isVisible(definition: DefinitionView): boolean {
  if (definition.parent) return definition.parent.exported;
  return !/\bstatic\b/.test(headOf(definition));
}

/** No functions in functions: what reads like one is a local `T x(y);` or a statement that a macro spoilt. */
export function isSpurious({
  name,
  kind,
  local,
}: {
  name: string;
  kind: SymbolKind;
  local: boolean;
}): boolean {
  return (kind === 'function' || kind === 'method') && (local || STATEMENTS.has(name));
}

/** A variable is a constant when `const` stands after its last `*`, and a member when its type does. */
export function kindOf(definition: Omit<DefinitionView, 'marked'>): SymbolKind {
  const { kind } = definition;
  if (kind !== 'variable') return kind;
  return /\b(?:const|constexpr|constinit)\b[^*]*$/.test(headOf(definition)) ? 'constant' : 'variable';
}

/** Words that broken code makes look like names of functions. */
const STATEMENTS = new Set([
  'if',
  'for',
  'while',
  'switch',
  'return',
  'else',
  'do',
  'sizeof',
  'defined',
  'catch',
]);

/** The signature up to the name. */
function headOf({ name, signature }: { name: string; signature: string }): string {
  for (let at = signature.indexOf(name); at !== -1; at = signature.indexOf(name, at + 1)) {
    if (!isWord(signature[at - 1]) && !isWord(signature[at + name.length])) return signature.slice(0, at);
  }
  return signature;
}

function isWord(char: string | undefined): boolean {
  return char !== undefined && /\w/.test(char);
}
