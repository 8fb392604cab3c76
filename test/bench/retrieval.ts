/**
 * Retrieval: do answers hold what was asked for? Two kinds of questions that nobody wrote for a search engine, each put to
 * hybrid search through the API, to its mode `lexical`, and to FTS5 with `bm25` alone over the same chunks (plain-fts5.ts):
 *
 *   commits     120 commits a repository: the message (without paths, file names, numbers) asks for the files that the
 *               commit changed, in an index of its parent. The 120 parents are refs of one repository, so each costs what
 *               differs from the ones before.
 *   docstrings  1,500 pairs over all repositories: the first sentence of a function's documentation (without the function's
 *               name) asks for the function, in an index of the same tree with that documentation taken out.
 *
 * Repositories need their history. REPORTED are those whose figures the README shows; ranking is tuned on DEV and on the
 * golden corpora only. To try a change of ranking:
 *
 *   npm run bench -- <dirs of dev repositories> --only=commits,docstrings --state=<dir>   first run: indexes
 *   (the same command again)    asks again
 *   … --show=<n>                and prints n questions that a peer answers better
 *   EMBEDDING_PROVIDER=none …   asks again, and hybrid has no vectors
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { answer } from '../../src/client/client.ts';
import { gain, type Interval } from './bootstrap.ts';
import { type CommitQuestion, commitQuestions } from './commits.ts';
import { type DocQuestion, docQuestions } from './docstrings.ts';
import { type IndexFiles, openIndexFiles, snapshotsOf } from './index-files.ts';
import { PlainFts5, type Ranked } from './plain-fts5.ts';
import { chosenRefsOf, exec, type Repository, registerWithRefs, type Session, sync } from './session.ts';

/** Never tuned on. */
export const REPORTED = [
  'pallets/flask',
  'redis/redis',
  'hashicorp/terraform',
  'BurntSushi/ripgrep',
  'gin-gonic/gin',
];
/** Free to tune on. */
export const DEV = [
  'spf13/cobra',
  'psf/requests',
  'expressjs/express',
  'jqlang/jq',
  'square/okio',
  'sinatra/sinatra',
  'slimphp/Slim',
  'vitejs/vite',
];

const DOC_PAIRS = 1_500;
const FIRST = 10;
/** Hits asked for, of which at most three are of one file; of FTS5, of which all may be. */
const HITS = 50;
const PLAIN_HITS = 200;

const SIDES = ['hybrid', 'fts5', 'lexical'] as const;
type Side = (typeof SIDES)[number];
const PEERS: [side: Side, name: string][] = [
  ['fts5', 'FTS5 bm25'],
  ['lexical', 'mode lexical'],
];

/** How one question was answered by one side. */
interface Judged {
  acc1: number;
  acc3: number;
  acc5: number;
  mrr: number;
  recall10: number;
}

interface Outcome {
  query: string;
  wanted: string;
  judged: Record<Side, Judged>;
  /** Whether vectors had a say in the hybrid answer: without a word, none would have if a single file lacked its. */
  byMeaning: boolean;
  repository: string;
  /** Questions of one file are alike. A directory would be too coarse: redis keeps nearly all code in one. */
  file: string;
}

export async function measureCommits(session: Session, repositories: Repository[]): Promise<void> {
  const all: Outcome[] = [];
  for (const repository of repositories) {
    const questions = await commitQuestions(repository.directory);
    const repo = `${repository.name}-history`;
    const parents = questions.map((question) => [refOf(question), question.parent] as const);
    await indexRefs(session, repo, repository, new Map(parents));
    const files = openIndexFiles(session.server.stateDir, repo);
    const peer = new PlainFts5(files);
    const outcomes = await askCommits(session, repo, files, peer, questions);
    peer.close();
    report(session, repository.name, 'commit → files', outcomes, 'file');
    all.push(...outcomes);
  }
  if (repositories.length > 1) report(session, 'all', 'commit → files', all, 'repository');
}

export async function measureDocstrings(session: Session, repositories: Repository[]): Promise<void> {
  const all: Outcome[] = [];
  for (const [at, repository] of repositories.entries()) {
    const repo = `${repository.name}-documented`;
    await indexRefs(session, repo, repository, new Map());
    // Where one has too few documented functions, the next ones make up for it.
    const share = Math.ceil((DOC_PAIRS - all.length) / (repositories.length - at));
    const outcomes = await askDocs(session, repository, repo, share);
    report(session, repository.name, 'docstring → function', outcomes, 'file');
    all.push(...outcomes);
  }
  if (repositories.length > 1) report(session, 'all', 'docstring → function', all, 'repository');
}

const refOf = (question: CommitQuestion) => `at-${question.commit.slice(0, 12)}`;

/** A repository with these branches and `main`, all of them indexed; nothing is done twice. */
async function indexRefs(
  session: Session,
  repo: string,
  { directory }: Repository,
  refs: ReadonlyMap<string, string>,
): Promise<void> {
  const head = await exec('git', ['-C', directory, 'rev-parse', 'HEAD']);
  await registerWithRefs(session, repo, directory, new Map([['main', head.trim()], ...refs]));
  const done = indexedRefs(session.server.stateDir, repo);
  for (const ref of ['main', ...refs.keys()]) if (!done.has(ref)) await sync(session.api, repo, ref);
}

function indexedRefs(stateDir: string, repo: string): Map<string, number> {
  try {
    return snapshotsOf(openIndexFiles(stateDir, repo));
  } catch {
    // Nothing of it is indexed yet.
    return new Map();
  }
}

async function askCommits(
  session: Session,
  repo: string,
  files: IndexFiles,
  peer: PlainFts5,
  questions: CommitQuestion[],
): Promise<Outcome[]> {
  const snapshots = snapshotsOf(files);
  const outcomes: Outcome[] = [];
  for (const question of questions) {
    const ref = refOf(question);
    peer.moveTo(snapshots.get(ref)!);
    const indexed = new Set([...peer.paths.values()].flat());
    const wanted = new Set(question.files.filter((file) => indexed.has(file)));
    if (wanted.size === 0) continue;
    const { query } = question;
    const answered = await ask(session, peer, { repo, ref, query }, (ranked) => judgeFiles(ranked, wanted));
    outcomes.push({
      ...answered,
      query,
      wanted: [...wanted].join(' '),
      repository: repo,
      file: [...wanted][0]!,
    });
  }
  return outcomes;
}

async function askDocs(
  session: Session,
  { name }: Repository,
  repo: string,
  count: number,
): Promise<Outcome[]> {
  const { api, server } = session;
  const files = openIndexFiles(server.stateDir, repo);
  const main = snapshotsOf(files).get('main')!;
  const { questions, files: changed } = docQuestions(files, main, count);
  // Named by how many, so that a run over other repositories, whose share is another, has a tree of its own.
  const ref = `undocumented-${questions.length}`;
  if (!snapshotsOf(files).has(ref)) {
    const bare = chosenRefsOf(session, repo);
    const tree = path.join(session.scratch, `${name}-${ref}`);
    await exec('git', ['-C', bare, 'worktree', 'add', '-q', '-f', '-B', ref, tree, 'main']);
    for (const [file, text] of changed) writeFileSync(path.join(tree, file), text);
    const author = ['-c', 'user.name=bench', '-c', 'user.email=bench@example.com'];
    await exec('git', ['-C', tree, ...author, 'commit', '-qam', 'Without documentation']);
    await sync(api, repo, ref);
  }
  const peer = new PlainFts5(files);
  peer.moveTo(snapshotsOf(files).get(ref)!);
  const outcomes: Outcome[] = [];
  for (const question of questions) {
    const { query, path: file, line } = question;
    const answered = await ask(session, peer, { repo, ref, query }, (ranked) =>
      judgeFunction(ranked, question),
    );
    outcomes.push({ ...answered, query, wanted: `${file}:${line}`, repository: repo, file });
  }
  peer.close();
  return outcomes;
}

/** Puts a question to all sides. */
async function ask(
  session: Session,
  peer: PlainFts5,
  question: { repo: string; ref: string; query: string },
  judged: (ranked: Ranked[]) => Judged,
): Promise<Pick<Outcome, 'judged' | 'byMeaning'>> {
  const hybrid = await search(session, { ...question, mode: 'hybrid' });
  const lexical = await search(session, { ...question, mode: 'lexical' });
  const plain = peer.search(question.query, PLAIN_HITS);
  return {
    judged: { hybrid: judged(hybrid.hits), fts5: judged(plain), lexical: judged(lexical.hits) },
    byMeaning: hybrid.byMeaning,
  };
}

async function search(
  { api }: Session,
  question: { repo: string; ref: string; query: string; mode: 'hybrid' | 'lexical' },
): Promise<{ hits: Ranked[]; byMeaning: boolean }> {
  const call = api.GET('/api/v1/search', { params: { query: { ...question, limit: HITS } } });
  const found = await answer(call);
  const hits = found.map(({ filePath, startLine, endLine }) => ({ path: filePath, startLine, endLine }));
  const strategy = (await call).response.headers.get('sightline-search-strategy') ?? '';
  return { hits, byMeaning: strategy.includes('semantic') };
}

/** Files in the order of their best chunk; `acc` asks for any of the changed files, recall for the share of them. */
function judgeFiles(ranked: Ranked[], wanted: ReadonlySet<string>): Judged {
  const order = [...new Set(ranked.map((each) => each.path))];
  return judge(order.map((file) => wanted.has(file)).slice(0, FIRST), wanted.size);
}

/** A hit is right when it shows the line where the function begins. */
function judgeFunction(ranked: Ranked[], { path: file, line }: DocQuestion): Judged {
  const right = ({ path: at, startLine, endLine }: Ranked) =>
    at === file && startLine <= line && line <= endLine;
  return judge(ranked.slice(0, FIRST).map(right), 1);
}

function judge(right: boolean[], wanted: number): Judged {
  const first = right.indexOf(true);
  const within = (n: number) => (first >= 0 && first < n ? 1 : 0);
  const found = Math.min(wanted, right.filter(Boolean).length);
  return {
    acc1: within(1),
    acc3: within(3),
    acc5: within(5),
    mrr: first < 0 ? 0 : 1 / (first + 1),
    recall10: found / wanted,
  };
}

const MEASURES: [name: string, key: keyof Judged][] = [
  ['Acc@1', 'acc1'],
  ['Acc@3', 'acc3'],
  ['Acc@5', 'acc5'],
  ['MRR', 'mrr'],
  ['Recall@10', 'recall10'],
];

/**
 * @param cluster what is drawn as a whole for the intervals. Over several repositories a repository, so that the interval
 *   is that of the next repository, not of the next question in these; of three it is hardly narrower than their range.
 */
function report(
  { rows }: Session,
  name: string,
  what: string,
  outcomes: Outcome[],
  cluster: 'file' | 'repository',
): void {
  const repository = `${name} (${outcomes.length})`;
  const mean = (side: Side, key: keyof Judged) =>
    outcomes.reduce((sum, { judged }) => sum + judged[side][key], 0) / outcomes.length;
  const byMeaning = outcomes.filter((each) => each.byMeaning).length;
  // At once: where much is to be indexed, the table comes much later, or never.
  console.log(`${name}, ${what}: ${outcomes.length} questions, ${byMeaning} ranked by vectors, too`);
  for (const [measure, key] of MEASURES)
    console.log(`  ${measure}: ${SIDES.map((side) => mean(side, key).toFixed(3)).join(' / ')}`);
  for (const [side, peer] of PEERS) {
    for (const [measure, key] of MEASURES)
      rows.push({
        what: `${what}, ${measure}`,
        repository,
        ours: mean('hybrid', key),
        unit: '',
        peer,
        theirs: mean(side, key),
      });
    const interval = gain(
      outcomes.map((each) => ({
        ours: each.judged.hybrid.mrr,
        theirs: each.judged[side].mrr,
        cluster: each[cluster],
      })),
    );
    console.log(`  MRR over ${peer}: ${inWords(interval)}`);
    rows.push({
      what: `${what}, gain in MRR over ${peer}, low end`,
      repository,
      ours: interval.low,
      unit: '',
      aim: { above: 0 },
    });
    showWorst(outcomes, side);
  }
}

function inWords({ mean, low, high }: Interval): string {
  return `${mean >= 0 ? '+' : ''}${mean.toFixed(3)}, 95 % interval ${low.toFixed(3)} to ${high.toFixed(3)}`;
}

/** Questions that the peer answers better, where tuning begins. */
function showWorst(outcomes: Outcome[], peer: Side): void {
  const count = Number(process.argv.find((argument) => argument.startsWith('--show='))?.slice(7) ?? 0);
  const gained = ({ judged }: Outcome) => judged.hybrid.mrr - judged[peer].mrr;
  const worst = [...outcomes].sort((a, b) => gained(a) - gained(b));
  for (const { query, wanted, judged } of worst.slice(0, count))
    console.log(
      `  ${judged.hybrid.mrr.toFixed(2)} vs ${judged[peer].mrr.toFixed(2)}  ${query}\n      → ${wanted}`,
    );
}
