/** Health: every component really asked, each within a bound, none of them able to fail the others. */
import type { Services } from '../../services.ts';

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

type Needs = Pick<Services, 'env' | 'config' | 'embedder' | 'log'>;

const PROBE_TIMEOUT_MS = 5000;

/** Asks every component at once. */
export async function probe(s: Needs): Promise<Components> {
  const { env, config, embedder } = s;
  const [database, index, storage, queue, indexer] = await Promise.all([
    timed(s, 'database', () => env.DB.prepare('SELECT 1 FROM users LIMIT 1').first()),
    timed(s, 'index', () =>
      Promise.all([env.INDEX_0, env.INDEX_1].map((db) => db.prepare('SELECT 1 FROM blobs LIMIT 1').first())),
    ),
    timed(s, 'storage', () => env.BUCKET.head('health')),
    timed(s, 'queue', () => Promise.all([env.STEPS.metrics(), env.BATCHES.metrics()])),
    timed(s, 'indexer', () => env.INDEXER.ping()),
  ]);
  const embeddings: ComponentHealth = embedder
    ? { status: 'healthy', provider: config.embeddingProvider ?? 'embedded' }
    : { status: 'not_configured' };
  return {
    database,
    index: { ...index, shards: 2 },
    storage,
    queue,
    indexer,
    llm: config.llm.baseUrl ? { status: 'healthy', provider: 'openai' } : { status: 'not_configured' },
    embeddings,
    vectors: embedder ? { status: index.status, provider: 'embedded' } : { status: 'not_configured' },
  };
}

/** `unhealthy` when something needed is; `degraded` when something optional is. */
export function overall(components: Components): 'healthy' | 'degraded' | 'unhealthy' {
  const bad = COMPONENTS.filter((name) => components[name].status === 'unhealthy');
  if (bad.some((name) => NEEDED.includes(name))) return 'unhealthy';
  return bad.length > 0 ? 'degraded' : 'healthy';
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
