/** Pairs → a model of floats. */
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { Lexicon } from '../lexicon.ts';
import { scanWords } from '../scan-words.ts';
import { damped } from '../static-embedder.ts';
import { fingerprint, type Pair, WORDINGS } from './corpus.ts';
import { KINDS } from './examples.ts';
import { type FeatureLists, type Job, layoutOf, MAX_FEATURES, type Settings } from './job.ts';
import { assembleKernels } from './kernels.ts';
import { randomFrom } from './random.ts';
import { PairCounts, WordCounts, wordsOf } from './vocabulary.ts';

export interface TrainOptions extends Settings {
  words: number;
  pairs: number;
  buckets: number;
  epochs: number;
  /** How much of a word's first vector is that of its pieces, beside a random one of its own. */
  fromPieces: number;
  /** Of one repository in a batch: the harder the wrong answers. */
  neighbours: number;
  threads: number;
  log(line: string): void;
}

/** A model before it is rounded: a vector and two weights a row. */
export interface FloatModel {
  words: string[];
  pairs: Uint16Array;
  buckets: number;
  dimensions: number;
  vectors: Float32Array;
  queryWeights: Float32Array;
  passageWeights: Float32Array;
}

export async function train(pairs: readonly Pair[], options: TrainOptions): Promise<FloatModel> {
  const { log } = options;
  const words = countWords(pairs).most(options.words);
  const wordPairs = options.pairs > 0 ? countPairs(pairs, words).most(options.pairs) : new Uint16Array(0);
  const lexicon = new Lexicon({ words, pairs: wordPairs, buckets: options.buckets });
  log(`${words.length} words, ${wordPairs.length / 2} pairs of words, ${options.buckets} buckets`);

  const frequency = new Float64Array(lexicon.rows).fill(1);
  const passages = featureLists(
    pairs.map((pair) => pair.passage),
    lexicon,
    frequency,
  );
  const queries = featureLists(
    pairs.map((pair) => pair.query),
    lexicon,
  );
  const rephrasings = Array.from({ length: WORDINGS }, (_, wording) =>
    featureLists(
      pairs.map((pair) => pair.rephrased[wording] ?? ''),
      lexicon,
    ),
  );
  log(`${pairs.length} pairs, ${(passages.rows.length / pairs.length).toFixed(0)} features a passage`);

  const rows = lexicon.rows;
  const { bytes } = layoutOf(options, rows, options.threads);
  const pages = Math.ceil(bytes / 65_536);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const { log: _, ...settings } = options;
  const job: Job = {
    settings,
    threads: options.threads,
    rows,
    examples: pairs.length,
    queries,
    rephrasings,
    passages,
    asked: sameQueries(pairs),
    order: orderOf(pairs, options),
    memory,
    kernels: await assembleKernels(),
    barrier: new Int32Array(new SharedArrayBuffer(8)),
  };
  const places = layoutOf(options, rows, options.threads);
  const view = (at: number, count: number) => new Float32Array(memory.buffer, at, count);
  initialise(view(places.vectors, rows * options.dimensions), words, options);
  for (let row = 0; row < rows; row++) {
    const weight = Math.log(1 + pairs.length / frequency[row]!) / 6;
    view(places.queryWeights, rows)[row] = weight;
    view(places.passageWeights, rows)[row] = weight;
  }
  await Promise.all(Array.from({ length: options.threads }, (_, thread) => run(job, thread, log)));
  return {
    words,
    pairs: wordPairs,
    buckets: options.buckets,
    dimensions: options.dimensions,
    vectors: view(places.vectors, rows * options.dimensions).slice(),
    queryWeights: view(places.queryWeights, rows).slice(),
    passageWeights: view(places.passageWeights, rows).slice(),
  };
}

function countWords(pairs: readonly Pair[]): WordCounts {
  const counts = new WordCounts();
  // The words of paraphrases are of no repository.
  for (const { repository, query, passage } of pairs.filter(({ kind }) => kind !== 'term'))
    counts.add(wordsOf(`${query}\n${passage}`), repository);
  return counts;
}

function countPairs(pairs: readonly Pair[], words: readonly string[]): PairCounts {
  const counts = new PairCounts(words);
  for (const { repository, query, passage } of pairs) {
    counts.add(wordsOf(query), repository);
    // The place, the name and the signature: what a body repeats is syntax.
    counts.add(wordsOf(passage.split('\n', 3).join('\n')), repository);
  }
  return counts;
}

/** The features of texts, in order of appearance; of long ones those that the fewest texts have. */
function featureLists(texts: readonly string[], lexicon: Lexicon, frequency?: Float64Array): FeatureLists {
  const starts = new Uint32Array(new SharedArrayBuffer(4 * (texts.length + 1)));
  let room = 1 << 20;
  let rows = new Uint16Array(room);
  let values = new Float32Array(room);
  let size = 0;
  for (const [at, text] of texts.entries()) {
    lexicon.clear();
    scanWords(text, lexicon);
    if (size + MAX_FEATURES > room) {
      room *= 2;
      rows = grown(rows, new Uint16Array(room));
      values = grown(values, new Float32Array(room));
    }
    let found = lexicon.touched.slice(0, lexicon.size);
    if (frequency) for (const row of found) frequency[row]!++;
    // Rows of words are numbered by how many texts have them.
    if (found.length > MAX_FEATURES) found = found.sort().slice(-MAX_FEATURES);
    for (const row of found) {
      rows[size] = row;
      values[size++] = damped(lexicon.counts[row]!);
    }
    starts[at + 1] = size;
  }
  return {
    starts,
    rows: grown(rows.subarray(0, size), new Uint16Array(new SharedArrayBuffer(2 * size))),
    values: grown(values.subarray(0, size), new Float32Array(new SharedArrayBuffer(4 * size))),
  };
}

function grown<T extends Uint16Array | Float32Array>(from: Uint16Array | Float32Array, to: T): T {
  to.set(from);
  return to;
}

function sameQueries(pairs: readonly Pair[]): Int32Array<SharedArrayBuffer> {
  const asked = new Int32Array(new SharedArrayBuffer(4 * pairs.length));
  const numbers = new Map<string, number>();
  for (const [at, { query }] of pairs.entries()) {
    const key = fingerprint(query);
    if (!numbers.has(key)) numbers.set(key, numbers.size);
    asked[at] = numbers.get(key)!;
  }
  return asked;
}

/**
 * Examples of all epochs, batch after batch. A batch is made of runs of one repository each, so that the wrong answers to
 * a query are mostly its neighbours, which are the hardest there are: a run holds all functions of most repositories.
 */
function orderOf(pairs: readonly Pair[], options: TrainOptions): Int32Array<SharedArrayBuffer> {
  const { batch, neighbours, epochs } = options;
  const random = randomFrom(options.seed);
  const groupOf = ({ repository, kind }: Pair) => KINDS.length * repository + KINDS.indexOf(kind);
  const groups = [...Map.groupBy(pairs.keys(), (at) => groupOf(pairs[at]!)).values()];
  const order: number[] = [];
  for (let epoch = 0; epoch < epochs; epoch++) {
    const runs = groups.flatMap((group) => {
      const mixed = shuffled(group, random);
      const count = Math.ceil(mixed.length / neighbours);
      return Array.from({ length: count }, (_, run) =>
        mixed.slice(Math.floor((run * mixed.length) / count), Math.floor(((run + 1) * mixed.length) / count)),
      );
    });
    const all = shuffled(runs, random).flat();
    for (const at of all.slice(0, all.length - (all.length % batch))) order.push(at);
  }
  const shared = new Int32Array(new SharedArrayBuffer(4 * order.length));
  shared.set(order);
  return shared;
}

/**
 * Random vectors of length 1; those of words are made of their pieces, so that words of one stem start near each other
 * and unknown words near those that they resemble.
 */
function initialise(
  vectors: Float32Array,
  words: readonly string[],
  { seed, dimensions, buckets, fromPieces }: TrainOptions,
): void {
  const random = randomFrom(seed);
  for (let at = 0; at < vectors.length; at += dimensions) {
    const row = vectors.subarray(at, at + dimensions);
    // The sum of four uniform numbers is near enough to normal.
    for (let d = 0; d < dimensions; d++) row[d] = random() + random() + random() + random() - 2;
    toUnit(row);
  }
  const pieces = new Lexicon({ words: [], pairs: new Uint16Array(0), buckets });
  const firstBucket = vectors.length / dimensions - buckets;
  for (const [word, text] of words.entries()) {
    const own = vectors.subarray(word * dimensions, (word + 1) * dimensions);
    pieces.clear();
    scanWords(text, pieces);
    for (let k = 0; k < pieces.size; k++) {
      const piece = pieces.touched[k]!;
      const from = (firstBucket + piece) * dimensions;
      for (let d = 0; d < dimensions; d++) own[d]! += fromPieces * pieces.counts[piece]! * vectors[from + d]!;
    }
    toUnit(own);
  }
}

function toUnit(vector: Float32Array): void {
  const length = Math.hypot(...vector);
  for (let d = 0; d < vector.length; d++) vector[d]! /= length;
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const mixed = [...items];
  for (let at = mixed.length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1));
    [mixed[at], mixed[other]] = [mixed[other]!, mixed[at]!];
  }
  return mixed;
}

function run(job: Job, thread: number, log: (line: string) => void): Promise<void> {
  const began = Date.now();
  const worker = new Worker(fileURLToPath(new URL('./train-thread.ts', import.meta.url).href), {
    workerData: { job, thread },
  });
  return new Promise((resolve, reject) => {
    worker.on('error', reject);
    worker.on('exit', (code) =>
      code === 0 ? resolve() : reject(new Error(`a training thread ended with ${code}`)),
    );
    worker.on('message', (message: { step?: number; steps?: number; loss?: number }) => {
      if (message.step === undefined) return;
      const seconds = ((Date.now() - began) / 1000).toFixed(0);
      log(`step ${message.step} of ${message.steps}, loss ${message.loss!.toFixed(3)}, ${seconds} s`);
    });
  });
}
