/** "Did you mean": the names most like one that was not found. */

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
