import { spawn } from 'node:child_process';
import type { IncomingMessage, ServerResponse } from 'node:http';

/**
 * Settings every served repository gets, in git's command scope (so `safe.directory` is honoured whoever owns the
 * files): any object may be asked for by id, as hosts such as GitHub allow, and filters work.
 */
const SERVED_CONFIG: [string, string][] = [
  ['safe.directory', '*'],
  ['uploadpack.allowAnySHA1InWant', 'true'],
  ['uploadpack.allowFilter', 'true'],
  ['http.receivepack', 'false'],
];

/**
 * Answers one smart-HTTP request by running `git http-backend` as a CGI program: a real git server in 50 lines.
 * @param projectRoot directory that `pathInfo` is resolved in; may itself be a repository (bare or with `.git`).
 * @param pathInfo    what follows the repository in the URL, e.g. `/info/refs` or `/name.git/info/refs`.
 * @param environment extra variables for git.
 */
export function serveGit(
  request: IncomingMessage,
  response: ServerResponse,
  projectRoot: string,
  pathInfo: string,
  environment: Record<string, string> = {},
): void {
  const query = new URL(request.url ?? '/', 'http://bridge').search.slice(1);
  const config = Object.fromEntries(
    SERVED_CONFIG.flatMap(([key, value], i) => [
      [`GIT_CONFIG_KEY_${i}`, key],
      [`GIT_CONFIG_VALUE_${i}`, value],
    ]),
  );
  const child = spawn('git', ['http-backend'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      GIT_PROJECT_ROOT: projectRoot,
      GIT_HTTP_EXPORT_ALL: '1',
      PATH_INFO: pathInfo,
      QUERY_STRING: query,
      REQUEST_METHOD: request.method ?? 'GET',
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
      GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
      REMOTE_ADDR: '127.0.0.1',
      GIT_CONFIG_COUNT: String(SERVED_CONFIG.length),
      ...config,
      ...environment,
    },
  });
  child.on('error', () => fail(response));
  // A client that goes away must not leave a pack-objects running, nor an EPIPE bring the bridge down.
  response.on('close', () => child.kill());
  child.stdin.on('error', () => child.kill());
  request.pipe(child.stdin);

  let head = Buffer.alloc(0);
  const onHead = (data: Buffer) => {
    head = Buffer.concat([head, data]);
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return;
    child.stdout.off('data', onHead);
    let status = 200;
    for (const line of head.subarray(0, end).toString('latin1').split('\r\n')) {
      const colon = line.indexOf(':');
      const name = line.slice(0, colon);
      const value = line.slice(colon + 1).trim();
      if (name.toLowerCase() === 'status') status = Number.parseInt(value, 10);
      else if (colon > 0) response.setHeader(name, value);
    }
    response.writeHead(status);
    response.write(head.subarray(end + 4));
    child.stdout.pipe(response);
  };
  child.stdout.on('data', onHead);
  child.stdout.on('end', () => {
    if (!response.headersSent) fail(response);
  });
}

function fail(response: ServerResponse): void {
  if (!response.headersSent) response.writeHead(500, { 'content-type': 'text/plain' });
  response.end('git http-backend failed');
}
