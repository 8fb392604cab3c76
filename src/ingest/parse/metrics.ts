import type { RawFacts, Span } from './captures.ts';
import type { BlobMetrics } from './facts.ts';
import { type Region, regionAt, type SymbolTable } from './symbols.ts';

/** McCabe complexity of all named functions together: 1 each, and 1 for each decision inside of them. */
export function metricsOf(raw: RawFacts, table: SymbolTable, lineCount: number): BlobMetrics {
  const functions = table.symbols.filter(
    (symbol) => symbol.kind === 'function' || symbol.kind === 'method',
  ).length;
  let decisions = 0;
  for (const at of new Set(raw.branches)) if (insideFunction(table.regions, at)) decisions++;
  return { lines: lineCount, complexity: functions + decisions, maxNesting: deepest(raw.nests), functions };
}

function insideFunction(regions: readonly Region[], offset: number): boolean {
  for (let at = regionAt(regions, offset); at >= 0; at = regions[at]!.enclosing) {
    const { kind } = regions[at]!;
    if (kind === 'function' || kind === 'method') return true;
  }
  return false;
}

function deepest(spans: readonly Span[]): number {
  const open: number[] = [];
  let most = 0;
  for (const span of [...spans].sort((a, b) => a.start - b.start || b.end - a.end)) {
    while (open.length > 0 && open.at(-1)! <= span.start) open.pop();
    open.push(span.end);
    if (open.length > most) most = open.length;
  }
  return most;
}
