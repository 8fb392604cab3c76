import { createExecutionContext, createMessageBatch, getQueueResult } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Env } from '../../../src/env.ts';
import { Problem } from '../../../src/errors.ts';
import { newId } from '../../../src/ids.ts';
import { consumeSteps } from '../../../src/ingest/steps/consume.ts';
import { consumeDeadLetters } from '../../../src/platform/jobs/dead-letters.ts';
import { jobObject } from '../../../src/platform/jobs/dispatch.ts';
import { createLogger } from '../../../src/platform/telemetry/log.ts';
import { type Services, services } from '../../../src/services.ts';
import { groupMembers, groups, type JobParams, users } from '../../../src/store/control-schema.ts';
import { claimNext, insertJob, jobById } from '../../../src/store/jobs.ts';
import { keys } from '../../../src/store/keys.ts';
import { createRepo, systemScope } from '../../../src/store/repos.ts';
import { ADMIN_CALLER, newRepo } from '../../support/repos.ts';

const bindings = env as unknown as Env;
const s = services(bindings);
const NO_PARSER = { parseBatch: () => Promise.reject(new Error('no parser here')), lanes: 1 };
const NOW = new Date('2026-11-20T12:00:00.000Z');

beforeAll(async () => {
  await s.db
    .insert(groups)
    .values({ id: 'g', name: 'g', createdAt: NOW.toISOString(), updatedAt: NOW.toISOString() });
  const at = NOW.toISOString();
  await s.db.insert(users).values({ id: 'u', username: 'u', role: 'analyst', createdAt: at, updatedAt: at });
  await join();
});

/** Makes the user an editor of the group. */
async function join(): Promise<void> {
  const member = { id: newId(), groupId: 'g', userId: 'u', createdAt: NOW.toISOString() };
  await s.db.insert(groupMembers).values({ ...member, role: 'editor' });
}

/** Delivers bodies to a consumer, as a queue would, and answers what it did with each. */
async function deliver(
  consume: (batch: MessageBatch, context: ExecutionContext) => Promise<void>,
  ...bodies: unknown[]
) {
  const batch = createMessageBatch(
    'sightline-steps',
    bodies.map((body, n) => ({ id: `m${n}`, timestamp: NOW, attempts: 1, body })),
  );
  const context = createExecutionContext();
  await consume(batch, context);
  const { explicitAcks, retryMessages } = await getQueueResult(batch, context);
  return { acked: explicitAcks, retried: retryMessages.map((each) => each.msgId) };
}
const steps = (with_: Partial<Services>, ...bodies: unknown[]) =>
  deliver((batch, context) => consumeSteps({ ...s, ...with_ }, NO_PARSER, batch, context), ...bodies);
const dead = (...bodies: unknown[]) => deliver((batch) => consumeDeadLetters(s, batch), ...bodies);

/** A job whose first step is due, without a message of it under way. */
async function dueJob(name: string, params: JobParams = {}) {
  const scope = await createRepo(
    s.db,
    ADMIN_CALLER,
    newRepo({ groupId: 'g', name, remoteUrl: 'http://127.0.0.1:1/none.git' }),
    2,
    NOW,
  );
  const job = await insertJob(
    s.db,
    scope,
    { id: newId(), kind: 'mirror', ref: null, fullName: null, params, requestedBy: 'u' },
    NOW,
  );
  await claimNext(s.db, scope.repo.key, NOW);
  const { id, kind, repoKey, repoName, ref } = job!;
  const object = jobObject(bindings, id);
  await object.create({ id, kind, repoKey, repoName, ref });
  return {
    scope,
    object,
    id,
    message: { step: 'mirror', jobId: id },
    start: () => object.start({ id, kind, repoKey, repoName, ref }),
  };
}

/** Services whose next use of the outside fails in a way nobody foresaw. */
const broken: Partial<Services> = {
  egress: { ...s.egress, fetch: () => Promise.reject(new TypeError('unforeseen')) },
};

describe('a consumer of steps', () => {
  test.each([
    [null],
    ['text'],
    [{ step: 'unknown', jobId: 'x' }],
    [{ step: 'process', jobId: 'x' }],
    [{ step: 'plan', jobId: '' }],
  ])('sends %j, which it cannot read, back to the queue and in the end to the dead letters', async (body) => {
    expect(await steps({}, body)).toEqual({ acked: [], retried: ['m0'] });
  });

  test('logs every line of a job with its id, and the id of the request that asked for it', async () => {
    const lines: string[] = [];
    const log = createLogger({ logLevel: 'info' }, {}, (line) => lines.push(line));
    const job = await dueJob('logged', { requestId: 'req-of-the-job' });
    await hold(job);
    expect(await steps({ log }, job.message)).toEqual({ acked: ['m0'], retried: [] });
    const said = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(said.map(({ message }) => message)).toEqual(['step ended its job', 'step']);
    for (const line of said)
      expect(line).toMatchObject({ step: 'mirror', jobId: job.id, request_id: 'req-of-the-job' });
  });

  test('acknowledges steps of jobs that do not exist and steps that are not due', async () => {
    const job = await dueJob('not due');
    expect(await steps({}, { step: 'plan', jobId: 'nobody' }, { step: 'publish', jobId: job.id })).toEqual({
      acked: ['m0', 'm1'],
      retried: [],
    });
  });

  test('has a step delivered again that failed in an unforeseen way, and the next runner may take it at once', async () => {
    const job = await dueJob('unforeseen');
    await hold(job);
    expect(await steps(broken, job.message)).toEqual({ acked: [], retried: ['m0'] });
    expect(await job.object.busy()).toBe(false);
    expect(await job.object.begin('mirror')).toEqual({ active: true });
  });

  test('gives the queue free while a remote says nothing, and the step still ends its job', async () => {
    const job = await dueJob('silent');
    await hold(job);
    let answer: (error: Error) => void = () => undefined;
    const silent = new Promise<Response>((_, reject) => {
      answer = reject;
    });
    const beside: Promise<unknown>[] = [];
    const context = { waitUntil: (promise: Promise<unknown>) => beside.push(promise) };
    const batch = createMessageBatch('sightline-steps', [
      { id: 'm0', timestamp: NOW, attempts: 1, body: job.message },
    ]);
    const clock = () => new Date();
    const stalled = { ...s, clock, egress: { ...s.egress, fetch: () => silent } };
    await consumeSteps(stalled, NO_PARSER, batch, context, 40);
    expect(beside).toHaveLength(1);
    expect(await jobById(s.db, job.id)).toMatchObject({ status: 'running' });
    answer(new Problem('upstream', 'The remote does not answer.'));
    await Promise.all(beside);
    expect(await jobById(s.db, job.id)).toMatchObject({
      status: 'failed',
      errorMessage: 'The remote does not answer.',
    });
  });

  test('ends a job with its sentence when the remote cannot be had, and acknowledges', async () => {
    const job = await dueJob('unreachable');
    await hold(job);
    expect(await steps({}, job.message)).toEqual({ acked: ['m0'], retried: [] });
    expect(await jobById(s.db, job.id)).toMatchObject({ status: 'failed', errorCode: 'UPSTREAM_ERROR' });
    expect((await systemScope(s.db, job.scope.repo.key))?.row.mirrorStatus).toBe('error');
  });

  test.each([
    ['left the group', () => s.db.delete(groupMembers)],
    ['may only read now', () => s.db.update(groupMembers).set({ role: 'viewer' })],
    ['was disabled', () => s.db.update(users).set({ disabled: true })],
    ['may no longer register', () => s.db.update(users).set({ role: 'viewer' })],
  ])('does not start a job whose asker %s while it waited', async (what, change) => {
    const job = await dueJob(what);
    await hold(job);
    await change();
    expect(await steps(broken, job.message)).toEqual({ acked: ['m0'], retried: [] });
    expect(await jobById(s.db, job.id)).toMatchObject({ status: 'failed', errorCode: 'FORBIDDEN' });
    await s.db.update(users).set({ disabled: false, role: 'analyst' });
    await s.db.delete(groupMembers);
    await join();
  });

  test('ends the job of a deleted repo, and removes what was uploaded meanwhile', async () => {
    const job = await dueJob('vanished');
    await hold(job);
    await bindings.DB.prepare("UPDATE repos SET deleted_at = 'now' WHERE key = ?1")
      .bind(job.scope.repo.key)
      .run();
    await bindings.BUCKET.put(keys.pack(job.scope.repo.id, 'late'), 'bytes');
    expect(await steps({}, job.message)).toEqual({ acked: ['m0'], retried: [] });
    expect(await jobById(s.db, job.id)).toMatchObject({ status: 'cancelled' });
    expect((await bindings.BUCKET.list({ prefix: keys.repoPrefix(job.scope.repo.id) })).objects).toEqual([]);
  });

  /** Makes the step due but keeps the real queue's runner from it: it finds the step held, and it is then let go. */
  async function hold(job: Awaited<ReturnType<typeof dueJob>>): Promise<void> {
    await job.start();
    for (let n = 0; n < 100 && (await jobById(s.db, job.id))?.status === 'running'; n++) {
      if ((await job.object.begin('mirror')).active) break;
      await scheduler.wait(10);
    }
    await scheduler.wait(100);
    await job.object.end('mirror');
  }
});

describe('the consumer of dead letters', () => {
  test('fails the job with the step that was given up', async () => {
    const job = await dueJob('given up');
    await job.object.start({
      id: job.id,
      kind: 'mirror',
      repoKey: job.scope.repo.key,
      repoName: 'given up',
      ref: null,
    });
    await job.object.begin('mirror');
    expect(await dead(job.message)).toEqual({ acked: ['m0'], retried: [] });
    expect(await jobById(s.db, job.id)).toMatchObject({
      status: 'failed',
      errorMessage: 'The step "mirror" failed every time it was tried',
    });
  });

  test('acknowledges what no job can be told about', async () => {
    expect(await dead('text', { step: 'plan', jobId: 'nobody' })).toEqual({
      acked: ['m0', 'm1'],
      retried: [],
    });
  });
});
