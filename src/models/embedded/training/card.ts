/** What is written about a model: its figures, and where it comes from. */
import type { Pair } from './corpus.ts';
import { type Judged, rankOf, summary } from './evaluate.ts';
import { KINDS, type Kind } from './examples.ts';
import { FUSION, fused } from './fusion.ts';
import type { Repository } from './repositories.ts';
import { SETTINGS } from './settings.ts';

/** The source of `model-id.ts`. */
export function identity(id: string, dimensions: number, hash: string): string {
  return [
    '/** Written by `npm run train`: which model `model.bin` is. */',
    'export const MODEL = {',
    `  id: '${id}',`,
    `  dimensions: ${dimensions},`,
    `  hash: '${hash}',`,
    '};',
    '',
  ].join('\n');
}

const SIDES: [name: string, scores: (judged: Judged) => ArrayLike<number>][] = [
  ['BM25', ({ lexical }) => lexical],
  ['vector', ({ vector }) => vector],
  ['fused', fused],
];

/** The figures of both splits as Markdown tables: all queries, then each repository. */
export function report(judged: ReadonlyMap<string, Judged[]>, repositories: readonly Repository[]): string {
  const lines: string[] = [];
  for (const split of ['dev', 'held-out']) {
    const names = repositories.filter((each) => each.split === split).map((each) => each.name);
    const all = names.flatMap((name) => judged.get(name) ?? []);
    const sides = SIDES.map(([side, scores]) => ({
      side,
      ...summary(
        all.map((each) => ({ repository: each.repository, rank: rankOf(scores(each), each.wanted) })),
      ),
    }));
    const figures = (side: string, mrr: number, recall: string) =>
      `| ${side} | ${mrr.toFixed(3)} | ${recall} |`;
    lines.push(
      `${split}: ${all.length} questions, ${names.length} repositories`,
      '',
      '| | MRR | R@10 |',
      '|---|---|---|',
    );
    for (const { side, mrr, recall10 } of sides) lines.push(figures(side, mrr, recall10.toFixed(3)));
    lines.push('', `| repository | ${SIDES.map(([side]) => side).join(' | ')} |`, '|---|---|---|---|');
    for (const name of names.filter((each) => judged.get(each)?.length)) {
      lines.push(
        `| ${name} | ${sides.map(({ byRepository }) => byRepository.get(name)!.toFixed(3)).join(' | ')} |`,
      );
    }
    lines.push('');
  }
  return lines.join('\n');
}

export interface Card {
  id: string;
  hash: string;
  bytes: number;
  repositories: readonly Repository[];
  pairs: readonly Pair[];
  judged: ReadonlyMap<string, Judged[]>;
}

const ASKED_BY: Record<Kind, string> = {
  function: 'documentation → function',
  comment: 'comment → the code below it',
  test: 'title of a test → its body',
  commit: 'commit subject → hunk',
  term: 'plain words → words of code',
};

/** The card, `MODEL.md`. */
export function modelCard({ id, hash, bytes, repositories, pairs, judged }: Card): string {
  const made = KINDS.map(
    (kind) => `${pairs.filter((pair) => pair.kind === kind).length} (${ASKED_BY[kind]})`,
  );
  const learnt = repositories.filter(({ split }) => split === 'train');
  const { extraction, training } = SETTINGS;
  return [
    `# ${id}`,
    '',
    'Written by `npm run train` (see `training/run.ts`). A static model: the vector of a text is the weighted sum of the',
    'vectors of its words. No text of the repositories below is in it but single words, each of which occurs in three',
    'repositories or more.',
    '',
    `- File: ${bytes} bytes, SHA-256 of its content \`${hash}\``,
    `- Learnt from: ${pairs.length} pairs of ${learnt.length} repositories: ${made.join(', ')};`,
    `  ${SETTINGS.training.rephrased} of the time asked in other words: as an issue would, and by \`training/paraphrases.tsv\``,
    `- Extraction: ${JSON.stringify(extraction)}; training: ${JSON.stringify(training)}`,
    `- Fusion with BM25 in the tables: ${JSON.stringify(FUSION)}, see \`training/fusion.ts\`; what was tried: \`training/CHOICES.md\``,
    '',
    '## Figures',
    '',
    'Documentation → function within a repository: the first sentences of a function’s documentation ask for it among all',
    'functions of the repository, from which the documentation is taken. `dev` decided choices, `held-out` never did.',
    '',
    report(judged, repositories),
    '## Repositories',
    '',
    '| repository | use | commit | licence |',
    '|---|---|---|---|',
    ...repositories.map((each) => `| ${each.name} | ${each.split} | ${each.commit} | ${each.licence} |`),
    '',
  ].join('\n');
}
