/**
 * One connection to a directory: it asks one thing at a time, and every wait, message and list has a bound. ldapts
 * writes the requests. Its client is not used: it logs every message through a switch that this runtime always has on,
 * starts TLS by a way that this runtime does not support, and waits for that without a bound.
 */
import { BindRequest, ExtendedRequest, type Filter, PagedResultsControl, SearchRequest } from 'ldapts';
import type { LdapServer } from '../../../config.ts';
import { type Attributes, MalformedMessage, type Message, takeMessage } from './messages.ts';

export interface Entry {
  dn: string;
  attributes: Attributes;
}

export interface Query {
  base: string;
  scope: 'base' | 'sub';
  filter: Filter;
  attributes: string[];
  /** More are not kept; one beyond this is, so that it shows. */
  atMost: number;
}

export interface Connection {
  /** The result code: 0 when the directory takes the password. It is asked anonymously after any other. */
  bind(name: string, password: string): Promise<{ code: number; diagnostic: string }>;
  /** Entries found, at most `atMost + 1`. Referrals are neither followed nor answered. */
  search(query: Query): Promise<Entry[]>;
  /** Never throws. */
  close(): void;
}

/** Why the directory could not be asked, for the log: it tells of settings and entries, so no caller sees it. */
export class DirectoryError extends Error {
  constructor(step: string, reason: string, cause?: unknown) {
    super(`${step}: ${reason}`, { cause });
    this.name = 'DirectoryError';
  }
}

/** Result codes of RFC 4511 that are looked at here. */
const SUCCESS = 0;
const SIZE_LIMIT_EXCEEDED = 4;
const REFERRAL = 10;

const START_TLS = '1.3.6.1.4.1.1466.20037';
/** Tags of the answers that end a bind, a search and an extended request. */
const BOUND = 0x61;
const SEARCHED = 0x65;
const EXTENDED = 0x78;

const PAGE = 500;
/** All that one login reads. */
const MAX_BYTES = 8 * 1024 * 1024;

export interface Bounds {
  /** Longest wait for connecting, for the TLS handshake, and for each answer. */
  stepMs: number;
  /** Longest life of the connection. */
  totalMs: number;
}

export const BOUNDS: Bounds = { stepMs: 5_000, totalMs: 15_000 };

/**
 * Connects, and secures the connection where `tls` asks for it, before anything else is said.
 * @throws (it, and what it returns) DirectoryError when the directory does not answer, or not as one should
 */
export async function openConnection(
  dial: () => Promise<Socket>,
  tls: LdapServer['tls'],
  bounds: Bounds = BOUNDS,
): Promise<Connection> {
  const deadline = Date.now() + bounds.totalMs;
  const within = <T>(step: string, work: () => Promise<T>): Promise<T> =>
    inTime(step, Math.min(bounds.stepMs, deadline - Date.now()), work);
  let socket = await dial();
  const close = () => void socket.close().catch(ignore);
  socket.closed.catch(ignore);
  try {
    await within('connect', () => opened(socket, tls === 'on'));
    let wire = openWire(socket);
    if (tls === 'starttls') {
      const request = new ExtendedRequest({ messageId: 1, oid: START_TLS });
      const { code } = await within('starttls', () => wire.ask(1, request.write(), EXTENDED, ignore));
      if (code !== SUCCESS) throw new DirectoryError('starttls', `the directory refuses it (code ${code})`);
      wire.release();
      // The certificate has to be for the host that was connected to, as with ldaps.
      socket = socket.startTls();
      socket.closed.catch(ignore);
      await within('starttls', () => opened(socket, true));
      wire = openWire(socket);
    }
    return { ...operations(wire, within), close };
  } catch (error) {
    close();
    throw error;
  }
}

/** The runtime tells neither a certificate from a host that is down, nor one failure of a certificate from another. */
async function opened(socket: Socket, secure: boolean): Promise<void> {
  try {
    await socket.opened;
  } catch (error) {
    const certificate =
      ', or its certificate is not trusted: it has to be for the host in LDAP_SERVER, by an authority the runtime knows' +
      ' (npm start also takes those in the file that NODE_EXTRA_CA_CERTS names)';
    throw new DirectoryError('connect', `it cannot be reached${secure ? certificate : ''}`, error);
  }
}

function operations(
  wire: Wire,
  within: <T>(step: string, work: () => Promise<T>) => Promise<T>,
): Omit<Connection, 'close'> {
  let id = 1;
  const page = async (query: Query, entries: Entry[], cookie: Uint8Array): Promise<Uint8Array> => {
    const paged = query.atMost >= PAGE;
    id += 1;
    const { base, scope, filter, attributes, atMost } = query;
    const value = { size: PAGE, cookie: Buffer.from(cookie) };
    const request = new SearchRequest({
      messageId: id,
      baseDN: base,
      scope,
      filter,
      attributes,
      derefAliases: 'never',
      sizeLimit: paged ? 0 : atMost + 1,
      controls: paged ? [new PagedResultsControl({ value })] : [],
    });
    const end = await wire.ask(id, request.write(), SEARCHED, (entry) => {
      if (entries.length <= atMost) entries.push(entry);
    });
    if (end.code === SUCCESS) return end.cookie;
    if (end.code === SIZE_LIMIT_EXCEEDED && entries.length > atMost) return new Uint8Array();
    const sentence = end.code === REFERRAL ? 'a referral, which is not followed' : end.diagnostic;
    throw new DirectoryError('search', `below ${JSON.stringify(base)}: code ${end.code} ${sentence}`);
  };
  return {
    bind: (name, password) =>
      within('bind', () => {
        id += 1;
        return wire.ask(id, new BindRequest({ messageId: id, dn: name, password }).write(), BOUND, ignore);
      }),
    search: async (query) => {
      const entries: Entry[] = [];
      let cookie = new Uint8Array();
      do cookie = new Uint8Array(await within('search', () => page(query, entries, cookie)));
      while (cookie.length > 0 && entries.length <= query.atMost);
      return entries;
    },
  };
}

type End = Extract<Message, { kind: 'end' }>;

interface Wire {
  /** Sends a request and reads to the answer that ends it. */
  ask(id: number, request: Uint8Array, ends: number, found: (entry: Entry) => void): Promise<End>;
  /** Lets go of the socket, to hand it on. @throws DirectoryError when more has arrived than was asked for */
  release(): void;
}

function openWire(socket: Socket): Wire {
  const reader = socket.readable.getReader() as ReadableStreamDefaultReader<Uint8Array>;
  const writer = socket.writable.getWriter();
  let pending = new Uint8Array();
  let total = 0;

  const next = async (): Promise<Message> => {
    for (;;) {
      const taken = takeMessage(pending);
      if (taken) {
        pending = pending.subarray(taken.length);
        return taken.message;
      }
      const { value, done } = await reader.read();
      if (done) throw new DirectoryError('read', 'it closed the connection');
      total += value.length;
      if (total > MAX_BYTES) throw new DirectoryError('read', `it sent more than ${MAX_BYTES} bytes`);
      pending = Buffer.concat([pending, value]);
    }
  };
  return {
    ask: async (id, request, ends, found) => {
      await writer.write(request);
      for (;;) {
        const message = await next();
        if (message.id === 0) throw new DirectoryError('read', 'it hung up');
        if (message.id !== id) throw new DirectoryError('read', 'it answered what was not asked');
        if (message.kind === 'entry') found(message);
        if (message.kind !== 'end') continue;
        if (message.operation !== ends) throw new DirectoryError('read', 'it answered another request');
        return message;
      }
    },
    release: () => {
      // What follows in the clear could be anybody's, and would be read as if TLS had protected it.
      if (pending.length > 0) throw new DirectoryError('starttls', 'it spoke on before TLS had begun');
      reader.releaseLock();
      writer.releaseLock();
    },
  };
}

/** Runs one step. Whatever ends it badly becomes a DirectoryError; the connection has to be closed after that. */
async function inTime<T>(step: string, ms: number, work: () => Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    const sentence = `it did not answer within ${Math.max(0, ms)} ms`;
    timer = setTimeout(() => reject(new DirectoryError(step, sentence)), Math.max(0, ms));
  });
  try {
    return await Promise.race([work(), late]);
  } catch (error) {
    if (error instanceof DirectoryError) throw error;
    const sentence = error instanceof MalformedMessage ? `it sent ${error.message}` : 'the connection broke';
    throw new DirectoryError(step, sentence, error);
  } finally {
    clearTimeout(timer);
  }
}

const ignore = () => undefined;
