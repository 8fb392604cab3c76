/**
 * Directories for tests without slapd: one that is sound, one that behaves as Active Directory does, and many that
 * misbehave, each on a port of its own. Requests are read by ldapts; answers are written by hand, so that they can be wrong.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { BerReader, BerWriter, BindRequest, type Filter, FilterParser, SearchRequest } from 'ldapts';

export interface FakeEntry {
  dn: string;
  password?: string;
  attributes: Record<string, (string | Buffer)[]>;
}

export const SERVICE = { user: 'cn=reader,dc=example,dc=org', password: 'reader-password' };
const IN_CHAIN = '1.2.840.113556.1.4.1941';

const person = (uid: string, more: Record<string, (string | Buffer)[]> = {}): FakeEntry => ({
  dn: `uid=${uid},ou=people,dc=example,dc=org`,
  password: `password of ${uid}`,
  attributes: {
    uid: [uid],
    entryUUID: [`0b5ec7a1-0000-4000-8000-${uid.padEnd(12, '0').slice(0, 12)}`],
    ...more,
  },
});

const SOUND: FakeEntry[] = [
  { dn: SERVICE.user, password: SERVICE.password, attributes: {} },
  person('abba', { mail: ['abba@example.org', 'a.b@example.com'] }),
  person('bead', { mail: ['shared@example.org'] }),
  person('cafe', { mail: ['shared@example.org'] }),
  {
    dn: 'cn=staff,ou=groups,dc=example,dc=org',
    attributes: { member: ['uid=abba,ou=people,dc=example,dc=org'] },
  },
  { dn: 'cn=ops,ou=groups,dc=example,dc=org', attributes: { memberUid: ['abba'] } },
  {
    dn: 'CN=Chiefs, OU=groups,DC=example,DC=org',
    attributes: { uniqueMember: ['uid=bead,ou=people,dc=example,dc=org'] },
  },
];

const ACTIVE: FakeEntry[] = [
  { dn: '', attributes: { supportedCapabilities: ['1.2.840.113556.1.4.800'] } },
  { dn: SERVICE.user, password: SERVICE.password, attributes: {} },
  {
    dn: 'CN=Doe\\, Jane,OU=Staff,DC=example,DC=org',
    password: 'secret of jane',
    attributes: {
      sAMAccountName: ['JDoe'],
      userPrincipalName: ['jane@example.org'],
      objectGUID: [Buffer.from('33221100554477668899aabbccddeeff', 'hex')],
      memberOf: ['CN=Direct,OU=Groups,DC=example,DC=org'],
    },
  },
  {
    dn: 'CN=Direct,OU=Groups,DC=example,DC=org',
    attributes: { member: ['CN=Doe\\, Jane,OU=Staff,DC=example,DC=org'] },
  },
  {
    dn: 'CN=Outer,OU=Groups,DC=example,DC=org',
    attributes: { member: ['CN=Direct,OU=Groups,DC=example,DC=org'] },
  },
];

const MANY: FakeEntry[] = [
  person('abba'),
  ...Array.from({ length: 1200 }, (_, at) => ({
    dn: `cn=g${at},dc=example,dc=org`,
    attributes: { memberUid: ['abba'] },
  })),
];

type Answer = (socket: Socket, request: Request) => void;
type Request = { id: number; operation: number; reader: BerReader };

const BIND = 0x60;
const SEARCH = 0x63;

const sound =
  (entries: FakeEntry[]): Answer =>
  (socket, { id, operation, reader }) => {
    if (operation === BIND) {
      const request = new BindRequest({ messageId: id });
      request.parse(reader, []);
      const entry = entries.find(({ dn }) => dn.toLowerCase() === request.dn.toLowerCase());
      // As RFC 4513 has it, and as it must not be used: no password is no identity, and succeeds.
      const good = request.password === '' || (entry?.password ?? null) === request.password;
      socket.write(ending(id, 0x61, good ? 0 : 49));
    } else if (operation === SEARCH) {
      const { base, filter } = searchOf(id, reader);
      const found = entries.filter(
        (entry) => (base === '' ? entry.dn === '' : entry.dn !== '') && matches(filter, entry, entries),
      );
      for (const entry of found) socket.write(entryMessage(id, entry));
      socket.write(ending(id, 0x65, 0));
    } else socket.end();
  };

/** A sound directory but for what it does with one operation. */
const odd =
  (operation: number, answer: Answer, entries = SOUND): Answer =>
  (socket, request) =>
    request.operation === operation ? answer(socket, request) : sound(entries)(socket, request);

const raw = (hex: string) => Buffer.from(hex.replaceAll(' ', ''), 'hex');

/** What each directory does with a request. */
export const DIRECTORIES = {
  sound: sound(SOUND),
  active: sound(ACTIVE),
  many: sound(MANY),
  silent: () => undefined,
  hangsUp: (socket: Socket) => void socket.end(),
  garbage: (socket: Socket) => void socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'),
  noise: (socket: Socket) => void socket.write(raw('30 05 02 01 02 ff 00')),
  claimsMuch: (socket: Socket) => void socket.write(raw('30 84 7f ff ff ff 02 01 02')),
  // Takes the reader of ldapts for ever.
  loops: odd(SEARCH, (socket, { id }) => socket.write(framed(id, raw('64 04 04 00 30 64')))),
  endless: odd(SEARCH, (socket, { id }) => {
    const block = Buffer.concat(Array.from({ length: 500 }, () => entryMessage(id, SOUND[1]!)));
    const more = () => {
      while (!socket.destroyed && socket.write(block));
    };
    socket.on('drain', more);
    more();
  }),
  drips: odd(SEARCH, (socket, { id }) => {
    const timer = setInterval(() => socket.write(entryMessage(id, SOUND[1]!)), 20);
    socket.on('close', () => clearInterval(timer));
  }),
  refers: odd(SEARCH, (socket, { id }) => socket.write(ending(id, 0x65, 10))),
  saysGoodbye: odd(SEARCH, (socket) => socket.write(ending(0, 0x78, 52))),
  answersOthers: odd(SEARCH, (socket, { id }) => socket.write(ending(id + 1, 0x65, 0))),
  // A bind that "succeeds" where a search was asked for.
  mixesUp: odd(SEARCH, (socket, { id }) => socket.write(ending(id, 0x61, 0))),
  busy: odd(BIND, (socket, { id }) => socket.write(ending(id, 0x61, 51))),
  refusesTls: (socket: Socket, { id }: Request) => void socket.write(ending(id, 0x78, 2)),
  // Takes the upgrade, and never begins it.
  stallsTls: (socket: Socket, { id, operation }: Request) => {
    if (operation === 0x77) socket.write(ending(id, 0x78, 0));
  },
  // What came in the clear must not be taken for what TLS protects.
  injects: (socket: Socket, { id }: Request) =>
    void socket.write(Buffer.concat([ending(id, 0x78, 0), ending(2, 0x61, 0)])),
} satisfies Record<string, Answer>;

export type DirectoryName = keyof typeof DIRECTORIES;

/** Starts them all; `ports` tells where. */
export async function startDirectories(): Promise<{
  ports: Record<DirectoryName, number>;
  close(): Promise<unknown>;
}> {
  const servers: Server[] = [];
  const sockets = new Set<Socket>();
  const ports = {} as Record<DirectoryName, number>;
  for (const [name, answer] of Object.entries(DIRECTORIES) as [DirectoryName, Answer][]) {
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => sockets.delete(socket));
      // Requests are smaller than a segment, and one is under way at a time.
      socket.on('data', (data) => {
        if (data[0] === 0x30) answer(socket, requestOf(data));
        else socket.destroy();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ports[name] = (server.address() as { port: number }).port;
    servers.push(server);
  }
  return {
    ports,
    close: () => {
      for (const socket of sockets) socket.destroy();
      return Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    },
  };
}

function requestOf(data: Buffer): Request {
  const reader = new BerReader(data);
  reader.readSequence();
  const id = reader.readInt() ?? 0;
  const operation = reader.readSequence() ?? 0;
  return { id, operation, reader };
}

function searchOf(id: number, reader: BerReader) {
  const request = new SearchRequest({ messageId: id, filter: FilterParser.parseString('(a=b)') });
  request.parse(reader, []);
  return { base: request.baseDN, filter: request.filter };
}

/** Case counts for nothing, as with most attributes of directories. */
function matches(filter: Filter, entry: FakeEntry, all: FakeEntry[]): boolean {
  const test = filter as unknown as {
    filters?: Filter[];
    attribute?: string;
    value?: string;
    matchType?: string;
    rule?: string;
  };
  if (test.filters) return test.filters.some((each) => matches(each, entry, all));
  if (test.rule === IN_CHAIN) return holds(entry, String(test.value), all);
  if (test.value === undefined) return true;
  return valuesOf(entry, test.attribute ?? '').includes(String(test.value).toLowerCase());
}

/** Whether a group holds a member, itself or by groups in it. */
function holds(group: FakeEntry, member: string, all: FakeEntry[]): boolean {
  return valuesOf(group, 'member').some((dn) => {
    const inner = all.find((entry) => entry.dn.toLowerCase() === dn);
    return dn === member.toLowerCase() || (inner !== undefined && holds(inner, member, all));
  });
}

function valuesOf(entry: FakeEntry, attribute: string): string[] {
  const found = Object.entries(entry.attributes).find(
    ([name]) => name.toLowerCase() === attribute.toLowerCase(),
  );
  return (found?.[1] ?? []).map((value) => String(value).toLowerCase());
}

function framed(id: number, operation: Buffer): Buffer {
  const writer = new BerWriter();
  writer.writeInt(id);
  const body = Buffer.concat([writer.buffer, operation]);
  return Buffer.concat([Buffer.from([0x30, 0x82, body.length >> 8, body.length & 255]), body]);
}

function ending(id: number, tag: number, code: number): Buffer {
  return framed(id, Buffer.concat([Buffer.from([tag, 7, 0x0a, 1, code, 4, 0, 4, 0])]));
}

function entryMessage(id: number, { dn, attributes }: FakeEntry): Buffer {
  const writer = new BerWriter();
  writer.startSequence(0x64);
  writer.writeString(dn);
  writer.startSequence();
  for (const [type, values] of Object.entries(attributes)) {
    writer.startSequence();
    writer.writeString(type);
    writer.startSequence(0x31);
    for (const value of values) writer.writeBuffer(Buffer.from(value as string), 0x04);
    writer.endSequence();
    writer.endSequence();
  }
  writer.endSequence();
  writer.endSequence();
  return framed(id, writer.buffer);
}
