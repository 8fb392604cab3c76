import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Config, readConfig } from '../config.ts';
import { copyAssets } from './assets.ts';
import { startBridge } from './bridge.ts';
import { checkModel } from './model.ts';
import { type Credentials, loadSecrets, saveCredentials } from './state.ts';

/** The checkout this file belongs to: where the Workers' configurations are, and the default of `LOCAL_REPOS`. */
export const CHECKOUT = fileURLToPath(new URL('../../', import.meta.url).href).replace(/\/$/, '');

const INDEXER = 'workers/indexer/wrangler.toml';
const DATABASES = ['DB', 'INDEX_0', 'INDEX_1'];
/** More do not pay: the runtime that writes what they parse has one thread. */
const MAX_PARSE_THREADS = 4;
const READY_WITHIN_MS = 90_000;

export interface LocalServer {
  url: string;
  stateDir: string;
  credentials: Credentials;
  credentialsFile: string;
  logFile: string;
  /** What the configuration has that its author should know of, a sentence each. */
  warnings: string[];
  /** Resolves with the exit code when the runtime ends by itself. */
  exited: Promise<number>;
  stop(): Promise<void>;
}

export class StartError extends Error {}

/**
 * Starts both Workers on this machine: migrations, the git bridge, then `wrangler dev`. Needs no account and no network.
 * Resolves when, and only when, both Workers answer.
 * @param options.localRepos further directories that `localPath` may name, beside `LOCAL_REPOS` or the checkout.
 * @param options.egressAllow further entries for `EGRESS_ALLOW`.
 * @param options.front configuration of a Worker that answers at the port in place of the API, which it may bind.
 * @throws StartError with a sentence for the operator.
 */
export async function startServer(
  environment: NodeJS.ProcessEnv,
  options: { localRepos?: string[]; egressAllow?: string[]; front?: string } = {},
): Promise<LocalServer> {
  const port = parsePort(environment.PORT ?? environment.API_PORT ?? '8787');
  const host = environment.API_HOST ?? '127.0.0.1';
  const stateDir = stateDirectory(environment);
  await assertPortFree(port, host);
  const running = await runningServer(environment);
  if (running) throw new StartError(`a server runs from ${stateDir} already, at ${running.url}`);
  const secrets = await loadSecrets(stateDir, environment);
  const bridgeSecret = randomBytes(32).toString('base64url');
  const roots = (environment.LOCAL_REPOS?.split(/[,:]/).filter(Boolean) ?? [CHECKOUT]).concat(
    options.localRepos ?? [],
  );

  const variables: Record<string, string> = {
    // A line a request is written by wrangler itself, which takes it as long as a fifth of the request.
    API_DEBUG: 'warn',
    ...definedOnly(environment),
    ...secrets,
    PARSE_THREADS: environment.PARSE_THREADS ?? String(Math.min(availableParallelism(), MAX_PARSE_THREADS)),
    PORT: String(port),
    EGRESS_ALLOW: [environment.EGRESS_ALLOW ?? '', ...(options.egressAllow ?? [])].filter(Boolean).join(','),
  };
  const { parseThreads, warnings } = checkConfiguration(variables);
  await checkModel(CHECKOUT).catch(({ message }: Error) => {
    throw new StartError(message);
  });
  const bridge = await startBridge(bridgeSecret, roots, parseThreads);
  variables.BRIDGE_URL = bridge.url;
  variables.BRIDGE_SECRET = bridgeSecret;

  await copyAssets(CHECKOUT);
  await migrate(stateDir);
  const logFile = path.join(stateDir, 'server.log');
  const url = `http://${host === '0.0.0.0' ? '127.0.0.1' : host}:${port}`;
  // Before anything answers, so that whoever waits for the server finds them.
  const { file, credentials } = await saveCredentials(stateDir, url, secrets);
  const child = spawnWrangler(variables, {
    port,
    host,
    stateDir,
    logFile,
    inspector: await inspectorPort(environment),
    front: options.front,
  });
  const exited = new Promise<number>((resolve) => child.once('exit', (code) => resolve(code ?? 1)));
  const stop = async () => {
    bridge.close();
    killGroup(child);
    await exited;
  };
  try {
    await untilReady(url, exited, logFile);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, stateDir, credentials, credentialsFile: file, logFile, warnings, exited, stop };
}

/** The server that runs from the same state directory already, or null. */
export async function runningServer(
  environment: NodeJS.ProcessEnv,
): Promise<Pick<LocalServer, 'url' | 'credentials' | 'credentialsFile' | 'exited'> | null> {
  const credentialsFile = path.join(stateDirectory(environment), 'credentials.json');
  const content = await readFile(credentialsFile, 'utf8').catch(() => null);
  if (content === null) return null;
  const credentials = JSON.parse(content) as Credentials;
  if (!(await isReady(credentials.base_url))) return null;
  return { url: credentials.base_url, credentials, credentialsFile, exited: new Promise(() => undefined) };
}

export function stateDirectory(environment: NodeJS.ProcessEnv): string {
  return path.resolve(environment.STATE_DIR ?? path.join(CHECKOUT, '.sightline'));
}

async function isReady(url: string): Promise<boolean> {
  try {
    const answer = await fetch(`${url}/api/v1/health/ready`, { signal: AbortSignal.timeout(10_000) });
    await answer.arrayBuffer();
    return answer.status === 200;
  } catch {
    // Not listening yet, or too slow to count as ready: the caller asks again.
    return false;
  }
}

/**
 * Creates the databases of the state directory, or brings them up to date; `startServer` does the same.
 * @throws StartError when a migration fails
 */
export async function migrateLocal(environment: NodeJS.ProcessEnv): Promise<void> {
  // A server that runs did it when it started, and two processes do not share a database's file well.
  if (await runningServer(environment)) return;
  const stateDir = stateDirectory(environment);
  await mkdir(stateDir, { recursive: true, mode: 0o700 });
  await migrate(stateDir);
}

/** A port that nothing listens on. */
export function freePort(): Promise<number> {
  return listenOnce(0, '127.0.0.1');
}

/** The Workers' own reading of the variables, before anything starts. */
function checkConfiguration(variables: Record<string, string>): Config {
  try {
    return readConfig(variables);
  } catch (error) {
    throw new StartError(error instanceof Error ? error.message : String(error));
  }
}

/**
 * Applies the migrations of all databases; skipped when this state directory has these very files already, because
 * each `wrangler` run costs seconds.
 */
async function migrate(stateDir: string): Promise<void> {
  const digest = await migrationsDigest();
  const marker = path.join(stateDir, 'migrations.sha256');
  if ((await readFile(marker, 'utf8').catch(() => '')) === digest) return;
  // One after another: they share the state directory.
  for (const database of DATABASES) {
    await run(['d1', 'migrations', 'apply', database, '--local', '--persist-to', stateDir]);
  }
  await writeFile(marker, digest);
}

async function migrationsDigest(): Promise<string> {
  const hash = createHash('sha256');
  for (const kind of ['control', 'index']) {
    const folder = path.join(CHECKOUT, 'migrations', kind);
    for (const file of (await readdir(folder)).sort())
      hash.update(file).update(await readFile(path.join(folder, file)));
  }
  return hash.digest('hex');
}

function wranglerCommand(args: string[]): [string, string[]] {
  return [process.execPath, [path.join(CHECKOUT, 'node_modules/wrangler/wrangler-dist/cli.js'), ...args]];
}

/** What keeps wrangler from calling home or asking questions. */
const QUIET = {
  CI: 'true',
  WRANGLER_SEND_METRICS: 'false',
  WRANGLER_HIDE_BANNER: 'true',
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
  NO_UPDATE_NOTIFIER: '1',
  // Traces and an explorer of the local state: both record every request, which a server under load should not pay for.
  X_LOCAL_OBSERVABILITY: 'false',
  X_LOCAL_EXPLORER: 'false',
};

async function run(args: string[]): Promise<void> {
  const [command, rest] = wranglerCommand(args);
  const child = spawn(command, rest, {
    cwd: CHECKOUT,
    env: { ...process.env, ...QUIET },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data));
  const code = await new Promise<number>((resolve) => child.once('exit', (exit) => resolve(exit ?? 1)));
  if (code !== 0) throw new StartError(`wrangler ${args.join(' ')} failed:\n${output}`);
}

function spawnWrangler(
  variables: Record<string, string>,
  options: {
    port: number;
    host: string;
    stateDir: string;
    logFile: string;
    inspector: number;
    front?: string;
  },
): ChildProcess {
  // The first one answers at the port.
  const configurations = [...(options.front ? [options.front] : []), 'wrangler.toml', INDEXER];
  const [command, args] = wranglerCommand([
    'dev',
    '--local',
    ...configurations.flatMap((file) => ['-c', file]),
    '--ip',
    options.host,
    '--port',
    String(options.port),
    '--inspector-port',
    String(options.inspector),
    '--persist-to',
    options.stateDir,
    '--show-interactive-dev-session=false',
    '--log-level',
    'warn',
  ]);
  const child = spawn(command, ['--import', path.join(CHECKOUT, 'src/local/tether.ts'), ...args], {
    cwd: CHECKOUT,
    // Without `.dev.vars`, this is what hands our variables to both Workers.
    env: { ...variables, ...QUIET, CLOUDFLARE_INCLUDE_PROCESS_ENV: 'true' },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    detached: true, // a process group of its own, so that workerd ends with wrangler
  });
  const log = createWriteStream(options.logFile, { flags: 'a', mode: 0o600 });
  for (const stream of [child.stdout, child.stderr]) stream?.pipe(log, { end: false });
  return child;
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null) return;
  try {
    process.kill(-child.pid, 'SIGTERM');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function untilReady(url: string, exited: Promise<number>, logFile: string): Promise<void> {
  const deadline = Date.now() + READY_WITHIN_MS;
  let ended = false;
  exited.then(() => {
    ended = true;
  });
  while (Date.now() < deadline) {
    if (ended) throw new StartError(`the runtime ended before it was ready; its log is ${logFile}`);
    if (await isReady(url)) return;
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
  throw new StartError(`not ready after ${READY_WITHIN_MS / 1000} s; the log is ${logFile}`);
}

function parsePort(value: string): number {
  const port = Number(value);
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new StartError(`PORT: ${value} is not a port`);
  return port;
}

async function assertPortFree(port: number, host: string): Promise<void> {
  await listenOnce(port, host).catch((error: NodeJS.ErrnoException) => {
    throw new StartError(
      error.code === 'EADDRINUSE'
        ? `port ${port} is in use; set PORT to another one`
        : `PORT ${port}: ${error.message}`,
    );
  });
}

/** `INSPECTOR_PORT` lets a profiler attach; otherwise any free port, so that two servers can run side by side. */
async function inspectorPort(environment: NodeJS.ProcessEnv): Promise<number> {
  return environment.INSPECTOR_PORT ? parsePort(environment.INSPECTOR_PORT) : freePort();
}

function listenOnce(port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(port, host, () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : port));
    });
  });
}

function definedOnly(environment: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
