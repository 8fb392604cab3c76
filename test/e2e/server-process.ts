import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { answer, type Client, createClient } from '../../src/client/client.ts';

export const CHECKOUT = path.resolve(import.meta.dirname, '../..');

/** A process of ours with its output so far. */
export class Running {
  readonly child: ChildProcess;
  output = '';
  readonly exited: Promise<number | null>;
  constructor(script: string, args: string[], environment: Record<string, string>) {
    this.child = spawn(process.execPath, [path.join(CHECKOUT, script), ...args], {
      cwd: CHECKOUT,
      env: { PATH: process.env.PATH, HOME: process.env.HOME, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.child.stdout!, this.child.stderr!]) {
      stream.on('data', (data) => {
        this.output += data;
      });
    }
    this.exited = new Promise((resolve) => this.child.once('exit', resolve));
  }

  /** Resolves when the output matches; throws with the output when the process ends first or time is up. */
  async until(pattern: RegExp, withinMs = 120_000): Promise<void> {
    const deadline = Date.now() + withinMs;
    while (!pattern.test(this.output)) {
      if (this.child.exitCode !== null || Date.now() > deadline)
        throw new Error(`no ${pattern} in:\n${this.output}`);
      await sleep(50);
    }
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.child.kill(signal);
    return this.exited;
  }
}

/** `npm start` on a port of its own. */
export async function startServer(stateDir: string, environment: Record<string, string> = {}) {
  const port = await freePort();
  const running = new Running('src/local/start.ts', [], {
    PORT: String(port),
    STATE_DIR: stateDir,
    ...environment,
  });
  await running.until(/^Ready on /m);
  const credentials = JSON.parse(readFileSync(path.join(stateDir, 'credentials.json'), 'utf8')) as {
    base_url: string;
    username: string;
    password: string;
    api_key: string;
  };
  return {
    running,
    credentials,
    url: `http://127.0.0.1:${port}`,
    api: createClient({ baseUrl: credentials.base_url, apiKey: credentials.api_key }),
  };
}

/** Polls a job until it ended. */
export async function ended(api: Client, id: string, withinMs = 120_000) {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const job = await answer(api.GET('/api/v1/jobs/{id}', { params: { path: { id } } }));
    if (['completed', 'failed', 'cancelled'].includes(job.status)) return job;
    if (Date.now() > deadline) throw new Error(`job still ${JSON.stringify(job)}`);
    await sleep(100);
  }
}

export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}

export const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
