import { describe, expect, it } from 'vitest';
import { editDistance, nearestNames } from '../../../src/answer/nearest.ts';
import { languageFilter, languageNamed } from '../../../src/answer/search/language-filter.ts';
import { pathPattern } from '../../../src/answer/search/path-pattern.ts';
import { demandNeedles, planQuery, satisfies } from '../../../src/answer/search/query-plan.ts';
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
      '"no" OR "such" OR "route" OR "no such" OR "such route"',
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
