import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Env } from '../../../src/env.ts';
import type { JobKind, StepMessage } from '../../../src/pipeline.ts';
import type { JobObject } from '../../../src/platform/jobs/job-object.ts';
import type { JobEvent } from '../../../src/platform/jobs/job-state.ts';
import { JOB_TIMING } from '../../../src/platform/jobs/timing.ts';

const bindings = env as unknown as Env;
const RESULT = { repo: 'lib', ref: 'main', commitSha: 'c'.repeat(40), filesIndexed: 3, filesSkipped: 1 };
const COUNTS = { files: 1, chunks: 2, skipped: 0 };

let jobs = 0;
let now = 0;
/** What the object under test sent to its queues. */
let sent: StepMessage[] = [];
/** Whether listeners may see the job. */
let visible = true;

beforeEach(() => {
  now = Date.parse('2026-11-20T12:00:00Z');
  sent = [];
  visible = true;
});

function stubOf(id: string): DurableObjectStub<JobObject> {
  return bindings.JOBS.get(bindings.JOBS.idFromName(id));
}

/** Gives the object the test's clock and queues; again after an eviction. */
async function equip(stub: DurableObjectStub<JobObject>): Promise<void> {
  await runInDurableObject(stub, (instance) => {
    const queue = {
      sendBatch: async (messages: Iterable<{ body: StepMessage }>) => {
        for (const { body } of messages) sent.push(body);
      },
    };
    instance.clock = () => now;
    instance.sees = async () => visible;
    Object.assign(instance, { env: { ...bindings, STEPS: queue, BATCHES: queue } });
  });
}

async function makeJob(kind: JobKind = 'sync') {
  jobs += 1;
  const id = `job-${jobs}`;
  const stub = stubOf(id);
  await equip(stub);
  const spec = { id, kind, repoKey: 1000 + jobs, repoName: 'lib', ref: 'main' };
  await stub.create(spec);
  return { id, stub, spec };
}

async function startJob() {
  const job = await makeJob();
  await job.stub.start(job.spec);
  return job;
}

/** A job whose plan made so many batches. */
async function plannedJob(batches: number) {
  const job = await startJob();
  const blobs = [{ oid: 'a'.repeat(40), lang: 'typescript' }];
  await job.stub.begin('plan');
  await job.stub.progress({ stage: 'diffing', filesTotal: batches });
  await job.stub.addBatches(
    0,
    Array.from({ length: batches }, () => ({ blobs })),
  );
  await job.stub.planned();
  await job.stub.end('plan');
  return job;
}

/** Connects and collects what arrives until the server closes. */
async function listen(stub: DurableObjectStub<JobObject>, after?: number) {
  const query = after === undefined ? '' : `?after=${after}`;
  const response = await stub.fetch(`https://job/${query}`, { headers: { upgrade: 'websocket' } });
  expect(response.status).toBe(101);
  const socket = response.webSocket!;
  const events: JobEvent[] = [];
  const closed = new Promise<number>((resolve) => {
    socket.addEventListener('message', ({ data }) => {
      events.push(JSON.parse(String(data)));
    });
    socket.addEventListener('close', ({ code }) => resolve(code));
  });
  socket.accept();
  return { events, closed, close: () => socket.close() };
}

const until = async (done: () => boolean) => {
  for (let n = 0; n < 200 && !done(); n++) await scheduler.wait(10);
};
const types = (events: JobEvent[]) => events.map((event) => event.type);

describe('the live stream', () => {
  test('begins with a snapshot, goes on with numbered progress, ends with one terminal event and close 1000', async () => {
    const { stub, id } = await startJob();
    const listener = await listen(stub);
    for (const stage of ['resolving', 'checking-out', 'diffing'] as const) {
      now += 1000;
      await stub.progress({ stage, message: stage });
    }
    await stub.complete(RESULT);
    expect(await listener.closed).toBe(1000);
    const { events } = listener;
    expect(types(events)).toEqual([
      'job.snapshot',
      'job.progress',
      'job.progress',
      'job.progress',
      'job.completed',
    ]);
    const [snapshot, ...rest] = events;
    expect(snapshot?.payload).toMatchObject({
      jobId: id,
      repo: 'lib',
      ref: 'main',
      status: 'running',
      stage: 'syncing',
    });
    expect(rest.map((event) => event.seq)).toEqual([1, 2, 3, 4].map((step) => snapshot!.seq + step));
    expect(rest.at(-1)?.payload).toMatchObject({ progress: 100, stage: 'ready', result: RESULT });
  });

  test('resumes after any event with no snapshot, no gap and no repeat', async () => {
    const { stub } = await plannedJob(20);
    const whole = await listen(stub, 0);
    const parts: JobEvent[] = [];
    for (let n = 0; n < 20; n++) {
      const listener = await listen(stub, parts.at(-1)?.seq ?? 0);
      now += 5000;
      await stub.batchDone(n, COUNTS);
      await until(() => listener.events.at(-1)?.payload.filesProcessed === n + 1);
      parts.push(...listener.events.slice(0, 1 + (n % 3)));
      listener.close();
    }
    const last = await listen(stub, parts.at(-1)!.seq);
    await stub.complete(RESULT);
    await Promise.all([last.closed, whole.closed]);
    const resumed = [...parts, ...last.events];
    expect(resumed).toEqual(whole.events);
    expect(resumed.map((event) => event.seq)).toEqual(resumed.map((_, index) => index + 1));
    expect(types(resumed)).not.toContain('job.snapshot');
  });

  test('of an ended job is a snapshot, the terminal event and a close; what was heard already is not said again', async () => {
    const { stub } = await startJob();
    await stub.fail({ code: 'UNPROCESSABLE', message: 'no such ref' });
    const fresh = await listen(stub);
    expect(await fresh.closed).toBe(1000);
    expect(types(fresh.events)).toEqual(['job.snapshot', 'job.failed']);
    expect(fresh.events[1]?.payload).toMatchObject({
      stage: 'error',
      error: { code: 'UNPROCESSABLE', message: 'no such ref' },
    });
    const end = fresh.events[1]!.seq;
    expect(fresh.events[0]?.seq).toBe(end - 1);

    const resumed = await listen(stub, end - 1);
    expect(await resumed.closed).toBe(1000);
    expect(types(resumed.events)).toEqual(['job.failed']);
    for (const after of [end, end + 100]) {
      const late = await listen(stub, after);
      expect(await late.closed).toBe(1000);
      expect(late.events).toEqual([]);
    }
  });

  test('thins a burst of reports to a few a second and still says the last counters before the end', async () => {
    const { stub } = await startJob();
    const listener = await listen(stub);
    await stub.progress({ stage: 'processing-files', filesTotal: 100 });
    for (let file = 1; file <= 100; file++) {
      now += 20;
      await stub.progress({ filesProcessed: file });
    }
    await stub.complete(RESULT);
    await listener.closed;
    const progress = listener.events.filter((event) => event.type === 'job.progress');
    expect(progress.length).toBeGreaterThanOrEqual(8);
    expect(progress.length).toBeLessThanOrEqual(11);
    expect(progress.at(-1)?.payload.filesProcessed).toBe(100);
    const shares = progress.map((event) => event.payload.progress);
    expect(shares).toEqual(shares.toSorted((a, b) => a - b));
  });

  test('goes to nobody who may not see the job any more, not even its next message', async () => {
    const { stub } = await startJob();
    const listener = await listen(stub);
    visible = false;
    now += 1000;
    await stub.progress({ stage: 'diffing' });
    expect(await listener.closed).toBe(1008);
    expect(types(listener.events)).toEqual(['job.snapshot']);
  });

  test('ends for them also when there is nothing to say', async () => {
    const { stub } = await startJob();
    await runInDurableObject(stub, (instance) => {
      instance.timing = { ...JOB_TIMING, recheck: 20 };
    });
    const listener = await listen(stub);
    visible = false;
    expect(await listener.closed).toBe(1008);
  });

  test('asks to come back when nobody can tell who may listen', async () => {
    const { stub } = await startJob();
    await runInDurableObject(stub, (instance) => {
      instance.sees = () => Promise.reject(new Error('no database'));
    });
    const listener = await listen(stub);
    now += 1000;
    await stub.progress({ stage: 'diffing' });
    expect(await listener.closed).toBe(1013);
    expect(types(listener.events)).toEqual(['job.snapshot']);
  });

  test('goes on after the object was evicted, from its log', async () => {
    const { stub } = await plannedJob(2);
    const before = await listen(stub);
    now += 1000;
    await stub.batchDone(0, COUNTS);
    await until(() => before.events.length === 2);
    before.close();
    await evictDurableObject(stub);
    await equip(stub);
    const after = await listen(stub, before.events.at(-1)!.seq);
    now += 1000;
    await stub.batchDone(1, COUNTS);
    await stub.complete(RESULT);
    await after.closed;
    expect(after.events[0]?.seq).toBe(before.events.at(-1)!.seq + 1);
    expect(after.events.at(-1)?.type).toBe('job.completed');
  });

  test('shows stages only forward, whatever order reports arrive in', async () => {
    const { stub } = await startJob();
    const listener = await listen(stub);
    for (const stage of [
      'diffing',
      'syncing',
      'processing-files',
      'resolving',
      'finalizing',
      'diffing',
    ] as const) {
      now += 1000;
      await stub.progress({ stage });
    }
    await stub.complete(RESULT);
    await listener.closed;
    const stages = [...new Set(listener.events.map((event) => event.payload.stage))];
    expect(stages).toEqual(['syncing', 'diffing', 'processing-files', 'finalizing', 'ready']);
  });
});

describe('the work of a job', () => {
  test('sends its first step at the start, once, however often it is started', async () => {
    const { stub, spec, id } = await makeJob('mirror');
    expect(sent).toEqual([]);
    await stub.start(spec);
    await stub.start(spec);
    expect(sent).toEqual([{ step: 'mirror', jobId: id }]);
  });

  test('sends every batch of a plan and, when the last is done, publish exactly once', async () => {
    const { stub, id } = await plannedJob(120);
    expect(sent.slice(1)).toEqual(
      Array.from({ length: 120 }, (_, batch) => ({ step: 'process', jobId: id, batch })),
    );
    sent = [];
    for (let n = 0; n < 120; n++) {
      expect(await stub.batchDone(n, COUNTS)).toEqual({ active: true, outstanding: 119 - n });
      await stub.batchDone(n, COUNTS);
    }
    expect(sent).toEqual([{ step: 'publish', jobId: id }]);
    expect(await stub.snapshot()).toMatchObject({ filesProcessed: 120, chunksTotal: 240 });
  });

  test('publishes at once when nothing is missing', async () => {
    const { stub, id } = await startJob();
    await stub.begin('plan');
    expect(await stub.planned()).toEqual({ active: true });
    expect(sent).toEqual([
      { step: 'plan', jobId: id },
      { step: 'publish', jobId: id },
    ]);
  });

  test('lets publish send blobs back for parsing a few times, then fails', async () => {
    const { stub, id } = await plannedJob(1);
    const blobs = [{ oid: 'b'.repeat(40), lang: 'go' }];
    await stub.batchDone(0, COUNTS);
    for (let round = 1; round <= 3; round++) {
      await stub.addBatches(0, [{ blobs }]);
      expect(await stub.planned()).toEqual({ active: true });
      expect(sent.at(-1)).toEqual({ step: 'process', jobId: id, batch: round });
      await stub.batchDone(round, COUNTS);
      expect(sent.at(-1)).toEqual({ step: 'publish', jobId: id });
    }
    await stub.addBatches(0, [{ blobs }]);
    expect(await stub.planned()).toEqual({ active: false });
    expect(await stub.snapshot()).toMatchObject({ status: 'failed' });
  });

  test('gives a step to one runner at a time, and to another when it falls silent or lets go', async () => {
    const { stub } = await startJob();
    expect(await stub.begin('plan')).toEqual({ active: true });
    expect(await stub.begin('plan')).toEqual({ active: false });
    now += JOB_TIMING.lease - 1;
    await stub.touch('plan');
    now += JOB_TIMING.lease - 1;
    expect(await stub.begin('plan')).toEqual({ active: false });
    now += 1;
    expect(await stub.begin('plan')).toEqual({ active: true });
    await stub.end('plan');
    expect(await stub.begin('plan')).toEqual({ active: true });
  });

  test('refuses steps that are not due and batches that are done', async () => {
    const { stub } = await plannedJob(2);
    expect(await stub.begin('plan')).toEqual({ active: false });
    expect(await stub.begin('publish')).toEqual({ active: false });
    expect(await stub.begin('process', 0)).toEqual({
      active: true,
      batch: expect.objectContaining({ blobs: expect.anything() }),
    });
    await stub.batchDone(0, COUNTS);
    await stub.end('process', 0);
    expect(await stub.begin('process', 0)).toEqual({ active: false });

    expect(await stub.begin('process', 7)).toEqual({ active: false });
  });

  test('ends once: what comes later changes nothing and is told to stop', async () => {
    const { stub } = await plannedJob(3);
    await stub.cancel('Cancelled on request');
    await stub.complete(RESULT);
    await stub.fail({ code: 'X', message: 'late' });
    expect(await stub.progress({ message: 'late' })).toEqual({ active: false });
    expect(await stub.begin('process', 1)).toEqual({ active: false });
    expect(await stub.touch('process', 1)).toEqual({ active: false });

    expect((await stub.batchDone(1, COUNTS)).active).toBe(false);
    const listener = await listen(stub, 0);
    await listener.closed;
    expect(types(listener.events).filter((type) => type !== 'job.progress')).toEqual(['job.cancelled']);
    expect(listener.events.at(-1)?.payload).toMatchObject({ reason: 'Cancelled on request' });
  });

  test('cancels a job that has not started, which then never starts', async () => {
    const { stub, spec } = await makeJob();
    await stub.cancel('Cancelled on request');
    await stub.start(spec);
    expect(sent).toEqual([]);
    expect(await stub.snapshot()).toMatchObject({ status: 'cancelled' });
  });
});

describe('the watchdog', () => {
  test('sends the outstanding messages again after a silence, without the batches that a live runner holds', async () => {
    const { stub, id } = await plannedJob(3);
    await stub.batchDone(0, COUNTS);
    sent = [];
    now += JOB_TIMING.idle - 1;
    await runDurableObjectAlarm(stub);
    expect(sent).toEqual([]);
    now += 1;
    await runDurableObjectAlarm(stub);
    expect(sent).toEqual([1, 2].map((batch) => ({ step: 'process', jobId: id, batch })));

    sent = [];
    await stub.begin('process', 1);
    for (let beat = 0; beat < 10; beat++) {
      now += JOB_TIMING.heartbeat;
      await stub.touch('process', 1);
    }
    await runDurableObjectAlarm(stub);
    expect(sent).toEqual([]);
    expect(await stub.snapshot()).toMatchObject({ status: 'running' });
  });

  test('gives up after so many fruitless tries, with a reason', async () => {
    const { stub } = await startJob();
    for (let round = 0; round <= JOB_TIMING.resends; round++) {
      now += JOB_TIMING.idleMax;
      await runDurableObjectAlarm(stub);
    }
    expect(sent).toHaveLength(1 + JOB_TIMING.resends);
    const listener = await listen(stub);
    await listener.closed;
    expect(listener.events.at(-1)).toMatchObject({
      type: 'job.failed',
      payload: { error: { code: 'STALLED' } },
    });
  });

  test('goes on after an eviction that lost the queue', async () => {
    const { stub, id } = await plannedJob(1);
    await evictDurableObject(stub);
    await equip(stub);
    sent = [];
    now += JOB_TIMING.idle;
    expect(await runDurableObjectAlarm(stub)).toBe(true);
    expect(sent).toEqual([{ step: 'process', jobId: id, batch: 0 }]);
  });

  test('writes an end again whose record failed, and only then tells the listeners', async () => {
    const { stub } = await startJob();
    const listener = await listen(stub);
    await bindings.DB.prepare('ALTER TABLE jobs RENAME TO jobs_away').run();
    await stub.complete(RESULT);
    await bindings.DB.prepare('ALTER TABLE jobs_away RENAME TO jobs').run();
    expect(types(listener.events)).toEqual(['job.snapshot']);
    await runDurableObjectAlarm(stub);
    expect(await listener.closed).toBe(1000);
    expect(types(listener.events)).toEqual(['job.snapshot', 'job.completed']);
  });

  test('keeps the log of an ended job for a week, then nothing of it', async () => {
    const { stub } = await startJob();
    await stub.complete(RESULT);
    now += JOB_TIMING.keep - 1;
    await runDurableObjectAlarm(stub);
    const listener = await listen(stub);
    expect(await listener.closed).toBe(1000);
    now += 1;
    await runDurableObjectAlarm(stub);
    const gone = await stub.fetch('https://job/', { headers: { upgrade: 'websocket' } });
    expect(gone.status).toBe(404);
    expect(await stub.snapshot()).toBeNull();
  });
});

describe('dead letters', () => {
  const reason = { code: 'INTERNAL_ERROR', message: 'given up' };

  test('fail a job whose step or batch is still to be done', async () => {
    const { stub, id } = await plannedJob(2);
    await stub.deadLetter({ step: 'process', jobId: id, batch: 1 }, reason);
    expect(await stub.snapshot()).toMatchObject({ status: 'failed', message: 'given up' });
  });

  test('mean nothing when another delivery did the work', async () => {
    const { stub, id } = await plannedJob(2);
    await stub.batchDone(1, COUNTS);
    await stub.deadLetter({ step: 'process', jobId: id, batch: 1 }, reason);
    await stub.deadLetter({ step: 'plan', jobId: id }, reason);
    expect(await stub.snapshot()).toMatchObject({ status: 'running' });
  });

  test('do not end the deletion of a repo, which is tried again after a pause', async () => {
    const { stub, id, spec } = await makeJob('delete-repo');
    await stub.start(spec);
    await stub.deadLetter({ step: 'delete', jobId: id }, reason);
    now += JOB_TIMING.idle;
    await runDurableObjectAlarm(stub);
    expect(sent).toEqual([1, 2].map(() => ({ step: 'delete', jobId: id })));
  });
});
