import { beforeAll, describe, expect, it } from 'vitest';
import { answer, type Schemas } from '../../../src/client/client.ts';
import { initParser, parseBlob } from '../../../src/ingest/parse/parse.ts';
import { asAdmin, call, clientOf } from '../../http/call.ts';
import { addRef, createRepo, sync, type TestRepo } from '../../ingest/indexing/support.ts';

const session = `import { sign } from './sign';

export interface SessionStore {
  load(id: string): Promise<string | null>;
}

export class Sessions {
  constructor(private readonly store: SessionStore) {}

  async refresh(id: string): Promise<string> {
    const token = await this.store.load(id);
    if (token === null) throw new Error('session is gone; sign in again');
    return sign(token);
  }
}
`;
const sign = `export function sign(token: string): string {
  return token.toUpperCase();
}
`;
const handler = `import { Sessions } from './session';

export async function handleRefresh(sessions: Sessions, id: string): Promise<string> {
  return sessions.refresh(id);
}
`;
const spec = `import { Sessions } from '../src/session';

test('refreshes a session', async () => {
  expect(await new Sessions(store).refresh('1')).toBe('TOKEN');
});
`;
const files = {
  'README.md': '# Sessions\n\nA server that refreshes sessions before they expire.\n',
  'package.json': '{ "name": "sessions", "main": "src/index.ts" }\n',
  src: {
    'index.ts': "export { Sessions } from './session';\n",
    'session.ts': session,
    'sign.ts': sign,
    'handler.ts': handler,
  },
  test: { 'session.test.ts': spec },
};
const parse = (bytes: Uint8Array, lang: string) => parseBlob(bytes, lang);
let repo: TestRepo;

beforeAll(async () => {
  await initParser();
  repo = await createRepo(1);
  await sync(repo, files, { parse });
});

const client = clientOf(asAdmin);
/** The answer to a request, whatever it is. */
const ask = (body: Schemas['ContextRequest'], name = repo.scope.repo.id) =>
  client.POST('/api/v1/repos/{name}/context', { params: { path: { name } }, body });
const build = (body: Schemas['ContextRequest']) => answer(ask(body));

describe('context packs', () => {
  it('explain: answers the question first, with provenance and exact lines', async () => {
    const pack = await build({ strategy: 'explain', query: 'how is a session refreshed?' });
    expect(pack).toMatchObject({
      strategy: 'explain',
      repo: repo.scope.repo.name,
      ref: 'main',
      tokenizer: 'cl100k_base',
    });
    expect(pack.chunks[0]!.filePath).toBe('src/session.ts');
    expect(pack.chunks.map((chunk) => chunk.filePath)).toContain('README.md');
    for (const chunk of pack.chunks.filter((each) => each.filePath === 'src/session.ts')) {
      expect(chunk.content).toBe(
        session
          .split('\n')
          .slice(chunk.startLine - 1, chunk.endLine)
          .join('\n'),
      );
    }
    expect(pack.formatted).toMatch(/^## File: src\/session\.ts \(lines \d+-\d+\)\n/);
  });

  it('explain without a question: the README, the manifest, the entry points', async () => {
    const { chunks } = await build({ strategy: 'explain' });
    const paths = chunks.map((chunk) => chunk.filePath);
    expect(paths.slice(0, 3)).toEqual(['README.md', 'package.json', 'src/index.ts']);
  });

  it('implement: similar code, contracts and tests', async () => {
    const { chunks } = await build({ strategy: 'implement', query: 'refresh a session from the store' });
    const annotations = chunks.map((chunk) => chunk.annotation.split(':')[0]);
    expect(annotations).toContain('Similar code');
    expect(chunks.some((chunk) => chunk.filePath === 'test/session.test.ts')).toBe(true);
  });

  it('debug: the stack frame, the code that says the words, and who calls it', async () => {
    const query =
      'Error: session is gone; sign in again\n    at Sessions.refresh (/app/src/session.ts:12:30)';
    const { chunks } = await build({ strategy: 'debug', query });
    expect(chunks[0]).toMatchObject({ filePath: 'src/session.ts' });
    expect(chunks[0]!.content).toContain('session is gone');
    expect(chunks.map((chunk) => chunk.filePath)).toContain('src/handler.ts');
  });

  it('focuses on paths, and warns of those that do not exist', async () => {
    const { chunks, warnings } = await build({
      strategy: 'explain',
      paths: ['src/sign.ts', 'nope/x.ts', 'test'],
    });
    const paths = chunks.slice(0, 2).map((chunk) => chunk.filePath);
    expect(paths).toEqual(['src/sign.ts', 'test/session.test.ts']);
    expect(warnings).toEqual(['nope/x.ts: no indexed file of this name']);
  });

  it('never exceeds maxTokens, even at one', async () => {
    for (const maxTokens of [1, 10, 60, 200]) {
      for (const strategy of ['explain', 'implement', 'debug', 'recent-changes'] as const) {
        const pack = await build({ strategy, query: 'session', maxTokens });
        expect(pack.totalTokens).toBeLessThanOrEqual(maxTokens);
        expect(pack.maxTokens).toBe(maxTokens);
      }
    }
  });
});

describe('recent changes', () => {
  it('counts every file as new, and says so, when nothing earlier is kept', async () => {
    const { warnings, changedFiles } = await build({ strategy: 'recent-changes' });
    expect(warnings[0]).toMatch(/every file counts as new/);
    expect(changedFiles).toHaveLength(7);
  });

  it('shows the changed regions between two refs, and the files that came, went and moved', async () => {
    const changed = session.replace('sign in again', 'please sign in again');
    const next = {
      ...files,
      src: {
        'index.ts': files.src['index.ts'],
        'session.ts': changed,
        'signing.ts': sign,
        'new.ts': 'export const added = 1;\n',
      },
    };
    await addRef(repo, 'next');
    await sync(repo, next, { ref: 'next', parse });
    const pack = await build({ strategy: 'recent-changes', ref: 'next', fromRef: 'main' });
    expect(pack.changedFiles).toEqual([
      { path: 'src/session.ts', status: 'modified' },
      { path: 'src/new.ts', status: 'added' },
      { path: 'src/signing.ts', status: 'renamed', previousPath: 'src/sign.ts' },
      { path: 'src/handler.ts', status: 'deleted' },
    ]);
    const [first] = pack.chunks;
    expect(first).toMatchObject({
      filePath: 'src/session.ts',
      annotation: 'Changed: +1 -1 lines',
    });
    expect(first!.content).toContain('please sign in again');
    expect(first!.endLine - first!.startLine).toBeLessThan(8);
  });

  it('compares with what the ref served before by default', async () => {
    const later = { ...files, 'README.md': '# Sessions\n\nChanged.\n' };
    await sync(repo, later, { parse });
    const { changedFiles, fromRef } = await build({ strategy: 'recent-changes', ref: 'main' });
    expect(changedFiles).toEqual([{ path: 'README.md', status: 'modified' }]);
    expect(fromRef).toMatch(/^[0-9a-f]{40}$/);
  });

  it('answers 404 with the field and the reason for a ref or fromRef that is not indexed', async () => {
    for (const [body, pointer] of [
      [{ ref: 'nope' }, '/ref'],
      [{ ref: 'next', fromRef: 'nope' }, '/fromRef'],
    ] as const) {
      const { error } = await ask({ strategy: 'recent-changes', ...body });
      expect([error?.status, error?.reason]).toEqual([404, 'not_indexed']);
      expect(error?.errors?.[0]?.pointer).toBe(pointer);
    }
  });
});

describe('requests that are refused', () => {
  it.each([
    [{}, '/strategy'],
    [{ strategy: 'guess' }, '/strategy'],
    [{ strategy: 'explain', maxTokens: 0 }, '/maxTokens'],
    [{ strategy: 'explain', maxTokens: 1.5 }, '/maxTokens'],
    [{ strategy: 'explain', paths: 'src' }, '/paths'],
    [{ strategy: 'explain', max_tokens: 5 }, '/max_tokens'],
  ])('%j is a 400 that names the field', async (body, pointer) => {
    // Its types would not let it through.
    const { error } = await ask(body as Schemas['ContextRequest']);
    expect([error?.status, error?.errors?.[0]?.pointer]).toEqual([400, pointer]);
  });

  it('an unknown repo is a 404, a caller without credentials a 401', async () => {
    expect((await ask({ strategy: 'explain' }, 'none')).response.status).toBe(404);
    const path = `/api/repos/${repo.scope.repo.id}/context`;
    expect((await call(path, { body: { strategy: 'explain' } })).status).toBe(401);
  });
});
