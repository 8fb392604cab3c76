import { readFileSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';

const migration = (name: string) =>
  readFileSync(path.resolve(import.meta.dirname, '../../migrations/index', name), 'utf8');

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
