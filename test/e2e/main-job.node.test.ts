import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { answer, createClient } from '../../src/client/client.ts';
import { Browser } from '../support/browser.ts';
import { makeRepo } from '../support/git.ts';
import { seedExamples } from './seed-examples.ts';
import { ended, freePort, Running, sleep, startServer } from './server-process.ts';

/** The real thing: `npm start` as a process, real git, a real restart. One server for most of it: starting costs seconds. */

const scratch = mkdtempSync(path.join(tmpdir(), 'sightline-e2e-'));
const state = path.join(scratch, 'state');
const repository = path.join(scratch, 'repos/shop');
let server: Awaited<ReturnType<typeof startServer>>;

type Registration = { localPath: string } | { remoteUrl: string };
const register = (name: string, source: Registration) =>
  answer(server.api.POST('/api/v1/repos', { body: { name, ...source } }));
const syncMain = () =>
  answer(
    server.api.POST('/api/v1/repos/{name}/sync', {
      params: { path: { name: 'shop' } },
      body: { ref: 'main' },
    }),
  );
const searchShop = (query: string, mode?: 'literal') =>
  answer(server.api.GET('/api/v1/search', { params: { query: { query, mode, repo: 'shop' } } }));

const git = (...args: string[]) =>
  execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], {
    cwd: repository,
    encoding: 'utf8',
  });

const environment = () => ({
  LOCAL_REPOS: path.join(scratch, 'repos'),
  EGRESS_ALLOW: new URL(inject('gitServer').url).host,
  OAUTH_KEYCLOAK_SERVER_URL: inject('identityProviders').url,
  OAUTH_KEYCLOAK_REALM: 'main',
  OAUTH_KEYCLOAK_CLIENT_ID: 'on-any-port',
  OAUTH_KEYCLOAK_CLIENT_SECRET: 'gloas-s3cret_of.tests',
  SSO_ALLOWED: 'corp.example',
});

beforeAll(async () => {
  mkdirSync(repository, { recursive: true });
  writeFileSync(
    path.join(repository, 'cart.ts'),
    'import { priceOf } from "./price";\nexport function total(items: string[]) {\n  return items.reduce((sum, item) => sum + priceOf(item), 0);\n}\n',
  );
  writeFileSync(
    path.join(repository, 'price.ts'),
    '/** The price of one item, in cents. */\nexport function priceOf(item: string): number {\n  return item.length;\n}\n',
  );
  git('init', '-q', '-b', 'main');
  git('add', '-A');
  git('commit', '-qm', 'first');
  server = await startServer(state, environment());
}, 180_000);

afterAll(async () => {
  await server?.running.stop();
  rmSync(scratch, { recursive: true, force: true });
});

describe('npm start', () => {
  test('prints one Ready line and where the credentials are, readable by their owner only', () => {
    expect(server.running.output.match(/Ready on /g)).toHaveLength(1);
    expect(server.running.output).toContain(path.join(state, 'credentials.json'));
    expect(server.credentials.base_url).toBe(server.url);
    for (const file of ['credentials.json', 'secrets.env']) {
      expect(statSync(path.join(state, file)).mode & 0o777).toBe(0o600);
    }
  });

  test('the generated admin logs in, and its key opens the API both ways', async () => {
    const { username, password, api_key } = server.credentials;
    const open = createClient({ baseUrl: server.url });
    const token = await answer(open.POST('/api/v1/auth/token', { body: { username, password } }));
    expect(token).toMatchObject({ token_type: 'bearer', expires_in: 1800 });
    const ways: Record<string, string>[] = [
      { 'x-api-key': api_key },
      { authorization: `Bearer ${api_key}` },
      { authorization: `Bearer ${token.access_token}` },
    ];
    for (const headers of ways) {
      const { response } = await createClient({ baseUrl: server.url, headers }).GET('/api/v1/repos');
      expect(response.status).toBe(200);
    }
    const { response, error } = await open.GET('/api/v1/repos');
    expect([response.status, error?.error_code]).toEqual([401, 'UNAUTHORIZED']);
  });

  test('a browser signs on by an OpenID provider', async () => {
    const { url } = inject('identityProviders');
    const claims = { email: 'eve@corp.example', email_verified: true, preferred_username: 'eve' };
    await fetch(`${url}/__admin/accounts/eve`, { method: 'PUT', body: JSON.stringify(claims) });
    const browser = new Browser();
    const form = await browser.go(`${server.url}/api/v1/auth/oauth/keycloak/authorize`);
    const consent = await browser.submit(form, { login: 'eve', password: 'any' });
    const page = await browser.submit(consent);
    expect([page.status, page.text]).toEqual([200, expect.stringContaining('access_token')]);
    const { access_token } = JSON.parse(page.text) as { access_token: string };
    const me = createClient({ baseUrl: server.url, token: access_token }).GET('/api/v1/users/me');
    expect(await answer(me)).toMatchObject({ username: 'eve', role: 'viewer', email: 'eve@corp.example' });
  });

  test('the command line creates an admin in the server that runs, once', async () => {
    const args = [
      'create-admin',
      '--username',
      'second',
      '--password',
      'second password',
      '--email',
      's@example.com',
    ];
    const cli = async () => {
      const process = new Running('src/local/cli.ts', args, { STATE_DIR: state });
      return { code: await process.exited, output: process.output };
    };
    expect(await cli()).toEqual({ code: 0, output: 'Created the admin second.\n' });
    expect(await cli()).toMatchObject({
      code: 1,
      output: expect.stringContaining('A user of this name exists.'),
    });
    const open = createClient({ baseUrl: server.url });
    const credentials = { username: 'second', password: 'second password' };
    const { access_token: token } = await answer(open.POST('/api/v1/auth/token', { body: credentials }));
    const me = await answer(createClient({ baseUrl: server.url, token }).GET('/api/v1/users/me'));
    expect(me).toMatchObject({ role: 'admin', email: 's@example.com' });
  });

  test('a repository of this machine is registered, indexed, searched and navigated', async () => {
    const repo = await register('shop', { localPath: repository });
    expect(await ended(server.api, repo.jobId)).toMatchObject({ status: 'completed' });
    const { jobId } = await syncMain();
    expect(await ended(server.api, jobId)).toMatchObject({ status: 'completed' });
    const hits = await searchShop('priceOf');
    expect(hits[0]).toMatchObject({ filePath: 'price.ts', symbolName: 'priceOf' });
    const callers = await answer(
      server.api.GET('/api/v1/repos/{name}/refs/{ref}/callers/{symbolName}', {
        params: { path: { name: 'shop', ref: 'main', symbolName: 'priceOf' } },
      }),
    );
    expect(callers.callers).toMatchObject([{ filePath: 'cart.ts', name: 'total' }]);
  });

  test('remotes that stall hold up nobody else', async () => {
    const { url } = inject('gitServer');
    const stalled = await Promise.all(
      [1, 2, 3].map((n) => register(`stall-${n}`, { remoteUrl: `${url}/broken/stall/${n}.git` })),
    );
    const { jobId } = await syncMain();
    expect(await ended(server.api, jobId)).toMatchObject({ status: 'completed' });
    // A stall lasts until its timeout: what waited for one would have ended after it.
    const job = (id: string) => answer(server.api.GET('/api/v1/jobs/{id}', { params: { path: { id } } }));
    const { finishedAt } = await job(jobId);
    for (const repo of stalled) {
      const stall = await job(repo.jobId);
      expect(stall.finishedAt === null || stall.finishedAt > finishedAt!).toBe(true);
    }
    for (const n of [1, 2, 3]) {
      const params = { path: { name: `stall-${n}` } };
      await answer(server.api.DELETE('/api/v1/repos/{name}', { params }));
    }
  });

  test('a socket on a job that ended gives snapshot, terminal event and close 1000 without delay', async () => {
    const jobs = await answer(server.api.GET('/api/v1/jobs', { params: { query: { repo: 'shop' } } }));
    const socket = await server.api.jobSocket(jobs.items[0]!.id);
    const types: string[] = [];
    socket.addEventListener('message', (message) => {
      types.push((JSON.parse(String(message.data)) as { type: string }).type);
    });
    const closed = new Promise<number>((resolve) =>
      socket.addEventListener('close', ({ code }) => resolve(code)),
    );
    // Far below the ten seconds that a hibernating socket takes, far above what a loaded machine needs.
    expect(await Promise.race([closed, sleep(6_000)])).toBe(1000);
    expect(types).toEqual(['job.snapshot', 'job.completed']);
  });

  test('a path outside LOCAL_REPOS, and the git bridge itself, are refused', async () => {
    const refused = [{ localPath: '/etc' }, { localPath: scratch }, { remoteUrl: `${server.url}/x.git` }];
    for (const source of refused) {
      await expect(register('refused', source)).rejects.toMatchObject({
        status: 422,
        problem: { error_code: 'UNPROCESSABLE' },
      });
    }
  });

  test('the docs come from this server alone', async () => {
    for (const page of ['/docs', '/redoc']) {
      const html = await (await fetch(server.url + page)).text();
      const assets = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1]!);
      expect(assets.length).toBeGreaterThan(0);
      for (const asset of assets) {
        expect(asset).not.toMatch(/^(https?:)?\/\//);
        expect((await fetch(new URL(asset, server.url + page))).status).toBe(200);
      }
    }
    expect(await (await fetch(`${server.url}/openapi.json`)).json()).toMatchObject({ openapi: '3.1.0' });
  });

  test('fifty POSTs at once with one Idempotency-Key create one thing', async () => {
    const post = () =>
      server.api.POST('/api/v1/groups', {
        body: { name: 'made once' },
        headers: { 'idempotency-key': 'fifty-at-once' },
      });
    const answers = await Promise.all(Array.from({ length: 50 }, post));
    const statuses = new Set(answers.map(({ response }) => response.status));
    expect([...statuses].filter((status) => status !== 201 && status !== 409)).toEqual([]);
    const ids = new Set(answers.flatMap(({ data }) => data?.id ?? []));
    expect(ids.size).toBe(1);
    expect((await answer(post())).id).toBe([...ids][0]);
    const { groups } = await answer(server.api.GET('/api/v1/groups'));
    expect(groups.filter(({ name }) => name === 'made once')).toHaveLength(1);
  });

  test('a key is refused within a second of its deletion', async () => {
    const { username, password } = server.credentials;
    const open = createClient({ baseUrl: server.url });
    const { access_token: token } = await answer(
      open.POST('/api/v1/auth/token', { body: { username, password } }),
    );
    const mine = createClient({ baseUrl: server.url, token });
    const { id, key } = await answer(mine.POST('/api/v1/auth/api-keys', { body: { name: 'short-lived' } }));
    const shortLived = createClient({ baseUrl: server.url, apiKey: key! });
    const ask = async () => (await shortLived.GET('/api/v1/users/me')).response.status;
    expect(await ask()).toBe(200);
    const gone = await mine.DELETE('/api/v1/auth/api-keys/{id}', { params: { path: { id } } });
    expect(gone.response.status).toBe(204);
    expect(await ask()).toBe(401);
  });

  test('killed in the middle of a job and started again, the job ends, and all earlier state is there', async () => {
    for (let i = 0; i < 3000; i++) {
      writeFileSync(
        path.join(repository, `module${i}.ts`),
        `export function work${i}(n: number) { return n * ${i}; }\n`.repeat(40),
      );
    }
    const searches = async () => {
      const { requests } = await answer(server.api.GET('/api/v1/admin/metrics'));
      return requests.by_endpoint.find(({ endpoint }) => endpoint === 'GET /search')?.count ?? 0;
    };
    const counted = await searches();
    expect(counted).toBeGreaterThan(0);
    git('add', '-A');
    git('commit', '-qm', 'much');
    const { jobId } = await syncMain();
    // By its socket: the row of a job this short is written at its end.
    const socket = await server.api.jobSocket(jobId);
    const seen = await new Promise<string>((resolve) => {
      socket.addEventListener('message', ({ data }: MessageEvent) => {
        const { type, payload } = JSON.parse(String(data)) as { type: string; payload: { stage?: string } };
        if (payload.stage === 'processing-files' || /completed|failed/.test(type)) resolve(type);
      });
    });
    expect(seen).not.toMatch(/completed|failed/);
    const { api_key } = server.credentials;
    await server.running.stop('SIGKILL');
    await sleep(500);
    server = await startServer(state, environment());
    expect(server.credentials.api_key).toBe(api_key);
    // What was counted before is still there.
    expect(await searches()).toBeGreaterThanOrEqual(counted);
    expect(await searchShop('priceOf')).not.toEqual([]);
    expect(await ended(server.api, jobId, 150_000)).toMatchObject({ status: 'completed' });
    const hits = await searchShop('work1234', 'literal');
    expect(hits[0]).toMatchObject({ filePath: 'module1234.ts' });
  }, 300_000);

  test('a second server on the same port or state, and invalid configuration, exit 1 with a sentence', async () => {
    const taken = new Running('src/local/start.ts', [], {
      PORT: new URL(server.url).port,
      STATE_DIR: path.join(scratch, 's2'),
    });
    expect(await taken.exited).toBe(1);
    expect(taken.output).toMatch(/in use/);
    const twice = new Running('src/local/start.ts', [], { PORT: String(await freePort()), STATE_DIR: state });
    expect(await twice.exited).toBe(1);
    expect(twice.output).toContain(server.url);
    for (const [variable, value] of [
      ['API_JWT_SECRET', 'short'],
      ['API_ADMIN_PASSWORD', 'admin'],
      ['RATE_LIMITS', '{"anonymous":"many"}'],
      ['PORT', 'http'],
    ] as const) {
      const port = String(await freePort());
      const environment = {
        PORT: port,
        API_ADMIN_USERNAME: 'admin',
        STATE_DIR: path.join(scratch, `s-${variable}`),
        [variable]: value,
      };
      const refused = new Running('src/local/start.ts', [], environment);
      expect(await refused.exited).toBe(1);
      expect(refused.output).toContain(variable);
      expect(refused.output).not.toMatch(/Ready|at .*\.ts:/);
    }
  });
});

/** The repository that RepoRelay's examples are about. */
async function myLib(): Promise<string> {
  const repo = await makeRepo('my-lib', {
    'src/auth/login.ts':
      'import { hash } from "./hash";\n\n/** Authenticate a user */\nexport async function login(username: string, password: string): Promise<User> {\n  return find(username, hash(password));\n}\n',
    'src/routes/auth.ts':
      'import { login } from "../auth/login";\nexport const signIn = (name: string) => login(name, "");\n',
  });
  await repo.git('tag', 'v1.0.0');
  await repo.commit({ 'src/auth/login.ts': 'export async function login() {\n  return null;\n}\n' });
  for (const args of [
    ['tag', 'v2.0.0'],
    ['branch', 'develop'],
    ['branch', 'feature/auth'],
  ])
    await repo.git(...args);
  return repo.url;
}

seedExamples(() => server, myLib);

describe('npm start, asked without a key until there is nothing left to ask', () => {
  test('of a thousand requests at once exactly those pass that the limit leaves', async () => {
    const nowhere = new URL('/api/v1/nothing', server.url);
    const ask = async () => {
      const answer = await fetch(nowhere);
      await answer.arrayBuffer();
      return { status: answer.status, header: (name: string) => Number(answer.headers.get(name)) };
    };
    // What was asked without a key before counts as well.
    const left = (await ask()).header('x-ratelimit-remaining');
    expect(left).toBeGreaterThan(10);
    const answers = await Promise.all(Array.from({ length: 1000 }, ask));
    const through = answers.filter(({ status }) => status === 404);
    const refused = answers.filter(({ status }) => status === 429);
    expect([through.length, refused.length]).toEqual([left, 1000 - left]);
    const remaining = through.map(({ header }) => header('x-ratelimit-remaining'));
    expect(remaining.toSorted((a, b) => a - b)).toEqual(Array.from({ length: left }, (_, n) => n));
    for (const { header } of answers) expect(header('x-ratelimit-limit')).toBe(100);
    for (const { header } of refused) expect(header('retry-after')).toBeGreaterThan(0);
  });
});

describe('npm run demo', () => {
  test('registers a repository by URL and walks through search, a symbol, an outline and a context pack', async () => {
    const { url, root } = inject('gitServer');
    execFileSync('git', ['clone', '-q', '--bare', repository, path.join(root, 'demo.git')]);
    const demo = new Running('src/local/demo.ts', [`${url}/demo.git`], {
      PORT: String(await freePort()),
      STATE_DIR: path.join(scratch, 'demo'),
    });
    try {
      await demo.until(/Ctrl-C ends it/, 170_000);
      for (const part of [
        /Ready on/,
        /completed in [\d.]+ s: \d+ files indexed/,
        /Search:/,
        /with its callers/,
        /Outline:/,
        /Context pack/,
        /\/docs/,
      ]) {
        expect(demo.output).toMatch(part);
      }
      expect(demo.output).not.toContain(
        JSON.parse(readFileSync(path.join(scratch, 'demo/credentials.json'), 'utf8')).password,
      );
    } finally {
      await demo.stop();
    }
  });
});

test('nothing of a run is left in the checkout', () => {
  expect(
    readdirSync(path.resolve(import.meta.dirname, '../..')).filter((name) => name === '.dev.vars'),
  ).toEqual([]);
});
