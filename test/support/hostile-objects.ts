/** Git objects and packs that no git would write, as small as they can be made. */
import { createHash } from 'node:crypto';
import { constants, deflateRawSync, deflateSync } from 'node:zlib';
import { copyOp, type Entry, makePack, oidOf, varint } from '../ingest/mirror/packs.ts';

export interface Built {
  /** The commit that the remote says `main` is at. */
  head: string;
  pack: Uint8Array;
}

export type TreeLine = [mode: string, name: string | Uint8Array, oid: string];

const text = (value: string) => new TextEncoder().encode(value);

/** The bytes of a tree with exactly these lines, in this order, whatever git would say of them. */
export function treeOf(lines: TreeLine[]): Uint8Array {
  return Buffer.concat(
    lines.flatMap(([mode, name, oid]) => [
      text(`${mode} `),
      typeof name === 'string' ? text(name) : name,
      Uint8Array.of(0),
      Buffer.from(oid, 'hex'),
    ]),
  );
}

/** A pack of a commit with these files, which may be anything that a tree can name. */
export function repositoryOf(files: Record<string, string | Uint8Array>, more: TreeLine[] = []): Built {
  const blobs = Object.entries(files).map(([name, content]) => {
    const data = typeof content === 'string' ? text(content) : content;
    return { name, entry: { type: 'blob', data } satisfies Entry, oid: oidOf('blob', data) };
  });
  const lines = blobs.map(({ name, oid }): TreeLine => ['100644', name, oid]);
  const tree = treeOf([...lines, ...more]);
  return packOf(tree, [{ type: 'tree', data: tree }, ...blobs.map(({ entry }) => entry)]);
}

/** A pack of a commit of `tree` and of `entries`. */
export function packOf(tree: Uint8Array | string, entries: Entry[], options = {}): Built {
  const oid = typeof tree === 'string' ? tree : oidOf('tree', tree);
  const commit = text(
    `tree ${oid}\nauthor A <a@example.com> 1767225600 +0000\ncommitter A <a@example.com> 1767225600 +0000\n\nhostile\n`,
  );
  return {
    head: oidOf('commit', commit),
    pack: makePack([{ type: 'commit', data: commit }, ...entries], options),
  };
}

/** `levels` of trees of which each names the next ten times: 10^levels paths in some hundred bytes each. */
export function bushyTree(levels: number, width = 10): Built {
  const leaf = text('leaf\n');
  let [mode, oid] = ['100644', oidOf('blob', leaf)];
  const entries: Entry[] = [{ type: 'blob', data: leaf }];
  let tree: Uint8Array = new Uint8Array(0);
  for (let level = 0; level < levels; level++) {
    tree = treeOf(Array.from({ length: width }, (_, n): TreeLine => [mode, String(n), oid]));
    entries.push({ type: 'tree', data: tree });
    [mode, oid] = ['40000', oidOf('tree', tree)];
  }
  return packOf(tree, entries);
}

/** A file of `size` zeros named `zeros.txt`, from a stream that is never whole here: a repeated block of deflate. */
export function zerosFile(size: number): Built {
  const block = 1024 * 1024;
  const blocks = size / block;
  const hash = createHash('sha1').update(`blob ${size}\0`);
  const zeros = new Uint8Array(block);
  for (let n = 0; n < blocks; n++) hash.update(zeros);
  const tree = treeOf([['100644', 'zeros.txt', hash.digest('hex')]]);
  return packOf(tree, [
    { type: 'tree', data: tree },
    { type: 'blob', data: new Uint8Array(0), size, packed: deflatedZeros(blocks, block) },
  ]);
}

/** What zlib makes of so many blocks of zeros, put together from one of them. */
export function deflatedZeros(blocks: number, block: number): Uint8Array {
  const piece = deflateRawSync(new Uint8Array(block), { finishFlush: constants.Z_FULL_FLUSH, level: 9 });
  const adler = new Uint8Array(4);
  new DataView(adler.buffer).setUint32(0, (((blocks * block) % 65_521) * 65_536 + 1) >>> 0);
  // zlib's header; the pieces, each ended by a full flush; an empty last block; the checksum.
  const parts: Uint8Array[] = [Uint8Array.of(0x78, 0x9c)];
  for (let n = 0; n < blocks; n++) parts.push(piece);
  return Buffer.concat([...parts, Uint8Array.of(3, 0), adler]);
}

/** A chain of `depth` deltas, each one byte longer than the one it builds on. */
export function deltaChain(depth: number): Built {
  const entries: Entry[] = [{ type: 'blob', data: text('x') }];
  for (let size = 1; size <= depth; size++) {
    const delta = Buffer.concat([varint(size), varint(size + 1), copyOp(0, size), Uint8Array.of(1, 121)]);
    entries.push({ ofs: size - 1, delta });
  }
  return withTree(entries);
}

/** `count` deltas that each make `copies` times 64 KiB of one base. */
export function deltaBomb(count: number, copies: number): Built {
  const base = new Uint8Array(0xffff);
  const delta = Buffer.concat([
    varint(base.length),
    varint(base.length * copies),
    ...Array.from({ length: copies }, () => copyOp(0, base.length)),
  ]);
  const offsets = Array.from({ length: count }, (): Entry => ({ ofs: 0, delta }));
  return withTree([{ type: 'blob', data: base }, ...offsets]);
}

/** A blob of `size` zeros and a delta on it that adds a line: the file `large.txt` is the delta's result. */
export function largeDelta(size: number): Built {
  const block = 1024 * 1024;
  const added = text('end\n');
  const hash = createHash('sha1').update(`blob ${size + added.length}\0`);
  const zeros = new Uint8Array(block);
  for (let n = 0; n < size / block; n++) hash.update(zeros);
  const tree = treeOf([
    ['100644', 'large.txt', hash.update(added).digest('hex')],
    ['100644', 'small.txt', oidOf('blob', added)],
  ]);
  const copies = Array.from({ length: size / 0x8000 }, (_, n) => copyOp(n * 0x8000, 0x8000));
  const delta = Buffer.concat([
    varint(size),
    varint(size + added.length),
    ...copies,
    Uint8Array.of(added.length),
    added,
  ]);
  return withTree(
    [
      { type: 'blob', data: new Uint8Array(0), size, packed: deflatedZeros(size / block, block) },
      { ofs: 0, delta },
      { type: 'blob', data: added },
    ],
    tree,
  );
}

/** Entries whose deltas count their base from the first of them, before the commit and tree that lead to them. */
function withTree(entries: Entry[], tree = new Uint8Array(0) as Uint8Array): Built {
  const commit = text(
    `tree ${oidOf('tree', tree)}\nauthor A <a@x> 1 +0000\ncommitter A <a@x> 1 +0000\n\nx\n`,
  );
  return {
    head: oidOf('commit', commit),
    pack: makePack([...entries, { type: 'tree', data: tree }, { type: 'commit', data: commit }]),
  };
}

/** A sound repository of one file whose pack holds `count` objects in all: blobs that nothing names make up the number. */
export function manyObjects(count: number): Built {
  const file = text('export const a = 1;\n');
  const tree = treeOf([['100644', 'a.ts', oidOf('blob', file)]]);
  const fillers = Array.from({ length: count - 3 }, (_, n): Entry => {
    const data = new Uint8Array(4);
    new DataView(data.buffer).setUint32(0, n);
    return { type: 'blob', data, packed: stored(data) };
  });
  return packOf(tree, [{ type: 'tree', data: tree }, { type: 'blob', data: file }, ...fillers]);
}

/** A few bytes as a zlib stream that does not compress them: a million of these are made in a second. */
function stored(data: Uint8Array): Uint8Array {
  let [a, b] = [1, 0];
  for (const byte of data) {
    a = (a + byte) % 65_521;
    b = (b + a) % 65_521;
  }
  const { length } = data;
  return Uint8Array.of(0x78, 1, 1, length, 0, 255 - length, 255, ...data, b >> 8, b & 255, a >> 8, a & 255);
}

/** A blob entry whose header lies about its size. */
export function lyingBlob(data: Uint8Array, size: number): Entry {
  return { type: 'blob', data, size, packed: deflateSync(data) };
}
