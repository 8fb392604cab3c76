import { describe, expect, it } from 'vitest';
import { blockTrigrams, textBlocks } from '../../src/store/text-blocks.ts';
import { ANY_TRIGRAM } from '../../src/store/trigrams.ts';

const lines = (count: number, length: number) =>
  Array.from({ length: count }, (_, at) => `${at} ${'x'.repeat(length)}`);

describe('blocks of a text', () => {
  it('are the text again when joined, and know their lines', () => {
    const texts = [
      '',
      '\n',
      'one',
      'one\n',
      lines(2000, 30).join('\n'),
      `${lines(900, 60).join('\r\n')}\r\n`,
    ];
    for (const text of texts) {
      const blocks = textBlocks(text);
      expect(blocks.map((block) => block.text).join('')).toBe(text);
      const all = text.split('\n');
      for (const { startLine, endLine, text: part } of blocks) {
        const own = all.slice(startLine - 1, endLine).join('\n');
        expect(part === own || part === `${own}\n`).toBe(true);
      }
      for (const [at, { startLine }] of blocks.entries())
        if (at > 0) expect(startLine).toBe(blocks[at - 1]!.endLine + 1);
    }
  });

  it('end with a line, however long it is', () => {
    const blocks = textBlocks(`a\n${'b'.repeat(100_000)}\nc\n`);
    expect(blocks.map(({ startLine, endLine }) => [startLine, endLine])).toEqual([
      [1, 2],
      [3, 3],
    ]);
    expect(textBlocks('b'.repeat(100_000))).toHaveLength(1);
    expect(textBlocks(lines(5000, 50).join('\n')).length).toBeLessThan(40);
  });

  it('count as holding every trigram when those are too many to be written', () => {
    let state = 1;
    const random = () => {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      const at = (state >>> 0) % 124;
      return String.fromCharCode(at < 94 ? 33 + at : 0x4e00 + at);
    };
    const [block] = textBlocks(Array.from({ length: 1_500_000 }, random).join(''));
    expect(blockTrigrams(block!)).toBe(ANY_TRIGRAM);
    expect(blockTrigrams({ ...block!, text: 'abc' })).toMatch(/^\w{4}$/);
  });
});
