/** Latencies in fixed buckets on a 1-2-5 scale: small, and the same everywhere, so that counts of any two can be added. */

/** Upper bounds in milliseconds, inclusive; what takes longer falls into one bucket more. */
export const BOUNDS_MS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 30_000] as const;

export interface Histogram {
  count: number;
  /** Milliseconds of all together. */
  sum: number;
  /** One number a bound, and one for what is above them all. */
  buckets: number[];
}

export function emptyHistogram(): Histogram {
  return { count: 0, sum: 0, buckets: new Array<number>(BOUNDS_MS.length + 1).fill(0) };
}

/** Adds one latency, in place. */
export function observe(histogram: Histogram, ms: number): void {
  const at = BOUNDS_MS.findIndex((bound) => ms <= bound);
  histogram.buckets[at < 0 ? BOUNDS_MS.length : at]! += 1;
  histogram.count += 1;
  histogram.sum += ms;
}

/** Adds another histogram's counts, in place. */
export function addTo(histogram: Histogram, other: Histogram): void {
  other.buckets.forEach((count, at) => {
    histogram.buckets[at]! += count;
  });
  histogram.count += other.count;
  histogram.sum += other.sum;
}

/**
 * The latency that a share of all stays at or below, in milliseconds; null of none. Within a bucket they are taken to be
 * spread evenly, so a percentile is right to the width of its bucket; beyond the last bound it is that bound.
 */
export function quantile({ count, buckets }: Histogram, share: number): number | null {
  if (count === 0) return null;
  const rank = share * count;
  let below = 0;
  for (const [at, within] of buckets.entries()) {
    const upper = BOUNDS_MS[at];
    if (upper === undefined) break;
    if (within > 0 && below + within >= rank) {
      const lower = BOUNDS_MS[at - 1] ?? 0;
      const exact = lower + ((upper - lower) * Math.max(0, rank - below)) / within;
      return Math.round(exact * 10) / 10;
    }
    below += within;
  }
  return BOUNDS_MS.at(-1)!;
}
