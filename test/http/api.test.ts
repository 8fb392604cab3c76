import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';
import { createApp } from '../../workers/api/app.ts';
import { ADMIN, ADMIN_KEY, asAdmin, call, read, request, withVariables } from './call.ts';

const TOKEN = '/api/v1/auth/token';

/** Calls an app whose deployment has other variables. */
async function callWith(
  variables: Record<string, string>,
  path: string,
  options: Parameters<typeof request>[1] = {},
) {
  const context = createExecutionContext();
  const answer = await read(
    await createApp().fetch(request(path, options), withVariables(variables), context),
  );
  await waitOnExecutionContext(context);
  return answer;
}

function expectProblem(answer: Awaited<ReturnType<typeof call>>, status: number, code: string) {
  expect(answer.status).toBe(status);
  expect(answer.headers.get('content-type')).toBe('application/problem+json');
  expect(answer.body).toMatchObject({ status, error_code: code, success: false });
  for (const member of ['type', 'title', 'detail', 'error', 'timestamp']) {
    expect(answer.body[member], member).toEqual(expect.any(String));
  }
  expect(answer.body.request_id).toBe(answer.headers.get('x-request-id'));
}

describe('errors', () => {
  it.each([
    ['a body that is not JSON', '{"username":', '', 'The body is not valid JSON.'],
    ['a missing field', { username: 'root' }, '/password', undefined],
    ['a field of the wrong type', { username: 7, password: 'x' }, '/username', undefined],
    ['an unknown field', { ...ADMIN, role: 'admin' }, '/role', 'is not a known field'],
    ['an array instead of an object', [], '', undefined],
    ['a field that is too long', { username: 'x'.repeat(201), password: 'x' }, '/username', undefined],
    [
      'a field given twice',
      '{"username":"root","password":"x","username":"y"}',
      '/username',
      'is given twice',
    ],
    ['__proto__', '{"username":"x","password":"x","__proto__":{"role":"admin"}}', '/__proto__', undefined],
    ['a number beyond all', '{"username":1e999,"password":"x"}', '/username', undefined],
    ['a hundred levels', `{"username":${'['.repeat(100)}${']'.repeat(100)}}`, '', undefined],
  ])('refuses %s with a 400 that names it', async (_what, body, pointer, detail) => {
    const answer = await call(TOKEN, { body, headers: { 'content-type': 'application/json' } });
    expectProblem(answer, 400, 'VALIDATION_ERROR');
    expect(answer.body.errors?.[0]).toMatchObject({ pointer, ...(detail ? { detail } : {}) });
  });

  it('answers 404 below /api and at the root as problems', async () => {
    expectProblem(await call('/api/v1/nothing-here'), 404, 'NOT_FOUND');
    expectProblem(await call('/nothing-here'), 404, 'NOT_FOUND');
  });

  it('answers 405 with the methods that a path has', async () => {
    const answer = await call(TOKEN);
    expectProblem(answer, 405, 'METHOD_NOT_ALLOWED');
    expect(answer.headers.get('allow')).toBe('POST, OPTIONS');
    const health = await call('/api/v1/health', { method: 'DELETE' });
    expect(health.headers.get('allow')).toBe('GET, HEAD, OPTIONS');
  });

  it('answers 406 to a client that takes none of our types, and not to one that takes any', async () => {
    expectProblem(
      await call('/api/v1/status', { headers: { accept: 'image/png, text/html;q=0.9' } }),
      406,
      'NOT_ACCEPTABLE',
    );
    expectProblem(
      await call('/api/v1/status', { headers: { accept: 'application/json;q=0, */*;q=0.1' } }),
      406,
      'NOT_ACCEPTABLE',
    );
    for (const accept of ['*/*', 'application/*', 'text/html, application/json;q=0.1', '']) {
      expect((await call('/api/v1/status', { headers: { accept } })).status, accept).toBe(200);
    }
  });

  it('answers 413 to a body above the limit, with and without a declared length', async () => {
    const body = JSON.stringify({ username: 'x'.repeat(1024 * 1024), password: 'x' });
    const headers = { 'content-type': 'application/json' };
    expectProblem(await call(TOKEN, { body, headers }), 413, 'PAYLOAD_TOO_LARGE');
    const stream = new Blob([body]).stream();
    const streamed = new Request(request(TOKEN, { method: 'POST', headers }), { body: stream });
    const context = createExecutionContext();
    expectProblem(
      await read(await createApp().fetch(streamed, withVariables({}), context)),
      413,
      'PAYLOAD_TOO_LARGE',
    );
  });

  it('answers 415 to a body that is not JSON', async () => {
    const form = await call(TOKEN, {
      body: 'username=root',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    expectProblem(form, 415, 'UNSUPPORTED_MEDIA_TYPE');
    expectProblem(
      await call(TOKEN, { body: JSON.stringify(ADMIN), headers: { 'content-type': 'text/plain' } }),
      415,
      'UNSUPPORTED_MEDIA_TYPE',
    );
  });

  it('answers 400 to malformed percent-encoding', async () => {
    expectProblem(await call('/api/v1/docs/%E0%A4%A'), 400, 'VALIDATION_ERROR');
  });

  it('reveals nothing of a bug but the request id', async () => {
    const app = createApp(() => {
      throw new Error('SELECT secret FROM /etc/passwd');
    });
    const answer = await read(
      await app.fetch(request('/api/v1/status'), withVariables({}), createExecutionContext()),
    );
    expectProblem(answer, 500, 'INTERNAL_ERROR');
    expect(answer.text).not.toMatch(/secret|passwd|SELECT|stack/);
  });

  it('names the variable of an invalid configuration everywhere but in liveness', async () => {
    const variables = { API_JWT_SECRET: 'short' };
    for (const path of ['/api/v1/status', '/health', '/openapi.json', '/api/v1/health/ready', '/nothing']) {
      const answer = await callWith(variables, path);
      expectProblem(answer, 503, 'NOT_CONFIGURED');
      expect(answer.body.detail).toContain('API_JWT_SECRET');
      expect(answer.text).not.toContain('short');
    }
    expect((await callWith(variables, '/api/v1/health/live')).body).toEqual({ status: 'ok' });
  });
});

describe('manners', () => {
  it('accepts a sane request id and replaces any other', async () => {
    const sane = await call('/health', { headers: { 'x-request-id': 'req_abc-123' } });
    expect(sane.headers.get('x-request-id')).toBe('req_abc-123');
    const odd = await call('/health', { headers: { 'x-request-id': 'a b<script>' } });
    expect(odd.headers.get('x-request-id')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
  });

  it('answers HEAD like GET without a body', async () => {
    const answer = await call('/health', { method: 'HEAD' });
    expect([answer.status, answer.text]).toEqual([200, '']);
  });

  it('takes a trailing slash for the same path', async () => {
    expect((await call('/api/v1/health/')).status).toBe(200);
  });

  it('sends security headers with everything', async () => {
    for (const path of ['/health', '/docs', '/api/v1/nothing']) {
      const { headers } = await call(path);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('content-security-policy')).toContain("default-src 'none'");
      expect(headers.get('x-frame-options')).toBe('DENY');
    }
  });

  it('has CORS off unless the deployment names the origin', async () => {
    const headers = { origin: 'https://app.example' };
    expect((await call('/health', { headers })).headers.get('access-control-allow-origin')).toBeNull();
    const variables = { CORS_ORIGINS: 'https://app.example' };
    const allowed = await callWith(variables, '/health', { headers });
    expect(allowed.headers.get('access-control-allow-origin')).toBe('https://app.example');
    const exposed = allowed.headers.get('access-control-expose-headers')?.split(', ');
    expect(exposed).toEqual(expect.arrayContaining(['ETag', 'Link', 'Location', 'Sightline-Commit']));
    const other = await callWith(variables, '/health', { headers: { origin: 'https://evil.example' } });
    expect(other.headers.get('access-control-allow-origin')).toBeNull();
    const preflight = await callWith(variables, TOKEN, {
      method: 'OPTIONS',
      headers: {
        ...headers,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type',
      },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-methods')).toBe('POST, OPTIONS');
    expect(preflight.headers.get('access-control-allow-headers')).toBe('content-type');
  });
});

describe('the envelope profile', () => {
  const accept = 'application/json;profile="envelope"';

  it('wraps JSON below /api with a time and the request id', async () => {
    const answer = await call('/api/v1/status', { headers: { accept } });
    expect(answer.body).toMatchObject({
      success: true,
      status: 'success',
      data: { status: 'healthy' },
      meta: {},
    });
    expect(answer.body.request_id).toBe(answer.headers.get('x-request-id'));
    expect(answer.body.timestamp).toMatch(/^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}Z$/);
    expect(answer.body.message).toEqual(expect.any(String));
  });

  it('is a default that a deployment may choose and a request may leave', async () => {
    const variables = { RESPONSE_PROFILE: 'envelope' };
    expect((await callWith(variables, '/api/v1/status')).body.success).toBe(true);
    const plain = await callWith(variables, '/api/v1/status', {
      headers: { accept: 'application/json;profile=plain' },
    });
    expect(plain.body.status).toBe('healthy');
  });

  it('never wraps health, the description of the API or what has no body', async () => {
    for (const path of ['/health', '/api/v1/health', '/api/v1/health/live', '/openapi.json']) {
      expect((await call(path, { headers: { accept } })).body.success, path).toBeUndefined();
    }
  });

  it("gives errors Nexus's form and code names", async () => {
    const answer = await call(TOKEN, { body: { username: 'root' }, headers: { accept } });
    expect(answer.status).toBe(400);
    expect(answer.headers.get('content-type')).toBe('application/json');
    expect(answer.body).toMatchObject({
      success: false,
      status: 'error',
      error: { code: 'VALIDATION_ERROR', details: { field: 'password', reason: expect.any(String) } },
    });
    const missing = await call('/api/v1/nothing', { headers: { accept } });
    expect(missing.body.error?.code).toBe('RESOURCE_NOT_FOUND');
  });
});

describe('ETags', () => {
  it('answers 304 without a body while nothing has changed', async () => {
    const first = await call('/api/v1/users/me', { headers: asAdmin });
    const etag = first.headers.get('etag')!;
    expect(etag).toMatch(/^"[0-9a-f]{32}"$/);
    for (const value of [etag, `"other", W/${etag}`, '*']) {
      const again = await call('/api/v1/users/me', { headers: { ...asAdmin, 'if-none-match': value } });
      expect([again.status, again.text, again.headers.get('etag')]).toEqual([304, '', etag]);
    }
    const changed = await call('/api/v1/users/me', { headers: { ...asAdmin, 'if-none-match': '"other"' } });
    expect(changed.status).toBe(200);
  });

  it('has another tag under the envelope, that does not change with the time', async () => {
    const headers = { ...asAdmin, accept: 'application/json;profile="envelope"' };
    const first = await call('/api/v1/users/me', { headers });
    expect(first.headers.get('etag')).toMatch(/-envelope"$/);
    const again = await call('/api/v1/users/me', {
      headers: { ...headers, 'if-none-match': first.headers.get('etag')! },
    });
    expect(again.status).toBe(304);
  });

  it('keeps answers private', async () => {
    const { headers } = await call('/api/v1/users/me', { headers: asAdmin });
    expect(headers.get('cache-control')).toBe('private, no-cache');
    expect(headers.get('vary')).toBe('Authorization, X-API-Key, Accept');
  });
});

describe('rate limits', () => {
  it('shows the policy in both header families', async () => {
    const { headers } = await call('/api/v1/users/me', { headers: asAdmin });
    expect(headers.get('x-ratelimit-limit')).toBe('1000');
    expect(headers.get('x-ratelimit-window')).toBe('60');
    expect(Number(headers.get('x-ratelimit-remaining'))).toBeLessThan(1000);
    expect(Number(headers.get('x-ratelimit-reset'))).toBeGreaterThan(Date.now() / 1000 - 1);
    expect(headers.get('ratelimit')).toMatch(/^"plan-enterprise";r=\d+;t=\d+$/);
    expect(headers.get('ratelimit-policy')).toBe('"plan-enterprise";q=1000;w=60');
  });

  it('lets exactly the limit through when a thousand ask at once', async () => {
    const ip = '203.0.113.77';
    const answers = await Promise.all(Array.from({ length: 1000 }, () => call('/api/v1/nothing', { ip })));
    const through = answers.filter((answer) => answer.status === 404);
    const refused = answers.filter((answer) => answer.status === 429);
    expect([through.length, refused.length]).toEqual([100, 900]);
    // Each says how it stands: what is left goes down by one with each, and is nothing for those who are refused.
    const left = through.map(({ headers }) => Number(headers.get('x-ratelimit-remaining')));
    expect(left.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, n) => n));
    for (const { headers } of answers) {
      expect(headers.get('x-ratelimit-limit')).toBe('100');
      expect(headers.get('ratelimit-policy')).toBe('"anonymous";q=100;w=3600');
    }
    for (const { headers } of refused) {
      expect(headers.get('x-ratelimit-remaining')).toBe('0');
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(3500);
    }
    expectProblem(refused[0]!, 429, 'RATE_LIMIT_EXCEEDED');
    expect(refused[0]!.body.retry_after).toBeGreaterThan(3500);
    expect(refused[0]!.headers.get('retry-after')).toBe(String(refused[0]!.body.retry_after));
  });

  it('counts a caller over keys and tokens together, by a rate the deployment chose', async () => {
    const variables = { RATE_LIMITS: '{"plan-enterprise":"3/7m"}' };
    const token = (await call(TOKEN, { body: ADMIN })).body.access_token;
    const ways = [
      asAdmin,
      { authorization: `Bearer ${token}` },
      { authorization: `bearer ${ADMIN_KEY}` },
      asAdmin,
    ];
    const statuses: number[] = [];
    for (const headers of ways) {
      const answer = await callWith({ ...variables }, '/api/v1/users/me', { headers });
      statuses.push(answer.status);
      expect(answer.headers.get('x-ratelimit-limit')).toBe('3');
    }
    expect(statuses.at(-1)).toBe(429);
  });

  it('exempts health and documentation', async () => {
    for (const path of ['/health', '/api/v1/health', '/openapi.json', '/docs']) {
      expect((await call(path)).headers.get('x-ratelimit-limit'), path).toBeNull();
    }
  });

  it('ignores addresses that a client claims to forward', async () => {
    const ip = '203.0.113.78';
    const before = await call('/api/v1/status', { ip });
    const after = await call('/api/v1/status', {
      ip,
      headers: { 'x-forwarded-for': '1.2.3.4', 'x-real-ip': '1.2.3.4' },
    });
    const remaining = (answer: typeof before) => Number(answer.headers.get('x-ratelimit-remaining'));
    expect(remaining(after)).toBe(remaining(before) - 1);
  });
});

describe('system', () => {
  it('probes every component', async () => {
    const { status, body } = await call('/api/v1/health');
    expect([status, body.status]).toEqual([200, 'healthy']);
    expect(body).toMatchObject({ version: expect.any(String), uptime_seconds: expect.any(Number) });
    for (const name of ['database', 'index', 'storage', 'queue']) {
      expect(body.components?.[name]).toMatchObject({ status: 'healthy', latency_ms: expect.any(Number) });
    }
    expect(Object.keys(body.components ?? {})).toEqual(
      expect.arrayContaining(['llm', 'embeddings', 'vectors']),
    );
  });

  it('is not ready, and names what is missing, when a database does not answer', async () => {
    const { DB } = withVariables({});
    const broken = {
      ...withVariables({}),
      // Another object, so that no probe of the last second is shared.
      DB: { prepare: (sql: string) => DB.prepare(sql), batch: (all: D1PreparedStatement[]) => DB.batch(all) },
      INDEX_1: { prepare: () => ({ first: () => Promise.reject(new Error('D1_ERROR: secret')) }) },
    };
    const fetch = async (path: string) =>
      read(await createApp().fetch(request(path), broken, createExecutionContext()));
    const ready = await fetch('/health/ready');
    expectProblem(ready, 503, 'UNAVAILABLE');
    expect(ready.body.detail).toBe('Not ready: index.');
    const health = await fetch('/api/v1/health');
    expect([health.status, health.body.status, health.body.components?.index?.status]).toEqual([
      503,
      'unhealthy',
      'unhealthy',
    ]);
    expect(health.text).not.toContain('secret');
  });

  it('shows components of the status to those who sign in only', async () => {
    expect((await call('/api/v1/status')).body.components).toBeUndefined();
    const signed = await call('/api/v1/status', { headers: asAdmin });
    expect(signed.body).toMatchObject({
      uptime: expect.any(Number),
      components: { database: 'healthy', event_bus: 'healthy' },
    });
    expect((await call('/api/v1/status', { headers: { 'x-api-key': 'rak_wrong' } })).status).toBe(401);
  });

  it('answers liveness, readiness and version at both mounts', async () => {
    for (const base of ['', '/api/v1']) {
      expect((await call(`${base}/health/live`)).body).toEqual({ status: 'ok' });
      expect((await call(`${base}/health/ready`)).status).toBe(200);
      expect((await call(`${base}/health/version`)).body).toMatchObject({ version: expect.any(String) });
    }
  });
});

describe('documentation', () => {
  it.each(['/docs', '/redoc'])('%s loads from this deployment only', async (path) => {
    const { text, headers } = await call(path, { headers: { accept: 'text/html' } });
    const references = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1]!);
    expect(references.length).toBeGreaterThan(1);
    for (const reference of references) {
      expect(reference).toMatch(/^\/docs\/assets\//);
      const asset = await call(reference);
      expect(asset.status, reference).toBe(200);
      expect(asset.text.length).toBeGreaterThan(100);
    }
    expect(headers.get('content-security-policy')).toMatch(/script-src 'self';/);
    expect(text).not.toMatch(/<script>|onload=|https?:\/\//);
  });

  it('has no image of another host in ReDoc', async () => {
    expect((await call('/docs/assets/redoc.standalone.js')).text).not.toContain('cdn.redoc.ly');
  });

  it('serves no other file of the build', async () => {
    expect((await call('/docs/assets/..%2f..%2fpackage.json')).status).toBe(404);
    expect((await call('/swagger-ui.css')).status).toBe(404);
  });
});
