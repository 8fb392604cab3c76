/** What was counted: for admins, for Prometheus, for each caller their own questions; and what integrations count. */
import { z } from '@hono/zod-openapi';
import type { Env } from '../../env.ts';
import { Problem } from '../../errors.ts';
import { feature, json, route } from '../../http/feature.ts';
import { signedIn } from '../../http/identity.ts';
import { hasRole } from '../../store/scope.ts';
import { VERSION } from '../../version.ts';
import { meterOf } from './meter.ts';
import { CUSTOM_KEPT_DAYS, MAX_CUSTOM_OF_USER } from './metrics-limits.ts';
import { adminMetrics, adminQuery, increment, incremented, stats } from './metrics-schemas.ts';
import { exposition, PROMETHEUS_TYPE } from './prometheus.ts';
import { summary } from './summary.ts';

const ofAdmins = { scope: 'admin:system' as const, role: 'admin' as const };

const statsRoute = route({
  method: 'get',
  path: '/stats',
  operationId: 'getStats',
  scope: 'signed-in',
  tags: ['System'],
  summary: 'How much was asked: of your own questions, and for admins of everyone’s',
  description:
    'A query is a search or a context pack that was answered. `scenarios_usage` counts them by what was asked.',
  responses: { 200: { description: 'The figures', content: json(stats) } },
});

const adminRoute = route({
  ...ofAdmins,
  method: 'get',
  path: '/admin/metrics',
  operationId: 'getAdminMetrics',
  tags: ['System'],
  summary: 'Requests by endpoint, latency percentiles, error rate by status, rate-limit violations',
  description: 'Percentiles are right to the width of their bucket (1, 2, 5, 10 … 30,000 ms).',
  request: { query: adminQuery },
  responses: { 200: { description: 'The figures', content: json(adminMetrics) } },
});

const incrementRoute = route({
  method: 'post',
  path: '/metrics/increment',
  operationId: 'incrementMetric',
  scope: 'admin:system',
  tags: ['System'],
  summary: 'Count something of your own',
  description: `A counter for each name and set of tags, shown to admins and at \`/metrics\`. You may make ${MAX_CUSTOM_OF_USER} of them; one that nobody raises for ${CUSTOM_KEPT_DAYS} days is forgotten.`,
  errors: ['unprocessable'],
  request: { body: { required: true, content: json(increment) } },
  responses: { 200: { description: 'Counted', content: json(incremented) } },
});

const prometheusRoute = route({
  ...ofAdmins,
  method: 'get',
  path: '/metrics',
  operationId: 'getPrometheusMetrics',
  limits: [],
  deploymentToken: 'metricsToken',
  tags: ['System'],
  summary: 'All counts, for Prometheus (text format 0.0.4)',
  description: 'For admins, and for whoever sends `METRICS_TOKEN` as a bearer.',
  responses: { 200: { description: 'The exposition', content: { 'text/plain': { schema: z.string() } } } },
});

/** Below /api/v1. */
export const metricsRoutes = feature();
metricsRoutes.openapi(statsRoute, async (c) => {
  const caller = signedIn(c.var.caller);
  const all = await (await arrived(c.env)).asked(hasRole(caller, 'admin') ? null : caller.userId);
  const average = all.total === 0 ? 0 : Math.round((all.ms / all.total) * 10) / 10;
  return c.json(
    {
      total_queries: all.total,
      queries_today: all.today,
      average_response_time_ms: average,
      scenarios_usage: all.byKind,
    },
    200,
  );
});
metricsRoutes.openapi(adminRoute, async (c) => {
  const { hours } = c.req.valid('query');
  return c.json(summary(await (await arrived(c.env)).counts(hours ?? null), hours ?? null), 200);
});
metricsRoutes.openapi(incrementRoute, async (c) => {
  const { userId } = signedIn(c.var.caller);
  const { name, value, tags } = c.req.valid('json');
  const outcome = await metricsObject(c.env).increment({ name, value, tags, userId });
  if (outcome.kind === 'too-many-series') {
    const detail = 'names and tags make more different series than may be kept';
    throw new Problem('unprocessable', `The ${detail}.`, { errors: [{ pointer: '/tags', detail }] });
  }
  return c.json({ name, tags, value: outcome.total }, 200);
});

/** `GET /metrics` of the root, where Prometheus looks. */
export const prometheus = feature();
prometheus.openapi(prometheusRoute, async (c) => {
  const counts = await (await arrived(c.env)).counts(null);
  return c.body(exposition(counts, VERSION), 200, { 'content-type': PROMETHEUS_TYPE }) as never;
});

/** The object, once it has what this isolate counted: behind one isolate, an answer includes all before it. */
async function arrived(env: Env) {
  await meterOf(env).flush(env);
  return metricsObject(env);
}

function metricsObject({ METRICS }: Env) {
  return METRICS.get(METRICS.idFromName('all'));
}
