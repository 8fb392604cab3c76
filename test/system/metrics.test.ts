import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { answer, createClient } from '../../src/client/client.ts';
import { startServer } from '../e2e/server-process.ts';

/** What `/metrics` answers, read by Prometheus' own tool. */
const PROMTOOL = path.join(process.env.SOURCES!, 'prometheus/usr/bin/promtool');
const TOKEN = 'of-the-scraper-of-this-test';
const state = mkdtempSync(path.join(tmpdir(), 'sightline-metrics-'));
let server: Awaited<ReturnType<typeof startServer>>;

beforeAll(async () => {
  server = await startServer(state, { METRICS_TOKEN: TOKEN });
}, 120_000);

afterAll(async () => {
  await server?.running.stop();
  rmSync(state, { recursive: true, force: true });
});

test('promtool finds nothing wrong with it, odd tags included', async () => {
  const count = (body: { name: string; value?: number; tags?: Record<string, string> }) =>
    answer(server.api.POST('/api/v1/metrics/increment', { body }));
  await count({ name: 'plain' });
  const tags = { text: 'a "quote" \\ back\nline ü', action: 'file_upload' };
  await count({ name: 'api.custom_action', value: 2.5, tags });
  await createClient({ baseUrl: server.url }).GET('/api/v1/repos');
  const exposed = await fetch(`${server.url}/metrics`, { headers: { authorization: `Bearer ${TOKEN}` } });
  const text = await exposed.text();
  expect(exposed.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  expect(text).toContain('sightline_http_requests_total{operation="GET /repos",status="401"} 1\n');
  expect(text).toContain('sightline_custom_total{name="api.custom_action",');
  // Complaints make it fail, and are printed.
  const said = execFileSync(PROMTOOL, ['check', 'metrics'], { input: text, encoding: 'utf8' });
  expect(said).toBe('');
});
