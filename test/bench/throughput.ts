/**
 * What identity, exact limits and ETags leave of the runtime's throughput: authenticated, rate-limited requests beside a
 * reference Worker of the same wrangler session (reference/worker.ts), which does one object write and one D1 read a
 * request and nothing else.
 *
 * The two are asked in turn, many short rounds, and a ratio is the median of the rounds': what else the machine does
 * falls on both.
 */
import { Agent, request } from 'node:http';
import path from 'node:path';
import { createClient } from '../../src/client/client.ts';
import { startServer } from '../../src/local/server.ts';
import { BENCH, PORT, type Repository, registerAndIndex, type Session } from './session.ts';
import { median } from './table.ts';

const CLIENTS = 16;
const ROUNDS = 15;
const REQUESTS = 400;
const WARM_UP = 1500;
/** One after another, for what a single request costs. */
const ALONE = 400;

/** A request that is asked again and again. */
interface Asked {
  path: string;
  headers: Record<string, string>;
  status: number;
}

interface Round {
  perSecond: number;
  /** Milliseconds. */
  p50: number;
}

export async function measureThroughput(session: Session, [repository]: Repository[]): Promise<void> {
  const stateDir = path.join(session.scratch, 'throughput');
  const server = await startServer(
    {
      ...process.env,
      PORT: String(PORT + 30),
      STATE_DIR: stateDir,
      EGRESS_ALLOW: new URL(session.git.url).host,
      RATE_LIMITS: JSON.stringify({ 'plan-enterprise': '100000000/h', anonymous: '100000000/h' }),
    },
    { front: path.join(BENCH, 'reference/wrangler.toml') },
  );
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
  try {
    const { name, url } = repository!;
    const api = createClient({ baseUrl: server.url, apiKey: server.credentials.api_key });
    await registerAndIndex({ ...session, api }, name, url);
    const key = { 'x-api-key': server.credentials.api_key };
    const repo = `/api/v1/repos/${encodeURIComponent(name)}`;
    const asked = (path: string, status = 200): Asked => ({ path, headers: key, status });
    const tagged = async (path: string): Promise<Asked> => {
      const answer = await fetch(server.url + path, { headers: key });
      await answer.arrayBuffer();
      return { path, headers: { ...key, 'if-none-match': answer.headers.get('etag')! }, status: 304 };
    };
    const reference: Asked = { path: '/reference', headers: {}, status: 200 };
    const run = (one: Asked, clients: number, count: number) => load(server.url, agent, one, clients, count);

    for (const [what, one, ratio] of [
      ['a GET of who you are, 304', await tagged('/api/v1/users/me'), 0.8],
      ['a GET of a repository, 304', await tagged(repo), 0.8],
      ['a GET of a tree, 304', await tagged(`${repo}/refs/HEAD/tree`), 0.8],
      ['a GET of all repositories, 304', await tagged('/api/v1/repos'), 0.8],
      ['identity and limits alone', asked('/api/v1/git-credentials/hosts'), 0.8],
      ['a search', asked('/api/v1/search?query=request'), 0.5],
    ] as const) {
      await run(reference, CLIENTS, WARM_UP);
      await run(one, CLIENTS, WARM_UP);
      const rounds: { ours: Round; theirs: Round }[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const theirs = await run(reference, CLIENTS, REQUESTS);
        rounds.push({ theirs, ours: await run(one, CLIENTS, REQUESTS) });
      }
      const theirs = median(rounds.map((round) => round.theirs.perSecond));
      // The rounds' own ratio, told as a figure of ours beside the reference's.
      const ours = theirs * median(rounds.map((round) => round.ours.perSecond / round.theirs.perSecond));
      session.rows.push({
        what: `throughput: ${what}`,
        repository: name,
        ours,
        unit: '/s',
        peer: 'an object write and a D1 read',
        theirs,
        aim: { ratioAtLeast: ratio },
      });
      console.log(
        `throughput, ${what}: ${ours.toFixed(0)}/s, reference ${theirs.toFixed(0)}/s, ${(ours / theirs).toFixed(2)}`,
      );
    }

    const open: Asked = { path: '/api/v1/health/version', headers: {}, status: 200 };
    const costs: number[] = [];
    for (let round = 0; round < 5; round++) {
      const without = await run(open, 1, ALONE);
      const withBoth = await run(asked('/api/v1/git-credentials/hosts'), 1, ALONE);
      costs.push(withBoth.p50 - without.p50);
    }
    session.rows.push({
      what: 'identity and limits, p50 of a request',
      repository: '',
      ours: median(costs),
      unit: 'ms',
      aim: { atMost: 5 },
    });
  } finally {
    agent.destroy();
    await server.stop();
  }
}

/** Asks so many times, at most `clients` at once. @throws Error when an answer has another status */
async function load(url: string, agent: Agent, one: Asked, clients: number, count: number): Promise<Round> {
  const times: number[] = [];
  let left = count;
  const started = performance.now();
  const client = async () => {
    while (left-- > 0) {
      const sent = performance.now();
      const status = await ask(url, agent, one);
      if (status !== one.status) throw new Error(`${one.path} answered ${status}`);
      times.push(performance.now() - sent);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  const took = (performance.now() - started) / 1000;
  return { perSecond: count / took, p50: median(times) };
}

/** `node:http`, because fetch costs the client more than the server takes. */
function ask(url: string, agent: Agent, { path, headers }: Asked): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(url + path, { agent, headers }, (answer) => {
      answer.resume();
      answer.once('end', () => resolve(answer.statusCode!));
    });
    sent.once('error', reject);
    sent.end();
  });
}
