/**
 * The only way to the outside: the only fetch, and the only TCP connection. Every outbound URL of git, webhooks, hosts
 * and OIDC discovery is judged here, on the parsed URL, and again at every redirect: https only, never a private,
 * loopback, link-local or own address, except what `EGRESS_ALLOW` names, and for their own client the endpoints that the
 * operator set by variable.
 *
 * A TCP connection goes to what the operator set by a variable (`LDAP_SERVER`) and is asked for by that name: no request
 * and no data can bring an address into it, so there is nothing to judge.
 *
 * Names are judged, not what they resolve to: a Worker cannot pin a connection to an address it looked up. The
 * platform refuses private addresses at connect time; a local deployment should not be given untrusted users.
 */
import { Problem } from './errors.ts';
import { type IpAddress, inNetwork, isPublicAddress, type Network, parseIp, parseNetwork } from './ip.ts';

/** Who asks. `bridge` alone reaches the bridge of `npm start`, and reaches nothing else. */
export type EgressPurpose = 'git' | 'bridge' | 'webhook' | 'oidc' | 'host' | 'model';

/** A TCP endpoint of the operator's. `starttls` begins in the clear and can be upgraded. */
export interface Endpoint {
  host: string;
  port: number;
  tls: 'off' | 'on' | 'starttls';
}

export interface EgressInit extends RequestInit {
  purpose: EgressPurpose;
  /**
   * A URL that the operator set by a variable: requests to its host and port, this one and its redirects, need be neither
   * https nor public.
   */
  operator?: string;
  /** Milliseconds until the response's headers must have arrived, over all redirects. Default `Egress.idleMs`. */
  timeoutMs?: number;
}

export interface Egress {
  /**
   * Fetches after judging the URL. Redirects to the same host are followed three times at most, without the request's
   * credentials; `response.url` is then the final URL.
   * @throws Problem `unprocessable` when a rule refuses, `upstream` when the host does not answer in time.
   */
  fetch(url: URL | string, init: EgressInit): Promise<Response>;
  /**
   * A TCP connection to an endpoint that the operator set. What `opened` says is for the caller to await: a certificate
   * that is not trusted and a host that cannot be reached look the same there.
   * @throws Problem `not_configured` when it is not set.
   */
  connect(endpoint: 'ldap'): Promise<Socket>;
  /** The parsed URL. @throws Problem `unprocessable` naming the rule that refuses it. */
  check(url: string): URL;
  /** True when `EGRESS_ALLOW` names the URL's host and port. */
  allows(url: URL): boolean;
  /** Base URL of the local bridge, or null where there is none. */
  readonly bridge: string | null;
  /** How long whoever was asked may be silent, in milliseconds. */
  readonly idleMs: number;
}

export interface EgressOptions {
  /** `EGRESS_ALLOW`. */
  allow: string;
  /** Hosts (`host` or `host:port`) of this deployment: never fetched, whatever `allow` says. */
  own?: string[];
  bridge?: { url: string; secret: string };
  /** What `connect` reaches. */
  endpoints?: { ldap: Endpoint | null };
  /** Default 30,000. */
  idleMs?: number;
  fetch?: typeof fetch;
}

const EGRESS_IDLE_MS = 30_000;
const MAX_REDIRECTS = 3;
const MAX_URL_LENGTH = 2048;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
/** What a redirect must not carry on, whoever is behind it. */
const CREDENTIAL_HEADERS = ['authorization', 'cookie', 'proxy-authorization', 'x-api-key', 'private-token'];

/** Builds the outbound door. Cheap, holds no connection. */
export function createEgress(options: EgressOptions): Egress {
  const allow = parseAllow(options.allow);
  const own = new Set((options.own ?? []).map((host) => host.toLowerCase()));
  const bridge = options.bridge ? new URL(options.bridge.url) : null;
  const idleMs = options.idleMs ?? EGRESS_IDLE_MS;
  const send = options.fetch ?? ((input: RequestInfo | URL, init?: RequestInit) => fetch(input, init));

  const check = (url: string, operator?: string): URL => {
    const parsed = parseUrl(url);
    judge(parsed, operator === undefined ? allow : [...allow, exactly(new URL(operator))], own, bridge);
    // The parser drops or escapes them: what is stored and shown would not be what is asked.
    if (/[\p{Cc}\p{Cs}\s]/u.test(url)) throw refused('The URL must not hold spaces or control characters.');
    return parsed;
  };
  const open = async (url: URL | string, init: EgressInit): Promise<Response> => {
    const { purpose, operator, timeoutMs = idleMs, ...request } = init;
    const local = purpose === 'bridge';
    const judged = local ? bridgeUrl(String(url), bridge) : check(String(url), operator);
    const headers = new Headers(request.headers);
    if (local && options.bridge) headers.set('x-bridge-secret', options.bridge.secret);
    const prepared = { ...request, headers, redirect: 'manual' as const };
    return withDeadline(timeoutMs, judged, (deadline) => {
      const signal = request.signal ? AbortSignal.any([deadline, request.signal]) : deadline;
      return follow(
        again(send, purpose),
        judged,
        { ...prepared, signal },
        local ? null : (next) => check(next, operator),
      );
    });
  };
  return {
    fetch: open,
    connect: (endpoint) => dial(options.endpoints?.[endpoint] ?? null),
    check: (url) => check(url),
    allows: (url) => isAllowed(url, allow),
    bridge: bridge ? bridge.href.replace(/\/+$/, '') : null,
    idleMs,
  };
}

async function dial(endpoint: Endpoint | null): Promise<Socket> {
  if (!endpoint) throw new Problem('not_configured', 'This deployment has no directory.');
  // The runtime's own module: loaded where it is used, so that what Node imports does not need it.
  const { connect } = await import('cloudflare:sockets');
  const { host, port, tls } = endpoint;
  return connect({ hostname: host, port }, { secureTransport: tls, allowHalfOpen: false });
}

/** Runs `run` with a signal that fires after `ms`. Failures become `upstream` problems. */
async function withDeadline<T>(ms: number, url: URL, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const abort = new AbortController();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    abort.abort();
  }, ms);
  try {
    return await run(abort.signal);
  } catch (error) {
    if (error instanceof Problem) throw error;
    const detail = late
      ? `${url.host} did not answer within ${seconds(ms)} s.`
      : `${url.host} cannot be reached.`;
    throw new Problem('upstream', detail, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

/** The runtime's words for a connection that broke before an answer came. */
const LOST = /^Network connection lost/;

/**
 * Sends once more where the connection was lost: hosts close those that are idle, and one that was just taken up again then
 * breaks, which says nothing of the host. Not where a body is a stream, or asking twice is not asking once: a code that
 * signs somebody on counts once.
 */
function again(send: typeof fetch, purpose: EgressPurpose): typeof fetch {
  return async (input, init) => {
    try {
      return await send(input, init);
    } catch (error) {
      const reads = init?.method === undefined || init.method === 'GET';
      const repeatable = reads || (purpose !== 'oidc' && !(init?.body instanceof ReadableStream));
      const lost = error instanceof Error && LOST.test(error.message);
      if (!lost || !repeatable || init?.signal?.aborted) throw error;
      return send(input, init);
    }
  };
}

async function follow(
  send: typeof fetch,
  start: URL,
  init: RequestInit & { headers: Headers },
  check: ((url: string) => URL) | null,
): Promise<Response> {
  let url = start;
  let headers = init.headers;
  for (let hop = 0; ; hop++) {
    const response = await send(url.href, { ...init, headers });
    if (!REDIRECTS.has(response.status)) return hop === 0 ? response : withUrl(response, url.href);
    await response.body?.cancel();
    const target = response.headers.get('location');
    if (!check || target === null) throw refused(`${url.host} answered with a redirect that leads nowhere.`);
    if (hop === MAX_REDIRECTS) throw refused(`${start.host} redirects more than ${MAX_REDIRECTS} times.`);
    url = nextHop(url, target, response.status, init.method ?? 'GET', check);
    headers = new Headers(init.headers);
    for (const name of CREDENTIAL_HEADERS) headers.delete(name);
  }
}

function nextHop(
  from: URL,
  location: string,
  status: number,
  method: string,
  check: (url: string) => URL,
): URL {
  const target = URL.canParse(location, from.href) ? new URL(location, from.href) : null;
  if (!target) throw refused(`${from.host} redirects to something that is no URL.`);
  if (target.host !== from.host || (target.protocol !== from.protocol && target.protocol !== 'https:')) {
    throw refused(`${from.host} redirects to another host, which is not followed.`);
  }
  if (method !== 'GET' && method !== 'HEAD' && status !== 307 && status !== 308) {
    throw refused(`${from.host} redirects a ${method} request, which is not followed.`);
  }
  return check(target.href);
}

/** A response made by `follow` knows only the URL of its last request in some runtimes; this one always tells. */
function withUrl(response: Response, url: string): Response {
  Object.defineProperty(response, 'url', { value: url });
  return response;
}

function bridgeUrl(url: string, bridge: URL | null): URL {
  const parsed = parseUrl(url);
  if (!bridge || parsed.origin !== bridge.origin) throw refused('Local repositories are not available here.');
  return parsed;
}

function parseUrl(url: string): URL {
  if (url.length > MAX_URL_LENGTH) throw refused(`The URL is longer than ${MAX_URL_LENGTH} characters.`);
  if (!URL.canParse(url)) throw refused('The URL cannot be parsed.');
  return new URL(url);
}

function judge(url: URL, allow: AllowEntry[], own: Set<string>, bridge: URL | null): void {
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw refused(`The scheme ${url.protocol} is not allowed; use https.`);
  }
  if (url.username !== '' || url.password !== '')
    throw refused('The URL must not carry a user name or password.');
  const host = hostOf(url);
  if (host === '') throw refused('The URL has no host.');
  const port = portOf(url);
  if (
    own.has(host) ||
    own.has(`${host}:${port}`) ||
    (bridge && host === hostOf(bridge) && port === portOf(bridge))
  ) {
    throw refused('The URL points at this deployment itself.');
  }
  if (isAllowed(url, allow)) return;
  const ip = parseIp(host);
  if (ip ? !isPublicAddress(ip) : isPrivateName(host)) {
    throw refused('The URL points at a private, loopback or link-local address.');
  }
  if (url.protocol !== 'https:') throw refused('Only https is allowed for this host.');
}

/** Names that resolve inside: single labels, and the top-level names reserved for that (RFC 6761, 6762, 8375, ICANN). */
const PRIVATE_SUFFIXES = [
  'localhost',
  'local',
  'internal',
  'intranet',
  'lan',
  'home',
  'corp',
  'private',
  'home.arpa',
  'localdomain',
  'test',
  'invalid',
  'onion',
];

function isPrivateName(host: string): boolean {
  if (!host.includes('.')) return true;
  return PRIVATE_SUFFIXES.some((suffix) => host.endsWith(`.${suffix}`));
}

/** Lower case by parsing; without brackets and trailing dots, which name the same host. */
export function hostOf(url: URL): string {
  return url.hostname
    .replace(/^\[|\]$/g, '')
    .replace(/\.+$/, '')
    .toLowerCase();
}

export function portOf(url: URL): number {
  if (url.port !== '') return Number(url.port);
  return url.protocol === 'http:' ? 80 : 443;
}

/** `network` entries (CIDR) cover every port of their addresses; the others one port, null being the scheme's own. */
type AllowEntry = { host: string; ip: IpAddress | null; port: number | null } | { network: Network };

function parseAllow(text: string): AllowEntry[] {
  const entries: AllowEntry[] = [];
  for (const item of text.split(',')) {
    const entry = parseAllowEntry(item.trim());
    if (entry) entries.push(entry);
  }
  return entries;
}

/** null for what is empty or cannot be read: an exception that is not understood is not made. */
function parseAllowEntry(text: string): AllowEntry | null {
  if (text === '') return null;
  if (text.includes('/')) {
    const network = parseNetwork(text);
    return network ? { network } : null;
  }
  const bare = parseIp(text);
  const spelled = bare?.version === 6 && !text.startsWith('[') ? `[${text}]` : text;
  const port = /:(\d{1,5})$/.exec(spelled.replace(/^\[[^\]]*\]/, ''))?.[1];
  const url = `http://${spelled}`;
  if (!URL.canParse(url)) return null;
  const parsed = new URL(url);
  if (parsed.username !== '' || parsed.pathname !== '/' || parsed.search !== '') return null;
  const host = hostOf(parsed);
  return { host, ip: parseIp(host), port: port === undefined ? null : Number(port) };
}

/** The entry for one URL's host and port. */
function exactly(url: URL): AllowEntry {
  const host = hostOf(url);
  return { host, ip: parseIp(host), port: portOf(url) };
}

function isAllowed(url: URL, allow: AllowEntry[]): boolean {
  const host = hostOf(url);
  const port = portOf(url);
  const ip = parseIp(host);
  return allow.some((entry) => {
    if ('network' in entry) return ip !== null && inNetwork(ip, entry.network);
    if (entry.host !== host) return false;
    return entry.port === null ? url.port === '' : entry.port === port;
  });
}

function refused(detail: string): Problem {
  return new Problem('unprocessable', detail);
}

/** Reads a response body piece by piece; a silence ends it, and so does a drip. */
export interface BodyReader {
  /** The next bytes, or null at the end. They are overwritten by the next `read`: copy what must stay. */
  read(): Promise<Uint8Array | null>;
  /** Closes the connection. Never throws. */
  cancel(): Promise<void>;
}

const READ_BYTES = 64 * 1024;

/** Waiting for so many idle times must bring so many bytes; git's sign of life while it packs is five bytes in five seconds. */
const DRIP_IDLES = 4;
const DRIP_BYTES = 1024;
/** Waiting for one body in all: a queue consumer has 15 minutes. */
const MAX_WAIT_MS = 14 * 60_000;

export interface BodyOptions {
  /** Longest silence, in milliseconds. Default 30,000. */
  idleMs?: number;
  /** Longest wait for all of the body; the time its reader takes for itself is not counted. Default 14 minutes. */
  maxWaitMs?: number;
  now?: () => number;
}

/**
 * @param host named in the error sentence.
 * @throws (from `read`) Problem `upstream` when nothing arrives for `idleMs`, when next to nothing does for four times
 *   that, when the waits add up to `maxWaitMs`, or when the connection breaks.
 */
export function openBody(response: Response, host: string, options: BodyOptions = {}): BodyReader {
  const { idleMs = EGRESS_IDLE_MS, maxWaitMs = MAX_WAIT_MS, now = Date.now } = options;
  const next = response.body ? pull(response.body) : null;
  const dripMs = DRIP_IDLES * idleMs;
  let waited = 0;
  let dripSince = 0;
  let dripped = 0;

  /** The sentence that ends a body which does come, but too slowly; null while all is well. */
  const tooSlow = (bytes: number, took: number): string | null => {
    waited += took;
    dripped += bytes;
    if (waited > maxWaitMs) return `${host} did not come to an end within ${seconds(maxWaitMs)} s.`;
    if (waited - dripSince < dripMs) return null;
    if (dripped < DRIP_BYTES)
      return `${host} sent only ${dripped} bytes in ${seconds(waited - dripSince)} s.`;
    dripSince = waited;
    dripped = 0;
    return null;
  };
  return {
    read: async () => {
      if (!next) return null;
      const { promise, cancel } = timeout(idleMs);
      const asked = now();
      let sentence: string | null;
      try {
        const result = await Promise.race([next.read(), promise]);
        if (result === null) return null;
        sentence =
          result === 'late'
            ? `${host} sent nothing for ${seconds(idleMs)} s.`
            : tooSlow(result.length, now() - asked);
        if (sentence === null && result !== 'late') return result;
      } catch (error) {
        throw new Problem('upstream', `The connection to ${host} broke.`, { cause: error });
      } finally {
        cancel();
      }
      await next.cancel();
      throw new Problem('upstream', sentence ?? '');
    },
    cancel: async () => next?.cancel(),
  };
}

const seconds = (ms: number) => Math.ceil(ms / 1000);

interface Pull {
  read(): Promise<Uint8Array | null>;
  cancel(): Promise<void>;
}

/** Byte streams are read into one buffer that is handed back and forth; others give what they give. */
function pull(body: ReadableStream<Uint8Array>): Pull {
  const reader = byteReader(body);
  if (!reader) {
    const plain = body.getReader();
    return {
      read: async () => (await plain.read()).value ?? null,
      cancel: () => plain.cancel().catch(ignore),
    };
  }
  let buffer = new ArrayBuffer(READ_BYTES);
  return {
    read: async () => {
      const { value, done } = await reader.read(new Uint8Array(buffer));
      if (value) buffer = value.buffer as ArrayBuffer;
      return done || !value ? null : value;
    },
    cancel: () => reader.cancel().catch(ignore),
  };
}

function byteReader(body: ReadableStream<Uint8Array>): ReadableStreamBYOBReader | null {
  try {
    return body.getReader({ mode: 'byob' });
  } catch {
    return null; // not a byte stream
  }
}

/** Cancelling what has already failed has nothing to add to that failure. */
const ignore = () => undefined;

function timeout(ms: number): { promise: Promise<'late'>; cancel: () => void } {
  let timer: ReturnType<typeof setTimeout>;
  const promise = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), ms);
  });
  return { promise, cancel: () => clearTimeout(timer) };
}
