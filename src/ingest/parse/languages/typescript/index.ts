import type { LanguageDefinition } from '../../language.ts';
import { separateCallSignatures } from './call-signatures.ts';
import definitions from './definitions.scm';
import imports from './imports.scm';
import metrics from './metrics.scm';
import references from './references.scm';

export const typescript: LanguageDefinition = {
  id: 'typescript',
  grammar: async () => (await import('@vscode/tree-sitter-wasm/wasm/tree-sitter-typescript.wasm')).default,
  queries: { definitions, references, imports, metrics },
  selfNames: ['this'],
  superNames: ['super'],
  repair: separateCallSignatures,
};
