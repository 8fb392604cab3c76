/** One row of the benchmark's table: our figure, and the peer's of the same run where there is one. */
export interface Row {
  what: string;
  repository: string;
  ours: number;
  unit: string;
  peer?: string;
  theirs?: number;
  /** What must hold; a row without an aim informs. */
  aim?: Aim;
}

/** A bound on `ours / theirs`, or on our figure itself. */
export type Aim =
  | { ratioAtMost: number }
  | { ratioAtLeast: number }
  | { atMost: number }
  | { atLeast: number }
  | { above: number };

/** The rows as an aligned table for a terminal or a README. */
export function formatTable(rows: Row[]): string {
  const header = ['what', 'repository', 'ours', 'peer', 'theirs', 'ratio', 'aim', 'met'];
  const body = rows.map((row) => [
    row.what,
    row.repository,
    figure(row.ours, row.unit),
    row.peer ?? '',
    row.theirs === undefined ? '' : figure(row.theirs, row.unit),
    row.theirs === undefined ? '' : (row.ours / row.theirs).toFixed(3),
    row.aim ? aimOf(row.aim, row.unit) : '',
    row.aim ? (isMet(row, row.aim) ? 'yes' : 'NO') : '',
  ]);
  const widths = header.map((_, i) => Math.max(...[header, ...body].map((cells) => cells[i]!.length)));
  const line = (cells: string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(' | ')} |`;
  return [
    line(header),
    `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`,
    ...body.map(line),
  ].join('\n');
}

/** Milliseconds to a tenth, shares to a thousandth. */
function figure(value: number, unit: string): string {
  const digits = unit === '' ? 3 : unit === 'ms' || unit === '/s' ? 1 : 2;
  return `${value.toFixed(digits)} ${unit}`.trim();
}

function aimOf(aim: Aim, unit: string): string {
  if ('ratioAtMost' in aim) return `ratio ≤ ${Number(aim.ratioAtMost.toFixed(3))}`;
  if ('ratioAtLeast' in aim) return `ratio ≥ ${aim.ratioAtLeast}`;
  const bound =
    'atMost' in aim ? `≤ ${aim.atMost}` : 'atLeast' in aim ? `≥ ${aim.atLeast}` : `> ${aim.above}`;
  return `${bound} ${unit}`.trim();
}

function isMet(row: Row, aim: Aim): boolean {
  if ('ratioAtMost' in aim) return row.theirs !== undefined && row.ours / row.theirs <= aim.ratioAtMost;
  if ('ratioAtLeast' in aim) return row.theirs !== undefined && row.ours / row.theirs >= aim.ratioAtLeast;
  if ('atMost' in aim) return row.ours <= aim.atMost;
  return 'atLeast' in aim ? row.ours >= aim.atLeast : row.ours > aim.above;
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
