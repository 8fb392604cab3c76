/** Documentation as questions: the first sentence of a function's documentation asks for the function, which is then indexed without it. */
import { type IndexFiles, linesOf, pathsOf } from './index-files.ts';
import { randomFrom, sample } from './random.ts';

export interface DocQuestion {
  path: string;
  /** The function's first line, 1-based. */
  line: number;
  query: string;
}

export interface Undocumented {
  questions: DocQuestion[];
  /** The changed files' new content by path: the documentation's words are gone, every line keeps its number. */
  files: Map<string, string>;
}

const MIN_WORDS = 4;
const MAX_WORDS = 30;
/** Documentation that is stored in part cannot be taken out in full. */
const MAX_LENGTH = 1_900;
const TEST_PATH =
  /(^|\/)(tests?|specs?|__tests__|testdata|fixtures?)\/|[._-](test|spec)\.|_test\.|Test\.php$/i;

/** At most `count` documented functions of a snapshot as questions. */
export function docQuestions(files: IndexFiles, snapshot: number, count: number): Undocumented {
  const paths = pathsOf(files, snapshot);
  const symbols = files.shard
    .prepare(
      `SELECT blob, name, start_line, end_line, documentation FROM symbols
       WHERE repo = ? AND kind IN ('function', 'method') AND documentation IS NOT NULL ORDER BY id`,
    )
    .all(files.key);
  const candidates = symbols.flatMap((row) => {
    const at = paths.get(Number(row.blob));
    const documentation = String(row.documentation);
    const query = firstSentence(documentation, String(row.name));
    const words = query.split(' ').length;
    if (at?.length !== 1 || TEST_PATH.test(at[0]!) || documentation.length > MAX_LENGTH) return [];
    if (words < MIN_WORDS || words > MAX_WORDS) return [];
    const { blob, start_line, end_line } = row;
    return [
      {
        path: at[0]!,
        blob: Number(blob),
        line: Number(start_line),
        end: Number(end_line),
        documentation,
        query,
      },
    ];
  });
  // What documents several functions asks for none of them.
  const asked = Map.groupBy(candidates, (each) => each.query.toLowerCase());
  const distinct = candidates.filter((each) => asked.get(each.query.toLowerCase())!.length === 1);
  const questions: DocQuestion[] = [];
  const texts = new Map<string, string[]>();
  for (const { path, blob, line, end, documentation, query } of sample(
    distinct,
    distinct.length,
    randomFrom(5),
  )) {
    if (questions.length >= count) break;
    const before = texts.get(path) ?? linesOf(files, blob);
    const after = without(before, documentation, line, end);
    if (after === null) continue;
    texts.set(path, after);
    questions.push({ path, line, query });
  }
  return { questions, files: new Map([...texts].map(([path, lines]) => [path, lines.join('\n')])) };
}

/** Without markup, and without the function's own name: the question must not name its answer. */
function firstSentence(documentation: string, name: string): string {
  const summary = documentation.split(/\n\s*\n|\n\s*[@:\\]|(?<=[a-z)`'"]{2}[.!?])\s/)[0]!;
  const words = summary
    .replace(/<[^>]+>/g, ' ')
    .split(/[^\p{L}\p{N}_]+/u)
    .filter((word) => word !== '' && word !== name)
    .map((word) => (/^(?:AND|OR|NOT)$/.test(word) ? word.toLowerCase() : word));
  return words.join(' ');
}

/** How far above its definition documentation may begin. */
const REACH = 120;

/** The lines with the documentation's words taken out, comment marks left; null when they are not all found in order. */
function without(lines: string[], documentation: string, line: number, end: number): string[] | null {
  const wanted = documentation
    .split('\n')
    .map((each) => each.trim())
    .filter((each) => each !== '');
  // The last place where they stand in a row is the one that belongs to the definition, unless they stand inside it.
  for (const from of startsOf(lines, wanted[0]!, line, end)) {
    const result = [...lines];
    let at = from;
    const all = wanted.every((piece) => {
      while (at < lines.length && at < from + REACH && !lines[at]!.includes(piece)) at++;
      if (!lines[at]?.includes(piece)) return false;
      result[at] = lines[at]!.replace(piece, '');
      at++;
      return true;
    });
    if (all) return result;
  }
  return null;
}

/** Places (0-based) of a piece near a definition: above it from the nearest on, then inside it. */
function startsOf(lines: string[], piece: string, line: number, end: number): number[] {
  const holds = (at: number) => lines[at]?.includes(piece) === true;
  const above = Array.from({ length: REACH }, (_, back) => line - 2 - back).filter(
    (at) => at >= 0 && holds(at),
  );
  const inside = Array.from({ length: Math.max(0, end - line + 1) }, (_, on) => line - 1 + on).filter(holds);
  return [...above, ...inside];
}
