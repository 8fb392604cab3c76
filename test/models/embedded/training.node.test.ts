import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BlobFacts, SymbolFact } from '../../../src/ingest/parse/facts.ts';
import { readModel } from '../../../src/models/embedded/model-file.ts';
import { commentsOf } from '../../../src/models/embedded/training/comments.ts';
import { cleanSubject, isTelling } from '../../../src/models/embedded/training/commits.ts';
import { queryOf, rephrase } from '../../../src/models/embedded/training/documentation.ts';
import { fused, isLexical } from '../../../src/models/embedded/training/fusion.ts';
import { isPermissive, licencesOf } from '../../../src/models/embedded/training/licences.ts';
import { paraphrased, readParaphrases } from '../../../src/models/embedded/training/paraphrases.ts';
import { readRepositories } from '../../../src/models/embedded/training/repositories.ts';
import { isTelling as isTellingTitle, titled } from '../../../src/models/embedded/training/titles.ts';
import { WordCounts, wordsOf } from '../../../src/models/embedded/training/vocabulary.ts';

const ROOT = path.resolve(import.meta.dirname, '../../..');
const MIT = 'MIT License\n\nPermission is hereby granted, free of charge, to any person obtaining a copy';
const GPL = 'GNU GENERAL PUBLIC LICENSE\nVersion 3, 29 June 2007';

const SAID = 'session\tvisit; time that a visitor stays\nload cookie\tread what the browser remembers\n';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), 'training-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** A repository of documented functions, and a commit that tells what it changed. */
function repository(name: string, licence: string, own: string): { commit: string; place: string } {
  const place = path.join(directory, name);
  mkdirSync(place, { recursive: true });
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', place, '-c', 'user.name=t', '-c', 'user.email=t@t', ...args], {
      encoding: 'utf8',
    });
  const source = (verb: string, body: string) =>
    ['session', 'cookie', 'request', 'header', 'template', 'socket']
      .map((noun, at) =>
        [
          `/** ${verb} the ${noun} of the current ${own} user, number ${at} of them. */`,
          `export function ${verb}${noun}${own}(input) {`,
          `  const ${noun} = input.${noun} ?? ${body};`,
          `  return ${noun}.${verb}(input.value, input.options);`,
          '}',
          '',
        ].join('\n'),
      )
      .join('\n');
  execFileSync('git', ['init', '-q', '-b', 'main', place]);
  writeFileSync(path.join(place, 'LICENSE'), licence);
  writeFileSync(path.join(place, 'a.ts'), source('load', 'null'));
  writeFileSync(path.join(place, 'b.ts'), source('store', 'undefined'));
  mkdirSync(path.join(place, 'test'));
  writeFileSync(
    path.join(place, 'test/a.test.ts'),
    `it('keeps what the visitor of ${own} asked for', () => {\n  expect(loadsession${own}({ session: { value: 1 } }).load()).toBe(1);\n});\n`,
  );
  git('add', '-A');
  git('commit', '-qm', 'first');
  writeFileSync(
    path.join(place, 'b.ts'),
    source('store', `fallbackOf${own}(input, "when nothing is given")`),
  );
  git('commit', '-qam', `store a fallback when the ${own} user gives nothing (#12)`);
  return { commit: git('rev-parse', 'HEAD').trim(), place };
}

function train(rows: string[], places: string[], threads: number): string {
  const out = path.join(directory, `out-${threads}`);
  writeFileSync(
    path.join(directory, 'table.tsv'),
    ['repository\tsplit\tcommit\tlicence', ...rows].join('\n'),
  );
  writeFileSync(path.join(directory, 'places'), places.join('\n'));
  writeFileSync(path.join(directory, 'said.tsv'), SAID);
  const options = [
    '--repos',
    'places',
    '--table',
    'table.tsv',
    '--paraphrases',
    'said.tsv',
    '--out',
    out,
    '--cache',
    `cache-${threads}`,
  ];
  execFileSync(
    process.execPath,
    [
      '--import',
      path.join(ROOT, 'test/support/grammar-hooks.ts'),
      path.join(ROOT, 'src/models/embedded/training/run.ts'),
      ...options,
      '--threads',
      String(threads),
    ],
    { cwd: directory, encoding: 'utf8', stdio: 'pipe' },
  );
  return out;
}

describe('training', () => {
  it('makes the same file of the same input, whatever the number of threads, of words that three repositories share', () => {
    const made = ['one', 'two', 'three', 'four'].map((name) => ({
      name,
      ...repository(name, MIT, `own${name}`),
    }));
    const rows = made.map(
      ({ name, commit }, at) => `t/${name}\t${at === 3 ? 'dev' : 'train'}\t${commit}\tMIT`,
    );
    const places = made.map(({ name, place }) => `t/${name} ${place}`);
    const [one, two] = [train(rows, places, 1), train(rows, places, 2)];
    for (const file of ['model.bin', 'model-id.ts', 'MODEL.md']) {
      expect(readFileSync(path.join(one, file)).equals(readFileSync(path.join(two, file)))).toBe(true);
    }
    const { lexicon } = readModel(readFileSync(path.join(one, 'model.bin')));
    const knows = (word: string) =>
      lexicon.rowOf(
        Uint16Array.from(word, (c) => c.charCodeAt(0)),
        word.length,
        hashOf(word),
      ) >= 0;
    expect(['session', 'cookie', 'load', 'store', 'fallback'].filter(knows)).toHaveLength(5);
    expect(['ownone', 'owntwo', 'ownthree', 'ownfour', 'visitor', 'remembers'].filter(knows)).toEqual([]);
    const card = readFileSync(path.join(one, 'MODEL.md'), 'utf8');
    expect(card).toContain('3 (title of a test → its body)');
    expect(card).toContain('9 (plain words → words of code)');
    for (const { name, commit } of made) expect(card).toMatch(new RegExp(`t/${name} .*${commit}`));
  });

  it('refuses to learn from a repository whose licence does not permit it', () => {
    const { commit, place } = repository('copyleft', GPL, 'own');
    expect(() => train([`t/copyleft\ttrain\t${commit}\tGPL`], [`t/copyleft ${place}`], 1)).toThrow(
      'may not be learnt from',
    );
  });

  it('reads the licence from the files of the commit', async () => {
    const { commit, place } = repository('mixed', `${MIT}\n`, 'own');
    expect(await licencesOf(place, commit)).toEqual(['MIT']);
    expect(isPermissive(['MIT'])).toBe(true);
    expect(isPermissive(['Apache-2.0', 'GPL'])).toBe(false);
    expect(isPermissive([])).toBe(false);
  });
});

/** FNV-1a, as the scanner has it. */
function hashOf(word: string): number {
  return [...word].reduce((hash, c) => Math.imul(hash ^ c.charCodeAt(0), 0x01000193), 0x811c9dc5);
}

describe('the repositories of the model', () => {
  const repositories = readRepositories();
  const of = (split: string) => repositories.filter((each) => each.split === split);

  it('are each listed once, with a commit, and learnt from only where their licence permits it', () => {
    expect(new Set(repositories.map(({ name }) => name)).size).toBe(repositories.length);
    for (const { commit } of repositories) expect(commit).toMatch(/^[0-9a-f]{40}$/);
    expect(of('train').filter(({ licence }) => !isPermissive(licence.split(' OR ')))).toEqual([]);
    expect(of('train').length).toBeGreaterThanOrEqual(140);
  });

  it('keep those apart that figures are reported of', () => {
    const never = [
      'honojs/hono',
      'pallets/flask',
      'gin-gonic/gin',
      'BurntSushi/ripgrep',
      'google/gson',
      'redis/redis',
      'square/okio',
      'hashicorp/terraform',
      'sinatra/sinatra',
      'slimphp/Slim',
      'jqlang/jq',
      'psf/requests',
      'spf13/cobra',
      'expressjs/express',
      'Alamofire/Alamofire',
      'colinhacks/zod',
      'panva/jose',
      'npm/node-semver',
      'microsoft/playwright',
    ];
    const heldOut = of('held-out').map(({ name }) => name);
    expect(never.filter((name) => !heldOut.includes(name))).toEqual([]);
    expect(of('dev').length).toBeGreaterThanOrEqual(10);
  });
});

describe('a query', () => {
  it('is the first sentences of documentation, without markup, tags and the name', () => {
    expect(
      queryOf(
        'Returns the <b>number</b> of {@link Item items} in the cart.\n\n@param cart the cart',
        'Cart.count',
      ),
    ).toBe('Returns the number of Item items in the cart.');
    expect(queryOf('retryLater puts the job back to the queue of its worker', 'Queue.retryLater')).toBe(
      'puts the job back to the queue of its worker',
    );
    expect(queryOf('Prüft, ob die Größe der Datei erlaubt ist.', 'check')).toBe(
      'Prüft, ob die Größe der Datei erlaubt ist.',
    );
  });

  it.each([
    '',
    'TODO: explain this one day soon',
    'Copyright 2020 the authors of this file',
    '@param x the value of it',
    'see',
    'a = b; c = d;',
  ])('is not made of %j', (documentation) => expect(queryOf(documentation, 'f')).toBe(''));

  it('is asked again in plain words, without identifiers', () => {
    expect(rephrase('Returns the number of open sockets of the httpServer.', 0)).toBe(
      'how do I get the number of open sockets of the',
    );
    expect(rephrase('Checks whether the user_id is known to the group', 1)).toBe(
      'how do we know if the is known to the group',
    );
    expect(rephrase('parseHTTP() readFile write_all', 0)).toBe('');
  });

  it('of a commit is its subject without numbers, scopes and paths', () => {
    expect(cleanSubject('fix(router): keep the order of params in src/router.ts (#123)')).toBe(
      'keep the order of params in',
    );
    expect(isTelling('fix: keep the order of the params')).toBe(true);
    expect(isTelling('Bump the version of the compiler')).toBe(false);
  });
});

describe('paraphrases', () => {
  const said = new Map([
    ['delete', ['get rid of']],
    ['access token', ['proof of login']],
  ]);
  const always = () => 0;

  it('say terms in other words, also in the plural and in the past, pairs before single words', () => {
    expect(paraphrased('Deleted the access token and deletes it', said, always)).toBe(
      'get rid of the proof of login and get rid of it',
    );
    expect(paraphrased('an access granted by token', said, always)).toBe('an access granted by token');
  });

  it('leave some as they are', () => {
    expect(paraphrased('delete it', said, () => 0.9)).toBe('delete it');
  });

  it('have a term and plain words in each row, and no term twice', () => {
    const rows = readFileSync(path.join(ROOT, 'src/models/embedded/training/paraphrases.tsv'), 'utf8')
      .trim()
      .split('\n');
    expect(rows.filter((row) => !/^[^\t]+\t[^\t]+$/.test(row))).toEqual([]);
    expect(readParaphrases().size).toBe(rows.length);
    expect([...readParaphrases().values()].flat().filter((each) => each === '')).toEqual([]);
  });
});

describe('a comment within a function', () => {
  const text = [
    'function load(path) {',
    '  const names = list(path);',
    '  // Hidden files are of no interest to the user, so they',
    '  // are left out before anything is sorted.',
    '  const shown = names.filter((name) => !name.startsWith("."));',
    '  // too short',
    '  shown.sort();',
    '  function inner() { return 1; }',
    '  return shown.map((name) => join(path, name));',
    '}',
  ].join('\n');
  const symbol = (name: string, startLine: number, endLine: number) =>
    ({
      name,
      qualifiedName: name,
      kind: 'function',
      signature: `${name}()`,
      startLine,
      endLine,
    }) as SymbolFact;
  const facts = (...symbols: SymbolFact[]) => ({ text, symbols }) as BlobFacts;

  it('asks for the code around it, which then lacks it', () => {
    const [example, ...others] = commentsOf(facts(symbol('load', 1, 10), symbol('inner', 8, 8)), 'a.ts');
    expect(others).toEqual([]);
    expect(example).toMatchObject({
      kind: 'comment',
      name: 'load',
      query: 'Hidden files are of no interest to the user, so they are left out before anything is sorted.',
    });
    expect(example!.code).toContain('const shown');
    expect(example!.code).not.toContain('Hidden');
  });

  it('belongs to the innermost function, and to none that is short', () => {
    expect(commentsOf(facts(symbol('load', 1, 10), symbol('inner', 2, 9)), 'a.ts')).toMatchObject([
      { name: 'inner' },
    ]);
    expect(commentsOf(facts(symbol('load', 1, 5)), 'a.ts')).toEqual([]);
  });
});

describe('a test', () => {
  it('is its title and what is indented deeper', () => {
    const text = [
      "  it('answers with an error', async () => {",
      '    const answer = await ask();',
      '',
      '    expect(answer).toBe(404);',
      '  });',
      '  it "works" do',
      '    run',
      '  end',
      "  item('is none', 1);",
    ].join('\n');
    expect(titled(text)).toEqual([
      {
        title: 'answers with an error',
        body: '    const answer = await ask();\n\n    expect(answer).toBe(404);',
      },
      { title: 'works', body: '    run' },
    ]);
    expect(['answers with an error', 'works', 'x y z 1 2 3'].filter(isTellingTitle)).toEqual([
      'answers with an error',
    ]);
  });
});

describe('joining with the lexical side', () => {
  it('leaves identifiers, and what has every word of the query, to it', () => {
    for (const name of ['parseHeader', 'read_file', 'a.b', 'Router::add', 'open()', 'session']) {
      expect(isLexical(name, 0)).toBe(true);
    }
    expect(isLexical('where do we retry a failed upload', 0.7)).toBe(false);
    expect(isLexical('why does readFile forget what it read', 0.7)).toBe(false);
    expect(isLexical('retry upload', 1)).toBe(true);
  });

  it('weighs the cosine against the share of the best lexical score', () => {
    const judged = {
      repository: 'r',
      query: 'some plain words',
      wanted: 0,
      vector: Float32Array.of(0.5, 0.1),
      lexical: Float32Array.of(2, 4),
    };
    expect([...fused({ ...judged, coverage: 0.5 })].map((score) => score.toFixed(2))).toEqual([
      '0.50',
      '0.28',
    ]);
    expect([...fused({ ...judged, coverage: 1 })]).toEqual([0.5, 1]);
  });
});

describe('the vocabulary', () => {
  it('has no word that occurs in fewer than three repositories', () => {
    const counts = new WordCounts();
    for (const repository of [0, 1, 2]) {
      for (let text = 0; text < 5; text++) {
        counts.add(wordsOf(`shared ${repository < 2 ? 'secret' : ''} own${'abc'[repository]}`), repository);
      }
    }
    expect(counts.most(10)).toEqual(['shared']);
  });
});
