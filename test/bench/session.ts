/** What every measurement stands on: a real `npm start`, a git server, a scratch directory, the rows so far. */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { Api } from '../../src/local/api-client.ts';
import { CHECKOUT, type LocalServer, startServer } from '../../src/local/server.ts';
import { type GitServer, startGitServer } from '../support/git-server.ts';
import type { Row } from './table.ts';

export const BENCH = path.join(CHECKOUT, 'test/bench');
export const ROUNDS = 3;
export const PORT = Number(process.env.BENCH_PORT ?? 8950);

export interface Session {
  api: Api;
  server: LocalServer;
  git: GitServer;
  /** Removed at the end. */
  scratch: string;
  rows: Row[];
  close(): Promise<void>;
}

/** A repository to measure with: a name, the directory given, and the URL it is served at. */
export interface Repository {
  name: string;
  directory: string;
  url: string;
}

/**
 * @param environment of the server, over this process's. A `STATE_DIR` is kept: what an earlier run indexed there is
 *   found again. Without it, a fresh one.
 */
export async function openSession(environment: NodeJS.ProcessEnv = {}): Promise<Session> {
  const scratch = mkdtempSync(path.join(tmpdir(), 'sightline-bench-'));
  const git = await startGitServer();
  const stateDir = path.resolve(environment.STATE_DIR ?? path.join(scratch, 'state'));
  const server = await startServer({
    ...process.env,
    PORT: process.env.PORT ?? String(PORT),
    ...environment,
    STATE_DIR: stateDir,
    LOCAL_REPOS: stateDir,
    EGRESS_ALLOW: new URL(git.url).host,
    RATE_LIMITS: JSON.stringify({ 'plan-enterprise': '1000000/m', 'auth-ip': '100000/m' }),
  });
  return {
    api: new Api(server.url, server.credentials.api_key),
    server,
    git,
    scratch,
    rows: [],
    async close() {
      await server.stop();
      await git.close();
      rmSync(scratch, { recursive: true, force: true });
    },
  };
}

/** Serves a git directory or work tree under the name of its folder. */
export function serveRepository({ git }: Session, directory: string): Repository {
  const name =
    path.basename(directory) === 'repo' ? path.basename(path.dirname(directory)) : path.basename(directory);
  symlinkSync(path.resolve(directory), path.join(git.root, `${name}.git`));
  return { name, directory: path.resolve(directory), url: `${git.url}/${name}.git` };
}

export async function registerAndIndex({ api }: Session, name: string, remoteUrl: string): Promise<void> {
  const repo = await api.post<{ jobId: string }>('/repos', { name, remoteUrl });
  await finished(api, repo.jobId);
  const { defaultBranch } = await api.get<{ defaultBranch: string }>(`/repos/${encodeURIComponent(name)}`);
  await sync(api, name, defaultBranch);
}

export async function removeRepo({ api }: Session, name: string): Promise<void> {
  await api.call('DELETE', `/repos/${encodeURIComponent(name)}`);
}

export async function sync(api: Api, name: string, ref: string): Promise<void> {
  const path = `/repos/${encodeURIComponent(name)}/sync`;
  await finished(api, (await api.post<{ jobId: string }>(path, { ref })).jobId);
}

/** Waits for a job by its socket, as a client would. */
export async function finished(api: Api, jobId: string): Promise<void> {
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

/** A checkout of the default branch, made once a session. */
export async function workTree({ scratch }: Session, name: string, url: string): Promise<string> {
  const tree = path.join(scratch, `tree-${name}`);
  if (!existsSync(tree)) await exec('git', ['clone', '-q', '--depth', '1', '--single-branch', url, tree]);
  return tree;
}

/** A measurement in a process of its own, which prints JSON. */
export async function child(args: string[]): Promise<{ seconds: number }> {
  return JSON.parse(await exec(process.execPath, args, BENCH));
}

/** Never the synchronous kind where the git server of this very process is asked. */
export async function exec(command: string, args: string[], cwd?: string): Promise<string> {
  return (await promisify(execFile)(command, args, { cwd, maxBuffer: 1 << 28 })).stdout;
}

export async function seconds(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}
