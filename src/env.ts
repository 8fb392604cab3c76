import type { IndexerService } from '../workers/indexer/service.ts';
import type { LimitObject } from './http/limit-object.ts';
import type { JobObject } from './platform/jobs/job-object.ts';
import type { RefreshObject } from './platform/repos/refresh-object.ts';
import type { MetricsObject } from './platform/telemetry/metrics-object.ts';

/**
 * Bindings and variables of both Workers. `ai` and `vectorize` exist in the production environment only;
 * `JOBS` is a `script_name` binding in the indexer; `LIMITS`, `REFRESH`, `METRICS` and `INDEXER` are the API's alone,
 * `ASSETS` is the indexer's.
 */
export interface Env {
  DB: D1Database;
  INDEX_0: D1Database;
  INDEX_1: D1Database;
  BUCKET: R2Bucket;
  STEPS: Queue;
  BATCHES: Queue;
  JOBS: DurableObjectNamespace<JobObject>;
  LIMITS: DurableObjectNamespace<LimitObject>;
  REFRESH: DurableObjectNamespace<RefreshObject>;
  METRICS: DurableObjectNamespace<MetricsObject>;
  INDEXER: Service<IndexerService>;
  ASSETS: Fetcher;
  AI?: Ai;
  VECTORIZE?: Vectorize;
  /** Set by `npm start`: the loopback base URL of the bridge (`local/bridge.ts`) and its per-start secret. Absent deployed. */
  BRIDGE_URL?: string;
  BRIDGE_SECRET?: string;
  /** Every other variable is read through `src/config.ts`. */
  [variable: string]: unknown;
}
