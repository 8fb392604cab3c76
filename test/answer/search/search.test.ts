import { beforeAll, describe, expect, it } from 'vitest';
import {
  type SearchAnswer,
  type SearchParams,
  type SearchServices,
  search,
} from '../../../src/answer/search/search.ts';
import { initParser, parseBlob } from '../../../src/ingest/parse/parse.ts';
import { createBundledEmbedder } from '../../../src/models/embedded/bundled-model.ts';
import { MODEL } from '../../../src/models/embedded/model-id.ts';
import { createSegments } from '../../../src/models/embedded/segments.ts';
import { createLogger } from '../../../src/platform/telemetry/log.ts';
import { controlDb } from '../../../src/store/control-db.ts';
import type { Caller } from '../../../src/store/scope.ts';
import { asAdmin, call } from '../../http/call.ts';
import { bindings, createRepo, sync, type TestRepo } from '../../ingest/indexing/support.ts';
import { letters } from '../../support/letters.ts';

const embedder = createBundledEmbedder();
const shards = [bindings.INDEX_0, bindings.INDEX_1];
const services: SearchServices = {
  db: controlDb(bindings.DB),
  shard: (scope) => shards[scope.repo.shard]!,
  embedder,
  vectors: createSegments(bindings.BUCKET, () => crypto.randomUUID()),
  log: createLogger({ logLevel: 'error' } as never),
};

const caller = (groups: string[]): Caller => ({
  userId: 'u',
  username: 'u',
  role: 'viewer',
  groups: new Map(groups.map((group) => [group, 'viewer' as const])),
  personalGroupId: null,
  scopes: null,
  via: 'token',
  credentialId: null,
});
const member = caller(['g']);
const stranger = caller([]);

const router = `import { compile } from './compile';

/** Matches paths against the registered routes. */
export class Router {
  private routes: string[] = [];

  /** Registers a handler for a path. */
  addRoute(path: string, handler: () => void): void {
    this.routes.push(path);
    handler();
  }

  matchRoute(path: string): string | null {
    const found = this.routes.find((route) => compile(route).test(path));
    if (!found) throw new Error(\`no route matches \${path}\`);
    return found;
  }
}

export function parseQueryString(input: string): Map<string, string> {
  const params = new Map<string, string>();
  for (const pair of input.split('&')) {
    const [key, value = ''] = pair.split('=');
    params.set(decodeURIComponent(key), decodeURIComponent(value));
  }
  return params;
}
`;

const auth = `import hashlib

SESSION_SECONDS = 3600


def refresh_session_token(session, now):
    """Issue a new token for a session that is about to expire."""
    if session.expires_at < now:
        raise PermissionError("session has expired; sign in again")
    return hashlib.sha256(session.token.encode()).hexdigest()


def revoke(session):
    session.token = None
`;

const guide = `# Guide

Welcome.

## Refreshing sessions

Call the refresh endpoint before a session expires; see refresh_session_token.
`;

const errors = `class Closed(Exception):
    pass


# No more to read.
class EndOfInput(Exception):
    pass
`;

const app = `app.dispatch = function dispatch(request) {
  return this.handlers[request.path](request);
};
`;

const tests = `import { parseQueryString } from '../src/router';

test('parses a query string', () => {
  expect(parseQueryString('a=1').get('a')).toBe('1');
});
`;

const tree = (extra: Record<string, string> = {}) => ({
  src: { 'router.ts': router, 'auth.py': auth, ...extra },
  test: { 'router.test.ts': tests },
  docs: { 'guide.md': guide },
  'crlf.txt': 'first line\r\nsecond needle line\r\nthird line\r\n',
});

/** One to seven functions that use `app`, of different lengths. */
const useOf = (at: number) =>
  Array.from(
    { length: 1 + (at % 7) },
    (_, n) => `function f${n}() {\n${'  step();\n'.repeat(3 + ((at + n) % 5))}  require('app');\n}\n`,
  ).join('');

/** Names that many things bear, and small symbols side by side. */
const namesTree = {
  'errors.py': errors,
  'app.js': app,
  examples: Object.fromEntries(
    Array.from({ length: 130 }, (_, at) => [`${at}.js`, `var app = require('app')(${at});\n${useOf(at)}`]),
  ),
};

let repo: TestRepo;
let other: TestRepo;
let names: TestRepo;
const parse = (bytes: Uint8Array, lang: string) => parseBlob(bytes, lang);

beforeAll(async () => {
  await initParser();
  repo = await createRepo(0, embedder);
  other = await createRepo(1, embedder);
  names = await createRepo(1, embedder);
  await sync(names, namesTree, { parse });
  await sync(repo, tree(), { parse });
  await sync(repo, tree({ 'only-on-next.ts': 'export const onlyOnNext = 1;\n' }), { ref: 'next', parse });
  await sync(
    other,
    { lib: { 'tokens.go': 'package lib\n\nfunc RefreshToken(s string) string {\n\treturn s\n}\n' } },
    { parse },
  );
});

const ask = (params: SearchParams, by = member): Promise<SearchAnswer> => search(services, by, params);
const named = () => repo.scope.repo.name;
const first = async (query: string, params: Partial<SearchParams> = {}) =>
  (await ask({ repo: named(), ref: 'main', ...params, query })).hits[0];

const linesOf = (hit: SearchAnswer['hits'][number] | undefined) =>
  Array.from(
    { length: hit ? hit.endLine - hit.startLine + 1 : 0 },
    (_, at) => `${hit!.filePath}:${hit!.startLine + at}`,
  );

describe('ranked search', () => {
  it('puts the definition of an identifier first, before tests and documentation that use it', async () => {
    expect(await first('parseQueryString')).toMatchObject({
      filePath: 'src/router.ts',
      symbolName: 'parseQueryString',
    });
    expect(await first('refresh_session_token')).toMatchObject({
      filePath: 'src/auth.py',
      symbolName: 'refresh_session_token',
    });
  });

  it('finds identifiers by their sub-words, in any style', async () => {
    expect(await first('query string')).toMatchObject({ symbolName: 'parseQueryString' });
    expect(await first('refreshSessionToken')).toMatchObject({ symbolName: 'refresh_session_token' });
    expect(await first('matchRou')).toMatchObject({ filePath: 'src/router.ts' });
  });

  it('shows of several small symbols in one place the one that was named', async () => {
    expect(await first('EndOfInput', { repo: names.scope.repo.name })).toMatchObject({
      symbolName: 'EndOfInput',
      startLine: 5,
      endLine: 7,
      content: '# No more to read.\nclass EndOfInput(Exception):\n    pass',
    });
  });

  it('finds a name among many variables that have its qualifier’s name', async () => {
    expect(await first('app.dispatch', { repo: names.scope.repo.name })).toMatchObject({
      filePath: 'app.js',
      symbolName: 'dispatch',
    });
  });

  it('answers questions in words', async () => {
    expect(await first('where is a new token issued for a session')).toMatchObject({
      filePath: 'src/auth.py',
    });
  });

  it('answers a question with the type whose methods use its words, and what is named without it', async () => {
    const method = (name: string, words: string) =>
      `  ${name}() {\n${`    this.step(${words});\n`.repeat(70)}  }\n`;
    const shelf = `export class Shelf {\n  private rows = 3;\n${method('a', '1')}${method('b', 'borrowing, overdue')}}\n`;
    const library = await createRepo(0, embedder);
    await sync(
      library,
      { 'shelf.ts': shelf, 'other.ts': `export function c() {\n${shelf.length};\n}\n` },
      { parse },
    );
    const params = { repo: library.scope.repo.name, ref: 'main' };
    const types = async (query: string) =>
      (await ask({ ...params, query })).hits.filter(({ symbolName }) => symbolName === 'Shelf');
    expect(await types('what happens to overdue borrowing')).toMatchObject([{ startLine: 1 }]);
    expect(await types('overdue')).toEqual([]);
    expect(await types('overdue what sym:b')).toEqual([]);
  });

  it('answers with the exact lines of the file, a score from 0 to 1 that falls, and provenance', async () => {
    const { hits, provenance } = await ask({ repo: named(), ref: 'main', query: 'session token route' });
    expect(hits.length).toBeGreaterThan(1);
    for (const hit of hits) {
      expect(hit.score).toBeGreaterThan(0);
      expect(hit.score).toBeLessThanOrEqual(1);
      const source =
        { 'src/router.ts': router, 'src/auth.py': auth, 'docs/guide.md': guide }[hit.filePath] ?? tests;
      expect(hit.content).toBe(
        source
          .split('\n')
          .slice(hit.startLine - 1, hit.endLine)
          .join('\n'),
      );
      expect(hit.commitSha).toMatch(/^[0-9a-f]{40}$/);
    }
    expect(hits.map((hit) => hit.score)).toEqual(hits.map((hit) => hit.score).sort((a, b) => b - a));
    expect(provenance).toMatchObject({ repo: named(), ref: 'main', coverage: { indexed: 5 } });
  });

  it('goes to the line that a trace or an editor names', async () => {
    for (const query of ['src/router.ts:16', '    at Router.matchRoute (file:///app/src/router.ts:16:7)'])
      expect(linesOf(await first(query))).toContain('src/router.ts:16');
    expect(await first('src/router.ts:24')).toMatchObject({ symbolName: 'parseQueryString' });
    expect(await first('src/auth.py')).toMatchObject({ filePath: 'src/auth.py' });
  });

  it('gives up quoted values that nothing holds rather than the whole message, and says so', async () => {
    const { hits, notes } = await ask({
      repo: named(),
      ref: 'main',
      query: 'Error: no route matches "/users/7"',
    });
    expect(hits[0]!.content).toContain('no route matches');
    expect(notes).toContain('no file holds "/users/7" with the rest; ranked by its words');
    expect((await ask({ repo: named(), query: '"/users/7"' })).hits).toEqual([]);
    expect((await ask({ repo: named(), query: 'route case:yes "ROUTE"' })).hits).toEqual([]);
  });

  it('calls an answer weak when most of its words occur nowhere, names them and scores it lower', async () => {
    const params = { repo: named(), ref: 'main' };
    const guess = await ask({ ...params, query: 'bluetooth session antenna' });
    expect(guess).toMatchObject({ weak: true, notes: ['nothing here holds "bluetooth", "antenna"'] });
    const sure = await ask({ ...params, query: 'session token' });
    expect(sure).toMatchObject({ weak: false, notes: [] });
    expect(guess.hits[0]!.score).toBeLessThan(sure.hits[0]!.score / 2);
  });

  it('lists the files that filters alone leave', async () => {
    const files = async (query: string, params: Partial<SearchParams> = {}) =>
      (await ask({ repo: named(), ref: 'main', ...params, query })).hits.map((hit) => hit.filePath).sort();
    expect(await files('lang:python')).toEqual(['src/auth.py']);
    expect(await files('path:src/')).toEqual(['src/auth.py', 'src/router.ts']);
    expect(await files('path:/^(src|docs)\\/.*\\.(ts|md)$/')).toEqual(['docs/guide.md', 'src/router.ts']);
    expect(await files('-path:test -lang:ts,md')).toEqual(['crlf.txt', 'src/auth.py']);
    const { hits, notes } = await ask({ query: '()' });
    expect([hits, notes]).toEqual([[], ['the query holds nothing to search for']]);
  });

  it('names the heading a hit of Markdown stands under', async () => {
    expect(await first('Welcome refresh endpoint lang:markdown')).toMatchObject({
      symbolName: 'Guide',
    });
  });

  it('never shows the same lines twice nor more than three hits of a file', async () => {
    const { hits } = await ask({
      repo: named(),
      ref: 'main',
      query: 'route path session token params',
      limit: 100,
    });
    for (const [, group] of Map.groupBy(hits, (hit) => hit.filePath)) {
      expect(group.length).toBeLessThanOrEqual(3);
      for (const a of group)
        for (const b of group)
          expect(a === b || a.endLine < b.startLine || b.endLine < a.startLine).toBe(true);
    }
  });

  it('pages through one order far down, without a hit twice', async () => {
    const asked = { repo: names.scope.repo.name, query: 'require an app' };
    const placeOf = ({ filePath, startLine }: { filePath: string; startLine: number }) =>
      `${filePath}:${startLine}`;
    const whole = (await ask({ ...asked, limit: 100 })).hits.map(placeOf);
    const pages: string[] = [];
    for (let offset = 0; offset < 100; offset += 20)
      pages.push(...(await ask({ ...asked, limit: 20, offset })).hits.map(placeOf));
    expect(whole).toHaveLength(100);
    expect(pages).toEqual(whole);
  });

  it('shows a file at each of its paths, however many they are', async () => {
    const copies = await createRepo(0, embedder);
    const text = 'def spread_copies():\n    return 1\n';
    const paths = Array.from({ length: 24 }, (_, at) => `copy${at}.py`);
    await sync(copies, Object.fromEntries(paths.map((path) => [path, text])), { parse });
    const { hits } = await ask({ repo: copies.scope.repo.name, query: 'spread copies', limit: 100 });
    expect(new Set(hits.map((hit) => hit.filePath))).toEqual(new Set(paths));
  });

  it('pages through one order', async () => {
    const all = await ask({ repo: named(), ref: 'main', query: 'session token route', limit: 4 });
    const second = await ask({
      repo: named(),
      ref: 'main',
      query: 'session token route',
      limit: 2,
      offset: 2,
    });
    expect(second.hits).toEqual(all.hits.slice(2, 4));
  });
});

describe('round trips', () => {
  /** How often a search asked the shards. */
  async function tripsOf(params: SearchParams): Promise<number> {
    let trips = 0;
    const counted = (shard: D1Database): D1Database =>
      new Proxy(shard, {
        get(target, name) {
          if (name === 'batch') {
            return (statements: D1PreparedStatement[]) => {
              trips++;
              return target.batch(statements);
            };
          }
          if (name !== 'prepare') return Reflect.get(target, name);
          return (sql: string) => {
            const bind = target.prepare(sql);
            return {
              bind: (...values: unknown[]) => {
                const statement = bind.bind(...values);
                const all = statement.all.bind(statement);
                return Object.assign(statement, {
                  all: () => {
                    trips++;
                    return all();
                  },
                });
              },
            };
          };
        },
      });
    const shard: SearchServices['shard'] = (scope) => proxies[scope.repo.shard]!;
    const proxies = shards.map(counted);
    // Where the vectors lie is asked once an isolate.
    await ask({ ref: 'main', repo: named(), ...params });
    await search({ ...services, shard }, member, { ref: 'main', repo: named(), ...params });
    return trips;
  }

  it('are one for the candidates of every list and one for their text; a question asks for types between them', async () => {
    expect(await tripsOf({ query: 'refresh session token' })).toBe(3);
    expect(await tripsOf({ query: 'refresh session token', mode: 'lexical' })).toBe(2);
    expect(await tripsOf({ query: 'matchRoute', mode: 'lexical' })).toBe(2);
    expect(await tripsOf({ query: 'matchRoute', mode: 'symbol' })).toBe(2);
  });

  it('of exact search are few: trigrams, texts, chunks, and at once lines and symbols', async () => {
    expect(await tripsOf({ query: 'parseQueryString(input', mode: 'literal' })).toBe(5);
  });
});

describe('exact search', () => {
  it('finds a literal with its punctuation, as the lines that hold it', async () => {
    expect(await first("input.split('&')", { mode: 'literal' })).toMatchObject({
      filePath: 'src/router.ts',
      startLine: 22,
      endLine: 22,
      content: "  for (const pair of input.split('&')) {",
      symbolName: 'parseQueryString',
    });
  });

  it('names the innermost symbol around a line', async () => {
    expect(await first('no route matches', { mode: 'literal' })).toMatchObject({ symbolName: 'matchRoute' });
    expect(await first('Matches paths', { mode: 'literal' })).toMatchObject({ symbolName: 'Router' });
    expect(await first('^    pass', { mode: 'regex', repo: names.scope.repo.name })).toMatchObject({
      symbolName: 'Closed',
      startLine: 2,
    });
  });

  it('keeps the lines of CRLF files exact', async () => {
    expect(await first('needle', { mode: 'literal' })).toMatchObject({
      startLine: 2,
      endLine: 2,
      content: 'second needle line',
    });
  });

  it('fills a page from many files when some of them hold the text often', async () => {
    const many = await createRepo(0, embedder);
    const file = (n: number) => [
      `f${n}.txt`,
      Array.from({ length: 60 }, (_, line) => `${line % 2 ? 'needle' : '-'} ${n}\n`).join(''),
    ];
    await sync(many, Object.fromEntries(Array.from({ length: 30 }, (_, n) => file(n))), { parse });
    const { hits } = await ask({ repo: many.scope.repo.name, query: 'needle', mode: 'literal', limit: 50 });
    expect(hits).toHaveLength(50);
  });

  it('knows the lines of a long text, wherever in it they stand, and what spans its blocks', async () => {
    const long = await createRepo(0, embedder);
    const filler = (n: number) => `line ${n} ${'of no interest '.repeat(n % 9)}`;
    const lines = Array.from({ length: 1500 }, (_, at) => filler(at + 1));
    for (const at of [1, 77, 640, 1499]) lines[at] = `  needle at ${at + 1};`;
    lines[5] = 'early word';
    lines[1400] = 'late word';
    await sync(long, { 'long.txt': `${lines.join('\n')}\n` }, { parse });
    const found = async (query: string, mode: SearchParams['mode']) =>
      (await ask({ repo: long.scope.repo.name, query, mode, limit: 20 })).hits;
    const shown = [2, 78, 641];
    expect((await found('needle at', 'literal')).map((hit) => hit.startLine)).toEqual(shown);
    const matched = await found('needle at \\d+;$', 'regex');
    expect(matched.map((hit) => hit.startLine)).toEqual(shown);
    for (const hit of matched) expect(hit.content).toBe(lines[hit.startLine - 1]);
    // A newline may be anywhere, also where one block ends and the next begins.
    for (let at = 1; at < lines.length; at += 7) {
      const [pair] = await found(`${lines[at]}\n${lines[at + 1]}`, 'literal');
      expect(pair).toMatchObject({ startLine: at + 1, endLine: at + 2 });
      if (at > 90) at += 70;
    }
    expect((await found('"early word" AND "late word"', 'hybrid')).length).toBeGreaterThan(0);
    expect(await found('"early word" AND "later word"', 'hybrid')).toEqual([]);
    const [late] = await found('late word', 'hybrid');
    expect(late!.content.split('\n')[1401 - late!.startLine]).toBe('late word');
  });

  it('compares case as it stands in literal mode, unless told otherwise', async () => {
    expect(await first('PARSEQUERYSTRING', { mode: 'literal' })).toBeUndefined();
    expect(await first('PARSEQUERYSTRING case:no', { mode: 'literal' })).toMatchObject({
      filePath: 'src/router.ts',
    });
  });

  it('finds what a regular expression matches, with and without usable letters', async () => {
    expect(await first('def \\w+_token\\(', { mode: 'regex' })).toMatchObject({
      filePath: 'src/auth.py',
      startLine: 6,
    });
    expect(await first('^\\w+ = \\d+$', { mode: 'regex' })).toMatchObject({
      filePath: 'src/auth.py',
      startLine: 3,
    });
    expect(await first('/sess\\w+ has/')).toMatchObject({ filePath: 'src/auth.py' });
  });

  it('refuses a regular expression that does not compile, naming the query', async () => {
    await expect(ask({ query: '(', mode: 'regex' })).rejects.toMatchObject({
      slug: 'validation',
      message: /query\/query/,
    });
  });

  it('finds an error message with the code around it', async () => {
    expect(await first('"session has expired; sign in again"')).toMatchObject({
      symbolName: 'refresh_session_token',
    });
    expect(await first('Error: no route matches /users')).toMatchObject({ filePath: 'src/router.ts' });
  });

  it('finds punctuation that full text drops', async () => {
    expect(await first('=>', { lang: 'typescript' })).toMatchObject({ lang: 'typescript' });
    expect((await ask({ repo: named(), query: '{' })).hits.length).toBeGreaterThan(0);
  });
});

describe('symbol search', () => {
  it('finds by name, prefix and piece, best first, as the symbol’s own lines', async () => {
    expect(await first('matchRoute', { mode: 'symbol' })).toMatchObject({
      symbolName: 'matchRoute',
      startLine: 13,
      endLine: 17,
    });
    expect(await first('addRo', { mode: 'symbol' })).toMatchObject({ symbolName: 'addRoute' });
    expect(await first('QueryStr', { mode: 'symbol' })).toMatchObject({ symbolName: 'parseQueryString' });
  });
  it('takes qualified names with sym:', async () => {
    expect(await first('sym:Router.addRoute')).toMatchObject({ filePath: 'src/router.ts' });
    expect(await first('sym:Nothing.addRoute')).toBeUndefined();
  });
});

describe('semantic search', () => {
  it('ranks by the embedder and says how', async () => {
    const answer = await ask({
      repo: named(),
      ref: 'main',
      query: 'refreshing tokens of sessions',
      mode: 'semantic',
    });
    expect(answer.strategy).toBe(`semantic (${MODEL.id})`);
    expect(answer.hits[0]!.filePath).toMatch(/auth\.py|guide\.md/);
  });
  it('finds what shares no word with the question, when the model puts it near', async () => {
    const near = { ...letters(), id: embedder.id, dimensions: embedder.dimensions };
    const wanted = (await embedder.embed(['seal payload cipher']))[0]!;
    const translated = { ...near, embed: async () => [wanted] };
    const repo = await createRepo(0, embedder);
    await sync(repo, { 'a.toy': 'def seal_payload\n  cipher()\n', 'b.toy': 'def draw\n  circle()\n' });
    const asked = { repo: repo.scope.repo.name, query: 'encrypting messages', mode: 'semantic' as const };
    const answer = await search({ ...services, embedder: translated }, member, asked);
    expect(answer.hits[0]).toMatchObject({ filePath: 'a.toy', symbolName: 'seal_payload' });
  });
  it('answers by words while files lack vectors of the model, and says so', async () => {
    const other = { ...embedder, id: 'another-model' };
    for (const mode of ['semantic', 'hybrid'] as const) {
      const asked = { repo: named(), ref: 'main', query: 'refreshing tokens', mode };
      const answer = await search({ ...services, embedder: other }, member, asked);
      expect(answer.hits.length).toBeGreaterThan(0);
      if (mode === 'semantic')
        expect(answer.notes.join()).toMatch(/ files of .* have no vectors of the model yet/);
    }
  });
  it('answers without an embedder, or with a broken one, and says so', async () => {
    const broken = { ...createBundledEmbedder(), embed: () => Promise.reject(new Error('down')) };
    for (const embedder of [null, broken]) {
      const answer = await search({ ...services, embedder }, member, { query: 'session', mode: 'semantic' });
      expect(answer.hits.length).toBeGreaterThan(0);
      expect(answer.notes.join()).toMatch(/without semantic similarity/);
    }
  });
});

describe('filters', () => {
  it('narrows by language, path and file, in the query and as parameters alike', async () => {
    const paths = async (params: SearchParams) => [
      ...new Set((await ask({ repo: named(), ref: 'main', ...params })).hits.map((hit) => hit.filePath)),
    ];
    expect(await paths({ query: 'session lang:python' })).toEqual(['src/auth.py']);
    expect(await paths({ query: 'session', lang: 'py' })).toEqual(['src/auth.py']);
    expect(await paths({ query: 'parseQueryString path:test/' })).toEqual(['test/router.test.ts']);
    expect(await paths({ query: 'parseQueryString', path: '*.test.ts' })).toEqual(['test/router.test.ts']);
    expect(await paths({ query: 'parseQueryString -path:test' })).toEqual(['src/router.ts']);
    expect(await paths({ query: 'session -lang:python -lang:markdown' })).toEqual([]);
    expect(await paths({ query: 'file:guide.md' })).toEqual(['docs/guide.md']);
  });

  it('demands, excludes and combines words with operators', async () => {
    const paths = async (query: string) =>
      [...new Set((await ask({ repo: named(), ref: 'main', query })).hits.map((hit) => hit.filePath))].sort();
    expect(await paths('session AND hashlib')).toEqual(['src/auth.py']);
    expect(await paths('session -hashlib')).toEqual(['docs/guide.md']);
    expect(await paths('revoke OR decodeURIComponent')).toEqual(['src/auth.py', 'src/router.ts']);
    expect(await paths('(lang:python OR lang:markdown) refresh')).toEqual(['docs/guide.md', 'src/auth.py']);
    expect(await paths('case:yes Session')).toEqual([]);
  });

  it('takes what other engines would read as syntax as text', async () => {
    for (const query of [
      '"',
      '*',
      'NEAR(',
      'col:x',
      'a* OR',
      '^foo',
      'text:session',
      '-',
      '(((',
      '\u0000',
      'x'.repeat(1000),
    ]) {
      await expect(ask({ query }), query).resolves.toBeDefined();
    }
    await expect(ask({ query: 'x'.repeat(1001) })).rejects.toMatchObject({ slug: 'validation' });
  });
});

describe('scope', () => {
  it('searches every repo the caller may read, on all shards, and no other', async () => {
    const { hits } = await ask({ query: 'refresh token' });
    expect(new Set(hits.map((hit) => hit.repo))).toEqual(new Set([named(), other.scope.repo.name]));
    expect((await ask({ query: 'refresh token' }, stranger)).hits).toEqual([]);
  });

  it('answers from the ref asked for, and from all of them folded by content', async () => {
    expect(await first('onlyOnNext')).toBeUndefined();
    expect(await first('onlyOnNext', { ref: 'next' })).toMatchObject({ ref: 'next' });
    const { hits } = await ask({ repo: named(), ref: '*', query: 'parseQueryString' });
    expect(hits[0]!.refs?.toSorted()).toEqual(['main', 'next']);
    expect(new Set(hits.map((hit) => `${hit.filePath}:${hit.startLine}`)).size).toBe(hits.length);
    expect((await ask({ repo: named(), ref: '*', query: 'onlyOnNext' })).hits[0]!.refs).toEqual(['next']);
  });

  it('takes * in a name for any characters, unless a repo is spelled just so', async () => {
    const wild = `${named().slice(0, -1)}*`;
    expect((await ask({ query: 'parseQueryString', repo: wild })).hits.length).toBeGreaterThan(0);
    await bindings.DB.prepare(
      `INSERT INTO repos (id, shard, group_id, created_by, name, created_at, updated_at)
       SELECT 'spelled-so', shard, group_id, created_by, ?1, created_at, updated_at FROM repos WHERE name = ?2`,
    )
      .bind(wild, named())
      .run();
    expect(await ask({ query: 'parseQueryString', repo: wild })).toMatchObject({
      emptyReason: 'not_indexed',
    });
    await bindings.DB.prepare("DELETE FROM repos WHERE id = 'spelled-so'").run();
  });

  it('gives the reason of an empty answer and the nearest names', async () => {
    expect(await ask({ query: 'x', repo: `${named()}x` })).toMatchObject({
      hits: [],
      emptyReason: 'no_access_or_missing',
    });
    expect((await ask({ query: 'x', repo: `${named()}x` })).suggestions).toContain(named());
    expect(await ask({ query: 'x', repo: named() }, stranger)).toMatchObject({
      emptyReason: 'no_access_or_missing',
      suggestions: [],
    });
    expect(await ask({ query: 'x', repo: named(), ref: 'mian' })).toMatchObject({
      emptyReason: 'not_indexed',
      suggestions: ['main'],
    });
    const typo = await ask({ query: 'parseQueyrString', repo: named(), mode: 'symbol' });
    expect(typo).toMatchObject({ emptyReason: 'no_match' });
    expect(typo.suggestions[0]).toBe('parseQueryString');
    const elsewhere = { query: 'onlyOnNxet', repo: named(), mode: 'symbol' as const };
    expect((await ask({ ...elsewhere, ref: 'next' })).suggestions).toContain('onlyOnNext');
    expect((await ask({ ...elsewhere, ref: 'main' })).suggestions).not.toContain('onlyOnNext');
    expect(await ask({ query: 'x lang:pyhton', repo: named() })).toMatchObject({
      emptyReason: 'no_match',
      suggestions: ['python'],
    });
  });
});

describe('over HTTP', () => {
  const get = (path: string, headers: Record<string, string> = {}) =>
    call(`/api${path}`, { headers: { ...asAdmin, ...headers } });

  it('answers SearchResults with provenance in headers, at both mounts', async () => {
    const path = `/search?query=parseQueryString&repo=${named()}&ref=main`;
    const answer = await get(path);
    expect(answer.status).toBe(200);
    expect(Object.keys(answer.body[0]!).sort()).toEqual([
      'commitSha',
      'content',
      'endLine',
      'filePath',
      'indexedAt',
      'ref',
      'repo',
      'score',
      'startLine',
      'symbolName',
    ]);
    expect(answer.headers.get('sightline-repo')).toBe(named());
    expect(answer.headers.get('sightline-commit')).toMatch(/^[0-9a-f]{40}$/);
    expect(answer.headers.get('sightline-coverage')).toBe('indexed=5, skipped=0');
    expect((await get(`/v1${path}`)).body).toEqual(answer.body);
    const again = await get(path, { 'if-none-match': answer.headers.get('etag')! });
    expect(again.status).toBe(304);
  });

  it('comes in pages, with links to those around and no total', async () => {
    const path = `/search?query=session+token&repo=${named()}`;
    const all = await get(path);
    const second = await get(`${path}&page=2&per_page=1`);
    expect(second.body).toEqual([all.body[1 as unknown as string]]);
    expect(second.headers.get('link')).toMatch(
      /page=1&per_page=1>; rel="first".*page=1&per_page=1>; rel="prev".*page=3&per_page=1>; rel="next"$/,
    );
    expect(second.headers.get('x-total-count')).toBeNull();
    expect(all.headers.get('link')).toMatch(/limit=20&offset=0>; rel="first"$/);
    expect((await get(`${path}&limit=1&offset=1`)).body).toEqual(second.body);
  });

  it('says of several repos what they hold together, and since when', async () => {
    const answer = await get('/search?query=token');
    expect(answer.headers.get('sightline-repo')).toBeNull();
    const of = async (name: string) =>
      Number(
        /indexed=(\d+)/.exec(
          (await get(`/search?query=x&repo=${name}`)).headers.get('sightline-coverage')!,
        )![1],
      );
    const names = [repo, other].map((each) => each.scope.repo.name);
    const both = await get(`/search?query=${encodeURIComponent(`token repo:${names[0]} repo:${names[1]}`)}`);
    const sum = (await of(names[0]!)) + (await of(names[1]!));
    expect(both.headers.get('sightline-coverage')).toBe(`indexed=${sum}, skipped=0`);
    expect(both.headers.get('sightline-indexed-at')).toMatch(/^2026-/);
  });

  it('suggests the paths that a path filter may have meant', async () => {
    const answer = await get(`/search?query=path:src/ruter.ts&repo=${named()}&ref=main`);
    expect(answer.text).toBe('[]');
    expect(answer.headers.get('sightline-empty-reason')).toBe('no_match');
    expect(answer.headers.get('sightline-suggest')).toBe(encodeURIComponent('src/router.ts'));
  });

  it('answers an empty array with its reason and the nearest names', async () => {
    const answer = await get(`/search?query=x&repo=${named()}x`);
    expect([answer.status, answer.text]).toEqual([200, '[]']);
    expect(answer.headers.get('sightline-empty-reason')).toBe('no_access_or_missing');
    expect(answer.headers.get('sightline-suggest')).toContain(named());
  });

  it.each([
    ['query=', 'query/query'],
    ['', 'query/query'],
    ['query=x&limit=0', 'query/limit'],
    ['query=x&limit=101', 'query/limit'],
    ['query=x&limit=ten', 'query/limit'],
    ['query=x&offset=-1', 'query/offset'],
    ['query=x&page=1&offset=0', 'query/offset'],
    ['query=x&page=500', 'query/page'],
    ['query=x&mode=magic', 'query/mode'],
    ['query=(&mode=regex', 'query/query'],
    [`query=${'x'.repeat(1001)}`, 'query/query'],
    [`query=x&path=${'*a'.repeat(40)}`, 'query/path'],
  ])('refuses %s, naming the parameter', async (search, pointer) => {
    const answer = await get(`/search?${search}`);
    expect(answer.status).toBe(400);
    expect(answer.body.errors?.[0]?.pointer).toBe(pointer);
  });

  it('needs credentials', async () => {
    expect((await call('/api/search?query=x')).status).toBe(401);
  });

  it('searches entities the way Repotoire’s clients do', async () => {
    const answer = await call('/api/v1/code/search', {
      headers: asAdmin,
      body: {
        query: 'refresh a session token',
        top_k: 3,
        entity_types: ['Function'],
        include_related: true,
        repository_id: repo.scope.repo.id,
      },
    });
    expect(answer.status).toBe(200);
    expect(answer.body.results?.[0]).toMatchObject({
      entity_type: 'function',
      name: 'refresh_session_token',
      file_path: 'src/auth.py',
      docstring: 'Issue a new token for a session that is about to expire.',
      repository_id: repo.scope.repo.id,
    });
    expect(answer.body).toMatchObject({
      search_strategy: expect.stringContaining('hybrid'),
      total: expect.any(Number),
      repository: repo.scope.repo.name,
      commit_sha: expect.stringMatching(/^[0-9a-f]{40}$/),
      indexed_at: expect.any(String),
      coverage: { indexed: 6, skipped: 0, reasons: {} },
    });
    expect(answer.headers.get('sightline-repo')).toBe(repo.scope.repo.name);
    const method = await call('/api/v1/code/search', {
      headers: asAdmin,
      body: { query: 'matchRoute', include_related: true, entity_types: ['class', 'method'] },
    });
    expect(
      (method.body.results as unknown as { related: { name: string }[] }[])[0]!.related.map(
        (each) => each.name,
      ),
    ).toContain('addRoute');
  });

  it('refuses a code search with a wrong field, naming it', async () => {
    for (const [body, pointer] of [
      [{ query: 'x', top_k: 0 }, '/top_k'],
      [{ query: 'x', unknown: 1 }, '/unknown'],
      [{}, '/query'],
      [{ query: '/(/' }, '/query'],
    ] as const) {
      const answer = await call('/api/v1/code/search', { headers: asAdmin, body });
      expect(answer.status).toBe(400);
      expect(answer.body.errors?.[0]?.pointer).toBe(pointer);
    }
  });

  it('tells which model embeds, and how much has its vectors', async () => {
    const { body } = await call('/api/v1/code/embeddings/status', { headers: asAdmin });
    expect(body).toMatchObject({
      enabled: true,
      model: MODEL.id,
      strategy: 'stored',
      vector_store: 'embedded',
      used_in_hybrid: true,
      embedding_coverage: 100,
      stale_percentage: 0,
    });
    expect(body.stored_vectors).toBe(body.by_entity_type?.chunk?.total);
    expect(body.by_entity_type?.function?.total).toBeGreaterThan(1);
  });
});
