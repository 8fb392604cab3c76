/** The indexer's memory while it parses and indexes a checkout of 500 MB itself, as deployed, against an isolate's limit. */
import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { sampleHeap } from './heap.ts';
import { openSession, PORT, registerAndIndex, type Session, seconds } from './session.ts';
import type { Row } from './table.ts';

/** On one file of 200 MB, 280 binary ones of 1 MB, 20,000 of source with 20 MB in all. */
export async function measureMemory({ rows }: Session): Promise<void> {
  const session = await openSession({ PARSE_THREADS: '0', PORT: String(PORT + 1) });
  try {
    rows.push(await peakMemory(session));
  } finally {
    await session.close();
  }
}

async function peakMemory(session: Session): Promise<Row> {
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
  const mb = (bytes: number) => (bytes / 1e6).toFixed(1);
  console.log(
    `memory: peak ${mb(peak.total)} MB (heap ${mb(peak.used)}, backing stores ${mb(peak.backing)}, wasm ${mb(peak.wasm)}; ${peak.samples} samples) while indexing 500 MB in ${took.toFixed(1)} s on ${server.url}`,
  );
  return {
    what: 'indexer memory',
    repository: '500 MB checkout',
    ours: peak.total / 1e6,
    peer: 'isolate limit',
    theirs: 128,
    unit: 'MB',
    aim: { ratioAtMost: 100 / 128 },
  };
}
