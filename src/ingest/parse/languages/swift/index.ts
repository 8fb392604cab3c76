import type { ImportFact, SymbolKind } from '../../facts.ts';
import type { DefinitionView, LanguageDefinition } from '../../language.ts';
import definitions from './definitions.scm';
import imports from './imports.scm';
import metrics from './metrics.scm';
import references from './references.scm';

export const swift: LanguageDefinition = {
  id: 'swift',
  grammar: async () => (await import('@repomix/tree-sitter-wasms/out/tree-sitter-swift.wasm')).default,
  queries: { definitions, references, imports, metrics },
  selfNames: ['self', 'Self'],
  superNames: ['super'],
  implicitSelf: true,
  exported: isVisible,
  kind: kindOf,
  readImport,
  repair: blankConditions,
};

/** The grammar knows `#if` around statements, not among the members of a type: there the directives are left out. */
function blankConditions(text: string): string | null {
  const blanked = text.replace(/^[ \t]*#(?:if|elseif|else|endif)\b[^\r\n]*/gm, (line) =>
    ' '.repeat(line.length),
  );
  return blanked === text ? null : blanked;
}

/** Internal is the default and means the whole module: only `private` and `fileprivate` hide a name from other files. */
function isVisible({ signature, parent }: DefinitionView): boolean {
  return (
    (parent?.exported ?? true) &&
    !/^(?:@\w+(?:\([^)]*\))? |\w+ )*?(?:private|fileprivate)\b(?!\(set\))/.test(signature)
  );
}

/** Properties of a type are its fields, `static let` its constants, as is a `let` of the file. */
function kindOf({ kind, signature, parent }: Omit<DefinitionView, 'marked'>): SymbolKind {
  if (kind !== 'variable') return kind;
  const inType = parent !== null;
  if (/\blet\b/.test(signature) && (!inType || /\bstatic\b/.test(signature))) return 'constant';
  return inType ? 'field' : 'variable';
}

/** `import M`, `@testable import M`, `import struct M.S` */
function readImport(text: string): Omit<ImportFact, 'line'>[] {
  const found =
    /\bimport\s+(?:(?:typealias|struct|class|enum|protocol|let|var|func)\s+([\w.]+)\.(\w+)|([\w.]+))/.exec(
      text,
    );
  if (!found) return [];
  const isReexport = /@_exported\b/.test(text);
  const [, owner, member, module] = found;
  if (member) return [{ source: owner!, name: member, alias: member, isDefault: false, isReexport }];
  return [{ source: module!, name: '*', alias: '', isDefault: false, isReexport }];
}
