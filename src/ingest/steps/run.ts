/** Runs one step message: takes the step from its job, keeps a sign of life going, and turns errors into ends. */
import { ERRORS, Problem } from '../../errors.ts';
import { FIRST_STEP, type StepMessage } from '../../pipeline.ts';
import type { JobHandle, JobProgress } from '../../platform/jobs/jobs.ts';
import { JOB_TIMING } from '../../platform/jobs/timing.ts';
import type { Services } from '../../services.ts';
import { findCaller } from '../../store/callers.ts';
import type { JobRow } from '../../store/control-schema.ts';
import { endRun } from '../../store/index-repo.ts';
import { jobById } from '../../store/jobs.ts';
import { keys } from '../../store/keys.ts';
import { sweepPrefix } from '../../store/objects.ts';
import { deletedScope, type FoundRepo, systemScope } from '../../store/repos.ts';
import { hasGroupRole, hasRole } from '../../store/scope.ts';
import type { BatchParser } from '../indexing/parser.ts';
import { deleteStep } from './delete.ts';
import { mirrorStep } from './mirror.ts';
import { planStep } from './plan.ts';
import { processStep } from './process.ts';
import { publishStep } from './publish.ts';
import { JobStopped, mustBeActive, type StepContext } from './step.ts';

/** Told of every report of progress. */
export type Heard = (progress: JobProgress) => void;

/**
 * Resolves when the message is dealt with: done, or of no meaning any more. A `Problem` fails the job with its
 * sentence.
 * @throws anything unexpected, for the queue to deliver again and in the end to the dead letters.
 */
export async function runStep(
  s: Services,
  parser: BatchParser,
  message: StepMessage,
  heard?: Heard,
): Promise<void> {
  const job = await jobById(s.db, message.jobId);
  if (!job) return s.log.warn('step of an unknown job', { step: message.step, jobId: message.jobId });
  const log = s.log.with({ jobId: job.id, request_id: job.params.requestId });
  await runKnownStep({ ...s, log }, parser, job, message, heard);
}

async function runKnownStep(
  s: Services,
  parser: BatchParser,
  job: JobRow,
  message: StepMessage,
  heard: Heard | undefined,
): Promise<void> {
  const started = s.clock().getTime();
  const handle = s.jobs.handle(job.id);
  const n = message.step === 'process' ? message.batch : undefined;
  const taken = await handle.begin(message.step, n);
  if (!taken.active) return leaveNothing(s, job);
  const stop = keepAlive(s, handle, message, n);
  try {
    await guarded({ s, parser, job, handle, batch: taken.batch }, message, heard);
  } finally {
    stop();
    await handle.end(message.step, n);
    s.log.info('step', { step: message.step, batch: n, ms: s.clock().getTime() - started });
  }
}

async function guarded(
  context: Omit<StepContext, 'scope' | 'report'>,
  message: StepMessage,
  heard: Heard | undefined,
): Promise<void> {
  const { s, job, handle } = context;
  try {
    const scope = await scopeOf(s, job);
    if (!scope) throw new JobStopped();
    if (message.step === FIRST_STEP[job.kind]) await requireRights(s, job, scope);
    const report = async (progress: JobProgress) => {
      heard?.(progress);
      mustBeActive(await handle.progress(progress));
    };
    await dispatch({ ...context, scope, report }, message);
  } catch (error) {
    if (error instanceof Problem) {
      // The job keeps the sentence; what caused it is for the operator.
      s.log.warn('step ended its job', { step: message.step, error });
      await handle.fail({ code: ERRORS[error.slug].code, message: error.message });
    } else if (error instanceof JobStopped)
      await handle.cancel('The repository or the ref was deleted during the run');
    else throw error;
    await leaveNothing(s, job);
  }
}

function scopeOf(s: Services, job: JobRow): Promise<FoundRepo | null> {
  return job.kind === 'delete-repo' ? deletedScope(s.db, job.repoKey) : systemScope(s.db, job.repoKey);
}

/**
 * A job that waited for its turn starts only if who asked for it could still ask. Deletions go on: what they remove is
 * out of reach already.
 * @throws Problem `forbidden`
 */
async function requireRights(s: Services, job: JobRow, { row }: FoundRepo): Promise<void> {
  if (job.requestedBy === null || job.kind === 'delete-repo') return;
  const found = await findCaller(s.env.DB, { user: job.requestedBy });
  if (found && hasGroupRole(found.caller, job.groupId, 'editor')) {
    // The first mirror belongs to the registration, which takes a global role as well.
    const role = row.localPath === null ? 'analyst' : 'admin';
    if (job.kind !== 'mirror' || hasRole(found.caller, role)) return;
  }
  throw new Problem('forbidden', 'Whoever asked for this job may no longer change the repository.');
}

async function dispatch(context: StepContext, message: StepMessage): Promise<void> {
  switch (message.step) {
    case 'mirror':
      return mirrorStep(context);
    case 'plan':
      return planStep(context);
    case 'process':
      return processStep(context, message.batch);
    case 'publish':
      return publishStep(context);
    case 'delete':
      return deleteStep(context);
  }
}

/** After a job's end: its run no longer holds off the sweep, and of a deleted repo no object stays in R2. */
async function leaveNothing(s: Services, job: JobRow): Promise<void> {
  const scope = await systemScope(s.db, job.repoKey);
  const now = await jobById(s.db, job.id);
  if (scope === null) return sweepPrefix(s.bucket, keys.repoPrefix(job.repoId));
  if (job.kind === 'sync' && now && (now.status === 'failed' || now.status === 'cancelled')) {
    await endRun(s.shard(scope), scope, job.id);
  }
}

/** Touches the job while the step runs. A touch that fails says nothing: the next one, or the watchdog, does. */
function keepAlive(
  s: Services,
  handle: JobHandle,
  { step }: StepMessage,
  batch: number | undefined,
): () => void {
  const touch = () => {
    handle.touch(step, batch).catch((error: unknown) => s.log.warn('heartbeat failed', { step, error }));
  };
  const timer = setInterval(touch, JOB_TIMING.heartbeat);
  return () => clearInterval(timer);
}
