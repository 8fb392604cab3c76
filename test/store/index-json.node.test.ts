import { describe, expect, it } from 'vitest';
import { JsonGroups, jsonPieces, MAX_JSON_BYTES } from '../../src/store/index-json.ts';

describe('rows as JSON texts', () => {
  it('stay below the size of a bound value in bytes, not characters, and lose no row', () => {
    const rows = Array.from({ length: 5000 }, (_, n): [number, string] => [n, '漢"\\'.repeat(200)]);
    const pieces = jsonPieces(rows);
    expect(pieces.length).toBeGreaterThan(1);
    for (const piece of pieces) expect(Buffer.byteLength(piece)).toBeLessThanOrEqual(MAX_JSON_BYTES);
    expect(pieces.flatMap((piece) => JSON.parse(piece) as unknown[])).toEqual(rows);
    expect(jsonPieces([])).toEqual([]);
  });

  it('of one parent stand in several groups when they are too many for one', () => {
    const groups = new JsonGroups();
    const rows = (count: number) => Array.from({ length: count }, (_, n) => [n, 'x'.repeat(300)]);
    groups.add(1, rows(3));
    groups.add(2, []);
    groups.add(3, rows(20_000));
    const pieces = groups.pieces();
    for (const piece of pieces) expect(Buffer.byteLength(piece)).toBeLessThanOrEqual(MAX_JSON_BYTES);
    const read = pieces.flatMap((piece) => JSON.parse(piece) as [number, unknown[]][]);
    expect(read.filter(([parent]) => parent === 1).flatMap(([, own]) => own)).toEqual(rows(3));
    expect(read.filter(([parent]) => parent === 3).flatMap(([, own]) => own)).toEqual(rows(20_000));
    expect(read.some(([parent]) => parent === 2)).toBe(false);
  });
});
