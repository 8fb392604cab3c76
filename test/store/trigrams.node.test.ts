import { describe, expect, it } from 'vitest';
import { ANY_TRIGRAM, trigramExpression, trigramWords } from '../../src/store/trigrams.ts';

const words = (text: string) => new Set(trigramWords(text).split(' ').filter(Boolean));
const holds = (text: string, literal: string) => [...words(literal)].every((word) => words(text).has(word));

describe('trigrams as words', () => {
  it('hold every literal of the text, whatever its letter case, script or place', () => {
    const text = 'export const HttpServer = "néant 🦀 漢字かな Ωmega İstanbul"; // \t\r\n\u0000 end';
    for (let from = 0; from < text.length; from++) {
      for (let to = from + 1; to <= Math.min(text.length, from + 9); to++) {
        const literal = text.slice(from, to);
        for (const spelled of [literal, literal.toLowerCase(), literal.toUpperCase()]) {
          // Where case changes the number of characters, no comparison by characters finds it either.
          if (spelled.length === literal.length)
            expect(holds(text, spelled), JSON.stringify(spelled)).toBe(true);
        }
      }
    }
  });

  it('tell most other literals apart, also in scripts without case', () => {
    const text = 'const server = 漢字かな交じり文; // トップ';
    for (const other of ['client', 'servant', '漢字仮名', 'トマト', ');;;'])
      expect(holds(text, other), other).toBe(false);
  });

  it('are distinct, of four characters, and never the word that stands for any', () => {
    const text = Array.from({ length: 3000 }, (_, n) => String.fromCharCode(32 + ((n * 7919) % 40000))).join(
      '',
    );
    const list = trigramWords(text).split(' ');
    expect(new Set(list).size).toBe(list.length);
    for (const word of list) expect(word).toMatch(/^[0-9a-v]{4}$/);
    expect(list).not.toContain(ANY_TRIGRAM);
  });

  it('do not mix texts that follow one another, however many', () => {
    const first = trigramWords('alpha beta');
    for (let n = 0; n < 600; n++) trigramWords(`other text ${n}`);
    expect(trigramWords('alpha beta')).toBe(first);
  });

  it('leave white space out: the words beside it narrow as well', () => {
    expect(words('let x = 1;').size).toBe(1);
    expect(words('two words')).toEqual(new Set([...words('two'), ...words('words')]));
  });

  it('ask nothing of literals too short to narrow', () => {
    expect(trigramWords('')).toBe('');
    expect(trigramWords('ab')).toBe('');
    expect(trigramExpression(['ab', ''])).toBe('');
    expect(trigramExpression(['abc'])).toMatch(/^\("\w{4}"\) OR "vvvv"$/);
  });
});
