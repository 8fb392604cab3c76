import type { LanguageDefinition } from '../../language.ts';
import definitions from './definitions.scm';
import imports from './imports.scm';
import metrics from './metrics.scm';
import references from './references.scm';

export const python: LanguageDefinition = {
  id: 'python',
  grammar: async () => (await import('@vscode/tree-sitter-wasm/wasm/tree-sitter-python.wasm')).default,
  queries: { definitions, references, imports, metrics },
  selfNames: ['self', 'cls'],
  superNames: ['super()'],
  // By convention: a leading underscore is private, except the protocol methods of a public class.
  exported: ({ name, parent }) =>
    (!name.startsWith('_') || /^__\w+__$/.test(name)) &&
    (parent === null || (parent.exported && parent.kind === 'class')),
  kind: ({ name, kind, parent }) => {
    if (kind !== 'variable') return kind;
    if (parent?.kind === 'class') return 'field';
    return /^_*[A-Z][A-Z0-9_]*$/.test(name) ? 'constant' : 'variable';
  },
};
