/** Tests as examples: a title says in plain words what the body does with the code. */
import { languageOf } from '../../../ingest/parse/languages.ts';
import { parseBlob } from '../../../ingest/parse/parse.ts';
import { splitIdentifier } from '../../../words.ts';
import { type Example, MAX_CODE } from './examples.ts';
import { blobsOf, filesOf } from './git.ts';
import { outdented } from './outdent.ts';
import { chosen, isTest } from './sources.ts';
import { isTelling, MOST_LINES, type Test, titled } from './titles.ts';

export interface TestExtraction {
  directory: string;
  commit: string;
  /** Bytes of tests that are read. */
  testBytes: number;
}

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
