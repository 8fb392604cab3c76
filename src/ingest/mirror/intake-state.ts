/** What both passes of the intake share. */
import { createHash } from 'node:crypto';
import { createSniffer, flagsToByte, sniff } from '../parse/sniff.ts';
import type { EntryTable } from './entry-table.ts';
import type { IntakeLimits, MemoryGauge } from './limits.ts';
import type { ByteLru } from './lru.ts';
import type { MirrorError } from './mirror-error.ts';
import { BLOB, broken, TYPE_NAMES } from './pack-entry.ts';
import { SMALL_BYTES, sha1Small } from './small-objects.ts';

export interface Intake {
  table: EntryTable;
  /** Whole objects by entry index, as possible bases. */
  cache: ByteLru<number, Uint8Array>;
  limits: IntakeLimits;
  gauge: MemoryGauge;
  /** Adds to the total of inflated bytes. @throws MirrorError `corrupt` beyond the limits */
  spend(bytes: number): void;
}

/** Marks an entry whose delta exceeds the limits. Not a type of git's. */
export const UNRESOLVED = 8;

/** Hashes, sniffs and records a whole object, and keeps it as a possible base. */
export function finishObject(intake: Intake, i: number, type: number, bytes: Uint8Array): void {
  const prefix = objectPrefix(type, bytes.length);
  const oid =
    bytes.length <= SMALL_BYTES
      ? sha1Small(prefix, bytes)
      : createHash('sha1').update(prefix).update(bytes).digest();
  intake.table.setObject(i, oid, type, bytes.length, type === BLOB ? flagsToByte(sniff(bytes)) : 0);
  intake.cache.set(i, bytes, bytes.length);
}

/** The oid and flags of an object that comes in pieces. */
export class ObjectDigest {
  private readonly hash = createHash('sha1');
  private readonly sniffer;

  constructor(type: number, size: number) {
    this.hash.update(objectPrefix(type, size));
    this.sniffer = type === BLOB ? createSniffer() : null;
  }

  push(piece: Uint8Array): void {
    this.hash.update(piece);
    this.sniffer?.push(piece);
  }

  end(): { oid: Uint8Array; flags: number } {
    return { oid: this.hash.digest(), flags: this.sniffer ? flagsToByte(this.sniffer.end()) : 0 };
  }
}

function objectPrefix(type: number, size: number): string {
  return `${TYPE_NAMES[type]} ${size}\0`;
}

export function tooDeep(limits: IntakeLimits): MirrorError {
  return broken(`a chain of deltas is longer than ${limits.maxDeltaDepth}`);
}
