/** What every measurement stands on: a real `npm start`, a git server, a scratch directory, the rows so far. */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { answer, type Client, createClient } from '../../src/client/client.ts';
import { CHECKOUT, type LocalServer, startServer } from '../../src/local/server.ts';
import { type GitServer, startGitServer } from '../support/git-server.ts';
import { type IndexFiles, linesIn, openIndexFiles } from './index-files.ts';
import type { Row } from './table.ts';

export const BENCH = path.join(CHECKOUT, 'test/bench');
export const ROUNDS = 3;
export const PORT = Number(process.env.BENCH_PORT ?? 8950);

export interface Session {
  api: Client;
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
    api: createClient({ baseUrl: server.url, apiKey: server.credentials.api_key }),
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

/** Registers a repository and waits for its mirror. */
export async function register({ api }: Session, name: string, source: Source): Promise<void> {
  const { jobId } = await answer(api.POST('/api/v1/repos', { body: { name, ...source } }));
  await api.waitForJob(jobId);
}
type Source = { remoteUrl: string } | { localPath: string };

export async function registerAndIndex(session: Session, name: string, remoteUrl: string): Promise<void> {
  await register(session, name, { remoteUrl });
  const params = { path: { name } };
  const { defaultBranch } = await answer(session.api.GET('/api/v1/repos/{name}', { params }));
  await sync(session.api, name, defaultBranch ?? 'HEAD');
}

/** Indexes what is not yet: the files of the indexes, and how many lines they hold. */
export async function indexAll(
  session: Session,
  repositories: Repository[],
): Promise<{ indexes: IndexFiles[]; lines: number }> {
  const indexes: IndexFiles[] = [];
  for (const { name, url } of repositories) {
    if (!(await isRegistered(session, name))) await registerAndIndex(session, name, url);
    indexes.push(openIndexFiles(session.server.stateDir, name));
  }
  return { indexes, lines: indexes.reduce((sum, files) => sum + linesIn(files), 0) };
}

export async function removeRepo({ api }: Session, name: string): Promise<void> {
  await answer(api.DELETE('/api/v1/repos/{name}', { params: { path: { name } } }));
}

export async function isRegistered({ api }: Session, name: string): Promise<boolean> {
  return (await answer(api.GET('/api/v1/repos'))).some((repo) => repo.name === name);
}

/** Where a repository is whose refs the bench chooses: kept with the state, so that a later run finds it again. */
export const chosenRefsOf = ({ server }: Session, name: string) => path.join(server.stateDir, `${name}.git`);

/** Registers a repository with the objects of a directory's and the given branches (`main` among them) at the given commits. */
export async function registerWithRefs(
  session: Session,
  name: string,
  directory: string,
  refs: ReadonlyMap<string, string>,
): Promise<void> {
  const bare = chosenRefsOf(session, name);
  await exec('git', ['init', '-q', '--bare', '-b', 'main', bare]);
  const objects = await exec('git', ['-C', directory, 'rev-parse', '--git-path', 'objects']);
  writeFileSync(path.join(bare, 'objects/info/alternates'), `${path.resolve(directory, objects.trim())}\n`);
  for (const [ref, commit] of refs)
    await exec('git', ['-C', bare, 'update-ref', `refs/heads/${ref}`, commit]);
  if (!(await isRegistered(session, name))) await register(session, name, { localPath: bare });
}

export async function sync(api: Client, name: string, ref: string): Promise<void> {
  const request = { params: { path: { name } }, body: { ref } };
  const { jobId } = await answer(api.POST('/api/v1/repos/{name}/sync', request));
  await api.waitForJob(jobId);
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
