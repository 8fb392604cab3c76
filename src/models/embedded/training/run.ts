/**
 * Makes the embedded model, or measures it:
 *
 *   npm run train -- --repos <list> [--out <dir>] [--cache <dir>] [--threads <n>]     trains, measures, writes model and card
 *   npm run train -- --repos <list> --evaluate [--model <file>]                       measures only
 *
 * The list has a line `<owner>/<name> <path of a git directory>` for each repository of `repositories.tsv`. What is
 * extracted is kept in the cache, which holds other people's code: it stays out of this repository.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { contentHash } from '../model-file.ts';
import { passageText } from '../passage.ts';
import { createStaticEmbedder } from '../static-embedder.ts';
import { identity, modelCard, report } from './card.ts';
import { COMMIT_HEADER, commitRow, judgeCommits } from './commit-questions.ts';
import { pairsOf } from './corpus.ts';
import { type Encoder, type Judged, judge } from './evaluate.ts';
import type { Example } from './examples.ts';
import { extractAll } from './extract-all.ts';
import { isPermissive } from './licences.ts';
import { readParaphrases } from './paraphrases.ts';
import { type Repository, readPlaces, readRepositories } from './repositories.ts';
import { SETTINGS } from './settings.ts';
import { train } from './train.ts';
import { modelFile } from './write-model.ts';

const { values: options } = parseArgs({
  options: {
    repos: { type: 'string' },
    table: { type: 'string' },
    paraphrases: { type: 'string' },
    out: { type: 'string', default: path.resolve(import.meta.dirname, '..') },
    cache: { type: 'string', default: path.join(os.tmpdir(), 'sightline-training') },
    threads: { type: 'string', default: '2' },
    evaluate: { type: 'boolean', default: false },
    model: { type: 'string' },
  },
});
if (!options.repos) throw new Error('--repos <list> tells where the repositories lie');

/** Held-out repositories of more than one kind, whose history is there. */
const WITH_COMMITS = ['gin-gonic/gin', 'honojs/hono', 'pallets/flask'];
const COMMITS = 100;

const log = (line: string) => console.log(line);
const repositories = readRepositories(options.table).filter(({ split }) => split !== 'apart');
for (const { name, split, licence } of repositories) {
  if (split === 'train' && !isPermissive(licence.split(' OR ')))
    throw new Error(`${name} may not be learnt from: ${licence || 'no licence was found'}`);
}
const threads = Number(options.threads);
const places = readPlaces(options.repos);
const wanted = options.evaluate ? repositories.filter(({ split }) => split !== 'train') : repositories;
const examples = await extractAll(wanted, {
  places,
  cache: options.cache,
  threads,
  ...SETTINGS.extraction,
  log,
});

let bytes: Uint8Array;
if (options.evaluate) {
  bytes = readFileSync(options.model ?? path.join(options.out, 'model.bin'));
  log(report(await measure(bytes, wanted, examples), wanted));
  await measureCommits(bytes);
} else {
  const pairs = pairsOf(repositories, examples, readParaphrases(options.paraphrases));
  // Kernels take eight examples at once; only a tiny corpus has fewer pairs than a batch.
  const batch = Math.min(SETTINGS.training.batch, pairs.length - (pairs.length % 8));
  bytes = modelFile(await train(pairs, { ...SETTINGS.training, batch, threads, log }));
  const judged = await measure(bytes, repositories, examples);
  log(report(judged, repositories));
  mkdirSync(options.out, { recursive: true });
  writeFileSync(path.join(options.out, 'model.bin'), bytes);
  const { id, dimensions } = createStaticEmbedder(bytes);
  const hash = contentHash(bytes);
  writeFileSync(path.join(options.out, 'model-id.ts'), identity(id, dimensions, hash));
  writeFileSync(
    path.join(options.out, 'MODEL.md'),
    modelCard({ id, hash, bytes: bytes.length, repositories, pairs, judged }),
  );
  log(`wrote ${id}, ${bytes.length} bytes`);
}

async function measure(
  model: Uint8Array,
  of: readonly Repository[],
  found: ReadonlyMap<string, Example[]>,
): Promise<Map<string, Judged[]>> {
  const embedder = createStaticEmbedder(model);
  const encoder: Encoder = {
    queries: (texts) => embedder.embed(texts, 'query'),
    passages: (functions) =>
      embedder.embed(functions.map((each) => passageText({ ...each, source: each.code }))),
  };
  const judged = new Map<string, Judged[]>();
  for (const { name, split } of of) {
    if (split === 'dev' || split === 'held-out')
      judged.set(name, await judge(name, found.get(name)!, encoder));
  }
  return judged;
}

async function measureCommits(model: Uint8Array): Promise<void> {
  const embedder = createStaticEmbedder(model);
  log(COMMIT_HEADER);
  for (const { name, commit } of wanted.filter((each) => WITH_COMMITS.includes(each.name))) {
    const place = { repository: name, directory: places.get(name)!, commit };
    const judged = await judgeCommits(place, COMMITS, {
      queries: (texts) => embedder.embed(texts, 'query'),
      passages: (texts) => embedder.embed(texts),
    });
    log(commitRow(name, judged));
  }
}
