import { describe, expect, inject, test } from 'vitest';
import { createEgress } from '../../../src/egress.ts';
import { localRemote } from '../../../src/ingest/mirror/local-remote.ts';
import { fetchPack, isRefName, listRefs, type Remote } from '../../../src/ingest/mirror/remote.ts';
import { git, makeRepo } from '../../support/git.ts';

const server = inject('gitServer');
const host = new URL(server.url).host;
const egress = createEgress({ allow: host });

const remote = (path: string, more: Partial<Remote> = {}): Remote => ({
  url: `${server.url}${path}`,
  headers: {},
  ...more,
});
const names = (refs: { name: string }[]) => refs.map((ref) => ref.name).sort();

/** A remote that answers from a table of texts, for what no real server does. */
function scripted(
  answers: ((request: { url: string; method: string; headers: Headers; body: string }) => Response)[],
) {
  const asked: { url: string; method: string; headers: Headers; body: string }[] = [];
  const send = (async (input: RequestInfo | URL, init?: RequestInit) => {
    const request = {
      url: String(input),
      method: init?.method ?? 'GET',
      headers: new Headers(init?.headers),
      body: String(init?.body ?? ''),
    };
    asked.push(request);
    const answer = answers[asked.length - 1];
    if (!answer) throw new Error('unexpected request');
    return answer(request);
  }) as typeof fetch;
  return { egress: createEgress({ allow: '', fetch: send }), asked };
}

const advertisement = { 'content-type': 'application/x-git-upload-pack-advertisement' };
const result = { 'content-type': 'application/x-git-upload-pack-result' };
const pkt = (line: string) => (line.length + 4).toString(16).padStart(4, '0') + line;
const v2 = () =>
  new Response(`${pkt('version 2\n')}${pkt('agent=x\n')}${pkt('ls-refs\n')}${pkt('fetch=shallow\n')}0000`, {
    headers: advertisement,
  });

async function bytesOf(stream: ReadableStream<Uint8Array> | null): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const chunk of stream!) parts.push(chunk.slice());
  return Buffer.concat(parts);
}

describe.each([
  ['v2', ''],
  ['v0', '/v0'],
])('listing over protocol %s', (version, prefix) => {
  test('tells branches, tags peeled, and where HEAD points', async () => {
    const repo = await makeRepo(`list-${version}`, { 'a.txt': 'a\n' });
    await repo.git('branch', 'feature/auth');
    await repo.git('tag', 'light');
    await repo.git('tag', '-a', '-m', 'annotated', 'v1.0.0');
    await repo.git('tag', '-a', '-m', 'of a tag', 'v1.0.1', 'v1.0.0');
    await repo.git('update-ref', 'refs/pull/1/head', 'HEAD');
    const listing = await listRefs(egress, remote(`${prefix}/list-${version}.git`));
    expect(listing).toMatchObject({ head: 'refs/heads/main', headOid: repo.head, objectFormat: 'sha1' });
    expect(names(listing.refs)).toEqual([
      'refs/heads/feature/auth',
      'refs/heads/main',
      'refs/tags/light',
      'refs/tags/v1.0.0',
      'refs/tags/v1.0.1',
    ]);
    const find = (name: string) => listing.refs.find((ref) => ref.name === name);
    expect(find('refs/heads/main')).toEqual({ name: 'refs/heads/main', oid: repo.head, peeled: null });
    expect(find('refs/tags/light')).toMatchObject({ oid: repo.head, peeled: null });
    expect(find('refs/tags/v1.0.0')).toMatchObject({ peeled: repo.head });
    expect(find('refs/tags/v1.0.1')).toMatchObject({ peeled: repo.head });
    expect(find('refs/tags/v1.0.0')?.oid).not.toBe(repo.head);
  });

  test('follows a force-push and prunes what is gone', async () => {
    const repo = await makeRepo(`force-${version}`, { 'a.txt': 'a\n' });
    await repo.git('branch', 'gone');
    expect(names((await listRefs(egress, remote(`${prefix}/force-${version}.git`))).refs)).toContain(
      'refs/heads/gone',
    );
    await repo.git('branch', '-D', 'gone');
    await repo.git('commit', '-q', '--amend', '-m', 'rewritten');
    const listing = await listRefs(egress, remote(`${prefix}/force-${version}.git`));
    expect(names(listing.refs)).toEqual(['refs/heads/main']);
    expect(listing.headOid).not.toBe(repo.head);
  });

  test('of a detached HEAD tells its commit and no branch', async () => {
    const repo = await makeRepo(`detached-${version}`, { 'a.txt': 'a\n' });
    await repo.git('checkout', '-q', '--detach');
    const listing = await listRefs(egress, remote(`${prefix}/detached-${version}.git`));
    expect(listing).toMatchObject({ head: null, headOid: repo.head });
  });

  test('of an empty repository is empty', async () => {
    await git(['init', '-q', '--bare', '-b', 'trunk', `empty-${version}.git`]);
    const listing = await listRefs(egress, remote(`${prefix}/empty-${version}.git`));
    expect(listing).toMatchObject({ refs: [], headOid: null });
    // Only v2 tells which branch HEAD will be.
    expect(listing.head).toBe(version === 'v2' ? 'refs/heads/trunk' : null);
  });

  test('of an unborn HEAD beside other branches names the branch that is not there', async () => {
    const repo = await makeRepo(`unborn-${version}`, { 'a.txt': 'a\n' });
    await repo.git('symbolic-ref', 'HEAD', 'refs/heads/later');
    const listing = await listRefs(egress, remote(`${prefix}/unborn-${version}.git`));
    expect(names(listing.refs)).toEqual(['refs/heads/main']);
    expect(listing.headOid).toBeNull();
    if (version === 'v2') expect(listing.head).toBe('refs/heads/later');
  });

  test('of a sha-256 repository is refused by name', async () => {
    await git(['init', '-q', '--object-format=sha256', '-b', 'main', `sha256-${version}.git`]);
    await git(['commit', '-q', '--allow-empty', '-m', 'x'], { cwd: `sha256-${version}.git` });
    await expect(listRefs(egress, remote(`${prefix}/sha256-${version}.git`))).rejects.toMatchObject({
      kind: 'unsupported',
      slug: 'unprocessable',
      message: expect.stringMatching(/object-format=sha256/),
    });
  });

  test('then fetching gives a pack and the shallow boundary', async () => {
    const repo = await makeRepo(`fetch-${version}`, { 'a.txt': 'a\n' });
    const head = await repo.commit({ 'a.txt': 'b\n' });
    const from = remote(`${prefix}/fetch-${version}.git`);
    await listRefs(egress, from);
    const one = await fetchPack(egress, from, { oids: [head], haves: [], shallow: [], depth: 1 });
    expect(one).toMatchObject({ shallow: [head], unshallow: [] });
    const bytes = await bytesOf(one.pack);
    expect(Buffer.from(bytes.subarray(0, 4)).toString()).toBe('PACK');
    expect(Buffer.from(bytes).readUInt32BE(8)).toBe(3);
    const rest = await fetchPack(egress, from, { oids: [head], haves: [head], shallow: [head], depth: 0 });
    expect(rest).toMatchObject({ shallow: [], unshallow: [head] });
    expect(Buffer.from(await bytesOf(rest.pack)).readUInt32BE(8)).toBe(3);
  });

  test('fetching a commit that is not there says which', async () => {
    await makeRepo(`missing-${version}`, { 'a.txt': 'a\n' });
    const want = { oids: ['1234567890'.repeat(4)], haves: [], shallow: [], depth: 1 };
    await expect(fetchPack(egress, remote(`${prefix}/missing-${version}.git`), want)).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringMatching(/does not have the commit 1234567890/),
    });
  });
});

describe('a remote that is not as it should be', () => {
  test.each<[string, Partial<Remote>, string, RegExp]>([
    ['/broken/html/x.git', {}, 'refused', /not a smart git server at this URL: it answered text\/html/],
    ['/broken/404/x.git', {}, 'refused', /no such repository \(404\)/],
    ['/broken/403/x.git', {}, 'refused', /refuses access to this repository \(403\)/],
    ['/broken/500/x.git', {}, 'unreachable', /failed \(500\)/],
    ['/broken/503/x.git', {}, 'unreachable', /failed \(503\)/],
    ['/broken/429/x.git', {}, 'unreachable', /slow down/],
    ['/broken/400/x.git', {}, 'refused', /answered 400/],
    ['/broken/redirect-away/x.git', {}, 'refused', /another host/],
    ['/broken/stall/x.git', { timeoutMs: 100 }, 'unreachable', /sent nothing for/],
  ])('%s is told apart', async (path, more, kind, sentence) => {
    await expect(listRefs(egress, remote(path, more))).rejects.toMatchObject({
      name: 'MirrorError',
      kind,
      slug: kind === 'unreachable' ? 'upstream' : 'unprocessable',
      message: expect.stringMatching(sentence),
    });
  });

  test('that does not answer is unreachable', async () => {
    const closed = createEgress({ allow: '127.0.0.1:9' });
    await expect(listRefs(closed, { url: 'http://127.0.0.1:9/x.git', headers: {} })).rejects.toMatchObject({
      kind: 'unreachable',
    });
  });

  test('whose URL is none is refused', async () => {
    await expect(listRefs(egress, { url: 'no url', headers: {} })).rejects.toMatchObject({ kind: 'refused' });
  });

  test('at a private address is refused before anything is sent', async () => {
    const { egress: judged, asked } = scripted([]);
    await expect(listRefs(judged, { url: 'https://10.0.0.1/x.git', headers: {} })).rejects.toMatchObject({
      kind: 'refused',
    });
    expect(asked).toEqual([]);
  });

  test('that breaks off inside the pack is unreachable', async () => {
    const repo = await makeRepo('cut', {
      'a.bin': Uint8Array.from({ length: 50_000 }, (_, i) => (i * i * 31) >>> 7),
    });
    const from = remote('/broken/truncate/cut.git');
    const fetching = async () =>
      bytesOf((await fetchPack(egress, from, { oids: [repo.head], haves: [], shallow: [], depth: 1 })).pack);
    await expect(fetching()).rejects.toMatchObject({ kind: 'unreachable' });
  });

  test.each<[string, string, RegExp]>([
    ['frames lines badly', 'zzzz', /bad line framing/],
    ['frames a line of three bytes', '0003', /bad line framing/],
    ['ends inside a line', '00ff# service', /broke off inside a line/],
    [
      'sends unreadable refs',
      `${pkt('# service=git-upload-pack\n')}0000${pkt('hello\n')}0000`,
      /ref line cannot be read/,
    ],
    [
      'says an error',
      `${pkt('# service=git-upload-pack\n')}0000${pkt('ERR go away\u0007\n')}0000`,
      /says: go away$/,
    ],
    ['offers no fetch', `${pkt('version 2\n')}${pkt('ls-refs\n')}0000`, /offers no fetch/],
  ])('that %s gets a sentence', async (_, body, sentence) => {
    const { egress: talk } = scripted([() => new Response(body, { headers: advertisement })]);
    await expect(listRefs(talk, { url: 'https://git.example.com/x', headers: {} })).rejects.toMatchObject({
      name: 'MirrorError',
      message: expect.stringMatching(sentence),
    });
  });

  test.each([
    ['in place of the pack', (n: number) => pkt(`shallow ${'a'.repeat(40)}\n`).repeat(n)],
    ['beside the pack', (n: number) => pkt('packfile\n') + pkt(`\u0002${'.'.repeat(95)}`).repeat(n)],
    ['with signs of life alone', (n: number) => pkt('packfile\n') + pkt('\u0001').repeat(n)],
  ])('that talks without end %s is refused at so many bytes', async (_, talk) => {
    const ask = async (talkBytes: number) => {
      const { egress: said } = scripted([v2, () => new Response(`${talk(100)}0000`, { headers: result })]);
      const want = { oids: ['a'.repeat(40)], haves: [], shallow: [], depth: 1 };
      const from = { url: 'https://git.example.com/x', headers: {}, talkBytes };
      return bytesOf((await fetchPack(said, from, want)).pack);
    };
    const bytes = talk(100).length;
    await expect(ask(bytes - 1)).rejects.toMatchObject({
      kind: 'refused',
      message: `The remote talks without end: more than ${bytes - 1} bytes and no pack.`,
    });
    const reason = await ask(bytes + 4).then(
      () => 'none',
      (error: Error) => error.message,
    );
    expect(reason).toMatch(/^none$|ended the fetch before the pack/);
  });

  test('that lists hostile names has them left out', async () => {
    const oid = 'a'.repeat(40);
    const lines = [
      'refs/heads/ok',
      'refs/heads/../../etc',
      'refs/heads/a\u0001b',
      'refs/heads/x.lock',
      'refs/heads/a^{}',
    ];
    const { egress: talk } = scripted([
      v2,
      () => new Response(`${lines.map((name) => pkt(`${oid} ${name}\n`)).join('')}0000`, { headers: result }),
    ]);
    const listing = await listRefs(talk, { url: 'https://git.example.com/x', headers: {} });
    expect(names(listing.refs)).toEqual(['refs/heads/ok']);
  });

  test('whose server fails while packing passes its words on, printable', async () => {
    const { egress: talk } = scripted([
      v2,
      () =>
        new Response(`${pkt('packfile\n')}${pkt('\u0003fatal: out of memory\u001b[31m\n')}0000`, {
          headers: result,
        }),
    ]);
    const want = { oids: ['a'.repeat(40)], haves: [], shallow: [], depth: 1 };
    const fetched = await fetchPack(talk, { url: 'https://git.example.com/x', headers: {} }, want);
    await expect(bytesOf(fetched.pack)).rejects.toThrow(
      /failed to send the pack: fatal: out of memory \[31m$/,
    );
  });
});

describe('tokens', () => {
  const auth = (token: string) => ({ authorization: `Basic ${btoa(`x-access-token:${token}`)}` });

  test('open a private repository; none or a wrong one does not', async () => {
    const repo = await makeRepo('secret', { 'a.txt': 'a\n' });
    const open = remote('/private/secret.git', { headers: auth('test-token') });
    expect((await listRefs(egress, open)).headOid).toBe(repo.head);
    await expect(listRefs(egress, remote('/private/secret.git'))).rejects.toThrow(
      /asks for credentials \(401\)/,
    );
    const wrong = listRefs(egress, remote('/private/secret.git', { headers: auth('wrong-token') }));
    await expect(wrong).rejects.toThrow(/rejects the configured token \(401\)/);
    await expect(wrong).rejects.not.toThrow(/wrong-token/);
  });

  test('are sent again, by us, to where the same host moved the repository', async () => {
    const { egress: talk, asked } = scripted([
      () =>
        new Response(null, { status: 301, headers: { location: '/new/info/refs?service=git-upload-pack' } }),
      () => new Response('who are you', { status: 401 }),
      v2,
      () => new Response('0000', { headers: result }),
    ]);
    await listRefs(talk, { url: 'https://git.example.com/old/', headers: auth('t') });
    expect(asked.map(({ url, headers }) => [new URL(url).pathname, headers.has('authorization')])).toEqual([
      ['/old/info/refs', true],
      ['/new/info/refs', false],
      ['/new/info/refs', true],
      ['/new/git-upload-pack', true],
    ]);
  });
});

describe('the local bridge', () => {
  const bridge = { url: 'http://127.0.0.1:4000', secret: 'bridge-secret' };
  const answering = (status: number, body: unknown) => {
    const asked: Headers[] = [];
    const send = (async (_: unknown, init?: RequestInit) => {
      asked.push(new Headers(init?.headers));
      return new Response(JSON.stringify(body), { status });
    }) as typeof fetch;
    return { asked, egress: createEgress({ allow: '', bridge, fetch: send }) };
  };

  test('gives the remote of a local path', async () => {
    const { egress: talk, asked } = answering(200, { id: 'abc.0123', path: '/real/repo' });
    const found = await localRemote(talk, '/repo');
    expect(found).toEqual({
      path: '/real/repo',
      remote: { url: `${bridge.url}/git/abc.0123`, headers: {}, local: true },
    });
    expect(asked[0]!.get('x-bridge-secret')).toBe('bridge-secret');
  });

  test('refuses with its own sentence, and is refused where there is none', async () => {
    const { egress: talk } = answering(422, { error: 'localPath is not a git repository below LOCAL_REPOS' });
    await expect(localRemote(talk, '/etc')).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringMatching(/below LOCAL_REPOS/),
    });
    await expect(localRemote(egress, '/repo')).rejects.toMatchObject({ kind: 'refused' });
  });

  test('is no host that a sentence would name', async () => {
    const { egress: talk } = answering(500, {});
    const remote = { url: `${bridge.url}/git/abc.0123`, headers: {}, local: true };
    await expect(listRefs(talk, remote)).rejects.toThrow('git on this machine failed (500).');
  });
});

test.each([
  ['refs/heads/main', true],
  ['refs/heads/feature/ünï', true],
  ['refs/heads/', false],
  ['heads/main', false],
  ['refs/heads/a..b', false],
  ['refs/heads/.a', false],
  ['refs/heads/a b', false],
  ['refs/heads/a.lock', false],
  ['refs/heads/a@{b', false],
])('%s as a ref name: %s', (name, expected) => {
  expect(isRefName(name)).toBe(expected);
});
