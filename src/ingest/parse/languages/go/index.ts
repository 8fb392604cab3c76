import type { LanguageDefinition } from '../../language.ts';
import definitions from './definitions.scm';
import imports from './imports.scm';
import metrics from './metrics.scm';
import references from './references.scm';

export const go: LanguageDefinition = {
  id: 'go',
  grammar: async () => (await import('@vscode/tree-sitter-wasm/wasm/tree-sitter-go.wasm')).default,
  queries: { definitions, references, imports, metrics },
  selfNames: [],
  // A capital letter exports; members of an unexported type may still be reached through an interface.
  exported: ({ name, parent }) =>
    /^\p{Lu}/u.test(name) && (parent === null || (parent.kind !== 'function' && parent.kind !== 'method')),
};
