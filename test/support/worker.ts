/** One Worker that is both of ours, so that a test reaches the API, the queues and the objects in one runtime. */
import { WorkerEntrypoint } from 'cloudflare:workers';
import api from '../../workers/api/index.ts';

export { JobObject, LimitObject } from '../../workers/api/index.ts';

/** Answers pings until the indexer itself is wired here. */
export class IndexerService extends WorkerEntrypoint {
  ping() {
    return 'pong';
  }
}
export default {
  ...api,
  queue: () => undefined,
};
