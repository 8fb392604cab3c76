/** Tests as examples: a title says in plain words what the body does with the code. */
import { languageOf } from '../../../ingest/parse/languages.ts';
import { parseBlob } from '../../../ingest/parse/parse.ts';
import { splitIdentifier } from '../../../words.ts';
import { type Example, MAX_CODE } from './examples.ts';
import { blobsOf, filesOf } from './git.ts';
import { outdented } from './outdent.ts';
import { chosen, isTest } from './sources.ts';

export interface TestExtraction {
  directory: string;
  commit: string;
  /** Bytes of tests that are read. */
  testBytes: number;
}

const LEAST_WORDS = 4;
const MOST_LINES = 40;
const LEAST_CODE = 60;

/** The tests of a commit whose titles say something. */
export async function testExamples({ directory, commit, testBytes }: TestExtraction): Promise<Example[]> {
  const files = chosen(await filesOf(directory, commit), testBytes, isTest);
  const examples: Example[] = [];
  let at = 0;
  for await (const bytes of blobsOf(
    directory,
    files.map((file) => file.oid),
  )) {
    const { path } = files[at++]!;
    if (!bytes) continue;
    const found = [
      ...(/\.(?:[cm]?[jt]sx?|rb)$/.test(path) ? titled(Buffer.from(bytes).toString('utf8')) : []),
      ...(/\.[cm]?[jt]sx?$/.test(path) ? [] : await named(bytes, path)),
    ];
    for (const { title, body } of found) {
      const code = outdented(body).slice(0, MAX_CODE);
      if (!isTelling(title) || code.replace(/\s+/g, '').length < LEAST_CODE) continue;
      examples.push({ kind: 'test', path, name: '', signature: '', code, documentation: '', query: title });
    }
  }
  return examples;
}

interface Test {
  title: string;
  body: string;
}

const TITLE = /^([ \t]*)(?:it|test|specify|scenario|should)(?:\.\w+)*\s*\(?\s*(['"`])(.+?)\2/;

/** `it('…', () => {`, `it "…" do`: the body is what is indented deeper. */
function titled(text: string): Test[] {
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

/** `test_returns_404_when_missing`, `shouldReturnEmptyWhenMissing`: the words of the name are the title. */
async function named(bytes: Uint8Array, path: string): Promise<Test[]> {
  const { symbols, text } = await parseBlob(bytes, languageOf(path));
  const lines = text.split('\n');
  return symbols.flatMap(({ kind, name, startLine, endLine }): Test[] => {
    if (kind !== 'function' && kind !== 'method') return [];
    const words = splitIdentifier(name);
    if (
      !/^(?:tests?|should|it|when|given|can|does|is|returns|throws)$/.test(words[0] ?? '') &&
      !/[_ ]/.test(name)
    )
      return [];
    const title = words.filter((word, at) => at > 0 || !/^tests?$/.test(word)).join(' ');
    // Annotations stand before the line with the name.
    const body = lines.slice(startLine - 1, endLine);
    const head = body.findIndex((line) => line.includes(name));
    return [{ title, body: body.slice(head + 1, head + 1 + MOST_LINES).join('\n') }];
  });
}

function isTelling(title: string): boolean {
  const words = title.match(/\p{L}{2,}/gu) ?? [];
  return words.length >= LEAST_WORDS && title.length <= 200;
}
