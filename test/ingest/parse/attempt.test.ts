import { describe, expect, it } from 'vitest';
import type { ParseCallback, ParseOptions, Tree } from 'web-tree-sitter';
import { attempt } from '../../../src/ingest/parse/attempt.ts';
import type { Runtime } from '../../../src/ingest/parse/runtime.ts';

/** A runtime whose parse is `parse`, which gives up when it is told to and else has a tree. */
function runtimeOf(parse: (read: (index: number) => string, progress: () => boolean) => void) {
  const seen = { replaced: 0, deleted: 0 };
  const tree = { delete: () => seen.deleted++ } as unknown as Tree;
  const parser = {
    setLogger: () => parser,
    parse(read: ParseCallback, _old: null, options: ParseOptions) {
      let offset = 0;
      let stopped = false;
      const progress = () => {
        offset += 1000;
        stopped = Boolean(options.progressCallback?.({ currentOffset: offset, hasError: false }));
        return stopped;
      };
      parse((index) => read(index, { row: 0, column: 0 }) ?? '', progress);
      return stopped ? null : tree;
    },
  };
  const engine = { parser, listener: null, hasRoom: () => true, replaceParser: () => seen.replaced++ };
  return { engine: engine as unknown as Runtime, seen };
}

const TEXT = 'word1 a< x2\n'.repeat(40_000);

describe('an attempt', () => {
  it('ends the text for a scanner that reads all of it again and again', () => {
    let read = 0;
    const { engine, seen } = runtimeOf((textAt) => {
      for (let at = 0; ; at += 5000) {
        const piece = textAt(at % TEXT.length);
        if (piece === '') break;
        read += Math.min(piece.length, 5000);
      }
    });
    expect(attempt(engine, TEXT)).toBeNull();
    expect(read).toBeGreaterThan(TEXT.length * 10);
    expect(read).toBeLessThan(TEXT.length * 25);
    // The end came while it parsed: what it made of the rest of the text is thrown away.
    expect(seen).toEqual({ replaced: 1, deleted: 1 });
  });

  it('ends the text when a sample would be paid for by the character', () => {
    let heard = 0;
    const { engine } = runtimeOf((textAt, progress) => {
      while (textAt(0) !== '' && !progress()) {
        for (let n = 0; n < 300_000 && engine.listener; n++, heard++) engine.listener('character');
      }
    });
    expect(attempt(engine, TEXT)).toBeNull();
    expect(heard).toBe(300_000);
  });

  it('gives up where most ways on from an error are dead ends', () => {
    const hostile = (dropped: number) => {
      let steps = 0;
      const { engine } = runtimeOf((_textAt, progress) => {
        do {
          for (let n = 0; n < 100; n++) engine.listener?.('operation');
          for (let n = 0; n < dropped; n++) engine.listener?.('dead end');
        } while (++steps < 2000 && !progress());
      });
      return attempt(engine, TEXT) === null;
    };
    expect(hostile(900)).toBe(true);
    expect(hostile(20)).toBe(false);
  });

  it('leaves the text readable to whoever asks the tree later', () => {
    let later: ((index: number) => string) | undefined;
    const { engine } = runtimeOf((textAt) => {
      later = textAt;
    });
    expect(attempt(engine, TEXT)).not.toBeNull();
    for (let n = 0; n < 5000; n++) expect(later?.(0)).toBe(TEXT);
  });
});
