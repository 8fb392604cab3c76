import { describe, expect, it } from 'vitest';
import { snapshotConfig } from '../../../src/ingest/indexing/config.ts';
import { globFilter, validateGlobs } from '../../../src/ingest/indexing/globs.ts';
import { batches } from '../../../src/ingest/indexing/plan.ts';

const chosen = (patterns: string[] | null, paths: string[]) => paths.filter(globFilter(patterns));

describe('glob patterns', () => {
  const paths = ['a.ts', 'src/b.ts', 'src/deep/c.ts', 'src/deep/c.test.ts', '.hidden/d.ts', 'README.md'];

  it('choose every path when there are none, or none that is positive', () => {
    expect(chosen(null, paths)).toEqual(paths);
    expect(chosen([], paths)).toEqual(paths);
    expect(chosen(['!*.md'], paths)).toEqual(paths.slice(0, 5));
  });

  it('compare base names at any depth without a slash, whole paths with one', () => {
    expect(chosen(['*.ts'], paths)).toEqual(paths.slice(0, 5));
    expect(chosen(['src/*.ts'], paths)).toEqual(['src/b.ts']);
    expect(chosen(['src/**/*.ts'], paths)).toEqual(['src/b.ts', 'src/deep/c.ts', 'src/deep/c.test.ts']);
    expect(chosen(['src/deep/'], paths)).toEqual(['src/deep/c.ts', 'src/deep/c.test.ts']);
    expect(chosen(['./b.ts', './a.ts'], paths)).toEqual(['a.ts']);
  });

  it('need one positive match and no negative one, in any order', () => {
    expect(chosen(['!*.test.ts', 'src/**', 'README.md'], paths)).toEqual([
      'src/b.ts',
      'src/deep/c.ts',
      'README.md',
    ]);
    expect(chosen(['{a,b}.ts'], paths)).toEqual(['a.ts', 'src/b.ts']);
  });

  it('that are hostile are refused by name or matched in no time', () => {
    const slow = [
      '*a'.repeat(20),
      `${'*?'.repeat(100)}b`,
      `${'+(a|aa)'.repeat(20)}b`,
      `${'**/a/'.repeat(50)}b`,
      '{a,b}'.repeat(30),
      '{1..100000000}',
      `${'{'.repeat(140)}${'}'.repeat(140)}`,
      `${'!(a*)'.repeat(40)}z`,
      '[',
      '(',
      '\\',
      '{a..z}{a..z}{a..z}',
      '../x',
      '**',
      '@(a|b',
    ];
    const path = `${'a'.repeat(250)}/${'a/'.repeat(1000)}${'a'.repeat(250)}`;
    const start = performance.now();
    for (const pattern of slow) {
      try {
        globFilter([pattern])(path);
      } catch (error) {
        expect(error).toMatchObject({
          slug: 'validation',
          extras: { errors: [{ pointer: '/globPatterns/0' }] },
        });
      }
    }
    expect(performance.now() - start).toBeLessThan(1500);
    expect(() => validateGlobs(['ok', '{a,b}'.repeat(30)])).toThrow('/globPatterns/1');
    expect(() => validateGlobs(['ok', '{1..9}{1..9}{1..9}'])).toThrow('/globPatterns/1');
  });

  it('are refused when empty, absolute, too long, with control characters, or too many', () => {
    for (const pattern of ['', '  ', '!', '/abs', 'x'.repeat(301), 'a\u0000b', './']) {
      expect(() => validateGlobs([pattern]), JSON.stringify(pattern)).toThrow('/globPatterns/0');
    }
    expect(() => validateGlobs(Array.from({ length: 101 }, () => 'a'))).toThrow('/globPatterns');
  });

  it('make the same configuration in any order, and another when they differ', () => {
    expect(snapshotConfig(['b', 'a', 'a'])).toBe(snapshotConfig(['a', 'b']));
    expect(snapshotConfig(null)).toBe(snapshotConfig([]));
    expect(snapshotConfig(['a'])).not.toBe(snapshotConfig(null));
  });
});

describe('batches', () => {
  it('hold about a megabyte and at most 400 blobs, in order, however large one blob is', () => {
    const sizes = [600_000, 500_000, 9_000_000, ...Array.from({ length: 4000 }, () => 10)];
    const missing = sizes.map((size, n) => ({ oid: String(n), lang: 'text', size }));
    const cut = batches(missing);
    expect(cut.map((batch) => batch.blobs.length)).toEqual([1, 1, 1, ...Array(10).fill(400)]);
    expect(cut.flatMap((batch) => batch.blobs.map((blob) => blob.oid))).toEqual(
      missing.map((blob) => blob.oid),
    );
    expect(batches([])).toEqual([]);
  });

  it('are several for a run that one would hold, and one for a run of a few files', () => {
    const missing = (count: number, size: number) =>
      Array.from({ length: count }, (_, n) => ({ oid: String(n), lang: 'text', size }));
    expect(batches(missing(400, 2_000))).toHaveLength(8);
    expect(batches(missing(40, 2_000))).toHaveLength(1);
  });
});
