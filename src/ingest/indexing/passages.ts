import { passageText } from '../../models/embedded/passage.ts';
import type { BlobFacts } from '../parse/facts.ts';
import { linesOf } from '../parse/lines.ts';

/**
 * What a model reads of each chunk, in their order: name and signature of the symbol it belongs to, then the lines,
 * documentation included. No path: a blob is embedded once, wherever it stands.
 */
export function passagesOf(facts: BlobFacts): string[] {
  if (facts.chunks.length === 0) return [];
  const { starts } = linesOf(facts.text);
  return facts.chunks.map(({ startLine, endLine, symbol }) => {
    const lines = facts.text.slice(starts[startLine - 1] ?? 0, starts[endLine]);
    const { qualifiedName: name = '', signature = '' } = (symbol !== null && facts.symbols[symbol]) || {};
    return passageText({ path: '', name, signature, source: lines });
  });
}
