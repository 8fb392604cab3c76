import { env } from 'cloudflare:workers';
import { describe, expect, inject, test } from 'vitest';
import { createEgress } from '../../../src/egress.ts';
import { storePack } from '../../../src/ingest/mirror/intake.ts';
import { openObjects } from '../../../src/ingest/mirror/object-store.ts';
import { fetchPack, listRefs } from '../../../src/ingest/mirror/remote.ts';
import { parseCommit, parseTree } from '../../../src/ingest/mirror/trees.ts';
import { makeRepo } from '../../support/git.ts';

const bucket = (env as unknown as { BUCKET: R2Bucket }).BUCKET;
const server = inject('gitServer');
const egress = createEgress({ allow: new URL(server.url).host });

describe('x', () => {
  test('mirrors a small repository', async () => {
    const repo = await makeRepo('small', { 'a.txt': 'hello\n', 'src/b.ts': 'export const b = 1;\n' });
    const remote = { url: repo.url, headers: {} };
    const listing = await listRefs(egress, remote);
    expect(listing.head).toBe('refs/heads/main');
    expect(listing.headOid).toBe(repo.head);
    const fetched = await fetchPack(egress, remote, { oids: [repo.head], haves: [], shallow: [], depth: 1 });
    const none = openObjects(bucket, 'r1', []);
    const stored = await storePack({ bucket, objects: none }, 'r1', 'p1', fetched.pack!);
    expect(stored.objects).toBe(5);
    const objects = openObjects(bucket, 'r1', ['p1']);
    const commit = await objects.read(repo.head);
    const tree = await objects.read(parseCommit(commit!.bytes).tree);
    expect(parseTree(tree!.bytes).map((e) => e.name)).toEqual(['a.txt', 'src']);
  });
});
