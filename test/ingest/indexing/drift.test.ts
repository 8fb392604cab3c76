import { expect, it } from 'vitest';
import { follow } from './follow.ts';
import {
  type Change,
  copied,
  createHistory,
  entry,
  file,
  removed,
  renamed,
  symlink,
  type TreeLine,
} from './history.ts';
import { expectInReadme } from './in-readme.ts';

/** Far above what it takes: a busy machine is no drift. */
const TIMEOUT = 300_000;

const PYTHON =
  'import os\nfrom .util import load\n\nclass Shop(Base):\n    def open(self):\n        return load(os.getcwd())\n';
const UTIL = 'def load(path):\n    return path\n';
const GO = 'package main\n\nfunc Main() {\n\thelper("x")\n}\n\nfunc helper(s string) {}\n';
/** Types of one name in several files, as build tags and modules make them: their order in the index must not show. */
const TWINS = [
  ...['binding', 'binding_tiny'].map((name) =>
    file(
      `twins/${name}.go`,
      `package twins\n\n// ${name}\ntype Binding interface {\n\tBind(x int) error\n}\n\nvar Form = form{}\n\nfunc Default() Binding {\n\treturn Form\n}\n`,
    ),
  ),
  file(
    'twins/uses.go',
    'package twins\n\nfunc use(p Binding) {\n\tp.Bind(1)\n\tForm.Bind(2)\n\tb := Default()\n\tb.Bind(3)\n\tDefault().Bind(4)\n}\n',
  ),
  file('twins/a.rb', 'module A\n  class Stream\n    def closed?\n    end\n  end\nend\n'),
  file(
    'twins/b.rb',
    'module B\n  class Stream\n    def lines\n    end\n    def closed?\n    end\n  end\nend\n',
  ),
  file('twins/uses.rb', 'def use(stream)\n  s = Stream.new\n  s.lines\n  s.closed?\n  stream.lines\nend\n'),
];
const TS =
  "import { helper as h } from './helper';\nexport class A extends B { run() { return h(this.x); } }\n";
const HELPER = 'export function helper(x: number): number { return x; }\n';

const bytes = (...values: number[]) => new Uint8Array(values);
const utf16 = (text: string) => Buffer.concat([bytes(0xff, 0xfe), Buffer.from(text, 'utf16le')]);

interface Operation {
  what: string;
  /** @param first the tree that all began with */
  change(files: TreeLine[], first: string): Change[];
  globs?: string[] | null;
  /** Blobs that are parsed, where the operation says it. */
  parses?: number;
}

const at = (files: TreeLine[], path: string) => files.find((each) => each.path === path)!;

const OPERATIONS: Operation[] = [
  { what: 'a file renamed', change: () => [renamed('src/app.ts', 'src/main.ts')], parses: 0 },
  {
    what: 'a file moved and changed',
    change: () => [removed('src/main.ts'), file('lib/main.ts', `${TS}// moved\n`)],
    parses: 1,
  },
  { what: 'a directory renamed', change: () => [renamed('store/map', 'store/maps')], parses: 0 },
  { what: 'a directory copied', change: () => [copied('store', 'copy/of/store')], parses: 0 },
  {
    what: 'one of two copies changed',
    change: () => [file('copy/of/store/atom/index.js', 'export let atom = () => notify()\n')],
    parses: 1,
  },
  { what: 'the original removed', change: () => [removed('store')], parses: 0 },
  {
    what: 'a directory moved to the root',
    change: () => [renamed('copy/of/store', 'store'), removed('copy')],
    parses: 0,
  },
  {
    what: 'a file made executable',
    change: (files) => [entry('tool.py', '100755', at(files, 'tool.py').oid)],
    parses: 0,
  },
  {
    what: 'an executable made a plain file',
    change: (files) => [entry('tool.py', '100644', at(files, 'tool.py').oid)],
    parses: 0,
  },
  { what: 'a file replaced by a symlink', change: () => [symlink('tool.py', 'lib/util.py')], parses: 0 },
  { what: 'a symlink given another target', change: () => [symlink('tool.py', '../outside')], parses: 0 },
  {
    what: 'a symlink with the blob of a file',
    change: (files) => [entry('link.go', '120000', at(files, 'main.go').oid)],
    parses: 0,
  },
  {
    what: 'a symlink replaced by a file',
    change: () => [file('tool.py', PYTHON), removed('link.go')],
    parses: 0,
  },
  {
    what: 'a file replaced by a directory',
    change: () => [removed('tool.py'), file('tool.py/__init__.py', PYTHON), file('tool.py/util.py', UTIL)],
  },
  {
    what: 'a directory replaced by a file',
    change: () => [removed('store/atom'), file('store/atom', 'no directory any more\n')],
    parses: 1,
  },
  {
    what: 'a file and a directory that change places',
    change: () => [renamed('tool.py', 'x'), renamed('store/atom', 'tool.py'), renamed('x', 'store/atom')],
    parses: 1,
  },
  { what: 'a file renamed by letter case', change: () => [renamed('README.md', 'Readme.md')], parses: 0 },
  { what: 'a directory renamed by letter case', change: () => [renamed('store', 'Store')], parses: 0 },
  {
    what: 'names that differ by letter case alone',
    change: () => [file('readme.MD', '# other\n'), file('STORE/task/index.js', 'export let task = 1\n')],
    parses: 2,
  },
  { what: 'a submodule added', change: () => [entry('vendored/sub', '160000', 'c'.repeat(40))], parses: 0 },
  {
    what: 'a submodule moved on',
    change: () => [entry('vendored/sub', '160000', 'd'.repeat(40))],
    parses: 0,
  },
  {
    what: 'a submodule replaced by its files',
    change: () => [removed('vendored/sub'), file('vendored/sub/a.go', GO)],
    parses: 0,
  },
  {
    what: 'files replaced by a submodule',
    change: () => [removed('vendored'), entry('vendored', '160000', 'd'.repeat(40))],
    parses: 0,
  },
  {
    what: 'another language by another extension',
    change: () => [renamed('lib/helper.ts', 'lib/helper.js')],
    parses: 1,
  },
  {
    what: 'both languages of one blob at once',
    change: (files) => [entry('lib/helper.ts', '100644', at(files, 'lib/helper.js').oid)],
    parses: 0,
  },
  {
    what: 'encodings, line ends and bytes',
    change: () => [
      file('text/bom.ts', `\uFEFF${HELPER}`),
      file('text/crlf.go', GO.replaceAll('\n', '\r\n')),
      file('text/utf16.py', utf16(PYTHON)),
      file('text/latin1.py', Buffer.from('# caf\u00e9\ndef f():\n    pass\n', 'latin1')),
      file('text/astral.ts', 'export const crab = "🦀 ﬁ İ";\nexport const \u{1d49c} = crab;\n'),
      file('text/binary.dat', bytes(0, 1, 2, 255)),
      file('text/binary.txt', bytes(65, 0, 66)),
      file('text/empty.ts', ''),
      file('text/no-end.ts', HELPER.trimEnd()),
      file('text/long.js', `var x = [${'1,'.repeat(30_000)}];\n`),
      file('text/nul-free.bin.ts', 'a\u0001b\n'),
    ],
  },
  {
    what: 'encodings changed',
    change: () => [
      file('text/utf16.py', PYTHON),
      file('text/bom.ts', HELPER),
      file('text/binary.txt', 'text\n'),
    ],
  },
  {
    what: 'names of any characters',
    change: () =>
      [
        ' lead',
        'trail ',
        'new\nline.ts',
        'quo"te\'.ts',
        '%2e%2e',
        '-rf.ts',
        'back\\slash.ts',
        '{"a":1}',
        '\uFEFFbom.ts',
        'bom.ts',
        'caf\u00e9.ts',
        'cafe\u0301.ts',
        '🦀/🦀.rs',
        '__proto__/constructor.js',
        '*.ts',
        '#',
        '~',
      ].map((name) => file(`names/${name}`, `export const n${name.length} = ${JSON.stringify(name)};\n`)),
  },
  { what: 'skipped by where it lies', change: () => [renamed('lib', 'third_party')], parses: 0 },
  { what: 'found again', change: () => [renamed('third_party', 'lib')] },
  { what: 'too large, then cut', change: () => [file('lib/large.ts', HELPER.repeat(12_000))], parses: 0 },
  { what: 'cut', change: () => [file('lib/large.ts', HELPER)] },
  { what: 'other globs', change: () => [], globs: ['**/*.{ts,js}', '!text'], parses: 0 },
  { what: 'a change under globs', change: () => [file('lib/new.ts', TS), file('new.py', UTIL)], parses: 1 },
  { what: 'no globs again', change: () => [], globs: null },
  { what: 'everything removed', change: (files) => files.map(({ path }) => removed(path)), parses: 0 },
  { what: 'a revert to the first commit', change: (_, first) => [entry('', '040000', first)] },
];

it(
  `nothing drifts over ${OPERATIONS.length} operations on paths, modes, kinds and names`,
  async () => {
    const history = await createHistory('drift-operations');
    const index = await follow(history, 'operations');
    const store = await history.packageTree('history-nanostores-1.0.1');
    const part = async (name: string) =>
      entry(`store/${name}`, '040000', (await history.git('rev-parse', `${store}:${name}`)).trim());
    const commits = [
      await history.commit([
        ...(await Promise.all(['atom', 'map', 'task', 'lifecycle'].map(part))),
        file('README.md', '# Title\n\nText.\n\n## Usage\n\nMore.\n'),
        file('src/app.ts', TS),
        file('lib/helper.ts', HELPER),
        file('lib/util.py', UTIL),
        file('tool.py', PYTHON),
        file('main.go', GO),
        ...TWINS,
      ]),
    ];
    await index.sync('main');
    const first = (await history.git('rev-parse', `${commits[0]}^{tree}`)).trim();
    for (const { what, change, globs, parses } of OPERATIONS) {
      commits.push(await history.commit(change(await history.files(commits.at(-1)!), first)));
      const { parsed } = await index.sync('main', globs === undefined ? {} : { globs });
      if (parses !== undefined) expect(parsed, what).toBe(parses);
    }
    expectInReadme('operations on paths, modes, kinds, encodings, names and globs', index.coverage);
  },
  TIMEOUT,
);

const toy = (n: number) =>
  file(
    `src/f${n % 7}.ts`,
    `import { f${(n + 1) % 7} } from './f${(n + 1) % 7}';\nexport function f${n % 7}() { return f${(n + 1) % 7}(${n}); }\n`,
  );
const start = Array.from({ length: 7 }, (_, n) => toy(n));

it(
  'nothing drifts over branches that diverge, merge, are forced, switched and deleted',
  async () => {
    const history = await createHistory('drift-branches');
    const index = await follow(history, 'branches');
    const first = await history.commit(start);
    const second = await history.commit([toy(8)]);
    const step = async (ref: string, parsed?: number) => {
      const synced = await index.sync(ref);
      if (parsed !== undefined) expect(synced.parsed).toBe(parsed);
    };
    await step('main', 7);
    await history.move('feature', second);
    await step('feature', 0);
    const ours = await history.commit([toy(9), file('ours.ts', TS)]);
    const theirs = await history.commit([toy(10), file('theirs.ts', HELPER)], { branch: 'feature' });
    await step('feature', 2);
    await step('main', 2);
    const merged = await history.commit(
      [
        entry(
          'theirs.ts',
          '100644',
          (await history.files(theirs)).find(({ path }) => path === 'theirs.ts')!.oid,
        ),
      ],
      { merge: theirs },
    );
    await step('main', 0);
    // By force: to a sibling of an old commit, to an old commit, to a history of its own, and back.
    await history.commit([toy(11), removed('src/f0.ts')], { from: first });
    await step('main', 2);
    await history.move('main', first);
    await step('main');
    await history.commit([file('alone.ts', HELPER)], { from: null });
    await step('main', 0);
    await history.move('main', merged);
    await step('main');
    await history.git('symbolic-ref', 'HEAD', 'refs/heads/feature');
    await history.commit([toy(12)], { branch: 'feature', from: ours });
    await step('feature');
    await step('HEAD', 0);
    await history.git('tag', '-a', '-m', 'one', 'v1', merged);
    await step('v1', 0);
    await step(theirs);
    await index.forget('feature');
    await step('main', 0);
    await history.git('update-ref', '-d', 'refs/heads/feature');
    await history.git('symbolic-ref', 'HEAD', 'refs/heads/main');
    await history.commit([toy(13)]);
    await step('main', 1);
    expectInReadme('branches, merges, force-pushes, tags, a branch deleted', index.coverage);
  },
  TIMEOUT,
);

it(
  'nothing drifts over a shallow mirror that is deepened, forced and deepened again',
  async () => {
    const history = await createHistory('drift-depth');
    const index = await follow(history, 'depth');
    const commits = [await history.commit(start)];
    const commit = async (n: number, options?: { from?: string }) =>
      commits.push(await history.commit([toy(n)], options));
    const step = async (depth: number | undefined, parsed: number) => {
      expect((await index.sync('main', { depth })).parsed).toBe(parsed);
    };
    for (let n = 8; n < 14; n++) await commit(n);
    await step(1, 7);
    await step(3, 0);
    await commit(14);
    await step(undefined, 1);
    await commit(15, { from: commits[3]! });
    await step(2, 4);
    await step(0, 0);
    await commit(16);
    await step(undefined, 1);
    await history.move('main', commits[5]!);
    await step(4, 0);
    expectInReadme('a shallow mirror, deepened and forced', index.coverage);
  },
  TIMEOUT,
);
