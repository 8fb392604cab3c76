/** The API Worker's table of contents. */
import type { Env } from '../../src/env.ts';
import { consumeDeadLetters } from '../../src/platform/jobs/dead-letters.ts';
import { services } from '../../src/services.ts';
import { createApp } from './app.ts';

export { LimitObject } from '../../src/http/limit-object.ts';
export { JobObject } from '../../src/platform/jobs/job-object.ts';
export { RefreshObject } from '../../src/platform/repos/refresh-object.ts';
export { MetricsObject } from '../../src/platform/telemetry/metrics-object.ts';

const app = createApp();

export default {
  fetch: (request, env, context) => app.fetch(request, env, context),
  queue: (batch, env) => consumeDeadLetters(services(env), batch),
} satisfies ExportedHandler<Env>;
