/** Health: every component really asked, each within a bound, none of them able to fail the others. */
import { indexShards, type Services, SHARDS } from '../../services.ts';
import { probeShard } from '../../store/index-repo.ts';
import { keys } from '../../store/keys.ts';
import { hasUsers } from '../../store/users.ts';

export interface ComponentHealth {
  status: 'healthy' | 'unhealthy' | 'not_configured';
  latency_ms?: number;
  /** Which driver answers, where there is a choice. */
  provider?: string;
  /** How many databases there are, for the index. */
  shards?: number;
}

export const COMPONENTS = [
  'database',
  'index',
  'storage',
  'queue',
  'indexer',
  'llm',
  'embeddings',
  'vectors',
] as const;
export type Component = (typeof COMPONENTS)[number];
export type Components = Record<Component, ComponentHealth>;

/** Those without which nothing can be served or indexed. */
const NEEDED: readonly Component[] = ['database', 'index', 'storage', 'queue', 'indexer'];

const NOT_CONFIGURED: ComponentHealth = { status: 'not_configured' };

type Needs = Pick<Services, 'env' | 'db' | 'embedder' | 'vectors' | 'log'>;

const PROBE_TIMEOUT_MS = 5000;

/** Asks every component at once. */
export async function probe(s: Needs): Promise<Components> {
  const { env, embedder, vectors } = s;
  const [database, index, storage, queue, indexer, embeddings, stored] = await Promise.all([
    timed(s, 'database', () => hasUsers(s.db)),
    timed(s, 'index', () => Promise.all(indexShards(env).map(probeShard))),
    timed(s, 'storage', () => env.BUCKET.head(keys.probe)),
    timed(s, 'queue', () => Promise.all([env.STEPS.metrics(), env.BATCHES.metrics()])),
    timed(s, 'indexer', () => env.INDEXER.ping()),
    embedder ? timed(s, 'embeddings', () => embedder.embed(['health'])) : NOT_CONFIGURED,
    vectors ? timed(s, 'vectors', () => vectors.probe()) : null,
  ]);
  return {
    database,
    index: { ...index, shards: SHARDS },
    storage,
    queue,
    indexer,
    // No chat model answers anything yet, whatever is configured for one.
    llm: NOT_CONFIGURED,
    embeddings: embedder ? { ...embeddings, provider: embedder.provider } : NOT_CONFIGURED,
    vectors: stored && vectors ? { ...stored, provider: vectors.provider } : NOT_CONFIGURED,
  };
}

/** What is down that nothing can be served or indexed without. */
export function neededAndDown(components: Components): Component[] {
  return NEEDED.filter((name) => components[name].status === 'unhealthy');
}

/** `unhealthy` when something needed is; `degraded` when something optional is. */
export function overall(components: Components): 'healthy' | 'degraded' | 'unhealthy' {
  if (neededAndDown(components).length > 0) return 'unhealthy';
  return COMPONENTS.some((name) => components[name].status === 'unhealthy') ? 'degraded' : 'healthy';
}

async function timed(s: Needs, component: Component, ask: () => Promise<unknown>): Promise<ComponentHealth> {
  const started = performance.now();
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    await Promise.race([
      ask(),
      new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error('no answer in time')), PROBE_TIMEOUT_MS);
      }),
    ]);
    return { status: 'healthy', latency_ms: Math.round((performance.now() - started) * 10) / 10 };
  } catch (error) {
    s.log.warn('health probe failed', { component, error });
    return { status: 'unhealthy' };
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Probes shared by everyone who asks within a second: health needs no identity, and must not be a way to load the
 * databases. Keyed by the database binding, which lives as long as the isolate.
 */
const recent = new WeakMap<D1Database, { at: number; components: Promise<Components> }>();
const SHARED_MS = 1000;

export function probeShared(s: Needs, now: number = Date.now()): Promise<Components> {
  const last = recent.get(s.env.DB);
  if (last && now - last.at < SHARED_MS) return last.components;
  const components = probe(s);
  recent.set(s.env.DB, { at: now, components });
  return components;
}
