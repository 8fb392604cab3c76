import { exports } from 'cloudflare:workers';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { ApiError, answer, createClient, type Schemas } from '../../src/client/client.ts';
import { ADMIN, ADMIN_KEY } from '../http/call.ts';

const fetch = (request: Request) => exports.default.fetch(request);
const baseUrl = 'https://api.test';
const headers = { 'cf-connecting-ip': '10.99.0.1' };
const open = createClient({ baseUrl, headers, fetch });
const admin = createClient({ baseUrl, headers, fetch, apiKey: ADMIN_KEY });

describe('the client', () => {
  it('answers data of the type that the operation documents', async () => {
    const group = await answer(admin.POST('/api/v1/groups', { body: { name: 'Compilers' } }));
    expectTypeOf(group).toEqualTypeOf<Schemas['Group']>();
    expect(group).toMatchObject({ name: 'Compilers', role: 'admin', personal: false });
    const path = { group_id: group.id };
    const { data, response } = await admin.GET('/api/v1/groups/{group_id}', { params: { path } });
    expect(data).toEqual(group);
    const etag = response.headers.get('etag')!;
    const changed = await admin.PUT('/api/v1/groups/{group_id}', {
      params: { path, header: { 'If-Match': etag } },
      body: { description: 'gcc and friends' },
    });
    expect(changed.data?.description).toBe('gcc and friends');
    expect(await answer(admin.DELETE('/api/v1/groups/{group_id}', { params: { path } }))).toBeUndefined();
  });

  it('gives a problem back, typed, or throws it', async () => {
    const params = { path: { name: 'no/such thing ü' } };
    const { data, error } = await admin.GET('/api/v1/repos/{name}', { params });
    expect(data).toBeUndefined();
    expectTypeOf(error!).toExtend<Schemas['Problem']>();
    expect(error).toMatchObject({ status: 404, error_code: 'NOT_FOUND', request_id: expect.any(String) });
    const thrown = await answer(admin.GET('/api/v1/repos/{name}', { params })).catch((error) => error);
    expect(thrown).toBeInstanceOf(ApiError);
    expect(thrown).toMatchObject({ status: 404, problem: { error: 'not_found' } });
    expect(thrown.message).toContain(error!.detail);
  });

  it('throws without a problem where something else than the API answers', async () => {
    const proxied = createClient({
      baseUrl,
      fetch: async () => new Response('<h1>Bad gateway</h1>', { status: 502 }),
    });
    await expect(answer(proxied.GET('/api/v1/repos'))).rejects.toMatchObject({
      status: 502,
      problem: null,
      message: expect.stringContaining('Bad gateway'),
    });
  });

  it('identifies by key or token', async () => {
    expect((await open.GET('/api/v1/users/me')).response.status).toBe(401);
    const { access_token: token } = await answer(open.POST('/api/v1/auth/token', { body: ADMIN }));
    const me = await answer(createClient({ baseUrl, headers, fetch, token }).GET('/api/v1/users/me'));
    expect(me).toMatchObject({ username: ADMIN.username, role: 'admin' });
    expect(await answer(admin.GET('/api/v1/users/me'))).toEqual(me);
  });

  it('refuses, by its types, paths and bodies that the API does not have', () => {
    const refused = () => [
      // @ts-expect-error no such path
      admin.GET('/api/v1/nothing'),
      // @ts-expect-error no such method there
      admin.PATCH('/api/v1/groups', { body: {} }),
      // @ts-expect-error a group needs a name
      admin.POST('/api/v1/groups', { body: {} }),
      // @ts-expect-error a page is a number
      admin.GET('/api/v1/groups', { params: { query: { page: 'one' } } }),
    ];
    expect(refused).toBeTypeOf('function');
  });
});
