import type { Env } from '../../src/env.ts';
import { initParser, parseBlob } from '../../src/ingest/parse/parse.ts';
import { consumeSteps } from '../../src/ingest/steps/consume.ts';
import { type ParserPort, services } from '../../src/services.ts';

export { IndexerService } from './service.ts';

/** In this Worker parsing is a function call. */
const parser: ParserPort = {
  async parseBlob(bytes, language) {
    await initParser();
    return parseBlob(bytes, language);
  },
};

export default {
  queue: (batch, env, context) => consumeSteps(services(env, parser), batch, context),
} satisfies ExportedHandler<Env>;
