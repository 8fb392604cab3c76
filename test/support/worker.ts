/** One Worker that is both of ours, so that a test reaches the API, the queues and the objects in one runtime. */
import type { Env } from '../../src/env.ts';
import api from '../../workers/api/index.ts';
import indexer from '../../workers/indexer/index.ts';

export { JobObject, LimitObject, MetricsObject, RefreshObject } from '../../workers/api/index.ts';
export { IndexerService } from '../../workers/indexer/index.ts';

export default {
  fetch: api.fetch,
  queue: (batch, env, context) =>
    batch.queue === 'sightline-dead' ? api.queue(batch, env) : indexer.queue(batch, env, context),
} satisfies ExportedHandler<Env>;
