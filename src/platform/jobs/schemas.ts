import { z } from '@hono/zod-openapi';
import { pageQuery } from '../../http/pagination.ts';
import { INDEXING_STAGES, JOB_KINDS, JOB_STATUSES } from '../../pipeline.ts';

const time = z.iso.datetime().openapi({ example: '2026-01-15T10:30:00.000Z' });
const counters = {
  filesTotal: z.int().openapi({ example: 42 }),
  filesProcessed: z.int().openapi({ example: 15 }),
  chunksTotal: z.int().openapi({ example: 120 }),
  chunksEmbedded: z.int().openapi({ example: 80 }),
};

export const indexingProgress = z
  .object({
    repo: z.string().openapi({ example: 'my-lib' }),
    ref: z.string().openapi({ example: 'v1.0.0' }),
    stage: z.enum(INDEXING_STAGES),
    message: z.string().openapi({ example: 'Processing file 15 of 42' }),
    ...counters,
    startedAt: time,
    updatedAt: time,
    error: z.string().nullable(),
    jobId: z.string(),
  })
  .openapi('IndexingProgress');

export const job = z
  .object({
    id: z.string(),
    kind: z.enum(JOB_KINDS),
    repo: z.string(),
    repoId: z.string(),
    ref: z.string().nullable(),
    status: z.enum(JOB_STATUSES),
    stage: z.enum(INDEXING_STAGES),
    message: z.string(),
    ...counters,
    result: z
      .object({
        repo: z.string(),
        ref: z.string().nullable(),
        commitSha: z.string().nullable(),
        filesIndexed: z.int(),
        filesSkipped: z.int(),
      })
      .nullable(),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
    createdAt: time,
    startedAt: time.nullable(),
    updatedAt: time,
    finishedAt: time.nullable(),
  })
  .openapi('Job');

export const jobList = z
  .object({ items: z.array(job), total: z.int(), page: z.int(), per_page: z.int() })
  .openapi('JobList');

export const jobsQuery = z.object({
  ...pageQuery(),
  repo: z.string().optional().openapi({ description: 'Name or id of a repository.' }),
  status: z.enum(JOB_STATUSES).optional().openapi({ description: 'Only jobs that stand so.' }),
});

const jobId = (name: string) =>
  z.string().openapi({
    param: { name, in: 'path' },
    description: 'The job, as registering or syncing answered it.',
    example: '0190b5a2-7c1e-7000-8000-000000000000',
  });
export const idParam = z.object({ id: jobId('id') });
export const jobIdParam = z.object({ job_id: jobId('job_id') });

export const socketQuery = z.object({
  after: z
    .string()
    .regex(/^\d{1,15}$/, 'must be the seq of an event: a whole number from 0')
    .optional()
    .openapi({ type: 'integer', minimum: 0, description: 'Resume after this event, without a snapshot.' }),
  token: z
    .string()
    .optional()
    .openapi({ description: 'A token, API key or ticket, for clients that cannot send headers.' }),
  ticket: z
    .string()
    .optional()
    .openapi({ description: 'A ticket of `POST /auth/ws-ticket`; it opens one socket.' }),
});
