/**
 * Ranking: candidates with the rank each signal gave them → an order and a score. Pure, so that the golden file
 * (test/golden) shows what a change does, signal by signal.
 *
 * How it works and what each part is worth: README.md beside this file.
 *
 *   reciprocal rank fusion of the lexical side + nearness of vectors, of a type also those of its members
 *   × name (the hit defines what was asked for) × place × path × test and generated demotion × substance
 *   × coherence of the file
 *   → no two hits over the same lines, at most three a file
 */
import type { SymbolRef } from '../../store/hits.ts';
import { splitIdentifier } from '../../words.ts';
import { type CodePlace, namesFile } from './code-place.ts';
import type { Term } from './terms.ts';

/** Lists that are fused. */
export const SIGNALS = ['lexical', 'symbol', 'path', 'exact', 'semantic'] as const;
export type Signal = (typeof SIGNALS)[number];
/** Those that count by their rank. */
const LISTS = SIGNALS.filter((signal) => signal !== 'semantic');

/** What multiplies the fused score. */
export const FACTORS = [
  'name',
  'place',
  'pathWords',
  'demotion',
  'substance',
  'members',
  'coherence',
  'lexicalShare',
] as const;
export type Factor = (typeof FACTORS)[number];

export interface Candidate {
  /** Unique among the candidates. */
  id: string;
  /** The file it stands in; the same for all its candidates. */
  file: string;
  path: string;
  lang: string;
  startLine: number;
  endLine: number;
  /** The symbol or heading it belongs to. */
  symbol: CandidateSymbol | null;
  /** The symbol defined in it by whose name it was found. */
  named: CandidateSymbol | null;
  /** 0-based rank in each list that found it. */
  ranks: Partial<Record<Signal, number>>;
  /** BM25 as a share of the best in its list, 0 to 1. */
  lexicalShare: number;
  /** Cosine of its vector and the question's, 0 where it is not among the nearest. */
  similarity: number;
  /** Where a type begins, the best of what its members were found by; null without such members. */
  members: Evidence | null;
}

/** What speaks for a member of a type. */
export interface Evidence extends Pick<Candidate, 'lexicalShare' | 'similarity'> {
  /** Rank in the lexical list. */
  lexical: number | undefined;
}

/** The better of each. */
export function stronger(a: Evidence | null, b: Evidence): Evidence {
  return {
    lexical: least(a?.lexical, b.lexical),
    lexicalShare: Math.max(a?.lexicalShare ?? 0, b.lexicalShare),
    similarity: Math.max(a?.similarity ?? 0, b.similarity),
  };
}

function least(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);
}

export type CandidateSymbol = Omit<SymbolRef, 'id'>;

export interface RankQuery {
  terms: Term[];
  /** The query reads like an identifier: documentation then yields to code. */
  code: boolean;
  /** Names as typed, so that `route!` and `Route` are told from `route` (terms.ts, `spellings`); none in a question. */
  spelled: ReadonlySet<string>;
  /** Files and lines that the query names: `src/a.ts:12`. */
  places: readonly CodePlace[];
}

export interface RankOptions {
  /** Signals and factors to leave out: for the ablation. */
  without?: ReadonlySet<Signal | Factor>;
  /** Other fusion weights than `WEIGHTS`: each mode has its own. */
  weights?: Record<Signal, number>;
}

export interface Ranked<C extends Candidate = Candidate> {
  candidate: C;
  /** 0 to 1, comparable within one answer. */
  score: number;
}

/**
 * Fusion weights. In a question what is near in meaning leads, as far as it is sure (`nearness`); where a name is asked for,
 * or one text stands out by its words, the lexical side does (`worthOf`).
 */
export const WEIGHTS: Record<Signal, number> = {
  lexical: 1,
  symbol: 0.9,
  path: 0.5,
  exact: 0.5,
  semantic: 6,
};
/** The usual constant of reciprocal rank fusion: places count little, so that the scores behind them decide (`trustIn`). */
const RANK_CONSTANT = 60;
const PER_FILE = 3;

/** Orders candidates, best first, without overlaps and with at most three a file. */
export function rank<C extends Candidate>(
  found: C[],
  query: RankQuery,
  options: RankOptions = {},
): Ranked<C>[] {
  const without = options.without ?? new Set();
  const weights = options.weights ?? WEIGHTS;
  const candidates = without.has('members') ? found : found.map(withMembers);
  const near = nearest(candidates);
  const worth = worthOf(candidates, query);
  const scored = candidates.map((candidate) => ({
    candidate,
    score: scoreOf(candidate, query, weights, without, worth * nearness(candidate.similarity, near)),
  }));
  const cohered = without.has('coherence') ? scored : coherent(scored);
  const order = cohered.filter((each) => each.score > 0).sort(byScore);
  return distinct(order).map(({ candidate, score }) => ({
    candidate,
    score: unit(score),
  }));
}

/** What speaks for the members of a type speaks for the type, a little less. */
const FOR_THE_TYPE = 0.75;

function withMembers<C extends Candidate>(candidate: C): C {
  if (candidate.members === null) return candidate;
  const { lexical, lexicalShare, similarity } = candidate.members;
  const rank = least(candidate.ranks.lexical, lexical);
  return {
    ...candidate,
    ranks: rank === undefined ? candidate.ranks : { ...candidate.ranks, lexical: rank },
    lexicalShare: Math.max(candidate.lexicalShare, FOR_THE_TYPE * lexicalShare),
    similarity: Math.max(candidate.similarity, FOR_THE_TYPE * similarity),
  };
}

/** A ranking continued by a deeper one: what the first holds keeps its place, the rest follows below its last score. */
export function continued<C extends Candidate>(first: Ranked<C>[], deeper: Ranked<C>[]): Ranked<C>[] {
  const last = first.at(-1)?.score ?? 1;
  const rest = deeper.map(({ candidate, score }) => ({ candidate, score: Math.min(score, last) }));
  return distinct([...first, ...rest]);
}

function scoreOf(
  candidate: Candidate,
  query: RankQuery,
  weights: Record<Signal, number>,
  without: ReadonlySet<Signal | Factor>,
  meaning: number,
): number {
  let score = without.has('semantic') ? 0 : weights.semantic * meaning;
  for (const signal of LISTS) {
    const at = candidate.ranks[signal];
    if (at === undefined || without.has(signal)) continue;
    const trust = without.has('lexicalShare') ? 1 : trustIn(signal, candidate, query);
    score += (weights[signal] * trust * RANK_CONSTANT) / (RANK_CONSTANT + at);
  }
  if (!without.has('name')) score *= namedFactor(candidate, query);
  if (!without.has('place')) score *= placeFactor(candidate, query);
  if (!without.has('pathWords')) score *= pathFactor(candidate, query);
  if (!without.has('demotion')) score *= demotion(candidate, query);
  if (!without.has('substance')) score *= substance(candidate, query);
  return score;
}

/** A question whose nearest chunk has this cosine is understood in full. */
const UNDERSTOOD = 0.6;
/** What nearness is worth when parts of a name are asked for: where it is defined says more. */
const OF_NAMES = 0.15;
/** What it loses where one text stands out by its words, as for an error message that was pasted. */
const STANDING_OUT = 0.9;
/** What is left of it in a question whose words few chunks have. */
const FEW_HAVE_THEM = 0.2;
/** As a share of the nearest chunk's cosine: what is farther says nothing. */
const FAR = 0.3;

/** How much the nearness of vectors may say against the words, 0 to 1: nothing where one name is asked for. */
function worthOf(candidates: readonly Candidate[], query: RankQuery): number {
  if (query.code && query.terms.length === 1) return 0;
  const shares = candidates.map(({ lexicalShare }) => lexicalShare).sort((a, b) => b - a);
  const ahead = (shares[0] ?? 0) - (shares[1] ?? 0);
  const among = query.code ? OF_NAMES : FEW_HAVE_THEM + (1 - FEW_HAVE_THEM) * alike(shares);
  return among * (1 - STANDING_OUT * Math.min(1, 2 * ahead));
}

/**
 * Whether the words of a question are as good as none, 0 to 1: many chunks have as many of them as the best has. Where few
 * have them, as where documentation or a message is quoted, they say what is meant.
 */
function alike(shares: readonly number[]): number {
  const tenth = shares[9] ?? 0;
  return Math.max(0, Math.min(1, (tenth - 0.2) / 0.3));
}

function nearest(candidates: readonly Candidate[]): number {
  return candidates.reduce((best, { similarity }) => Math.max(best, similarity), 0);
}

/**
 * What a cosine says, 0 to 1: in the middle between far and nearest, half of what the nearest says. The nearest itself says
 * less where nothing is really near, as for a question about what is not there, or one of many words.
 */
function nearness(similarity: number, near: number): number {
  const far = FAR * near;
  if (similarity <= far) return 0;
  return Math.min(1, near / UNDERSTOOD) * ((similarity - far) / (near - far));
}

/**
 * A rank says nothing of the distance to the next: a first place far ahead of the second (an error message quoted in
 * full) must not be outvoted, and a symbol found by two words of eight is a weak witness.
 */
function trustIn(signal: Signal, candidate: Candidate, query: RankQuery): number {
  if (signal === 'lexical') return 0.2 + 0.8 * candidate.lexicalShare;
  if (signal === 'path') return query.code ? 1 : share(query.terms, wordsOf(candidate.path));
  if (signal !== 'symbol' || candidate.named === null) return 1;
  // A name typed as it is defined says more than how often a chunk repeats it.
  if (query.code) return query.spelled.has(candidate.named.name) ? 1 + prominence(candidate.named) : 1;
  // The words of a question name many symbols by accident.
  return 0.5 * share(query.terms, wordsOf(candidate.named.qualifiedName));
}

/** What the name of a symbol is worth to the parts of its body. */
const INSIDE = 0.3;

/** The better of the symbol it belongs to and the one it was found by; of a long symbol, its head counts most. */
function namedFactor(candidate: Candidate, query: RankQuery): number {
  const { symbol, named, startLine, endLine } = candidate;
  const isHead = symbol !== null && startLine <= symbol.startLine && symbol.startLine <= endLine;
  const own = nameFactor(symbol, query);
  return Math.max(isHead ? own : 1 + (own - 1) * INSIDE, nameFactor(named, query));
}

/** Words of a question in the path tell what the file is about; a name is defined wherever it is defined. */
function pathFactor({ path }: Candidate, query: RankQuery): number {
  return 1 + (query.code ? 0.3 : 0.5) * share(query.terms, wordsOf(path));
}

/** A file named by its path is meant, and of it, whatever else the path's words name, the line that is named with it. */
function placeFactor({ path, startLine, endLine }: Candidate, { places }: RankQuery): number {
  const named = places.filter((place) => namesFile(place, path));
  if (named.length === 0) return 1;
  return named.some(({ line }) => line !== null && startLine <= line && line <= endLine) ? 20 : 2;
}

/** Up to 2.7 for the definition of exactly what was asked for, less for names that hold some of its words. */
export function nameFactor(symbol: CandidateSymbol | null, query: RankQuery): number {
  if (symbol === null || query.terms.length === 0) return 1;
  const name = joined(symbol.name);
  const qualified = joined(symbol.qualifiedName);
  const asked = query.terms.map((term) => term.whole);
  const definition = prominence(symbol);
  const spelled = query.spelled.has(symbol.name) ? 0.5 * definition : 0;
  if (asked.join('') === qualified || asked.join('') === name) return 1 + 1.2 * definition + spelled;
  if (query.code && asked.includes(name)) return 1 + definition + spelled;
  // The words of a question are seldom those of the name.
  const worth = query.code ? 1.2 : 0.8;
  return 1 + worth * definition * share(query.terms, wordsOf(symbol.qualifiedName));
}

/**
 * How likely a symbol is the one that its name stands for, 0 to 1: of several that share it, a definition before a
 * variable, and one near the top of its file before one that is nested deep in another.
 */
function prominence({ kind, qualifiedName }: CandidateSymbol): number {
  const depth = qualifiedName.split('.').length - 1;
  // A nested `type` fills in what a trait or an interface leaves open; the name is its owner's.
  const weight = !DEFINITIONS.has(kind) ? 0.6 : kind === 'type' && depth > 0 ? 0.7 : 1;
  return weight * (1 - 0.08 * Math.min(depth, 4));
}

/** What has a body or describes one. */
const CODE_OR_TYPES: ReadonlySet<string> = new Set([
  'function',
  'method',
  'class',
  'interface',
  'struct',
  'enum',
  'trait',
  'type',
]);

/** The same with what is expanded where it is called. */
export const CALLABLE_OR_TYPE: ReadonlySet<string> = new Set([...CODE_OR_TYPES, 'macro']);

const DEFINITIONS: ReadonlySet<string> = new Set([...CALLABLE_OR_TYPE, 'constant', 'namespace']);

/** How much of the terms' sub-words occur among `words`, 0 to 1. */
function share(terms: Term[], words: Set<string>): number {
  const parts = terms.flatMap((term) => term.parts);
  if (parts.length === 0) return 0;
  return parts.filter((part) => words.has(part) || words.has(`${part}s`)).length / parts.length;
}

function wordsOf(text: string): Set<string> {
  return new Set(splitIdentifier(text));
}

function joined(name: string): string {
  return splitIdentifier(name).join('');
}

const TEST_PATH =
  /(^|\/)(tests?|__tests__|specs?|testing|fixtures?|testdata|mocks?|__mocks__|e2e|benchmarks?)\/|[._-](test|spec|bench)s?\.[^/]+$|(^|\/)(test_[^/]+|[^/]+_test\.[^/]+|conftest\.py)$|Tests?\.(java|kt|cs|swift|php)$/i;
const GENERATED_PATH =
  /(^|\/)(dist|build|out|generated|gen|vendor|third_party|node_modules|snapshots?|__snapshots__)\/|\.(min|generated|pb|g)\.[^/]+$|\.(lock|snap|map)$|\.d\.[cm]?ts$/i;
const CHANGES_PATH = /(^|\/)(changelog|changes|history|news|releases?)(\.[a-z]+)?$/i;
const EXAMPLE_PATH = /(^|\/)(examples?|samples?|demos?)\//i;
const PROSE = new Set(['markdown', 'text']);
const DATA = new Set(['json', 'yaml', 'toml', 'xml', 'csv']);

/** Below 1 for what is rarely the answer, unless the query asks for it by name. */
function demotion(candidate: Candidate, query: RankQuery): number {
  const asks = (words: string[]) =>
    query.terms.some((term) => term.parts.some((part) => words.includes(part)));
  let factor = 1;
  if (TEST_PATH.test(candidate.path) && !asks(['test', 'tests', 'spec', 'bench', 'fixture', 'mock']))
    factor *= query.code ? 0.65 : 0.45;
  // Examples show how a thing is used, not what it is; a question may want just that.
  if (query.code && EXAMPLE_PATH.test(candidate.path) && !asks(['example', 'examples', 'sample', 'demo']))
    factor *= 0.6;
  if (GENERATED_PATH.test(candidate.path)) factor *= 0.6;
  if (CHANGES_PATH.test(candidate.path) && !asks(['changelog', 'release', 'version'])) factor *= 0.4;
  // A question may well be answered by the manual.
  if (query.code && PROSE.has(candidate.lang)) factor *= 0.7;
  if (DATA.has(candidate.lang)) factor *= 0.85;
  return factor;
}

/** Lines beyond which a chunk says no more for being longer, and those that a chunk usually has. */
const LONG = 32;
const USUAL = 8;

/**
 * Both BM25 and the cosine favour what is short, and a question is seldom answered by a line or two; rather by what
 * defines something.
 */
function substance({ startLine, endLine, symbol }: Candidate, { code }: RankQuery): number {
  if (code) return 1;
  const lines = Math.min(LONG, endLine - startLine + 1);
  return (1 + 0.15 * Math.log2(lines / USUAL)) * (symbol && CODE_OR_TYPES.has(symbol.kind) ? 1.35 : 1);
}

interface Scored<C extends Candidate = Candidate> {
  candidate: C;
  score: number;
}

/** A file whose other chunks also match is likelier the right file: up to a tenth more for all of its candidates. */
function coherent<C extends Candidate>(scored: Scored<C>[]): Scored<C>[] {
  const best = new Map<string, number>();
  const total = new Map<string, number>();
  for (const { candidate, score } of scored) {
    best.set(candidate.file, Math.max(best.get(candidate.file) ?? 0, score));
    total.set(candidate.file, (total.get(candidate.file) ?? 0) + score);
  }
  return scored.map(({ candidate, score }) => {
    const top = best.get(candidate.file)!;
    const others = top > 0 ? (total.get(candidate.file)! - top) / top : 0;
    return { candidate, score: score * (1 + 0.1 * Math.min(1, others / 3)) };
  });
}

function byScore(a: Scored, b: Scored): number {
  return (
    b.score - a.score ||
    compare(a.candidate.path, b.candidate.path) ||
    a.candidate.startLine - b.candidate.startLine ||
    compare(a.candidate.id, b.candidate.id)
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Keeps the best of overlapping candidates of a file, and at most three of each. */
function distinct<C extends Candidate>(order: Scored<C>[]): Scored<C>[] {
  const kept = new Map<string, Candidate[]>();
  return order.filter(({ candidate }) => {
    const others = kept.get(candidate.file) ?? [];
    if (others.length >= PER_FILE || others.some((other) => overlap(other, candidate))) return false;
    kept.set(candidate.file, [...others, candidate]);
    return true;
  });
}

function overlap(a: Candidate, b: Candidate): boolean {
  return a.startLine <= b.endLine && b.startLine <= a.endLine;
}

/** A fused score as 0 to 1: about 0.5 for a first place in one list without any boost. */
function unit(score: number): number {
  return Math.round((score / (score + 1)) * 10_000) / 10_000;
}
