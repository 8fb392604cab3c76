import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Figures } from './against-typescript.ts';
import { f1, precision } from './measure.ts';

/**
 * Navigation against TypeScript's language service: on symbols of a package that is written in TypeScript and pinned by the
 * lockfile, drawn by a seed, and on all of this project's own source, where a draw would change with every commit.
 */
const ROOT = path.resolve(import.meta.dirname, '../..');
const PROJECTS = [
  { name: 'this project', directory: 'src', arguments: [], callers: 'allCallers' },
  { name: 'zod', directory: 'node_modules/zod/src', arguments: ['zod'], callers: 'callers' },
] as const;

describe.each(PROJECTS)('navigation of $name', ({ directory, arguments: rest, callers }) => {
  let figures: Figures;

  beforeAll(async () => {
    const hooks = path.join(ROOT, 'test/support/grammar-hooks.ts');
    const program = path.join(ROOT, 'test/navigation/against-typescript.ts');
    const node = path.join(ROOT, 'node_modules/.bin/node');
    const run = ['--import', hooks, program, path.join(ROOT, directory), ...rest];
    const { stdout } = await promisify(execFile)(node, run, { maxBuffer: 1 << 26 });
    figures = JSON.parse(stdout) as Figures;
  });

  it('finds the callers of symbols as TypeScript does', () => {
    expect(figures.symbols).toBeGreaterThanOrEqual(100);
    expect(precision(figures[callers])).toBeGreaterThanOrEqual(0.95);
    expect(f1(figures[callers])).toBeGreaterThanOrEqual(0.93);
  });

  it('finds the imports of symbols as TypeScript does', () => {
    expect(precision(figures.references)).toBeGreaterThanOrEqual(0.95);
    expect(f1(figures.references)).toBeGreaterThanOrEqual(0.93);
  });

  it('is right in 95 of 100 edges that it marks 0.9 or more', () => {
    const sure = figures.calibration.filter(({ from }) => from >= 0.9);
    const right = sure.reduce((sum, bucket) => sum + bucket.right, 0);
    const edges = sure.reduce((sum, bucket) => sum + bucket.edges, 0);
    expect(edges).toBeGreaterThan(1000);
    expect(right / edges).toBeGreaterThanOrEqual(0.95);
  });
});
