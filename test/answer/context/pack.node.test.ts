import { describe, expect, it } from 'vitest';
import { framesOf, literalsOf } from '../../../src/answer/context/error-text.ts';
import { packSections, type Section } from '../../../src/answer/context/pack.ts';
import { loadTokenizer } from '../../../src/answer/context/tokenizer.ts';

const tokenizer = await loadTokenizer();
const text = Array.from({ length: 100 }, (_, n) => `const value${n} = compute(${n});`).join('\n');
const section = (startLine: number, endLine: number, path = 'a.ts'): Section => ({
  path,
  startLine,
  endLine,
  text,
  annotation: 'why',
});

describe('packing', () => {
  it('never exceeds any budget, and counts exactly what it formats', () => {
    for (const budget of [1, 2, 5, 11, 12, 20, 37, 60, 100, 250, 1_000, 5_000]) {
      const pack = packSections(
        [section(1, 40), section(50, 100), section(1, 100, 'b.ts')],
        budget,
        tokenizer,
      );
      expect(tokenizer.count(pack.formatted)).toBe(pack.totalTokens);
      expect(pack.totalTokens).toBeLessThanOrEqual(budget);
      expect(pack.formatted === '').toBe(pack.chunks.length === 0);
    }
  });

  it('keeps the order, fills the budget, and cuts the one that does not fit at a line', () => {
    const all = packSections([section(1, 5), section(20, 25)], 10_000, tokenizer);
    expect(all.chunks.map((chunk) => chunk.startLine)).toEqual([1, 20]);
    const tight = packSections([section(1, 100)], 300, tokenizer);
    expect(tight.chunks[0]).toMatchObject({ startLine: 1, annotation: 'why (cut)' });
    expect(tight.chunks[0]!.content).toBe(text.split('\n').slice(0, tight.chunks[0]!.endLine).join('\n'));
    expect(tight.totalTokens).toBeGreaterThan(150);
  });

  it('shows no line twice', () => {
    const { chunks } = packSections(
      [section(10, 20), section(15, 30), section(12, 18), section(5, 12)],
      10_000,
      tokenizer,
    );
    expect(chunks.map(({ startLine, endLine }) => [startLine, endLine])).toEqual([
      [10, 20],
      [21, 30],
      [5, 9],
    ]);
  });

  it('heads each piece with its file and lines, behind a fence that the text cannot close', () => {
    const fenced = { ...section(1, 1, 'x.md'), text: '```js\n```` four' };
    expect(packSections([{ ...fenced, endLine: 2 }], 1_000, tokenizer).formatted).toBe(
      '## File: x.md (lines 1-2)\nwhy\n`````md\n```js\n```` four\n`````\n\n',
    );
  });

  it('takes the spelling of a special token as text', () => {
    const special = { ...section(1, 1), text: '<|endoftext|>' };
    expect(packSections([special], 1_000, tokenizer).chunks).toHaveLength(1);
  });
});

describe('error texts', () => {
  it('reads the frames of stack traces', () => {
    const trace = `TypeError: x is not a function
    at parse (file:///app/src/parse.ts:12:3)
    at /app/src/main.js:40:1
  File "/srv/app/auth.py", line 7, in refresh
    main.go:31 +0x1f
    at com.x.Main.run(Main.java:88)`;
    expect(framesOf(trace)).toEqual([
      { path: 'app/src/parse.ts', line: 12 },
      { path: 'app/src/main.js', line: 40 },
      { path: 'srv/app/auth.py', line: 7 },
      { path: 'main.go', line: 31 },
      { path: 'Main.java', line: 88 },
    ]);
  });

  it('keeps the pieces of a message that do not change at run time', () => {
    expect(literalsOf('Error: no route matches /users/7 in this router')).toEqual([
      'no route matches',
      'in this router',
    ]);
    expect(literalsOf("PermissionError: session 'abc' has expired; sign in again")[0]).toBe(
      'has expired; sign in again',
    );
    expect(literalsOf('x')).toEqual([]);
  });
});
