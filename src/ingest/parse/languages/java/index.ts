import type { SymbolKind } from '../../facts.ts';
import type { DefinitionView, LanguageDefinition } from '../../language.ts';
import definitions from './definitions.scm';
import imports from './imports.scm';
import metrics from './metrics.scm';
import references from './references.scm';

export const java: LanguageDefinition = {
  id: 'java',
  grammar: async () => (await import('@vscode/tree-sitter-wasm/wasm/tree-sitter-java.wasm')).default,
  queries: { definitions, references, imports, metrics },
  selfNames: ['this'],
  superNames: ['super'],
  implicitSelf: true,
  exported: isVisible,
  kind: kindOf,
};

/** Modifiers stand before everything else; annotations among them. */
const MODIFIERS =
  /^(?:@[\w.]+(?:\([^)]*\))? |(?:public|protected|private|static|final|abstract|synchronized|transient|volatile|native|strictfp|default|sealed|non-sealed) )*/;

function modifiers(signature: string): string {
  return MODIFIERS.exec(signature)?.[0] ?? '';
}

/** Everything but `private`: package-private names are used across the files of a package. */
function isVisible({ kind, signature, parent }: DefinitionView): boolean {
  if (kind === 'namespace') return true;
  return (parent?.exported ?? true) && !/\bprivate\b/.test(modifiers(signature));
}

function kindOf({ kind, signature }: Omit<DefinitionView, 'marked'>): SymbolKind {
  const found = modifiers(signature);
  return kind === 'field' && /\bstatic\b/.test(found) && /\bfinal\b/.test(found) ? 'constant' : kind;
}
