import { spawn } from 'node:child_process';
import path from 'node:path';
import { CHECKOUT } from '../../src/local/server.ts';
import { sourceFiles } from './source-files.ts';

/** What D1 takes as one value. */
const BATCH_BYTES = 1_000_000;

/**
 * Runs a Worker of `floor/` under wrangler.
 * @param config its configuration's file name
 * @returns where it answers, once it does, and `stop`.
 */
export async function startWorker(config: string, port: number, stateDir: string) {
  const wrangler = path.join(CHECKOUT, 'node_modules/wrangler/wrangler-dist/cli.js');
  const file = path.join(CHECKOUT, 'test/bench/floor', config);
  const args = ['dev', '--local', '-c', file, '--port', String(port), '--inspector-port', String(port + 1)];
  const child = spawn(
    process.execPath,
    [wrangler, ...args, '--persist-to', stateDir, '--log-level', 'error'],
    {
      stdio: 'ignore',
      env: { ...process.env, CI: 'true', WRANGLER_SEND_METRICS: 'false', X_LOCAL_OBSERVABILITY: 'false' },
      detached: true,
    },
  );
  const stop = () => {
    process.kill(-child.pid!, 'SIGTERM');
  };
  const url = `http://127.0.0.1:${port}/`;
  for (let attempt = 0; ; attempt++) {
    const up = await fetch(url).then(
      async (answer) => (await answer.text()) === 'ok',
      () => false,
    );
    if (up) return { url, stop };
    if (attempt > 200) {
      stop();
      throw new Error(`the Worker of ${config} did not start`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/**
 * The floor of a full index, `floor/worker.ts`. Bodies are made before the clock starts.
 * @returns `measure`, seconds for the files of a directory, and `stop`.
 */
export async function startFloor(port: number, stateDir: string) {
  const { url, stop } = await startWorker('wrangler.toml', port, stateDir);
  return {
    async measure(directory: string): Promise<number> {
      const bodies = bodiesOf(directory);
      const started = performance.now();
      for (const body of bodies) {
        const answer = await fetch(url, { method: 'POST', body });
        if ((await answer.text()) !== 'ok') throw new Error(`the floor answered ${answer.status}`);
      }
      return (performance.now() - started) / 1000;
    },
    stop,
  };
}

function bodiesOf(directory: string): string[] {
  const bodies: string[] = [];
  let open: { text: string; language: string }[] = [];
  let bytes = 0;
  for (const { text, language } of sourceFiles(directory)) {
    if (bytes + text.length > BATCH_BYTES && open.length > 0) {
      bodies.push(JSON.stringify(open));
      open = [];
      bytes = 0;
    }
    open.push({ text, language });
    bytes += text.length;
  }
  return [...bodies, JSON.stringify(open)];
}
