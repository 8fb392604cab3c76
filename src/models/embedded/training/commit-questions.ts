/** Commit message → files: the subject asks for the files that the commit changed, in the tree of its parent. */
import { languageOf } from '../../../ingest/parse/languages.ts';
import { linesOf } from '../../../ingest/parse/lines.ts';
import { parseBlob } from '../../../ingest/parse/parse.ts';
import { type Passage, passageText } from '../passage.ts';
import { Bm25 } from './bm25.ts';
import { cleanSubject, isTelling } from './commits.ts';
import { blobsOf, filesOf, git } from './git.ts';
import { isCode } from './sources.ts';

const RECENT = 1_500;
const MAX_FILES = 6;
const MAX_SIZE = 300_000;

export interface CommitQuestion {
  query: string;
  parent: string;
  files: string[];
}

/** At most `count` of the latest commits that say what they did to few source files, spread over them. */
export async function commitQuestions(
  directory: string,
  commit: string,
  count: number,
): Promise<CommitQuestion[]> {
  const log = await git(
    directory,
    ...[
      'log',
      '--no-merges',
      '--no-renames',
      '--name-status',
      `-n${RECENT}`,
      '--format=%x01%P%x02%s',
      commit,
    ],
  );
  const all = log
    .split('\x01')
    .slice(1)
    .flatMap((entry): CommitQuestion[] => {
      const [head = '', ...changes] = entry.split('\n');
      const [parent = '', subject = ''] = head.split('\x02');
      const files = changes.flatMap((line) => /^M\t(.+)$/.exec(line)?.[1] ?? []).filter(isCode);
      if (parent.length !== 40 || !isTelling(subject) || files.length === 0 || files.length > MAX_FILES)
        return [];
      return [{ query: cleanSubject(subject), parent, files }];
    });
  const every = Math.max(1, Math.floor(all.length / count));
  return all.filter((_, at) => at % every === 0).slice(0, count);
}

export interface CommitJudged {
  repository: string;
  query: string;
  /** Of each chunk of the parent's tree: its file, cosine, BM25, and whether the commit changed its file. */
  chunks: { path: string; cosine: number; lexical: number; wanted: boolean }[];
  coverage: number;
}

/** Chunks as the index has them; each distinct blob at a path once, for all commits together. */
export async function judgeCommits(
  place: { repository: string; directory: string; commit: string },
  count: number,
  embed: {
    queries(texts: string[]): Promise<Float32Array[]>;
    passages(texts: string[]): Promise<Float32Array[]>;
  },
): Promise<CommitJudged[]> {
  const { repository, directory, commit } = place;
  const questions = await commitQuestions(directory, commit, count);
  const chunks: Passage[] = [];
  const known = new Map<string, number[]>();
  const trees: { path: string; key: string }[][] = [];
  for (const { parent } of questions) {
    const files = (await filesOf(directory, parent)).filter(
      ({ path, size }) => isCode(path) && size < MAX_SIZE,
    );
    trees.push(files.map(({ path, oid }) => ({ path, key: `${oid} ${path}` })));
    const fresh = files.filter(({ path, oid }) => !known.has(`${oid} ${path}`));
    let at = 0;
    for await (const bytes of blobsOf(
      directory,
      fresh.map((file) => file.oid),
    )) {
      const { path, oid } = fresh[at++]!;
      const found = bytes ? await chunksOf(bytes, path) : [];
      known.set(
        `${oid} ${path}`,
        found.map((chunk) => chunks.push(chunk) - 1),
      );
    }
  }
  const lexical = new Bm25(
    chunks.map((chunk) => ({ heading: passageText({ ...chunk, source: '' }), body: chunk.source })),
  );
  const vectors = await embed.passages(chunks.map(passageText));
  const asking = await embed.queries(questions.map(({ query }) => query));
  const judged = questions.map(({ query, files }, at) => {
    const scores = lexical.scores(query);
    const wanted = new Set(files);
    const here = trees[at]!.flatMap(({ path, key }) =>
      known.get(key)!.map((chunk) => ({
        path,
        cosine: vectors[chunk]!.reduce((sum, value, d) => sum + value * asking[at]![d]!, 0),
        lexical: scores.lexical[chunk]!,
        wanted: wanted.has(path),
      })),
    );
    return { repository, query, chunks: here, coverage: scores.coverage };
  });
  lexical.close();
  return judged;
}

async function chunksOf(bytes: Uint8Array, path: string): Promise<Passage[]> {
  const facts = await parseBlob(bytes, languageOf(path));
  const { starts } = linesOf(facts.text);
  return facts.chunks.map(({ startLine, endLine, symbol }) => {
    const { qualifiedName: name, signature } =
      symbol === null ? { qualifiedName: '', signature: '' } : facts.symbols[symbol]!;
    return { path, name, signature, source: facts.text.slice(starts[startLine - 1], starts[endLine]) };
  });
}

/** The rank of the best changed file when files are ordered by their best chunk. */
export function fileRank(
  judged: CommitJudged,
  scoreOf: (chunk: CommitJudged['chunks'][number]) => number,
): number {
  const best = new Map<string, number>();
  const wanted = new Set<string>();
  for (const chunk of judged.chunks) {
    const score = scoreOf(chunk);
    if (score > (best.get(chunk.path) ?? Number.NEGATIVE_INFINITY)) best.set(chunk.path, score);
    if (chunk.wanted) wanted.add(chunk.path);
  }
  const target = Math.max(...[...wanted].map((path) => best.get(path)!));
  let rank = 1;
  for (const [path, score] of best) if (!wanted.has(path) && score >= target) rank++;
  return rank;
}

const SHARES = [0, 0.5, 0.7, 1];

/** A line of Markdown: the mean reciprocal rank of the changed files by the share of the cosine, the rest being BM25. */
export function commitRow(repository: string, judged: readonly CommitJudged[]): string {
  const figures = SHARES.map((share) => {
    const ranks = judged.map((each) => {
      const best = each.chunks.reduce((most, { lexical }) => Math.max(most, lexical), 1e-6);
      return fileRank(each, ({ cosine, lexical }) => share * cosine + (1 - share) * (lexical / best));
    });
    return (ranks.reduce((sum, rank) => sum + 1 / rank, 0) / Math.max(1, ranks.length)).toFixed(3);
  });
  return `| ${repository} | ${judged.length} | ${figures.join(' | ')} |`;
}

export const COMMIT_HEADER = [
  `| commit subject → files | commits | ${SHARES.map((share) => `cosine ${share}`).join(' | ')} |`,
  '|---|---|---|---|---|---|',
].join('\n');
