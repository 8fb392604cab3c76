/**
 * One object a job: its event log, the batches still out, its listeners, and the watchdog that keeps it from hanging.
 *
 * - Every method is idempotent and every message may come twice or late: what the state does not expect is answered
 *   `active: false` and changes nothing.
 * - The control row follows the object: at each change of stage, about once a second between, and before the terminal
 *   event is sent, so that whoever hears of an end reads the same in D1.
 * - The alarm re-sends what is outstanding after a silence, settles an end whose write to D1 failed, starts a job whose
 *   dispatch was lost, and removes everything when the log's time is over.
 */
import { DurableObject } from 'cloudflare:workers';
import type { Env } from '../../env.ts';
import { FIRST_STEP, STEPS, type Step, type StepMessage } from '../../pipeline.ts';
import { type ControlDb, controlDb } from '../../store/control-db.ts';
import type { JobResult } from '../../store/control-schema.ts';
import { forgetJob, type JobEnding, jobById, recordEnd, recordProgress } from '../../store/jobs.ts';
import { createLogger } from '../telemetry/log.ts';
import { dispatchNext } from './dispatch.ts';
import { type JobLog, jobLog } from './job-log.ts';
import { JobSockets } from './job-sockets.ts';
import {
  applyBatch,
  applyEnd,
  applyProgress,
  endPayload,
  type JobEnd,
  type JobSpec,
  type JobState,
  newState,
  progressPayload,
  type SnapshotPayload,
  snapshotPayload,
} from './job-state.ts';
import { type JobWork, jobWork, workName } from './job-work.ts';
import type { Active, Batch, BatchCounts, JobError, JobProgress, Taken } from './jobs.ts';
import { JOB_TIMING, type JobTiming } from './timing.ts';
import { stillSees, type Watcher } from './watchers.ts';

const STATE = 'state';
/** Times a publish may send blobs back for parsing. */
const MAX_REPLANS = 3;
const INACTIVE: Active = { active: false };
/** What `sendBatch` takes at most. */
const MESSAGES_A_SEND = 100;

export class JobObject extends DurableObject<Env> {
  /** Replaced by tests. */
  timing: JobTiming = JOB_TIMING;
  clock = (): number => Date.now();
  readonly #db: ControlDb;
  /** Whether who listens may still see the job; replaced by tests. */
  sees = (watcher: Watcher): Promise<boolean> => {
    const id = this.#state()?.spec.id;
    return id === undefined
      ? Promise.resolve(false)
      : stillSees(this.#db, watcher, id, new Date(this.clock()));
  };
  readonly #sockets = new JobSockets(
    (watcher) => this.sees(watcher),
    () => this.timing.recheck,
  );
  #log: JobLog;
  #work: JobWork;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#db = controlDb(env.DB);
    this.#log = jobLog(ctx.storage.sql);
    this.#work = jobWork(ctx.storage.sql);
  }

  /** Makes the job known to its object, which from then on looks after its start. */
  async create(spec: JobSpec): Promise<void> {
    if (this.#state()) return;
    this.#save(newState(spec, this.clock()));
    await this.ctx.storage.setAlarm(this.clock() + this.timing.queued);
  }

  /** The turn has come: sends the first step. */
  async start(spec: JobSpec): Promise<void> {
    await this.create(spec);
    const state = this.#state();
    if (state?.status !== 'queued') return;
    this.#save({ ...state, status: 'running', startedAt: this.clock(), message: 'Starting' });
    await this.#enter(FIRST_STEP[state.spec.kind]);
  }

  /** Takes a step, or a batch of it, for a runner: false when it is not due, done, or held by a live runner. */
  async begin(step: Step, n?: number): Promise<Taken> {
    const state = this.#running();
    if (state?.step !== step) return INACTIVE;
    const batch = n === undefined ? undefined : this.#work.batch(n);
    if (batch === null) return INACTIVE;
    const now = this.clock();
    if (!this.#work.take(workName(step, n), now, now - this.timing.lease)) return INACTIVE;
    this.#save({ ...state, activityAt: now });
    return { active: true, batch };
  }

  /** A runner's sign of life; the answer tells it whether to go on. */
  async touch(step: Step, batch?: number): Promise<Active> {
    const state = this.#running();
    if (!state) return INACTIVE;
    this.#work.keep(workName(step, batch), this.clock());
    this.#report({ ...state, activityAt: this.clock() });
    return { active: true };
  }

  /** The runner let go, finished or not; an unfinished step may then be taken by its redelivery at once. */
  async end(step: Step, batch?: number): Promise<void> {
    this.#work.release(workName(step, batch));
  }

  /** True while a live runner holds a step: an ended job's may still be writing. */
  async busy(): Promise<boolean> {
    return this.#work.held(this.clock() - this.timing.lease).size > 0;
  }

  async progress(report: JobProgress): Promise<Active> {
    const state = this.#running();
    if (!state) return INACTIVE;
    this.#report({ ...applyProgress(state, report), activityAt: this.clock() });
    return { active: this.#running() !== null };
  }

  /** Stores batches number `first` and on; nothing is sent before `planned`. */
  async addBatches(first: number, batches: Batch[]): Promise<Active> {
    const state = this.#running();
    if (state?.step !== 'plan' && state?.step !== 'publish') return INACTIVE;
    this.#work.add(state.step === 'plan' ? first : this.#work.count(), batches);
    this.#save({ ...state, activityAt: this.clock() });
    return { active: true };
  }

  /**
   * All batches are stored: sends them, or `publish` when there are none. From `publish` itself, which found blobs
   * gone meanwhile, the way back is open a few times only.
   */
  async planned(): Promise<Active> {
    const state = this.#running();
    if (state?.step !== 'plan' && state?.step !== 'publish') return { active: state !== null };
    if (state.step === 'publish' && state.replans >= MAX_REPLANS) {
      await this.fail({ code: 'INTERNAL_ERROR', message: 'The index did not become complete' });
      return INACTIVE;
    }
    const replans = state.step === 'publish' ? state.replans + 1 : state.replans;
    this.#save({ ...state, replans });
    await this.#enter(this.#work.outstanding() > 0 ? 'process' : 'publish');
    return { active: true };
  }

  async batchDone(n: number, counts: BatchCounts): Promise<Active & { outstanding: number }> {
    const state = this.#running();
    if (state?.step !== 'process') return { active: state !== null, outstanding: 0 };
    const now = this.clock();
    if (this.#work.finish(n)) {
      this.#report({ ...applyBatch(state, counts), activityAt: now, resends: 0 });
    }
    const outstanding = this.#work.outstanding();
    if (outstanding === 0 && this.#running()?.step === 'process') await this.#enter('publish');
    return { active: this.#running() !== null, outstanding };
  }

  async complete(result: JobResult): Promise<void> {
    await this.#finish({ type: 'job.completed', result });
  }

  async fail(error: JobError): Promise<void> {
    await this.#finish({ type: 'job.failed', error });
  }

  async cancel(reason: string): Promise<void> {
    await this.#finish({ type: 'job.cancelled', reason });
  }

  /**
   * A message ran out of retries. Fails the job when what it asked for is still to be done; a deletion, whose repo is
   * out of reach already, is left to the watchdog, which tries again with growing pauses.
   */
  async deadLetter(message: StepMessage, error: JobError): Promise<void> {
    const state = this.#running();
    if (state?.step !== message.step || state.spec.kind === 'delete-repo') return;
    if (message.step === 'process' && !this.#work.batch(message.batch)) return;
    await this.fail(error);
  }

  /** The state as a listener would get it on connecting, or null when the job is unknown here. */
  async snapshot(): Promise<SnapshotPayload | null> {
    const state = this.#state();
    return state && snapshotPayload(state);
  }

  /**
   * A WebSocket upgrade that the route has checked, for `?watcher=`, whose rights are looked at again while it is open.
   * `?after=<seq>` resumes. 404 when the log is gone.
   */
  override async fetch(request: Request): Promise<Response> {
    const state = this.#state();
    if (!state) return new Response(null, { status: 404 });
    const query = new URL(request.url).searchParams;
    const after = query.get('after');
    const ended = state.end !== null && state.settled;
    return this.#sockets.accept({
      watcher: JSON.parse(query.get('watcher') ?? '{"anonymous":null}') as Watcher,
      after: after === null ? null : Number(after),
      snapshot: () => ({
        type: 'job.snapshot',
        // An ended job's snapshot stops short of the terminal event, which then follows.
        seq: this.#log.last() - (ended ? 1 : 0),
        payload: snapshotPayload(state),
      }),
      since: (seq) => this.#log.since(seq),
      ended,
    });
  }

  override async alarm(): Promise<void> {
    const state = this.#state();
    if (!state) return;
    if (state.end) await this.#afterEnd(state, state.end);
    else if (state.status === 'queued') await this.#lookAfterStart(state);
    else await this.#watch(state);
  }

  async #afterEnd(state: JobState, end: JobEnd): Promise<void> {
    if (!state.settled) return this.#settle(state, end);
    const gone = (state.finishedAt ?? 0) + this.timing.keep;
    if (this.clock() < gone) return this.ctx.storage.setAlarm(gone);
    await forgetJob(this.#db, state.spec.id);
    await this.ctx.storage.deleteAll();
    this.#log = jobLog(this.ctx.storage.sql);
    this.#work = jobWork(this.ctx.storage.sql);
  }

  async #lookAfterStart(state: JobState): Promise<void> {
    await this.ctx.storage.setAlarm(this.clock() + this.timing.queued);
    const row = await jobById(this.#db, state.spec.id);
    if (!row) return this.ctx.storage.deleteAll();
    if (row.status === 'running') return this.start(state.spec);
    if (row.status === 'queued')
      await dispatchNext(this.#db, this.env, state.spec.repoKey, new Date(this.clock()));
  }

  /** The watchdog: silence means that messages were lost (or that the queue is long), so they are sent again. */
  async #watch(state: JobState): Promise<void> {
    const due = state.activityAt + Math.min(this.timing.idle * 2 ** state.resends, this.timing.idleMax);
    if (this.clock() < due) return this.ctx.storage.setAlarm(due);
    if (state.resends >= this.timing.resends) {
      const message = `The step "${state.step}" did not answer, ${state.resends} times in a row`;
      return this.fail({ code: 'STALLED', message });
    }
    this.#save({ ...state, resends: state.resends + 1, activityAt: this.clock() });
    await this.ctx.storage.setAlarm(this.clock() + this.timing.idle);
    if (state.step) await this.#send(state.spec.id, state.step);
  }

  /** Makes `step` the one that is due and sends its messages. The state is stored first: a lost send is re-sent. */
  async #enter(step: Step): Promise<void> {
    const state = this.#state();
    if (!state) return;
    const moved = applyProgress(
      { ...state, step, activityAt: this.clock(), resends: 0 },
      { stage: STEPS[step].stage },
    );
    this.#report(moved);
    await this.ctx.storage.setAlarm(this.clock() + this.timing.idle);
    await this.#send(state.spec.id, step);
  }

  async #send(jobId: string, step: Step): Promise<void> {
    const held = this.#work.held(this.clock() - this.timing.lease);
    const messages: StepMessage[] =
      step === 'process' ? this.#work.open().map((batch) => ({ step, jobId, batch })) : [{ step, jobId }];
    const due = messages.filter(
      (each) => !held.has(workName(each.step, 'batch' in each ? each.batch : undefined)),
    );
    const queue = this.env[STEPS[step].queue];
    for (let from = 0; from < due.length; from += MESSAGES_A_SEND) {
      await queue.sendBatch(
        due.slice(from, from + MESSAGES_A_SEND).map((body) => ({ body, contentType: 'json' })),
      );
    }
  }

  /** Stores a changed state; tells the listeners and the control row when it is their time. */
  #report(state: JobState): void {
    const before = this.#state();
    const now = this.clock();
    const staged = before?.stage !== state.stage || state.eventAt === 0;
    const announce = staged || (state.dirty && now - state.eventAt >= this.#eventGap());
    const record = staged || (state.dirty && now - state.recordedAt >= this.timing.record);
    this.#save({
      ...state,
      dirty: state.dirty && !announce,
      eventAt: announce ? now : state.eventAt,
      recordedAt: record ? now : state.recordedAt,
    });
    if (announce) this.#sockets.broadcast(this.#log.append('job.progress', progressPayload(state)));
    if (record) this.ctx.waitUntil(this.#record());
  }

  #recording: Promise<void> | null = null;
  #recordAgain = false;

  /**
   * Brings the control row up to the state, beside the step and not in its way. One write at a time, each with all of
   * the state, so that none is overtaken by an older one. It may lag: a failed write costs freshness, not the job.
   */
  async #record(): Promise<void> {
    if (this.#recording) {
      this.#recordAgain = true;
      return this.#recording;
    }
    this.#recording = this.#writeRecord();
    await this.#recording;
    this.#recording = null;
    if (!this.#recordAgain) return;
    this.#recordAgain = false;
    await this.#record();
  }

  async #writeRecord(): Promise<void> {
    const state = this.#running();
    if (!state) return;
    try {
      await recordProgress(this.#db, state.spec.id, counters(state), new Date(this.clock()));
    } catch (error) {
      this.#logger().warn('progress of a job not recorded', { jobId: state.spec.id, error });
    }
  }

  #eventGap(): number {
    return Math.min(
      this.timing.event * 2 ** Math.floor(this.#log.last() / this.timing.eventsPerDoubling),
      this.timing.eventMax,
    );
  }

  /** The first end wins; the rest is `#settle`, which the alarm repeats until it succeeds. */
  async #finish(end: JobEnd): Promise<void> {
    const state = this.#state();
    if (!state) return;
    if (state.end) return;
    if (state.dirty) this.#sockets.broadcast(this.#log.append('job.progress', progressPayload(state)));
    const ended = applyEnd(state, end, this.clock());
    this.#save(ended);
    this.#work.clear();
    await this.ctx.storage.setAlarm(this.clock() + this.timing.settle);
    try {
      await this.#settle(ended, end);
    } catch (error) {
      // The end is decided and stored; the alarm writes it again. Whoever reported it need not do so twice.
      this.#logger().error('end of a job not recorded yet', { jobId: state.spec.id, error });
    }
  }

  async #settle(state: JobState, end: JobEnd): Promise<void> {
    await recordEnd(this.#db, state.spec.id, ending(state, end), new Date(state.finishedAt ?? this.clock()));
    if (this.#state()?.settled === false) {
      this.#save({ ...state, settled: true });
      this.#sockets.broadcast(this.#log.append(end.type, endPayload(state, end)));
      this.#sockets.closeAll();
      await this.ctx.storage.setAlarm((state.finishedAt ?? this.clock()) + this.timing.keep);
    }
    await dispatchNext(this.#db, this.env, state.spec.repoKey, new Date(this.clock()));
  }

  #logger() {
    return createLogger({ logLevel: 'info' });
  }

  #state(): JobState | null {
    return this.ctx.storage.kv.get<JobState>(STATE) ?? null;
  }

  #running(): JobState | null {
    const state = this.#state();
    return state?.status === 'running' ? state : null;
  }

  #save(state: JobState): void {
    this.ctx.storage.kv.put(STATE, state);
  }
}

function counters(state: JobState) {
  const { stage, message, filesTotal, filesProcessed, chunksTotal, chunksEmbedded } = state;
  return { stage, message, filesTotal, filesProcessed, chunksTotal, chunksEmbedded };
}

function ending(state: JobState, end: JobEnd): JobEnding {
  const row = { counters: counters(state), result: null, error: null };
  if (end.type === 'job.completed') return { ...row, status: 'completed', result: end.result };
  if (end.type === 'job.failed') return { ...row, status: 'failed', error: end.error };
  return { ...row, status: 'cancelled', error: { code: 'CANCELLED', message: end.reason } };
}
