/** Extraction of many repositories by threads, kept in a cache directory so that it happens once a commit. */
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { Example } from './examples.ts';
import { EXTRACT_VERSION, type Extraction } from './extract.ts';
import type { Repository } from './repositories.ts';

export interface ExtractOptions {
  places: ReadonlyMap<string, string>;
  cache: string;
  threads: number;
  /** Bytes of source and number of commits a repository. */
  maxBytes: number;
  maxCommits: number;
  log(line: string): void;
}

/** The examples of each repository, by name; one without a place is a mistake. */
export async function extractAll(
  repositories: readonly Repository[],
  options: ExtractOptions,
): Promise<Map<string, Example[]>> {
  mkdirSync(options.cache, { recursive: true });
  const files = new Map<string, string>();
  const tasks: { file: string; name: string; task: Extraction }[] = [];
  for (const { name, commit, split } of repositories) {
    const directory = options.places.get(name);
    if (!directory) throw new Error(`${name} has no path in the list of repositories`);
    const pool = split !== 'train';
    const { maxBytes } = options;
    const maxCommits = pool ? 0 : options.maxCommits;
    const key = [name.replace('/', '+'), commit.slice(0, 12), EXTRACT_VERSION, maxBytes, maxCommits, pool];
    const file = path.join(options.cache, `${key.join('-')}.json`);
    files.set(name, file);
    if (!existsSync(file))
      tasks.push({ file, name, task: { directory, commit, maxBytes, maxCommits, pool } });
  }
  await Promise.all(Array.from({ length: options.threads }, () => work(tasks, options.log)));
  return new Map([...files].map(([name, file]) => [name, JSON.parse(readFileSync(file, 'utf8'))]));
}

async function work(
  tasks: { file: string; name: string; task: Extraction }[],
  log: (line: string) => void,
): Promise<void> {
  const thread = new Worker(fileURLToPath(new URL('./extract-thread.ts', import.meta.url).href));
  try {
    for (let next = tasks.shift(); next; next = tasks.shift()) {
      const { file, name, task } = next;
      const began = Date.now();
      thread.postMessage(task);
      // An `error` of the thread rejects it.
      const [examples] = (await once(thread, 'message')) as [Example[]];
      writeFileSync(`${file}.part`, JSON.stringify(examples));
      renameSync(`${file}.part`, file);
      log(
        `${name}: ${examples.length} examples in ${((Date.now() - began) / 1000).toFixed(1)} s, ${tasks.length} to go`,
      );
    }
  } finally {
    await thread.terminate();
  }
}
