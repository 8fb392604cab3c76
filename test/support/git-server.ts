import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { serveGit } from '../../src/local/git-http.ts';
import { builtOf, HOSTILE_REMOTES, serveHostile } from './hostile-remotes.ts';

/**
 * A real smart-HTTP git server for tests, on loopback, over `git http-backend`. Repositories are directories of `root`.
 *
 * - `{url}/<name>.git/…`            served to anyone
 * - `{url}/private/<name>.git/…`    the same repository, but only with basic-auth password `test-token`, else 401
 * - `{url}/v0/<name>.git/…`         the same, as an old server that knows no protocol v2
 * - `{url}/broken/<kind>/…`         a remote that misbehaves: `html` (a web page), `404`, `403`, `500`, `redirect-away`
 *                                   (to another host), `stall` (headers, then nothing), `truncate` (half of the real answer of `?`-less
 *                                   `/broken/truncate/<name>.git/…`)
 * - `{url}/hostile/<name>.git/…`    the same repository until `POST {adminUrl}/turn` `{name, into}` turns it into one of
 *                                   `HOSTILE_REMOTES` by its name, or back with `into: null`
 * - `POST {adminUrl}/exec`  `{args, cwd?, input? (base64), env?}` runs `git args` below `root` → `{code, stdout, stderr, stdoutBase64}`
 * - `POST {adminUrl}/write` `{path, base64, mode?}` writes a file below `root`
 * - `POST {adminUrl}/remove` `{path}` removes a file or directory below `root`
 * - `GET {adminUrl}/requests` → the requests served so far: `[{ method, path, bytesOut, ms, authorization: boolean }]`
 */
export interface GitServer {
  /** Milliseconds that it has spent answering so far. */
  busyMs(): number;
  url: string;
  adminUrl: string;
  root: string;
  close(): Promise<void>;
}

interface Served {
  method: string;
  path: string;
  bytesOut: number;
  /** From the request's head to the response's end. */
  ms: number;
  authorization: boolean;
}

export async function startGitServer(): Promise<GitServer> {
  const root = await mkdtemp(path.join(tmpdir(), 'sightline-git-'));
  const served: Served[] = [];
  const turned: Turned = new Map();
  const server = createServer((request, response) => {
    route(request, response, root, served, turned).catch((error) => {
      if (!response.headersSent) response.writeHead(500);
      response.end(String(error));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    busyMs: () => served.reduce((sum, request) => sum + request.ms, 0),
    adminUrl: `${url}/__admin`,
    root,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(root, { recursive: true, force: true });
    },
  };
}

/** Names of repositories that are not what they were, and which of `HOSTILE_REMOTES` they are. */
type Turned = Map<string, string>;

async function route(
  request: IncomingMessage,
  response: ServerResponse,
  root: string,
  served: Served[],
  turned: Turned,
) {
  const { pathname } = new URL(request.url ?? '/', 'http://test');
  if (pathname.startsWith('/__admin/'))
    return admin(request, response, root, pathname.slice(9), served, turned);
  const record: Served = {
    method: request.method ?? '',
    path: pathname,
    bytesOut: 0,
    ms: 0,
    authorization: request.headers.authorization !== undefined,
  };
  served.push(record);
  const started = performance.now();
  response.once('close', () => {
    record.ms = performance.now() - started;
  });
  countBytes(response, record);
  const broken = /^\/broken\/([a-z0-9-]+)(\/.*)?$/.exec(pathname);
  if (broken) return misbehave(request, response, broken[1]!, broken[2] ?? '/', root);
  const [, name, place] = /^\/hostile(\/[^/]+)\.git(\/.+)$/.exec(pathname) ?? [];
  if (name !== undefined && place !== undefined) {
    const remote = HOSTILE_REMOTES.find((each) => each.name === turned.get(name.slice(1)));
    if (!remote) return serveGit(request, response, root, `${name}.git${place}`);
    return serveHostile(remote, { path: place, body: await text(request) }, response);
  }
  const [, prefix, rest] = /^(\/private|\/v0)?(\/.+)$/.exec(pathname) ?? [];
  if (prefix === '/private' && !hasToken(request)) {
    response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' });
    return response.end('authentication required');
  }
  if (prefix === '/v0') delete request.headers['git-protocol'];
  serveGit(request, response, root, rest ?? pathname);
}

function hasToken(request: IncomingMessage): boolean {
  const [kind, value] = (request.headers.authorization ?? '').split(' ');
  return (
    kind === 'Basic' &&
    Buffer.from(value ?? '', 'base64')
      .toString()
      .endsWith(':test-token')
  );
}

function misbehave(
  request: IncomingMessage,
  response: ServerResponse,
  kind: string,
  rest: string,
  root: string,
) {
  switch (kind) {
    case 'html':
      response.writeHead(200, { 'content-type': 'text/html' });
      return response.end('<!doctype html><title>Not a git server</title>');
    case 'redirect-away':
      response.writeHead(302, { location: `http://example.com${rest}` });
      return response.end();
    case 'stall':
      response.writeHead(200, { 'content-type': 'application/x-git-upload-pack-advertisement' });
      return response.write('001e# service=git-upload-pack\n');
    case 'truncate': {
      if (!rest.endsWith('/git-upload-pack')) return serveGit(request, response, root, rest);
      let left = 600;
      const write = response.write.bind(response);
      response.write = ((chunk: Buffer) => {
        const part = Buffer.from(chunk).subarray(0, left);
        left -= part.length;
        if (part.length > 0) write(part);
        if (left <= 0) response.end();
        return true;
      }) as typeof response.write;
      return serveGit(request, response, root, rest);
    }
    default:
      response.writeHead(Number(kind));
      return response.end(`status ${kind}`);
  }
}

async function admin(
  request: IncomingMessage,
  response: ServerResponse,
  root: string,
  verb: string,
  served: Served[],
  turned: Turned,
) {
  if (verb === 'requests') return json(response, served);
  const body = JSON.parse(await text(request)) as {
    args?: string[];
    cwd?: string;
    input?: string;
    env?: Record<string, string>;
    path?: string;
    base64?: string;
    mode?: number;
    name?: string;
    into?: string | null;
  };
  if (verb === 'turn') {
    const remote = HOSTILE_REMOTES.find((each) => each.name === body.into);
    if (remote) {
      builtOf(remote);
      turned.set(body.name ?? '', remote.name);
    } else turned.delete(body.name ?? '');
    return json(response, {});
  }
  if (verb === 'exec') return json(response, await git(root, body.args ?? [], body));
  const file = path.join(root, body.path ?? 'x');
  if (verb === 'remove') await rm(file, { recursive: true, force: true });
  else {
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, Buffer.from(body.base64 ?? '', 'base64'), body.mode ? { mode: body.mode } : {});
  }
  return json(response, {});
}

/** Runs git below `root` with a fixed identity and clock, so that commits are the same in every run. */
function git(
  root: string,
  args: string[],
  options: { cwd?: string; input?: string; env?: Record<string, string> },
) {
  return new Promise((resolve) => {
    const child = spawn('git', args, {
      cwd: path.join(root, options.cwd ?? '.'),
      env: {
        PATH: process.env.PATH,
        HOME: root,
        GIT_CONFIG_NOSYSTEM: '1',
        GIT_AUTHOR_NAME: 'Test',
        GIT_AUTHOR_EMAIL: 'test@example.com',
        GIT_AUTHOR_DATE: '2026-01-01T00:00:00Z',
        GIT_COMMITTER_NAME: 'Test',
        GIT_COMMITTER_EMAIL: 'test@example.com',
        GIT_COMMITTER_DATE: '2026-01-01T00:00:00Z',
        ...options.env,
      },
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (d) => out.push(d));
    child.stderr.on('data', (d) => err.push(d));
    child.on('error', (error) => resolve({ code: -1, stdout: '', stderr: String(error), stdoutBase64: '' }));
    child.on('close', (code) => {
      const stdout = Buffer.concat(out);
      resolve({
        code,
        stdout: stdout.toString('utf8'),
        stderr: Buffer.concat(err).toString('utf8'),
        stdoutBase64: stdout.toString('base64'),
      });
    });
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ? Buffer.from(options.input, 'base64') : undefined);
  });
}

function countBytes(response: ServerResponse, record: Served): void {
  const write = response.write.bind(response);
  response.write = ((chunk: Buffer | string, ...rest: unknown[]) => {
    record.bytesOut += chunk.length;
    return (write as (...args: unknown[]) => boolean)(chunk, ...rest);
  }) as typeof response.write;
}

async function text(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts).toString('utf8');
}

function json(response: ServerResponse, body: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
