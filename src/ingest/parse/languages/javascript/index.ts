import type { LanguageDefinition } from '../../language.ts';
import components from '../tsx/components.scm';
import definitions from './definitions.scm';
import imports from './imports.scm';
import metrics from './metrics.scm';
import references from './references.scm';

export const javascript: LanguageDefinition = {
  id: 'javascript',
  grammar: async () => (await import('@vscode/tree-sitter-wasm/wasm/tree-sitter-javascript.wasm')).default,
  queries: { definitions, references: `${references}\n${components}`, imports, metrics },
  selfNames: ['this'],
  superNames: ['super'],
};
