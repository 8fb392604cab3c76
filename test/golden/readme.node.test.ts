import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Measures } from './measure.ts';

const page = join(import.meta.dirname, '../../src/answer/search/README.md');
const golden = JSON.parse(readFileSync(join(import.meta.dirname, 'search.golden.json'), 'utf8')) as {
  modes: Record<string, Record<string, Measures>>;
  ablation: Record<string, Measures>;
  self: Record<string, Measures>;
};

function table(head: string[], rows: string[][]): string {
  return [head, head.map((_, at) => (at === 0 ? '---' : '--:')), ...rows]
    .map((row) => `| ${row.join(' | ')} |`)
    .join('\n');
}

const figures = (row: Measures) => [
  String(row.questions),
  ...[row.recallAt1, row.recallAt5, row.recallAt10, row.mrr, row.ndcgAt10].map((value) => value.toFixed(3)),
];
const HEAD = ['questions', 'recall@1', 'recall@5', 'recall@10', 'MRR', 'NDCG@10'];

function kinds(modes: Record<string, Record<string, Measures>>): string {
  const rows = Object.entries(modes).flatMap(([mode, byKind]) =>
    Object.entries(byKind).map(([kind, row]) => [`${mode}, ${kind}`, ...figures(row)]),
  );
  return table(['mode, questions', ...HEAD], rows);
}

function ablation(): string {
  const all = golden.ablation['all of it']!;
  const rows = Object.entries(golden.ablation).map(([part, row]) => {
    const lost = row.mrr - all.mrr;
    return [part, ...figures(row), part === 'all of it' ? '' : `${lost > 0 ? '+' : ''}${lost.toFixed(3)}`];
  });
  return table(['hybrid', ...HEAD, 'MRR, difference'], rows);
}

/** What stands between `<!-- name -->` and `<!-- /name -->` of the page. */
function filled(text: string, name: string, content: string): string {
  const between = new RegExp(`(<!-- ${name} -->\\n)[^]*?(<!-- /${name} -->)`);
  expect(text).toMatch(between);
  return text.replace(between, (_, open: string, close: string) => `${open}${content}\n${close}`);
}

it('the page on ranking shows the figures of the golden file', async () => {
  let text = readFileSync(page, 'utf8');
  text = filled(text, 'modes', kinds({ ...golden.modes, 'hybrid, this project': golden.self }));
  text = filled(text, 'ablation', ablation());
  await expect(text).toMatchFileSnapshot(page);
});
