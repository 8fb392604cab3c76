import { randomFrom } from './random.ts';

export interface Paired {
  ours: number;
  theirs: number;
  /** Observations that are not independent share a cluster: they are drawn together. */
  cluster: string;
}

export interface Interval {
  mean: number;
  low: number;
  high: number;
}

const RESAMPLES = 10_000;

/** The mean of `ours - theirs` with its 95 % bootstrap interval (percentiles) over whole clusters. */
export function gain(pairs: Paired[], seed = 1): Interval {
  const clusters = [...Map.groupBy(pairs, (pair) => pair.cluster).values()].map((members) => ({
    sum: members.reduce((total, { ours, theirs }) => total + ours - theirs, 0),
    size: members.length,
  }));
  const random = randomFrom(seed);
  const means = Float64Array.from({ length: RESAMPLES }, () => {
    let sum = 0;
    let size = 0;
    for (let draw = 0; draw < clusters.length; draw++) {
      const cluster = clusters[Math.floor(random() * clusters.length)]!;
      sum += cluster.sum;
      size += cluster.size;
    }
    return sum / size;
  }).sort();
  const mean = clusters.reduce((total, { sum }) => total + sum, 0) / pairs.length;
  return { mean, low: means[Math.floor(RESAMPLES * 0.025)]!, high: means[Math.floor(RESAMPLES * 0.975)]! };
}
