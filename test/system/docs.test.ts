import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startServer } from '../e2e/server-process.ts';

/** The documentation in a real browser that can reach nothing but the server. */
const state = mkdtempSync(path.join(tmpdir(), 'sightline-docs-'));
let server: Awaited<ReturnType<typeof startServer>>;
let browser: Browser;

beforeAll(async () => {
  server = await startServer(state);
  browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'],
  });
}, 120_000);

afterAll(async () => {
  await browser?.close();
  await server?.running.stop();
  rmSync(state, { recursive: true, force: true });
});

test.each([
  { page: '/docs', ready: '.opblock-tag' },
  { page: '/redoc', ready: '[data-section-id]' },
])('$page shows the operations, asks no other host and reports no error', async ({ page, ready }) => {
  const tab = await browser.newPage();
  const foreign: string[] = [];
  const errors: string[] = [];
  await tab.route('**', (route) => {
    const url = route.request().url();
    if (url.startsWith(server.url) || /^(data|blob):/.test(url)) return route.continue();
    foreign.push(url);
    return route.abort();
  });
  tab.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  tab.on('pageerror', (error) => errors.push(error.message));
  await tab.goto(server.url + page);
  await tab.waitForSelector(ready, { timeout: 60_000 });
  expect(await tab.locator(ready).count()).toBeGreaterThan(5);
  expect(await tab.textContent('body')).toContain('Search');
  expect(foreign).toEqual([]);
  expect(errors).toEqual([]);
});
