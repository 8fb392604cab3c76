import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseQuery } from '../../../src/answer/search/query-parser.ts';
import { printQuery } from '../../../src/answer/search/query-tree.ts';

const folder = join(import.meta.dirname, 'query-cases');

interface Case {
  query: string;
  tree: string;
}

function casesOf(text: string): Case[] {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const cases: Case[] = [];
  for (let i = 0; i < lines.length; i += 2) {
    const [query, tree] = [lines[i]!, lines[i + 1] ?? ''];
    if (!query.startsWith('query:') || !tree.startsWith('tree: ')) throw new Error(`not a case: ${query}`);
    cases.push({ query: query.slice(7), tree: tree.slice(6) });
  }
  return cases;
}

describe('the query language', () => {
  for (const file of readdirSync(folder).sort()) {
    describe(file, () => {
      for (const { query, tree } of casesOf(readFileSync(join(folder, file), 'utf8'))) {
        it(`reads ${JSON.stringify(query)}`, () => expect(printQuery(parseQuery(query))).toBe(tree));
      }
    });
  }

  it('accepts every short string over its own punctuation', () => {
    const alphabet = ['a', ' ', '"', '(', ')', '-', '/', ':', '\\', 'OR', 'NOT', 'repo:'];
    for (const one of alphabet)
      for (const two of alphabet)
        for (const three of alphabet)
          for (const four of alphabet) expect(parseQuery(one + two + three + four).kind).toBe('seq');
  });

  it('survives a thousand open parentheses', () => {
    expect(printQuery(parseQuery(`${'('.repeat(999)}x`))).toBe('(seq (word "x"))');
  });
});
