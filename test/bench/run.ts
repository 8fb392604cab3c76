/**
 * `npm run bench -- <git directory or work tree> … [--only=…] [--state=<directory>]`: the numbers, each beside a peer
 * measured in the same run, as one table. One file a measurement. Peers are installed from `test/bench/package.json`.
 * Takes minutes; nothing here is part of the tests.
 *
 * `--state` keeps what was indexed for a later run (a measurement of queries can then be repeated without indexing).
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { measureChange } from './change.ts';
import { measureFullIndex } from './full-index.ts';
import { measureIndexSize } from './index-size.ts';
import { measureMemory } from './memory.ts';
import { measureMirror } from './mirror.ts';
import { measureNavigation } from './navigation.ts';
import { measureQuestions } from './questions.ts';
import { measureCommits, measureDocstrings } from './retrieval.ts';
import { measureSearch } from './search-latency.ts';
import { BENCH, openSession, type Repository, type Session, serveRepository } from './session.ts';
import { measureSymbols } from './symbols.ts';
import { formatTable } from './table.ts';
import { measureThroughput } from './throughput.ts';
import { measureVectors } from './vectors.ts';

/** Measurements of one repository each. */
const OF_EACH: Record<string, (session: Session, repository: Repository) => Promise<void>> = {
  mirror: measureMirror,
  index: measureFullIndex,
  change: measureChange,
  size: measureIndexSize,
  symbols: measureSymbols,
  navigation: measureNavigation,
};
/** Measurements of all repositories together, or of none. */
const OF_ALL: Record<string, (session: Session, repositories: Repository[]) => Promise<void>> = {
  commits: measureCommits,
  docstrings: measureDocstrings,
  memory: measureMemory,
  questions: measureQuestions,
  search: measureSearch,
  throughput: measureThroughput,
  vectors: measureVectors,
};

const directories = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const option = (name: string) =>
  process.argv.find((argument) => argument.startsWith(`--${name}=`))?.slice(name.length + 3);
const known = [...Object.keys(OF_EACH), ...Object.keys(OF_ALL)];
const wanted = option('only')?.split(',') ?? known;
const unknown = wanted.filter((name) => !known.includes(name));
if (directories.length === 0 || unknown.length > 0) {
  console.error(
    `usage: npm run bench -- <git directory or work tree> … [--only=${known.join(',')}] [--state=<directory>]`,
  );
  process.exit(1);
}

if (!existsSync(path.join(BENCH, 'node_modules')))
  execFileSync('npm', ['ci'], { cwd: BENCH, stdio: 'inherit' });
const session = await openSession(option('state') ? { STATE_DIR: option('state') } : {});
try {
  const repositories = directories.map((directory) => serveRepository(session, directory));
  for (const repository of repositories)
    for (const [name, measure] of Object.entries(OF_EACH))
      if (wanted.includes(name)) await measure(session, repository);
  for (const [name, measure] of Object.entries(OF_ALL))
    if (wanted.includes(name)) await measure(session, repositories);
  console.log(formatTable(session.rows));
} finally {
  await session.close();
}
