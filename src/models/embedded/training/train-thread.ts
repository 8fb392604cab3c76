/**
 * A thread of a training. All threads go through the same steps; of each they do a fixed share, and every number is
 * computed by one thread in one order, so that neither their count nor their pace changes a bit of the result.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { type FeatureLists, type Job, layoutOf, MAX_FEATURES } from './job.ts';
import { kernelsOver, multiplyRows } from './kernels.ts';

const { job, thread } = workerData as { job: Job; thread: number };
const { settings, threads, rows, memory } = job;
const { dimensions: D, batch: B, scale } = settings;
const at = layoutOf(settings, rows, threads);
const kernels = kernelsOver(job.kernels, memory);
const floats = new Float32Array(memory.buffer);
const ints = new Int32Array(memory.buffer);
const { panel, gradient } = at.scratch[thread]!;
const vectorBytes = 4 * D;

/** This thread's examples of a batch, in multiples of what a kernel takes at once. */
const share = Math.ceil(B / threads / 4) * 4;
const from = Math.min(B, thread * share);
const to = Math.min(B, from + share);

const steps = Math.floor(job.order.length / B);
const warmUp = Math.min(100, steps / 20);

/** Until all threads are here. */
function wait(): void {
  const { barrier } = job;
  const generation = Atomics.load(barrier, 1);
  if (Atomics.add(barrier, 0, 1) === threads - 1) {
    Atomics.store(barrier, 0, 0);
    Atomics.add(barrier, 1, 1);
    Atomics.notify(barrier, 1);
  } else {
    while (Atomics.load(barrier, 1) === generation) Atomics.wait(barrier, 1, generation);
  }
}

function report(step: number): void {
  let loss = 0;
  for (let i = 0; i < B; i++) loss += floats[at.losses / 4 + i]!;
  parentPort!.postMessage({ step: step + 1, steps, loss: loss / B });
}

/** A number in [0, 1) that depends on the seed, the step, the example and the feature, and on nothing else. */
function chance(step: number, example: number, feature: number): number {
  let h =
    Math.imul(settings.seed + step, 0x9e3779b1) ^
    Math.imul(example + 1, 0x85ebca6b) ^
    Math.imul(feature + 1, 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  h = Math.imul(h ^ (h >>> 12), 0x297a2d39);
  return ((h ^ (h >>> 15)) >>> 0) / 2 ** 32;
}

function encodeBatch(step: number): void {
  for (let i = from; i < to; i++) {
    const example = job.order[step * B + i]!;
    const asked = wordingOf(example, i, step);
    const first = asked.starts[example]!;
    const end = asked.starts[example + 1]!;
    select(asked, example, i, () => settings.drop, step);
    select(
      job.passages,
      example,
      B + i,
      (row) => (includes(asked.rows, first, end, row) ? settings.dropShared : settings.drop),
      step,
    );
    encode(i, at.queryWeights, at.queries + i * vectorBytes, at.queryLengths / 4 + i);
    encode(B + i, at.passageWeights, at.passages + i * vectorBytes, at.passageLengths / 4 + i);
    for (let d = 0; d < D; d++) floats[at.columns / 4 + d * B + i] = floats[at.passages / 4 + i * D + d]!;
  }
}

/** The query as written, or now and then one of its other wordings. */
function wordingOf(example: number, place: number, step: number): FeatureLists {
  if (chance(step, place, -1) >= settings.rephrased) return job.queries;
  const has = job.rephrasings.filter(({ starts }) => starts[example + 1]! > starts[example]!);
  return has[Math.floor(chance(step, place, -2) * has.length)] ?? job.queries;
}

function includes(list: Uint16Array, start: number, end: number, row: number): boolean {
  for (let k = start; k < end; k++) if (list[k] === row) return true;
  return false;
}

/** Copies an example's features to its place in the batch, some left out; all of them when none would be left. */
function select(
  lists: FeatureLists,
  example: number,
  place: number,
  dropOf: (row: number) => number,
  step: number,
): void {
  const start = lists.starts[example]!;
  const end = lists.starts[example + 1]!;
  const base = place * MAX_FEATURES;
  let count = 0;
  for (const all of [false, true]) {
    for (let k = start; k < end; k++) {
      const row = lists.rows[k]!;
      if (!all && chance(step, place, k - start) < dropOf(row)) continue;
      ints[at.features / 4 + base + count] = row;
      floats[at.values / 4 + base + count] = lists.values[k]!;
      count++;
    }
    if (count > 0) break;
  }
  ints[at.counts / 4 + place] = count;
}

/** The unit vector of a place in the batch. */
function encode(place: number, weights: number, vector: number, length: number): void {
  floats.fill(0, vector / 4, vector / 4 + D);
  const base = place * MAX_FEATURES;
  const count = ints[at.counts / 4 + place]!;
  for (let k = 0; k < count; k++) {
    const row = ints[at.features / 4 + base + k]!;
    const factor = floats[weights / 4 + row]! * floats[at.values / 4 + base + k]!;
    kernels.addScaled(vector, at.vectors + row * vectorBytes, D, factor);
  }
  const size = Math.sqrt(kernels.dot(vector, vector, D) + 1e-12);
  for (let d = 0; d < D; d++) floats[vector / 4 + d]! /= size;
  floats[length] = size;
}

/** What each example of the batch asks. */
const asked = new Int32Array(B);

/** exp of the scaled cosines of this thread's queries with all passages, and their sums. The largest cosine is 1. */
function score(step: number): void {
  for (let i = 0; i < B; i++) asked[i] = job.asked[job.order[step * B + i]!]!;
  multiplyRows(
    kernels,
    { at: at.queries, row: vectorBytes, column: 4 },
    at.columns,
    at.scores,
    { from, to, k: D, n: B },
    panel,
  );
  for (let i = from; i < to; i++) {
    const row = at.scores / 4 + i * B;
    const own = asked[i]!;
    const correct = floats[row + i]!;
    let sum = 0;
    for (let j = 0; j < B; j++) {
      const isSame = j !== i && asked[j] === own;
      const value = isSame ? 0 : Math.exp(scale * (floats[row + j]! - 1));
      floats[row + j] = value;
      sum += value;
    }
    floats[at.rowSums / 4 + i] = sum;
    floats[at.losses / 4 + i] = Math.log(sum) - scale * (correct - 1);
  }
}

function sumColumns(): void {
  const sums = at.columnSums / 4;
  floats.fill(0, sums + from, sums + to);
  for (let i = 0; i < B; i++) {
    const row = at.scores / 4 + i * B;
    for (let j = from; j < to; j++) floats[sums + j]! += floats[row + j]!;
  }
}

/** The gradient of both cross-entropies (passage by query, query by passage) by the cosines, and by the queries. */
function differentiate(): void {
  const factor = (0.5 * scale) / B;
  for (let i = from; i < to; i++) {
    const row = at.scores / 4 + i * B;
    const perRow = 1 / floats[at.rowSums / 4 + i]!;
    for (let j = 0; j < B; j++) {
      floats[row + j] = factor * floats[row + j]! * (perRow + 1 / floats[at.columnSums / 4 + j]!);
    }
    floats[row + i]! -= 2 * factor;
  }
  multiplyRows(
    kernels,
    { at: at.scores, row: 4 * B, column: 4 },
    at.passages,
    at.queryGradients,
    { from, to, k: B, n: D },
    panel,
  );
}

/** From the gradient by a unit vector to that by the vector before it was brought to length 1. */
function unnormalise(gradients: number, unit: number, length: number): void {
  const along = kernels.dot(gradients, unit, D);
  for (let d = 0; d < D; d++) {
    floats[gradients / 4 + d] = (floats[gradients / 4 + d]! - along * floats[unit / 4 + d]!) / length;
  }
}

/** Where the batch has this thread's rows: `uses[starts[n]..starts[n + 1])` are (place, value) of the n-th row met. */
const numbers = new Int32Array(rows);
const useCounts = new Int32Array(rows);

function update(step: number): void {
  const met: number[] = [];
  let total = 0;
  const each = (visit: (row: number, place: number, value: number) => void) => {
    for (let place = 0; place < 2 * B; place++) {
      const base = place * MAX_FEATURES;
      const count = ints[at.counts / 4 + place]!;
      for (let k = 0; k < count; k++) {
        const row = ints[at.features / 4 + base + k]!;
        if (row % threads === thread) visit(row, place, floats[at.values / 4 + base + k]!);
      }
    }
  };
  each((row) => {
    if (useCounts[row]!++ === 0) met.push(row);
    total++;
  });
  const places = new Int32Array(total);
  const values = new Float32Array(total);
  let start = 0;
  for (const row of met) {
    numbers[row] = start;
    start += useCounts[row]!;
  }
  each((row, place, value) => {
    const use = numbers[row]!++;
    places[use] = place;
    values[use] = value;
  });
  const progress = step / steps;
  const rate = settings.rate * Math.max(0.02, 1 - progress) * Math.min(1, (step + 1) / warmUp);
  for (const row of met) {
    const end = numbers[row]!;
    updateRow(row, places, values, end - useCounts[row]!, end, rate);
    useCounts[row] = 0;
  }
}

function updateRow(
  row: number,
  places: Int32Array,
  values: Float32Array,
  start: number,
  end: number,
  rate: number,
): void {
  const vector = at.vectors + row * vectorBytes;
  floats.fill(0, gradient / 4, gradient / 4 + D);
  let byQueryWeight = 0;
  let byPassageWeight = 0;
  const queryWeight = floats[at.queryWeights / 4 + row]!;
  const passageWeight = floats[at.passageWeights / 4 + row]!;
  for (let use = start; use < end; use++) {
    const place = places[use]!;
    const value = values[use]!;
    if (place < B) {
      byQueryWeight +=
        value *
        kernels.addScaledAndDot(
          gradient,
          at.queryGradients + place * vectorBytes,
          vector,
          D,
          value * queryWeight,
        );
    } else {
      byPassageWeight +=
        value *
        kernels.addScaledAndDot(
          gradient,
          at.passageGradients + (place - B) * vectorBytes,
          vector,
          D,
          value * passageWeight,
        );
    }
  }
  const taken = ++floats[at.steps / 4 + row]!;
  const first = 1 - 0.9 ** taken;
  const second = 1 - 0.99 ** taken;
  kernels.adam(
    vector,
    gradient,
    at.first + row * vectorBytes,
    at.second + row * vectorBytes,
    D,
    rate / first,
    1 / second,
  );
  adaptWeight(
    at.queryWeights / 4 + row,
    at.queryFirst / 4 + row,
    at.querySecond / 4 + row,
    byQueryWeight,
    rate,
    first,
    second,
  );
  adaptWeight(
    at.passageWeights / 4 + row,
    at.passageFirst / 4 + row,
    at.passageSecond / 4 + row,
    byPassageWeight,
    rate,
    first,
    second,
  );
}

/** Weights learn twice as fast, and stay above zero. */
const LEAST_WEIGHT = 0.005;

function adaptWeight(
  weight: number,
  m: number,
  u: number,
  slope: number,
  rate: number,
  first: number,
  second: number,
): void {
  if (slope === 0) return;
  floats[m] = 0.9 * floats[m]! + 0.1 * slope;
  floats[u] = 0.99 * floats[u]! + 0.01 * slope * slope;
  const next = floats[weight]! - (2 * rate * (floats[m]! / first)) / (Math.sqrt(floats[u]! / second) + 1e-8);
  floats[weight] = Math.max(LEAST_WEIGHT, next);
}

for (let step = 0; step < steps; step++) {
  encodeBatch(step);
  wait();
  score(step);
  wait();
  sumColumns();
  wait();
  differentiate();
  wait();
  multiplyRows(
    kernels,
    { at: at.scores, row: 4, column: 4 * B },
    at.queries,
    at.passageGradients,
    { from, to, k: B, n: D },
    panel,
  );
  for (let i = from; i < to; i++) {
    unnormalise(
      at.queryGradients + i * vectorBytes,
      at.queries + i * vectorBytes,
      floats[at.queryLengths / 4 + i]!,
    );
    unnormalise(
      at.passageGradients + i * vectorBytes,
      at.passages + i * vectorBytes,
      floats[at.passageLengths / 4 + i]!,
    );
  }
  wait();
  update(step);
  if (thread === 0 && (step + 1) % 50 === 0) report(step);
  wait();
}
parentPort!.postMessage({ done: true });
