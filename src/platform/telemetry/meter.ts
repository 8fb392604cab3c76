/**
 * Counts of this isolate, on their way to the deployment's `MetricsObject`. An answer never waits for them: the first
 * count after a flush starts a timer that outlives its request (`waitUntil`), and a second later all that has gathered
 * travels in one call. So a count that no other follows arrives as well.
 *
 * What is promised: a count arrives within about a second. It is lost with its isolate when that is killed in this
 * second, or when the object could not be reached until `MAX_SERIES` different ones had gathered (`dropped` counts
 * those). A call that failed is sent again with the next: where only its answer was lost, it counts twice.
 */
import type { Env } from '../../env.ts';
import { addTo, emptyHistogram, type Histogram, observe } from './histogram.ts';

/** Requests of one operation that ended with one status. */
export interface RequestSeries {
  /** `GET /repos/{name}`: a template, never a path. */
  operation: string;
  status: number;
  times: Histogram;
}

/** Questions of one user, by what they asked. */
export interface QuerySeries {
  userId: string;
  kind: string;
  count: number;
  ms: number;
}

export interface Violation {
  policy: string;
  count: number;
}

export interface Batch {
  requests: RequestSeries[];
  queries: QuerySeries[];
  violations: Violation[];
  dropped: number;
}

/** A request that has been answered. */
export interface Answered {
  /** Absent when no operation was found. */
  operation?: string;
  status: number;
  ms: number;
  /** The policy that refused it. */
  violated?: string;
  /** It was a question of a user, which was answered. */
  query?: { userId: string; kind: string };
}

export const FLUSH_MS = 1000;
/** A timer that has not rung for so long went with its request. */
const TIMER_LOST_MS = 5000;
/** What is held at most while the object does not answer. */
const MAX_SERIES = 5000;

type Port = Pick<Env, 'METRICS'>;

export class Meter {
  #requests = new Map<string, RequestSeries>();
  #queries = new Map<string, QuerySeries>();
  #violations = new Map<string, Violation>();
  #dropped = 0;
  /** When the timer rings that runs; long ago when none does. */
  #rings = Number.NEGATIVE_INFINITY;

  /** Counts an answer, and sees to it that it arrives. */
  record(
    answered: Answered,
    env: Port,
    waitUntil: (work: Promise<unknown>) => void,
    now: number = Date.now(),
  ): void {
    this.#add(answered);
    if (now < this.#rings + TIMER_LOST_MS) return;
    this.#rings = now + FLUSH_MS;
    waitUntil(this.#later(env));
  }

  /**
   * Sends what has gathered. Flushes do not wait for each other: each belongs to a request, and may end with it.
   * @throws Error when the object cannot be reached; it is all kept for the next flush then
   */
  async flush({ METRICS }: Port): Promise<void> {
    if (this.#size === 0 && this.#dropped === 0) return;
    const batch = this.#take();
    try {
      await METRICS.get(METRICS.idFromName('all')).add(batch);
    } catch (error) {
      this.#putBack(batch);
      throw error;
    }
  }

  async #later(env: Port): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, FLUSH_MS));
    // From here on a new count starts a timer of its own.
    this.#rings = Number.NEGATIVE_INFINITY;
    // What cannot be sent is left to the next timer; there is nobody here to tell.
    await this.flush(env).catch(() => undefined);
  }

  #take(): Batch {
    const batch: Batch = {
      requests: [...this.#requests.values()],
      queries: [...this.#queries.values()],
      violations: [...this.#violations.values()],
      dropped: this.#dropped,
    };
    this.#requests.clear();
    this.#queries.clear();
    this.#violations.clear();
    this.#dropped = 0;
    return batch;
  }

  #putBack({ requests, queries, violations, dropped }: Batch): void {
    this.#dropped += dropped;
    for (const { times, ...series } of requests) {
      const entry = this.#requestEntry(series.operation, series.status, times.count);
      if (entry) addTo(entry.times, times);
    }
    for (const { count, ms, ...series } of queries) this.#addQuery(series, count, ms);
    for (const { policy, count } of violations) this.#addViolation(policy, count);
  }

  get #size(): number {
    return this.#requests.size + this.#queries.size + this.#violations.size;
  }

  #add({ operation = 'unmatched', status, ms, violated, query }: Answered): void {
    const entry = this.#requestEntry(operation, status, 1);
    if (entry) observe(entry.times, ms);
    if (violated !== undefined) this.#addViolation(violated, 1);
    if (query) this.#addQuery(query, 1, ms);
  }

  #requestEntry(operation: string, status: number, count: number): RequestSeries | null {
    return this.#entry(this.#requests, count, `${operation} ${status}`, () => {
      return { operation, status, times: emptyHistogram() };
    });
  }

  #addViolation(policy: string, count: number): void {
    const entry = this.#entry(this.#violations, count, policy, () => ({ policy, count: 0 }));
    if (entry) entry.count += count;
  }

  #addQuery({ userId, kind }: Pick<QuerySeries, 'userId' | 'kind'>, count: number, ms: number): void {
    const entry = this.#entry(this.#queries, count, `${userId} ${kind}`, () => ({
      userId,
      kind,
      count: 0,
      ms: 0,
    }));
    if (!entry) return;
    entry.count += count;
    entry.ms += ms;
  }

  /** The entry to add a count to; null when there is no room for another one. */
  #entry<T>(series: Map<string, T>, count: number, key: string, make: () => T): T | null {
    const known = series.get(key);
    if (known) return known;
    if (this.#size >= MAX_SERIES) {
      this.#dropped += count;
      return null;
    }
    const made = make();
    series.set(key, made);
    return made;
  }
}

const meters = new WeakMap<Port['METRICS'], Meter>();

/** The meter of this isolate. */
export function meterOf({ METRICS }: Port): Meter {
  const known = meters.get(METRICS);
  if (known) return known;
  const meter = new Meter();
  meters.set(METRICS, meter);
  return meter;
}

/** The requests of several statuses, by operation and class of status: `2xx`. */
export function byClass(
  requests: readonly RequestSeries[],
): { operation: string; class: string; times: Histogram }[] {
  const found = new Map<string, { operation: string; class: string; times: Histogram }>();
  for (const { operation, status, times } of requests) {
    const name = `${Math.floor(status / 100)}xx`;
    const key = `${operation} ${name}`;
    const entry = found.get(key) ?? { operation, class: name, times: emptyHistogram() };
    addTo(entry.times, times);
    found.set(key, entry);
  }
  return [...found.values()];
}
