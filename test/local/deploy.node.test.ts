import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';

/** An account that exists only here: a stand-in for wrangler that keeps a list of what was made, and logs its calls. */
const scratch = mkdtempSync(path.join(tmpdir(), 'sightline-deploy-'));
const log = path.join(scratch, 'calls.jsonl');
const fake = path.join(scratch, 'wrangler.mjs');
const checkout = path.resolve(import.meta.dirname, '../..');
writeFileSync(log, '');
writeFileSync(
  fake,
  `import fs from 'node:fs';
   const args = process.argv.slice(2);
   const calls = fs.readFileSync(${JSON.stringify(log)}, 'utf8').split('\\n').filter(Boolean).map((line) => JSON.parse(line).args.join(' '));
   const config = args.includes('-c') ? fs.readFileSync(args[args.indexOf('-c') + 1], 'utf8') : '';
   fs.appendFileSync(${JSON.stringify(log)}, JSON.stringify({ args, config }) + '\\n');
   const made = calls.filter((call) => call.startsWith('d1 create'));
   if (args.join(' ') === 'd1 list --json') console.log(JSON.stringify(made.map((call, i) => ({ name: call.slice(10), uuid: 'real-id-' + i }))));
   else if (args[0] === 'deployments') process.exit(calls.some((call) => call.includes('workers/indexer')) ? 0 : 1);
   else if (args.includes('create') && calls.includes(args.join(' '))) { console.error('it already exists'); process.exit(1); }`,
);
afterAll(() => rmSync(scratch, { recursive: true }));

function deploy() {
  writeFileSync(path.join(scratch, 'before'), readFileSync(log));
  const before = readFileSync(log, 'utf8').length;
  const result = spawnSync(process.execPath, [path.join(checkout, 'src/local/deploy.ts')], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, WRANGLER: fake, CLOUDFLARE_API_TOKEN: 't', CLOUDFLARE_ACCOUNT_ID: 'a' },
  });
  const calls = readFileSync(log, 'utf8').slice(before).split('\n').filter(Boolean);
  return {
    status: result.status,
    output: result.stderr,
    calls: calls.map((c) => JSON.parse(c) as { args: string[]; config: string }),
  };
}

test('a deployment makes what is missing, applies migrations, then deploys; a second one makes nothing', () => {
  const first = deploy();
  expect(first.output).toBe('');
  expect(first.status).toBe(0);
  const lines = first.calls.map((call) => call.args.join(' '));
  expect(lines.filter((line) => line.startsWith('d1 create'))).toHaveLength(3);
  const deploys = first.calls.filter((call) => call.args[0] === 'deploy');
  expect(deploys.map((call) => call.args.at(-1))).toEqual([
    'wrangler.first.toml',
    'workers/indexer/wrangler.deploy.toml',
    'wrangler.deploy.toml',
  ]);
  // The first upload of the API cannot bind a service that does not exist; the last one does.
  expect(deploys[0]!.config).not.toContain('env.production.services');
  expect(deploys[2]!.config).toContain('env.production.services');
  for (const { config } of deploys) {
    expect(config).toContain('real-id-0');
    expect(config).not.toContain('00000000-0000');
  }
  const lastMigration = lines.findLastIndex((line) => line.startsWith('d1 migrations apply'));
  expect(lastMigration).toBeLessThan(lines.findIndex((line) => line.startsWith('deploy ')));

  const second = deploy();
  expect(second.status).toBe(0);
  expect(second.calls.filter((call) => call.args[0] === 'd1' && call.args[1] === 'create')).toEqual([]);
  expect(second.calls.filter((call) => call.args[0] === 'deploy')).toHaveLength(2);
});
