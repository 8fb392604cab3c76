import { lastSegment } from '../../paths.ts';
import { lineCount, snippetOf } from '../lines.ts';
import { callsReaching, type ReachingCall } from './call-sites.ts';
import { type SymbolSummary, summariesOf } from './details.ts';
import type { Definition } from './facts.ts';
import { type SymbolQuery, selectDefinitions } from './select.ts';
import { factsOf, type OpenSnapshot, textsOf, treeOf } from './snapshot.ts';

/** A place that calls the symbol: the symbol around the call, or the file where there is none. */
export interface CallerItem {
  name: string;
  qualifiedName: string;
  /** Kind of the calling symbol; `file` for calls at the top level of a file. */
  kind: string;
  filePath: string;
  /** The line of the call. */
  line: number;
  callerStartLine: number;
  callerEndLine: number;
  confidence: number;
  resolution: string;
  snippet: string;
  /** Which of the definitions is called. */
  target: { qualifiedName: string; filePath: string; startLine: number };
}

export interface PageOptions {
  limit: number;
  offset: number;
  /** Edges below are left out, 0–1. */
  minConfidence: number;
}

export interface CallersAnswer {
  symbol: SymbolSummary;
  definitions: SymbolSummary[];
  callers: CallerItem[];
  total: number;
  truncated: boolean;
}

/** Definitions that one answer lists; all of them take part. */
export const MAX_LISTED = 50;

/**
 * Who calls a symbol.
 * @throws Problem `not_found` with `suggestions`
 */
export async function callersOf(
  snapshot: OpenSnapshot,
  query: SymbolQuery,
  page: PageOptions,
): Promise<CallersAnswer> {
  const tree = await treeOf(snapshot);
  const definitions = await selectDefinitions(snapshot, tree, query);
  const { calls, truncated } = await callsReaching(snapshot, tree, factsOf(snapshot, tree), definitions);
  const kept = calls.filter((call) => call.confidence >= page.minConfidence);
  const shown = kept.slice(page.offset, page.offset + page.limit);
  const [details, callers] = await Promise.all([
    summariesOf(snapshot, definitions.slice(0, MAX_LISTED)),
    describe(snapshot, shown),
  ]);
  return { symbol: details[0]!, definitions: details, callers, total: kept.length, truncated };
}

async function describe(snapshot: OpenSnapshot, calls: readonly ReachingCall[]): Promise<CallerItem[]> {
  const texts = await textsOf(snapshot)([...new Set(calls.map((call) => call.site.blob))]);
  return calls.map(({ site, definition, confidence, resolution }) => {
    const text = texts.get(site.blob) ?? '';
    const caller = site.caller ?? {
      name: lastSegment(site.path),
      qualifiedName: site.path,
      kind: 'file',
      startLine: 1,
      endLine: Math.max(1, lineCount(text)),
    };
    return {
      name: caller.name,
      qualifiedName: caller.qualifiedName,
      kind: caller.kind,
      filePath: site.path,
      line: site.line,
      callerStartLine: caller.startLine,
      callerEndLine: caller.endLine,
      confidence,
      resolution,
      snippet: snippetOf(text, site.line),
      target: placeOf(definition),
    };
  });
}

export function placeOf(definition: Definition) {
  return {
    qualifiedName: definition.qualifiedName,
    filePath: definition.path,
    startLine: definition.startLine,
  };
}
