import { readFileSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';

const migration = (name: string, kind: 'index' | 'control' = 'index') =>
  readFileSync(path.resolve(import.meta.dirname, '../../migrations', kind, name), 'utf8');

test('call sites written before they were shortened read the same after', () => {
  const db = new DatabaseSync(':memory:');
  db.exec(migration('0001_init.sql'));
  const sites = [
    [0, 3, '', null, 10, 2],
    [1, null, 'a.b', null, 11, null],
    [2, 4, 'buf', 'Buffer', 12, 0],
    [3, 4, '', 'Self', 13, 1],
  ];
  db.prepare("INSERT INTO call_sites (blob, callee, repo, sites) VALUES (1, 'f', 1, ?)").run(
    JSON.stringify(sites),
  );
  const calls = () =>
    db.prepare('SELECT ord, caller, receiver, receiver_type, line, arity FROM calls ORDER BY ord').all();
  const before = calls();
  db.exec(migration('0002_short_call_sites.sql'));
  expect(calls()).toEqual(before);
  expect(db.prepare('SELECT sites FROM call_sites').get()).toEqual({
    sites: '[[0,3,10,2],[1,null,11,null,"a.b"],[2,4,12,0,"buf","Buffer"],[3,4,13,1,"","Self"]]',
  });
});

test('addresses from before it mattered are an admin’s word, unless their user wrote them', () => {
  const db = new DatabaseSync(':memory:');
  for (const name of ['0001_init.sql', '0002_groups_projects.sql', '0003_accounts.sql'])
    db.exec(migration(name, 'control'));
  const user = db.prepare(
    "INSERT INTO users (id, username, email, role, created_at, updated_at) VALUES (?1, ?1, ?2, 'viewer', '', '')",
  );
  for (const id of ['by-admin', 'by-user']) user.run(id, `${id}@example.com`);
  user.run('without', null);
  const entry = db.prepare(
    "INSERT INTO audit_log (id, at, actor_id, via, action, target_id) VALUES (?1, '', ?2, 'token', 'user.updated', ?3)",
  );
  entry.run('1', 'an-admin', 'by-admin');
  entry.run('2', 'by-user', 'by-user');
  db.exec(migration('0004_single_sign_on.sql', 'control'));
  expect(db.prepare('SELECT id, email_by FROM users ORDER BY id').all()).toEqual([
    { id: 'by-admin', email_by: 'admin' },
    { id: 'by-user', email_by: 'user' },
    { id: 'without', email_by: 'user' },
  ]);
});
