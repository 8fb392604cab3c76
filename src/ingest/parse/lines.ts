/** Where lines begin in a text: offsets (UTF-16 code units) to rows and back. Rows are 0-based, lines 1-based. */
export interface Lines {
  /** Number of lines; a final newline opens no further line, and an empty text has none. */
  count: number;
  /** Offset at which each row starts, and one past the end of the text. */
  starts: Uint32Array;
}

export function linesOf(text: string): Lines {
  let count = 0;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) count++;
  const open = text.length > 0 && !text.endsWith('\n');
  const rows = count + (open ? 1 : 0);
  const starts = new Uint32Array(rows + 1);
  let row = 1;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts[row++] = at + 1;
  if (rows > 0) starts[rows] = text.length;
  return { count: rows, starts };
}

/** The row that holds an offset; the end of the text belongs to the last row. */
export function rowAt(lines: Lines, offset: number): number {
  let low = 0;
  let high = Math.max(0, lines.count - 1);
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (lines.starts[middle]! <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The row of the last character of a range [start, end), not counting a newline that closes it. */
export function lastRow(lines: Lines, text: string, start: number, end: number): number {
  let at = end;
  while (at > start + 1 && (text.charCodeAt(at - 1) === 10 || text.charCodeAt(at - 1) === 13)) at--;
  return rowAt(lines, Math.max(start, at - 1));
}

/** The text of rows `from` to `to`, both included, without the last line's ending. */
export function textOfRows(text: string, lines: Lines, from: number, to: number): string {
  const end = lines.starts[to + 1] ?? text.length;
  return text.slice(lines.starts[from] ?? text.length, end).replace(/\r?\n$/, '');
}
