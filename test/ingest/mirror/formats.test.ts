import { createHash } from 'node:crypto';
import { deflateSync, inflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { authorization, tokenFor, tokenHosts } from '../../../src/ingest/mirror/credentials.ts';
import { ByteLru } from '../../../src/ingest/mirror/lru.ts';
import { inflateSmall, SMALL_BYTES, sha1Small } from '../../../src/ingest/mirror/small-objects.ts';
import { parseCommit, parseTag, parseTree, readTree } from '../../../src/ingest/mirror/trees.ts';
import { randomFrom } from '../../bench/random.ts';
import { noise } from './packs.ts';

const text = (value: string) => new TextEncoder().encode(value);
const oid = 'ab'.repeat(20);

function treeOf(...entries: [string, string][]): Uint8Array {
  return Buffer.concat(
    entries.flatMap(([mode, name]) => [text(`${mode} ${name}\0`), Buffer.from(oid, 'hex')]),
  );
}

describe('small objects', () => {
  const random = randomFrom(7);
  const words = ['export ', 'const ', 'a', '=', '\n', '\u00e9', 'function ', '0123456789', '\0'];
  const sample = (size: number) => {
    const kind = random();
    const bytes = new Uint8Array(size).map(() =>
      kind < 0.3 ? random() * 256 : kind < 0.5 ? random() * 3 : 97 + random() * 26,
    );
    if (kind > 0.7)
      for (let at = 0; at < size; at++) bytes[at] = words[Math.floor(random() * 9)]!.charCodeAt(0);
    return bytes;
  };

  test('are inflated and hashed as the runtime does it, whatever the level and strategy', () => {
    for (let size = 0; size <= SMALL_BYTES; size += 1 + Math.floor(random() * 7)) {
      const bytes = sample(size);
      const strategy = Math.floor(random() * 5);
      const packed = deflateSync(bytes, { level: Math.floor(random() * 10), strategy });
      const out = new Uint8Array(size);
      expect(inflateSmall(Buffer.concat([packed, noise(30)]), out)).toBe(packed.length);
      expect(out).toEqual(bytes);
      const oid = createHash('sha1').update(`blob ${size}\0`).update(bytes).digest('hex');
      expect(Buffer.from(sha1Small(`blob ${size}\0`, bytes)).toString('hex')).toBe(oid);
    }
  });

  test('are left to zlib when cut, of another size or broken in any byte', () => {
    for (const level of [0, 1, 9]) {
      const bytes = text('export const value = value + value;\n'.repeat(6));
      const packed = deflateSync(bytes, { level });
      for (let at = 0; at < packed.length; at++) {
        expect(inflateSmall(packed.subarray(0, at), new Uint8Array(bytes.length))).toBe(-1);
        const wrong = packed.slice();
        wrong[at]! ^= 1 << (at % 8);
        const out = new Uint8Array(bytes.length);
        // A changed byte that still makes a sound stream is one that zlib takes as well.
        if (inflateSmall(wrong, out) >= 0) expect(out).toEqual(new Uint8Array(inflateSync(wrong)));
      }
      expect(inflateSmall(packed, new Uint8Array(bytes.length + 1))).toBe(-1);
      expect(inflateSmall(packed, new Uint8Array(bytes.length - 1))).toBe(-1);
    }
  });
});

describe('trees', () => {
  test('give modes, names and oids', () => {
    expect(
      parseTree(
        treeOf(
          ['100644', 'a.txt'],
          ['100755', 'run'],
          ['40000', 'src'],
          ['120000', 'link'],
          ['160000', 'sub'],
        ),
      ),
    ).toEqual([
      { mode: 0o100644, name: 'a.txt', oid },
      { mode: 0o100755, name: 'run', oid },
      { mode: 0o040000, name: 'src', oid },
      { mode: 0o120000, name: 'link', oid },
      { mode: 0o160000, name: 'sub', oid },
    ]);
    expect(parseTree(new Uint8Array(0))).toEqual([]);
  });

  test('read old modes as git does', () => {
    expect(
      parseTree(treeOf(['100664', 'a'], ['100775', 'b'], ['040000', 'c'])).map(({ mode }) => mode),
    ).toEqual([0o100644, 0o100755, 0o040000]);
  });

  test('leave out and report names that no checkout may have', () => {
    const hostile = ['', '.', '..', '.git', '.GIT', 'a/b', '../../etc/passwd'];
    const tree = readTree(
      treeOf(['100644', 'ok'], ...hostile.map((name): [string, string] => ['100644', name]), [
        '100644',
        'ok',
      ]),
    );
    expect(tree.entries.map(({ name }) => name)).toEqual(['ok']);
    expect(tree.refused).toEqual([...hostile, 'ok']);
  });

  test.each([
    ['cut in an oid', treeOf(['100644', 'a']).subarray(0, -1)],
    ['without a name', text('100644')],
    ['without an end of the name', text('100644 abc')],
    ['with a mode that is no number', treeOf(['10x644', 'a'])],
    ['with a mode of many digits', treeOf(['1000000000644', 'a'])],
  ])('%s are malformed', (_, bytes) => {
    expect(() => parseTree(bytes)).toThrow(/malformed/);
  });

  test('with too many entries are refused', () => {
    const entry = treeOf(['100644', 'abc']);
    const bytes = new Uint8Array(entry.length * 200_001);
    for (let i = 0; i < 200_001; i++) bytes.set(entry, i * entry.length);
    expect(() => parseTree(bytes)).toThrow(/more than 200000 entries/);
  });
});

describe('commits and tags', () => {
  test('give their fields', () => {
    const commit = parseCommit(
      text(
        `tree ${oid}\nparent ${oid}\nparent ${oid}\nauthor A U Thor <a@example.com> 1700000000 +0100\n` +
          'committer C O Mitter <c@example.com> 1700000060 -0200\ngpgsig -----BEGIN\n tree of no one\n -----END\n\nSubject\n\nBody\n',
      ),
    );
    expect(commit).toEqual({
      tree: oid,
      parents: [oid, oid],
      author: 'A U Thor <a@example.com>',
      committer: 'C O Mitter <c@example.com>',
      time: '2023-11-14T22:14:20.000Z',
      message: 'Subject\n\nBody\n',
    });
    expect(parseTag(text(`object ${oid}\ntype commit\ntag v1\ntagger T <t@x> 1 +0000\n\nnotes\n`))).toEqual({
      object: oid,
      type: 'commit',
      name: 'v1',
      message: 'notes\n',
    });
  });

  test.each([
    ['no committer', `tree ${oid}\n\nx`, '1970-01-01T00:00:00.000Z'],
    ['a broken time', `tree ${oid}\ncommitter C <c> soon +0000\n\nx`, '1970-01-01T00:00:00.000Z'],
    [
      'a time beyond all dates',
      `tree ${oid}\ncommitter C <c> 999999999999 +0000\n\nx`,
      '+033658-09-27T01:46:39.000Z',
    ],
  ])('with %s still have a time', (_, bytes, time) => {
    expect(parseCommit(text(bytes)).time).toBe(time);
  });

  test('without their oids are malformed', () => {
    expect(() => parseCommit(text('tree nothing\n\nx'))).toThrow(/malformed/);
    expect(() => parseCommit(text(`tree ${oid}\nparent ../x\n\nx`))).toThrow(/malformed/);
    expect(() => parseTag(text('tag v1\n\n'))).toThrow(/malformed/);
  });
});

describe('tokens of git hosts', () => {
  const env = {
    GIT_TOKEN_GITHUB_COM: 'gh',
    GIT_TOKEN_GIT_MY__HOST_EXAMPLE_COM_8443: 'mine',
    GIT_USER_GIT_MY__HOST_EXAMPLE_COM_8443: 'robot',
    GIT_TOKEN_127_0_0_1_3000: 'local',
    GIT_TOKEN_EMPTY_COM: '',
    EGRESS_ALLOW: '127.0.0.1:3000',
  };

  test.each([
    ['https://github.com/a/b.git', 'gh', 'x-access-token'],
    ['https://GitHub.com./a/b.git', 'gh', 'x-access-token'],
    ['https://git.my-host.example.com:8443/a', 'mine', 'robot'],
    ['http://127.0.0.1:3000/a', 'local', 'x-access-token'],
  ])('%s has its own', (url, token, user) => {
    expect(tokenFor(env, url)).toEqual({ token, user });
  });

  test.each([
    'http://github.com/a/b.git',
    'https://api.github.com/a',
    'https://github.com.evil.example/a',
    'https://github.com:444/a',
    'https://git.my-host.example.com/a',
    'https://github_com/a',
    'http://127.0.0.1:3001/a',
    'https://[::1]/a',
    'https://empty.com/a',
    'nonsense',
  ])('%s has none', (url) => {
    expect(tokenFor(env, url)).toBeNull();
  });

  test('travel as basic auth', () => {
    expect(authorization({ user: 'robot', token: 'tökén' })).toEqual({
      authorization: `Basic ${Buffer.from('robot:tökén').toString('base64')}`,
    });
    expect(authorization(null)).toEqual({});
  });

  test('are listed by host, without a trace of themselves', () => {
    expect(tokenHosts(env)).toEqual(['127.0.0.1:3000', 'git.my-host.example.com:8443', 'github.com']);
  });
});

test('a cache counts what each value costs beside its bytes, so that small ones cannot fill the memory', () => {
  const cache = new ByteLru<number, Uint8Array>(64 * 1024);
  for (let n = 0; n < 10_000; n++) cache.set(n, Uint8Array.of(1), 1);
  expect(cache.bytes).toBeLessThanOrEqual(64 * 1024);
  const kept = Array.from({ length: 10_000 }, (_, n) => cache.get(n)).filter((value) => value !== undefined);
  expect(kept.length).toBeGreaterThan(50);
  expect(kept.length).toBeLessThan(200);
  cache.clear();
  expect(cache.bytes).toBe(0);
});
