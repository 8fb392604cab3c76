import {
  createExecutionContext,
  evictDurableObject,
  runDurableObjectAlarm,
  runInDurableObject,
} from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Env } from '../../../src/env.ts';
import { BOUNDS_MS, emptyHistogram, observe, quantile } from '../../../src/platform/telemetry/histogram.ts';
import { createLogger } from '../../../src/platform/telemetry/log.ts';
import { type Batch, FLUSH_MS, Meter } from '../../../src/platform/telemetry/meter.ts';
import { MAX_CUSTOM_OF_USER } from '../../../src/platform/telemetry/metrics-limits.ts';
import type { MetricsObject } from '../../../src/platform/telemetry/metrics-object.ts';
import { services } from '../../../src/services.ts';
import { createApp } from '../../../workers/api/app.ts';
import { type Answer, asAdmin, call, read, request, withVariables } from '../../http/call.ts';
import { keyOf, type Person, person } from '../../http/people.ts';
import { type Family, parseExposition } from './prometheus-text.ts';

const bindings = env as unknown as Env;
const object = bindings.METRICS.get(bindings.METRICS.idFromName('all'));

let viewer: Person;
let other: Person;
beforeAll(async () => {
  viewer = await person('viewer');
  other = await person('viewer');
});

const metrics = () => call('/api/v1/admin/metrics', { headers: asAdmin });
const endpointOf = (answer: Answer, endpoint: string) =>
  (
    answer.body.requests!.by_endpoint as unknown as {
      endpoint: string;
      count: number;
      errors: number;
      p50_ms: number;
      p99_ms: number;
    }[]
  ).find((each) => each.endpoint === endpoint);
async function scrape(): Promise<Map<string, Family>> {
  const { status, headers, text } = await call('/metrics', { headers: asAdmin });
  expect(status).toBe(200);
  expect(headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  return parseExposition(text);
}

describe('requests', () => {
  test('are counted by template and status, with percentiles, and no path is kept', async () => {
    const before = await metrics();
    for (let n = 0; n < 5; n++)
      await call('/api/v1/repos/secret-name-of-a-repo', { headers: viewer.headers });
    await call('/api/repos/secret-name-of-a-repo', { headers: viewer.headers });
    await call('/api/v1/users/me', { headers: viewer.headers });
    await call('/nowhere/secret-path');
    const after = await metrics();
    expect(endpointOf(after, 'GET /repos/{name}')).toMatchObject({ count: 6, errors: 6 });
    expect(endpointOf(after, 'GET /users/me')).toMatchObject({ count: 1, errors: 0 });
    const { p50_ms, p99_ms } = endpointOf(after, 'GET /repos/{name}')!;
    expect(p50_ms).toBeLessThanOrEqual(p99_ms);
    expect(endpointOf(after, 'unmatched')).toMatchObject({ count: 1, errors: 1 });
    const notFound = (answer: Answer) =>
      (answer.body.errors!.by_status as unknown as { status: number; count: number; rate: number }[]).find(
        ({ status }) => status === 404,
      )?.count ?? 0;
    expect(notFound(after) - notFound(before)).toBe(7);
    const { rate, by_status } = after.body.errors as unknown as {
      rate: number;
      by_status: { rate: number }[];
    };
    expect(rate).toBeCloseTo(
      by_status.reduce((sum, each) => sum + each.rate, 0),
      2,
    );
    expect(after.text).not.toContain('secret');
    expect((await call('/metrics', { headers: asAdmin })).text).not.toContain('secret');
  });

  test('arrive without another one after them, and outlive the object', async () => {
    const count = async () => {
      const { requests } = await object.counts(null);
      return requests.find(({ operation }) => operation === 'GET /auth/sessions')?.times.count ?? 0;
    };
    expect(await count()).toBe(0);
    await call('/api/v1/auth/sessions', { headers: viewer.headers });
    // Nothing else is asked: only the timer can bring it.
    await expect.poll(count, { timeout: 10 * FLUSH_MS }).toBe(1);
    await evictDurableObject(object);
    expect(await count()).toBe(1);
  });

  test('over the limit count as violations of their policy', async () => {
    const variables = withVariables({ RATE_LIMITS: '{"plan-enterprise":"3/h"}' });
    const app = createApp();
    const few = await person('viewer');
    const statuses: number[] = [];
    for (let n = 0; n < 5; n++) {
      const asked = request('/api/v1/users/me', { headers: few.headers });
      const answer = await read(await app.fetch(asked, variables, createExecutionContext()));
      statuses.push(answer.status);
    }
    expect(statuses).toEqual([200, 200, 200, 429, 429]);
    const { rate_limit_violations } = (await metrics()).body;
    expect(rate_limit_violations).toEqual({ total: 2, by_policy: [{ policy: 'plan-enterprise', count: 2 }] });
    const violations = (await scrape()).get('sightline_rate_limit_violations_total')!.samples;
    expect(violations).toMatchObject([{ labels: { policy: 'plan-enterprise' }, value: 2 }]);
  });

  test('of the last hours are those alone, and hours are kept for a week', async () => {
    await runInDurableObject(object, (_: MetricsObject, { storage }) => {
      const old = Date.now() - 100 * 3_600_000;
      const row = JSON.stringify({ ...emptyHistogram(), count: 7 });
      storage.sql.exec("INSERT INTO requests VALUES (?, 'GET /old', 200, ?)", old, row);
      storage.sql.exec("INSERT INTO requests VALUES (?, 'GET /older', 200, ?)", old - 100 * 3_600_000, row);
    });
    const hours = (n: string) => call(`/api/v1/admin/metrics?hours=${n}`, { headers: asAdmin });
    expect(endpointOf(await hours('1'), 'GET /old')).toBeUndefined();
    expect(endpointOf(await hours('1'), 'GET /repos/{name}')).toMatchObject({ count: 6 });
    expect(endpointOf(await hours('168'), 'GET /old')).toMatchObject({ count: 7 });
    await runDurableObjectAlarm(object);
    expect((await object.counts(1000)).requests.map(({ operation }) => operation)).not.toContain(
      'GET /older',
    );
    expect(endpointOf(await metrics(), 'GET /repos/{name}')).toMatchObject({ count: 6 });
    for (const bad of ['0', '169', '1.5', 'x'])
      expect((await hours(bad)).body.errors![0]!.pointer).toBe('query/hours');
  });
});

describe('percentiles', () => {
  test('are right to the width of their bucket', () => {
    const histogram = emptyHistogram();
    const times = Array.from({ length: 1000 }, (_, n) => 1.5 ** (n / 50));
    for (const ms of times) observe(histogram, ms);
    for (const share of [0.01, 0.5, 0.95, 0.99, 1]) {
      const exact = times[Math.ceil(share * times.length) - 1]!;
      const upper = BOUNDS_MS.find((bound) => exact <= bound)!;
      const lower = BOUNDS_MS[BOUNDS_MS.indexOf(upper) - 1] ?? 0;
      const found = quantile(histogram, share)!;
      expect(found).toBeGreaterThanOrEqual(lower);
      expect(found).toBeLessThanOrEqual(upper);
    }
    observe(histogram, 1e9);
    expect(quantile(histogram, 1)).toBe(30_000);
    expect(quantile(emptyHistogram(), 0.5)).toBeNull();
  });
});

describe('a meter', () => {
  test('keeps what it could not send, within bounds, and sends it with the next', async () => {
    const got: Batch[] = [];
    let down = true;
    const port = {
      METRICS: {
        idFromName: () => 'all',
        get: () => ({ add: async (batch: Batch) => void (down ? fail() : got.push(batch)) }),
      },
    } as unknown as Env;
    const fail = () => {
      throw new Error('down');
    };
    const meter = new Meter();
    const work: Promise<unknown>[] = [];
    const record = (operation: string) =>
      meter.record(
        { operation, status: 200, ms: 3, query: { userId: 'u', kind: 'search' } },
        port,
        (promise) => work.push(promise),
      );
    record('GET /a');
    record('GET /a');
    await expect(meter.flush(port)).rejects.toThrow('down');
    record('GET /a');
    for (let n = 0; n < 6000; n++) record(`GET /${n}`);
    await Promise.all(work);
    down = false;
    await meter.flush(port);
    const [batch] = got;
    expect(got).toHaveLength(1);
    expect(batch!.requests[0]).toMatchObject({ operation: 'GET /a', times: { count: 3, sum: 9 } });
    expect(batch!.requests.length + batch!.queries.length).toBe(5000);
    // Of the requests; the one query series found room.
    const held = batch!.requests.reduce((sum, { times }) => sum + times.count, 0);
    expect(held + batch!.dropped).toBe(6003);
    expect(batch!.queries).toEqual([{ userId: 'u', kind: 'search', count: 6003, ms: 18_009 }]);
    await meter.flush(port);
    expect(got).toHaveLength(1);
  });
});

describe('custom metrics', () => {
  const increment = (body: unknown, headers: Record<string, string> = viewer.headers) =>
    call('/api/v1/metrics/increment', { body, headers });

  test('add up by name and tags, whatever the order of these, and show to admins and Prometheus', async () => {
    const tags = { user_id: '123', action: 'file_upload' };
    expect((await increment({ name: 'api.custom_action', value: 1, tags })).body).toEqual({
      name: 'api.custom_action',
      tags,
      value: 1,
    });
    await increment(
      { name: 'api.custom_action', value: 2.5, tags: { action: 'file_upload', user_id: 123 } },
      other.headers,
    );
    await increment({ name: 'api.custom_action' });
    const odd = 'a "quoted" \\ back\nline ü \ud800';
    await increment({ name: 'odd', tags: { text: odd, le: 'x', name: 'y' } });
    const custom = (await metrics()).body.custom as unknown as {
      name: string;
      value: number;
      tags: object;
    }[];
    expect(custom).toContainEqual({ name: 'api.custom_action', tags, value: 3.5 });
    expect(custom).toContainEqual({ name: 'api.custom_action', tags: {}, value: 1 });
    const { samples } = (await scrape()).get('sightline_custom_total')!;
    expect(samples).toContainEqual({
      name: 'sightline_custom_total',
      labels: { name: 'api.custom_action', tag_user_id: '123', tag_action: 'file_upload' },
      value: 3.5,
    });
    expect(samples.find(({ labels }) => labels.name === 'odd')!.labels).toMatchObject({
      tag_text: odd.toWellFormed(),
      tag_le: 'x',
      tag_name: 'y',
    });
  });

  test.each([
    [{ name: '' }, '/name'],
    [{ name: '9lives' }, '/name'],
    [{ name: 'a b' }, '/name'],
    [{ name: 'a'.repeat(101) }, '/name'],
    [{ name: 'a', value: -1 }, '/value'],
    [{ name: 'a', value: 1e13 }, '/value'],
    [{ name: 'a', value: '1' }, '/value'],
    [{ name: 'a', value: null }, '/value'],
    [{ name: 'a', tags: { 'a-b': 'x' } }, '/tags'],
    [{ name: 'a', tags: { a: 'x'.repeat(201) } }, '/tags'],
    [{ name: 'a', tags: { a: { b: 1 } } }, '/tags'],
    [{ name: 'a', tags: Object.fromEntries(Array.from({ length: 11 }, (_, n) => [`t${n}`, 'x'])) }, '/tags'],
    [{ name: 'a', unit: 's' }, '/unit'],
    [{ value: 1 }, '/name'],
  ])('%j is refused at %s', async (body, pointer) => {
    const { status, body: problem } = await increment(body);
    expect(status).toBe(400);
    expect(String(problem.errors![0]!.pointer)).toMatch(new RegExp(`^${pointer}`));
  });

  test('of one user are bounded in number, and one that exists goes on', async () => {
    const many = await person('viewer');
    for (let n = 0; n < MAX_CUSTOM_OF_USER; n++)
      await object.increment({ name: 'many', value: 1, tags: { n: String(n) }, userId: many.id });
    const refused = await increment({ name: 'many', tags: { n: 'more' } }, many.headers);
    expect(refused).toMatchObject({ status: 422, body: { errors: [{ pointer: '/tags' }] } });
    expect((await increment({ name: 'many', tags: { n: 0 } }, many.headers)).body.value).toBe(2);
    expect((await increment({ name: 'many', tags: { n: 'more' } })).status).toBe(200);
  });
});

describe('/metrics', () => {
  test('is a strict exposition whose histograms agree with its counters', async () => {
    await call('/api/v1/users/me', { headers: viewer.headers });
    const families = await scrape();
    const requests = families.get('sightline_http_requests_total')!;
    expect(requests.type).toBe('counter');
    const durations = families.get('sightline_http_request_duration_seconds')!;
    const total = (samples: { value: number }[]) => samples.reduce((sum, { value }) => sum + value, 0);
    expect(total(durations.samples.filter(({ name }) => name.endsWith('_count')))).toBe(
      total(requests.samples),
    );
    for (const { labels } of requests.samples) expect(labels.operation).toMatch(/^([A-Z]+ \/\S*|unmatched)$/);
  });

  test('is for admins, keys with admin:system of theirs, and METRICS_TOKEN; never in an envelope', async () => {
    expect((await call('/metrics')).status).toBe(401);
    expect((await call('/metrics', { headers: viewer.headers })).status).toBe(403);
    const admin = await person('admin');
    const scoped = await keyOf(admin.id, ['admin:system']);
    const narrow = await keyOf(admin.id, ['repos:read']);
    expect((await call('/metrics', { headers: scoped.headers })).status).toBe(200);
    expect((await call('/metrics', { headers: narrow.headers })).status).toBe(403);

    const app = createApp();
    const variables = withVariables({
      METRICS_TOKEN: 'a token for the scraper',
      RESPONSE_PROFILE: 'envelope',
    });
    const token = 'a-token-for-the-scraper';
    const ask = async (
      path: string,
      bearer: string,
      bound: object = { ...variables, METRICS_TOKEN: token },
    ) =>
      read(
        await app.fetch(
          request(path, { headers: { authorization: `Bearer ${bearer}` } }),
          bound,
          createExecutionContext(),
        ),
      );
    const answer = await ask('/metrics', token);
    expect(answer.status).toBe(200);
    expect(parseExposition(answer.text).size).toBeGreaterThan(3);
    expect((await ask('/metrics', `${token}x`)).status).toBe(401);
    expect((await ask('/metrics', token, bindings)).status).toBe(401);
    // It opens nothing else.
    for (const path of ['/api/v1/admin/metrics', '/api/v1/users', '/api/v1/repos'])
      expect((await ask(path, token)).status, path).toBe(401);
    const short = await ask('/metrics', 'short', { ...bindings, METRICS_TOKEN: 'short' });
    expect(short).toMatchObject({ status: 503, body: { detail: expect.stringContaining('METRICS_TOKEN') } });
    expect(short.text).not.toContain('"short"');
  });
});

describe('/stats', () => {
  test('tells each user of their own questions, and admins of all', async () => {
    const stats = async (headers: Record<string, string>) =>
      (await call('/api/v1/stats', { headers })).body as never;
    const before = await stats(asAdmin);
    expect(await stats(viewer.headers)).toEqual({
      total_queries: 0,
      queries_today: 0,
      average_response_time_ms: 0,
      scenarios_usage: {},
    });
    await call('/api/v1/search?query=alpha', { headers: viewer.headers });
    await call('/api/v1/code/search', { headers: viewer.headers, body: { query: 'alpha' } });
    await call('/api/v1/search', { headers: viewer.headers });
    await call('/api/v1/search?query=alpha', { headers: other.headers });
    expect(await stats(viewer.headers)).toEqual({
      total_queries: 2,
      queries_today: 2,
      average_response_time_ms: expect.any(Number),
      scenarios_usage: { search: 2 },
    });
    expect(await stats(other.headers)).toMatchObject({ total_queries: 1, scenarios_usage: { search: 1 } });
    const { total_queries } = before as { total_queries: number };
    expect(await stats(asAdmin)).toMatchObject({ total_queries: total_queries + 3 });
    expect((await call('/api/v1/stats')).status).toBe(401);
  });
});

describe('logs', () => {
  test('are one JSON line a request, with its id, template, status, duration and caller, and no secret', async () => {
    const lines: string[] = [];
    const app = createApp((bound, id) => ({
      ...services(bound, id),
      log: createLogger({ logLevel: 'debug' }, { request_id: id }, (line) => lines.push(line)),
    }));
    const send = async (path: string, options: Parameters<typeof request>[1] = {}) =>
      read(await app.fetch(request(path, options), bindings, createExecutionContext()));
    const secrets = ['hunter2-hunter2', 'query-that-is-private', 'secret-repo-name', 'session-cookie'];
    const key = await keyOf(viewer.id);
    await send('/api/v1/search?query=query-that-is-private', {
      headers: { ...key.headers, 'x-request-id': 'of-this-test', cookie: 'session-cookie' },
    });
    await send('/api/v1/repos/secret-repo-name', { headers: viewer.headers });
    await send('/api/v1/auth/token', { body: { username: 'root', password: 'hunter2-hunter2' } });
    await send('/ws/jobs/x?token=query-that-is-private');
    await send('/not/secret-repo-name?token=query-that-is-private');
    const requests = lines
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ message }) => message === 'request');
    expect(requests).toHaveLength(5);
    expect(requests[0]).toEqual({
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      level: 'info',
      message: 'request',
      request_id: 'of-this-test',
      operation: 'GET /search',
      method: 'GET',
      status: 200,
      ms: expect.any(Number),
      caller_id: viewer.id,
    });
    expect(requests.map(({ operation, status }) => [operation, status])).toEqual([
      ['GET /search', 200],
      ['GET /repos/{name}', 404],
      ['POST /auth/token', 401],
      ['GET /ws/jobs/{job_id}', 401],
      [undefined, 404],
    ]);
    const everything = lines.join('\n');
    const held = [key.headers['x-api-key']!, viewer.headers.authorization!.slice(7), viewer.username];
    for (const secret of [...secrets, ...held]) expect(everything).not.toContain(secret);
  });
});
