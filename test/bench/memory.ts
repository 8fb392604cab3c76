/**
 * Memory against an isolate's limit: the indexer's while it parses and indexes a checkout of 500 MB itself, as deployed; the
 * API's while clients search all repositories given at once, by words and by meaning.
 */
import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { answer } from '../../src/client/client.ts';
import { type HeapPeak, sampleHeap } from './heap.ts';
import { drawQueries } from './queries.ts';
import {
  indexAll,
  openSession,
  PORT,
  type Repository,
  registerAndIndex,
  type Session,
  seconds,
} from './session.ts';
import type { Row } from './table.ts';

export async function measureMemory(session: Session, repositories: Repository[]): Promise<void> {
  session.rows.push(await peakOfIndexer(), await peakOfSearch(session, repositories));
}

const LIMIT = { peer: 'isolate limit', theirs: 128, unit: 'MB', aim: { ratioAtMost: 100 / 128 } } as const;

const CLIENTS = 8;
const QUERIES = 160;

async function peakOfSearch(session: Session, repositories: Repository[]): Promise<Row> {
  const { api, server } = session;
  const { indexes, lines } = await indexAll(session, repositories);
  const { identifiers, sentences } = drawQueries(indexes, QUERIES);
  const left = identifiers.flatMap((query, at) => [query, sentences[at]!]);
  // The isolate must be there to be found.
  await answer(api.GET('/api/v1/repos'));
  const stop = await sampleHeap('core:user:sightline-api', server.stateDir);
  const client = async () => {
    for (let query = left.pop(); query !== undefined; query = left.pop())
      await answer(api.GET('/api/v1/search', { params: { query: { query, mode: 'hybrid' } } }));
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  const peak = await stop();
  print('search', peak);
  return {
    what: 'API memory, hybrid search',
    repository: `${(lines / 1e6).toFixed(2)} M lines`,
    ours: peak.total / 1e6,
    ...LIMIT,
  };
}

/** On one file of 200 MB, 280 binary ones of 1 MB, 20,000 of source with 20 MB in all. */
async function peakOfIndexer(): Promise<Row> {
  const session = await openSession({ PARSE_THREADS: '0', PORT: String(PORT + 1) });
  try {
    return await indexLarge(session);
  } finally {
    await session.close();
  }
}

async function indexLarge(session: Session): Promise<Row> {
  const { git, server } = session;
  const tree = path.join(git.root, 'large.git');
  execFileSync('git', ['init', '-q', '-b', 'main', tree]);
  const noise = Buffer.alloc(1 << 20);
  for (let i = 0; i < noise.length; i++) noise[i] = (Math.imul(i, 2_654_435_761) >>> 13) & 0xff;
  for (let i = 0; i < 200; i++) appendFileSync(path.join(tree, 'huge.bin'), noise);
  for (let i = 0; i < 280; i++)
    writeFileSync(path.join(tree, `part-${i}.bin`), Buffer.concat([Buffer.from(String(i)), noise]));
  const line = (i: number, j: number) =>
    `export function handler${i}x${j}(request: Request): number { return request.url.length + ${j}; }\n`;
  for (let i = 0; i < 20_000; i++) {
    if (i % 500 === 0) mkdirSync(path.join(tree, `src/${i / 500}`), { recursive: true });
    writeFileSync(
      path.join(tree, `src/${Math.floor(i / 500)}/f${i}.ts`),
      Array.from({ length: 10 }, (_, j) => line(i, j)).join(''),
    );
  }
  execFileSync('git', ['add', '-A'], { cwd: tree });
  execFileSync('git', ['-c', 'user.name=b', '-c', 'user.email=b@b', 'commit', '-qm', 'large'], { cwd: tree });
  // The parser stays in its isolate once it is loaded: what is mirrored later comes on top of it.
  const small = path.join(git.root, 'small.git');
  execFileSync('git', ['init', '-q', '-b', 'main', small]);
  writeFileSync(path.join(small, 'a.ts'), line(0, 0));
  execFileSync('git', ['add', '-A'], { cwd: small });
  execFileSync('git', ['-c', 'user.name=b', '-c', 'user.email=b@b', 'commit', '-qm', 'small'], {
    cwd: small,
  });
  await registerAndIndex(session, 'small', `${git.url}/small.git`);
  const stop = await sampleHeap('core:user:sightline-indexer', server.stateDir);
  const took = await seconds(() => registerAndIndex(session, 'large', `${git.url}/large.git`));
  const peak = await stop();
  print(`indexing 500 MB in ${took.toFixed(1)} s`, peak);
  return {
    what: 'indexer memory',
    repository: '500 MB checkout',
    ours: peak.total / 1e6,
    ...LIMIT,
  };
}

function print(doing: string, peak: HeapPeak): void {
  const mb = (bytes: number) => (bytes / 1e6).toFixed(1);
  console.log(
    `memory: peak ${mb(peak.total)} MB (heap ${mb(peak.used)}, backing stores ${mb(peak.backing)}, wasm ${mb(peak.wasm)}; ${peak.samples} samples) while ${doing}`,
  );
}
