import { describe, expect, it } from 'vitest';
import {
  type Candidate,
  type CandidateSymbol,
  continued,
  type RankQuery,
  rank,
  stronger,
  WEIGHTS,
} from '../../../src/answer/search/rank.ts';
import { looksLikeCode, spellings, termsOf } from '../../../src/answer/search/terms.ts';

let next = 0;
const candidate = (path: string, more: Partial<Candidate> = {}): Candidate => ({
  id: `c${next++}`,
  file: path,
  path,
  lang: 'typescript',
  startLine: 1,
  endLine: 20,
  symbol: null,
  named: null,
  ranks: { lexical: 0 },
  lexicalShare: 1,
  similarity: 0,
  members: null,
  ...more,
});
const symbol = (name: string, kind = 'function'): CandidateSymbol => ({
  name,
  qualifiedName: name,
  kind,
  startLine: 1,
  endLine: 20,
  exported: true,
});
const query = (text: string): RankQuery => {
  const code = looksLikeCode(text);
  return { terms: termsOf(text), code, spelled: code ? spellings(text) : new Set(), places: [] };
};
const order = (candidates: Candidate[], text: string) =>
  rank(candidates, query(text)).map(({ candidate: { path } }) => path);

describe('ranking', () => {
  it('lets agreement of lists beat a first place in one of the weaker ones', () => {
    const both = candidate('both.ts', { ranks: { lexical: 1, symbol: 1 }, lexicalShare: 0.9 });
    const one = candidate('one.ts', { ranks: { path: 0 } });
    expect(order([one, both], 'foo')).toEqual(['both.ts', 'one.ts']);
  });

  it('puts a definition before what only mentions the name', () => {
    const mention = candidate('use.ts');
    const definition = candidate('def.ts', {
      symbol: symbol('parseQuery'),
      ranks: { lexical: 5 },
      lexicalShare: 0.6,
    });
    expect(order([mention, definition], 'parseQuery')).toEqual(['def.ts', 'use.ts']);
    expect(order([mention, definition], 'parse_query')).toEqual(['def.ts', 'use.ts']);
  });

  it('tells names of the same letters apart by how they are typed', () => {
    const named = (path: string, name: string, at: number) =>
      candidate(path, { symbol: symbol(name), named: symbol(name), ranks: { lexical: at, symbol: at } });
    const route = named('a.rb', 'route', 0);
    const bang = named('b.rb', 'route!', 1);
    const type = named('c.rb', 'Route', 2);
    expect(order([route, bang, type], 'route!')[0]).toBe('b.rb');
    expect(order([route, bang, type], 'Route')[0]).toBe('c.rb');
    expect(order([route, bang, type], 'app.route(path)')[0]).toBe('a.rb');
  });

  it('prefers of one name the outer definition to a nested one, its declaration to its body, and both to examples', () => {
    const at = (path: string, qualifiedName: string, startLine: number, rank: number) => {
      const known = { ...symbol('Value', 'class'), qualifiedName, endLine: 400 };
      return candidate(path, {
        symbol: known,
        named: null,
        startLine,
        ranks: { lexical: rank },
        endLine: startLine + 20,
      });
    };
    const nested = at('nested.rs', 'Map.visit.Visitor.Value', 1, 0);
    const inner = at('outer.rs', 'Value', 100, 1);
    const head = at('outer.rs', 'Value', 1, 2);
    const example = at('examples/a.rs', 'Value', 1, 0);
    const ranked = rank([nested, inner, head, example], query('Value')).map((each) => each.candidate);
    expect(ranked[0]).toBe(head);
    expect(ranked.indexOf(nested)).toBeLessThan(ranked.indexOf(inner));
    expect(ranked.indexOf(nested)).toBeLessThan(ranked.indexOf(example));
  });

  it('demotes tests and generated files, unless the query asks for tests', () => {
    const test = candidate('test/a.test.ts');
    const generated = candidate('dist/a.min.js');
    const source = candidate('src/a.ts', { ranks: { lexical: 3 }, lexicalShare: 0.8 });
    expect(order([test, generated, source], 'refresh')[0]).toBe('src/a.ts');
    expect(order([test, source], 'refresh test')[0]).toBe('test/a.test.ts');
  });

  it('keeps at most three hits of a file and none that overlap', () => {
    const lines = (startLine: number, endLine: number, at: number) =>
      candidate('a.ts', { startLine, endLine, ranks: { lexical: at } });
    const ranked = rank(
      [lines(1, 10, 0), lines(5, 15, 1), lines(11, 20, 2), lines(21, 30, 3), lines(31, 40, 4)],
      query('x'),
    );
    expect(ranked.map((each) => each.candidate.startLine)).toEqual([1, 11, 21]);
  });

  it('continues below its end with what a deeper look finds, so that pages are of one order', () => {
    const [a, b, c] = ['a.ts', 'b.ts', 'c.ts'].map((path, at) => candidate(path, { ranks: { lexical: at } }));
    const first = rank([b!, c!], query('x'));
    const both = continued(first, rank([a!, b!, c!], query('x')));
    expect(both.map((each) => each.candidate.path)).toEqual(['b.ts', 'c.ts', 'a.ts']);
    expect(both[2]!.score).toBe(first[1]!.score);
  });

  it('scores from 0 to 1, falling, and never orders ties by chance', () => {
    const candidates = ['b.ts', 'a.ts', 'c.ts'].map((path) => candidate(path));
    const ranked = rank(candidates, query('x'));
    expect(ranked.map((each) => each.candidate.path)).toEqual(['a.ts', 'b.ts', 'c.ts']);
    expect(rank([...candidates].reverse(), query('x')).map((each) => each.candidate.path)).toEqual([
      'a.ts',
      'b.ts',
      'c.ts',
    ]);
    for (const { score } of ranked) expect(score > 0 && score <= 1).toBe(true);
  });

  it('can leave every signal out, which is what the ablation measures', () => {
    const only = candidate('a.ts', { ranks: { symbol: 0 } });
    expect(rank([only], query('x'), { without: new Set(['symbol']) })).toEqual([]);
    const near = candidate('a.ts', { ranks: { semantic: 0 }, similarity: 0.6 });
    expect(rank([near], query('where is it'), { without: new Set(['semantic']) })).toEqual([]);
    expect(rank([near], query('where is it'))).toHaveLength(1);
  });

  it('lets what answers a question stand before what is only short, and leaves names alone', () => {
    const line = candidate('a.ts', { endLine: 2 });
    const longer = candidate('b.ts', { ranks: { lexical: 1 }, lexicalShare: 0.9 });
    const defined = candidate('c.ts', { ranks: { lexical: 1 }, lexicalShare: 0.9, symbol: symbol('run') });
    expect(order([line, longer, defined], 'where is it parsed')).toEqual(['c.ts', 'b.ts', 'a.ts']);
    expect(order([line, longer], 'parseIt')).toEqual(['a.ts', 'b.ts']);
    const manual = candidate('d.md', { lang: 'markdown', ranks: { lexical: 1 }, lexicalShare: 0.9 });
    expect(order([line, manual], 'where is it parsed')).toEqual(['d.md', 'a.ts']);
  });

  it('takes what its members were found by for a type, a little less than for themselves', () => {
    const found = { lexical: 0, lexicalShare: 1, similarity: 0.6 };
    const [type, method] = [symbol('Shelf', 'class'), symbol('put', 'method')];
    const head = candidate('a.ts', { symbol: type, ranks: {}, lexicalShare: 0, members: found });
    const other = candidate('b.ts', { symbol: method, ranks: { lexical: 2 }, lexicalShare: 0.4 });
    const member = candidate('c.ts', { symbol: method, similarity: 0.6 });
    expect(order([other, head, member], 'where are books kept')).toEqual(['c.ts', 'a.ts', 'b.ts']);
    expect(rank([head], query('where are books kept'), { without: new Set(['members']) })).toEqual([]);
    const two = stronger(stronger(null, { ...found, similarity: 0.3 }), {
      lexical: undefined,
      lexicalShare: 0,
      similarity: 0.6,
    });
    expect(two).toEqual(found);
  });

  it('takes nearness for as much as the nearest is near, and for less when a name is asked for', () => {
    const far = candidate('far.ts', { ranks: { semantic: 1 }, similarity: 0.1 });
    const scoreOf = (similarity: number, text: string) =>
      rank([candidate('a.ts', { ranks: { semantic: 0 }, similarity }), far], query(text))[0]!.score;
    expect(scoreOf(0.7, 'where is it parsed')).toBeGreaterThan(scoreOf(0.35, 'where is it parsed'));
    expect(scoreOf(0.7, 'where is it parsed')).toBeGreaterThan(scoreOf(0.7, 'parse_it parseAll'));
    const named = candidate('a.ts', { ranks: { semantic: 0 }, similarity: 0.7 });
    expect(rank([named, far], query('where is it parsed'))).toHaveLength(1);
    expect(rank([named, far], query('parseIt'))).toEqual([]);
    expect(WEIGHTS.semantic).toBeGreaterThan(0);
  });
});
