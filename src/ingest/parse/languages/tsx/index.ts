import type { LanguageDefinition } from '../../language.ts';
import { typescript } from '../typescript/index.ts';
import components from './components.scm';

/** TypeScript with JSX: the same facts by another grammar; rendering a component counts as calling it. */
export const tsx: LanguageDefinition = {
  ...typescript,
  id: 'tsx',
  // A line that starts with `<T` is an element here.
  repair: undefined,
  grammar: async () => (await import('@vscode/tree-sitter-wasm/wasm/tree-sitter-tsx.wasm')).default,
  queries: { ...typescript.queries, references: `${typescript.queries.references}\n${components}` },
};
