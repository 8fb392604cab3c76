/**
 * A git server over smart HTTP, protocol v2, with v0/v1 for servers that know no other
 * (gitprotocol-v2, gitprotocol-pack). Two questions: which refs are there, and the pack of what we lack.
 */
import type { Egress } from '../../egress.ts';
import {
  type Discovery,
  discover,
  gitHeaders,
  isListed,
  MAX_LISTING_LINES,
  MAX_REFS,
  nextText,
  openPkts,
  remoteName,
  requireOk,
  tooManyRefs,
} from './discovery.ts';
import { asMirrorError, MirrorError, quoteRemote } from './mirror-error.ts';
import { isOid } from './oid.ts';
import { type PktReader, textOf, writePkts } from './pkt-line.ts';

export interface Remote {
  url: string;
  /** With `authorization` when a token applies (credentials.ts). Never logged. */
  headers: Record<string, string>;
  /** Served by the local git bridge. */
  local?: boolean;
  /** Longest wait for headers, and longest silence within a body. Default that of the egress. */
  timeoutMs?: number;
  /** Bytes it may say beside the pack. Default `MAX_TALK_BYTES`. */
  talkBytes?: number;
}

export interface RemoteRef {
  /** Full name: `refs/heads/main`. */
  name: string;
  oid: string;
  /** What an annotated tag finally points at, else null. */
  peeled: string | null;
}

export interface RemoteListing {
  /** Branches and tags, in the server's order. */
  refs: RemoteRef[];
  /** Full name that HEAD points at, also when that branch is unborn; null when detached or not told. */
  head: string | null;
  /** The commit HEAD is at, or null. */
  headOid: string | null;
  objectFormat: 'sha1';
}

export interface Want {
  /** Commits or tags to fetch. */
  oids: string[];
  /** Commits we hold: the server leaves out what they reach. */
  haves: string[];
  /** Commits whose parents we do not hold. */
  shallow: string[];
  /** Commits of history from each wanted one; 0 = all. */
  depth: number;
}

export interface Fetched {
  /** Commits whose parents the server now withholds, and those it no longer does. */
  shallow: string[];
  unshallow: string[];
  /** The pack's bytes, valid until the next read; null when there is nothing to send. */
  pack: ReadableStream<Uint8Array> | null;
}

/** git's own "infinite" depth: what `fetch --unshallow` sends. */
const UNSHALLOW_DEPTH = 0x7fffffff;
/** Commits at which a mirror's history may be cut: they are kept as one JSON value, and D1 takes 2 MB. */
export const MAX_SHALLOW = 40_000;

/** One discovery serves the listing and the fetch that follows it with the same `Remote`. */
const discoveries = new WeakMap<Remote, Discovery>();

/**
 * Lists branches and tags, annotated tags peeled.
 * @throws MirrorError
 */
export async function listRefs(egress: Egress, remote: Remote): Promise<RemoteListing> {
  const discovery = await discover(egress, remote);
  discoveries.set(remote, discovery);
  if (discovery.version === 1) return listingOf(discovery);
  const features = (discovery.capabilities.get('ls-refs') ?? '').split(' ');
  const body = writePkts([
    'command=ls-refs\n',
    'object-format=sha1',
    { delimiter: true },
    'peel\n',
    'symrefs\n',
    ...(features.includes('unborn') ? ['unborn\n'] : []),
    'ref-prefix HEAD\n',
    'ref-prefix refs/heads/\n',
    'ref-prefix refs/tags/\n',
    null,
  ]);
  const pkts = await post(egress, remote, discovery, withoutFormat(body, discovery));
  try {
    return await parseListing(pkts, remoteName(remote));
  } catch (error) {
    throw asMirrorError(error);
  } finally {
    await pkts.cancel();
  }
}

/**
 * Fetches what `want` lacks as one pack. Nothing is read ahead: the stream's consumer sets the pace.
 * @throws MirrorError, also from the stream.
 */
export async function fetchPack(egress: Egress, remote: Remote, want: Want): Promise<Fetched> {
  if (want.oids.length === 0) return { shallow: [], unshallow: [], pack: null };
  const discovery = discoveries.get(remote) ?? (await discover(egress, remote));
  const body = discovery.version === 2 ? fetchV2(want, discovery) : fetchV0(want, discovery);
  const pkts = await post(egress, remote, discovery, body);
  try {
    const host = remoteName(remote);
    return discovery.version === 2
      ? await openPackV2(pkts, host)
      : await openPackV0(pkts, host, deepens(want), discovery.capabilities.has('side-band-64k'));
  } catch (error) {
    await pkts.cancel();
    throw asMirrorError(error);
  }
}

async function post(egress: Egress, remote: Remote, discovery: Discovery, body: string): Promise<PktReader> {
  let response: Response;
  try {
    response = await egress.fetch(`${discovery.base}/git-upload-pack`, {
      method: 'POST',
      purpose: remote.local ? 'bridge' : 'git',
      headers: {
        ...gitHeaders(remote, discovery.version),
        'content-type': 'application/x-git-upload-pack-request',
        accept: 'application/x-git-upload-pack-result',
      },
      body,
      timeoutMs: remote.timeoutMs,
    });
  } catch (error) {
    throw asMirrorError(error);
  }
  await requireOk(response, remote);
  return openPkts(egress, remote, response);
}

/** `object-format` may be sent only to servers that advertise it. */
function withoutFormat(body: string, discovery: Discovery): string {
  return discovery.capabilities.has('object-format')
    ? body
    : body.replace(writePkts(['object-format=sha1']), '');
}

function deepens(want: Want): boolean {
  return want.depth > 0 || want.shallow.length > 0;
}

/** Depth 0 over a shallow mirror means: give me the rest. */
function deepenLine(want: Want): string[] {
  if (want.depth > 0) return [`deepen ${want.depth}\n`];
  return want.shallow.length > 0 ? [`deepen ${UNSHALLOW_DEPTH}\n`] : [];
}

function fetchV2(want: Want, discovery: Discovery): string {
  const shallow = (discovery.capabilities.get('fetch') ?? '').split(' ').includes('shallow');
  const body = writePkts([
    'command=fetch',
    'object-format=sha1',
    { delimiter: true },
    'thin-pack\n',
    'ofs-delta\n',
    'no-progress\n',
    ...want.oids.map((oid) => `want ${oid}\n`),
    ...(shallow ? [...want.shallow.map((oid) => `shallow ${oid}\n`), ...deepenLine(want)] : []),
    ...want.haves.map((oid) => `have ${oid}\n`),
    'done\n',
    null,
  ]);
  return withoutFormat(body, discovery);
}

const V0_CAPABILITIES = ['side-band-64k', 'thin-pack', 'ofs-delta', 'no-progress'];

function fetchV0(want: Want, discovery: Discovery): string {
  const offered = V0_CAPABILITIES.filter((name) => discovery.capabilities.has(name));
  const deepen = discovery.capabilities.has('shallow')
    ? [...want.shallow.map((oid) => `shallow ${oid}\n`), ...deepenLine(want)]
    : [];
  return writePkts([
    ...want.oids.map((oid, i) => `want ${oid}${i === 0 ? ` ${offered.join(' ')}` : ''}\n`),
    ...deepen,
    null,
    ...want.haves.map((oid) => `have ${oid}\n`),
    'done\n',
  ]);
}

async function openPackV2(pkts: PktReader, host: string): Promise<Fetched> {
  const fetched: Fetched = { shallow: [], unshallow: [], pack: null };
  for (;;) {
    const pkt = await pkts.next();
    if (pkt.kind === 'end' || pkt.kind === 'flush') {
      throw new MirrorError('unreachable', `${host} ended the fetch before the pack.`);
    }
    if (pkt.kind !== 'data') continue;
    const line = textOf(pkt.bytes);
    if (line === 'packfile') return { ...fetched, pack: sideband(pkts, host, null) };
    if (line.startsWith('ERR ')) throw refusal(host, line.slice(4));
    if (line !== 'shallow-info' && line !== 'acknowledgments') readShallow(line, fetched);
  }
}

async function openPackV0(pkts: PktReader, host: string, deepen: boolean, banded: boolean): Promise<Fetched> {
  const fetched: Fetched = { shallow: [], unshallow: [], pack: null };
  let inShallow = deepen;
  for (;;) {
    const pkt = await pkts.next();
    if (pkt.kind === 'end') throw new MirrorError('unreachable', `${host} ended the fetch before the pack.`);
    if (pkt.kind === 'flush') inShallow = false;
    if (pkt.kind !== 'data') continue;
    const line = textOf(pkt.bytes.subarray(0, 400));
    if (line.startsWith('ERR ')) throw refusal(host, line.slice(4));
    if (inShallow) readShallow(line, fetched);
    // Without multi_ack one ACK or NAK answers our haves; the pack is what follows it.
    else if (line === 'NAK' || line.startsWith('ACK ')) {
      return { ...fetched, pack: banded ? sideband(pkts, host, null) : unbanded(pkts) };
    } else if (banded) return { ...fetched, pack: sideband(pkts, host, pkt.bytes) };
  }
}

function readShallow(line: string, into: Fetched): void {
  const match = /^(shallow|unshallow) ([0-9a-f]{40})$/.exec(line);
  if (!match) return;
  if (into.shallow.length + into.unshallow.length >= 2 * MAX_SHALLOW) throw tooShallow();
  into[match[1] as 'shallow' | 'unshallow'].push(match[2]!);
}

/** Band 1 of a multiplexed stream. `first` is a line already read. */
function sideband(pkts: PktReader, host: string, first: Uint8Array | null): ReadableStream<Uint8Array> {
  let held = first;
  return packStream(pkts, async () => {
    for (;;) {
      const pkt = held ? ({ kind: 'data', bytes: held } as const) : await pkts.next();
      held = null;
      if (pkt.kind === 'flush' || pkt.kind === 'response-end') return null;
      if (pkt.kind === 'end') throw new MirrorError('unreachable', `${host} broke off inside the pack.`);
      if (pkt.kind !== 'data' || pkt.bytes.length === 0) continue;
      const band = pkt.bytes[0];
      if (band === 1 && pkt.bytes.length > 1) {
        pkts.credit(pkt.bytes.length);
        return pkt.bytes.subarray(1);
      }
      if (band === 3)
        throw new MirrorError(
          'unreachable',
          `${host} failed to send the pack: ${quoteRemote(textOf(pkt.bytes.subarray(1)))}`,
        );
    }
  });
}

function unbanded(pkts: PktReader): ReadableStream<Uint8Array> {
  return packStream(pkts, () => pkts.raw());
}

function packStream(pkts: PktReader, next: () => Promise<Uint8Array | null>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const bytes = await next();
          if (bytes) return controller.enqueue(bytes);
          await pkts.cancel();
          controller.close();
        } catch (error) {
          await pkts.cancel();
          controller.error(asMirrorError(error));
        }
      },
      cancel: () => pkts.cancel(),
    },
    // Nothing is queued: a chunk is handed over only to a read that waits for it, so its memory can be reused.
    { highWaterMark: 0 },
  );
}

/** For a history that is cut in more places than are kept. */
export function tooShallow(): MirrorError {
  return new MirrorError(
    'refused',
    `At this depth the history is cut at more than ${MAX_SHALLOW} commits; choose another depth.`,
  );
}

function refusal(host: string, text: string): MirrorError {
  const missing = /not our ref ([0-9a-f]{40})/.exec(text);
  if (missing)
    return new MirrorError(
      'refused',
      `${host} does not have the commit ${missing[1]}, or does not offer it.`,
    );
  return new MirrorError('refused', `${host} says: ${quoteRemote(text)}`);
}

async function parseListing(pkts: PktReader, host: string): Promise<RemoteListing> {
  const listing: RemoteListing = { refs: [], head: null, headOid: null, objectFormat: 'sha1' };
  let lines = 0;
  for (let line = await nextText(pkts); line !== null; line = await nextText(pkts)) {
    if (++lines > MAX_LISTING_LINES || listing.refs.length > MAX_REFS) throw tooManyRefs(host);
    if (line.startsWith('ERR ')) throw refusal(host, line.slice(4));
    const [oid, name, ...attributes] = line.split(' ') as [string, string?, ...string[]];
    if (name === undefined)
      throw new MirrorError('corrupt', `${host} does not speak the git protocol: a ref line cannot be read.`);
    const attribute = (key: string) => attributes.find((a) => a.startsWith(key))?.slice(key.length) ?? null;
    if (name === 'HEAD') {
      listing.head = attribute('symref-target:');
      listing.headOid = isOid(oid) ? oid : null;
    } else if (isOid(oid) && isListed(name) && isRefName(name)) {
      const peeled = attribute('peeled:');
      listing.refs.push({ name, oid, peeled: peeled !== null && isOid(peeled) ? peeled : null });
    }
  }
  return listing;
}

function listingOf(discovery: Discovery): RemoteListing {
  const refs = new Map<string, RemoteRef>();
  let headOid: string | null = null;
  for (const { oid, name } of discovery.advertised) {
    if (name === 'HEAD') headOid = oid;
    else if (name.endsWith('^{}')) {
      const tag = refs.get(name.slice(0, -3));
      if (tag) tag.peeled = oid;
    } else if (isRefName(name)) refs.set(name, { name, oid, peeled: null });
  }
  return {
    refs: [...refs.values()],
    head: discovery.symrefs.get('HEAD') ?? null,
    headOid,
    objectFormat: 'sha1',
  };
}

/** `git check-ref-format`: what a real git server can have. Others are not listed. */
export function isRefName(name: string): boolean {
  if (name.length > 1024 || !name.startsWith('refs/')) return false;
  if (/[\x00-\x20\x7f~^:?*[\\]|\.\.|@\{|\/\/|\/$|\.$/.test(name)) return false;
  return name.split('/').every((part) => part !== '' && !part.startsWith('.') && !part.endsWith('.lock'));
}
