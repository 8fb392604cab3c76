/** Markdown by its headings: each is a `namespace` symbol that reaches to the next of its level or above. */
import type { SymbolFact } from './facts.ts';
import { type Lines, textOfRows } from './lines.ts';

const MAX_HEADINGS = 4000;

interface Heading {
  row: number;
  level: number;
  title: string;
}

/** Headings as symbols in order, nested by level. A qualified name joins titles with ` > `: titles have dots. */
export function headingsOf(text: string, lines: Lines): SymbolFact[] {
  const headings = scan(text, lines);
  const symbols: SymbolFact[] = [];
  const open: { at: number; level: number }[] = [];
  headings.forEach((heading, at) => {
    while (open.length > 0 && open.at(-1)!.level >= heading.level) open.pop();
    const parent = open.at(-1)?.at ?? null;
    const around = parent === null ? '' : `${symbols[parent]!.qualifiedName} > `;
    symbols.push({
      name: heading.title,
      qualifiedName: `${around}${heading.title}`.slice(-500),
      kind: 'namespace',
      signature: `${'#'.repeat(heading.level)} ${heading.title}`.slice(0, 300),
      documentation: null,
      startLine: heading.row + 1,
      endLine: endOf(headings, at, lines, text),
      parent,
      exported: true,
      bases: [],
    });
    open.push({ at, level: heading.level });
  });
  return symbols;
}

/** The last line with text before the next heading of the same or a higher level. */
function endOf(headings: readonly Heading[], at: number, lines: Lines, text: string): number {
  const { level, row } = headings[at]!;
  const next = headings.findIndex((other, index) => index > at && other.level <= level);
  let end = next === -1 ? lines.count : headings[next]!.row;
  while (end > row + 1 && textOfRows(text, lines, end - 1, end - 1).trim() === '') end--;
  return end;
}

/** ATX (`## Title`) and setext headings, outside of fenced code, front matter and HTML comments. */
function scan(text: string, lines: Lines): Heading[] {
  const headings: Heading[] = [];
  const rows = text.split('\n');
  let fence: string | null = null;
  let comment = false;
  let row = frontMatterEnd(rows);
  for (; row < lines.count && headings.length < MAX_HEADINGS; row++) {
    const line = rows[row]!.slice(0, 1000).trimEnd();
    const mark = /^ {0,3}(`{3,}|~{3,})(.*)$/.exec(line);
    if (fence !== null) {
      if (mark && mark[1]![0] === fence[0] && mark[1]!.length >= fence.length && mark[2]!.trim() === '')
        fence = null;
      continue;
    }
    if (comment || line.trimStart().startsWith('<!--')) {
      comment = !line.includes('-->');
      continue;
    }
    if (mark && !(mark[1]![0] === '`' && mark[2]!.includes('`'))) fence = mark[1]!;
    else addHeading(headings, line, rows[row + 1] ?? '', row);
  }
  return headings;
}

function addHeading(headings: Heading[], line: string, below: string, row: number): void {
  const atx = /^ {0,3}(#{1,6})(?:[ \t]+(.*))?$/.exec(line);
  if (atx) {
    const title = plain((atx[2] ?? '').replace(/(?:^|[ \t]+)#+$/, ''));
    if (title !== '') headings.push({ row, level: atx[1]!.length, title });
    return;
  }
  const underline = /^ {0,3}(=+|-{2,})\s*$/.exec(below);
  if (!underline || line.trim() === '' || /^\s*(?:[-*+>|]|\d+[.)])/.test(line) || /^ {4}|\|/.test(line))
    return;
  headings.push({ row, level: underline[1]![0] === '=' ? 1 : 2, title: plain(line) });
}

/** A title without link targets, emphasis, code marks, badges and HTML. */
function plain(title: string): string {
  return title
    .replace(/<[^>]*>/g, '')
    .replace(/!\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])/g, '$1')
    .replace(/\{#[^}]*\}\s*$/, '')
    .replace(/[*`]|(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, '')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 200);
}

function frontMatterEnd(rows: readonly string[]): number {
  if (rows[0]?.trimEnd() !== '---') return 0;
  const end = rows.findIndex((line, row) => row > 0 && row < 200 && /^(?:---|\.\.\.)\s*$/.test(line));
  return end === -1 ? 0 : end + 1;
}
