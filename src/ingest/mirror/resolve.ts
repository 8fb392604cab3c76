/**
 * The second pass of the intake: deltas whose base was not at hand when they came by. From every object that others
 * build on, its family is resolved depth first, so that a base is computed once and used while it is in the cache;
 * chains are walked by loops, never by recursion. What the pack lacks is asked of the repo's earlier packs.
 */
import { applyDelta, deltaSizes, runDelta } from './delta.ts';
import { type EntryTable, EXTERNAL, NO_BASE } from './entry-table.ts';
import { finishObject, type Intake, ObjectDigest, tooDeep, UNRESOLVED } from './intake-state.ts';
import type { ObjectStore } from './object-store.ts';
import { compareOids, lowerBound, OID_BYTES, oidToBytes, oidToHex } from './oid.ts';
import { BLOB, broken, COMMIT, OFS_DELTA, REF_DELTA, TAG, TYPE_NAMES } from './pack-entry.ts';
import type { PackSource } from './pack-source.ts';

export interface Resolved {
  /** Oids of bases in earlier packs, 20 bytes each; `EXTERNAL | n` in an entry's `base` names the n-th. */
  externals: Uint8Array;
  unresolved: number;
}

/** Results above this that nothing builds on are hashed piece by piece instead of being built. */
const BUILT_BYTES = 2 * 1024 * 1024;

/** Bases fetched from earlier packs in one go. */
const EXTERNAL_BATCH = 256;

/**
 * Resolves every deferred delta of the table.
 * @param packEnd where the last entry ends.
 * @throws MirrorError `corrupt` when a base is nowhere to be found, as in a cycle.
 */
export async function resolveDeltas(
  intake: Intake,
  source: PackSource,
  objects: ObjectStore,
  packEnd: number,
): Promise<Resolved> {
  const families = new Families(intake.table);
  const resolver = new Resolver(intake, source, objects, families, packEnd);
  if (families.size > 0) {
    await resolver.fromPack();
    await resolver.fromEarlierPacks();
  }
  return { externals: resolver.externals(), unresolved: await resolver.countUnresolved() };
}

const isPending = (type: number) => type === OFS_DELTA || type === REF_DELTA;
const isObject = (type: number) => type >= COMMIT && type <= TAG;

/** Who builds on whom: deferred deltas sorted by their base. */
class Families {
  private readonly table: EntryTable;
  /** Entry indices sorted by base index. */
  private readonly byIndex: Uint32Array;
  /** Entry indices sorted by base oid, and those oids. */
  private readonly byOid: Uint32Array;
  readonly baseOids: Uint8Array;

  constructor(table: EntryTable) {
    this.table = table;
    this.byIndex = collect(table, OFS_DELTA).sort((a, b) => table.base(a) - table.base(b) || a - b);
    this.byOid = collect(table, REF_DELTA).sort((a, b) => table.compare(a, b) || a - b);
    // Resolving a delta overwrites the base's oid with its own.
    this.baseOids = new Uint8Array(this.byOid.length * OID_BYTES);
    for (const [n, i] of this.byOid.entries()) this.baseOids.set(table.oid(i), n * OID_BYTES);
  }

  get size(): number {
    return this.byIndex.length + this.byOid.length;
  }

  /** Deferred deltas on entry `i`. */
  *childrenOf(i: number): Iterable<number> {
    for (let n = this.firstByIndex(i); n < this.byIndex.length; n++) {
      const child = this.byIndex[n]!;
      if (this.table.base(child) !== i) break;
      if (isPending(this.table.type(child))) yield child;
    }
    if (this.byOid.length > 0) yield* this.childrenOfOid(this.table.oid(i));
  }

  *childrenOfOid(oid: Uint8Array): Iterable<number> {
    for (let n = this.firstByOid(oid); n < this.byOid.length; n++) {
      if (compareOids(this.baseOid(n), oid) !== 0) return;
      const child = this.byOid[n]!;
      if (isPending(this.table.type(child))) yield child;
    }
  }

  has(i: number): boolean {
    for (const _ of this.childrenOf(i)) return true;
    return false;
  }

  /** Oids, once each, that still have unresolved deltas. */
  *missingBases(): Iterable<Uint8Array> {
    for (let n = 0; n < this.byOid.length; n++) {
      const oid = this.baseOid(n);
      if (n > 0 && compareOids(this.baseOid(n - 1), oid) === 0) continue;
      for (const _ of this.childrenOfOid(oid)) {
        yield oid;
        break;
      }
    }
  }

  private baseOid(n: number): Uint8Array {
    return this.baseOids.subarray(n * OID_BYTES, (n + 1) * OID_BYTES);
  }

  private firstByIndex(base: number): number {
    return lowerBound(this.byIndex.length, (n) => this.table.base(this.byIndex[n]!) - base);
  }

  private firstByOid(oid: Uint8Array): number {
    return lowerBound(this.byOid.length, (n) => compareOids(this.baseOid(n), oid));
  }
}

class Resolver {
  private readonly intake: Intake;
  private readonly source: PackSource;
  private readonly objects: ObjectStore;
  private readonly families: Families;
  private readonly packEnd: number;
  private readonly externalOids: Uint8Array[] = [];

  constructor(intake: Intake, source: PackSource, objects: ObjectStore, families: Families, packEnd: number) {
    this.intake = intake;
    this.source = source;
    this.objects = objects;
    this.families = families;
    this.packEnd = packEnd;
  }

  async fromPack(): Promise<void> {
    const { table } = this.intake;
    for (let i = 0; i < table.length; i++) {
      if (isObject(table.type(i)) && this.families.has(i)) await this.descend(i);
    }
  }

  async fromEarlierPacks(): Promise<void> {
    let batch: string[] = [];
    const missing = [...this.families.missingBases()].map(oidToHex);
    for (const [n, oid] of missing.entries()) {
      batch.push(oid);
      if (batch.length < EXTERNAL_BATCH && n + 1 < missing.length) continue;
      for await (const base of this.objects.readMany(batch)) await this.fromExternal(base);
      batch = [];
    }
  }

  externals(): Uint8Array {
    const bytes = new Uint8Array(this.externalOids.length * OID_BYTES);
    for (const [n, oid] of this.externalOids.entries()) bytes.set(oid, n * OID_BYTES);
    return bytes;
  }

  /** Deltas left alone for their size, with those that build on them. Any other leftover is a broken pack. */
  async countUnresolved(): Promise<number> {
    const { table } = this.intake;
    let tooLarge = 0;
    let orphans = 0;
    let others = 0;
    for (let i = 0; i < table.length; i++) {
      const type = table.type(i);
      if (type === UNRESOLVED) tooLarge++;
      else if (type === REF_DELTA) orphans++;
      else if (type === OFS_DELTA) others++;
      if (isPending(type)) table.setType(i, UNRESOLVED);
    }
    // The base of an orphan may be one whose oid we never learned, here or in an earlier pack.
    if (orphans > 0 && tooLarge === 0 && (await this.objects.unresolvedCount()) === 0) {
      throw broken(`${orphans} of its deltas build on objects that do not exist`);
    }
    return tooLarge + orphans + others;
  }

  private async fromExternal(base: { oid: string; type: string; bytes: Uint8Array }): Promise<void> {
    const oid = oidToBytes(base.oid);
    const n = this.externalOids.push(oid) - 1;
    const type = TYPE_NAMES.indexOf(base.type as (typeof TYPE_NAMES)[number]);
    for (const child of this.families.childrenOfOid(oid)) {
      await this.resolve(child, (EXTERNAL | n) >>> 0, type, 0, base.bytes);
      if (isObject(this.intake.table.type(child)) && this.families.has(child)) await this.descend(child);
    }
  }

  /** Resolves all that builds on entry `root`, directly or not. */
  private async descend(root: number): Promise<void> {
    const { table } = this.intake;
    const open = [root];
    for (let i = open.pop(); i !== undefined; i = open.pop()) {
      const tooLarge = table.size(i) > this.intake.limits.maxDeltaBytes;
      const base = tooLarge ? null : await this.materialise(i);
      for (const child of this.families.childrenOf(i)) {
        if (!base) table.setType(child, UNRESOLVED);
        else await this.resolve(child, i, table.type(i), table.depth(i), base);
        if (isObject(table.type(child)) && this.families.has(child)) open.push(child);
      }
    }
  }

  private async resolve(
    i: number,
    from: number,
    type: number,
    depth: number,
    base: Uint8Array,
  ): Promise<void> {
    const { table, limits } = this.intake;
    if (depth + 1 > limits.maxDeltaDepth) throw tooDeep(limits);
    const delta = await this.payload(i);
    if (!delta || exceeds(delta, limits.maxDeltaBytes)) return table.setType(i, UNRESOLVED);
    const { result } = deltaSizes(delta);
    this.intake.spend(result);
    this.measure(base.length + delta.length);
    if (result > BUILT_BYTES) this.digest(i, type, base, delta, result);
    else finishObject(this.intake, i, type, applyDelta(base, delta));
    table.setBase(i, from, depth + 1);
  }

  private digest(i: number, type: number, base: Uint8Array, delta: Uint8Array, size: number): void {
    const digest = new ObjectDigest(type, size);
    runDelta(base, delta, (source, start, length) => digest.push(source.subarray(start, start + length)));
    const { oid, flags } = digest.end();
    this.intake.table.setObject(i, oid, type, size, type === BLOB ? flags : 0);
  }

  /** The bytes of a resolved entry, from the nearest ancestor that is cached. null when reads are used up. */
  private async materialise(i: number): Promise<Uint8Array | null> {
    const { table, cache } = this.intake;
    const chain: number[] = [];
    let at = i;
    let bytes = cache.get(at) ?? null;
    while (!bytes) {
      const base = table.base(at);
      if (base === NO_BASE) {
        bytes = await this.payload(at);
        if (!bytes) return null;
        this.intake.spend(bytes.length);
        cache.set(at, bytes, bytes.length);
        break;
      }
      chain.push(at);
      if (base & EXTERNAL) {
        bytes = await this.external((base & ~EXTERNAL) >>> 0);
        break;
      }
      at = base;
      bytes = cache.get(at) ?? null;
    }
    for (let link = chain.pop(); link !== undefined; link = chain.pop()) {
      const delta = await this.payload(link);
      if (!delta) return null;
      this.measure(bytes.length + delta.length + table.size(link));
      bytes = applyDelta(bytes, delta);
      this.intake.spend(bytes.length);
      cache.set(link, bytes, bytes.length);
    }
    return bytes;
  }

  private async external(n: number): Promise<Uint8Array> {
    const base = await this.objects.read(oidToHex(this.externalOids[n]!), this.intake.limits.maxDeltaBytes);
    if (!base) throw broken('a base of an earlier pack has vanished');
    return base.bytes;
  }

  private payload(i: number): Promise<Uint8Array | null> {
    const { table } = this.intake;
    const offset = table.offset(i);
    return this.source.payload(offset, table.end(i, this.packEnd) - offset);
  }

  private measure(inHand: number): void {
    this.intake.gauge.set('in hand', inHand);
    this.intake.gauge.set('blocks', this.source.cachedBytes);
  }
}

function exceeds(delta: Uint8Array, limit: number): boolean {
  const sizes = deltaSizes(delta);
  return sizes.base > limit || sizes.result > limit;
}

function collect(table: EntryTable, type: number): Uint32Array {
  let count = 0;
  for (let i = 0; i < table.length; i++) if (table.type(i) === type) count++;
  const found = new Uint32Array(count);
  let n = 0;
  for (let i = 0; i < table.length; i++) if (table.type(i) === type) found[n++] = i;
  return found;
}
