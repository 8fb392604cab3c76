/** Texts by line, as git has them: only `\n` ends a line, and a final one opens no further line. */

/** Lines `from` to `to` (1-based, inclusive) exactly as they stand, without the last one's end. */
export function lineRange(text: string, from: number, to: number): string {
  const start = lineStart(text, from);
  if (start === null) return '';
  let end = start;
  for (let line = from; line <= to && end < text.length; line++) {
    const next = text.indexOf('\n', end);
    end = next < 0 ? text.length : next + 1;
  }
  return text.slice(start, end).replace(/\r?\n$/, '');
}

/** One line without its indentation, at most `limit` characters: what a list shows of a place. */
export function snippetOf(text: string, line: number, limit = 200): string {
  return lineRange(text, line, line).trim().slice(0, limit);
}

/** How many lines a text has. */
export function lineCount(text: string): number {
  let lines = text === '' || text.endsWith('\n') ? 0 : 1;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines++;
  return lines;
}

function lineStart(text: string, line: number): number | null {
  let start = 0;
  for (let at = 1; at < line; at++) {
    const next = text.indexOf('\n', start);
    if (next < 0) return null;
    start = next + 1;
  }
  return start;
}
