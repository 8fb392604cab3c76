/** One Worker that is both of ours, so that a test reaches the API, the queues and the objects in one runtime. */
import { DurableObject, WorkerEntrypoint } from 'cloudflare:workers';
export class JobObject extends DurableObject {}
export class LimitObject extends DurableObject {}
export class IndexerService extends WorkerEntrypoint {}
export default {
  fetch: () => new Response('not wired yet'),
  queue: () => undefined,
};
