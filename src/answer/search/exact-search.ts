import { blocksAt, textOf } from '../../store/blobs.ts';
import { matchBlocks, matchFiles } from '../../store/full-text.ts';
import type { LineMatcher, LineRange } from './line-matcher.ts';
import type { Needles } from './needles.ts';
import { type Demand, demandNeedles, positiveMatches, satisfies } from './query-plan.ts';
import type { Target } from './targets.ts';

/** Files that satisfy a demand, with the lines to show of each. */
export interface ExactFiles {
  lines: Map<number, LineRange[]>;
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
}

/** Files that the index of trigrams may hand over, and how many of them are read when it cannot narrow anything. */
const MAX_FILES = 3_000;
const MAX_UNFILTERED = 1_500;
/** Blocks that it may hand over. */
const MAX_BLOCKS = 9_000;
/** How many are read at once, at first and then: most demands are met, or all is read, within two reads. */
const FILES_A_READ = [48, 128] as const;
const BLOCKS_A_READ = [64, 256] as const;
/** Characters of text matched per query, times what a character costs: about a second of work. */
const MAX_WORK = 24_000_000;
const LINES_A_FILE = 20;
/** What ranking leaves of a file: more of its lines do not fill a page. */
const HITS_A_FILE = 3;
const MAX_ALTERNATIVES = 8;

/**
 * Finds the files of a target that satisfy a demand exactly: the index of trigrams narrows, the text decides. Bounded by
 * what is handed over, work and lines.
 */
export async function findExact(query: ExactQuery): Promise<ExactFiles> {
  const needles = alternativesOf(demandNeedles(query.demand));
  const unfiltered = needles.some((terms) => terms.length === 0);
  // A line that matches holds all it must in one block; what spans lines, or is asked of whole files, need not.
  if (!unfiltered && query.demand.kind === 'match' && query.demand.matcher.withinLines)
    return { ...(await searchBlocks(query, query.demand.matcher, needles)), unfiltered };
  return { ...(await searchFiles(query, needles, unfiltered ? MAX_UNFILTERED : MAX_FILES)), unfiltered };
}

type Found = Omit<ExactFiles, 'unfiltered'>;

async function searchBlocks(query: ExactQuery, matcher: LineMatcher, needles: string[][]): Promise<Found> {
  const { shard, target, enough } = query;
  const blocks = await handedOver(matchBlocks, query, needles, MAX_BLOCKS);
  const lines = new Map<number, LineRange[]>();
  const complete = await scan(blocks, BLOCKS_A_READ, matcher.cost, enough, async (ids) => {
    const parts = await blocksAt(shard, target.scope, ids);
    return parts.map(({ blobId, startLine, text }) => ({
      length: text.length,
      find() {
        const known = lines.get(blobId) ?? [];
        const matched = matcher.lines(text, LINES_A_FILE - known.length);
        if (matched.length === 0) return 0;
        const placed = matched.map(({ start, end }) => ({
          start: start + startLine - 1,
          end: end + startLine - 1,
        }));
        lines.set(blobId, joined([...known, ...placed]));
        return hits(known.length + matched.length) - hits(known.length);
      },
    }));
  });
  return { lines, complete: complete && blocks.length < MAX_BLOCKS };
}

async function searchFiles(query: ExactQuery, needles: string[][], most: number): Promise<Found> {
  const { shard, target, demand, enough } = query;
  const files = await handedOver(matchFiles, query, needles, most);
  const lines = new Map<number, LineRange[]>();
  const complete = await scan(files, FILES_A_READ, costOf(demand), enough, async (ids) => {
    const texts = await textOf(shard, target.scope, ids);
    return [...texts].map(([blobId, text]) => ({
      length: text.length,
      find() {
        const matched = matchedLines(demand, text);
        if (matched !== null) lines.set(blobId, joined(matched));
        return hits(matched?.length ?? 0);
      },
    }));
  });
  return { lines, complete: complete && files.length < most };
}

const hits = (lines: number) => Math.min(HITS_A_FILE, lines);

async function handedOver(
  match: typeof matchFiles,
  { shard, target, langs, blobIds }: ExactQuery,
  alternatives: string[][],
  limit: number,
): Promise<number[]> {
  const filter = { snapshotIds: target.refs.map((ref) => ref.snapshotId), langs, blobIds };
  const lists = await match(
    shard,
    alternatives.map((terms) => ({ scope: target.scope, terms, limit, ...filter })),
  );
  return [...new Set(lists.flat())].sort((a, b) => a - b).slice(0, limit);
}

/** A text to look at: how long it is, and what makes it count; `find` tells how many hits of a page it fills. */
interface Piece {
  length: number;
  find(): number;
}

/** Reads and looks at one piece after the other, until there is enough or it was too much; false when a limit ended it. */
async function scan(
  ids: readonly number[],
  [first, then]: readonly [number, number],
  cost: number,
  enough: number,
  read: (ids: number[]) => Promise<Piece[]>,
): Promise<boolean> {
  let work = 0;
  let found = 0;
  for (let next = 0, count = first; next < ids.length; next += count, count = then) {
    if (found >= enough || work > MAX_WORK) return false;
    for (const piece of await read(ids.slice(next, next + count))) {
      work += piece.length * cost;
      found += piece.find();
    }
  }
  return true;
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
