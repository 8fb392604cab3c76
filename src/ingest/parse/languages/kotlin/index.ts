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
};

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
