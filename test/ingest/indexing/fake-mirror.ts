import { createHash } from 'node:crypto';
import type { ObjectInfo, ObjectStore, ObjectType } from '../../../src/ingest/mirror/object-store.ts';
import { sniff } from '../../../src/ingest/parse/sniff.ts';

/** A file's text, a nested directory, or an entry with a mode of its own. */
export type Node = string | Uint8Array | { [name: string]: Node } | Special;
export class Special {
  readonly mode: number;
  readonly content: string | null;
  readonly oid: string | null;
  constructor(mode: number, content: string | null, oid: string | null = null) {
    this.mode = mode;
    this.content = content;
    this.oid = oid;
  }
}
export const symlink = (target: string) => new Special(0o120000, target);
export const submodule = (oid = 'c'.repeat(40)) => new Special(0o160000, null, oid);
export const executable = (text: string) => new Special(0o100755, text);
/** An entry whose blob the mirror lacks. */
export const lost = (oid = 'd'.repeat(40)) => new Special(0o100644, null, oid);

interface Stored {
  type: ObjectType;
  bytes: Uint8Array;
  position: number;
}

/** Git objects in memory, behind the interface of the mirror; counts what is read. */
export class FakeMirror implements ObjectStore {
  readonly objects = new Map<string, Stored>();
  readonly reads = { blobs: [] as string[], trees: 0 };

  write(type: ObjectType, bytes: Uint8Array): string {
    const oid = createHash('sha1').update(`${type} ${bytes.length}\0`).update(bytes).digest('hex');
    if (!this.objects.has(oid)) this.objects.set(oid, { type, bytes, position: this.objects.size });
    return oid;
  }

  commit(root: { [name: string]: Node } | string): string {
    const tree = typeof root === 'string' ? root : this.tree(root);
    const text = `tree ${tree}\nauthor A <a@example.com> 1700000000 +0000\ncommitter A <a@example.com> 1700000000 +0000\n\nstate ${tree}\n`;
    return this.write('commit', Buffer.from(text));
  }

  tree(dir: { [name: string]: Node }): string {
    return this.rawTree(Object.entries(dir).map(([name, node]) => ({ name, ...this.#store(node) })));
  }

  rawTree(entries: { name: string; mode: number; oid: string }[]): string {
    const key = (entry: { name: string; mode: number }) =>
      entry.mode === 0o40000 ? `${entry.name}/` : entry.name;
    const sorted = entries.toSorted((a, b) => Buffer.compare(Buffer.from(key(a)), Buffer.from(key(b))));
    const parts = sorted.flatMap(({ name, mode, oid }) => [
      Buffer.from(`${mode.toString(8)} ${name}\0`),
      Buffer.from(oid, 'hex'),
    ]);
    return this.write('tree', Buffer.concat(parts));
  }

  #store(node: Node): { mode: number; oid: string } {
    if (typeof node === 'string') return { mode: 0o100644, oid: this.write('blob', Buffer.from(node)) };
    if (node instanceof Uint8Array) return { mode: 0o100644, oid: this.write('blob', node) };
    if (node instanceof Special) {
      return { mode: node.mode, oid: node.oid ?? this.write('blob', Buffer.from(node.content ?? '')) };
    }
    return { mode: 0o40000, oid: this.tree(node) };
  }

  async info(oids: string[]): Promise<Map<string, ObjectInfo>> {
    const found = new Map<string, ObjectInfo>();
    for (const oid of oids) {
      const object = this.objects.get(oid);
      if (!object) continue;
      const { type, bytes, position } = object;
      found.set(oid, { type, size: bytes.length, flags: sniff(bytes), position });
    }
    return found;
  }

  async read(oid: string): Promise<{ type: ObjectType; bytes: Uint8Array } | null> {
    return this.objects.get(oid) ?? null;
  }

  async *readMany(oids: string[]): AsyncIterable<{ oid: string; type: ObjectType; bytes: Uint8Array }> {
    for (const oid of oids) {
      const object = this.objects.get(oid);
      if (!object) continue;
      if (object.type === 'blob') this.reads.blobs.push(oid);
      else if (object.type === 'tree') this.reads.trees++;
      yield { oid, ...object };
    }
  }

  unresolved = 0;
  async unresolvedCount(): Promise<number> {
    return this.unresolved;
  }

  async withPrefix(digits: string, limit: number): Promise<{ oid: string; type: ObjectType }[]> {
    return [...this.objects]
      .filter(([oid]) => oid.startsWith(digits))
      .slice(0, limit)
      .map(([oid, { type }]) => ({ oid, type }));
  }

  async stream(oid: string): Promise<{ size: number; body: ReadableStream<Uint8Array> } | null> {
    const object = this.objects.get(oid);
    const body = object && new Response(object.bytes).body;
    return object && body ? { size: object.bytes.length, body } : null;
  }
}
