import { env } from 'cloudflare:workers';
import { describe, expect, test } from 'vitest';
import { storePack } from '../../../src/ingest/mirror/intake.ts';
import { mergePacks } from '../../../src/ingest/mirror/merge.ts';
import { openObjects } from '../../../src/ingest/mirror/object-store.ts';
import { keys } from '../../../src/store/keys.ts';
import { appending, type Entry, makePack, noise, oidOf, streamOf } from './packs.ts';

const bucket = (env as unknown as { BUCKET: R2Bucket }).BUCKET;
const text = (value: string) => new TextEncoder().encode(value);
const blob = (data: Uint8Array): Entry => ({ type: 'blob', data });

let repos = 0;

/** Stores packs one after the other, each seeing the ones before. */
async function repoOf(...packs: Entry[][]) {
  const repo = `merge-${++repos}`;
  const ids: string[] = [];
  for (const [n, entries] of packs.entries()) {
    const objects = openObjects(bucket, repo, ids);
    await storePack({ bucket, objects }, repo, `p${n}`, streamOf(makePack(entries)));
    ids.push(`p${n}`);
  }
  const dropOld = async () => {
    for (const id of ids) await bucket.delete([keys.pack(repo, id), keys.packIndex(repo, id)]);
  };
  return { repo, ids, dropOld };
}

/** A file that grows by a line in each pack, as a delta on the version before. */
function growing(versions: number): { packs: Entry[][]; contents: Uint8Array[] } {
  const contents: Uint8Array[] = [noise(2000)];
  const packs: Entry[][] = [[blob(contents[0]!)]];
  for (let n = 1; n < versions; n++) {
    const before = contents[n - 1]!;
    contents.push(Buffer.concat([before, text(`${n}`)]));
    packs.push([{ ref: oidOf('blob', before), delta: appending(before, `${n}`) }]);
  }
  return { packs, contents };
}

async function expectReadable(repo: string, contents: Uint8Array[]) {
  const objects = openObjects(bucket, repo, ['m']);
  for (const data of contents) {
    expect((await objects.read(oidOf('blob', data)))?.bytes).toEqual(new Uint8Array(data));
  }
}

describe('merging packs', () => {
  test('keeps every object readable from the one pack, each once', async () => {
    const { packs, contents } = growing(6);
    packs[3]!.push(blob(contents[0]!), blob(text('new')));
    const { repo, ids, dropOld } = await repoOf(...packs);
    const merged = await mergePacks({ bucket }, repo, ids, 'm');
    expect(merged).toMatchObject({ objects: 7, unresolved: 0 });
    expect((await bucket.head(keys.pack(repo, 'm')))?.size).toBe(merged?.bytes);
    await dropOld();
    await expectReadable(repo, [...contents, text('new')]);
  });

  test('cuts chains that grew over many syncs by whole objects', async () => {
    const { packs, contents } = growing(8);
    const { repo, ids, dropOld } = await repoOf(...packs);
    const long = await mergePacks({ bucket }, repo, ids, 'm');
    const cut = await mergePacks({ bucket }, repo, ids, 'm', { maxDepth: 2 });
    // Versions 0, 3 and 6 are whole: two more than before, of 2,000 bytes that do not compress.
    expect(cut!.bytes - long!.bytes).toBeGreaterThan(3900);
    expect(cut!.bytes - long!.bytes).toBeLessThan(4200);
    await dropOld();
    await expectReadable(repo, contents);
  });

  test('leaves behind what nothing reaches, but not the bases of what is kept', async () => {
    const kept = noise(2000, 7);
    const base = noise(2000, 8);
    const onBase = Buffer.concat([base, text('!')]);
    const garbage = noise(2000, 9);
    const file = (name: string, data: Uint8Array) =>
      Buffer.concat([text(`100644 ${name}\0`), Buffer.from(oidOf('blob', data), 'hex')]);
    const tree = Buffer.concat([file('a', kept), file('b', onBase)]);
    const commit = text(`tree ${oidOf('tree', tree)}\nparent ${'0'.repeat(40)}\nauthor a <a> 1 +0000\n\nx`);
    const { repo, ids, dropOld } = await repoOf(
      [blob(base), blob(garbage)],
      [
        { type: 'commit', data: commit },
        { type: 'tree', data: tree },
        blob(kept),
        { ref: oidOf('blob', base), delta: appending(base, '!') },
      ],
    );
    const merged = await mergePacks({ bucket }, repo, ids, 'm', { reachableFrom: [oidOf('commit', commit)] });
    expect(merged?.objects).toBe(5);
    await dropOld();
    await expectReadable(repo, [kept, onBase, base]);
    expect(await openObjects(bucket, repo, ['m']).read(oidOf('blob', garbage))).toBeNull();
  });

  test('of a pack that vanishes meanwhile fails and leaves nothing of its own', async () => {
    const { packs } = growing(3);
    const { repo, ids } = await repoOf(...packs);
    await bucket.delete(keys.pack(repo, 'p1'));
    await expect(mergePacks({ bucket }, repo, ids, 'm')).rejects.toMatchObject({ kind: 'unreachable' });
    expect(await bucket.head(keys.pack(repo, 'm'))).toBeNull();
    expect(await bucket.head(keys.packIndex(repo, 'm'))).toBeNull();
  });
});
