import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { SymbolRecall } from '../navigation/symbol-recall.ts';

/**
 * Symbols against universal-ctags, on packages pinned by the lockfile and on sources that Debian packages carry
 * (unpacked by `test/system/run` into `SOURCES`).
 */
const ROOT = path.resolve(import.meta.dirname, '../..');
const SOURCES = process.env.SOURCES ?? '';
const CORPORA: { language: string; directory: string }[] = [
  { language: 'TypeScript', directory: path.join(ROOT, 'node_modules/zod/src') },
  { language: 'JavaScript', directory: path.join(ROOT, 'node_modules/jose/dist/webapi') },
  { language: 'Python', directory: path.join(SOURCES, 'python3-requests') },
  { language: 'Go', directory: path.join(SOURCES, 'golang-github-spf13-cobra-dev') },
  { language: 'C++', directory: path.join(SOURCES, 'nlohmann-json3-dev') },
  { language: 'Rust', directory: path.join(SOURCES, 'librust-serde-json-dev') },
];

describe('symbols against universal-ctags', () => {
  it.each(CORPORA)('holds 98 of 100 definitions of $language', ({ language, directory }) => {
    const hooks = path.join(ROOT, 'test/support/grammar-hooks.ts');
    const program = path.join(ROOT, 'test/navigation/symbol-recall.ts');
    const node = path.join(ROOT, 'node_modules/.bin/node');
    const output = execFileSync(node, ['--import', hooks, program, directory], {
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    });
    const recall = (JSON.parse(output) as SymbolRecall[]).find((one) => one.language === language);
    expect(recall?.definitions).toBeGreaterThan(100);
    expect(
      recall!.found / recall!.definitions,
      recall!.misses.slice(0, 20).join('\n'),
    ).toBeGreaterThanOrEqual(0.98);
  });
});
