/** Extraction of many repositories by threads, kept in a cache directory so that it happens once a commit. */
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { CommitExtraction } from './commits.ts';
import type { Example } from './examples.ts';
import type { Extraction } from './extract.ts';
import type { Repository } from './repositories.ts';
import type { TestExtraction } from './tests.ts';

/** Raise when the same commit gives other examples: what was extracted before is then extracted again. */
const EXTRACT_VERSION = 4;

export type ExtractTask =
  | ({ what: 'functions' } & Extraction)
  | ({ what: 'tests' } & TestExtraction)
  | ({ what: 'commits' } & CommitExtraction);

export interface ExtractOptions {
  places: ReadonlyMap<string, string>;
  cache: string;
  threads: number;
  /** Bytes of source and of tests and number of commits a repository that are learnt from, and bytes of one that is asked. */
  maxBytes: number;
  testBytes: number;
  maxCommits: number;
  poolBytes: number;
  log(line: string): void;
}

interface Piece {
  file: string;
  name: string;
  task: ExtractTask;
}

/** The examples of each repository, by name; one without a place is a mistake. */
export async function extractAll(
  repositories: readonly Repository[],
  options: ExtractOptions,
): Promise<Map<string, Example[]>> {
  const { places, cache, threads, testBytes, maxCommits, log } = options;
  mkdirSync(cache, { recursive: true });
  const pieces = repositories.flatMap(({ name, commit, split }): Piece[] => {
    const directory = places.get(name);
    if (!directory) throw new Error(`${name} has no path in the list of repositories`);
    const pool = split !== 'train';
    const maxBytes = pool ? options.poolBytes : options.maxBytes;
    const file = (...key: (string | number)[]) =>
      path.join(
        cache,
        `${[name.replace('/', '+'), commit.slice(0, 12), EXTRACT_VERSION, ...key].join('-')}.json`,
      );
    const functions: Piece = {
      name,
      file: file(pool ? 'pool' : 'functions', maxBytes),
      task: { what: 'functions', directory, commit, maxBytes, pool },
    };
    if (pool) return [functions];
    return [
      functions,
      { name, file: file('tests', testBytes), task: { what: 'tests', directory, commit, testBytes } },
      { name, file: file('commits', maxCommits), task: { what: 'commits', directory, commit, maxCommits } },
    ];
  });
  const missing = pieces.filter(({ file }) => !existsSync(file));
  await Promise.all(Array.from({ length: Math.min(threads, missing.length) }, () => work(missing, log)));
  const examples = new Map<string, Example[]>();
  for (const { name, file } of pieces) {
    examples.set(name, [...(examples.get(name) ?? []), ...JSON.parse(readFileSync(file, 'utf8'))]);
  }
  return examples;
}

async function work(pieces: Piece[], log: (line: string) => void): Promise<void> {
  const thread = new Worker(fileURLToPath(new URL('./extract-thread.ts', import.meta.url).href));
  try {
    for (let next = pieces.shift(); next; next = pieces.shift()) {
      const { file, name, task } = next;
      const began = Date.now();
      thread.postMessage(task);
      // An `error` of the thread rejects it.
      const [examples] = (await once(thread, 'message')) as [Example[]];
      writeFileSync(`${file}.part`, JSON.stringify(examples));
      renameSync(`${file}.part`, file);
      const seconds = ((Date.now() - began) / 1000).toFixed(1);
      log(`${name}: ${examples.length} ${task.what} in ${seconds} s, ${pieces.length} to go`);
    }
  } finally {
    await thread.terminate();
  }
}
