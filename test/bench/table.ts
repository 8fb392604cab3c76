/** One row of the benchmark's table: our figure, the peer's, both of the same run, and whether the ratio meets the aim. */
export interface Row {
  what: string;
  repository: string;
  ours: number;
  peer: string;
  theirs: number;
  unit: 's' | 'MB';
  /** `ours / theirs` must be at most this. */
  atMost: number;
}

/** The rows as an aligned table for a terminal or a README. */
export function formatTable(rows: Row[]): string {
  const header = ['what', 'repository', 'ours', 'peer', 'theirs', 'ratio', 'aim', 'met'];
  const body = rows.map((row) => [
    row.what,
    row.repository,
    `${row.ours.toFixed(2)} ${row.unit}`,
    row.peer,
    `${row.theirs.toFixed(2)} ${row.unit}`,
    (row.ours / row.theirs).toFixed(3),
    `≤ ${Number(row.atMost.toFixed(3))}`,
    row.ours / row.theirs <= row.atMost ? 'yes' : 'NO',
  ]);
  const widths = header.map((_, i) => Math.max(...[header, ...body].map((cells) => cells[i]!.length)));
  const line = (cells: string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(' | ')} |`;
  return [
    line(header),
    `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`,
    ...body.map(line),
  ].join('\n');
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
