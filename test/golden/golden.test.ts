import { beforeAll, describe, expect, it } from 'vitest';
import type { SearchHit } from '../../src/answer/search/hit.ts';
import type { SearchMode } from '../../src/answer/search/query-plan.ts';
import { FACTORS, type RankOptions, SIGNALS, WEIGHTS } from '../../src/answer/search/rank.ts';
import { type SearchServices, search } from '../../src/answer/search/search.ts';
import { initParser, parseBlob } from '../../src/ingest/parse/parse.ts';
import { createHashedSubwords } from '../../src/models/embedded/hashed-subwords.ts';
import { createLogger } from '../../src/platform/telemetry/log.ts';
import { controlDb } from '../../src/store/control-db.ts';
import type { Caller } from '../../src/store/scope.ts';
import type { Node } from '../ingest/indexing/fake-mirror.ts';
import { bindings, createRepo, sync } from '../ingest/indexing/support.ts';
import { CORPORA } from './corpora.ts';
import { judge, type Measures, measure, type Question } from './measure.ts';
import questions from './questions.json';

/**
 * The golden file of search: `npm run golden` writes search.golden.json anew, and this test fails on any difference, so
 * that a change of ranking shows in the diff. Packages are pinned by the lockfile; this project's own source moves, so
 * it is held by a floor instead.
 */
const PINNED = ['hono', 'jose', 'zod'];
const KINDS = ['exact', 'partial', 'natural', 'error', 'none'];
const MODES: SearchMode[] = ['hybrid', 'lexical', 'symbol', 'semantic'];

const services: SearchServices = {
  db: controlDb(bindings.DB),
  shard: () => bindings.INDEX_0,
  embedder: createHashedSubwords(),
  log: createLogger({ logLevel: 'error' }),
};
const reader: Caller = {
  userId: 'u',
  username: 'u',
  role: 'admin',
  groups: new Map(),
  personalGroupId: null,
  scopes: null,
  via: 'token',
  credentialId: null,
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
    const repo = await createRepo(0);
    await sync(repo, treeOf(files), { parse: (bytes, lang) => parseBlob(bytes, lang) });
    repoIds.set(name, repo.scope.repo.id);
  }
}, 300_000);

async function answer(question: Question, mode: SearchMode, options: RankOptions = {}): Promise<SearchHit[]> {
  const params = { query: question.query, mode, repo: repoIds.get(question.corpus)!, limit: 10 };
  return (await search(services, reader, params, options)).hits;
}

async function run(
  asked: Question[],
  mode: SearchMode,
  options: RankOptions = {},
): Promise<{ question: Question; hits: number[] }[]> {
  const judged = [];
  for (const question of asked)
    judged.push({ question, hits: judge(question, await answer(question, mode, options)) });
  return judged;
}

const pinned = (questions as Question[]).filter((question) => PINNED.includes(question.corpus));
const own = (questions as Question[]).filter((question) => question.corpus === 'self');

describe('the golden file', () => {
  it('asks only for what the corpora hold', () => {
    for (const { corpus, query, answers } of questions as Question[]) {
      for (const { path, text } of answers)
        expect(CORPORA[corpus]?.[path] ?? '', `${query}: ${path}`).toContain(text);
    }
  });

  it('is what search answers now', async () => {
    const byMode: Record<string, Record<string, Measures>> = {};
    const misses: string[] = [];
    for (const mode of MODES) {
      const judged = await run(pinned, mode);
      byMode[mode] = { all: measure(judged) };
      for (const name of [...KINDS, ...PINNED]) {
        byMode[mode][name] = measure(
          judged.filter(({ question }) => question.kind === name || question.corpus === name),
        );
      }
      if (mode === 'hybrid') {
        for (const { question, hits } of judged) {
          const first =
            question.answers.length === 0 ? (hits.length === 0 ? 0 : -1) : hits.findIndex((at) => at >= 0);
          if (first !== 0)
            misses.push(
              `${question.corpus} ${question.kind} ${question.query} → ${first < 0 ? 'missed' : first + 1}`,
            );
        }
      }
    }
    const ablation: Record<string, Measures> = {};
    for (const part of [...SIGNALS, ...FACTORS]) {
      if (part === 'semantic') continue;
      ablation[`without ${part}`] = measure(await run(pinned, 'hybrid', { without: new Set([part]) }));
    }
    ablation['BM25 alone'] = measure(await run(pinned, 'lexical', { without: new Set(FACTORS) }));
    const semantic = { weights: { ...WEIGHTS, semantic: 0.3 } };
    ablation['with semantic'] = measure(await run(pinned, 'hybrid', semantic));
    const golden = { modes: byMode, ablation, hybridNotFirst: misses };
    await expect(`${JSON.stringify(golden, null, 2)}\n`).toMatchFileSnapshot('./search.golden.json');
  }, 300_000);

  it('finds its way in this project', async () => {
    const measures = measure(await run(own, 'hybrid'));
    expect(measures.recallAt10).toBeGreaterThanOrEqual(0.8);
    expect(measures.mrr).toBeGreaterThanOrEqual(0.6);
  });
});
