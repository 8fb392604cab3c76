/** "Did you mean": the names most like one that was not found. */
import { lastSegment } from '../paths.ts';

/** Longer names are compared by their start only: the distance costs the product of the lengths. */
const MAX_COMPARED = 64;

/**
 * The candidates most like `name`: those that contain it or are contained, then by edit distance (letter case counts
 * little), never more than a third of the name away. Best first.
 */
export function nearestNames(name: string, candidates: Iterable<string>, limit = 3): string[] {
  const wanted = name.toLowerCase().slice(0, MAX_COMPARED);
  const furthest = Math.max(1, Math.floor(wanted.length / 3));
  const scored: { name: string; score: number }[] = [];
  for (const candidate of candidates) {
    const other = candidate.toLowerCase().slice(0, MAX_COMPARED);
    const contains =
      wanted.length > 2 && (other.includes(wanted) || (other.length > 2 && wanted.includes(other)));
    const distance =
      Math.abs(other.length - wanted.length) > furthest ? furthest + 1 : editDistance(wanted, other);
    if (distance <= furthest) scored.push({ name: candidate, score: distance });
    else if (contains)
      scored.push({ name: candidate, score: furthest + Math.abs(other.length - wanted.length) });
  }
  return scored
    .sort((a, b) => a.score - b.score || (a.name < b.name ? -1 : 1))
    .slice(0, limit)
    .map((each) => each.name);
}

/** Paths beyond these are not compared. */
const MAX_PATHS = 20_000;

/**
 * The files and directories most like a path that was not found: those of the same or a similar last segment, wherever
 * they are. Best first; directories without a slash at the end.
 */
export function nearestPaths(path: string, files: Iterable<string>, limit = 3): string[] {
  const byName = new Map<string, Set<string>>();
  let compared = 0;
  for (const file of files) {
    if (++compared > MAX_PATHS) break;
    for (let end = file.length; end > 0; end = file.lastIndexOf('/', end - 1)) {
      const known = file.slice(0, end);
      const name = lastSegment(known);
      const paths = byName.get(name);
      if (paths?.has(known)) break;
      if (paths) paths.add(known);
      else byName.set(name, new Set([known]));
    }
  }
  const wanted = path.replace(/^\/+|\/+$/g, '');
  return nearestNames(lastSegment(wanted), byName.keys(), limit)
    .flatMap((name) => [...byName.get(name)!].map((known) => ({ known, name })))
    .filter(({ known }) => known !== wanted)
    .map(({ known, name }, order) => ({ known, score: order + editDistance(...ends(known, wanted, name)) }))
    .sort((a, b) => a.score - b.score)
    .slice(0, limit)
    .map(({ known }) => known);
}

/** The last parts of two paths, short enough to be compared. */
function ends(known: string, wanted: string, name: string): [string, string] {
  const length = Math.max(MAX_COMPARED, name.length);
  return [known.slice(-length), wanted.slice(-length)];
}

/** Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`. */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      let best = Math.min(last[column]! + 1, current[column - 1]! + 1, last[column - 1]! + (same ? 0 : 1));
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        best = Math.min(best, beforeLast[column - 2]! + 1);
      }
      current.push(best);
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length]!;
}
