import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeRows, encodeBlobs } from '../../src/ingest/indexing/row-frames.ts';
import { type Bridge, startBridge } from '../../src/local/bridge.ts';

const SECRET = 'bridge-secret';
const scratch = realpathSync(mkdtempSync(path.join(tmpdir(), 'sightline-bridge-')));
const root = path.join(scratch, 'repos');
const at = (name: string) => path.join(root, name);
let bridge: Bridge;

const git = (cwd: string, ...args: string[]) =>
  execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], { cwd });

beforeAll(async () => {
  mkdirSync(at('work/src'), { recursive: true });
  git(at('work'), 'init', '-q', '-b', 'main');
  git(at('work'), 'commit', '-q', '--allow-empty', '-m', 'first');
  git(root, 'clone', '-q', '--bare', 'work', 'bare.git');
  git(at('work'), 'worktree', 'add', '-q', '-b', 'other', at('linked'));
  git(scratch, 'init', '-q', 'outside');
  symlinkSync(path.join(scratch, 'outside'), at('escape'));
  mkdirSync(at('hollow/.git'), { recursive: true });
  mkdirSync(at('dangling'));
  writeFileSync(at('dangling/.git'), 'gitdir: /nowhere\n');
  bridge = await startBridge(SECRET, [root], 1);
});

afterAll(() => {
  bridge.close();
  rmSync(scratch, { recursive: true, force: true });
});

async function resolve(wanted: string, secret = SECRET) {
  const response = await fetch(`${bridge.url}/resolve`, {
    method: 'POST',
    headers: { 'x-bridge-secret': secret },
    body: JSON.stringify({ path: wanted }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, string> };
}

async function listing(id: string | undefined): Promise<{ status: number; text: string }> {
  const response = await fetch(`${bridge.url}/git/${id}/info/refs?service=git-upload-pack`, {
    headers: { 'x-bridge-secret': SECRET },
  });
  return { status: response.status, text: await response.text() };
}

describe('the parse threads', () => {
  const rows = (body: Uint8Array<ArrayBuffer>, secret = SECRET) =>
    fetch(`${bridge.url}/rows`, { method: 'POST', headers: { 'x-bridge-secret': secret }, body });
  const batch = (text: string) =>
    encodeBlobs(
      [{ id: 7, oid: 'a'.repeat(40), lang: 'python', bytes: new TextEncoder().encode(text) }],
      'rows',
    );

  test('answer every batch with its own rows, more batches at once than there are threads', async () => {
    const names = Array.from({ length: 6 }, (_, i) => `name_${i}`);
    const answers = await Promise.all(names.map((name) => rows(batch(`def ${name}():\n    pass\n`))));
    for (const [i, answer] of answers.entries()) {
      const { files, chunks, pieces } = decodeRows(new Uint8Array(await answer.arrayBuffer()));
      expect({ files, chunks }).toEqual({ files: 1, chunks: 1 });
      expect(JSON.parse(pieces.symbols[0]!)[0][1][0][1]).toBe(names[i]);
    }
  });

  test('a batch that ends its thread fails alone; the next is parsed by another', async () => {
    const [failed, fine] = await Promise.all([
      rows(new Uint8Array([255, 255, 255, 255])),
      rows(batch('def f():\n    pass\n')),
    ]);
    expect([failed.status, fine.status]).toEqual([500, 200]);
    await fine.arrayBuffer();
  });

  test('nobody is served without the secret, and no body is read without an end', async () => {
    expect((await rows(batch('x'), 'guess')).status).toBe(403);
    expect((await rows(new Uint8Array(17 << 20))).status).toBe(500);
  });
});

describe('the git bridge', () => {
  test.each([
    ['a work tree', 'work', 'refs/heads/main'],
    ['its git directory', 'work/.git', 'refs/heads/main'],
    ['a bare repository', 'bare.git', 'refs/heads/main'],
    ['a linked work tree', 'linked', 'refs/heads/other'],
  ])('serves %s', async (_, name, ref) => {
    const { status, body } = await resolve(at(name));
    expect([status, body.path]).toEqual([200, at(name)]);
    expect((await listing(body.id)).text).toContain(ref);
  });

  test.each([
    ['a directory inside a work tree', 'work/src'],
    ['an empty .git', 'hollow'],
    ['a .git file that leads nowhere', 'dangling'],
    ['a symlink out of the roots', 'escape'],
    ['a path above the roots', '../outside'],
    ['what does not exist', 'missing'],
  ])('refuses %s with one sentence', async (_, name) => {
    expect(await resolve(at(name))).toEqual({
      status: 422,
      body: { error: 'localPath is not a git repository below LOCAL_REPOS' },
    });
  });

  test('serves a path no longer that vanished, and answers nobody without the secret', async () => {
    const { body } = await resolve(at('bare.git'));
    expect((await listing(body.id)).status).toBe(200);
    renameSync(at('bare.git'), at('moved.git'));
    expect((await listing(body.id)).status).toBe(404);
    expect((await resolve(at('work'), 'guess')).status).toBe(403);
  });
});
