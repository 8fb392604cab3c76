/**
 * START HERE. The stages of ingest, in order, and the messages that carry them.
 *
 *   register ─▶ mirror ──────────────────────────────────────────────┐ (list refs, fetch the default branch)
 *   sync     ─▶ plan ─▶ process × batches ─▶ publish ─▶ ready         │ (fetch what is missing, parse, flip the ref)
 *   delete   ─▶ delete                                                │ (fence, drop, sweep)
 *
 * Messages carry references only: the Job object holds the batches, D1 the target, R2 the bytes. Delivery is at least
 * once, unordered, and may die anywhere, so every step is idempotent; its key says on what.
 */
import { z } from '@hono/zod-openapi';

const jobId = z.string().min(1);

export const stepMessage = z.discriminatedUnion('step', [
  /** Key: job. List refs at the remote and fetch the default branch into a pack. Stages `syncing`. */
  z.object({ step: z.literal('mirror'), jobId }),
  /** Key: job. Resolve the ref, fetch what the mirror lacks, compare trees, hand batches to the Job object. Stages from `syncing`. */
  z.object({ step: z.literal('plan'), jobId }),
  /** Key: (repo, blob oid, language, INDEX_VERSION, model). Parse the blobs of one batch, write their facts and vectors. */
  z.object({ step: z.literal('process'), jobId, batch: z.number().int().nonnegative() }),
  /** Key: snapshot. Write tree entries, then flip the ref row, last and in one write. */
  z.object({ step: z.literal('publish'), jobId }),
  /** Key: repo or (repo, ref). Remove everything that belongs to it. */
  z.object({ step: z.literal('delete'), jobId }),
]);
export type StepMessage = z.infer<typeof stepMessage>;
export type Step = StepMessage['step'];

/** Which queue carries a step, and the stage a job shows while it runs. */
export const STEPS = {
  mirror: { queue: 'STEPS', stage: 'syncing' },
  plan: { queue: 'STEPS', stage: 'syncing' },
  process: { queue: 'BATCHES', stage: 'processing-files' },
  publish: { queue: 'STEPS', stage: 'finalizing' },
  delete: { queue: 'STEPS', stage: 'finalizing' },
} as const satisfies Record<Step, { queue: 'STEPS' | 'BATCHES'; stage: IndexingStage }>;

export const INDEXING_STAGES = [
  'queued',
  'syncing',
  'resolving',
  'checking-out',
  'diffing',
  'processing-files',
  'embedding',
  'finalizing',
  'ready',
  'error',
] as const;
export type IndexingStage = (typeof INDEXING_STAGES)[number];

export const JOB_KINDS = ['mirror', 'sync', 'delete-repo', 'delete-version'] as const;
export type JobKind = (typeof JOB_KINDS)[number];
export const JOB_STATUSES = ['queued', 'running', 'completed', 'failed', 'cancelled'] as const;
export type JobStatus = (typeof JOB_STATUSES)[number];

/** The first step of each kind of job. */
export const FIRST_STEP = {
  mirror: 'mirror',
  sync: 'plan',
  'delete-repo': 'delete',
  'delete-version': 'delete',
} as const satisfies Record<JobKind, Step>;
