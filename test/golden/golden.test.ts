import { beforeAll, describe, expect, it } from 'vitest';
import { POOLS, runLookups } from '../../src/answer/search/lookups.ts';
import type { PlacedCandidate } from '../../src/answer/search/place.ts';
import { planQuery, type SearchMode } from '../../src/answer/search/query-plan.ts';
import { FACTORS, type RankOptions, type RankQuery, rank, SIGNALS } from '../../src/answer/search/rank.ts';
import { rankQuery } from '../../src/answer/search/rank-query.ts';
import { type SearchServices, search } from '../../src/answer/search/search.ts';
import { resolveTargets } from '../../src/answer/search/targets.ts';
import { initParser, parseBlob } from '../../src/ingest/parse/parse.ts';
import { createBundledEmbedder } from '../../src/models/embedded/bundled-model.ts';
import { createSegments } from '../../src/models/embedded/segments.ts';
import { createLogger } from '../../src/platform/telemetry/log.ts';
import { controlDb } from '../../src/store/control-db.ts';
import type { Node } from '../ingest/indexing/fake-mirror.ts';
import { bindings, createRepo, sync } from '../ingest/indexing/support.ts';
import { ADMIN_CALLER } from '../support/repos.ts';
import { CORPORA, PINNED } from './corpora.ts';
import { judge, type Measures, measure, type Question, type Shown } from './measure.ts';
import questions from './questions.json';
import before from './search.golden.json';

/**
 * The golden file of search: `npm run golden` writes search.golden.json anew, and this test fails on any difference, so
 * that a change of ranking shows in the diff. Packages are pinned by the lockfile. This project's own source moves with
 * every commit, so its figures stand as they are until one is further off than `TOLERANCE`.
 */
const TOLERANCE = 0.05;
/** Of the questions about this project, so many may ask for what is no longer there before they are to be renewed. */
const MAX_STALE = 0.1;
const KINDS = ['exact', 'partial', 'natural', 'error', 'none'];
const MODES: SearchMode[] = ['hybrid', 'lexical', 'symbol', 'semantic', 'literal', 'regex'];
/** A line that matches is all that these modes find, so the words of a question are nothing to them. */
const KINDS_OF: Partial<Record<SearchMode, string[]>> = {
  literal: ['exact', 'error', 'none'],
  regex: ['exact', 'error'],
};
const AT_ONCE = 8;
const SHOWN = 10;

const embedder = createBundledEmbedder();
const services: SearchServices = {
  db: controlDb(bindings.DB),
  shard: () => bindings.INDEX_0,
  embedder,
  vectors: createSegments(bindings.BUCKET, () => crypto.randomUUID()),
  log: createLogger({ logLevel: 'error' }),
};
const repoIds = new Map<string, string>();

function treeOf(files: Record<string, string>): { [name: string]: Node } {
  const root: { [name: string]: Node } = {};
  for (const [path, text] of Object.entries(files)) {
    const segments = path.split('/');
    let at = root;
    for (const segment of segments.slice(0, -1)) {
      at[segment] ??= {};
      at = at[segment] as { [name: string]: Node };
    }
    at[segments.at(-1)!] = text;
  }
  return root;
}

beforeAll(async () => {
  await initParser();
  for (const [name, files] of Object.entries(CORPORA)) {
    const repo = await createRepo(0, embedder);
    await sync(repo, treeOf(files), { parse: (bytes, lang) => parseBlob(bytes, lang) });
    repoIds.set(name, repo.scope.repo.id);
  }
}, 300_000);

const held = ({ corpus, answers }: Question) =>
  answers.every(({ path, text }) => (CORPORA[corpus]?.[path] ?? '').includes(text));
const pinned = (questions as Question[]).filter((question) => PINNED.includes(question.corpus));
const own = (questions as Question[]).filter((question) => question.corpus === 'self');

async function eachOf<T>(asked: Question[], answer: (question: Question) => Promise<T>): Promise<T[]> {
  const answers: T[] = [];
  for (let at = 0; at < asked.length; at += AT_ONCE)
    answers.push(...(await Promise.all(asked.slice(at, at + AT_ONCE).map(answer))));
  return answers;
}

interface Judged {
  question: Question;
  hits: number[];
  /** The answer called itself a guess. */
  weak?: boolean;
}

function askedFor(question: Question, mode: SearchMode): string {
  return mode === 'regex' ? question.query.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&') : question.query;
}

function run(asked: Question[], mode: SearchMode): Promise<Judged[]> {
  return eachOf(asked, async (question) => {
    const repo = repoIds.get(question.corpus)!;
    const { hits, weak } = await search(services, ADMIN_CALLER, {
      query: askedFor(question, mode),
      mode,
      repo,
      limit: SHOWN,
    });
    // A guess that says it is one is the right answer to what is not there.
    const shown = weak && question.answers.length === 0 ? [] : hits;
    return { question, hits: judge(question, shown), weak };
  });
}

interface Gathered {
  question: Question;
  query: RankQuery;
  candidates: PlacedCandidate[];
}

/** What ranking starts from: gathered once, then ranked with each part left out. */
function gather(asked: Question[]): Promise<Gathered[]> {
  return eachOf(asked, async (question) => {
    const plan = planQuery(question.query, 'hybrid', { repo: repoIds.get(question.corpus)! });
    const { byClause } = await resolveTargets(services, ADMIN_CALLER, plan.clauses);
    const { candidates } = await runLookups(services, plan, byClause, POOLS[0]);
    return { question, query: rankQuery(plan), candidates };
  });
}

function rankAll(gathered: Gathered[], options: RankOptions): Judged[] {
  return gathered.map(({ question, query, candidates }) => {
    const best = rank(candidates, query, options).slice(0, SHOWN);
    return {
      question,
      hits: judge(
        question,
        best.map(({ candidate }) => shown(question.corpus, candidate)),
      ),
    };
  });
}

function shown(corpus: string, { path, startLine, endLine }: PlacedCandidate): Shown {
  const lines = (CORPORA[corpus]?.[path] ?? '').split('\n').slice(startLine - 1, endLine);
  return { filePath: path, content: lines.join('\n') };
}

type Table = Record<string, Measures>;

function byKind(judged: Judged[], names: string[]): Table {
  const table: Table = { all: measure(judged) };
  for (const name of names) {
    const some = judged.filter(({ question }) => question.kind === name || question.corpus === name);
    if (some.length > 0) table[name] = measure(some);
  }
  return table;
}

/** Questions that have an answer and were answered as if they had none. */
function falselyWeak(judged: Judged[]): string[] {
  return judged.flatMap(({ question: { corpus, kind, query, answers }, weak }) =>
    weak && answers.length > 0 ? [`${corpus} ${kind} ${query}`] : [],
  );
}

/** Where the right answer of each question is not the first. */
function misses(judged: Judged[]): string[] {
  return judged.flatMap(({ question, hits }) => {
    const at = question.answers.length === 0 ? hits.length && -1 : hits.findIndex((hit) => hit >= 0);
    if (at === 0) return [];
    return [`${question.corpus} ${question.kind} ${question.query} → ${at < 0 ? 'missed' : at + 1}`];
  });
}

/** The figures that stand in the file, unless one of them moved further than the tolerance. */
function steady(now: Table, then: Table | undefined): Table {
  const near = Object.keys(now).every((row) => {
    const [a, b] = [now[row]!, then?.[row]];
    return (
      b !== undefined && (Object.keys(a) as (keyof Measures)[]).every((key) => close(key, a[key], b[key]))
    );
  });
  return near ? then! : now;
}

function close(key: keyof Measures, a: number, b: number): boolean {
  return key === 'questions' ? Math.abs(a - b) <= MAX_STALE * b : Math.abs(a - b) <= TOLERANCE;
}

/** One row of figures a line, so that a diff reads like the table. */
function printed(golden: object): string {
  const text = JSON.stringify(golden, null, 2);
  const rows = text.replace(
    /\{\s*("questions"[^{}]*?)\s*\}/g,
    (_, row: string) => `{ ${row.replace(/\s+/g, ' ')} }`,
  );
  return `${rows}\n`;
}

describe('the golden file', () => {
  it('asks only for what the corpora hold', () => {
    expect(pinned.filter((question) => !held(question))).toEqual([]);
    const stale = own.filter((question) => !held(question));
    expect(stale.length, JSON.stringify(stale)).toBeLessThanOrEqual(MAX_STALE * own.length);
  });

  it('is what search answers now', async () => {
    const modes: Record<string, Table> = {};
    let hybridNotFirst: string[] = [];
    let hybridFalselyWeak: string[] = [];
    for (const mode of MODES) {
      const asked = pinned.filter(({ kind }) => KINDS_OF[mode]?.includes(kind) ?? true);
      const judged = await run(asked, mode);
      modes[mode] = byKind(judged, mode === 'hybrid' ? [...KINDS, ...PINNED] : KINDS);
      if (mode === 'hybrid') {
        hybridNotFirst = misses(judged);
        hybridFalselyWeak = falselyWeak(judged);
      }
    }
    const gathered = await gather(pinned.filter(({ kind }) => kind !== 'none'));
    const ablation: Table = { 'all of it': measure(rankAll(gathered, {})) };
    for (const part of [...SIGNALS, ...FACTORS])
      ablation[`without ${part}`] = measure(rankAll(gathered, { without: new Set([part]) }));
    const self = byKind(await run(own.filter(held), 'hybrid'), KINDS);
    const golden = {
      modes,
      ablation,
      self: steady(self, before.self as unknown as Table),
      hybridFalselyWeak,
      hybridNotFirst,
    };
    await expect(printed(golden)).toMatchFileSnapshot('./search.golden.json');
  }, 300_000);
});
