/** The first request to a git server: `GET …/info/refs`. Tells which protocol it speaks and, in v0, its refs. */
import { type Egress, openBody } from '../../egress.ts';
import { asMirrorError, MirrorError, quoteRemote } from './mirror-error.ts';
import { type PktReader, readPkts, textOf } from './pkt-line.ts';
import type { Remote } from './remote.ts';

export interface Discovery {
  version: 1 | 2;
  /** Base URL of the repository after redirects on the same host, without a final slash. */
  base: string;
  /** Capability name → value (`''` when it has none; the last one when repeated). */
  capabilities: Map<string, string>;
  /** v0 only: lines `oid name`, and the symref capabilities. */
  advertised: { oid: string; name: string }[];
  symrefs: Map<string, string>;
}

/** Refs kept of a listing, and lines read of one: a server that sends more is not listed. */
export const MAX_REFS = 100_000;
export const MAX_LISTING_LINES = 1_000_000;

const AGENT = 'git/sightline-1';

/** @throws MirrorError */
export async function discover(egress: Egress, remote: Remote): Promise<Discovery> {
  if (!URL.canParse(remote.url)) throw new MirrorError('refused', 'The URL of the remote cannot be parsed.');
  const base = baseOf(remote.url);
  const first = await get(egress, remote, base, remote.headers);
  const moved = first.url !== '' && baseOf(first.url) !== base ? baseOf(first.url) : null;
  if (moved && new URL(moved).origin !== new URL(base).origin) {
    await first.body?.cancel();
    throw new MirrorError(
      'refused',
      `${remoteName(remote)} redirects to another host, which is not followed.`,
    );
  }
  // A redirect drops credentials. Same origin, so the token is this host's own: ask again there, as ourselves.
  const again = moved !== null && first.status !== 200 && remote.headers.authorization !== undefined;
  if (again) await first.body?.cancel();
  const response = again ? await get(egress, remote, moved, remote.headers) : first;
  await requireOk(response, remote);
  const host = remoteName(remote);
  const pkts = openPkts(egress, remote, response);
  try {
    return await parseDiscovery(pkts, moved ?? base, response, host);
  } catch (error) {
    throw asMirrorError(error);
  } finally {
    await pkts.cancel();
  }
}

/** The lines of an answer, with what they may cost: a wait, and bytes. */
export function openPkts(egress: Egress, remote: Remote, response: Response): PktReader {
  const body = openBody(response, remoteName(remote), { idleMs: remote.timeoutMs ?? egress.idleMs });
  return readPkts(body, remote.talkBytes);
}

/** Headers of every request to a git server. */
export function gitHeaders(remote: Remote, version: 1 | 2): Record<string, string> {
  return {
    ...remote.headers,
    'user-agent': AGENT,
    accept: '*/*',
    ...(version === 2 ? { 'git-protocol': 'version=2' } : {}),
  };
}

/** Throws the sentence that fits a status other than 200, after closing the body. */
export async function requireOk(response: Response, remote: Remote): Promise<void> {
  if (response.status === 200) return;
  await response.body?.cancel();
  const host = remoteName(remote);
  const withToken = remote.headers.authorization !== undefined;
  switch (response.status) {
    case 401:
      throw new MirrorError(
        'refused',
        withToken
          ? `${host} rejects the configured token (401).`
          : `${host} asks for credentials (401): the repository is private or does not exist, and no token applies to it.`,
      );
    case 403:
      throw new MirrorError('refused', `${host} refuses access to this repository (403).`);
    case 404:
    case 410:
      throw new MirrorError(
        'refused',
        `${host} has no such repository (${response.status}), or hides it without a token.`,
      );
    case 429:
      throw new MirrorError('unreachable', `${host} asks to slow down (429).`);
  }
  if (response.status >= 500) throw new MirrorError('unreachable', `${host} failed (${response.status}).`);
  throw new MirrorError('refused', `${host} is not a git server here: it answered ${response.status}.`);
}

/** What sentences call a remote: its host, or the machine itself where the bridge's address would tell nothing. */
export function remoteName(remote: Remote): string {
  return remote.local ? 'git on this machine' : new URL(remote.url).host;
}

async function get(
  egress: Egress,
  remote: Remote,
  base: string,
  headers: Record<string, string>,
): Promise<Response> {
  try {
    return await egress.fetch(`${base}/info/refs?service=git-upload-pack`, {
      purpose: remote.local ? 'bridge' : 'git',
      headers: gitHeaders({ ...remote, headers }, 2),
      timeoutMs: remote.timeoutMs,
    });
  } catch (error) {
    throw asMirrorError(error);
  }
}

function baseOf(url: string): string {
  const parsed = new URL(url);
  parsed.hash = '';
  parsed.search = '';
  return parsed.href.replace(/\/info\/refs$/, '').replace(/\/+$/, '');
}

async function parseDiscovery(
  pkts: PktReader,
  base: string,
  response: Response,
  host: string,
): Promise<Discovery> {
  const type = response.headers.get('content-type')?.split(';')[0]?.trim() ?? '';
  if (type !== 'application/x-git-upload-pack-advertisement') throw notGit(host, type);
  let line = await nextText(pkts);
  if (line?.startsWith('# service=')) {
    line = await nextText(pkts);
    if (line === null) line = await nextText(pkts);
  }
  if (line === 'version 2') return parseV2(pkts, base);
  if (line === 'version 1') line = await nextText(pkts);
  return parseV0(pkts, base, line, host);
}

function notGit(host: string, type: string): MirrorError {
  const what =
    type === 'text/plain'
      ? 'it only offers the old “dumb” protocol'
      : `it answered ${quoteRemote(type) || 'nothing readable'}`;
  return new MirrorError('refused', `${host} is not a smart git server at this URL: ${what}.`);
}

async function parseV2(pkts: PktReader, base: string): Promise<Discovery> {
  const capabilities = new Map<string, string>();
  for (let line = await nextText(pkts); line !== null; line = await nextText(pkts)) {
    if (capabilities.size >= 200) throw new MirrorError('corrupt', 'The remote lists too many capabilities.');
    addCapability(capabilities, line);
  }
  return checked({ version: 2, base, capabilities, advertised: [], symrefs: new Map() });
}

async function parseV0(
  pkts: PktReader,
  base: string,
  first: string | null,
  host: string,
): Promise<Discovery> {
  const capabilities = new Map<string, string>();
  const symrefs = new Map<string, string>();
  const advertised: Discovery['advertised'] = [];
  let lines = 0;
  for (let line = first; line !== null; line = await nextText(pkts)) {
    if (++lines > MAX_LISTING_LINES) throw tooManyRefs(host);
    const [ref, extras] = line.split('\0', 2) as [string, string?];
    if (lines === 1) readV0Capabilities(extras ?? '', capabilities, symrefs);
    const match = /^([0-9a-f]{40}|[0-9a-f]{64}) (.+)$/.exec(ref);
    if (!match) {
      if (/^(?:ERR|shallow) /.test(ref)) {
        if (ref.startsWith('ERR'))
          throw new MirrorError('refused', `${host} says: ${quoteRemote(ref.slice(4))}`);
        continue;
      }
      throw new MirrorError('corrupt', `${host} does not speak the git protocol: a ref line cannot be read.`);
    }
    if (match[2] === 'capabilities^{}' || !isListed(match[2]!)) continue;
    if (advertised.length >= 2 * MAX_REFS) throw tooManyRefs(host);
    advertised.push({ oid: match[1]!, name: match[2]! });
  }
  return checked({ version: 1, base, capabilities, advertised, symrefs });
}

function readV0Capabilities(text: string, into: Map<string, string>, symrefs: Map<string, string>): void {
  for (const item of text.split(' ').slice(0, 200)) {
    if (item.startsWith('symref=')) {
      const colon = item.indexOf(':');
      if (colon > 0) symrefs.set(item.slice(7, colon), item.slice(colon + 1));
    } else if (item !== '') addCapability(into, item);
  }
}

function addCapability(into: Map<string, string>, line: string): void {
  const equals = line.indexOf('=');
  if (equals < 0) into.set(line, '');
  else into.set(line.slice(0, equals), line.slice(equals + 1));
}

function checked(discovery: Discovery): Discovery {
  const format = discovery.capabilities.get('object-format') ?? 'sha1';
  if (format !== 'sha1' || discovery.advertised.some((ref) => ref.oid.length !== 40)) {
    throw new MirrorError(
      'unsupported',
      `The repository uses object-format=${quoteRemote(format === 'sha1' ? 'sha256' : format)}; only sha1 repositories are supported.`,
    );
  }
  if (discovery.version === 2 && !discovery.capabilities.has('fetch')) {
    throw new MirrorError('unsupported', 'The remote speaks git protocol v2 but offers no fetch.');
  }
  return discovery;
}

/** Branches, tags and HEAD are listed; pull-request refs, notes and other namespaces are not. */
export function isListed(name: string): boolean {
  return name === 'HEAD' || name.startsWith('refs/heads/') || name.startsWith('refs/tags/');
}

export function tooManyRefs(host: string): MirrorError {
  return new MirrorError('refused', `${host} lists more than ${MAX_REFS} branches and tags.`);
}

/** The next line's text; null at a flush, delimiter or end. */
export async function nextText(pkts: PktReader): Promise<string | null> {
  const pkt = await pkts.next();
  return pkt.kind === 'data' ? textOf(pkt.bytes) : null;
}
