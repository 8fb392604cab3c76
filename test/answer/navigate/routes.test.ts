import { exports } from 'cloudflare:workers';
import { beforeAll, describe, expect, test } from 'vitest';
import { asAdmin, call } from '../../http/call.ts';
import { registered, synced } from '../../platform/repos/api.ts';
import { git, makeRepo, write } from '../../support/git.ts';

const NAME = 'navigated';
const BASE = `/api/v1/repos/${NAME}/refs/feature%2Fnav`;

const login = [
  '/** Authenticate a user. */',
  'export async function login(username: string): Promise<Session> {',
  '  const session = new Session(username);',
  '  session.open();',
  '  return session;',
  '}',
  '',
  'export class Session {',
  '  constructor(readonly user: string) {}',
  '  open(): void {',
  '    audit(this.user);',
  '  }',
  '}',
  '',
  'function audit(user: string): void {',
  '  console.log(user);',
  '}',
  '',
].join('\n');

const FILES: Record<string, string | Uint8Array> = {
  'src/auth/login.ts': login,
  'src/auth/index.ts': "export { login, login as signIn } from './login';\n",
  'src/routes/auth.ts': [
    "import { signIn as enter } from '../auth';",
    "import * as sessions from '../auth/login';",
    'export async function post() {',
    "  await enter('a');",
    '}',
    'export class AdminSession extends sessions.Session {',
    '  elevate() {',
    '    this.open();',
    '  }',
    '}',
    '',
  ].join('\n'),
  'src/main.ts': "import { post } from './routes/auth';\n\nvoid post();\n",
  'src2/login.test.ts': "import { login } from '../src/auth/login';\nlogin('x');\n",
  '.hidden/login.md': '# Login\n\nWords.\n',
  'docs/crlf.txt': 'one\r\ntwo\r\n',
  'docs/bom.txt': '\uFEFFhello\n',
  'docs/utf16.txt': new Uint8Array([
    0xff,
    0xfe,
    ...new Uint8Array(new Uint16Array([...'héllo\n'].map((c) => c.charCodeAt(0))).buffer),
  ]),
  'docs/latin1.txt': new Uint8Array([0x63, 0x61, 0x66, 0xe9, 0x0a]),
  'docs/dir name/ünï.txt': 'unicode path\n',
  'data/blob.bin': Uint8Array.from({ length: 300_000 }, (_, n) => (n * 7) % 256),
  'data/huge.txt': 'x'.repeat(5 * 1024 * 1024 + 1),
  'data/empty.txt': '',
};

const LONG_PATH = 'x'.repeat(4097);
const LONG_NAME = 'x'.repeat(500);
const LONG_PATTERN = 'a'.repeat(301);

const get = (path: string, headers: Record<string, string> = {}) =>
  call(`${BASE}${path}`, { headers: { ...asAdmin, ...headers } });

let head: string;
const SUBMODULE_COMMIT = '1234567890123456789012345678901234567890';

beforeAll(async () => {
  const remote = await makeRepo(NAME, FILES);
  const { cwd } = remote;
  await write(`${NAME}.link`, '../src/auth/login.ts');
  const link = (await git(['hash-object', '-w', `../${NAME}.link`], { cwd })).stdout.trim();
  await remote.git('update-index', '--add', '--cacheinfo', `120000,${link},docs/link.ts`);
  await remote.git('update-index', '--add', '--cacheinfo', `160000,${SUBMODULE_COMMIT},vendor/sub`);
  await remote.git('commit', '-q', '-m', 'link and submodule');
  await remote.git('branch', 'feature/nav');
  head = (await remote.git('rev-parse', 'HEAD')).stdout.trim();
  await registered(NAME, remote.url);
  await synced(NAME, 'feature/nav');
}, 120_000);

describe('tree', () => {
  test('lists every path in the order of git, submodules and symlinks included, with provenance', async () => {
    const { status, body, headers } = await get('/tree');
    expect(status).toBe(200);
    expect(body).toEqual([...Object.keys(FILES), 'docs/link.ts', 'vendor/sub'].sort(bytewise));
    expect(headers.get('sightline-commit')).toBe(head);
    expect(headers.get('sightline-ref')).toBe('feature/nav');
    expect(headers.get('sightline-coverage')).toMatch(/^indexed=\d+, skipped=\d+$/);
    expect(headers.get('sightline-skipped')).toMatch(/^\w[\w-]*=\d+(, \w[\w-]*=\d+)*$/);
    expect(headers.get('x-total-count')).toBe(String(Object.keys(FILES).length + 2));
  });

  test('a prefix ends at a segment', async () => {
    expect((await get('/tree?prefix=src')).body).toEqual([
      'src/auth/index.ts',
      'src/auth/login.ts',
      'src/main.ts',
      'src/routes/auth.ts',
    ]);
    expect((await get('/tree?prefix=src/auth/')).body).toEqual(['src/auth/index.ts', 'src/auth/login.ts']);
    expect((await get('/tree?prefix=src/main.ts')).body).toEqual(['src/main.ts']);
    const none = await get('/tree?prefix=sr');
    expect(none.body).toEqual([]);
    expect(none.headers.get('sightline-empty-reason')).toBe('no_match');
    const near = await get('/tree?prefix=src/auht');
    expect(near.headers.get('sightline-suggest')).toBe(encodeURIComponent('src/auth'));
  });

  test('is paged on request and answers 304 to its ETag', async () => {
    const page = await get('/tree?page=2&per_page=3');
    expect(page.body).toHaveLength(3);
    expect(page.headers.get('link')).toContain('rel="next"');
    const again = await get('/tree?page=2&per_page=3', { 'if-none-match': page.headers.get('etag')! });
    expect(again.status).toBe(304);
    expect(again.text).toBe('');
  });

  test('is served on the unversioned path too', async () => {
    const plain = await call(`/api/repos/${NAME}/refs/feature%2Fnav/tree?prefix=src2`, { headers: asAdmin });
    expect(plain.body).toEqual(['src2/login.test.ts']);
  });

  test('a ref that is not indexed is 404 with its reason, an unknown repo is 404 without', async () => {
    const ref = await call(`/api/v1/repos/${NAME}/refs/v9/tree`, { headers: asAdmin });
    expect(ref.status).toBe(404);
    expect(ref.body.reason).toBe('not_indexed');
    const repo = await call('/api/v1/repos/nothing/refs/main/tree', { headers: asAdmin });
    expect(repo.status).toBe(404);
    expect(repo.body.reason).toBeUndefined();
    expect((await call(`${BASE}/tree`)).status).toBe(401);
  });
});

describe('file', () => {
  test('answers the exact text with its symbols', async () => {
    const { body } = await get('/file?path=src/auth/login.ts&includeSymbols=true');
    expect(body).toMatchObject({
      repo: NAME,
      ref: 'feature/nav',
      path: 'src/auth/login.ts',
      content: login,
      encoding: 'utf-8',
      size: login.length,
    });
    expect(body.symbols).toEqual(
      expect.arrayContaining([
        {
          name: 'login',
          qualifiedName: 'login',
          kind: 'function',
          signature: expect.stringContaining('login(username: string): Promise<Session>'),
          startLine: 2,
          endLine: 6,
          documentation: 'Authenticate a user.',
        },
        expect.objectContaining({
          qualifiedName: 'Session.open',
          kind: 'method',
          startLine: 10,
          endLine: 12,
        }),
      ]),
    );
    expect((await get('/file?path=src/auth/login.ts')).body.symbols).toBeUndefined();
  });

  test.each([
    ['docs/crlf.txt', 'one\r\ntwo\r\n', 'utf-8', 10],
    ['docs/bom.txt', '\uFEFFhello\n', 'utf-8', 9],
    ['docs/utf16.txt', 'héllo\n', 'utf-8', 14],
    ['docs/latin1.txt', 'Y2Fm6Qo=', 'base64', 5],
    ['docs/link.ts', '../src/auth/login.ts', 'utf-8', 20],
    ['docs/dir name/ünï.txt', 'unicode path\n', 'utf-8', 13],
    ['data/empty.txt', '', 'utf-8', 0],
  ])('%s is read in its encoding', async (path, content, encoding, size) => {
    const { status, body } = await get(`/file?path=${encodeURIComponent(path)}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({ content, encoding, size });
  });

  test('binary files are base64, byte for byte', async () => {
    const { body } = await get('/file?path=data/blob.bin');
    expect(body.encoding).toBe('base64');
    expect(Buffer.from(String(body.content), 'base64')).toEqual(
      Buffer.from(FILES['data/blob.bin'] as Uint8Array),
    );
  });

  test('above 5 MB is 413, a submodule 422 with its commit, a missing path 404', async () => {
    const huge = await get('/file?path=data/huge.txt');
    expect(huge.status).toBe(413);
    expect(huge.body.detail).toContain('/raw');
    const submodule = await get('/file?path=vendor/sub');
    expect(submodule.status).toBe(422);
    expect(submodule.body.commit_sha).toBe(SUBMODULE_COMMIT);
    expect((await get('/file?path=src/auth')).status).toBe(404);
    expect((await get('/file?path=nope.ts')).status).toBe(404);
    const moved = await get('/file?path=lib/main.ts');
    expect([moved.status, moved.body.suggestions]).toEqual([404, ['src/main.ts']]);
  });

  test.each(['', '/etc/passwd', '../x', 'a/../b', 'a//b', './a', 'a%00b', LONG_PATH])(
    'the path %# is refused by name',
    async (path) => {
      const { status, body } = await get(`/file?path=${path}`);
      expect(status).toBe(400);
      expect(JSON.stringify(body.errors)).toContain('query/path');
    },
  );
});

describe('raw', () => {
  const bytes = FILES['data/blob.bin'] as Uint8Array;
  const rawBytes = async (path: string, headers: Record<string, string> = {}, method = 'GET') => {
    const response = await exports.default.fetch(
      new Request(`https://api.test${BASE}/raw?path=${encodeURIComponent(path)}`, {
        method,
        headers: { ...asAdmin, ...headers },
      }),
    );
    return { response, body: new Uint8Array(await response.arrayBuffer()) };
  };

  test('streams any size with its length, type and object id', async () => {
    const { response, body } = await rawBytes('data/huge.txt');
    expect(response.status).toBe(200);
    expect(body.length).toBe(5 * 1024 * 1024 + 1);
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(response.headers.get('etag')).toMatch(/^"[0-9a-f]{40}"$/);
    const binary = await rawBytes('data/blob.bin');
    expect(binary.response.headers.get('content-type')).toBe('application/octet-stream');
    expect(binary.body).toEqual(bytes);
  });

  test.each([
    ['bytes=0-9', 0, 10],
    ['bytes=299990-', 299_990, 10],
    ['bytes=-5', 299_995, 5],
    ['bytes=100-9999999', 100, 299_900],
  ])('answers the range %s', async (range, from, length) => {
    const { response, body } = await rawBytes('data/blob.bin', { range });
    expect(response.status).toBe(206);
    expect(response.headers.get('content-range')).toBe(`bytes ${from}-${from + length - 1}/300000`);
    expect(body).toEqual(bytes.slice(from, from + length));
  });

  test('a range beyond the end is 416, a malformed one is ignored, If-Range decides', async () => {
    const beyond = (await rawBytes('data/blob.bin', { range: 'bytes=300000-' })).response;
    expect(beyond.status).toBe(416);
    expect(beyond.headers.get('content-range')).toBe('bytes */300000');
    expect((await rawBytes('data/empty.txt', { range: 'bytes=0-0' })).response.status).toBe(416);
    for (const range of ['bytes=9-1', 'lines=1-2', 'bytes=0-1,5-6', 'bytes=-', 'bytes=a-b']) {
      expect((await rawBytes('docs/crlf.txt', { range })).response.status).toBe(200);
    }
    const tag = (await rawBytes('docs/crlf.txt')).response.headers.get('etag')!;
    const same = await rawBytes('docs/crlf.txt', { range: 'bytes=0-1', 'if-range': tag });
    expect(same.response.status).toBe(206);
    const other = await rawBytes('docs/crlf.txt', { range: 'bytes=0-1', 'if-range': '"old"' });
    expect(other.response.status).toBe(200);
    expect((await rawBytes('docs/crlf.txt', { 'if-none-match': tag })).response.status).toBe(304);
  });

  test('HEAD has the headers and no body', async () => {
    const { response, body } = await rawBytes('data/blob.bin', {}, 'HEAD');
    expect(response.status).toBe(200);
    expect(response.headers.get('content-length')).toBe('300000');
    expect(body.length).toBe(0);
  });
});

describe('symbols', () => {
  test('answers the definition with exact source, blob id and importers', async () => {
    const { status, body } = await get('/symbols/login?includeImports=true');
    expect(status).toBe(200);
    const blob = (
      await git(['rev-parse', 'feature/nav:src/auth/login.ts'], { cwd: `${NAME}.git` })
    ).stdout.trim();
    expect(body.symbols?.[0 as never]).toMatchObject({
      name: 'login',
      kind: 'function',
      filePath: 'src/auth/login.ts',
      startLine: 2,
      endLine: 6,
      documentation: 'Authenticate a user.',
      fileContentId: blob,
      source: login.split('\n').slice(1, 6).join('\n'),
    });
    expect(body.imports).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          filePath: 'src2/login.test.ts',
          source: '../src/auth/login',
          importedName: 'login',
          isDefault: false,
        }),
        expect.objectContaining({ filePath: 'src/routes/auth.ts', importedName: 'signIn', alias: 'enter' }),
        expect.objectContaining({ filePath: 'src/auth/index.ts', isReexport: true }),
      ]),
    );
    expect((await get('/symbols/login')).body.imports).toEqual([]);
  });

  test.each(['Session.open', 'Session::open', 'Session%23open', 'session.OPEN'])(
    '%s is found',
    async (name) => {
      const { status, body } = await get(`/symbols/${name}`);
      expect(status).toBe(200);
      expect(body.symbols).toEqual([
        expect.objectContaining({ qualifiedName: 'Session.open', kind: 'method' }),
      ]);
    },
  );

  test('what is not there is 404 with the nearest names; path and kind narrow', async () => {
    const { status, body } = await get('/symbols/logni');
    expect(status).toBe(404);
    expect(body.suggestions).toContain('login');
    expect((await get('/symbols/login?kind=class')).status).toBe(404);
    expect((await get('/symbols/login?path=auth/login.ts&kind=function')).status).toBe(200);
    expect((await get('/symbols/login?kind=thing')).status).toBe(400);
    expect((await get('/symbols/login?includeImports=maybe')).status).toBe(400);
  });

  test.each(['__proto__', 'constructor', "a'b%22--", '%25', LONG_NAME])(
    'the odd name %# does no harm',
    async (name) => {
      expect([200, 404]).toContain((await get(`/symbols/${name}`)).status);
    },
  );

  test('a name of more than 500 characters is 400', async () => {
    expect((await get(`/symbols/${'x'.repeat(501)}`)).status).toBe(400);
  });
});

describe('find', () => {
  test('files: without a slash base names at any depth, else the whole path', async () => {
    const paths = async (pattern: string) =>
      (
        (await get(`/find?kind=file&pattern=${encodeURIComponent(pattern)}`)).body as unknown as {
          path: string;
        }[]
      ).map((each) => each.path);
    expect(await paths('login*')).toEqual(['.hidden/login.md', 'src/auth/login.ts', 'src2/login.test.ts']);
    expect(await paths('src/*.ts')).toEqual(['src/main.ts']);
    expect(await paths('src/**/*.ts')).toHaveLength(4);
    expect(await paths('{main,auth}.ts')).toEqual(['src/main.ts', 'src/routes/auth.ts']);
  });

  test('symbols: by name or qualified name, any case when the exact one finds nothing', async () => {
    const found = async (pattern: string) =>
      (
        (await get(`/find?kind=symbol&pattern=${encodeURIComponent(pattern)}`)).body as unknown as {
          qualifiedName: string;
        }[]
      ).map((each) => each.qualifiedName);
    expect(await found('log*')).toEqual(['login']);
    expect(await found('LOG*')).toEqual(['Login', 'login']);
    expect(await found('Session.o*')).toEqual(['Session.open']);
    expect(await found('*Session')).toEqual(['Session', 'AdminSession']);
    const { body } = await get('/find?kind=symbol&pattern=login');
    expect(body).toEqual([
      {
        path: 'src/auth/login.ts',
        name: 'login',
        qualifiedName: 'login',
        kind: 'function',
        filePath: 'src/auth/login.ts',
        startLine: 2,
        endLine: 6,
        signature: expect.stringContaining('login(username'),
      },
    ]);
  });

  test('nothing found says why and suggests', async () => {
    const { status, body, headers } = await get('/find?kind=symbol&pattern=logim');
    expect(status).toBe(200);
    expect(body).toEqual([]);
    expect(headers.get('sightline-empty-reason')).toBe('no_match');
    expect(headers.get('sightline-suggest')).toContain('login');
    const files = await get('/find?pattern=*/mian.ts&kind=file');
    expect(files.headers.get('sightline-suggest')).toBe(encodeURIComponent('src/main.ts'));
  });

  test.each([
    ['kind=file', 'query/pattern'],
    ['pattern=a', 'query/kind'],
    ['pattern=&kind=file', 'query/pattern'],
    ['pattern=a&kind=folder', 'query/kind'],
    [`pattern=${'{a,b}'.repeat(9)}&kind=file`, 'query/pattern'],
    [`pattern=${LONG_PATTERN}&kind=file`, 'query/pattern'],
    ['pattern=%00&kind=file', 'query/pattern'],
    ['pattern=a&kind=file&limit=0', 'query/limit'],
    ['pattern=a&kind=file&page=1&offset=1', 'query/offset'],
  ])('query %# is refused by name', async (query, pointer) => {
    const { status, body } = await get(`/find?${query}`);
    expect(status).toBe(400);
    expect(JSON.stringify(body.errors)).toContain(pointer);
  });

  test('globs built to hang do not', async () => {
    const started = Date.now();
    expect((await get(`/find?kind=file&pattern=${'*a'.repeat(40)}`)).status).toBe(200);
    expect((await get(`/find?kind=symbol&pattern=${encodeURIComponent('+(a|aa)'.repeat(10))}b`)).status).toBe(
      200,
    );
    expect(Date.now() - started).toBeLessThan(5000);
  });
});

describe('references', () => {
  test('follows re-exports, renames and namespaces to the defining file', async () => {
    const { body } = await get('/references/login');
    expect(
      (body as unknown as { filePath: string; importedName: string }[]).map(
        (each) => `${each.filePath} ${each.importedName}`,
      ),
    ).toEqual([
      'src/auth/index.ts login',
      'src/auth/index.ts login',
      'src/routes/auth.ts signIn',
      'src2/login.test.ts login',
    ]);
    const session = await get('/references/Session');
    expect(session.body).toEqual([
      expect.objectContaining({
        filePath: 'src/routes/auth.ts',
        source: '../auth/login',
        importedName: '*',
        alias: 'sessions',
      }),
    ]);
  });
});

describe('callers, callees and impact', () => {
  test('callers come with place, confidence, resolution, snippet and provenance', async () => {
    const { status, body, headers } = await get('/callers/login');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      symbol: { name: 'login', filePath: 'src/auth/login.ts', startLine: 2 },
      total: 2,
      truncated: false,
      repo: NAME,
      ref: 'feature/nav',
      commitSha: head,
      coverage: { indexed: expect.any(Number) },
    });
    expect(body.callers).toEqual([
      expect.objectContaining({
        name: 'post',
        kind: 'function',
        filePath: 'src/routes/auth.ts',
        line: 4,
        callerStartLine: 3,
        callerEndLine: 5,
        confidence: 0.97,
        resolution: 'import',
        snippet: "await enter('a');",
        target: { qualifiedName: 'login', filePath: 'src/auth/login.ts', startLine: 2 },
      }),
      expect.objectContaining({
        name: 'login.test.ts',
        kind: 'file',
        filePath: 'src2/login.test.ts',
        line: 2,
      }),
    ]);
    expect(headers.get('x-total-count')).toBe('2');
  });

  test('methods are told by receiver and inheritance; constructors by their class', async () => {
    const open = await get('/callers/Session.open');
    expect(
      (open.body.callers as unknown as { qualifiedName: string; resolution: string }[])
        .map((each) => `${each.qualifiedName} ${each.resolution}`)
        .sort(),
    ).toEqual(['AdminSession.elevate inherited', 'login receiver-type']);
    for (const name of ['Session', 'Session.constructor']) {
      const { body } = await get(`/callers/${name}`);
      expect(body.callers).toEqual([expect.objectContaining({ name: 'login', line: 3 })]);
    }
  });

  test('callees list what the body calls, in order', async () => {
    const { body } = await get('/callees/login');
    expect(
      (body.callees as unknown as { qualifiedName: string; line: number }[]).map((each) => [
        each.qualifiedName,
        each.line,
      ]),
    ).toEqual([
      ['Session', 3],
      ['Session.open', 4],
    ]);
    const audit = await get('/callees/audit');
    expect(audit.body).toMatchObject({ callees: [], total: 0, unresolved: 1 });
  });

  test('impact walks callers of callers, breadth first', async () => {
    const { body } = await get('/impact/audit?depth=4');
    expect(
      (body.levels as unknown as { depth: number; nodes: { qualifiedName: string }[] }[]).map((level) => [
        level.depth,
        level.nodes.map((node) => node.qualifiedName).sort(),
      ]),
    ).toEqual([
      [1, ['Session.open']],
      [2, ['AdminSession.elevate', 'login']],
      [3, ['post', 'src2/login.test.ts']],
      [4, ['src/main.ts']],
    ]);
    expect(body.files).toEqual([
      'src/auth/login.ts',
      'src/main.ts',
      'src/routes/auth.ts',
      'src2/login.test.ts',
    ]);
    expect(body.edges).toContainEqual(
      expect.objectContaining({
        from: 'src/routes/auth.ts#post',
        to: 'src/auth/login.ts#login',
        line: 4,
        kind: 'call',
        resolution: 'import',
      }),
    );
    expect((await get('/impact/Session?depth=1')).body.edges).toContainEqual(
      expect.objectContaining({ from: 'src/routes/auth.ts#AdminSession', kind: 'extends' }),
    );
    expect(((await get('/impact/audit?depth=1')).body.levels as unknown as unknown[]).length).toBe(1);
  });

  test.each([
    ['/impact/login?depth=0', 'query/depth'],
    ['/impact/login?depth=11', 'query/depth'],
    ['/impact/login?depth=x', 'query/depth'],
    ['/callers/login?limit=501', 'query/limit'],
    ['/callers/login?limit=-1', 'query/limit'],
    ['/callers/login?minConfidence=2', 'query/minConfidence'],
    ['/callers/login?minConfidence=NaN', 'query/minConfidence'],
    ['/callees/login?kind=x', 'query/kind'],
    ['/references/login?offset=-1', 'query/offset'],
    ['/tree?prefix=../x', 'query/prefix'],
  ])('%s is refused by name', async (path, pointer) => {
    const { status, body } = await get(path);
    expect(status).toBe(400);
    expect(JSON.stringify(body.errors)).toContain(pointer);
  });

  test.each(['callers', 'callees', 'impact', 'references'])(
    '%s of an unknown symbol is 404 with suggestions',
    async (route) => {
      const { status, body } = await get(`/${route}/Sesion`);
      expect(status).toBe(404);
      expect(body.suggestions).toContain('Session');
    },
  );
});

function bytewise(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
