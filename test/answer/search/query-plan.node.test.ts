import { describe, expect, it } from 'vitest';
import { editDistance, nearestNames, nearestPaths } from '../../../src/answer/nearest.ts';
import { codePlace, namesFile } from '../../../src/answer/search/code-place.ts';
import { languageFilter, languageNamed } from '../../../src/answer/search/language-filter.ts';
import { pathPattern } from '../../../src/answer/search/path-pattern.ts';
import {
  demandNeedles,
  onlyFilters,
  planQuery,
  satisfies,
  withoutPhrases,
} from '../../../src/answer/search/query-plan.ts';
import { anyTerm, clauseTerms, termsOf } from '../../../src/answer/search/terms.ts';

const one = (query: string, mode: 'hybrid' | 'literal' | 'regex' = 'hybrid') => {
  const { clauses } = planQuery(query, mode);
  expect(clauses).toHaveLength(1);
  return clauses[0]!;
};
const holds = (query: string, text: string) => satisfies(one(query).demand!, text);

describe('plans', () => {
  it('rank by bare words and demand what was typed with an operator', () => {
    expect(one('refresh the token')).toMatchObject({ wishes: ['refresh', 'the', 'token'], demand: null });
    expect(clauseTerms(one('where is the token')).map((term) => term.whole)).toEqual(['token']);
    expect(clauseTerms(one('the')).map((term) => term.whole)).toEqual(['the']);
    expect(holds('a1 AND (b1 OR c1) AND NOT d1', 'a1 c1')).toBe(true);
    expect(holds('a1 AND (b1 OR c1) AND NOT d1', 'a1 c1 d1')).toBe(false);
    expect(holds('"Foo bar"', 'xx foo BAR')).toBe(true);
    expect(holds('case:yes "Foo bar"', 'xx foo BAR')).toBe(false);
    expect(holds('case:auto "Foo"', 'foo')).toBe(false);
    expect(holds('case:auto "foo"', 'FOO')).toBe(true);
  });

  it('distribute alternatives of qualifiers, and only those', () => {
    const { clauses } = planQuery('(repo:a OR (repo:b lang:go)) x -path:test', 'hybrid');
    expect(clauses.map(({ repos, langs, notPaths }) => [repos, langs, notPaths.length])).toEqual([
      [[['a']], [], 1],
      [[['b']], [['go']], 1],
    ]);
    expect(one('NOT (lang:go OR file:x)')).toMatchObject({ notLangs: ['go'], notPaths: [{ source: 'x' }] });
  });

  it('take parameters as further filters', () => {
    const { clauses } = planQuery('lang:go x', 'hybrid', { lang: 'rust', repo: 'r', ref: 'v1', path: 'src' });
    expect(clauses[0]).toMatchObject({
      langs: [['go'], ['rust']],
      repos: [['r']],
      refs: ['v1'],
      paths: [{ source: 'src' }],
    });
  });

  it('in literal and regex mode leave everything but qualifiers as it stands', () => {
    expect(demandNeedles(one('if (a && b) lang:c', 'literal').demand!)).toBe('if (a && b)');
    expect(one('if (a && b) lang:c', 'literal').langs).toEqual([['c']]);
    expect(satisfies(one('"  spaced  "', 'literal').demand!, 'x  spaced  y')).toBe(true);
    expect(satisfies(one('say "hi" -now', 'literal').demand!, 'say "hi" -now')).toBe(true);
    expect(satisfies(one('/a b+/', 'regex').demand!, 'xa bbb')).toBe(true);
    expect(satisfies(one('foo|bar path:x', 'regex').demand!, 'bar')).toBe(true);
  });

  it('are bounded', () => {
    expect(() => planQuery('x'.repeat(1001), 'hybrid')).toThrow(/query\/query/);
    expect(() =>
      planQuery(Array.from({ length: 12 }, (_, n) => `repo:r${n}`).join(' OR '), 'hybrid'),
    ).toThrow(/alternatives/);
    expect(() =>
      planQuery(Array.from({ length: 8 }, () => '(lang:a OR lang:b)').join(' '), 'hybrid'),
    ).toThrow(/alternatives/);
    const { clauses, notes } = planQuery(Array.from({ length: 200 }, (_, n) => `w${n}`).join(' '), 'hybrid');
    expect(clauses[0]!.wishes).toHaveLength(64);
    expect(notes).toEqual(['only the first 64 words were searched for']);
  });
});

describe('full-text expressions', () => {
  it('quote everything, so that nothing of a query is syntax', () => {
    expect(anyTerm(termsOf('parseHTTP NEAR( "x'))).toBe(
      '"parsehttp" OR ("parse" AND "http") OR "near" OR "x"',
    );
    expect(anyTerm(termsOf('parse_http'))).toBe('"parse_http" OR "parsehttp" OR ("parse" AND "http")');
    expect(anyTerm(termsOf('no such route'), 'no such route')).toBe(
      '"no" OR "such" OR "route" OR "no such route"',
    );
  });
  it('stay short for the longest queries', () => {
    for (const text of ['aB'.repeat(500), 'a.'.repeat(500), 'aB '.repeat(333), '漢'.repeat(1000)]) {
      expect(anyTerm(termsOf(text), text).length).toBeLessThan(8_000);
    }
  });
});

describe('filters', () => {
  it('know languages by name, extension and nickname', () => {
    expect(['TypeScript', '.tsx', 'py', 'C++', 'c#', 'golang', 'md'].map(languageNamed)).toEqual([
      'typescript',
      'typescript',
      'python',
      'cpp',
      'csharp',
      'go',
      'markdown',
    ]);
    expect(languageNamed('klingon')).toBeNull();
    expect(languageFilter([['ts']], [])).toEqual(['typescript', 'tsx']);
    expect(languageFilter([['klingon']], [])).toEqual([]);
    expect(languageFilter([], ['ts'])).not.toContain('tsx');
  });

  it('match paths by part, by base name and by glob, in bounded time', () => {
    expect(pathPattern('src/Auth', 'path').test('lib/src/auth/a.ts')).toBe(true);
    expect(pathPattern('auth', 'name').test('auth/a.ts')).toBe(false);
    expect(pathPattern('*.ts', 'path').test('a/b/c.ts')).toBe(true);
    expect(pathPattern('src/*.ts', 'path').test('src/a/b.ts')).toBe(false);
    expect(pathPattern('src/**/*.{ts,js}', 'path')).toMatchObject({ piece: 'src' });
    expect(() => pathPattern('*a'.repeat(30), 'path')).toThrow(/wildcards/);
    // Cut short, they would leave out files that were asked for.
    expect(() => pathPattern('{a,b}'.repeat(7), 'path')).toThrow(/more than 64 patterns/);
    const started = performance.now();
    pathPattern(`${'*a'.repeat(20)}b`, 'path').test('a'.repeat(200));
    expect(performance.now() - started).toBeLessThan(500);
  });

  it('suggest the nearest names', () => {
    expect(editDistance('kitten', 'sitting')).toBe(3);
    expect(editDistance('ab', 'ba')).toBe(1);
    expect(nearestNames('pasreQuery', ['parseQuery', 'parse', 'other'])).toEqual(['parseQuery']);
    expect(nearestNames('lib', ['my-lib', 'zzz'])).toEqual(['my-lib']);
  });
});

describe('places in the code', () => {
  it.each([
    ['src/a.ts:12', 'src/a.ts', 12],
    ['(/app/src/a.ts:12:5)', 'app/src/a.ts', 12],
    ['file:///app/x.mjs:3:2', 'app/x.mjs', 3],
    ['a.cs(12,5)', 'a.cs', 12],
    ['C:\\x\\a.ts:3', 'x/a.ts', 3],
    ['main.go:10:', 'main.go', 10],
    ['src/a.ts#L12', 'src/a.ts', 12],
    ['./lib/response.js', 'lib/response.js', null],
    ['"src/a.py",', 'src/a.py', null],
  ])('are read from %s', (word, path, line) => expect(codePlace(word)).toEqual({ path, line }));

  it.each(['res.send', 'foo()', 'v1.2.3', 'std::vector', '127.0.0.1:80', 'http://x.y/z', 'e.g.', 'a/b'])(
    'are not read from %s',
    (word) => expect(codePlace(word)).toBeNull(),
  );

  it('are of a file when either path ends with the other, at a segment', () => {
    const place = (path: string) => ({ path, line: 1 });
    expect(namesFile(place('search/rank.ts'), 'src/answer/search/rank.ts')).toBe(true);
    expect(namesFile(place('app/src/rank.ts'), 'src/rank.ts')).toBe(true);
    expect(namesFile(place('rank.ts'), 'src/frank.ts')).toBe(false);
    expect(namesFile(place('app/index.ts'), 'index.ts')).toBe(false);
  });

  it('are searched for without the number of the line', () => {
    expect(one('at src/a.ts:12').wishes).toEqual(['at', 'src/a.ts']);
    expect(one('file:src/a.ts:12').paths[0]!.source).toBe('src/a.ts');
  });
});

describe('plans, read again', () => {
  it('take quoted phrases among other words as words, and nothing that was meant exactly', () => {
    const relaxed = withoutPhrases(planQuery('Invalid version: "v 9" -old /x+/', 'hybrid'))!;
    expect(relaxed.phrases).toEqual(['v 9']);
    expect(relaxed.plan.clauses[0]).toMatchObject({ wishes: ['Invalid', 'version:', 'v', '9'] });
    expect(satisfies(relaxed.plan.clauses[0]!.demand!, 'xx')).toBe(true);
    expect(satisfies(relaxed.plan.clauses[0]!.demand!, 'xx old')).toBe(false);
    for (const query of ['"alone"', 'case:yes Foo', 'a AND b', 'content:"x" y'])
      expect(withoutPhrases(planQuery(query, 'hybrid')), query).toBeNull();
  });

  it('are filters alone when nothing is searched for', () => {
    for (const query of ['lang:go', '-path:test repo:a', '()'])
      expect(onlyFilters(one(query)), query).toBe(true);
    for (const query of ['lang:go x', 'sym:x', 'content:x', '/x/'])
      expect(onlyFilters(one(query)), query).toBe(false);
  });
});

describe('the nearest paths', () => {
  const files = [
    'src/answer/search/rank.ts',
    'src/answer/search/terms.ts',
    'test/rank.test.ts',
    'lib/rank.ts',
  ];
  it('are those of the same or a similar last segment, files or directories', () => {
    expect(nearestPaths('src/search/rank.ts', files)[0]).toBe('src/answer/search/rank.ts');
    expect(nearestPaths('src/anser', files)[0]).toBe('src/answer');
    expect(nearestPaths('term.ts', files)).toEqual(['src/answer/search/terms.ts']);
    expect(nearestPaths('nothing-like-it', files)).toEqual([]);
  });
});
