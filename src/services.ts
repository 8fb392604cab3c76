import type { Config } from './config.ts';
import { readConfig } from './config.ts';
import { createEgress, type Egress } from './egress.ts';
import type { Env } from './env.ts';
import { newId } from './ids.ts';
import { type ObjectStore, openObjects } from './ingest/mirror/object-store.ts';
import { createVectorize } from './models/cloudflare/vectorize.ts';
import { createSegments } from './models/embedded/segments.ts';
import type { Embedder } from './models/embedder.ts';
import { createEmbedder } from './models/embedder.ts';
import type { VectorStore } from './models/vector-store.ts';
import { createJobs, type JobsPort } from './platform/jobs/jobs.ts';
import { createLogger, type Logger, toQuietConsole } from './platform/telemetry/log.ts';
import { type ControlDb, controlDb } from './store/control-db.ts';
import { listPacks } from './store/packs.ts';
import type { RepoScope } from './store/scope.ts';

/** Everything a handler, queue step, Durable Object or cron may depend on; built here and nowhere else. */
export interface Services {
  env: Env;
  config: Config;
  db: ControlDb;
  /** The index shard that holds a repo's facts. */
  shard(scope: RepoScope): D1Database;
  bucket: R2Bucket;
  /** The git objects that a repo's mirror holds now, over all its packs. */
  objects(scope: RepoScope): Promise<ObjectStore>;
  egress: Egress;
  jobs: JobsPort;
  embedder: Embedder | null;
  /** Where the embedder's vectors are kept; null without one. */
  vectors: VectorStore | null;
  clock(): Date;
  newId(): string;
  log: Logger;
}

/** How many index shards there are; a repo keeps the shard it was given at creation. */
export const SHARDS = 2;

/** The index shards in the order of their numbers. */
export function indexShards(env: Pick<Env, 'INDEX_0' | 'INDEX_1'>): D1Database[] {
  return [env.INDEX_0, env.INDEX_1];
}

/**
 * Builds the dependencies from the bindings. Cheap: called once a request, message or alarm.
 * @param requestId of the request that they are for: in every line they log, and kept with the jobs that they start
 * @throws Problem `not_configured` naming the variable when the configuration is invalid.
 */
export function services(env: Env, requestId?: string): Services {
  const { config, db, egress, embedder, vectors } = ofIsolate(env);
  const fields = requestId === undefined ? {} : { request_id: requestId };
  const log = createLogger(config, fields, env.BRIDGE_URL ? toQuietConsole : undefined);
  const clock = () => new Date();
  return {
    env,
    config,
    db,
    shard: (scope) => indexShard(env, scope.repo.shard),
    bucket: env.BUCKET,
    objects: async (scope) => {
      const packs = await listPacks(db, scope);
      return openObjects(
        env.BUCKET,
        scope.repo.id,
        packs.map((pack) => pack.id),
      );
    },
    egress,
    jobs: createJobs({ db, env, clock, newId, log, requestId }),
    embedder,
    vectors,
    clock,
    newId,
    log,
  };
}

type OfIsolate = Pick<Services, 'config' | 'db' | 'egress' | 'embedder' | 'vectors'>;
const built = new WeakMap<Env, OfIsolate>();

/** What no request changes; made once. */
function ofIsolate(env: Env): OfIsolate {
  const known = built.get(env);
  if (known) return known;
  const config = readConfig(env);
  const egress = createEgress({
    allow: config.egressAllow,
    idleMs: config.egressIdleMs,
    own: ownHosts(env, config),
    endpoints: { ldap: config.ldap?.server ?? null },
    bridge:
      env.BRIDGE_URL && env.BRIDGE_SECRET ? { url: env.BRIDGE_URL, secret: env.BRIDGE_SECRET } : undefined,
  });
  const embedder = createEmbedder(config, { egress, ai: env.AI });
  const vectors = embedder && vectorStore(env, embedder);
  const made: OfIsolate = { config, db: controlDb(env.DB), egress, embedder, vectors };
  built.set(env, made);
  return made;
}

/** Vectorize with Workers AI, where there is one; R2, which the other models' vectors need, is always there. */
function vectorStore(env: Env, embedder: Embedder): VectorStore {
  return embedder.provider === 'cloudflare' && env.VECTORIZE
    ? createVectorize(env.VECTORIZE)
    : createSegments(env.BUCKET, newId);
}

/** Where this deployment itself answers: never to be asked by it, whatever `EGRESS_ALLOW` says. */
function ownHosts(env: Env, config: Config): string[] {
  const own = config.backendUrl ? [new URL(config.backendUrl).host] : [];
  // `npm start` tells the port that it listens on.
  if (typeof env.PORT === 'string')
    own.push(...['127.0.0.1', 'localhost', '[::1]'].map((host) => `${host}:${env.PORT}`));
  return own;
}

function indexShard(env: Env, shard: number): D1Database {
  const database = indexShards(env)[shard];
  if (!database) throw new Error(`repo assigned to shard ${shard}, but only ${SHARDS} are bound`);
  return database;
}
