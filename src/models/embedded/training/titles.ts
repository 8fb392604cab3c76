/** Titles of tests as text: `it('…', () => {`, `it "…" do`. */

export interface Test {
  title: string;
  body: string;
}

const LEAST_WORDS = 4;
/** Of a body that are read. */
export const MOST_LINES = 40;

const TITLE = /^([ \t]*)(?:it|test|specify|scenario|should)(?:\.\w+)*\s*\(?\s*(['"`])(.+?)\2/;

/** The tests of a text; a body is what is indented deeper than its title. */
export function titled(text: string): Test[] {
  const lines = text.split('\n');
  return lines.flatMap((line, at): Test[] => {
    const [, indent, , title] = TITLE.exec(line) ?? [];
    if (indent === undefined || title === undefined) return [];
    let end = at + 1;
    while (end < lines.length && end - at <= MOST_LINES && isDeeper(lines[end]!, indent)) end++;
    return [{ title, body: lines.slice(at + 1, end).join('\n') }];
  });
}

function isDeeper(line: string, indent: string): boolean {
  return line.trim() === '' || (line.startsWith(indent) && /^[ \t]/.test(line.slice(indent.length)));
}

/** Whether a title says what is tested. */
export function isTelling(title: string): boolean {
  const words = title.match(/\p{L}{2,}/gu) ?? [];
  return words.length >= LEAST_WORDS && title.length <= 200;
}
