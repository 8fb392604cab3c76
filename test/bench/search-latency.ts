/**
 * Search over a million lines: every repository given is indexed, and a search asks all of them at once, through the API
 * of a real `npm start`. Eight clients ask in a closed loop (each asks its next query when it has its answer), so on one
 * thread a latency is eight times the work of a query.
 *
 * Peers: bare FTS5 on copies of the same tables behind a fetch handler of workerd (floor/search.ts), asked the same
 * expressions by as many clients; `rg` over checkouts and `csearch` with its index, as many processes at once.
 */
import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { clauseWords, planQuery, type SearchMode } from '../../src/answer/search/query-plan.ts';
import { anyTerm, clauseTerms } from '../../src/answer/search/terms.ts';
import { answer } from '../../src/client/client.ts';
import { startWorker } from './floor-in-workerd.ts';
import type { IndexFiles } from './index-files.ts';
import { drawQueries } from './queries.ts';
import { indexAll, PORT, type Repository, type Session, workTree } from './session.ts';
import type { Row } from './table.ts';

const CLIENTS = 8;
const QUERIES = 160;
const MIN_LINES = 1_000_000;
/** As `candidates.ts` asks. */
const WEIGHTS = 'bm25(1, 0.8, 3)';
const LIMIT = 80;

export async function measureSearch(session: Session, repositories: Repository[]): Promise<void> {
  const { api, rows } = session;
  const { indexes, lines } = await indexAll(session, repositories);
  const over = `${(lines / 1e6).toFixed(2)} M lines`;
  console.log(`search: ${repositories.length} repositories, ${lines} lines`);
  if (lines < MIN_LINES) console.log(`search: less than ${MIN_LINES} lines; give more repositories`);
  const queries = drawQueries(indexes, QUERIES);
  const ask = (mode: SearchMode) => async (query: string) => {
    await answer(api.GET('/api/v1/search', { params: { query: { query, mode } } }));
  };
  const row = (what: string, ours: number, more: Partial<Row> = {}) =>
    rows.push({ what, repository: over, ours, unit: 'ms', ...more });
  const report = (what: string, times: Times, peers: [string, Times, number | null][] = []) => {
    const beside = peers.map(([peer, { p50 }]) => `, ${peer} ${p50.toFixed(1)}`).join('');
    console.log(
      `search, ${what}: p50 ${times.p50.toFixed(1)} ms, p95 ${times.p95.toFixed(1)}, p99 ${times.p99.toFixed(1)}${beside}`,
    );
    row(`${what}, p50`, times.p50, { aim: { atMost: 50 } });
    row(`${what}, p95`, times.p95);
    row(`${what}, p99`, times.p99);
    for (const [peer, theirs, ratio] of peers)
      row(`${what}, p50`, times.p50, {
        peer,
        theirs: theirs.p50,
        ...(ratio !== null && { aim: { ratioAtMost: ratio } }),
      });
  };
  await timed(queries.identifiers.slice(0, 40), CLIENTS, ask('hybrid'));

  const floor = await startSearchFloor(session, indexes);
  try {
    for (const [what, set] of [
      ['identifiers', queries.identifiers],
      ['six words', queries.sentences],
    ] as const) {
      const ours = await timed(set, CLIENTS, ask('lexical'));
      await timed(set.slice(0, 20), CLIENTS, floor.ask);
      const bare = await timed(set, CLIENTS, floor.ask);
      report(`lexical, ${what}`, ours, [['bare FTS5 in workerd', bare, 3]]);
    }
  } finally {
    floor.stop();
  }

  const trees = await Promise.all(repositories.map(({ name, url }) => workTree(session, name, url)));
  const codesearch = searchTools(session, trees);
  for (const mode of ['literal', 'regex'] as const) {
    const set = mode === 'literal' ? queries.literals : queries.regexes;
    const ours = await timed(set, CLIENTS, ask(mode));
    const fixed = mode === 'literal';
    report(`${mode}, 8 clients`, ours, [
      ['rg', await timed(set.slice(0, 40), CLIENTS, (query) => codesearch.rg(query, fixed)), null],
      ['csearch', await timed(set.slice(0, 40), CLIENTS, (query) => codesearch.csearch(query, fixed)), null],
    ]);
  }
  report('symbol, 8 clients', await timed(queries.symbols, CLIENTS, ask('symbol')));
  const mixed = queries.identifiers.flatMap((query, at) => [query, queries.sentences[at]!]).slice(0, QUERIES);
  for (const mode of ['semantic', 'hybrid'] as const) {
    report(`${mode}, 1 client`, await timed(mixed, 1, ask(mode)));
    const { perSecond } = await timed(mixed, CLIENTS, ask(mode));
    rows.push({ what: `${mode}, 8 clients`, repository: over, ours: perSecond, unit: '/s' });
  }
}

interface Times {
  p50: number;
  p95: number;
  p99: number;
  perSecond: number;
}

/** Milliseconds a query, asked by so many clients in a closed loop. */
async function timed(
  queries: string[],
  clients: number,
  ask: (query: string) => Promise<void>,
): Promise<Times> {
  const times: number[] = [];
  let next = 0;
  const started = performance.now();
  const client = async () => {
    for (let at = next++; at < queries.length; at = next++) {
      const asked = performance.now();
      await ask(queries[at]!);
      times.push(performance.now() - asked);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  const took = performance.now() - started;
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))]!;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), perSecond: (queries.length / took) * 1000 };
}

/** Copies of the shards behind `floor/search.ts`, asked what a lexical search asks FTS5. */
async function startSearchFloor(session: Session, indexes: IndexFiles[]) {
  const state = path.join(session.scratch, 'search-floor');
  const folder = path.join(state, 'v3/d1/miniflare-D1DatabaseObject');
  mkdirSync(folder, { recursive: true });
  const shards = [...new Map(indexes.map((files) => [files.shardFile, files.shard]))];
  for (const [file, shard] of shards) {
    const copy = path.join(folder, path.basename(file));
    rmSync(copy, { force: true });
    shard.prepare('VACUUM INTO ?').run(copy);
  }
  const worker = await startWorker('search.toml', PORT + 20, state);
  const order = indexes.map((files): [number, string] => [shardOf(files), `text_${files.key}`]);
  return {
    stop: worker.stop,
    async ask(query: string): Promise<void> {
      const match = planQuery(query, 'lexical')
        .clauses.map((clause) => anyTerm(clauseTerms(clause), clauseWords(clause)))
        .join(' OR ');
      const body = JSON.stringify({ match, weights: WEIGHTS, limit: LIMIT, tables: order });
      const answer = await fetch(worker.url, { method: 'POST', body });
      const text = await answer.text();
      if (!answer.ok) throw new Error(`the floor answered ${answer.status} ${text.slice(0, 200)}`);
    },
  };
}

function shardOf({ control, key }: IndexFiles): number {
  return Number(control.prepare('SELECT shard FROM repos WHERE key = ?').get(key)!.shard);
}

/** `rg` and `csearch` (Debian's ripgrep and codesearch, installed when they are missing) over checkouts. */
function searchTools({ scratch }: Session, trees: string[]) {
  try {
    execFileSync('rg', ['--version']);
    execFileSync('which', ['cindex', 'csearch']);
  } catch {
    execFileSync('apt-get', ['install', '-y', 'ripgrep', 'codesearch'], { stdio: 'ignore' });
  }
  const env = { ...process.env, CSEARCHINDEX: path.join(scratch, 'csearchindex') };
  execFileSync('cindex', trees, { env, stdio: 'ignore' });
  const run = async (command: string, args: string[]) => {
    // They end with 1 when nothing is found.
    await promisify(execFile)(command, args, { env, maxBuffer: 1 << 28 }).catch(
      (error: { code?: unknown }) => {
        if (error.code !== 1) throw error;
      },
    );
  };
  const escaped = (text: string) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
  return {
    rg: (query: string, fixed: boolean) => run('rg', ['-n', ...(fixed ? ['-F'] : []), '-e', query, ...trees]),
    csearch: (query: string, fixed: boolean) => run('csearch', ['-n', fixed ? escaped(query) : query]),
  };
}
