/** "Did you mean": the nearest names by edit distance. */

/** Up to `limit` of the names within a third of the wanted one's length (at least one edit), nearest first. */
export function nearest(wanted: string, names: readonly string[], limit = 3): string[] {
  const target = wanted.toLowerCase();
  const most = Math.max(1, Math.floor(target.length / 3));
  return names
    .map((name) => ({ name, distance: closeness(target, name.toLowerCase(), most) }))
    .filter(({ distance }) => distance <= most)
    .sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1))
    .slice(0, limit)
    .map(({ name }) => name);
}

/** A name that contains the wanted one is a good guess whatever its length. */
function closeness(wanted: string, name: string, most: number): number {
  if (wanted.length >= 3 && name.includes(wanted)) return most;
  return Math.abs(wanted.length - name.length) > most ? Number.POSITIVE_INFINITY : editDistance(wanted, name);
}

/** Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment). */
export function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(previous[j]! + 1, row[j - 1]! + 1, substituted);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) row[j] = Math.min(row[j]!, before[j - 2]! + 1);
    }
    before = previous;
    previous = row;
  }
  return previous[b.length]!;
}
