import { callsTo, callsWithin } from '../../store/navigation.ts';
import { snippetOf } from '../lines.ts';
import { MAX_SITES, sitesOf, sitesOfAll } from './call-sites.ts';
import { MAX_LISTED, type PageOptions } from './callers.ts';
import { complete } from './conventions.ts';
import type { FactStore } from './demand.ts';
import { type SymbolSummary, summariesOf } from './details.ts';
import { type CallSite, type Definition, keyOf } from './facts.ts';
import { type Edge, resolveOne } from './resolve.ts';
import { type SymbolQuery, selectDefinitions } from './select.ts';
import { factsOf, type OpenSnapshot, type SnapshotTree, textsOf, treeOf } from './snapshot.ts';

/** A call in the symbol's body and where it leads. */
export interface CalleeItem {
  name: string;
  qualifiedName: string;
  kind: string;
  /** Where the callee is defined. */
  filePath: string;
  calleeStartLine: number;
  calleeEndLine: number;
  /** The call: its file and line. */
  callFilePath: string;
  line: number;
  confidence: number;
  resolution: string;
  snippet: string;
}

export interface CalleesAnswer {
  symbol: SymbolSummary;
  definitions: SymbolSummary[];
  callees: CalleeItem[];
  total: number;
  /** Calls in the body that lead out of the repository or to local values. */
  unresolved: number;
  truncated: boolean;
}

/** Definitions whose bodies are read, and calls read of each. */
const MAX_BODIES = 50;
const MAX_CALLS = 2_000;

/**
 * What a symbol calls: every call in its lines, nested functions and methods of a class included.
 * @throws Problem `not_found` with `suggestions`
 */
export async function calleesOf(
  snapshot: OpenSnapshot,
  query: SymbolQuery,
  page: PageOptions,
): Promise<CalleesAnswer> {
  const tree = await treeOf(snapshot);
  const definitions = await selectDefinitions(snapshot, tree, query);
  const bodies = definitions.slice(0, MAX_BODIES);
  const rows = await Promise.all(bodies.map((body) => callsWithin(snapshot, body, MAX_CALLS)));
  const sites = bodies.flatMap((body, index) =>
    rows[index]!.flatMap((row) => sitesOf(row, tree.paths)).filter((site) => site.path === body.path),
  );
  const store = factsOf(snapshot, tree);
  const resolved = await resolveWithin(snapshot, tree, store, sites);
  const edges = resolved.flatMap(({ site, edges: reached }) =>
    distinct(reached)
      .filter((edge) => edge.confidence >= page.minConfidence)
      .map((edge) => ({ site, edge })),
  );
  const shown = edges.slice(page.offset, page.offset + page.limit);
  const [details, texts] = await Promise.all([
    summariesOf(snapshot, definitions.slice(0, MAX_LISTED)),
    textsOf(snapshot)([...new Set(shown.map(({ site }) => site.blob))]),
  ]);
  return {
    symbol: details[0]!,
    definitions: details,
    callees: shown.map(({ site, edge }) => describe(site, edge, texts.get(site.blob) ?? '')),
    total: edges.length,
    unresolved: resolved.filter(({ edges: reached }) => reached.length === 0).length,
    truncated:
      store.truncated || definitions.length > MAX_BODIES || rows.some((list) => list.length === MAX_CALLS),
  };
}

/** Resolves the calls of a body; those whose receiver nothing tells, together with the rest of their callee's sites. */
async function resolveWithin(
  snapshot: OpenSnapshot,
  tree: SnapshotTree,
  store: FactStore,
  sites: readonly CallSite[],
): Promise<{ site: CallSite; edges: Edge[] }[]> {
  const alone = await store.each(sites, resolveOne);
  const names = new Set(sites.filter((_, index) => alone[index]!.open).map((site) => site.callee));
  const rows = await callsTo(snapshot, [...names], MAX_SITES);
  const others = sitesOfAll(rows, tree.paths);
  const together = complete(others, await store.each(others, resolveOne));
  const completed = new Map(others.map((site, index) => [keyOf(site), together[index]!]));
  return sites.map((site, index) => {
    const { edges, open } = alone[index]!;
    return { site, edges: open ? (completed.get(keyOf(site)) ?? edges) : edges };
  });
}

function describe(site: CallSite, { definition, confidence, resolution }: Edge, text: string): CalleeItem {
  return {
    name: definition.name,
    qualifiedName: definition.qualifiedName,
    kind: definition.kind,
    filePath: definition.path,
    calleeStartLine: definition.startLine,
    calleeEndLine: definition.endLine,
    callFilePath: site.path,
    line: site.line,
    confidence,
    resolution,
    snippet: snippetOf(text, site.line),
  };
}

/** Overloads of one name in one file are one callee: the likeliest stands for them. */
function distinct(edges: readonly Edge[]): Edge[] {
  const best = new Map<string, Edge>();
  for (const edge of edges) {
    const id = isOverload(edge.definition)
      ? `${edge.definition.path}\0${edge.definition.qualifiedName}`
      : keyOf(edge.definition);
    if (!best.has(id)) best.set(id, edge);
  }
  return [...best.values()];
}

function isOverload(definition: Definition): boolean {
  return definition.kind === 'function' || definition.kind === 'method';
}
