import { textOf } from '../../store/blobs.ts';
import { matchTrigrams } from '../../store/full-text.ts';
import type { LineRange } from './line-matcher.ts';
import type { Needles } from './needles.ts';
import { type Demand, demandNeedles, positiveMatches, satisfies } from './query-plan.ts';
import type { Target } from './targets.ts';

/** Files that satisfy a demand, with the lines to show of each. */
export interface ExactFiles {
  lines: Map<number, LineRange[]>;
  /** Texts of the first of them, which need not be read again to be shown. */
  texts: Map<number, string>;
  /** False when a limit ended the scan: other files may satisfy it too. */
  complete: boolean;
  /** Nothing in the demand could narrow the files: they were read one after the other. */
  unfiltered: boolean;
}

export interface ExactQuery {
  shard: D1Database;
  target: Target;
  demand: Demand;
  langs?: string[] | undefined;
  blobIds?: number[] | undefined;
  /** Enough lines to stop at. */
  enough: number;
  /** Characters of text that may be kept until they are shown. */
  room: number;
}

/** Files that the trigram index may hand over, and how many of them are read when it cannot narrow anything. */
const MAX_FILES = 3_000;
const MAX_UNFILTERED = 1_500;
const FILES_A_READ = 48;
const MOST_A_READ = 128;
/** Characters of text matched per query, times what a character costs: about a second of work. */
const MAX_WORK = 24_000_000;
const LINES_A_FILE = 20;
/** What ranking leaves of a file: more of its lines do not fill a page. */
const HITS_A_FILE = 3;
const MAX_ALTERNATIVES = 8;

/**
 * Finds the files of a target that satisfy a demand exactly: the trigram index narrows, the text decides. Bounded by
 * files, work and lines.
 */
export async function findExact(query: ExactQuery): Promise<ExactFiles> {
  const needles = alternativesOf(demandNeedles(query.demand));
  const unfiltered = needles.some((terms) => terms.length === 0);
  const most = unfiltered ? MAX_UNFILTERED : MAX_FILES;
  const candidates = await candidateFiles(query, needles, most);
  const found = await scan(query, candidates);
  return { ...found, complete: found.complete && candidates.length < most, unfiltered };
}

async function candidateFiles(query: ExactQuery, alternatives: string[][], limit: number): Promise<number[]> {
  const { shard, target, langs, blobIds } = query;
  const filter = { snapshotIds: target.refs.map((ref) => ref.snapshotId), langs, blobIds };
  const lists = await matchTrigrams(
    shard,
    alternatives.map((terms) => ({ scope: target.scope, terms, limit, ...filter })),
  );
  return [...new Set(lists.flat())].sort((a, b) => a - b).slice(0, limit);
}

async function scan(
  { shard, target, demand, enough, room }: ExactQuery,
  candidates: number[],
): Promise<Omit<ExactFiles, 'unfiltered'>> {
  const lines = new Map<number, LineRange[]>();
  const kept = new Map<number, string>();
  const cost = costOf(demand);
  let work = 0;
  let found = 0;
  let left = room;
  let next = 0;
  // Most demands are met, or the files are read, within the first two reads.
  for (let read = FILES_A_READ; next < candidates.length; read = MOST_A_READ) {
    if (found >= enough || work > MAX_WORK) return { lines, texts: kept, complete: false };
    const texts = await textOf(shard, target.scope, candidates.slice(next, next + read));
    next += read;
    for (const [blobId, text] of texts) {
      work += text.length * cost;
      const matched = matchedLines(demand, text);
      if (matched === null) continue;
      lines.set(blobId, joined(matched));
      found += Math.min(HITS_A_FILE, matched.length);
      if (text.length > left) continue;
      kept.set(blobId, text);
      left -= text.length;
    }
  }
  return { lines, texts: kept, complete: true };
}

/** The lines to show of a text that satisfies the demand; null when it does not. Most demands are a single match. */
function matchedLines(demand: Demand, text: string): LineRange[] | null {
  if (demand.kind === 'match') {
    const matched = demand.matcher.lines(text, LINES_A_FILE);
    return matched.length > 0 ? matched : null;
  }
  if (!satisfies(demand, text)) return null;
  return positiveMatches(demand).flatMap(({ matcher }) => matcher.lines(text, LINES_A_FILE));
}

function costOf(demand: Demand): number {
  if (demand.kind === 'match') return demand.matcher.cost;
  if (demand.kind === 'not') return costOf(demand.child);
  return demand.children.reduce((sum, child) => sum + costOf(child), 0);
}

/** Needles as alternatives of terms that must all occur; too many alternatives keep what is common to them: nothing. */
export function alternativesOf(needles: Needles): string[][] {
  if (needles === null) return [[]];
  if (typeof needles === 'string') return [[needles]];
  if ('any' in needles) {
    const branches = needles.any.flatMap(alternativesOf);
    return branches.length > MAX_ALTERNATIVES ? [[]] : branches;
  }
  return needles.all.map(alternativesOf).reduce<string[][]>(
    (left, right) =>
      // A part with too many alternatives narrows less than it costs.
      left.length * right.length > MAX_ALTERNATIVES
        ? left
        : left.flatMap((a) => right.map((b) => [...a, ...b])),
    [[]],
  );
}

/** Sorted, with overlapping and adjacent ranges made one. */
export function joined(ranges: LineRange[]): LineRange[] {
  const result: LineRange[] = [];
  for (const range of [...ranges].sort((a, b) => a.start - b.start)) {
    const last = result.at(-1);
    if (last && range.start <= last.end + 1) last.end = Math.max(last.end, range.end);
    else result.push({ ...range });
  }
  return result;
}
