import type { Env } from '../../src/env.ts';
import { bridgeParser, isolateParser } from '../../src/ingest/indexing/parser.ts';
import { consumeSteps } from '../../src/ingest/steps/consume.ts';
import { type Services, services } from '../../src/services.ts';

export { IndexerService } from './service.ts';

/** Deployed, parsing is a function call; `npm start` offers threads. */
function parserOf({ config, egress, embedder }: Services) {
  return config.parseThreads > 0 && egress.bridge
    ? bridgeParser(egress, config.parseThreads)
    : isolateParser(embedder);
}

export default {
  queue(batch, env, context) {
    const s = services(env);
    return consumeSteps(s, parserOf(s), batch, context);
  },
} satisfies ExportedHandler<Env>;
