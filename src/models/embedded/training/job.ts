/** What the threads of a training share: the settings, the examples as features, the order, and one memory. */
import { Layout } from './kernels.ts';

export interface Settings {
  dimensions: number;
  batch: number;
  rate: number;
  /** Of the cosine, in the softmax. */
  scale: number;
  /** Share of a query's features that are left out each time they are met, and of a passage's. */
  drop: number;
  /** The same for a passage's features that its query has, too: it must be found without them. */
  dropShared: number;
  /** How often a rephrased query stands for the written one. */
  rephrased: number;
  seed: number;
}

/** Feature lists, one after the other: those of example i are `[starts[i], starts[i + 1])`. */
export interface FeatureLists {
  starts: Uint32Array<SharedArrayBuffer>;
  rows: Uint16Array<SharedArrayBuffer>;
  values: Float32Array<SharedArrayBuffer>;
}

export interface Job {
  settings: Settings;
  threads: number;
  rows: number;
  examples: number;
  queries: FeatureLists;
  /** Of each example the first, the second …; empty where it has fewer. */
  rephrasings: FeatureLists[];
  passages: FeatureLists;
  /** Examples of the same query are no wrong answers to each other. */
  asked: Int32Array<SharedArrayBuffer>;
  /** Examples batch after batch. */
  order: Int32Array<SharedArrayBuffer>;
  memory: WebAssembly.Memory;
  kernels: WebAssembly.Module;
  /** Threads arrived, and the generation of the barrier. */
  barrier: Int32Array<SharedArrayBuffer>;
}

/** Most features of one text that are learnt from. */
export const MAX_FEATURES = 256;

/** Where everything lies in the memory, in bytes. */
export function layoutOf({ dimensions, batch }: Settings, rows: number, threads: number) {
  const layout = new Layout();
  const table = () => layout.floats(rows * dimensions);
  const perRow = () => layout.floats(rows);
  const vectors = () => layout.floats(batch * dimensions);
  const perExample = () => layout.floats(batch);
  const places = {
    /** Row vectors, their moments, weights in queries and passages with their moments, steps taken. */
    vectors: table(),
    first: table(),
    second: table(),
    queryWeights: perRow(),
    passageWeights: perRow(),
    queryFirst: perRow(),
    querySecond: perRow(),
    passageFirst: perRow(),
    passageSecond: perRow(),
    steps: perRow(),
    /** Of the batch: unit vectors, their lengths before, and gradients. */
    queries: vectors(),
    passages: vectors(),
    /** The passages' vectors as columns. */
    columns: vectors(),
    queryGradients: vectors(),
    passageGradients: vectors(),
    queryLengths: perExample(),
    passageLengths: perExample(),
    rowSums: perExample(),
    columnSums: perExample(),
    losses: perExample(),
    scores: layout.floats(batch * batch),
    /** Of the batch: features after dropping some. Queries first, passages behind. */
    counts: layout.floats(2 * batch),
    features: layout.floats(2 * batch * MAX_FEATURES),
    values: layout.floats(2 * batch * MAX_FEATURES),
    scratch: Array.from({ length: threads }, () => ({
      panel: layout.floats(8 * Math.max(batch, dimensions)),
      gradient: layout.floats(dimensions),
    })),
  };
  return { ...places, bytes: layout.bytes };
}
