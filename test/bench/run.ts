/**
 * `npm run bench -- <git directory or work tree> …`: the numbers, each a ratio to a peer measured in the same run, as one
 * table. Peers are installed from `test/bench/package.json`. Takes minutes; nothing here is part of the tests.
 */
import { execFile, execFileSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { Api } from '../../src/local/api-client.ts';
import { CHECKOUT, type LocalServer, startServer } from '../../src/local/server.ts';
import { startGitServer } from '../support/git-server.ts';
import { startFloor } from './floor-in-workerd.ts';
import { sampleHeap } from './heap.ts';
import { formatTable, median, type Row } from './table.ts';

const BENCH = path.join(CHECKOUT, 'test/bench');
const PORT = 8950;
const ROUNDS = 3;
const repositories = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const only = process.argv
  .find((argument) => argument.startsWith('--only='))
  ?.slice(7)
  .split(',');
if (repositories.length === 0) {
  console.error('usage: npm run bench -- <git directory or work tree> … [--only=mirror,index,change,memory]');
  process.exit(1);
}
const wants = (part: string) => !only || only.includes(part);

if (!existsSync(path.join(BENCH, 'node_modules')))
  execFileSync('npm', ['ci'], { cwd: BENCH, stdio: 'inherit' });
const scratch = mkdtempSync(path.join(tmpdir(), 'sightline-bench-'));
const git = await startGitServer();
const server = await startServer({
  ...process.env,
  PORT: String(PORT),
  STATE_DIR: path.join(scratch, 'state'),
  EGRESS_ALLOW: new URL(git.url).host,
  RATE_LIMITS: JSON.stringify({ 'plan-enterprise': '1000000/m', 'auth-ip': '100000/m' }),
});
const api = new Api(server.url, server.credentials.api_key);
const rows: Row[] = [];
const workerd = await startFloor(PORT + 10, path.join(scratch, 'floor')).catch(async (error) => {
  await server.stop();
  throw error;
});
try {
  for (const repository of repositories) await measure(repository);
  if (wants('memory')) await measureMemory(server);
  console.log(formatTable(rows));
} finally {
  workerd.stop();
  await server.stop();
  await git.close();
  rmSync(scratch, { recursive: true, force: true });
}

async function measure(repository: string): Promise<void> {
  const name =
    path.basename(repository) === 'repo'
      ? path.basename(path.dirname(repository))
      : path.basename(repository);
  symlinkSync(path.resolve(repository), path.join(git.root, `${name}.git`));
  const url = `${git.url}/${name}.git`;
  if (wants('mirror')) await measureMirror(name, url);
  if (wants('index')) await measureIndex(name, url);
  if (wants('change')) await measureChange(name, url);
}

async function measureMirror(name: string, url: string): Promise<void> {
  const ours: number[] = [];
  const clone: number[] = [];
  const isomorphic: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const repo = `${name}-mirror-${round}`;
    ours.push(
      await seconds(async () =>
        finished((await api.post<{ jobId: string }>('/repos', { name: repo, remoteUrl: url })).jobId),
      ),
    );
    await api.call('DELETE', `/repos/${encodeURIComponent(repo)}`);
    const bare = path.join(scratch, `bare-${name}-${round}`);
    clone.push(
      await seconds(async () => {
        await exec('git', [
          'clone',
          '-q',
          '--bare',
          '--depth',
          '1',
          '--single-branch',
          '--no-tags',
          url,
          bare,
        ]);
      }),
    );
    rmSync(bare, { recursive: true });
    const directory = path.join(scratch, `iso-${name}-${round}`);
    isomorphic.push((await child([path.join(BENCH, 'isomorphic-clone.ts'), url, directory])).seconds);
    rmSync(directory, { recursive: true, force: true });
  }
  const base = { what: 'mirror, depth 1', repository: name, ours: median(ours), unit: 's' as const };
  rows.push({ ...base, peer: 'git clone --bare --depth 1', theirs: median(clone), atMost: 2 });
  rows.push({ ...base, peer: 'isomorphic-git', theirs: median(isomorphic), atMost: 0.5 });
}

async function measureIndex(name: string, url: string): Promise<void> {
  const tree = await workTree(name, url);
  const ours: number[] = [];
  const floor: number[] = [];
  const floorInWorkerd: number[] = [];
  const peer: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const repo = `${name}-index-${round}`;
    ours.push(await seconds(() => registerAndIndex(repo, url)));
    await api.call('DELETE', `/repos/${encodeURIComponent(repo)}`);
    floor.push((await child([path.join(BENCH, 'floor.ts'), tree])).seconds);
    floorInWorkerd.push(await workerd.measure(tree));
    rmSync(path.join(tree, '.codegraph'), { recursive: true, force: true });
    peer.push(await seconds(() => exec(path.join(BENCH, 'node_modules/.bin/codegraph'), ['init'], tree)));
  }
  const base = { what: 'full index', repository: name, ours: median(ours), unit: 's' as const };
  rows.push({ ...base, peer: 'floor in Node: parse + walk + FTS5', theirs: median(floor), atMost: 2 });
  rows.push({ ...base, peer: 'the same floor in workerd', theirs: median(floorInWorkerd), atMost: 2 });
  rows.push({ ...base, peer: 'codegraph init', theirs: median(peer), atMost: 1 / 3 });
}

async function measureChange(name: string, url: string): Promise<void> {
  const tree = await workTree(`${name}-change`, url);
  symlinkSync(tree, path.join(git.root, `${name}-change.git`));
  const file = readdirSync(tree, { recursive: true, encoding: 'utf8' }).find(
    (f) =>
      /\.(ts|go|py|java|c|rs|php)$/.test(f) && !/node_modules|vendor|test/.test(f) && !f.startsWith('.git/'),
  )!;
  const repo = `${name}-change`;
  const full = await seconds(() => registerAndIndex(repo, `${git.url}/${name}-change.git`));
  const times: number[] = [];
  for (let round = 0; round < 5; round++) {
    appendFileSync(path.join(tree, file), `\n// changed ${round} marker${round}zebra\n`);
    execFileSync('git', ['-c', 'user.name=b', '-c', 'user.email=b@b', 'commit', '-qam', `change ${round}`], {
      cwd: tree,
    });
    const branch = execFileSync('git', ['branch', '--show-current'], { cwd: tree, encoding: 'utf8' }).trim();
    times.push(await seconds(() => sync(repo, branch)));
  }
  const ours = median(times);
  rows.push({
    what: 'one-file change',
    repository: name,
    ours,
    peer: 'full index',
    theirs: full,
    unit: 's',
    atMost: 0.05,
  });
  rows.push({
    what: 'one-file change',
    repository: name,
    ours,
    peer: 'one second',
    theirs: 1,
    unit: 's',
    atMost: 1,
  });
  await api.call('DELETE', `/repos/${encodeURIComponent(repo)}`);
}

/** A checkout of 500 MB: one file of 200 MB, 280 binary ones of 1 MB, 20,000 of source with 20 MB in all. */
async function measureMemory(local: LocalServer): Promise<void> {
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
    if (i % 500 === 0) execFileSync('mkdir', ['-p', path.join(tree, `src/${i / 500}`)]);
    writeFileSync(
      path.join(tree, `src/${Math.floor(i / 500)}/f${i}.ts`),
      Array.from({ length: 10 }, (_, j) => line(i, j)).join(''),
    );
  }
  execFileSync('git', ['add', '-A'], { cwd: tree });
  execFileSync('git', ['-c', 'user.name=b', '-c', 'user.email=b@b', 'commit', '-qm', 'large'], { cwd: tree });
  const stop = await sampleHeap('core:user:sightline-indexer', local.stateDir);
  const took = await seconds(() => registerAndIndex('large', `${git.url}/large.git`));
  const peak = await stop();
  const mb = (bytes: number) => (bytes / 1e6).toFixed(1);
  console.log(
    `memory: peak ${mb(peak.total)} MB (heap ${mb(peak.used)}, backing stores ${mb(peak.backing)}, wasm ${mb(peak.wasm)}; ${peak.samples} samples) while indexing 500 MB in ${took.toFixed(1)} s on ${local.url}`,
  );
  rows.push({
    what: 'indexer memory',
    repository: '500 MB checkout',
    ours: peak.total / 1e6,
    peer: 'isolate limit',
    theirs: 128,
    unit: 'MB',
    atMost: 100 / 128,
  });
}

async function registerAndIndex(name: string, remoteUrl: string): Promise<void> {
  const repo = await api.post<{ jobId: string }>('/repos', { name, remoteUrl });
  await finished(repo.jobId);
  const { defaultBranch } = await api.get<{ defaultBranch: string }>(`/repos/${encodeURIComponent(name)}`);
  await sync(name, defaultBranch);
}

async function sync(name: string, ref: string): Promise<void> {
  await finished(
    (await api.post<{ jobId: string }>(`/repos/${encodeURIComponent(name)}/sync`, { ref })).jobId,
  );
}

/** Waits for a job by its socket, as a client would. */
async function finished(jobId: string): Promise<void> {
  const socket = await api.jobSocket(jobId);
  const last = await new Promise<{ type: string; payload: unknown }>((resolve, reject) => {
    socket.addEventListener('message', (message: MessageEvent) => {
      const event = JSON.parse(String(message.data)) as { type: string; payload: unknown };
      if (['job.completed', 'job.failed', 'job.cancelled'].includes(event.type)) resolve(event);
    });
    socket.addEventListener('close', () => reject(new Error(`job ${jobId}: the socket closed early`)));
  });
  socket.close();
  if (last.type !== 'job.completed') throw new Error(`job ${jobId}: ${JSON.stringify(last)}`);
}

async function workTree(name: string, url: string): Promise<string> {
  const tree = path.join(scratch, `tree-${name}`);
  if (!existsSync(tree)) await exec('git', ['clone', '-q', '--depth', '1', '--single-branch', url, tree]);
  return tree;
}

/** A measurement in a process of its own, which prints JSON. */
async function child(args: string[]): Promise<{ seconds: number }> {
  return JSON.parse(await exec(process.execPath, args, BENCH));
}

/** Never the synchronous kind where the git server of this very process is asked. */
async function exec(command: string, args: string[], cwd?: string): Promise<string> {
  return (await promisify(execFile)(command, args, { cwd, maxBuffer: 1 << 26 })).stdout;
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}
