import { env } from 'cloudflare:workers';
import { createHash } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { type StoreOptions, storePack } from '../../../src/ingest/mirror/intake.ts';
import { openObjects } from '../../../src/ingest/mirror/object-store.ts';
import {
  appending,
  copyOp,
  type Entry,
  makePack,
  noise,
  oidOf,
  type PackOptions,
  streamOf,
  varint,
} from './packs.ts';

const bucket = (env as unknown as { BUCKET: R2Bucket }).BUCKET;
const text = (value: string) => new TextEncoder().encode(value);
const blob = (data: Uint8Array): Entry => ({ type: 'blob', data });

let repos = 0;
const newRepo = () => `repo-${++repos}`;

async function store(
  repo: string,
  pack: Uint8Array | ReadableStream<Uint8Array>,
  options: StoreOptions = {},
  id = 'a',
  earlier: string[] = [],
) {
  const stream = pack instanceof Uint8Array ? streamOf(pack) : pack;
  return storePack({ bucket, objects: openObjects(bucket, repo, earlier) }, repo, id, stream, options);
}

async function keysOf(repo: string) {
  return (await bucket.list({ prefix: `repos/${repo}/` })).objects.map((object) => object.key);
}

/** Stores a pack that must fail, and answers why; nothing of it may stay. */
async function failure(
  entries: Entry[],
  options: PackOptions = {},
  store_: StoreOptions = {},
  cut?: number,
): Promise<Error> {
  const repo = newRepo();
  const pack = makePack(entries, options);
  const error = await store(repo, cut === undefined ? pack : pack.subarray(0, cut), store_).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(Error);
  expect(await keysOf(repo)).toEqual([]);
  return error as Error;
}

async function drain(body: ReadableStream<Uint8Array>) {
  const hash = createHash('sha1');
  let length = 0;
  let largest = 0;
  for await (const chunk of body) {
    hash.update(chunk);
    length += chunk.length;
    largest = Math.max(largest, chunk.length);
  }
  return { sha1: hash.digest('hex'), length, largest };
}

describe('objects', () => {
  test('of all types come back by oid with type, size and flags', async () => {
    const repo = newRepo();
    const objects: Entry[] = [
      { type: 'commit', data: text('tree x\n') },
      { type: 'tree', data: new Uint8Array(0) },
      blob(text('hello\n')),
      blob(Uint8Array.of(0, 1, 2)),
      { type: 'tag', data: text('object y\n') },
      blob(new Uint8Array(0)),
    ];
    const stored = await store(repo, makePack(objects));
    expect(stored).toMatchObject({ objects: 6, unresolved: 0 });
    const read = openObjects(bucket, repo, ['a']);
    const hello = oidOf('blob', text('hello\n'));
    const binary = oidOf('blob', Uint8Array.of(0, 1, 2));
    const empty = oidOf('tree', new Uint8Array(0));
    const info = await read.info([hello, binary, empty, 'f'.repeat(40), 'no oid']);
    expect([...info.keys()]).toEqual([hello, binary, empty]);
    expect(info.get(hello)).toMatchObject({ type: 'blob', size: 6, flags: { binary: false } });
    expect(info.get(binary)).toMatchObject({ flags: { binary: true } });
    expect(info.get(hello)!.position).toBeLessThan(info.get(binary)!.position);
    expect((await read.read(hello))?.bytes).toEqual(text('hello\n'));
    expect((await read.read(empty))?.type).toBe('tree');
    expect(await read.read('f'.repeat(40))).toBeNull();
    await expect(read.read(hello, 3)).rejects.toMatchObject({ slug: 'payload_too_large' });
  });

  test('are found whatever the size of the chunks that bring them', async () => {
    const entries = [blob(text('one')), blob(noise(70_000)), blob(text('two'))];
    for (const chunk of [1, 3, 65_515, 1_000_000]) {
      const repo = newRepo();
      expect((await store(repo, streamOf(makePack(entries), chunk))).objects).toBe(3);
      const bytes = (await openObjects(bucket, repo, ['a']).read(oidOf('blob', noise(70_000))))?.bytes;
      expect(bytes).toEqual(noise(70_000));
    }
  });

  test('are looked up by a short prefix', async () => {
    const repo = newRepo();
    await store(repo, makePack([blob(text('a')), { type: 'commit', data: text('tree x\n') }]));
    const commit = oidOf('commit', text('tree x\n'));
    const read = openObjects(bucket, repo, ['a']);
    expect(await read.withPrefix(commit.slice(0, 7), 10)).toEqual([{ oid: commit, type: 'commit' }]);
    expect(await read.withPrefix('zz', 10)).toEqual([]);
  });

  test('by the thousands keep the index consistent, twins included', async () => {
    const repo = newRepo();
    const entries = Array.from({ length: 3000 }, (_, i) => blob(text(`file ${i % 2900}\n`)));
    const stored = await store(repo, makePack(entries));
    expect(stored.objects).toBe(2900);
    const oids = Array.from({ length: 2900 }, (_, i) => oidOf('blob', text(`file ${i}\n`)));
    const read = openObjects(bucket, repo, ['a']);
    expect((await read.info(oids)).size).toBe(2900);
    let count = 0;
    for await (const { oid, bytes } of read.readMany(oids)) {
      expect(oidOf('blob', bytes)).toBe(oid);
      count++;
    }
    expect(count).toBe(2900);
  });
});

describe('deltas', () => {
  const base = text('line of the base\n'.repeat(50));
  const one = Buffer.concat([base, text('one')]);
  const two = Buffer.concat([one, text('two')]);

  async function expectAll(repo: string, packs = ['a']) {
    const read = openObjects(bucket, repo, packs);
    for (const data of [base, one, two]) {
      expect((await read.read(oidOf('blob', data)))?.bytes).toEqual(new Uint8Array(data));
    }
  }

  test.each<[string, Entry[]]>([
    [
      'by offset',
      [blob(base), { ofs: 0, delta: appending(base, 'one') }, { ofs: 1, delta: appending(one, 'two') }],
    ],
    [
      'by oid, before their bases',
      [
        { ref: oidOf('blob', one), delta: appending(one, 'two') },
        { ref: oidOf('blob', base), delta: appending(base, 'one') },
        blob(base),
      ],
    ],
    [
      'by offset on one by oid',
      [
        { ref: oidOf('blob', base), delta: appending(base, 'one') },
        { ofs: 0, delta: appending(one, 'two') },
        blob(base),
      ],
    ],
  ])('are resolved %s', async (_, entries) => {
    const repo = newRepo();
    expect(await store(repo, makePack(entries))).toMatchObject({ objects: 3, unresolved: 0 });
    await expectAll(repo);
  });

  test('are resolved in the second pass when the cache keeps nothing', async () => {
    const repo = newRepo();
    const entries: Entry[] = [
      blob(base),
      { ofs: 0, delta: appending(base, 'one') },
      { ofs: 1, delta: appending(one, 'two') },
    ];
    expect(await store(repo, makePack(entries), { limits: { cacheBytes: 0 } })).toMatchObject({ objects: 3 });
    await expectAll(repo);
  });

  test('of a thin pack build on earlier packs, and are read through them', async () => {
    const repo = newRepo();
    await store(repo, makePack([blob(base)]));
    const thin = makePack([
      { ref: oidOf('blob', base), delta: appending(base, 'one') },
      { ofs: 0, delta: appending(one, 'two') },
    ]);
    expect(await store(repo, thin, {}, 'b', ['a'])).toMatchObject({ objects: 2, unresolved: 0 });
    await expectAll(repo, ['a', 'b']);
  });

  test('in a chain of thousands are resolved without recursion', async () => {
    const repo = newRepo();
    const entries: Entry[] = [blob(text('x'))];
    let last = text('x');
    for (let i = 0; i < 4096; i++) {
      entries.push({ ofs: i, delta: appending(last, 'y') });
      last = Buffer.concat([last, text('y')]);
    }
    expect(await store(repo, makePack(entries))).toMatchObject({ objects: 4097 });
    expect((await openObjects(bucket, repo, ['a']).read(oidOf('blob', last)))?.bytes.length).toBe(4097);
  });

  test('in a chain beyond the limit fail the pack', async () => {
    const entries: Entry[] = [blob(text('x'))];
    let last = text('x');
    for (let i = 0; i < 6; i++) {
      entries.push({ ofs: i, delta: appending(last, 'y') });
      last = Buffer.concat([last, text('y')]);
    }
    const limits = { maxDeltaDepth: 5 };
    expect((await failure(entries, {}, { limits })).message).toMatch(/longer than 5/);
    expect((await failure(entries, {}, { limits: { ...limits, cacheBytes: 0 } })).message).toMatch(
      /longer than 5/,
    );
  });

  test('whose base or result is too large are left unresolved and counted, with what builds on them', async () => {
    const repo = newRepo();
    const large = noise(5000);
    const entries: Entry[] = [
      blob(large),
      { ofs: 0, delta: appending(large, 'one') },
      { ofs: 1, delta: appending(Buffer.concat([large, text('one')]), 'two') },
      blob(base),
      { ofs: 3, delta: appending(base, 'one') },
    ];
    const stored = await store(repo, makePack(entries), { limits: { maxDeltaBytes: 4000 } });
    expect(stored).toMatchObject({ objects: 3, unresolved: 2 });
    const read = openObjects(bucket, repo, ['a']);
    expect(await read.unresolvedCount()).toBe(2);
    expect((await read.info([oidOf('blob', large), oidOf('blob', one)])).size).toBe(2);
    expect(await read.read(oidOf('blob', Buffer.concat([large, text('one')])))).toBeNull();
  });

  test('of large objects are resolved and read, in ranges too', async () => {
    const repo = newRepo();
    const large = noise(3_000_000);
    const longer = Buffer.concat([large, text('end')]);
    const entries: Entry[] = [blob(large), { ofs: 0, delta: appending(large, 'end') }];
    expect(await store(repo, makePack(entries))).toMatchObject({ objects: 2, unresolved: 0 });
    const read = openObjects(bucket, repo, ['a']);
    const oid = oidOf('blob', longer);
    expect((await read.read(oid))?.bytes).toEqual(new Uint8Array(longer));
    const part = await read.stream(oid, { offset: 2_999_999, length: 100 });
    expect(part?.size).toBe(longer.length);
    expect((await drain(part!.body)).sha1).toBe(
      createHash('sha1').update(longer.subarray(2_999_999)).digest('hex'),
    );
  });
});

describe('large objects', () => {
  /** 40 MB in a stream that is never whole in memory, neither here nor there. */
  function largePack(pieces: number, piece: Uint8Array) {
    const size = pieces * piece.length;
    const hash = createHash('sha1').update(`blob ${size}\0`);
    for (let i = 0; i < pieces; i++) hash.update(piece);
    const whole = Buffer.alloc(size);
    for (let i = 0; i < pieces; i++) whole.set(piece, i * piece.length);
    return { size, oid: hash.digest('hex'), pack: makePack([blob(whole), blob(text('after'))]) };
  }

  test('stream through under the memory budget and stream back in ranges', async () => {
    const repo = newRepo();
    const { size, oid, pack } = largePack(40, noise(1024 * 1024));
    const stored = await store(repo, streamOf(pack, 65_515));
    expect(stored).toMatchObject({ bytes: pack.length, objects: 2 });
    expect(stored.peakBytes).toBeLessThan(20 * 1024 * 1024);
    const read = openObjects(bucket, repo, ['a']);
    expect((await read.info([oid])).get(oid)).toMatchObject({ size, flags: { binary: true } });
    expect((await read.read(oidOf('blob', text('after'))))?.bytes).toEqual(text('after'));
    const all = await drain((await read.stream(oid))!.body);
    expect(all.length).toBe(size);
    const range = await drain((await read.stream(oid, { offset: 1024 * 1024 - 5, length: 10 }))!.body);
    const expected = Buffer.concat([noise(1024 * 1024).subarray(-5), noise(1024 * 1024).subarray(0, 5)]);
    expect(range).toMatchObject({ length: 10, sha1: createHash('sha1').update(expected).digest('hex') });
    expect((await drain((await read.stream(oid, { offset: size + 5, length: 10 }))!.body)).length).toBe(0);
  });

  test('that compress absurdly well are never inflated in one piece', async () => {
    const repo = newRepo();
    const { oid, size, pack } = largePack(40, new Uint8Array(1024 * 1024));
    expect(pack.length).toBeLessThan(100_000);
    expect((await store(repo, pack)).peakBytes).toBeLessThan(20 * 1024 * 1024);
    const all = await drain((await openObjects(bucket, repo, ['a']).stream(oid))!.body);
    expect(all.length).toBe(size);
    expect(all.largest).toBeLessThan(1024 * 1024);
  });

  test('of bytes that do not compress, split over many stored blocks, are still found', async () => {
    const data = noise(900_000);
    const packed = deflateSync(data, { level: 0 });
    const repo = newRepo();
    expect(await store(repo, makePack([{ type: 'blob', data, packed }]))).toMatchObject({ objects: 1 });
  });
});

describe('a pack that lies or breaks fails with its reason and leaves nothing', () => {
  const entries = [blob(text('hello\n')), blob(noise(3000))];
  const zeros = new Uint8Array(20);

  test.each<[string, () => Promise<Error>, RegExp]>([
    ['cut in its header', () => failure(entries, {}, {}, 7), /ends inside its header/],
    ['empty', () => failure(entries, {}, {}, 0), /ends inside its header/],
    ['cut inside an object', () => failure(entries, {}, {}, 400), /ends inside an object/],
    ['cut in its checksum', () => failure(entries, {}, {}, makePack(entries).length - 3), /checksum/],
    ['with a wrong checksum', () => failure(entries, { trailer: zeros }), /checksum does not match/],
    ['that claims more objects', () => failure(entries, { count: 3 }), /corrupt/],
    ['that claims fewer objects', () => failure(entries, { count: 1 }), /object count is wrong/],
    ['of another version', () => failure(entries, { version: 4 }), /version/],
    [
      'with too many objects',
      () => failure(entries, { count: 1_000_001 }),
      /holds 1000001 objects; at most 1000000/,
    ],
    [
      'whose object is longer than declared',
      () => failure([{ type: 'blob', data: noise(500), size: 100 }]),
      /longer than it declares/,
    ],
    [
      'whose object is shorter than declared',
      () => failure([{ type: 'blob', data: noise(100), size: 500 }]),
      /not as long as it declares/,
    ],
    [
      'whose large object is longer than declared',
      () => failure([{ type: 'blob', data: noise(3_000_000), size: 2_000_000 }]),
      /longer than it declares/,
    ],
    [
      'whose large object is shorter than declared',
      () => failure([{ type: 'blob', data: noise(2_000_000), size: 3_000_000 }]),
      /not as long as it declares/,
    ],
    [
      'whose object declares terabytes',
      () => failure([{ type: 'blob', data: noise(100), size: 2 ** 42 }]),
      /corrupt/,
    ],
    [
      'whose object is no zlib',
      () => failure([{ type: 'blob', data: noise(100), packed: noise(100) }]),
      /cannot be inflated/,
    ],
    [
      'whose delta copies from outside its base',
      () => failure([entries[0]!, { ofs: 0, delta: Buffer.concat([varint(6), varint(50), copyOp(0, 50)]) }]),
      /copy reaches outside/,
    ],
    [
      'whose delta lies about its base',
      () => failure([entries[0]!, { ofs: 0, delta: appending(text('hello\n'), 'x', { base: 9 }) }]),
      /another size/,
    ],
    [
      'whose delta lies about its result',
      () => failure([entries[0]!, { ofs: 0, delta: appending(text('hello\n'), 'x', { result: 900 }) }]),
      /shorter than declared/,
    ],
    [
      'whose delta makes more than it declares',
      () => failure([entries[0]!, { ofs: 0, delta: appending(text('hello\n'), 'x', { result: 3 }) }]),
      /outside/,
    ],
    [
      'whose delta is cut',
      () => failure([entries[0]!, { ofs: 0, delta: Uint8Array.of(6, 6, 0xff, 0) }]),
      /delta/,
    ],
    [
      'whose delta is empty',
      () => failure([entries[0]!, { ofs: 0, delta: new Uint8Array(0) }]),
      /sizes cannot be read/,
    ],
    [
      'whose delta names no object',
      () => failure([entries[0]!, { ofs: 0, distance: 5, delta: appending(text('x'), 'y') }]),
      /no object begins/,
    ],
    [
      'whose delta names itself',
      () => failure([{ ofs: 0, distance: 0, delta: appending(text('x'), 'y') }]),
      /no object begins/,
    ],
    [
      'whose delta reaches before the pack',
      () => failure([{ ofs: 0, distance: 9999, delta: appending(text('x'), 'y') }]),
      /no object begins/,
    ],
    [
      'whose base is nowhere',
      () => failure([{ ref: 'e'.repeat(40), delta: appending(text('x'), 'y') }]),
      /1 of its deltas build on objects that do not exist/,
    ],
  ])('%s', async (_, fail, sentence) => {
    const error = await fail();
    expect(error.message).toMatch(sentence);
    expect(error).toMatchObject({ name: 'MirrorError', slug: 'unprocessable' });
  });

  test('whose deltas build on each other in a circle', async () => {
    // Two deltas by oid, each naming the other's result: no order resolves them.
    const a = text('a');
    const b = text('b');
    const entriesOfCircle: Entry[] = [
      { ref: oidOf('blob', b), delta: appending(b, 'x') },
      { ref: oidOf('blob', a), delta: appending(a, 'y') },
    ];
    expect((await failure(entriesOfCircle)).message).toMatch(/2 of its deltas/);
  });

  test('that inflates to an absurd multiple of its size', async () => {
    const bomb = [blob(new Uint8Array(3_000_000))];
    const limits = { ratioFloorBytes: 1_000_000 };
    expect((await failure(bomb, {}, { limits })).message).toMatch(/absurd multiple/);
  });

  test('whose deltas multiply small bases beyond the total', async () => {
    const base = noise(10_000);
    const many: Entry[] = [
      blob(base),
      ...Array.from({ length: 50 }, (): Entry => ({ ofs: 0, delta: appending(base, 'x') })),
    ];
    expect((await failure(many, {}, { limits: { maxTotalBytes: 200_000 } })).message).toMatch(/more than/);
    expect((await failure(many, {}, { limits: { maxTotalBytes: 200_000, cacheBytes: 0 } })).message).toMatch(
      /more than/,
    );
  });

  test('that is larger than the limit', async () => {
    expect((await failure(entries, {}, { limits: { maxPackBytes: 1000 } })).message).toMatch(/larger than/);
  });

  test('after parts of it were uploaded', async () => {
    const pack = makePack([blob(noise(12_000_000))], { trailer: zeros });
    const repo = newRepo();
    await expect(store(repo, streamOf(pack, 65_515))).rejects.toThrow(/checksum/);
    expect(await keysOf(repo)).toEqual([]);
  });
});

describe('cancelling', () => {
  test('by what onProgress throws ends the stream and leaves nothing', async () => {
    const repo = newRepo();
    let cancelled: unknown = null;
    const pack = makePack([blob(noise(12_000_000))]);
    const inner = streamOf(pack, 65_515).getReader();
    const stream = new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => controller.enqueue((await inner.read()).value!),
        cancel: (reason) => {
          cancelled = reason;
        },
      },
      { highWaterMark: 0 },
    );
    let now = 0;
    const seen: number[] = [];
    const stop = new Error('cancelled by its owner');
    const options: StoreOptions = {
      now: () => (now += 10),
      onProgress: async ({ bytes, objectsTotal }) => {
        seen.push(bytes);
        expect(objectsTotal).toBe(1);
        if (bytes > 8_000_000) throw stop;
      },
    };
    await expect(store(repo, stream, options)).rejects.toBe(stop);
    expect(seen.length).toBeGreaterThan(1);
    expect(cancelled).toBe(stop);
    expect(await keysOf(repo)).toEqual([]);
  });

  test('by a stream that breaks passes its error on', async () => {
    const repo = newRepo();
    const broken = new ReadableStream<Uint8Array>({
      start: (controller) => {
        controller.enqueue(makePack([blob(noise(5000))]).subarray(0, 1000));
      },
      pull: (controller) => controller.error(new Error('the wire was cut')),
    });
    await expect(store(repo, broken)).rejects.toThrow('the wire was cut');
    expect(await keysOf(repo)).toEqual([]);
  });
});
