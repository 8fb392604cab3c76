import { lastSegment } from '../../paths.ts';
import { type ImportRow, subtypesOf, symbolsOfBlob } from '../../store/navigation.ts';
import { callsReaching, type ReachingCall } from './call-sites.ts';
import { MAX_LISTED } from './callers.ts';
import { byPlace, type FactStore, placed } from './demand.ts';
import { type SymbolSummary, summariesOf } from './details.ts';
import { containerOf, type Definition, isMember, isType, keyOf } from './facts.ts';
import { referencesTo } from './references.ts';
import { type SymbolQuery, selectDefinitions } from './select.ts';
import { factsOf, type OpenSnapshot, type SnapshotTree, treeOf } from './snapshot.ts';
import { ancestors } from './types.ts';

/** A symbol (or, for code at file level, a file) that a change of the asked symbol may affect. */
export interface ImpactNode {
  name: string;
  qualifiedName: string;
  kind: string;
  filePath: string;
  startLine: number;
  endLine: number;
  /** The likeliest way from the symbol: the product of its edges. */
  confidence: number;
}

export interface ImpactEdge {
  /** `path#qualifiedName` of who depends, and on whom. */
  from: string;
  to: string;
  line: number;
  /** `call`, `extends` or `import`. */
  kind: 'call' | 'extends' | 'import';
  confidence: number;
  resolution: string;
}

export interface ImpactAnswer {
  symbol: SymbolSummary;
  definitions: SymbolSummary[];
  depth: number;
  levels: { depth: number; nodes: ImpactNode[] }[];
  edges: ImpactEdge[];
  /** Every file that holds a node, sorted. */
  files: string[];
  /** Nodes over all levels. */
  total: number;
  truncated: boolean;
}

export interface ImpactOptions {
  depth: number;
  /** Ways below this confidence are not followed. */
  minConfidence: number;
}

const MAX_NODES = 500;
const MAX_EDGES = 2_000;
const MAX_SUBTYPES = 200;

/** A node on its way: what is known of its definition, for the next level. */
interface Reached {
  node: ImpactNode;
  definition: Definition | null;
}

/**
 * What depends on a symbol, breadth first: callers of callers, subtypes, and for what is not called (types, constants)
 * the files that import it. A class stands for its members too.
 * @throws Problem `not_found` with `suggestions`
 */
export async function impactOf(
  snapshot: OpenSnapshot,
  query: SymbolQuery,
  options: ImpactOptions,
): Promise<ImpactAnswer> {
  const tree = await treeOf(snapshot);
  const definitions = await selectDefinitions(snapshot, tree, query);
  const store = factsOf(snapshot, tree);
  const walk = createWalk(options);
  let frontier = (await withMembers(snapshot, tree, definitions)).map((definition) => walk.start(definition));
  let truncated = false;

  for (let level = 1; level <= options.depth && frontier.length > 0 && !walk.full; level++) {
    const targets = frontier.flatMap(({ definition }) => (definition ? [definition] : []));
    const { calls, truncated: cut } = await callsReaching(snapshot, tree, store, targets);
    truncated ||= cut;
    for (const call of calls) walk.call(level, call);
    for (const { type, base } of await subtypes(snapshot, tree, store, targets))
      walk.extend(level, type, base);
    if (level === 1) {
      for (const { row, path, target } of await importers(snapshot, tree, store, definitions)) {
        walk.import(level, path, row, target);
      }
    }
    frontier = walk.level(level);
  }
  const details = await summariesOf(snapshot, definitions.slice(0, MAX_LISTED));
  return {
    symbol: details[0]!,
    definitions: details,
    depth: options.depth,
    ...walk.result(),
    truncated: truncated || walk.full,
  };
}

/** Collects nodes and edges; a node belongs to the level that reached it first. */
function createWalk({ minConfidence }: ImpactOptions) {
  const seen = new Map<string, Reached>();
  const roots = new Set<string>();
  const levels = new Map<number, Reached[]>();
  const edges = new Map<string, ImpactEdge>();
  let full = false;

  function add(level: number, node: ImpactNode, definition: Definition | null, edge: ImpactEdge): void {
    const id = idOf(node);
    if (node.confidence < minConfidence || edge.from === edge.to) return;
    if (seen.size >= MAX_NODES + roots.size || edges.size >= MAX_EDGES) {
      full = true;
      return;
    }
    const edgeId = `${edge.from}\0${edge.to}\0${edge.kind}`;
    if (!edges.has(edgeId)) edges.set(edgeId, edge);
    const known = seen.get(id);
    if (known) {
      if (!roots.has(id)) known.node.confidence = Math.max(known.node.confidence, node.confidence);
      return;
    }
    const reached = { node, definition };
    seen.set(id, reached);
    levels.set(level, [...(levels.get(level) ?? []), reached]);
  }

  const confidenceOf = (definition: Definition) =>
    seen.get(idOf(nodeOf(definition, 1)))?.node.confidence ?? 1;
  const round = (confidence: number) => Math.round(confidence * 100) / 100;

  return {
    get full() {
      return full;
    },
    start(definition: Definition): Reached {
      const reached = { node: nodeOf(definition, 1), definition };
      seen.set(idOf(reached.node), reached);
      roots.add(idOf(reached.node));
      return reached;
    },
    call(level: number, { site, definition, confidence, resolution }: ReachingCall): void {
      const own = round(confidence * confidenceOf(definition));
      const caller = callerDefinition(site);
      const node = caller ? nodeOf(caller, own) : fileNode(site.path, own);
      const to = idOf(nodeOf(definition, 1));
      add(level, node, caller, {
        from: idOf(node),
        to,
        line: site.line,
        kind: 'call',
        confidence,
        resolution,
      });
    },
    extend(level: number, type: Definition, base: Definition): void {
      const node = nodeOf(type, round(0.95 * confidenceOf(base)));
      const to = idOf(nodeOf(base, 1));
      add(level, node, type, {
        from: idOf(node),
        to,
        line: type.startLine,
        kind: 'extends',
        confidence: 0.95,
        resolution: 'extends',
      });
    },
    import(level: number, path: string, row: ImportRow, target: Definition): void {
      const node = fileNode(path, 0.9);
      const to = idOf(nodeOf(target, 1));
      add(level, node, null, {
        from: idOf(node),
        to,
        line: row.line,
        kind: 'import',
        confidence: 0.9,
        resolution: 'import',
      });
    },
    level: (level: number) => levels.get(level) ?? [],
    result() {
      const shown = [...levels]
        .sort(([a], [b]) => a - b)
        .map(([depth, reached]) => ({
          depth,
          nodes: reached.map(({ node }) => node).sort((a, b) => b.confidence - a.confidence || order(a, b)),
        }));
      const nodes = shown.flatMap((level) => level.nodes);
      return {
        levels: shown,
        edges: [...edges.values()],
        files: [...new Set(nodes.map((node) => node.filePath))].sort(),
        total: nodes.length,
      };
    },
  };
}

function callerDefinition({ caller, blob, path, lang }: ReachingCall['site']): Definition | null {
  if (!caller) return null;
  return { ...caller, blob, path, lang, documentation: null, parent: null, exported: false, bases: [] };
}

/** A class is affected through its members: they are where a change of it starts from. */
async function withMembers(
  snapshot: OpenSnapshot,
  tree: SnapshotTree,
  definitions: readonly Definition[],
): Promise<Definition[]> {
  const members: Definition[] = [];
  for (const type of definitions.filter(isType).slice(0, 20)) {
    const rows = await symbolsOfBlob(snapshot, type.blob);
    members.push(
      ...rows
        .flatMap((row) => placed(row, tree.paths))
        .filter(
          (member) =>
            member.path === type.path &&
            isMember(member) &&
            containerOf(member.qualifiedName) === type.qualifiedName,
        ),
    );
  }
  return [...definitions, ...members];
}

async function subtypes(
  snapshot: OpenSnapshot,
  tree: SnapshotTree,
  store: FactStore,
  targets: readonly Definition[],
): Promise<{ type: Definition; base: Definition }[]> {
  const bases = targets.filter(isType);
  if (bases.length === 0) return [];
  const names = [...new Set(bases.map((base) => base.name))];
  const rows = await subtypesOf(snapshot, names, MAX_SUBTYPES);
  const candidates = rows.flatMap((row) => placed(row, tree.paths)).sort(byPlace);
  return store.run((facts) =>
    candidates.flatMap((type) => {
      const direct = ancestors(facts, type).filter((ancestor) => ancestor.level === 1);
      const base = bases.find((each) => direct.some((ancestor) => keyOf(ancestor.type) === keyOf(each)));
      return base ? [{ type, base }] : [];
    }),
  );
}

/** Files that import what is used without being called: types, constants, variables. */
async function importers(
  snapshot: OpenSnapshot,
  tree: SnapshotTree,
  store: FactStore,
  definitions: readonly Definition[],
): Promise<{ row: ImportRow; path: string; target: Definition }[]> {
  const values = definitions.filter(
    (definition) => definition.kind !== 'function' && !isMember(definition) && definition.kind !== 'class',
  );
  if (values.length === 0) return [];
  const { references } = await referencesTo(snapshot, tree, store, values);
  return references.map(({ row, path, target }) => ({ row, path, target }));
}

function nodeOf(definition: Definition, confidence: number): ImpactNode {
  const { name, qualifiedName, kind, path, startLine, endLine } = definition;
  return { name, qualifiedName, kind, filePath: path, startLine, endLine, confidence };
}

function fileNode(path: string, confidence: number): ImpactNode {
  return {
    name: lastSegment(path),
    qualifiedName: path,
    kind: 'file',
    filePath: path,
    startLine: 1,
    endLine: 1,
    confidence,
  };
}

function idOf({ filePath, qualifiedName, kind }: ImpactNode): string {
  return kind === 'file' ? filePath : `${filePath}#${qualifiedName}`;
}

function order(a: ImpactNode, b: ImpactNode): number {
  return a.filePath === b.filePath ? a.startLine - b.startLine : a.filePath < b.filePath ? -1 : 1;
}
