/**
 * `npm run check`: builds both Workers as `wrangler deploy` would for production, without an account, and prints their
 * sizes beside the platform's limits. Exits 1 when a build fails or a limit is broken.
 */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { copyAssets } from './assets.ts';
import { checkModel } from './model.ts';
import { CHECKOUT } from './server.ts';

const WORKERS = [
  { name: 'api', config: 'wrangler.toml' },
  { name: 'indexer', config: 'workers/indexer/wrangler.toml' },
];
/** Workers limits: an uncompressed script of 64 MiB, and 10 MB compressed on the paid plan. */
const LIMIT_KIB = { total: 64 * 1024, gzip: 10 * 1000 };

await checkModel(CHECKOUT).catch(({ message }: Error) => {
  console.error(message);
  process.exit(1);
});
await copyAssets(CHECKOUT);
let failed = false;
console.log('Worker    upload KiB   gzip KiB   of the limit (gzip)');
for (const worker of WORKERS) {
  const wrangler = path.join(CHECKOUT, 'node_modules/wrangler/bin/wrangler.js');
  const outdir = path.join(CHECKOUT, 'dist', worker.name);
  const args = ['deploy', '--dry-run', '--env', 'production', '-c', worker.config, '--outdir', outdir];
  const { CLOUDFLARE_API_TOKEN: _unused, ...environment } = process.env;
  const build = spawnSync(process.execPath, [wrangler, ...args], {
    cwd: CHECKOUT,
    env: { ...environment, CI: 'true', WRANGLER_SEND_METRICS: 'false' },
    encoding: 'utf8',
  });
  const size = /Total Upload: ([\d.]+) KiB \/ gzip: ([\d.]+) KiB/.exec(build.stdout);
  if (build.status !== 0 || !size) {
    console.error(`${worker.name}: build failed\n${build.stdout}\n${build.stderr}`);
    failed = true;
    continue;
  }
  const [total, gzip] = [Number(size[1]), Number(size[2])];
  const share = `${Math.round((100 * gzip) / LIMIT_KIB.gzip)} %`;
  console.log(
    `${worker.name.padEnd(9)} ${total.toFixed(0).padStart(10)} ${gzip.toFixed(0).padStart(10)}   ${share}`,
  );
  if (total > LIMIT_KIB.total || gzip > LIMIT_KIB.gzip) failed = true;
}
process.exit(failed ? 1 : 0);
