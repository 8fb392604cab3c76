/// <reference types="vite/client" />
import { expect } from 'vitest';
import readme from '../../../README.md?raw';
import type { Coverage } from './follow.ts';

/**
 * What the README's table says was compared was compared: syncs exactly, rows, edges and files at least, so that not
 * every change of the parser changes the README.
 */
export function expectInReadme(history: string, { syncs, rows, edges, files }: Coverage): void {
  const line = readme.split('\n').find((each) => each.startsWith(`| ${history} |`)) ?? '';
  const [, , ...cells] = line.split('|').map((cell) => cell.trim().replaceAll(',', ''));
  const said = cells.slice(0, 4).map((cell) => Number(cell.replace('> ', '')));
  const were = [syncs, rows, edges, files];
  const message = `the README's line "${history}" of ${were.join(', ')}`;
  expect(said[0], message).toBe(syncs);
  for (const [at, figure] of were.entries()) expect(figure, message).toBeGreaterThanOrEqual(said[at]!);
}
