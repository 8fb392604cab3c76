import type { ImportFact } from '../../facts.ts';
import type { DefinitionView, LanguageDefinition } from '../../language.ts';
import definitions from './definitions.scm';
import imports from './imports.scm';
import metrics from './metrics.scm';
import references from './references.scm';

export const php: LanguageDefinition = {
  id: 'php',
  grammar: async () => (await import('@vscode/tree-sitter-wasm/wasm/tree-sitter-php.wasm')).default,
  queries: { definitions, references, imports, metrics },
  selfNames: ['$this', 'self', 'static'],
  superNames: ['parent'],
  exported: isVisible,
  readImport: readGroup,
};

function isVisible({ signature, parent }: DefinitionView): boolean {
  return (parent?.exported ?? true) && !/^(?:#\[[^\]]*\] ?)*(?:\w+ )*?private\b/.test(signature);
}

/** `use A\{B, C\D as E};`, `use function A\{f, g};` */
function readGroup(text: string): Omit<ImportFact, 'line'>[] {
  const group = /^use\s+(?:function\s+|const\s+)?\\?([\w\\]+?)\\?\s*\{([^}]*)/.exec(text);
  if (!group) return [];
  return group[2]!.split(',').flatMap((clause) => {
    const one = /^\s*(?:function\s+|const\s+)?(?:([\w\\]+)\\)?(\w+)(?:\s+as\s+(\w+))?\s*$/.exec(clause);
    if (!one) return [];
    const [, path, name, alias] = one;
    const source = path ? `${group[1]}\\${path}` : group[1]!;
    return [{ source, name: name!, alias: alias ?? name!, isDefault: false, isReexport: false }];
  });
}
