/**
 * `npm run deploy`: makes what is missing in the account (databases, bucket, queues, vector index), applies the
 * migrations, deploys both Workers. Idempotent: run again, it finds everything and deploys the new code.
 * Needs `CLOUDFLARE_API_TOKEN` and `CLOUDFLARE_ACCOUNT_ID`. `WRANGLER` names another wrangler than the installed one.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { WORKERS_AI } from '../config.ts';
import { copyAssets } from './assets.ts';
import { checkModel } from './model.ts';
import { CHECKOUT } from './server.ts';

const DATABASES = ['sightline-control', 'sightline-index-0', 'sightline-index-1'];
const QUEUES = ['sightline-dead', 'sightline-steps', 'sightline-batches'];
const CONFIGS = { api: 'wrangler.toml', indexer: 'workers/indexer/wrangler.toml' };
const WRANGLER = process.env.WRANGLER ?? path.join(CHECKOUT, 'node_modules/wrangler/bin/wrangler.js');

for (const variable of ['CLOUDFLARE_API_TOKEN', 'CLOUDFLARE_ACCOUNT_ID']) {
  if (!process.env[variable]) fail(`${variable} is not set`);
}
await checkModel(CHECKOUT).catch(({ message }: Error) => fail(message));
await copyAssets(CHECKOUT);
const databases = ensureDatabases();
ensure(['r2', 'bucket', 'create', 'sightline']);
for (const queue of QUEUES) ensure(['queues', 'create', queue]);
// Used by EMBEDDING_PROVIDER=cloudflare; an index takes vectors of one length only.
const dimensions = process.env.EMBEDDING_DIMENSIONS ?? String(WORKERS_AI.dimensions);
ensure(['vectorize', 'create', 'sightline', '--dimensions', dimensions, '--metric', 'cosine']);

const api = withIds(CONFIGS.api, databases);
const indexer = withIds(CONFIGS.indexer, databases);
try {
  for (const binding of ['DB', 'INDEX_0', 'INDEX_1']) {
    must(['d1', 'migrations', 'apply', binding, '--remote', '--env', 'production', '-c', api.file]);
  }
  // Each Worker binds something of the other's, and a binding to what does not exist is refused: the very first time
  // the API goes up without its parse service, so that the indexer finds the Job object's class.
  if (wrangler(['deployments', 'list', '--name', 'sightline-indexer']).status !== 0) {
    const first = write(
      CONFIGS.api,
      api.content.replace(/\[\[env\.production\.services\]\][^[]*/, ''),
      'first',
    );
    must(['deploy', '--env', 'production', '-c', first.file]);
    rmSync(path.join(CHECKOUT, first.file));
  }
  must(['deploy', '--env', 'production', '-c', indexer.file]);
  must(['deploy', '--env', 'production', '-c', api.file]);
} finally {
  for (const { file } of [api, indexer]) rmSync(path.join(CHECKOUT, file));
}
console.log('Deployed. If this is the first time, set the secrets: see README, Deployment.');

/** @returns database name → id, after creating the missing ones. */
function ensureDatabases(): Map<string, string> {
  const list = () =>
    new Map(
      (JSON.parse(must(['d1', 'list', '--json'])) as { name: string; uuid: string }[]).map((d) => [
        d.name,
        d.uuid,
      ]),
    );
  const existing = list();
  const missing = DATABASES.filter((name) => !existing.has(name));
  for (const name of missing) must(['d1', 'create', name]);
  return missing.length > 0 ? list() : existing;
}

/** Creates a resource; one that exists is as good. */
function ensure(args: string[]): void {
  const result = wrangler(args);
  if (result.status !== 0 && !/already (exists|taken|in use|own)|duplicate/i.test(result.output)) {
    fail(`wrangler ${args.join(' ')} failed:\n${result.output}`);
  }
}

/** A copy of a configuration, beside it, with the account's database ids in place of the committed zeros. */
function withIds(config: string, ids: Map<string, string>) {
  const content = readFileSync(path.join(CHECKOUT, config), 'utf8').replace(
    /(database_name = "([^"]+)"\ndatabase_id = ")[^"]+"/g,
    (_all, before: string, name: string) =>
      `${before}${ids.get(name) ?? fail(`database ${name} is missing`)}"`,
  );
  return write(config, content, 'deploy');
}

function write(config: string, content: string, suffix: string) {
  const file = config.replace(/\.toml$/, `.${suffix}.toml`);
  writeFileSync(path.join(CHECKOUT, file), content);
  return { file, content };
}

function must(args: string[]): string {
  const result = wrangler(args);
  if (result.status !== 0) fail(`wrangler ${args.join(' ')} failed:\n${result.output}`);
  return result.stdout;
}

function wrangler(args: string[]) {
  console.log(`wrangler ${args.join(' ')}`);
  const { status, stdout, stderr } = spawnSync(process.execPath, [WRANGLER, ...args], {
    cwd: CHECKOUT,
    encoding: 'utf8',
    env: { ...process.env, CI: 'true' },
  });
  return { status, stdout, output: stdout + stderr };
}

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}
