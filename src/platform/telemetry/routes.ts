import { z } from '@hono/zod-openapi';

import { Problem } from '../../errors.ts';
import { feature, route } from '../../http/feature.ts';
import { VERSION } from '../../version.ts';
import { ensureAdmin } from '../accounts/first-admin.ts';
import { COMPONENTS, neededAndDown, overall, probeShared } from './health.ts';

/** When this isolate answered first: the clock of a Worker stands still before that. */
let startedAt: number | undefined;

function uptimeSeconds(now: number): number {
  startedAt ??= now;
  return Math.max(0, Math.round((now - startedAt) / 100) / 10);
}

const component = z
  .object({
    status: z.enum(['healthy', 'unhealthy', 'not_configured']),
    latency_ms: z.number().optional(),
    provider: z.string().optional(),
    shards: z.int().optional(),
  })
  .openapi('ComponentHealth');

const health = z
  .object({
    status: z.enum(['healthy', 'degraded', 'unhealthy']),
    version: z.string().openapi({ example: '1.0.0' }),
    uptime_seconds: z.number().openapi({ example: 3600.5 }),
    timestamp: z.iso.datetime(),
    components: z.object(Object.fromEntries(COMPONENTS.map((name) => [name, component]))),
  })
  .openapi('Health');

const status = z
  .object({
    status: z.enum(['healthy', 'degraded', 'unhealthy']),
    version: z.string(),
    uptime: z.number().openapi({ description: 'Seconds.' }),
    components: z
      .record(z.string(), z.string())
      .optional()
      .openapi({ description: 'For those who sign in.' }),
  })
  .openapi('Status');

const json = <T extends z.ZodType>(description: string, schema: T) => ({
  description,
  content: { 'application/json': { schema } },
});

const open = { method: 'get' as const, scope: 'public' as const, tags: ['System'], limits: [] };

const root = route({
  ...open,
  path: '/health',
  operationId: 'ping',
  summary: 'Whether the server answers',
  responses: { 200: json('It does', z.object({ status: z.literal('ok') })) },
});

const full = route({
  ...open,
  path: '/health',
  operationId: 'getHealth',
  summary: 'Every component, really probed',
  responses: { 200: json('Healthy or degraded', health), 503: json('Unhealthy', health) },
});

const live = route({
  ...open,
  path: '/health/live',
  operationId: 'getLiveness',
  summary: 'Liveness: needs nothing, not even a configuration',
  responses: { 200: json('Alive', z.object({ status: z.literal('ok') })) },
});

const ready = route({
  ...open,
  path: '/health/ready',
  operationId: 'getReadiness',
  summary: 'Readiness: databases, storage, queues and the indexer answer',
  errors: ['unavailable'],
  responses: { 200: json('Ready', z.object({ status: z.literal('ready') })) },
});

const versionRoute = route({
  ...open,
  path: '/health/version',
  operationId: 'getVersion',
  summary: 'Version and name',
  responses: { 200: json('The version', z.object({ version: z.string(), name: z.string() })) },
});

const statusRoute = route({
  method: 'get',
  path: '/status',
  scope: 'public',
  identity: 'optional',
  tags: ['System'],
  operationId: 'getStatus',
  summary: 'System status; components for those who sign in',
  responses: { 200: json('The status', status) },
});

/** `GET /health` of the root. */
export const rootHealth = feature();
rootHealth.openapi(root, (c) => c.json({ status: 'ok' as const }, 200));

/** `/health/…`, served below /api/v1 and at the root. */
export const probeRoutes = feature();
probeRoutes.openapi(live, (c) => c.json({ status: 'ok' as const }, 200));
probeRoutes.openapi(ready, async (c) => {
  const { services } = c.var;
  const [components] = await Promise.all([probeShared(services), ensureAdmin(services)]);
  const down = neededAndDown(components);
  if (down.length > 0) throw new Problem('unavailable', `Not ready: ${down.join(', ')}.`, { retryAfter: 5 });
  return c.json({ status: 'ready' as const }, 200);
});
probeRoutes.openapi(versionRoute, (c) => c.json({ version: VERSION, name: 'Sightline API' }, 200));

/** `/health` in full and `/status`, below /api/v1. */
export const statusRoutes = feature();
statusRoutes.openapi(full, async (c) => {
  const { services } = c.var;
  const components = await probeShared(services);
  const now = services.clock();
  const body = {
    status: overall(components),
    version: VERSION,
    uptime_seconds: uptimeSeconds(now.getTime()),
    timestamp: now.toISOString(),
    components,
  };
  return body.status === 'unhealthy' ? c.json(body, 503) : c.json(body, 200);
});
statusRoutes.openapi(statusRoute, async (c) => {
  const { services, caller } = c.var;
  const components = await probeShared(services);
  const body = {
    status: overall(components),
    version: VERSION,
    uptime: uptimeSeconds(services.clock().getTime()),
  };
  if (caller.userId === null) return c.json(body, 200);
  const names = Object.fromEntries(COMPONENTS.map((name) => [name, components[name].status]));
  return c.json({ ...body, components: { ...names, event_bus: components.queue.status } }, 200);
});
