import { z } from '@hono/zod-openapi';
import { MAX_HOURS } from './metrics-limits.ts';

const count = z.int().min(0);
const ms = z.number().min(0);
const percentile = ms.nullable();
const share = z.number().min(0).max(1);

export const stats = z
  .object({
    total_queries: count.openapi({ example: 12_345 }),
    queries_today: count.openapi({ description: 'Since midnight UTC.', example: 234 }),
    average_response_time_ms: ms.openapi({ example: 152.4 }),
    scenarios_usage: z.record(z.string(), count).openapi({ example: { search: 4521, context: 2341 } }),
  })
  .openapi('Stats');

export const adminQuery = z.object({
  hours: z.coerce.number().int().min(1).max(MAX_HOURS).optional().openapi({
    description:
      'Only of the last so many hours, from the beginning of that hour; absent: since counting began.',
  }),
});

const latency = { p50_ms: percentile, p95_ms: percentile, p99_ms: percentile };

export const adminMetrics = z
  .object({
    since: z.iso.datetime().openapi({ description: 'When counting began.' }),
    hours: z.int().nullable(),
    requests: z.object({
      total: count,
      by_endpoint: z.array(
        z.object({
          endpoint: z.string().openapi({ example: 'GET /repos/{name}' }),
          count,
          errors: count.openapi({ description: 'Answers of 400 and above.' }),
          average_ms: ms,
          ...latency,
        }),
      ),
    }),
    latency: z.object(latency),
    errors: z.object({
      rate: share.openapi({ description: 'Answers of 400 and above, of all.' }),
      by_status: z.array(z.object({ status: z.int(), count, rate: share })),
    }),
    rate_limit_violations: z.object({
      total: count,
      by_policy: z.array(z.object({ policy: z.string(), count })),
    }),
    custom: z.array(
      z.object({ name: z.string(), tags: z.record(z.string(), z.string()), value: z.number() }),
    ),
    dropped: count.openapi({ description: 'Counts that could not be held until they arrived.' }),
  })
  .openapi('AdminMetrics');

const MAX_TAGS = 10;

/** Clients send ids as numbers, too. Half of a surrogate pair is no character of anything that is written out. */
const tagValue = z
  .union([z.string().max(200), z.number(), z.boolean()])
  .transform((value) => String(value).toWellFormed());

export const increment = z
  .strictObject({
    name: z
      .string()
      .regex(/^[A-Za-z_][\w.:/-]{0,99}$/, 'must be letters, digits or _.:/- after a letter, at most 100')
      .openapi({ example: 'api.custom_action' }),
    value: z.number().min(0).max(1e12).default(1).openapi({ description: 'Counters only grow.', example: 1 }),
    tags: z
      .record(z.string().regex(/^[A-Za-z_]\w{0,39}$/, 'must be letters, digits or _, at most 40'), tagValue)
      .refine((tags) => Object.keys(tags).length <= MAX_TAGS, `must be at most ${MAX_TAGS}`)
      .default({})
      .openapi({ example: { user_id: '123', action: 'file_upload' } }),
  })
  .openapi('MetricIncrement');

export const incremented = z
  .object({
    name: z.string(),
    tags: z.record(z.string(), z.string()),
    value: z.number().openapi({ description: 'What it stands at now.' }),
  })
  .openapi('Metric');
