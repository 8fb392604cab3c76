/**
 * Questions in plain words (plain-questions.ts) put to search, mode `lexical` and mode `hybrid`, in an index of the commit
 * that they were written for. Of the repositories given, those that have questions take part; each needs that commit.
 *
 *   npm run bench -- <git directories> --only=questions [--state=<dir>] [--show=<n>]   prints n won and n lost, too
 */
import { answer } from '../../src/client/client.ts';
import { gain } from './bootstrap.ts';
import { type Answer, misplaced, type PlainQuestion, plainQuestions } from './plain-questions.ts';
import { exec, type Repository, registerWithRefs, type Session, sync } from './session.ts';

const MODES = ['lexical', 'hybrid'] as const;
type Mode = (typeof MODES)[number];
const HITS = 10;

/** Per mode the rank of the first hit that answers, or null. */
type Ranks = Record<Mode, number | null>;

interface Asked extends Ranks {
  question: PlainQuestion;
}

const MEASURES: [name: string, value: (rank: number | null) => number][] = [
  ...[1, 5, 10].map((n): [string, (rank: number | null) => number] => [
    `hit@${n}`,
    (rank) => (rank !== null && rank <= n ? 1 : 0),
  ]),
  ['MRR', (rank) => (rank === null ? 0 : 1 / rank)],
];

export async function measureQuestions(session: Session, repositories: Repository[]): Promise<void> {
  const byRepository = Map.groupBy(plainQuestions(), ({ repository }) => repository);
  const all: Asked[] = [];
  for (const repository of repositories) {
    const full = [...byRepository.keys()].find((known) => isOf(repository, known));
    if (!full) continue;
    const asked = await ask(session, repository, byRepository.get(full)!);
    report(session, full, asked);
    all.push(...asked);
  }
  for (const [split, asked] of Map.groupBy(all, ({ question }) => question.split)) {
    const clusters = new Set(asked.map(({ question }) => question.repository));
    if (clusters.size > 1) report(session, split, asked, true);
  }
  show(all);
}

/** A directory goes by its own name or by `owner+name`. */
const isOf = ({ name }: Repository, full: string) =>
  name === full.replace('/', '+') || full.endsWith(`/${name}`);

async function ask(
  session: Session,
  { name, directory }: Repository,
  questions: PlainQuestion[],
): Promise<Asked[]> {
  const { commit } = questions[0]!;
  await verify(directory, questions);
  const repo = `${name}-questions`;
  await registerWithRefs(session, repo, directory, new Map([['main', commit]]));
  await sync(session.api, repo, 'main');
  const asked: Asked[] = [];
  for (const question of questions) {
    const ranks: Ranks = { lexical: null, hybrid: null };
    for (const mode of MODES) {
      const query = { query: question.question, repo, ref: 'main', mode, limit: HITS } as const;
      const hits = await answer(session.api.GET('/api/v1/search', { params: { query } }));
      const at = hits.findIndex((hit) => question.answers.some((each) => answers(question, each, hit)));
      ranks[mode] = at < 0 ? null : at + 1;
    }
    asked.push({ question, ...ranks });
  }
  return asked;
}

/** The truth has to hold of the commit before anything is measured by it. */
async function verify(directory: string, questions: PlainQuestion[]): Promise<void> {
  for (const { commit, answers } of questions) {
    for (const each of answers) {
      const text = await exec('git', ['-C', directory, 'show', `${commit}:${each.path}`]);
      const why = misplaced(each, text);
      if (why) throw new Error(why);
    }
  }
}

/**
 * A hit answers when it shows where the answer begins. A function or a section may be longer than a chunk: there, one that
 * begins inside serves as well; a type's members are not the type.
 */
function answers(
  { kind }: PlainQuestion,
  { path, from, to }: Answer,
  { filePath, startLine, endLine }: { filePath: string; startLine: number; endLine: number },
): boolean {
  if (filePath !== path) return false;
  return (startLine <= from && from <= endLine) || (kind !== 'type' && from <= startLine && startLine <= to);
}

/** Rows of a repository, or of all of a split. */
function report({ rows }: Session, name: string, asked: Asked[], ofAll = false): void {
  const paired = (value: (rank: number | null) => number, against: boolean) =>
    asked.map(({ question, lexical, hybrid }) => ({
      ours: value(hybrid),
      theirs: against ? value(lexical) : 0,
      cluster: question.repository,
    }));
  const label = `${name} (${asked.length})`;
  const mean = (values: number[]) => values.reduce((sum, each) => sum + each, 0) / values.length;
  for (const [measure, value] of MEASURES) {
    rows.push({
      what: `plain question, ${measure}`,
      repository: label,
      ours: mean(asked.map(({ hybrid }) => value(hybrid))),
      unit: '',
      peer: 'mode lexical',
      theirs: mean(asked.map(({ lexical }) => value(lexical))),
      ...(ofAll && measure === 'hit@10' ? { aim: { atLeast: 0.8 } } : {}),
    });
  }
  // Of a single repository there is nothing to draw from.
  if (!ofAll) return;
  for (const [measure, value] of MEASURES) {
    const alone = gain(paired(value, false));
    const difference = gain(paired(value, true));
    console.log(
      `plain question, ${name}, ${measure}: hybrid ${inWords(alone)}, over lexical ${inWords(difference)} (95 %, by repository)`,
    );
  }
  rows.push({
    what: 'plain question, gain in hit@10, low end',
    repository: label,
    ours: gain(paired(MEASURES.find(([name]) => name === 'hit@10')![1], true)).low,
    unit: '',
    aim: { above: 0 },
  });
}

const inWords = ({ mean, low, high }: { mean: number; low: number; high: number }) =>
  `${mean.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}]`;

/** Where hybrid gains most and loses most. */
function show(asked: Asked[]): void {
  const count = Number(process.argv.find((argument) => argument.startsWith('--show='))?.slice(7) ?? 0);
  const reciprocal = (rank: number | null) => (rank === null ? 0 : 1 / rank);
  const sorted = [...asked].sort(
    (a, b) => reciprocal(b.hybrid) - reciprocal(b.lexical) - (reciprocal(a.hybrid) - reciprocal(a.lexical)),
  );
  for (const [title, part] of [
    ['won', sorted.slice(0, count)],
    ['lost', sorted.reverse().slice(0, count)],
  ] as const)
    for (const { question, lexical, hybrid } of part)
      console.log(
        `${title}: ${lexical ?? '–'} → ${hybrid ?? '–'}  ${question.question}  → ${question.answers[0].symbol}`,
      );
}
