/**
 * `npm run demo [-- <URL or path>]`: five minutes with Sightline. Starts the server (or uses the one that runs from this
 * state directory), registers a repository, shows its indexing live, asks a few questions, and leaves the server up.
 */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { ApiError, answer, type Client, createClient, JobError, type Schemas } from '../client/client.ts';
import { stopWithParent } from './lifetime.ts';
import { followJob } from './progress-bar.ts';
import { CHECKOUT, type LocalServer, runningServer, StartError, startServer } from './server.ts';

interface Source {
  name: string;
  body: { localPath: string } | { remoteUrl: string };
  localRepos: string[];
  egressAllow: string[];
}

try {
  const source = await sourceOf(process.argv[2]);
  const { server, started } = await serverFor(source);
  const api = createClient({ baseUrl: server.url, apiKey: server.credentials.api_key });
  await tour(api, source);
  const docs = `\nThe server ${started ? 'stays up' : 'was up already and stays'}: ${server.url}
  Docs         ${server.url}/docs   (ReDoc: /redoc, OpenAPI: /openapi.json)
  Key          "api_key" in ${server.credentialsFile}
  Try          curl -H "X-API-Key: $(node -p 'require("${server.credentialsFile}").api_key')" \\
                 "${server.url}/api/search?query=parse&limit=3"`;
  console.log(docs);
  if (!started) process.exit(0);
  console.log('\nCtrl-C ends it.');
  process.exit((await server.exited) === 0 ? 0 : 1);
} catch (error) {
  if (![StartError, ApiError, JobError].some((kind) => error instanceof kind)) throw error;
  console.error(`\n${(error as Error).message}`);
  process.exit(1);
}

/** What the argument means: a URL, a path, or nothing (this checkout). */
async function sourceOf(argument: string | undefined): Promise<Source> {
  if (argument && /^[a-z][a-z0-9+.-]*:\/\//i.test(argument)) {
    const url = URL.canParse(argument) ? new URL(argument) : null;
    if (!url) throw new StartError(`${argument} is not a URL`);
    const name = path.basename(url.pathname).replace(/\.git$/, '') || url.hostname;
    // A host that the operator typed here is one they allow, loopback included; the server asks nobody else.
    return {
      name,
      body: { remoteUrl: argument },
      localRepos: [],
      egressAllow: url.protocol === 'http:' ? [url.host] : [],
    };
  }
  const directory = path.resolve(argument ?? CHECKOUT);
  if (!(await stat(directory).catch(() => null))?.isDirectory())
    throw new StartError(`${directory} is not a directory`);
  return {
    name: path.basename(directory).replace(/\.git$/, ''),
    body: { localPath: directory },
    localRepos: [CHECKOUT, directory],
    egressAllow: [],
  };
}

async function serverFor(source: Source): Promise<{
  server: Pick<LocalServer, 'url' | 'credentials' | 'credentialsFile' | 'exited'>;
  started: boolean;
}> {
  const running = await runningServer(process.env);
  if (running) return { server: running, started: false };
  console.log('Starting the API and the indexer …');
  const starting = startServer(process.env, source);
  stopWithParent(async () => (await starting.catch(() => null))?.stop());
  const server = await starting;
  console.log(`Ready on ${server.url}`);
  return { server, started: true };
}

/** An indexed ref. */
interface At {
  name: string;
  ref: string;
}

async function tour(api: Client, source: Source): Promise<void> {
  const at = await register(api, source);
  const { name, ref } = at;
  heading(`Indexing ${name}@${ref}`);
  const sync = await answer(
    api.POST('/api/v1/repos/{name}/sync', { params: { path: { name } }, body: { ref } }),
  );
  await followJob(api, sync.jobId);

  const symbol = await wellConnectedSymbol(api, at);
  const words = symbol
    ? symbol.name
        .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
        .replaceAll('_', ' ')
        .toLowerCase()
    : 'read me';
  await showSearch(api, name, words);
  if (symbol) {
    showCallers(symbol);
    await showOutline(api, at, symbol.filePath);
  }
  await showContext(api, name, words);
}

/** Registers the repository, or finds it registered by an earlier run, and waits for its mirror. */
async function register(api: Client, source: Source): Promise<At> {
  heading(`Registering ${source.name}`);
  const existing = (await answer(api.GET('/api/v1/repos'))).find((repo) => repo.name === source.name);
  if (existing) console.log('  registered already');
  else {
    const body = { name: source.name, ...source.body };
    await followJob(api, (await answer(api.POST('/api/v1/repos', { body }))).jobId);
  }
  const params = { path: { name: source.name } };
  const repo = await answer(api.GET('/api/v1/repos/{name}', { params }));
  return { name: repo.name, ref: repo.defaultBranch ?? 'HEAD' };
}

type Connected = Schemas['FindResult'] & Pick<Schemas['Callers'], 'callers' | 'total'>;

/**
 * A function that others call: among the first that `find` names outside tests, those defined once, the most called.
 * A name of several words makes a search that a person would type.
 */
async function wellConnectedSymbol(api: Client, path: At): Promise<Connected | null> {
  const symbols = await answer(
    api.GET('/api/v1/repos/{name}/refs/{ref}/find', {
      params: { path, query: { pattern: '*', kind: 'symbol', limit: 100 } },
    }),
  );
  const times = (name: string) => symbols.filter((s) => s.name === name).length;
  const candidates = symbols
    .filter((s) => ['function', 'method'].includes(s.kind) && !/test|spec|example/i.test(s.filePath))
    .filter((s) => times(s.name) === 1 && /[a-z0-9][A-Z]|\w_\w/.test(s.name))
    .slice(0, 15);
  let best: Connected | null = null;
  for (const symbol of candidates.length > 0 ? candidates : symbols.slice(0, 5)) {
    const params = { path: { ...path, symbolName: symbol.name }, query: { limit: 5 } };
    const callers = await answer(api.GET('/api/v1/repos/{name}/refs/{ref}/callers/{symbolName}', { params }));
    if (!best || callers.total > best.total) best = { ...symbol, ...callers };
  }
  return best;
}

async function showSearch(api: Client, repo: string, words: string): Promise<void> {
  heading(`Search: ${words}`);
  const started = performance.now();
  const query = { repo, limit: 5, query: words };
  const hits = await answer(api.GET('/api/v1/search', { params: { query } }));
  for (const hit of hits) {
    console.log(
      `  ${hit.score.toFixed(2)}  ${hit.filePath}:${hit.startLine}-${hit.endLine}  ${hit.symbolName ?? ''}`,
    );
  }
  console.log(`  (${hits.length} hits in ${Math.round(performance.now() - started)} ms)`);
}

function showCallers(symbol: Connected): void {
  heading(`Symbol: ${symbol.name}, with its callers`);
  console.log(`  ${symbol.signature}\n  ${symbol.filePath}:${symbol.startLine}`);
  for (const caller of symbol.callers) {
    const name = caller.qualifiedName ?? '(file level)';
    console.log(
      `    ← ${name}  ${caller.filePath}:${caller.line}  confidence ${caller.confidence.toFixed(2)}`,
    );
  }
  if (symbol.total > symbol.callers.length) console.log(`    … ${symbol.total} in all`);
}

async function showOutline(api: Client, path: At, file: string): Promise<void> {
  heading(`Outline: ${file}`);
  const query = { path: file, includeSymbols: true };
  const { symbols = [] } = await answer(
    api.GET('/api/v1/repos/{name}/refs/{ref}/file', { params: { path, query } }),
  );
  for (const symbol of symbols.slice(0, 12)) {
    console.log(`  ${String(symbol.startLine).padStart(5)}  ${symbol.kind.padEnd(10)} ${symbol.name}`);
  }
  if (symbols.length > 12) console.log(`         … ${symbols.length} in all`);
}

async function showContext(api: Client, repo: string, words: string): Promise<void> {
  heading(`Context pack: explain "${words}" in at most 1,500 tokens`);
  const pack = await answer(
    api.POST('/api/v1/repos/{name}/context', {
      params: { path: { name: repo } },
      body: { strategy: 'explain', query: words, maxTokens: 1500 },
    }),
  );
  for (const chunk of pack.chunks) {
    console.log(`  ${chunk.filePath}:${chunk.startLine}-${chunk.endLine}  ${chunk.annotation}`);
  }
  console.log(`  (${pack.totalTokens} tokens)`);
}

function heading(text: string): void {
  console.log(`\n── ${text}`);
}
