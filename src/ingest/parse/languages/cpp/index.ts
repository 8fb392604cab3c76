import type { SymbolKind } from '../../facts.ts';
import type { DefinitionView, LanguageDefinition } from '../../language.ts';
import { typeName } from '../../references.ts';
import cDefinitions from '../c/definitions.scm';
import cImports from '../c/imports.scm';
import { isSpurious, kindOf, repairC } from '../c/index.ts';
import { blankMacros } from '../c/macros.ts';
import cMetrics from '../c/metrics.scm';
import cReferences from '../c/references.scm';
import definitions from './definitions.scm';
import imports from './imports.scm';
import metrics from './metrics.scm';
import references from './references.scm';

/** C++ is C and more: its queries stand after those of C, whose node types its grammar shares. */
export const cpp: LanguageDefinition = {
  id: 'cpp',
  grammar: async () => (await import('@vscode/tree-sitter-wasm/wasm/tree-sitter-cpp.wasm')).default,
  queries: {
    definitions: `${cDefinitions}\n${definitions}`,
    references: `${cReferences}\n${references}`,
    imports: `${cImports}\n${imports}`,
    metrics: `${cMetrics}\n${metrics}`,
  },
  selfNames: ['this', '(*this)'],
  implicitSelf: true,
  prepare: blankMacros,
  repair: repairC,
  kind: memberKind,
  isSpurious,
  exported: isVisible,
  typeName: pointedType,
};

/** As in C; `static constexpr` and `static const` members are constants. */
function memberKind(definition: Omit<DefinitionView, 'marked'>): SymbolKind {
  const isConstant =
    definition.kind === 'field' &&
    /^(?:inline |static )*(?:constexpr|static const)\b/.test(definition.signature);
  return isConstant ? 'constant' : kindOf(definition);
}

/** Linkage, not access: a private member is still named from other files (its definition, its friends). */
function isVisible(definition: DefinitionView): boolean {
  if (definition.parent) return definition.parent.exported;
  return !/^(?:inline |constexpr )*static\b/.test(definition.signature);
}

/** Smart pointers and references are used as what they point to: `std::unique_ptr<ns::Foo>` is a Foo. */
function pointedType(text: string): string | null {
  const held =
    /^(?:const )?(?:\w+::)*(?:unique_ptr|shared_ptr|weak_ptr|optional|reference_wrapper|intrusive_ptr|scoped_refptr|not_null)\s*<\s*(?:const\s+)?([^<>,]+)/.exec(
      text,
    );
  return typeName(held ? held[1]! : text);
}
