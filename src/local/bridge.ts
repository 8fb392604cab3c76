import { execFile } from 'node:child_process';
import { createHash, timingSafeEqual } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { serveGit } from './git-http.ts';
import { type ParsePool, startParsePool } from './parse-pool.ts';

export interface Bridge {
  /** Loopback base URL on a random port. */
  url: string;
  close(): void;
}

interface Doors {
  secret: string;
  roots: string[];
  pool: ParsePool | null;
}

/** A batch holds about a megabyte, or one file of the largest size that is parsed. */
const MAX_BATCH_BYTES = 16 * 1024 * 1024;

/**
 * What the Workers need of this machine and cannot do: read its repositories, for `localPath`, and parse on several
 * threads. Every request must carry `X-Bridge-Secret`.
 * - `POST /resolve {path}` → 200 `{id, path}`, or 422 `{error}` when the path (after realpath) is not a git repository
 *   below one of `roots`.
 * - `/git/<id>/…` → `git http-backend` on a path resolved before. Ids are derived from the path, so they survive a
 *   restart; the path itself is judged again each time, so a symlink changed later opens nothing.
 * - `POST /rows` with a framed batch → its rows (`ingest/indexing/row-frames.ts`); 404 without threads.
 * @param threads how many parse; 0 for none.
 */
export async function startBridge(secret: string, roots: string[], threads: number): Promise<Bridge> {
  const allowed = (await Promise.all(roots.map((root) => realpath(root).catch(() => null)))).filter(
    (root) => root !== null,
  );
  const doors = { secret, roots: allowed, pool: threads > 0 ? startParsePool(threads) : null };
  const server = createServer((request, response) => {
    handle(request, response, doors).catch(() => {
      // What is left of a body would be taken for the next request.
      if (!response.headersSent) response.writeHead(500, { connection: 'close' });
      response.end();
    });
  });
  await listen(server);
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: () => {
      server.close();
      server.closeAllConnections();
      doors.pool?.close();
    },
  };
}

async function handle(request: IncomingMessage, response: ServerResponse, { secret, roots, pool }: Doors) {
  if (!sameSecret(String(request.headers['x-bridge-secret'] ?? ''), secret)) {
    return json(response, 403, { error: 'wrong bridge secret' });
  }
  const url = new URL(request.url ?? '/', 'http://bridge');
  if (request.method === 'POST' && url.pathname === '/rows' && pool) {
    const rows = await pool.parse(await readBody(request, MAX_BATCH_BYTES));
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': rows.length });
    return response.end(rows);
  }
  if (request.method === 'POST' && url.pathname === '/resolve') {
    const body: unknown = JSON.parse(Buffer.from(await readBody(request, 64 * 1024)).toString('utf8'));
    const wanted = typeof body === 'object' && body !== null && 'path' in body ? String(body.path) : '';
    const resolved = await resolveLocal(wanted, roots);
    return 'error' in resolved ? json(response, 422, resolved) : json(response, 200, resolved);
  }
  const match = /^\/git\/([A-Za-z0-9_-]+)\.[0-9a-f]{16}(\/(?:info\/refs|git-upload-pack))$/.exec(
    url.pathname,
  );
  if (!match) return json(response, 404, { error: 'no such bridge path' });
  const resolved = await resolveLocal(Buffer.from(match[1]!, 'base64url').toString('utf8'), roots);
  if ('error' in resolved) return json(response, 404, resolved);
  serveGit(request, response, resolved.path, match[2]!);
}

async function resolveLocal(
  wanted: string,
  roots: string[],
): Promise<{ id: string; path: string } | { error: string }> {
  if (!path.isAbsolute(wanted)) return { error: 'localPath must be absolute' };
  // The same sentence for "missing" and "outside": the bridge must not tell which files exist on the host.
  const refusal = { error: 'localPath is not a git repository below LOCAL_REPOS' };
  const real = await realpath(wanted).catch(() => null);
  if (real === null || !roots.some((root) => real === root || real.startsWith(root + path.sep)))
    return refusal;
  if (!(await isGitDirectory(path.join(real, '.git'))) && !(await isGitDirectory(real))) return refusal;
  const digest = createHash('sha256').update(real).digest('hex').slice(0, 16);
  return { id: `${Buffer.from(real).toString('base64url')}.${digest}`, path: real };
}

/** By git's own judgement: a directory of the right shape, or the `.git` file of a linked worktree or submodule. */
function isGitDirectory(directory: string): Promise<boolean> {
  return new Promise((resolve) => {
    execFile('git', ['rev-parse', '--resolve-git-dir', directory], (error) => resolve(error === null));
  });
}

function sameSecret(given: string, secret: string): boolean {
  const a = createHash('sha256').update(given).digest();
  const b = createHash('sha256').update(secret).digest();
  return timingSafeEqual(a, b);
}

async function readBody(request: IncomingMessage, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request) {
    size += part.length;
    if (size > maxBytes) throw new Error('bridge request too large');
    parts.push(part);
  }
  // A copy of its own memory, which a thread can take over.
  const body = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    body.set(part, at);
    at += part.length;
  }
  return body;
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
}
