import { env, exports } from 'cloudflare:workers';
import { type Client, createClient } from '../../src/client/client.ts';
import type { Env } from '../../src/env.ts';
import { limiter } from '../../src/http/limits.ts';

export const ADMIN = { username: 'root', password: 'correct horse battery staple' };
export const ADMIN_KEY = 'rak_test0000000000000000000000000000000000000000';
export const asAdmin = { 'x-api-key': ADMIN_KEY };

let address = 0;

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  /** The parsed body; empty when it is not JSON. */
  body: Json;
}

/** Parsed JSON as tests walk it: any member of any member; what is not there fails the expectation on it. */
export interface Json {
  [member: string]: Json;
}

interface Call {
  method?: string;
  headers?: Record<string, string>;
  /** Sent as JSON unless it is a string. */
  body?: unknown;
  /** The client's address; each call has one of its own unless it says. */
  ip?: string;
}

/** Calls the deployed Worker, as a client with an address of its own, and reads the whole answer. */
export async function call(path: string, options: Call = {}): Promise<Answer> {
  return read(await exports.default.fetch(request(path, options)));
}

/** A typed client of the Worker. What its types refuse to send is for `call`. */
export function clientOf(headers: Record<string, string>): Client {
  return createClient({
    baseUrl: 'https://api.test',
    headers,
    fetch: (request) => {
      request.headers.set('cf-connecting-ip', nextAddress());
      return exports.default.fetch(request);
    },
  });
}

/** An address of 10.0.0.0/8 that no call had before. */
function nextAddress(): string {
  address += 1;
  return `10.${address >> 16}.${(address >> 8) & 255}.${address & 255}`;
}

export function request(path: string, { method, headers = {}, body, ip }: Call = {}): Request {
  const json = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  return new Request(`https://api.test${path}`, {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    headers: {
      'cf-connecting-ip': ip ?? nextAddress(),
      ...(typeof body === 'object' ? { 'content-type': 'application/json' } : {}),
      ...headers,
    },
    body: json,
    // What the app answers is of interest, not where it points.
    redirect: 'manual',
  });
}

export async function read(response: Response): Promise<Answer> {
  const text = await response.text();
  const isJson = text !== '' && /json/.test(response.headers.get('content-type') ?? '');
  return {
    status: response.status,
    headers: response.headers,
    text,
    body: isJson ? (JSON.parse(text) as Json) : {},
  };
}

/** Logs in from a fresh address. */
export async function login(credentials: { username: string; password: string } = ADMIN): Promise<Answer> {
  return call('/api/v1/auth/token', { body: credentials });
}

/** The bindings, with some variables changed. */
export function withVariables(variables: Record<string, string>) {
  return { ...env, ...variables };
}

/** For tests that send more requests than the admin has in a minute, which is another test's matter. */
export async function forgetCount(): Promise<void> {
  const admin = await env.DB.prepare("SELECT id FROM users WHERE username = 'root'").first<{ id: string }>();
  if (admin) await limiter(env as unknown as Env, `user:${admin.id}`).clear('plan-enterprise');
}
