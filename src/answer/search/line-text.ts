/** Texts by line, as git has them: only `\n` ends a line, and a final one opens no further line. */

/** Offsets at which the lines of a text start. */
export function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0 && at + 1 < text.length; at = text.indexOf('\n', at + 1))
    starts.push(at + 1);
  return starts;
}

/** Lines `startLine` to `endLine` (1-based, inclusive) exactly as they stand, without the last one's terminator. */
export function linesOf(text: string, startLine: number, endLine: number, starts = lineStarts(text)): string {
  const from = starts[startLine - 1];
  if (from === undefined) return '';
  const slice = text.slice(from, starts[endLine] ?? text.length);
  return slice.replace(/\r?\n$/, '');
}
