import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, expect, test } from 'vitest';
import { verifyPassword } from '../../src/platform/accounts/passwords.ts';

const checkout = path.resolve(import.meta.dirname, '../..');
const scratch = mkdtempSync(path.join(tmpdir(), 'sightline-cli-'));
const migrations = path.join(checkout, 'migrations/control');
const database = path.join(scratch, 'control.sqlite');

/** A deployment that exists only here: a stand-in for wrangler that runs the file it is given, as D1 would. */
const fake = path.join(scratch, 'wrangler.mjs');
writeFileSync(
  fake,
  `import { readFileSync } from 'node:fs';
   import { DatabaseSync } from 'node:sqlite';
   const args = process.argv.slice(2);
   if (!args.join(' ').startsWith('d1 execute sightline-control --remote --yes --file ')) process.exit(2);
   const db = new DatabaseSync(${JSON.stringify(database)});
   db.exec('BEGIN;' + readFileSync(args.at(-1), 'utf8') + 'COMMIT;');`,
);
const db = new DatabaseSync(database);
for (const file of readdirSync(migrations).sort()) db.exec(readFileSync(path.join(migrations, file), 'utf8'));
afterAll(() => rmSync(scratch, { recursive: true }));

function cli(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [path.join(checkout, 'src/local/cli.ts'), ...args],
    {
      encoding: 'utf8',
      env: { PATH: process.env.PATH, WRANGLER: fake, STATE_DIR: path.join(scratch, 'state') },
    },
  );
  return { status, stdout, stderr };
}

test('an admin of a deployment is created with a personal group, and of a name only one', async () => {
  const args = ['create-admin', '--remote', '--username', "o'brien", '--password', 'a good password'];
  expect(cli(...args, '--email', 'o@example.com')).toEqual({
    status: 0,
    stdout: "Created the admin o'brien.\n",
    stderr: '',
  });
  const row = db
    .prepare(
      `SELECT u.username, u.email, u.role, u.password_hash AS hash, g.name AS personal, m.role AS rights, a.action
       FROM users u JOIN groups g ON g.personal_user_id = u.id JOIN group_members m ON m.group_id = g.id AND m.user_id = u.id
       JOIN audit_log a ON a.target_id = u.id`,
    )
    .all();
  expect(row).toEqual([
    {
      username: "o'brien",
      email: 'o@example.com',
      role: 'admin',
      hash: expect.any(String),
      personal: "o'brien",
      rights: 'admin',
      action: 'user.created',
    },
  ]);
  expect(await verifyPassword('a good password', String(row[0]!.hash))).toBe(true);
  expect(cli(...args)).toMatchObject({ status: 1, stderr: 'A user of this name exists.\n' });
  expect(db.prepare('SELECT count(*) AS n FROM groups').get()).toEqual({ n: 1 });
});

test.each([[['--help']], [['-h']], [['run', '--help']]])('%j tells how it is used', (args) => {
  const { status, stdout, stderr } = cli(...args);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  for (const command of ['run', 'init-db', 'migrate', 'create-admin'])
    expect(stdout).toContain(`  ${command} `);
});

test.each([
  [['create-admin', '--username', 'x'], 2, /needs --username and --password/],
  [['create-admin', '--username', 'x', '--password', 'short'], 1, /at least 8 characters/],
  [['launch'], 2, /unknown command: launch/],
  [['run', '--speed', '9'], 2, /--speed/],
  [['create-admin', '--username', 'x', '--password'], 2, /--password/],
  [['init-db', 'all'], 2, /unexpected: all/],
  [['run', '--workers', '4', '--port', 'x'], 1, /--workers is ignored: /],
  [['run', '--port', 'x'], 1, /PORT: x is not a port/],
  [[], 0, /Usage: npm run cli/],
])('%j exits %i with a sentence', (args, status, sentence) => {
  const answer = cli(...args);
  expect(answer.status).toBe(status);
  expect(answer.stderr).toMatch(sentence);
  expect(answer.stderr).not.toMatch(/ {4}at /);
});
