import { z } from '@hono/zod-openapi';
import { MAX_HOURS } from './metrics-limits.ts';

const count = z.int().min(0).openapi({ example: 42 });
const ms = z.number().min(0).openapi({ example: 12.5 });
const percentile = (of: number) =>
  ms.nullable().openapi({
    description: `Milliseconds that ${of} % of the answers stayed within; null without any.`,
    example: 20,
  });
const share = z.number().min(0).max(1).openapi({ example: 0.02 });

export const stats = z
  .object({
    total_queries: count.openapi({ description: 'Since counting began.', example: 12_345 }),
    queries_today: count.openapi({ description: 'Since midnight UTC.', example: 234 }),
    average_response_time_ms: ms.openapi({
      description: 'Mean over all of them, in milliseconds.',
      example: 152.4,
    }),
    scenarios_usage: z.record(z.string(), count).openapi({
      description: 'Queries by what was asked.',
      example: { search: 4521, context: 2341 },
    }),
  })
  .openapi('Stats', { description: 'How much was asked.' });

export const adminQuery = z.object({
  hours: z.coerce.number().int().min(1).max(MAX_HOURS).optional().openapi({
    description:
      'Only of the last so many hours, from the beginning of that hour; absent: since counting began.',
    example: 24,
  }),
});

const latency = { p50_ms: percentile(50), p95_ms: percentile(95), p99_ms: percentile(99) };

const tags = z.record(z.string(), z.string()).openapi({
  description: 'What tells this counter from others of its name.',
  example: { action: 'file_upload' },
});
const customName = z.string().openapi({ description: 'The counter.', example: 'api.custom_action' });

export const adminMetrics = z
  .object({
    since: z.iso
      .datetime()
      .openapi({ description: 'When counting began.', example: '2026-11-20T12:00:00.000Z' }),
    hours: z
      .int()
      .nullable()
      .openapi({ description: 'How far back it goes, where that was asked for.', example: 24 }),
    requests: z
      .object({
        total: count.openapi({ description: 'All of them.' }),
        by_endpoint: z
          .array(
            z.object({
              endpoint: z.string().openapi({ description: 'The operation.', example: 'GET /repos/{name}' }),
              count: count.openapi({ description: 'Its requests.' }),
              errors: count.openapi({ description: 'Answers of 400 and above.' }),
              average_ms: ms.openapi({ description: 'Mean time of an answer, in milliseconds.' }),
              ...latency,
            }),
          )
          .openapi({ description: 'One row an operation that was asked for.' }),
      })
      .openapi({ description: 'Requests answered.' }),
    latency: z.object(latency).openapi({ description: 'Over all operations.' }),
    errors: z
      .object({
        rate: share.openapi({ description: 'Answers of 400 and above, of all.' }),
        by_status: z
          .array(
            z.object({
              status: z.int().openapi({ description: 'HTTP status.', example: 404 }),
              count: count.openapi({ description: 'Answers with it.' }),
              rate: share.openapi({ description: 'Their share of all answers.' }),
            }),
          )
          .openapi({ description: 'One row a status that was answered.' }),
      })
      .openapi({ description: 'Requests refused or failed.' }),
    rate_limit_violations: z
      .object({
        total: count.openapi({ description: 'All of them.' }),
        by_policy: z
          .array(
            z.object({
              policy: z
                .string()
                .openapi({ description: 'The policy that was exceeded.', example: 'anonymous' }),
              count: count.openapi({ description: 'Requests that it refused.' }),
            }),
          )
          .openapi({ description: 'One row a policy that refused any.' }),
      })
      .openapi({ description: 'Requests refused with 429.' }),
    custom: z
      .array(
        z.object({
          name: customName,
          tags,
          value: z.number().openapi({ description: 'What it stands at.', example: 17 }),
        }),
      )
      .openapi({ description: 'Counters of integrations.' }),
    dropped: count.openapi({ description: 'Counts that could not be held until they arrived.', example: 0 }),
  })
  .openapi('AdminMetrics', { description: 'What the deployment was asked, and how it answered.' });

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
      .openapi({ description: 'The counter.', example: 'api.custom_action' }),
    value: z.number().min(0).max(1e12).default(1).openapi({ description: 'Counters only grow.', example: 1 }),
    tags: z
      .record(z.string().regex(/^[A-Za-z_]\w{0,39}$/, 'must be letters, digits or _, at most 40'), tagValue)
      .refine((tags) => Object.keys(tags).length <= MAX_TAGS, `must be at most ${MAX_TAGS}`)
      .default({})
      .openapi({
        description: 'What tells this counter from others of its name.',
        example: { team: 'payments', action: 'file_upload' },
      }),
  })
  .openapi('MetricIncrement', { description: 'A counter, and by how much it is raised.' });

export const incremented = z
  .object({
    name: customName,
    tags,
    value: z.number().openapi({ description: 'What it stands at now.', example: 17 }),
  })
  .openapi('Metric', { description: 'A counter as it stands.' });
