/**
 * What semantic search computes, in workerd (floor/vectors.ts): embedding the text of the repositories, comparing a
 * question with 100,000 chunks, loading the model. Several in one request, less one alone: what a request costs drops out.
 */
import path from 'node:path';
import { startWorker } from './floor-in-workerd.ts';
import { PORT, type Repository, type Session, workTree } from './session.ts';
import { sourceFiles } from './source-files.ts';
import { median } from './table.ts';

const SAMPLES = 7;
const SCANS = 20;
const PASSAGE = 1_500;
const MAX_CHARACTERS = 1_000_000;

export async function measureVectors(session: Session, repositories: Repository[]): Promise<void> {
  const { rows, scratch } = session;
  const worker = await startWorker('vectors.toml', PORT + 30, path.join(scratch, 'vectors'));
  try {
    const passages = (
      await Promise.all(repositories.map(({ name, url }) => workTree(session, name, url)))
    ).flatMap(passagesOf);
    const body = JSON.stringify(passages.slice(0, Math.floor(MAX_CHARACTERS / PASSAGE)));
    const loading = await timed(`${worker.url}embed?times=1`, '["a"]');
    rows.push({ what: 'load the model', repository: '', ours: loading, unit: 'ms', aim: { atMost: 50 } });
    const embedding = (await perTime((times) => timed(`${worker.url}embed?times=${times}`, body), 4)) / 1000;
    const megabytes = Buffer.byteLength(body) / 1e6;
    rows.push({
      what: 'embed, MB a second',
      repository: repositories.map(({ name }) => name).join(', '),
      ours: megabytes / embedding,
      unit: '/s',
      aim: { atLeast: 10 },
    });
    const simd = await perTime((times) => timed(`${worker.url}scan?times=${times}`, ''), SCANS);
    const plain = await perTime((times) => timed(`${worker.url}scan?plain&times=${times}`, ''), SCANS);
    rows.push({
      what: 'compare with 100,000 chunks',
      repository: '',
      ours: simd,
      unit: 'ms',
      peer: 'the same in JavaScript',
      theirs: plain,
      aim: { atMost: 15 },
    });
  } finally {
    worker.stop();
  }
}

function passagesOf(directory: string): string[] {
  return sourceFiles(directory).flatMap(({ text }) =>
    Array.from({ length: Math.ceil(text.length / PASSAGE) }, (_, n) =>
      text.slice(n * PASSAGE, (n + 1) * PASSAGE),
    ),
  );
}

async function timed(url: string, body: string): Promise<number> {
  const started = performance.now();
  const answer = await fetch(url, { method: 'POST', body });
  if ((await answer.text()) !== 'ok') throw new Error(`the Worker answered ${answer.status}`);
  return performance.now() - started;
}

/** Milliseconds of one of several that are done in a request: the median of some, less a request of one. */
async function perTime(ask: (times: number) => Promise<number>, times: number): Promise<number> {
  await ask(times);
  const each: number[] = [];
  for (let n = 0; n < SAMPLES; n++) {
    const one = await ask(1);
    each.push(((await ask(times + 1)) - one) / times);
  }
  return median(each);
}
