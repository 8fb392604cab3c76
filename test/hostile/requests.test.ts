/** Every request of the hostile list, and every operation with every field and parameter in every type that it is not. */
import { beforeAll, describe, expect, inject, test } from 'vitest';
import { asAdmin, call, forgetCount } from '../http/call.ts';
import { registered, synced } from '../platform/repos/api.ts';
import { makeRepo } from '../support/git.ts';
import { HOSTILE_REQUESTS, type OpenApi, wrongRequests } from '../support/hostile-requests.ts';

const json = { 'content-type': 'application/json' };

beforeAll(async () => {
  await makeRepo('victim', {
    'price.ts': 'export function priceOf(item: string) {\n  return item.length;\n}\n',
  });
  await registered('victim', `${inject('gitServer').url}/victim.git`);
  expect(await synced('victim', 'main')).toMatchObject({ status: 'completed' });
});

describe('a request with', () => {
  test.for(HOSTILE_REQUESTS)('$about → $status', async ({ method, path, body, headers, status, reason }) => {
    const sent = { ...asAdmin, ...(body === undefined ? {} : json), ...headers };
    const answer = await call(path, { method, headers: sent, body });
    expect(answer.status, answer.text).toBe(status);
    if (reason) expect(answer.text).toMatch(reason);
    if (status >= 400)
      expect(answer.body).toMatchObject({ success: false, status, request_id: expect.any(String) });
  });
});

test('every field and parameter of every operation in every wrong type is a 400 that names it', async () => {
  const document = JSON.parse((await call('/openapi.json')).text) as OpenApi;
  const wrong: string[] = [];
  let sent = 0;
  for (const { about, method, path, body, field } of wrongRequests(document)) {
    if (sent++ % 500 === 0) await forgetCount();
    const headers = { ...asAdmin, ...(body === undefined ? {} : json) };
    const answer = await call(path, { method, headers, body });
    const named = JSON.stringify(answer.body.errors ?? '').includes(field);
    if (answer.status !== 400 || !named)
      wrong.push(`${about} → ${answer.status} ${answer.text.slice(0, 300)}`);
  }
  expect(sent).toBeGreaterThan(500);
  expect(wrong).toEqual([]);
});
