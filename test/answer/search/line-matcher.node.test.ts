import { describe, expect, it } from 'vitest';
import { lineCount, lineRange } from '../../../src/answer/lines.ts';
import { literalMatcher, regexMatcher } from '../../../src/answer/search/line-matcher.ts';
import { anchorsOf, type Needles } from '../../../src/answer/search/needles.ts';
import { regexNeedles } from '../../../src/answer/search/regex-needles.ts';

const matched = (source: string, text: string) =>
  regexMatcher(source, true)
    .lines(text, 100)
    .map((line) => line.start);

describe('needles of a regular expression', () => {
  const cases: [string, Needles][] = [
    ['parseQuery', 'parsequery'],
    ['foo.*bar', { all: ['foo', 'bar'] }],
    ['(foo|barn)', { any: ['foo', 'barn'] }],
    ['https?://', { any: ['http://', 'https://'] }],
    ['[Gg]etUser', 'getuser'],
    ['get(User|Account)Name', { any: ['getusername', 'getaccountname'] }],
    ['a+b', null],
    ['(abc)+d', 'abc'],
    ['(abc)*def', 'def'],
    ['x(abc|d)y', { any: ['xabcy', 'xdy'] }],
    ['abc|.', null],
    ['\\bword\\b', 'word'],
    ['a\\.b\\(c', 'a.b(c'],
    ['\\w+Error', 'error'],
    ['\\x66oo\\x{62}ar', 'foobar'],
    ['[[:alpha:]]abc', 'abc'],
    ['[]a]bcd', { any: [']bcd', 'abcd'] }],
    ['\\QNEAR(\\E', 'near('],
    ['(?i)FOO', 'foo'],
    ['(?P<name>foo)bar', 'foobar'],
    ['ab{2,3}cde', 'cde'],
    ['\\p{Lu}xyz', 'xyz'],
    ['^$', null],
  ];
  for (const [source, needles] of cases) {
    it(`${source} needs ${JSON.stringify(needles)}`, () => expect(regexNeedles(source)).toEqual(needles));
  }

  it('never demands what a match lacks', () => {
    const patterns = [
      'fo+bar?',
      '(a|b)cde{0,2}f',
      'x[yz]{2}w+abc',
      '(?:ab(c|d)?e){1,2}foo',
      'colou?rs?',
      '[a-c]at(s|ch)',
    ];
    const texts = [
      'foba foobar fooobar',
      'acdf bcdeef',
      'xyzwwabc xzzwabc',
      'abceabdefoo abefoo',
      'color colours',
      'cats batch',
    ];
    for (const [i, source] of patterns.entries()) {
      const words = texts[i]!.split(' ');
      for (const word of words) {
        if (!new RegExp(source).test(word)) continue;
        expect(regexMatcher(source, true).test(word), `${source} in ${word}`).toBe(true);
      }
    }
  });

  it('anchors on the longest certain string', () => {
    expect(anchorsOf(regexNeedles('foo.*barbaz'))).toEqual(['barbaz']);
    expect(anchorsOf(regexNeedles('(foo|quux).*'))).toEqual(['foo', 'quux']);
  });
});

describe('matching lines', () => {
  it('finds every line of a literal once, with exact line numbers', () => {
    const text = 'a foo\nb\nfoo foo\r\nlast foo';
    expect(
      literalMatcher('foo', true)
        .lines(text, 10)
        .map((line) => line.start),
    ).toEqual([1, 3, 4]);
  });
  it('spans lines for a literal with a newline in it', () => {
    expect(literalMatcher('b\nc', true).lines('a\nb\nc\n', 10)).toEqual([{ start: 2, end: 3 }]);
  });
  it('ignores case only when asked', () => {
    expect(literalMatcher('Foo', true).test('foo')).toBe(false);
    expect(literalMatcher('Foo', false).test('FOO')).toBe(true);
    expect(regexMatcher('fo+', false).test('FOO')).toBe(true);
  });
  it('keeps line numbers right after characters whose lower case is longer', () => {
    expect(literalMatcher('xyz', false).lines('İİİ\nİ XYZ', 10)).toEqual([{ start: 2, end: 2 }]);
  });
  it('matches regexes within lines, CRLF included', () => {
    expect(matched('foo$', 'foo\r\nfoo bar\nfoo')).toEqual([1, 3]);
    expect(matched('^bar', 'foo\nbar\nxbar')).toEqual([2]);
    expect(matched('foo[^)]*bar', 'foo\nbar\nfoo bar')).toEqual([3]);
  });
  it('asks of a line all that the pattern is certain to hold', () => {
    expect(matched('foo.*bar', 'foo\nbar\nbar foo\nfoo bar')).toEqual([4]);
    expect(matched('foo.*bar', 'foo bar')).toEqual([1]);
    expect(matched('foo', '\nfoo\n\nfoo\n')).toEqual([2, 4]);
    expect(matched('^$', '\nfoo\n\nbar')).toEqual([1, 3]);
  });
  it('spans lines when the pattern names a newline', () => {
    expect(regexMatcher('foo\\nbar', true).lines('x\nfoo\nbar\nfoo\nbar', 10)).toEqual([
      { start: 2, end: 3 },
      { start: 4, end: 5 },
    ]);
  });
  it('stays linear on patterns made to hang', () => {
    const started = performance.now();
    expect(regexMatcher('(a+)+$', true).test(`${'a'.repeat(20_000)}!`)).toBe(false);
    expect(performance.now() - started).toBeLessThan(2_000);
  });
  it('names the query when a regex does not compile or is too large', () => {
    expect(() => regexMatcher('foo(', true)).toThrow(
      /^query\/query: the regular expression does not compile/,
    );
    expect(() => regexMatcher('((a{1,100}){1,10}){1,10}', true)).toThrow(/query\/query/);
  });
  it('cuts lines out exactly', () => {
    expect(lineRange('a\r\nb\r\nc\n', 1, 2)).toBe('a\r\nb');
    expect(lineRange('a\nb', 2, 2)).toBe('b');
    expect(lineRange('a\nb\n', 2, 9)).toBe('b');
    expect(lineRange('a\nb\n', 3, 9)).toBe('');
    expect(['', 'a', 'a\n', 'a\n\n', 'a\nb'].map(lineCount)).toEqual([0, 1, 1, 2, 2]);
  });
});
