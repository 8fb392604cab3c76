/** The port through which routes start jobs and steps report on them. One Durable Object a job holds the live truth. */
import type { Env } from '../../env.ts';
import type { IndexingStage, JobKind, Step } from '../../pipeline.ts';
import type { ControlDb } from '../../store/control-db.ts';
import type { JobParams, JobResult, JobRow } from '../../store/control-schema.ts';
import type { RepoScope } from '../../store/scope.ts';
import type { Logger } from '../telemetry/log.ts';

/** What a step reports; absent members keep their value. `bytes` and `objects` are of the running fetch. */
export interface JobProgress {
  stage?: IndexingStage;
  message?: string;
  filesTotal?: number;
  filesProcessed?: number;
  chunksTotal?: number;
  chunksEmbedded?: number;
  bytes?: number;
  objects?: number;
  objectsTotal?: number;
}

/** Blobs that one `process` message parses: at most about 1 MB of source and 200 blobs. */
export interface Batch {
  blobs: { oid: string; lang: string }[];
}

export interface BatchCounts {
  files: number;
  chunks: number;
  skipped: number;
}

export interface JobError {
  code: string;
  message: string;
}

/** `active: false` tells a step to stop: the job ended, was cancelled, or another runner holds the step. */
export interface Active {
  active: boolean;
}

/** A job as its steps see it. Every method is idempotent. */
export interface JobHandle {
  readonly jobId: string;
  /** Takes the step (or one batch of it) for this runner until `end`. */
  begin(step: Step, batch?: number): Promise<Active>;
  end(step: Step, batch?: number): Promise<void>;
  progress(progress: JobProgress): Promise<Active>;
  /** Stores the batches and sends their messages; with none, sends `publish`. */
  plan(batches: Batch[]): Promise<Active>;
  /** Null when the batch is done, unknown or the job over. */
  batch(n: number): Promise<Batch | null>;
  /** At 0 outstanding the object sends `publish`, once. */
  batchDone(n: number, counts: BatchCounts): Promise<Active & { outstanding: number }>;
  complete(result: JobResult): Promise<void>;
  fail(error: JobError): Promise<void>;
  cancel(reason: string): Promise<void>;
}

export interface StartJob {
  kind: JobKind;
  /** Stored name of the ref, null for jobs of a whole repo. */
  ref?: string | null;
  fullName?: string | null;
  params?: JobParams;
  requestedBy: string | null;
}

export interface JobsPort {
  handle(jobId: string): JobHandle;
  /** Inserts the job as `queued` (durable when this returns) and dispatches it when its repo has none running. */
  start(scope: RepoScope, job: StartJob): Promise<JobRow>;
  /** Cancels every open job of the repo; resolves when each one is durably cancelled. */
  cancelAll(repoKey: number, reason: string): Promise<void>;
  /** Hands a checked WebSocket upgrade to the job's object. */
  connect(jobId: string, request: Request): Promise<Response>;
}

export interface JobsDeps {
  db: ControlDb;
  env: Pick<Env, 'JOBS'>;
  clock(): Date;
  newId(): string;
  log: Logger;
}
