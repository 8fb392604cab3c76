/**
 * `npm run demo [-- <URL or path>]`: five minutes with Sightline. Starts the server (or uses the one that runs from this
 * state directory), registers a repository, shows its indexing live, asks a few questions, and leaves the server up.
 */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { Api, ApiError } from './api-client.ts';
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
  const api = new Api(server.url, server.credentials.api_key);
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
  if (!(error instanceof StartError || error instanceof ApiError)) throw error;
  console.error(`\n${error.message}`);
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

async function tour(api: Api, source: Source): Promise<void> {
  const repo = await register(api, source);
  heading(`Indexing ${repo.name}@${repo.ref}`);
  const sync = await api.post<{ jobId: string }>(`/repos/${encodeURIComponent(repo.name)}/sync`, {
    ref: repo.ref,
  });
  await followJob(api, sync.jobId);

  const base = `/repos/${encodeURIComponent(repo.name)}/refs/${encodeURIComponent(repo.ref)}`;
  const symbol = await wellConnectedSymbol(api, base);
  const words = symbol
    ? symbol.name
        .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
        .replaceAll('_', ' ')
        .toLowerCase()
    : 'read me';
  await showSearch(api, repo.name, words);
  if (symbol) {
    showCallers(symbol);
    await showOutline(api, base, symbol.filePath);
  }
  await showContext(api, repo.name, words);
}

/** Registers the repository, or finds it registered by an earlier run, and waits for its mirror. */
async function register(api: Api, source: Source): Promise<{ name: string; ref: string }> {
  heading(`Registering ${source.name}`);
  const existing = (await api.get<Repo[]>('/repos')).find((repo) => repo.name === source.name);
  if (existing) console.log('  registered already');
  else {
    const made = await api.post<Repo>('/repos', { name: source.name, ...source.body });
    if (made.jobId) await followJob(api, made.jobId);
  }
  const repo = await api.get<Repo>(`/repos/${encodeURIComponent(source.name)}`);
  return { name: repo.name, ref: repo.defaultBranch ?? 'HEAD' };
}

interface Repo {
  name: string;
  jobId?: string;
  defaultBranch: string | null;
}
interface Symbol {
  name: string;
  kind: string;
  filePath: string;
  startLine: number;
  signature: string;
}
interface Callers {
  callers: { qualifiedName: string | null; filePath: string; line: number; confidence: number }[];
  total: number;
}

/**
 * A function that others call: among the first that `find` names outside tests, those defined once, the most called.
 * A name of several words makes a search that a person would type.
 */
async function wellConnectedSymbol(api: Api, base: string): Promise<(Symbol & Callers) | null> {
  const symbols = await api.get<Symbol[]>(`${base}/find?pattern=*&kind=symbol&limit=100`);
  const times = (name: string) => symbols.filter((s) => s.name === name).length;
  const candidates = symbols
    .filter((s) => ['function', 'method'].includes(s.kind) && !/test|spec|example/i.test(s.filePath))
    .filter((s) => times(s.name) === 1 && /[a-z0-9][A-Z]|\w_\w/.test(s.name))
    .slice(0, 15);
  let best: (Symbol & Callers) | null = null;
  for (const symbol of candidates.length > 0 ? candidates : symbols.slice(0, 5)) {
    const callers = await api.get<Callers>(`${base}/callers/${encodeURIComponent(symbol.name)}?limit=5`);
    if (!best || callers.total > best.total) best = { ...symbol, ...callers };
  }
  return best;
}

async function showSearch(api: Api, repo: string, words: string): Promise<void> {
  heading(`Search: ${words}`);
  const started = performance.now();
  const hits = await api.get<
    { filePath: string; startLine: number; endLine: number; score: number; symbolName: string | null }[]
  >(`/search?repo=${encodeURIComponent(repo)}&limit=5&query=${encodeURIComponent(words)}`);
  for (const hit of hits) {
    console.log(
      `  ${hit.score.toFixed(2)}  ${hit.filePath}:${hit.startLine}-${hit.endLine}  ${hit.symbolName ?? ''}`,
    );
  }
  console.log(`  (${hits.length} hits in ${Math.round(performance.now() - started)} ms)`);
}

function showCallers(symbol: Symbol & Callers): void {
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

async function showOutline(api: Api, base: string, file: string): Promise<void> {
  heading(`Outline: ${file}`);
  const { symbols } = await api.get<{ symbols: Symbol[] }>(
    `${base}/file?includeSymbols=true&path=${encodeURIComponent(file)}`,
  );
  for (const symbol of symbols.slice(0, 12)) {
    console.log(`  ${String(symbol.startLine).padStart(5)}  ${symbol.kind.padEnd(10)} ${symbol.name}`);
  }
  if (symbols.length > 12) console.log(`         … ${symbols.length} in all`);
}

async function showContext(api: Api, repo: string, words: string): Promise<void> {
  heading(`Context pack: explain "${words}" in at most 1,500 tokens`);
  const pack = await api.post<{
    totalTokens: number;
    chunks: { filePath: string; startLine: number; endLine: number; annotation: string }[];
  }>(`/repos/${encodeURIComponent(repo)}/context`, { strategy: 'explain', query: words, maxTokens: 1500 });
  for (const chunk of pack.chunks) {
    console.log(`  ${chunk.filePath}:${chunk.startLine}-${chunk.endLine}  ${chunk.annotation}`);
  }
  console.log(`  (${pack.totalTokens} tokens)`);
}

function heading(text: string): void {
  console.log(`\n── ${text}`);
}
