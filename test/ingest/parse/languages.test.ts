/**
 * One realistic file a language with all its facts, checked by hand against the text and kept beside it (`x.txt`,
 * `x.facts`): a change of extraction shows as a diff of those lines.
 */
import { describe, expect, inject, it } from 'vitest';
import { createEgress } from '../../../src/egress.ts';
import { bridgeParser, isolateParser } from '../../../src/ingest/indexing/parser.ts';
import type { BlobFacts } from '../../../src/ingest/parse/facts.ts';
import { createBundledEmbedder } from '../../../src/models/embedded/bundled-model.ts';
import { calls, factsOf, headOf, imports, outline } from './languages/facts-as-text.ts';

const files = import.meta.glob<string>('./fixtures/*/*', { query: '?raw', import: 'default', eager: true });
const fixtures = Object.keys(files)
  .filter((path) => path.endsWith('.txt'))
  .map((path) => ({ path, language: path.split('/')[2]!, expected: files[path.replace('.txt', '.facts')] }));

describe('facts of a file', () => {
  it.each(fixtures)('are those written beside $path', async ({ path, language, expected }) => {
    const facts = await factsOf(files[path]!, language);
    expect(facts.hasErrors).toBe(false);
    expect(asText(facts)).toBe(expected);
  });

  it('exist for every language of this folder', () => {
    expect(fixtures.map((fixture) => fixture.language).sort()).toEqual([
      'go',
      'javascript',
      'markdown',
      'python',
      'rust',
      'tsx',
      'typescript',
    ]);
  });
});

it('the rows of a batch are the same, parsed here or by a thread of the local server', async () => {
  const egress = createEgress({ allow: '', bridge: inject('bridge') });
  const blobs = fixtures.map(({ path, language }, i) => ({
    id: i + 1,
    oid: String(i).padStart(40, '0'),
    lang: language,
    bytes: new TextEncoder().encode(`\ufeff${files[path]}`),
  }));
  const broken = { id: 99, oid: 'f'.repeat(40), lang: 'go', bytes: new Uint8Array([0, 1, 2, 255]) };
  const embedder = createBundledEmbedder();
  const rows = await isolateParser(embedder).parseBatch([...blobs, broken], 'vectors');
  expect(rows).toMatchObject({ files: blobs.length + 1, skipped: 1 });
  expect(rows.vectors).toHaveLength(blobs.length);
  expect(await bridgeParser(egress, 1).parseBatch([...blobs, broken], 'vectors')).toEqual(rows);
  const passages = await isolateParser(null).parseBatch([...blobs, broken], 'passages');
  expect(passages.passages.flatMap(({ texts }) => texts)).toHaveLength(rows.chunks);
  expect(await bridgeParser(egress, 1).parseBatch([...blobs, broken], 'passages')).toEqual(passages);
});

function asText(facts: BlobFacts): string {
  const named = ['function', 'method', 'class'];
  const heads = facts.symbols.filter((one) => one.documentation !== null || named.includes(one.kind));
  return [
    '# symbols',
    ...outline(facts),
    '',
    '# imports',
    ...imports(facts),
    '',
    '# calls',
    ...calls(facts),
    '',
    '# signatures and documentation',
    ...heads.map(({ qualifiedName, signature, documentation }) => {
      const words = documentation === null ? '' : ` | ${documentation.replaceAll('\n', '⏎')}`;
      return `${qualifiedName} | ${signature}${words}`;
    }),
    '',
    '# chunks',
    ...facts.chunks.map(({ startLine, endLine, symbol }) => {
      return `${startLine}-${endLine}${symbol === null ? '' : ` ${facts.symbols[symbol]!.name}`}`;
    }),
    '',
    '# metrics',
    JSON.stringify(facts.metrics),
    '',
  ].join('\n');
}

describe('TypeScript that its grammar misreads', () => {
  it('keeps the rest of a file with call signatures that end without a semicolon', async () => {
    const facts = await factsOf(
      'interface Respond {\n  (a: string): Promise<void>\n  <T extends string>(\n    a: T,\n  ): Response\n}\nexport class After {\n  run() {}\n}\n',
      'typescript',
    );
    expect(facts.hasErrors).toBe(false);
    expect(outline(facts)).toEqual(['- interface Respond 1-6', 'class After 7-9', 'method After.run 8']);
  });
});

describe('functions assigned to an object', () => {
  it('are its methods, documented past a blank line, and know each other by `this`', async () => {
    const facts = await factsOf(
      [
        '/** Opens the file. */',
        '',
        'app.use = function use(fn) { this.lazy(); };',
        '',
        '/**',
        ' * Makes the router.',
        ' */',
        '',
        'app.lazy = () => {};',
        'exports.plain = function () {};',
      ].join('\n'),
      'javascript',
    );
    expect(outline(facts)).toEqual(['- method app.use 3', '- method app.lazy 9', 'function plain 10']);
    expect(calls(facts)).toEqual(['3 this.lazy/0 app in app.use']);
    expect(headOf(facts, 'app.lazy')?.documentation).toBe('Makes the router.');
    expect(headOf(facts, 'app.use')?.documentation).toBeNull();
    expect(facts.chunks.find(({ symbol }) => facts.symbols[symbol!]?.name === 'lazy')?.startLine).toBe(5);
  });
});

describe('macro arguments in Rust', () => {
  it('hold calls, with what they are made on', async () => {
    const facts = await factsOf(
      [
        '#[cfg(any(unix, windows))]',
        'impl Reader {',
        '    fn next(&mut self) {',
        '        tri!(self.peek(decode(1), if (true) { 2 }));',
        '        log!("x", (Mode::parse(s)), [a, (b)]);',
        '    }',
        '}',
      ].join('\n'),
      'rust',
    );
    expect(calls(facts)).toEqual([
      '4 tri/? in Reader.next',
      '4 self.peek/? Reader in Reader.next',
      '4 decode/? in Reader.next',
      '5 log/? in Reader.next',
      '5 Mode.parse/? ? in Reader.next',
    ]);
  });
});

describe('receiver types', () => {
  it('follow a parameter into a field, a field into a method, and the latest of several bindings', async () => {
    const facts = await factsOf(
      [
        'class Service {',
        '  constructor(store: Store) { this.store = store; }',
        '  run(a: First) {',
        '    this.store.save();',
        '    let it = new First(); it.go();',
        '    it = new Second();',
        '    other.go();',
        '    it.go();',
        '  }',
        '}',
        'function apart(it: Third) { it.go(); }',
      ].join('\n'),
      'typescript',
    );
    expect(calls(facts).filter((line) => /\w\.\w+\//.test(line))).toEqual([
      '4 this.store.save/0 Store in Service.run',
      '5 it.go/0 First in Service.run',
      '7 other.go/0 ? in Service.run',
      '8 it.go/0 Second in Service.run',
      '11 it.go/0 Third in apart',
    ]);
  });
});
