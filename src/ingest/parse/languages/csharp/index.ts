import type { SymbolKind } from '../../facts.ts';
import type { DefinitionView, LanguageDefinition } from '../../language.ts';
import definitions from './definitions.scm';
import imports from './imports.scm';
import metrics from './metrics.scm';
import references from './references.scm';

export const csharp: LanguageDefinition = {
  id: 'csharp',
  grammar: async () => (await import('@vscode/tree-sitter-wasm/wasm/tree-sitter-c-sharp.wasm')).default,
  queries: { definitions, references, imports, metrics },
  selfNames: ['this'],
  superNames: ['base'],
  implicitSelf: true,
  exported: isVisible,
  kind: kindOf,
  stripComment: stripXml,
};

const VISIBLE = /^(?:\[[^\]]*\] ?)*(?:\w+ )*?(?:public|protected|internal)\b/;

/** `public`, `protected` and `internal` are seen by other files; members of interfaces and enums are as public as those. */
function isVisible({ kind, signature, parent, marked }: DefinitionView): boolean {
  if (kind === 'namespace' || marked) return parent?.exported ?? true;
  if (!parent || parent.kind === 'namespace')
    return !/^(?:\[[^\]]*\] ?)*(?:\w+ )*?(?:private|file)\b/.test(signature);
  if (parent.kind === 'interface' || parent.kind === 'enum') return parent.exported;
  return parent.exported && VISIBLE.test(signature);
}

function kindOf({ kind, signature }: Omit<DefinitionView, 'marked'>): SymbolKind {
  return kind === 'field' &&
    /^(?:\[[^\]]*\] ?)*(?:\w+ )*?(?:const |static readonly |readonly static )/.test(signature)
    ? 'constant'
    : kind;
}

/** `/// <summary>Text of <see cref="T"/>.</summary>` → `Text of T.` */
function stripXml(text: string): string {
  // Far more than documentation keeps; the patterns below look ahead.
  const comment = text.slice(0, 8000);
  const lines = comment.startsWith('/*')
    ? comment
        .replace(/^\/\*+/, '')
        .replace(/\*+\/$/, '')
        .split('\n')
        .map((line) => line.replace(/^\s*\* ?/, ''))
    : comment.split('\n').map((line) => line.replace(/^\s*\/{2,} ?/, ''));
  return lines
    .join('\n')
    .replace(/<(?:see|seealso|paramref|typeparamref)\b[^>]*?"(?:[A-Z]:)?([^"]*)"[^>]*>/g, '$1')
    .replace(/<param\b[^>]*?name="([^"]*)"[^>]*>/g, '$1: ')
    .replace(/<\/?[a-zA-Z][^<>]{0,200}>/g, '')
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&amp;/g, '&')
    .split('\n')
    .map((line) => line.trim())
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim();
}
