import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startServer } from '../e2e/server-process.ts';

/**
 * The documentation in a real browser without a network: every name but the server's address fails to resolve, every
 * request that leaves the page for elsewhere is noted and cut, and so is every violation of the page's own policy.
 */
const state = mkdtempSync(path.join(tmpdir(), 'sightline-docs-'));
let server: Awaited<ReturnType<typeof startServer>>;
let browser: Browser;
let context: BrowserContext;

beforeAll(async () => {
  server = await startServer(state);
  browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [
      ...['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'],
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
    ],
  });
  context = await browser.newContext({ viewport: { width: 1400, height: 1000 } });
}, 120_000);

afterAll(async () => {
  await browser?.close();
  await server?.running.stop();
  rmSync(state, { recursive: true, force: true });
});

/** A tab that tells what it asked of others, and what went wrong in it. */
async function openTab(): Promise<{ tab: Page; foreign: string[]; errors: string[] }> {
  const tab = await context.newPage();
  const foreign: string[] = [];
  const errors: string[] = [];
  await tab.route('**', (route) => {
    const url = route.request().url();
    if (url.startsWith(`${server.url}/`) || /^(data|blob):/.test(url)) return route.continue();
    foreign.push(url);
    return route.abort();
  });
  tab.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) errors.push(message.text());
  });
  tab.on('pageerror', (error) => errors.push(error.message));
  await tab.exposeFunction('tell', (violation: string) => errors.push(violation));
  await tab.addInitScript(() => {
    const { document, tell } = globalThis as unknown as {
      document: EventTarget;
      tell(violation: string): void;
    };
    document.addEventListener('securitypolicyviolation', (event) => {
      const { violatedDirective, blockedURI } = event as unknown as Record<string, string>;
      tell(`${violatedDirective}: ${blockedURI}`);
    });
  });
  return { tab, foreign, errors };
}

test('the browser reaches nothing but the server, and a page of ours may not even try', async () => {
  const { tab, foreign, errors } = await openTab();
  await tab.goto(`${server.url}/docs`);
  const reached = await tab.evaluate(() => fetch('https://example.com/').then(String, String));
  expect(reached).toContain('Failed to fetch');
  // The page's own policy stops it before the network is asked.
  expect(foreign).toEqual([]);
  expect(errors.join('\n')).toContain('connect-src');
  const direct = await context.newPage();
  await expect(direct.goto('https://example.com/')).rejects.toThrow(/ERR_NAME_NOT_RESOLVED/);
});

test('/docs shows every operation, asks no other host and reports no error', async () => {
  const { tab, foreign, errors } = await openTab();
  const answer = await tab.goto(`${server.url}/docs`);
  const policy = answer!.headers()['content-security-policy']!;
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toMatch(/unsafe-eval|https?:|\*|script-src[^;]*unsafe-inline/);
  await tab.waitForSelector('.opblock-tag', { timeout: 60_000 });
  const document = await (await fetch(`${server.url}/openapi.json`)).json();
  const { tags, paths } = document as { tags: object[]; paths: Record<string, object> };
  const operations = Object.values(paths).reduce((sum: number, item) => sum + Object.keys(item).length, 0);
  expect(await tab.locator('.opblock-tag').count()).toBe(tags.length);
  const closed = tab.locator('.opblock-tag[data-is-open="false"]');
  while ((await closed.count()) > 0) await closed.first().click();
  await expect.poll(() => tab.locator('.opblock').count(), { timeout: 30_000 }).toBe(operations);
  expect(await tab.locator('.opblock-summary-description').allTextContents()).toEqual(
    expect.arrayContaining([
      'Search code, documentation and symbols',
      'Register a repository and start its mirror',
    ]),
  );
  expect({ foreign, errors }).toEqual({ foreign: [], errors: [] });
}, 180_000);

test('"Try it out" in /docs runs an operation with an API key, and a POST with the example body', async () => {
  const { tab, foreign, errors } = await openTab();
  await tab.goto(`${server.url}/docs`);
  await tab.locator('.btn.authorize').first().click({ timeout: 60_000 });
  const dialog = tab.locator('.dialog-ux .auth-container').filter({ hasText: 'X-API-Key' });
  await dialog.locator('input').fill(server.credentials.api_key);
  await dialog.getByRole('button', { name: 'Apply credentials' }).click();
  await tab.locator('.dialog-ux .btn-done').first().click();

  const status = await run(tab, 'Users', 'getMe');
  expect(status).toBe('200');
  const shown = await tab.locator('#operations-Users-getMe .live-responses-table').textContent();
  expect(shown).toContain('"username": "admin"');
  expect(shown).toContain('x-ratelimit-limit');

  expect(await run(tab, 'Groups', 'createGroup')).toBe('201');
  const made = await tab.locator('#operations-Groups-createGroup .live-responses-table').textContent();
  expect(made).toContain('"name": "PostgreSQL Development"');
  expect({ foreign, errors }).toEqual({ foreign: [], errors: [] });
}, 180_000);

/** Opens an operation of Swagger UI, executes it as it stands, and answers the status that is shown. */
async function run(tab: Page, tag: string, operationId: string): Promise<string | null> {
  const heading = tab.locator(`#operations-tag-${tag}`);
  if ((await heading.getAttribute('data-is-open')) === 'false') await heading.click();
  const operation = tab.locator(`#operations-${tag}-${operationId}`);
  await operation.locator('.opblock-summary-control').click();
  await operation.getByRole('button', { name: 'Try it out' }).click();
  await operation.locator('.btn.execute').click();
  const status = operation.locator('.live-responses-table .response-col_status').last();
  await status.waitFor({ timeout: 30_000 });
  return (await status.textContent())?.trim().slice(0, 3) ?? null;
}

test('/redoc shows every operation and schema words, asks no other host and reports no error', async () => {
  const { tab, foreign, errors } = await openTab();
  const answer = await tab.goto(`${server.url}/redoc`);
  expect(answer!.headers()['content-security-policy']).toContain("default-src 'none'");
  await tab.waitForSelector('[data-section-id]', { timeout: 60_000 });
  const text = await tab.textContent('body');
  for (const words of [
    'Search code, documentation and symbols',
    'Register a repository and start its mirror',
    'Make an API key; it is shown this once',
    'The name that the user logs in with.',
  ])
    expect(text?.includes(words), words).toBe(true);
  const document = await (await fetch(`${server.url}/openapi.json`)).json();
  const { paths } = document as { paths: Record<string, object> };
  const operations = Object.values(paths).reduce((sum: number, item) => sum + Object.keys(item).length, 0);
  const sections = tab.locator('[data-section-id*="/operation/"], [data-section-id^="operation/"]');
  expect(await sections.count()).toBeGreaterThanOrEqual(operations);
  expect({ foreign, errors }).toEqual({ foreign: [], errors: [] });
}, 180_000);
