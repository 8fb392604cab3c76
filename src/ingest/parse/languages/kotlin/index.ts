import type { ImportFact, SymbolKind } from '../../facts.ts';
import type { DefinitionView, LanguageDefinition } from '../../language.ts';
import definitions from './definitions.scm';
import imports from './imports.scm';
import metrics from './metrics.scm';
import references from './references.scm';

export const kotlin: LanguageDefinition = {
  id: 'kotlin',
  grammar: async () =>
    (await import('@tree-sitter-grammars/tree-sitter-kotlin/tree-sitter-kotlin.wasm')).default,
  queries: { definitions, references, imports, metrics },
  selfNames: ['this'],
  superNames: ['super'],
  implicitSelf: true,
  exported: isVisible,
  kind: kindOf,
  readImport,
  prepare,
  repair: closeStatements,
  maxLine: 2000,
};

/** Soft keywords before `class` that the grammar takes for names after an annotation: `open` stands in for them. */
const SOFT_MODIFIER = /\b(?:annotation|value|data|inner)(?=\s+(?:class|object)\b)/g;

/** A primary constructor on the line after the name of its class. */
const WRAPPED_CONSTRUCTOR =
  /(\bclass\s+\w+(?:<[^<>{}()]{0,200}>)?)(\s{1,200})(?=(?:@\w+(?:\([^()\n]{0,100}\))?\s{1,200}|(?:internal|private|public|protected|actual|expect)\s{1,200}){0,6}constructor\b)/g;

/** `interface A { fun run() }` on one line: the grammar looks for the body of the function beyond the brace. */
const ONE_LINE_DECLARATION = /(\bfun\b[^{}=\n;]{0,300}?[)\w>?]) (?=\s{0,200}\})/g;

function closeStatements(text: string): string | null {
  const closed = text.replace(ONE_LINE_DECLARATION, '$1;');
  return closed === text ? null : closed;
}

/** Spells what the grammar misreads in words of the same length that it reads right. */
function prepare(text: string): string {
  return text
    .replace(SOFT_MODIFIER, (word) => 'open'.padEnd(word.length))
    .replace(WRAPPED_CONSTRUCTOR, (_all, head: string, gap: string) => head + gap.replace(/\s/g, ' '));
}

const HIDDEN = /^(?:@[\w.:]+(?:\([^)]*\))? |\w+ )*?private\b/;

/** Public unless it says `private`; `internal` and `protected` are seen by other files. */
function isVisible({ signature, parent }: DefinitionView): boolean {
  return (parent?.exported ?? true) && !HIDDEN.test(signature);
}

/** Properties of a type are its fields; a `val` in upper case is a constant by convention. */
function kindOf({ name, kind, signature, parent }: Omit<DefinitionView, 'marked'>): SymbolKind {
  if (kind !== 'variable') return kind;
  if (/^[A-Z][A-Z0-9_]+$/.test(name) && /\bval\b/.test(signature)) return 'constant';
  return parent && parent.kind !== 'namespace' ? 'field' : 'variable';
}

/** `import a.b.C`, `import a.b.C as D`, `import a.b.*` */
function readImport(text: string): Omit<ImportFact, 'line'>[] {
  const found = /^import\s+([^\s]+)\.([^\s.;]+)(?:\s+as\s+([^\s;]+))?/.exec(text);
  if (!found) return [];
  const [, source, name, alias] = found;
  const star = name === '*';
  return [
    {
      source: source!,
      name: name!,
      alias: star ? '' : (alias ?? name!),
      isDefault: false,
      isReexport: false,
    },
  ];
}
