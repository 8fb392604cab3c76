/** The port through which routes start jobs and steps report on them. One Durable Object a job holds the live truth. */
import type { Env } from '../../env.ts';
import { Problem } from '../../errors.ts';
import type { IndexingStage, JobKind, Step } from '../../pipeline.ts';
import type { ControlDb } from '../../store/control-db.ts';
import type { JobParams, JobResult, JobRow } from '../../store/control-schema.ts';
import { insertJob, openJobs } from '../../store/jobs.ts';
import type { Caller, RepoScope } from '../../store/scope.ts';
import type { Logger } from '../telemetry/log.ts';
import { dispatchNext, jobObject, jobSpec } from './dispatch.ts';
import { watcherOf } from './watchers.ts';

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
  /** Reason → files kept in the tree and not parsed. */
  skipped?: Record<string, number>;
}

/** Blobs that one `process` message parses: at most about 1 MB of source and 400 blobs. */
export interface Batch {
  blobs: { oid: string; lang: string }[];
}

export interface BatchCounts {
  files: number;
  chunks: number;
  skipped: number;
  /** The skipped ones by reason, found by looking at the bytes. */
  reasons?: Record<string, number>;
  embedded?: number;
}

export interface JobError {
  code: string;
  message: string;
}

/** `active: false` tells a step to stop: the job ended, was cancelled, or another runner holds the step. */
export interface Active {
  active: boolean;
}

/** What a runner took: of `process`, with its batch. */
export interface Taken extends Active {
  batch?: Batch;
}

/** A job as its steps see it. Every method is idempotent. */
export interface JobHandle {
  readonly jobId: string;
  /** Takes the step (or one batch of it) for this runner until `end`. A batch that is done or unknown is not active. */
  begin(step: Step, batch?: number): Promise<Taken>;
  /** A sign of life between reports. */
  touch(step: Step, batch?: number): Promise<Active>;
  end(step: Step, batch?: number): Promise<void>;
  /** True while a live runner holds a step of the job, ended or not. */
  busy(): Promise<boolean>;
  progress(progress: JobProgress): Promise<Active>;
  /** Stores the batches and sends their messages; with none, sends `publish`. */
  plan(batches: Batch[]): Promise<Active>;
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
  /** Cancels an open job; resolves when that is durable. An ended one stays as it is. */
  cancel(job: JobRow, reason: string): Promise<void>;
  /** Cancels every open job of the repo (or of one of its refs), its deletion aside, and answers their rows as they were. */
  cancelAll(repoKey: number, reason: string, ref?: string): Promise<JobRow[]>;
  /**
   * Hands a checked WebSocket upgrade to the job's object, which ends it when the caller's rights end; `after` resumes
   * behind that event. 404 without a log.
   */
  connect(jobId: string, caller: Caller, after: number | null): Promise<Response>;
}

export interface JobsDeps {
  db: ControlDb;
  env: Pick<Env, 'JOBS'>;
  clock(): Date;
  newId(): string;
  log: Logger;
  /** Of the request that starts jobs here. */
  requestId?: string;
}

/** Batches a call to the object: far below the 32 MB of an RPC at 400 blobs each. */
const BATCHES_A_CALL = 500;

export function createJobs(deps: JobsDeps): JobsPort {
  const { db, env, clock, newId, log, requestId } = deps;
  async function cancel(job: JobRow, reason: string): Promise<void> {
    // A job whose maker died before its object knew of it is made known first, so that it can end.
    await jobObject(env, job.id).create(jobSpec(job));
    await jobObject(env, job.id).cancel(reason);
  }
  return {
    handle: (jobId) => jobHandle(env, jobId),
    async start(scope, job) {
      const id = newId();
      const ref = job.ref ?? null;
      // The object first: its alarm looks after a job whose maker dies behind the next line, and forgets one without row.
      await jobObject(env, id).create({
        id,
        kind: job.kind,
        repoKey: scope.repo.key,
        repoName: scope.repo.name,
        ref,
      });
      const row = await insertJob(
        db,
        scope,
        {
          id,
          kind: job.kind,
          ref,
          fullName: job.fullName ?? null,
          params: { ...job.params, ...(requestId !== undefined && { requestId }) },
          requestedBy: job.requestedBy,
        },
        clock(),
      );
      if (!row) throw new Problem('not_found', 'Repository not found');
      log.info('job started', {
        jobId: id,
        kind: job.kind,
        repo_id: scope.repo.id,
        caller_id: job.requestedBy,
      });
      await dispatchNext(db, env, row.repoKey, clock());
      return row;
    },
    cancel,
    async cancelAll(repoKey, reason, ref) {
      // The waiting ones first, so that none starts when the running one ends.
      const open = (await openJobs(db, repoKey, ref)).filter(isCancellable).toReversed();
      for (const job of open) await cancel(job, reason);
      return open;
    },
    connect(jobId, caller, after) {
      // Nothing of the caller's request goes along: its headers and query carry credentials.
      const query = new URLSearchParams({ watcher: JSON.stringify(watcherOf(caller)) });
      if (after !== null) query.set('after', String(after));
      return jobObject(env, jobId).fetch(`https://job/?${query}`, { headers: { upgrade: 'websocket' } });
    },
  };
}

/** A deletion cannot be taken back. */
const isCancellable = (job: JobRow) => job.kind !== 'delete-repo';

/** The job as its steps see it, over RPC. */
export function jobHandle(env: Pick<Env, 'JOBS'>, jobId: string): JobHandle {
  const object = () => jobObject(env, jobId);
  return {
    jobId,
    begin: (step, batch) => object().begin(step, batch),
    touch: (step, batch) => object().touch(step, batch),
    end: (step, batch) => object().end(step, batch),
    busy: () => object().busy(),
    progress: (progress) => object().progress(progress),
    async plan(batches) {
      for (let first = 0; first < batches.length; first += BATCHES_A_CALL) {
        const stored = await object().addBatches(first, batches.slice(first, first + BATCHES_A_CALL));
        if (!stored.active) return stored;
      }
      return object().planned();
    },
    batchDone: (n, counts) => object().batchDone(n, counts),
    complete: (result) => object().complete(result),
    fail: (error) => object().fail(error),
    cancel: (reason) => object().cancel(reason),
  };
}
