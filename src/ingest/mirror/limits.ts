/** Bounds of one pack's intake. Defaults are the product's; tests lower them. */
export interface IntakeLimits {
  maxObjects: number;
  /** A delta whose base or result is larger is left unresolved, and counted. */
  maxDeltaBytes: number;
  maxDeltaDepth: number;
  /** Of the pack as received. Offsets are kept in 32 bits. */
  maxPackBytes: number;
  /** Inflated and reconstructed bytes of all objects. */
  maxTotalBytes: number;
  /** Above `ratioFloorBytes` of inflated bytes, at most this many of them for each byte received. */
  maxRatio: number;
  ratioFloorBytes: number;
  /** Objects kept as possible delta bases. */
  cacheBytes: number;
  /** Larger objects are streamed through, never held. */
  heldBytes: number;
  /** Ranged reads of the pack while deltas are resolved; the rest would be left unresolved. A Worker has 10,000 subrequests. */
  maxReads: number;
}

const MB = 1024 * 1024;

export const INTAKE_LIMITS: IntakeLimits = {
  maxObjects: 1_000_000,
  maxDeltaBytes: 32 * MB,
  maxDeltaDepth: 4096,
  maxPackBytes: 4096 * MB - 1,
  maxTotalBytes: 16_384 * MB,
  // zlib cannot exceed 1,032, which a file of zeros reaches: hence only for totals that no repository of ours has.
  maxRatio: 500,
  ratioFloorBytes: 2048 * MB,
  cacheBytes: 8 * MB,
  heldBytes: 1 * MB,
  maxReads: 4000,
};

/** What the intake holds at a moment, by part, and the most it ever held: its memory budget, measured. */
export class MemoryGauge {
  private readonly parts = new Map<string, number>();
  private held = 0;
  peak = 0;

  set(part: string, bytes: number): void {
    this.held += bytes - (this.parts.get(part) ?? 0);
    this.parts.set(part, bytes);
    if (this.held > this.peak) this.peak = this.held;
  }
}
