import { spawn } from 'node:child_process';
import path from 'node:path';
import { CHECKOUT } from '../../src/local/server.ts';
import { sourceFiles } from './source-files.ts';

/** What D1 takes as one value. */
const BATCH_BYTES = 1_000_000;

/**
 * Runs `floor/worker.ts` under wrangler. Bodies are made before the clock starts.
 * @returns `measure`, seconds for the files of a directory, and `stop`.
 */
export async function startFloor(port: number, stateDir: string) {
  const wrangler = path.join(CHECKOUT, 'node_modules/wrangler/wrangler-dist/cli.js');
  const config = path.join(CHECKOUT, 'test/bench/floor/wrangler.toml');
  const args = ['dev', '--local', '-c', config, '--port', String(port), '--inspector-port', String(port + 1)];
  const child = spawn(
    process.execPath,
    [wrangler, ...args, '--persist-to', stateDir, '--log-level', 'error'],
    {
      stdio: 'ignore',
      env: { ...process.env, CI: 'true', WRANGLER_SEND_METRICS: 'false', X_LOCAL_OBSERVABILITY: 'false' },
      detached: true,
    },
  );
  const post = async (body: string) => {
    const answer = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body });
    if ((await answer.text()) !== 'ok') throw new Error(`the floor answered ${answer.status}`);
  };
  for (let attempt = 0; ; attempt++) {
    const up = await post('[]').then(
      () => true,
      () => false,
    );
    if (up) break;
    if (attempt > 200) throw new Error('the floor did not start');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return {
    async measure(directory: string): Promise<number> {
      const bodies = bodiesOf(directory);
      const started = performance.now();
      for (const body of bodies) await post(body);
      return (performance.now() - started) / 1000;
    },
    stop() {
      process.kill(-child.pid!, 'SIGTERM');
    },
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
