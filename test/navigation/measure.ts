/** Our edges against TypeScript's: precision, recall and F1 of callers and references, and how well confidence is calibrated. */
import { complete } from '../../src/answer/navigate/conventions.ts';
import { type CallSite, type Definition, isMember, keyOf } from '../../src/answer/navigate/facts.ts';
import { follow } from '../../src/answer/navigate/references.ts';
import { type Edge, resolveOne } from '../../src/answer/navigate/resolve.ts';
import { randomFrom, sample } from '../bench/random.ts';
import type { Corpus } from './corpus.ts';
import { type Place, placeKey, type Truth } from './typescript-truth.ts';

/** Edges from here on count as calls. */
export const COUNTED = 0.5;

export interface Judged {
  site: CallSite;
  /** What the call may reach, as ids of definitions; what is not ours stays a key of the truth. */
  truth: ReadonlySet<string>;
  edges: { id: string; definition: Definition; confidence: number; resolution: string; isRight: boolean }[];
}

export interface Score {
  right: number;
  wrong: number;
  missed: number;
}

/** Overloads and redeclarations of one name are one definition. */
export function idOf({ path, qualifiedName }: Pick<Definition, 'path' | 'qualifiedName'>): string {
  return `${path}#${qualifiedName}`;
}

/** Every call that both sides know, with our edges judged. */
export function judgeCalls(corpus: Corpus, truth: Truth): Judged[] {
  const ids = idsOf(corpus, truth);
  const resolved = corpus.sites.map((site) => resolveOne(corpus.facts, site));
  const edges = complete(corpus.sites, resolved);
  const queues = Map.groupBy(truth.calls, placeKey);
  return corpus.sites.flatMap((site, at): Judged[] => {
    const call = queues.get(placeKey({ path: site.path, line: site.line, name: site.callee }))?.shift();
    if (!call) return [];
    const reached = new Set(call.targets.map((target) => ids.get(target) ?? target));
    return [{ site, truth: reached, edges: judgeEdges(edges[at]!, reached, call.targets, truth, ids) }];
  });
}

/** An edge is right when the call reaches its definition, or what its definition overrides or implements. */
function judgeEdges(
  edges: readonly Edge[],
  reached: ReadonlySet<string>,
  targets: readonly string[],
  truth: Truth,
  ids: ReadonlyMap<string, string>,
): Judged['edges'] {
  const best = new Map<string, Judged['edges'][number]>();
  for (const { definition, confidence, resolution } of edges) {
    const id = idOf(definition);
    if (best.has(id)) continue;
    // `super(…)` and `new` name the class, and reach its constructor.
    const isRight = reached.has(id.replace(/\.constructor$/, '')) || overrides(id, targets, truth, ids);
    best.set(id, { id, definition, confidence, resolution, isRight });
  }
  return [...best.values()];
}

function overrides(
  id: string,
  targets: readonly string[],
  truth: Truth,
  ids: ReadonlyMap<string, string>,
): boolean {
  if (targets.length === 0) return false;
  for (const [member, bases] of truth.overrides)
    if (ids.get(member) === id && targets.some((target) => bases.has(target))) return true;
  return false;
}

/** Our definition at each declaration of the truth: of that name, the innermost around the line. */
export function idsOf(corpus: Corpus, truth: Truth): Map<string, string> {
  const ids = new Map<string, string>();
  for (const [key, place] of truth.declarations) {
    const own = definitionAt(corpus, place);
    if (own) ids.set(key, idOf(own));
  }
  return ids;
}

function definitionAt({ facts }: Corpus, { path, line, name }: Place): Definition | undefined {
  const around = facts
    .definitions(name)
    .filter(
      (definition) => definition.path === path && definition.startLine <= line && line <= definition.endLine,
    );
  return around.sort((a, b) => b.startLine - a.startLine || a.endLine - b.endLine)[0];
}

/**
 * Import sites of each symbol, of the imports that both sides know. A whole module that is imported brings the members that
 * the file names; one that is re-exported, all that it exports.
 */
export function scoreReferences(
  corpus: Corpus,
  truth: Truth,
  ids: ReadonlyMap<string, string>,
  symbols: ReadonlySet<string>,
): Score {
  const score: Score = { right: 0, wrong: 0, missed: 0 };
  const places = new Map(truth.imports.map((one) => [placeKey(one), idsAt(one.targets, ids)]));
  const byId = Map.groupBy(corpus.definitions, idOf);
  for (const symbol of symbols) {
    const definitions = (byId.get(symbol) ?? []).filter((definition) => !isMember(definition));
    const expected = new Set([...places].flatMap(([place, targets]) => (targets.has(symbol) ? [place] : [])));
    for (const place of referencesIn(corpus, definitions)) {
      if (!places.has(place)) continue;
      if (expected.delete(place)) score.right++;
      else score.wrong++;
    }
    if (definitions.length > 0) score.missed += expected.size;
  }
  return score;
}

function idsAt(targets: readonly string[], ids: ReadonlyMap<string, string>): ReadonlySet<string> {
  return new Set(targets.map((target) => ids.get(target) ?? target));
}

/** Rounds of renaming re-exports that are followed. */
const RENAMES = 3;

/** The places of the imports that lead to some definitions of one name, as the index would find them. */
function referencesIn({ facts, imports }: Corpus, definitions: readonly Definition[]): Set<string> {
  const targets = new Map(definitions.map((definition) => [keyOf(definition), definition]));
  const names = new Set(definitions.map(({ name }) => name));
  const found = new Set<string>();
  if (targets.size === 0) return found;
  for (let round = 0; round <= RENAMES; round++) {
    const known = names.size;
    for (const row of imports) {
      if (row.name !== '*' && row.name !== 'default' && !names.has(row.name)) continue;
      for (const { path } of follow(facts, row, targets, names)) {
        found.add(placeKey({ path, line: row.line, name: row.alias || '*' }));
        if (row.isReexport && row.alias !== '') names.add(row.alias);
      }
    }
    if (names.size === known) break;
  }
  return found;
}

/** `declare module '*.css'`: who imports a file of that ending is led to the file, not to what stands in for its type. */
const STANDS_IN = /#\*\./;

/** Symbols of one project, drawn by a seed: half of them share their name with others. */
export function drawSymbols(
  truth: Truth,
  ids: ReadonlyMap<string, string>,
  count: number,
  seed: number,
): string[] {
  const used = new Set([...truth.calls, ...truth.imports].map(({ name }) => name));
  const named = new Map<string, string>();
  for (const [key, { isSymbol, name }] of truth.declarations) {
    const id = ids.get(key) ?? key;
    if (isSymbol && used.has(name) && !STANDS_IN.test(id)) named.set(id, name);
  }
  const byName = Map.groupBy(named, ([, name]) => name);
  const [alone, ambiguous]: [string[], string[]] = [[], []];
  for (const [id, name] of [...named].sort()) (byName.get(name)!.length > 1 ? ambiguous : alone).push(id);
  const random = randomFrom(seed);
  const shared = sample(ambiguous, count / 2, random);
  return [...shared, ...sample(alone, count - shared.length, random)];
}

/** Callers of the definitions of `symbols` (ids), or of all. */
export function scoreCalls(
  judged: readonly Judged[],
  truth: Truth,
  ids: ReadonlyMap<string, string>,
  symbols?: ReadonlySet<string>,
): Score {
  const asked = (id: string) => symbols?.has(id) ?? true;
  const isSymbol = new Set(
    [...truth.declarations].flatMap(([key, { isSymbol: is }]) => (is ? [ids.get(key) ?? key] : [])),
  );
  const score: Score = { right: 0, wrong: 0, missed: 0 };
  for (const { truth: reached, edges } of judged) {
    const counted = edges.filter(({ id, confidence }) => confidence >= COUNTED && asked(id));
    score.right += counted.filter(({ isRight }) => isRight).length;
    score.wrong += counted.filter(({ isRight }) => !isRight).length;
    const found = new Set(counted.map(({ id }) => id));
    for (const id of reached) if (asked(id) && isSymbol.has(id) && !found.has(id)) score.missed++;
  }
  return score;
}

export function precision({ right, wrong }: Score): number {
  return right / (right + wrong);
}

export function recall({ right, missed }: Score): number {
  return right / (right + missed);
}

export function f1(score: Score): number {
  const [p, r] = [precision(score), recall(score)];
  return (2 * p * r) / (p + r);
}

/** Of the edges with a confidence from `from` on and below `to`, how many there are and how many are right. */
export interface Bucket {
  from: number;
  to: number;
  edges: number;
  right: number;
}

const BUCKETS = [0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 1.01];

export function calibration(judged: readonly Judged[]): Bucket[] {
  return BUCKETS.slice(0, -1).map((from, at) => {
    const to = BUCKETS[at + 1]!;
    const edges = judged
      .flatMap((one) => one.edges)
      .filter(({ confidence }) => confidence >= from && confidence < to);
    return { from, to, edges: edges.length, right: edges.filter(({ isRight }) => isRight).length };
  });
}
