import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ApiError, answer } from '../../src/client/client.ts';
import { CHECKOUT, ended, startServer } from '../e2e/server-process.ts';
import {
  type AnsweredEdge,
  COUNTED,
  type Judged,
  LANGUAGES,
  type Language,
  type Measures,
  measure,
  type Site,
  sitesOf,
} from '../navigation/truth.ts';
import { repositoryOf } from './sources.ts';

/** Callers, callees and references of real packages, asked of a running server, against call sites read by hand. */
const scratch = mkdtempSync(path.join(tmpdir(), 'sightline-navigation-'));
const repositories = path.join(scratch, 'repositories');
const truth = new Map(LANGUAGES.map((language) => [language, sitesOf(language)]));
let server: Awaited<ReturnType<typeof startServer>>;

beforeAll(async () => {
  const sources = new Map([...truth.values()].flat().map((site) => [site.package, site.version]));
  for (const [name, version] of sources) repositoryOf(repositories, name, version);
  server = await startServer(path.join(scratch, 'state'), {
    LOCAL_REPOS: repositories,
    RATE_LIMITS: '{"plan-enterprise":"100000/m"}',
  });
  const jobs = [];
  for (const name of sources.keys()) {
    const localPath = path.join(repositories, name);
    const body = { name, localPath, sync: ['HEAD'] };
    jobs.push(await answer(server.api.POST('/api/v1/repos', { body })));
  }
  for (const { jobId } of jobs) await ended(server.api, jobId, 300_000);
  for (const name of sources.keys()) await indexed(name);
}, 600_000);

afterAll(async () => {
  await server?.running.stop();
  rmSync(scratch, { recursive: true, force: true });
});

async function indexed(name: string): Promise<void> {
  const deadline = Date.now() + 300_000;
  while (Date.now() < deadline) {
    const { refs } = await answer(server.api.GET('/api/v1/repos/{name}', { params: { path: { name } } }));
    if (refs.some(({ stage }) => stage === 'ready')) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`${name} is not indexed`);
}

const BASE = '/api/v1/repos/{name}/refs/{ref}' as const;
type Params = ReturnType<typeof pageOf>;

function pageOf(site: Site, symbolName: string, file: string | null, page: number) {
  const query = { page, per_page: 100, ...(file === null ? {} : { path: file }) };
  return { path: { name: site.package, ref: 'HEAD', symbolName }, query };
}

const callersOf = async (params: Params) =>
  (await answer(server.api.GET(`${BASE}/callers/{symbolName}`, { params }))).callers;
const calleesOf = async (params: Params) =>
  (await answer(server.api.GET(`${BASE}/callees/{symbolName}`, { params }))).callees;
const referencesOf = (params: Params) =>
  answer(server.api.GET(`${BASE}/references/{symbolName}`, { params }));

/** Every page of an answer; empty for a symbol that is not there. */
async function all<T>(
  ask: (params: Params) => Promise<T[]>,
  site: Site,
  symbol: string,
  file: string | null,
): Promise<T[]> {
  const found: T[] = [];
  for (let page = 1; ; page++) {
    try {
      const items = await ask(pageOf(site, symbol, file, page));
      found.push(...items);
      if (items.length < 100) return found;
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return found;
      throw error;
    }
  }
}

/** The edges of the call itself: among its caller's callees, or where the caller has no name, among the callers of its name. */
async function edgesOf(site: Site): Promise<AnsweredEdge[]> {
  if (site.caller === null) {
    const callers = await all(callersOf, site, site.call, null);
    return callers
      .filter(({ filePath, line }) => filePath === site.path && line === site.line)
      .map(({ target, confidence }) => ({
        target: `${target.filePath}#${target.qualifiedName}`,
        confidence,
      }));
  }
  const callees = await all(calleesOf, site, site.caller, site.path);
  const isRenamed = site.kind === 'alias' || site.call === 'super' || site.call === 'this';
  return callees
    .filter(
      ({ callFilePath, line, name }) =>
        callFilePath === site.path && line === site.line && (isRenamed || name === site.call),
    )
    .map(({ filePath, qualifiedName, confidence }) => ({
      target: `${filePath}#${qualifiedName}`,
      confidence,
    }));
}

/** True when the callers of the site's callee name this call, and the function around it. */
async function isNamedByCallers(site: Site): Promise<boolean> {
  for (const place of site.callee) {
    const [file, symbol] = place.split('#') as [string, string];
    const callers = await all(callersOf, site, symbol, file);
    const call = callers.find(
      ({ filePath, line, confidence }) =>
        filePath === site.path && line === site.line && confidence >= COUNTED,
    );
    if (call) return site.caller === null || call.qualifiedName === site.caller;
  }
  return false;
}

const IMPORTED = new Set(['import', 'alias', 're-export', 'static-import']);

async function isReferenced(site: Site): Promise<boolean> {
  const [file, symbol] = site.callee[0]!.split('#') as [string, string];
  const references = await all(referencesOf, site, symbol, file);
  return references.some(({ filePath }) => filePath === site.path);
}

const judged = new Map<Language, Judged[]>();
const measured = new Map<Language, Measures>();

describe.each([...LANGUAGES])('%s', (language) => {
  const sites = truth.get(language)!;

  test('callees are right and complete, and sure edges are right', async () => {
    expect(sites.length).toBeGreaterThanOrEqual(40);
    const answers: Judged[] = [];
    for (const site of sites) answers.push({ site, edges: await edgesOf(site) });
    judged.set(language, answers);
    const measures = measure(answers);
    measured.set(language, measures);
    expect(measures.precision).toBeGreaterThanOrEqual(0.95);
    expect(measures.f1).toBeGreaterThanOrEqual(0.93);
    expect(measures.buckets[0]!.right).toBeGreaterThanOrEqual(0.95);
  }, 300_000);

  test('callers name the same calls', async () => {
    const inside = sites.filter((site) => site.callee.length > 0);
    const missing: string[] = [];
    for (const site of inside) {
      if (!(await isNamedByCallers(site))) missing.push(`${site.path}:${site.line} ${site.call}`);
    }
    expect(missing.length / inside.length, missing.join('\n')).toBeLessThanOrEqual(0.07);
  }, 300_000);

  test('references name the files that import the callee', async () => {
    // Members come with their types, except where a language imports them by themselves.
    const imported = sites.filter(
      ({ callee, kind }) =>
        IMPORTED.has(kind) &&
        callee.length > 0 &&
        (kind === 'static-import' || !callee[0]!.split('#')[1]!.includes('.')),
    );
    const missing: string[] = [];
    for (const site of imported) {
      if (!(await isReferenced(site))) missing.push(`${site.path} ${site.callee[0]}`);
    }
    expect(missing).toEqual([]);
  }, 300_000);
});

test('the table of the page on navigation is what is measured now', () => {
  const overall = measure([...judged.values()].flat());
  const rows = [...measured, ['all', overall] as const].map(
    ([name, { sites, precision, recall, f1, buckets }]) => {
      const cells = buckets.map(({ edges, right }) => (edges === 0 ? '–' : `${edges}: ${right.toFixed(3)}`));
      return `| ${[name, sites, precision.toFixed(3), recall.toFixed(3), f1.toFixed(3), ...cells].join(' | ')} |`;
    },
  );
  const table = [
    '| language | call sites | precision | recall | F1 | ≥ 0.9 | 0.7–0.9 | 0.5–0.7 | < 0.5 |',
    '|---|---|---|---|---|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
  const page = path.join(CHECKOUT, 'src/answer/navigate/README.md');
  expect(readFileSync(page, 'utf8'), table).toContain(table);
  expect(overall.buckets[0]!.right).toBeGreaterThanOrEqual(0.95);
});
