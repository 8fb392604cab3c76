/**
 * Remotes that lie, break, stall and bomb, as one list: the tests in workerd and the system test walk it. Each is served
 * in place of a sound repository that is indexed already, so that every one of them also shows what becomes of the index.
 */
import type { ServerResponse } from 'node:http';
import { INTAKE_LIMITS } from '../../src/ingest/mirror/limits.ts';
import { appending, type Entry, makePack, noise, oidOf } from '../ingest/mirror/packs.ts';
import {
  type Built,
  bushyTree,
  deflatedZeros,
  deltaBomb,
  deltaChain,
  largeDelta,
  lyingBlob,
  manyObjects,
  packOf,
  repositoryOf,
  treeOf,
  zerosFile,
} from './hostile-objects.ts';

/** What comes of syncing from it. */
export type Outcome =
  | { status: 'failed'; code: 'UNPROCESSABLE' | 'UPSTREAM_ERROR'; reason: RegExp }
  /** Files kept in the tree and not parsed, by reason; what `file` names is indexed. */
  | { status: 'completed'; skipped?: Record<string, number>; files?: string[] };

export interface HostileRemote {
  name: string;
  outcome: Outcome;
  /** The pack it sends, and where it says `main` is. */
  pack?: () => Built;
  /** Answers in place of a git server; `undefined` where it answers like one. */
  discovery?: (response: ServerResponse) => void;
  listing?: (response: ServerResponse) => void;
  fetch?: (response: ServerResponse) => void;
  /** The pack itself is sound and stays in the mirror. */
  keepsPack?: boolean;
  /** Seconds of work or hundreds of megabytes: for the system test alone. */
  large?: boolean;
  /** Ends by the idle timeout, or by a multiple of it. */
  slow?: boolean;
}

const text = (value: string) => new TextEncoder().encode(value);
const blob = (data: Uint8Array): Entry => ({ type: 'blob', data });
const refused = (reason: RegExp): Outcome => ({ status: 'failed', code: 'UNPROCESSABLE', reason });
const broken = (reason: RegExp): Outcome => ({ status: 'failed', code: 'UPSTREAM_ERROR', reason });
const HEAD = 'a'.repeat(40);
const only = (pack: () => Uint8Array) => () => ({ head: HEAD, pack: pack() });
const sound = () => repositoryOf({ 'a.ts': 'export const a = 1;\n', 'b.bin': noise(3000) });

export const pkt = (line: string | Uint8Array) => {
  const bytes = typeof line === 'string' ? text(line) : line;
  return Buffer.concat([text((bytes.length + 4).toString(16).padStart(4, '0')), bytes]);
};
const FLUSH = text('0000');
const band = (n: number, bytes: Uint8Array) => pkt(Buffer.concat([Uint8Array.of(n), bytes]));
const ADVERTISEMENT = { 'content-type': 'application/x-git-upload-pack-advertisement' };
const RESULT = { 'content-type': 'application/x-git-upload-pack-result' };

function answer(
  response: ServerResponse,
  headers: Record<string, string>,
  ...parts: (string | Uint8Array)[]
): void {
  response.writeHead(200, headers);
  response.end(Buffer.concat(parts.map((part) => Buffer.from(part as Uint8Array))));
}

/** Writes what `next` gives until the other side has had enough of it. */
function endless(response: ServerResponse, headers: Record<string, string>, next: () => Uint8Array): void {
  response.writeHead(200, headers);
  const more = () => {
    while (!response.destroyed && response.write(next()));
  };
  response.on('drain', more);
  more();
}

/** One piece every `ms`, for ever. */
function dripping(
  response: ServerResponse,
  headers: Record<string, string>,
  first: Uint8Array,
  piece: (n: number) => Uint8Array,
  ms: number,
): void {
  response.writeHead(200, headers);
  response.write(first);
  let n = 0;
  const timer = setInterval(() => response.write(piece(n++)), ms);
  response.on('close', () => clearInterval(timer));
}

const repeated = (piece: Uint8Array, times: number) => Buffer.concat(Array(times).fill(piece));
const status =
  (code: number, headers: Record<string, string> = {}) =>
  (response: ServerResponse) => {
    response.writeHead(code, headers);
    response.end();
  };

/** Entries of the two deltas by oid that each build on the other's result. */
function circle(): Uint8Array {
  const [a, b] = [text('a'), text('b')];
  return makePack([
    { ref: oidOf('blob', b), delta: appending(b, 'x') },
    { ref: oidOf('blob', a), delta: appending(a, 'y') },
  ]);
}

function nestedTree(depth: number): Built {
  let tree = treeOf([]);
  const entries: Entry[] = [{ type: 'tree', data: tree }];
  for (let n = 0; n < depth; n++) {
    tree = treeOf([['40000', 'd', oidOf('tree', tree)]]);
    entries.push({ type: 'tree', data: tree });
  }
  return packOf(tree, entries);
}

function wideTree(entries: number): Built {
  const leaf = text('leaf\n');
  const oid = oidOf('blob', leaf);
  const tree = treeOf(
    Array.from({ length: entries }, (_, n) => ['100644', `f${n}`, oid] as const).map((l) => [...l]),
  );
  return packOf(tree, [blob(leaf), { type: 'tree', data: tree }]);
}

function hostileNames(): Built {
  const oid = oidOf('blob', text('export const inside = 1;\n'));
  return repositoryOf(
    {
      'sound.ts': 'export const inside = 1;\n',
      'new\nline.ts': 'export const newline = 1;\n',
      __proto__x: 'plain\n',
      'constructor.ts': 'export const constructor_ = 1;\n',
    },
    [
      ['100644', '__proto__', oid],
      ['100644', '..', oid],
      ['100644', '.', oid],
      ['40000', '.git', oidOf('tree', new Uint8Array(0))],
      ['100644', '.GIT', oid],
      ['100644', '../x', oid],
      ['100644', 'a/b', oid],
      ['100644', '', oid],
      ['120000', 'link', oidOf('blob', text('plain\n'))],
      ['160000', 'module', HEAD],
    ],
  );
}

function oddTexts(): Built {
  const brackets = '['.repeat(100_000);
  return repositoryOf({
    'line.ts': `const line = "${'x'.repeat(5 * 1024 * 1024)}";\n`,
    'line.txt': 'word '.repeat(100_000),
    'utf16.ts': Buffer.concat([
      Uint8Array.of(0xff, 0xfe),
      Buffer.from('export const wide = 1;\n', 'utf16le'),
    ]),
    'latin.py': Buffer.from('def gr\xfc\xdfe():\n    pass\n', 'latin1'),
    'nul.ts': 'const a = "\0";\n',
    ...Object.fromEntries(
      ['ts', 'py', 'rs', 'cpp', 'kt', 'go', 'java', 'swift'].map((extension) => [
        `deep.${extension}`,
        brackets,
      ]),
    ),
  });
}

/** Packs: what they claim, what they hold, what they build. */
const PACKS: HostileRemote[] = [
  {
    name: 'a pack that is empty',
    pack: only(() => new Uint8Array(0)),
    outcome: refused(/ends inside its header/),
  },
  {
    name: 'a pack cut inside an object',
    pack: only(() => sound().pack.subarray(0, 400)),
    outcome: refused(/ends inside an object/),
  },
  {
    name: 'a pack with a wrong checksum',
    pack: only(() => packOf(HEAD, [blob(text('x'))], { trailer: new Uint8Array(20) }).pack),
    outcome: refused(/checksum does not match/),
  },
  {
    name: 'a pack that claims one object more',
    pack: only(() => packOf(HEAD, [], { count: 2 }).pack),
    outcome: refused(/corrupt/),
  },
  {
    name: 'a pack that claims one object less',
    pack: only(() => packOf(HEAD, [blob(text('x'))], { count: 1 }).pack),
    outcome: refused(/object count is wrong/),
  },
  {
    name: 'a pack that claims more objects than the limit',
    pack: only(() => packOf(HEAD, [], { count: INTAKE_LIMITS.maxObjects + 1 }).pack),
    outcome: refused(
      new RegExp(`holds ${INTAKE_LIMITS.maxObjects + 1} objects; at most ${INTAKE_LIMITS.maxObjects}`),
    ),
  },
  {
    name: 'a pack of an unknown version',
    pack: only(() => packOf(HEAD, [], { version: 9 }).pack),
    outcome: refused(/version is unknown/),
  },
  {
    name: 'an object longer than it declares',
    pack: only(() => packOf(HEAD, [lyingBlob(noise(500), 100)]).pack),
    outcome: refused(/longer than it declares/),
  },
  {
    name: 'an object shorter than it declares',
    pack: only(() => packOf(HEAD, [lyingBlob(noise(100), 500)]).pack),
    outcome: refused(/not as long as it declares/),
  },
  {
    name: 'a large object longer than it declares',
    pack: only(() => packOf(HEAD, [lyingBlob(noise(3_000_000), 2_000_000)]).pack),
    outcome: refused(/longer than it declares/),
  },
  {
    name: 'an object that declares terabytes',
    pack: only(() => packOf(HEAD, [lyingBlob(noise(100), 2 ** 42)]).pack),
    outcome: refused(/corrupt/),
  },
  {
    name: 'an object that is no zlib',
    pack: only(() => packOf(HEAD, [{ type: 'blob', data: noise(99), packed: noise(99) }]).pack),
    outcome: refused(/cannot be inflated/),
  },
  {
    name: 'a delta on an object that does not exist',
    pack: only(() => packOf(HEAD, [{ ref: 'e'.repeat(40), delta: appending(text('x'), 'y') }]).pack),
    outcome: refused(/1 of its deltas build on objects that do not exist/),
  },
  {
    name: 'deltas in a circle',
    pack: only(circle),
    outcome: refused(/2 of its deltas build on objects that do not exist/),
  },
  {
    name: 'a chain of 5,000 deltas',
    pack: () => deltaChain(5000),
    outcome: refused(new RegExp(`longer than ${INTAKE_LIMITS.maxDeltaDepth}`)),
  },
  {
    name: 'a blob of 300 MB in 300 KB',
    pack: () => zerosFile(300 * 1024 * 1024),
    outcome: { status: 'completed', skipped: { oversized: 1 } },
    large: true,
  },
  {
    name: 'a blob of 4 GB in 4 MB',
    pack: () =>
      only(
        () =>
          packOf(HEAD, [
            {
              type: 'blob',
              data: new Uint8Array(0),
              size: 4 * 2 ** 30,
              packed: deflatedZeros(4096, 2 ** 20),
            },
          ]).pack,
      )(),
    outcome: refused(/absurd multiple/),
    large: true,
  },
  {
    name: 'deltas that make 19 GB of 64 KB',
    pack: () => deltaBomb(600, 511),
    outcome: refused(/absurd multiple/),
    large: true,
  },
  {
    name: 'a pack of a million objects of four bytes',
    pack: () => manyObjects(INTAKE_LIMITS.maxObjects),
    outcome: { status: 'completed', files: ['a.ts'] },
    large: true,
  },
  {
    name: 'a delta whose base is above 32 MB',
    pack: () => largeDelta(40 * 1024 * 1024),
    outcome: { status: 'completed', files: ['small.txt'] },
    large: true,
  },
];

/** Trees, commits and files. */
const TREES: HostileRemote[] = [
  {
    name: 'a tree of a million paths in 6 KB',
    keepsPack: true,
    pack: () => bushyTree(6),
    outcome: refused(/more than 300000 files and directories/),
  },
  {
    name: 'directories nested 300 deep',
    keepsPack: true,
    pack: () => nestedTree(300),
    outcome: refused(/nested deeper than 256/),
  },
  {
    name: 'a directory of 200,001 files',
    keepsPack: true,
    pack: () => wideTree(200_001),
    outcome: refused(/more than 200000 entries/),
  },
  {
    name: 'a tree that is malformed',
    keepsPack: true,
    pack: () => packOf(text('100644 no end'), [{ type: 'tree', data: text('100644 no end') }]),
    outcome: refused(/tree of the repository is malformed/),
  },
  {
    name: 'a commit whose tree is a blob',
    keepsPack: true,
    pack: () => packOf(oidOf('blob', text('x')), [blob(text('x'))]),
    outcome: refused(/is a blob, not a tree/),
  },
  {
    name: 'a commit whose tree is not there',
    keepsPack: true,
    pack: () => packOf(HEAD, []),
    outcome: refused(/not in the mirror/),
  },
  {
    name: 'a ref whose commit is not in the pack',
    keepsPack: true,
    pack: only(() => packOf(HEAD, []).pack),
    outcome: refused(/missing object, not at a commit|not in the mirror/),
  },
  {
    name: 'names that no checkout may have, links and submodules',
    pack: hostileNames,
    outcome: {
      status: 'completed',
      skipped: { 'unsafe-name': 7, symlink: 1, submodule: 1 },
      files: ['sound.ts', '__proto__', 'new\nline.ts', 'constructor.ts'],
    },
  },
  {
    name: 'a line of 5 MB, UTF-16, broken UTF-8, 100,000 brackets',
    pack: oddTexts,
    outcome: {
      status: 'completed',
      skipped: { oversized: 1, binary: 1, minified: 1 },
      files: ['utf16.ts', 'latin.py', 'deep.rs'],
    },
  },
];

const lines = (oid: string, ...names: string[]) => names.map((name) => pkt(`${oid} ${name}\n`));

/** Answers over HTTP and in git's protocol. */
const TALK: HostileRemote[] = [
  {
    name: 'a web page',
    discovery: (r) => answer(r, { 'content-type': 'text/html' }, '<!doctype html>'),
    outcome: refused(/not a smart git server at this URL: it answered text\/html/),
  },
  {
    name: 'the dumb protocol',
    discovery: (r) => answer(r, { 'content-type': 'text/plain' }, `${HEAD}\trefs/heads/main\n`),
    outcome: refused(/dumb/),
  },
  {
    name: 'a redirect to another host',
    discovery: status(302, { location: 'http://example.com/x' }),
    outcome: refused(/redirects to another host/),
  },
  {
    name: 'a redirect to a private address',
    discovery: status(301, { location: 'http://169.254.169.254/latest/meta-data' }),
    outcome: refused(/redirects to another host/),
  },
  {
    name: 'a redirect that goes in circles',
    discovery: status(302, { location: '?again' }),
    outcome: refused(/more than 3 times/),
  },
  {
    name: 'no access (401)',
    discovery: status(401, { 'www-authenticate': 'Basic' }),
    outcome: refused(/asks for credentials \(401\)/),
  },
  {
    name: 'no access (403)',
    discovery: status(403),
    outcome: refused(/refuses access to this repository \(403\)/),
  },
  { name: 'no repository (404)', discovery: status(404), outcome: refused(/no such repository \(404\)/) },
  { name: 'a server that fails (500)', discovery: status(500), outcome: broken(/failed \(500\)/) },
  {
    name: 'an error of the server in words',
    discovery: (r) =>
      answer(r, ADVERTISEMENT, pkt('# service=git-upload-pack\n'), FLUSH, pkt('ERR go\u0007 away\n'), FLUSH),
    outcome: refused(/says: go +away/),
  },
  {
    name: 'lines framed badly',
    discovery: (r) => answer(r, ADVERTISEMENT, 'zzzz'),
    outcome: refused(/bad line framing/),
  },
  {
    name: 'an answer that ends inside a line',
    discovery: (r) => answer(r, ADVERTISEMENT, '00ff# service'),
    outcome: broken(/broke off inside a line/),
  },
  {
    name: 'refs that cannot be read',
    listing: (r) => answer(r, RESULT, pkt('hello\n'), FLUSH),
    outcome: refused(/ref line cannot be read/),
  },
  {
    name: 'more than 100,000 refs',
    listing: (r) =>
      answer(
        r,
        RESULT,
        ...Array.from({ length: 100_002 }, (_, n) => pkt(`${HEAD} refs/heads/b${n}\n`)),
        FLUSH,
      ),
    outcome: refused(/lists more than 100000 branches and tags/),
  },
  {
    name: 'hostile ref names beside a sound one',
    listing: (r) =>
      answer(
        r,
        RESULT,
        ...lines(
          sound().head,
          'HEAD',
          'refs/heads/main',
          'refs/heads/../../etc',
          'refs/heads/a\u0001b',
          'refs/heads/x.lock',
          'refs/heads/-x^{}',
        ),
      ),
    pack: sound,
    outcome: { status: 'completed', files: ['a.ts'] },
  },
  {
    name: 'words without end in place of a pack',
    fetch: (r) => endless(r, RESULT, () => repeated(pkt('acknowledgments\n'), 3000)),
    outcome: refused(/talks without end: more than \d+ bytes/),
  },
  {
    name: 'progress without end in place of a pack',
    fetch: (r) => {
      const piece = band(2, new Uint8Array(60_000).fill(46));
      let first = true;
      endless(r, RESULT, () => {
        const out = first ? Buffer.concat([pkt('packfile\n'), piece]) : piece;
        first = false;
        return out;
      });
    },
    outcome: refused(/talks without end: more than \d+ bytes/),
  },
  {
    name: 'refs without end',
    listing: (r) => {
      let n = 0;
      endless(r, RESULT, () => pkt(`${HEAD} refs/notes/${n++}/${'x'.repeat(60_000)}\n`));
    },
    outcome: refused(/talks without end|lists more than/),
  },
  {
    name: 'a connection cut inside the pack',
    fetch: (r) => {
      r.writeHead(200, RESULT);
      r.write(Buffer.concat([pkt('packfile\n'), band(1, sound().pack.subarray(0, 300))]));
      setTimeout(() => r.destroy(), 50);
    },
    outcome: broken(/broke/),
  },
  {
    name: 'a server that fails while packing',
    fetch: (r) =>
      answer(r, RESULT, pkt('packfile\n'), band(3, text('fatal: out of memory\u001b[31m\n')), FLUSH),
    outcome: broken(/failed to send the pack: fatal: out of memory \[31m/),
  },
];

/** Remotes that take their time. */
const SLOW: HostileRemote[] = [
  {
    name: 'no answer at all',
    slow: true,
    discovery: () => undefined,
    outcome: broken(/did not answer within \d+ s/),
  },
  {
    name: 'a stall in the listing',
    slow: true,
    listing: (r) => {
      r.writeHead(200, RESULT);
      r.write(pkt(`${HEAD} HEAD\n`));
    },
    outcome: broken(/sent nothing for \d+ s/),
  },
  {
    name: 'a stall in the pack',
    slow: true,
    fetch: (r) => {
      r.writeHead(200, RESULT);
      r.write(Buffer.concat([pkt('packfile\n'), band(1, sound().pack.subarray(0, 100))]));
    },
    outcome: broken(/sent nothing for \d+ s/),
  },
  {
    name: 'a drip of the listing',
    slow: true,
    listing: (r) => dripping(r, RESULT, text('ff00'), () => text('0'), 100),
    outcome: broken(/sent only \d+ bytes in \d+ s/),
  },
  {
    name: 'a drip of the pack',
    slow: true,
    fetch: (r) =>
      dripping(r, RESULT, pkt('packfile\n'), (n) => band(1, sound().pack.subarray(n, n + 1)), 100),
    outcome: broken(/sent only \d+ bytes in \d+ s/),
  },
  {
    name: 'signs of life without end',
    slow: true,
    fetch: (r) => dripping(r, RESULT, pkt('packfile\n'), () => band(1, new Uint8Array(0)), 100),
    outcome: broken(/sent only \d+ bytes in \d+ s/),
  },
];

export const HOSTILE_REMOTES: readonly HostileRemote[] = [...PACKS, ...TREES, ...TALK, ...SLOW];

/** Answers one request of a git client as the hostile remote would. */
export function serveHostile(
  remote: HostileRemote,
  request: { path: string; body: string },
  response: ServerResponse,
): void {
  if (request.path.endsWith('/info/refs')) (remote.discovery ?? advertise)(response);
  else if (request.body.includes('command=ls-refs')) (remote.listing ?? list(remote))(response);
  else (remote.fetch ?? send(remote))(response);
}

const built = new WeakMap<HostileRemote, Built>();

/** Built once, ahead of the first request: some take longer than a client waits. */
export function builtOf(remote: HostileRemote): Built | undefined {
  const known = built.get(remote) ?? remote.pack?.();
  if (known) built.set(remote, known);
  return known;
}

function advertise(response: ServerResponse): void {
  const features = [pkt('version 2\n'), pkt('ls-refs\n'), pkt('fetch=shallow\n')];
  answer(response, ADVERTISEMENT, pkt('# service=git-upload-pack\n'), FLUSH, ...features, FLUSH);
}

const list = (remote: HostileRemote) => (response: ServerResponse) => {
  const head = builtOf(remote)?.head ?? HEAD;
  const symref = pkt(`${head} HEAD symref-target:refs/heads/main\n`);
  answer(response, RESULT, symref, ...lines(head, 'refs/heads/main'), FLUSH);
};

const send = (remote: HostileRemote) => (response: ServerResponse) => {
  const { head, pack } = builtOf(remote) ?? sound();
  const before = [pkt('shallow-info\n'), pkt(`shallow ${head}\n`), text('0001'), pkt('packfile\n')];
  response.writeHead(200, RESULT);
  response.write(Buffer.concat(before));
  for (let at = 0; at < pack.length; at += 60_000) response.write(band(1, pack.subarray(at, at + 60_000)));
  response.end(FLUSH);
};
