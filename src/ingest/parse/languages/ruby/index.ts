import type { ImportFact } from '../../facts.ts';
import type { LanguageDefinition } from '../../language.ts';
import definitions from './definitions.scm';
import imports from './imports.scm';
import metrics from './metrics.scm';
import references from './references.scm';

export const ruby: LanguageDefinition = {
  id: 'ruby',
  grammar: async () => (await import('@vscode/tree-sitter-wasm/wasm/tree-sitter-ruby.wasm')).default,
  queries: { definitions, references, imports, metrics },
  selfNames: ['self'],
  superNames: ['super'],
  // `@cache` is read as the field of the class around it.
  implicitSelf: true,
  exported: ({ parent }) => parent?.exported ?? true,
  isDirective: (comment) =>
    /^#\s*(?:!|-\*-|frozen_string_literal|encoding|coding|rubocop:|typed:|:nodoc:)/i.test(comment),
  readImport: readRelative,
};

/** The path of a `require_relative`, marked as relative to the file. */
function readRelative(text: string): Omit<ImportFact, 'line'>[] {
  const path = /^["'](.+)["']$/.exec(text)?.[1];
  if (!path) return [];
  const source = path.startsWith('.') ? path : `./${path}`;
  return [{ source, name: '*', alias: '', isDefault: false, isReexport: false }];
}
