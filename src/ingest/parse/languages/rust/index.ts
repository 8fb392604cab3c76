import type { LanguageDefinition } from '../../language.ts';
import definitions from './definitions.scm';
import imports from './imports.scm';
import metrics from './metrics.scm';
import references from './references.scm';
import { readUse } from './use-tree.ts';

/** `pub(crate) impl T`, which macros for extension traits read; the language itself knows no visibility there. */
const VISIBLE_IMPL = /^([ \t]*)(pub(?:\([^()\n]*\))?)(?=[ \t]+(?:unsafe[ \t]+)?impl\b)/gm;

function blankVisibilityOfImpls(text: string): string {
  return text.replace(VISIBLE_IMPL, (_all, indent: string, word: string) => indent + ' '.repeat(word.length));
}

export const rust: LanguageDefinition = {
  id: 'rust',
  grammar: async () => (await import('@vscode/tree-sitter-wasm/wasm/tree-sitter-rust.wasm')).default,
  queries: { definitions, references, imports, metrics },
  selfNames: ['self', 'Self'],
  prepare: blankVisibilityOfImpls,
  // Variants and the items of a trait are as visible as what holds them.
  exported: ({ marked, parent, kind }) =>
    marked ||
    (parent?.exported === true && (parent.kind === 'trait' || (parent.kind === 'enum' && kind !== 'method'))),
  readImport: readUse,
};
