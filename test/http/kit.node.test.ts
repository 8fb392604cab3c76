import { describe, expect, it } from 'vitest';
import { parseRate, readConfig } from '../../src/config.ts';
import type { Env } from '../../src/env.ts';
import { matchesAny } from '../../src/http/etag.ts';
import { oddityOf } from '../../src/http/json-body.ts';
import { clientIp, limitHeaders, quotas } from '../../src/http/limits.ts';
import { accepts } from '../../src/http/negotiation.ts';
import { isId, newId } from '../../src/ids.ts';
import { createLogger, redact } from '../../src/platform/telemetry/log.ts';

describe('ids', () => {
  it('are UUIDv7 and sort by time', () => {
    const ids = Array.from({ length: 1000 }, (_, index) => newId(1_700_000_000_000 + index));
    expect(new Set(ids).size).toBe(1000);
    expect(ids.toSorted()).toEqual(ids);
    for (const id of ids)
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(parseInt(ids[0]!.replace('-', '').slice(0, 12), 16)).toBe(1_700_000_000_000);
    expect([isId(ids[0]!), isId('main')]).toEqual([true, false]);
  });
});

describe('configuration', () => {
  const secret = 'kkkkkkkkkkkkkkkkkkkkanother-part-of-it';

  it('has defaults for everything, and takes an empty variable for an unset one', () => {
    const config = readConfig({ ANONYMOUS_ROLE: '', RATE_LIMITS: '' });
    expect(config).toMatchObject({
      environment: 'production',
      jwtSecret: null,
      jwtAlgorithm: 'HS256',
      anonymousRole: 'none',
      responseProfile: 'plain',
      rateLimits: {},
      corsOrigins: [],
      egressAllow: '',
      logLevel: 'info',
      warnings: [],
    });
  });

  it.each([
    ['API_JWT_SECRET', 'short'],
    ['API_JWT_SECRET', 'change-me-in-production-and-make-it-long'],
    ['API_JWT_SECRET', 'abcd'.repeat(10)],
    ['API_JWT_SECRET', 'a'.repeat(64)],
    ['API_JWT_ALGORITHM', 'none'],
    ['API_JWT_ALGORITHM', 'RS256'],
    ['API_ADMIN_PASSWORD', 'admin'],
    ['API_ADMIN_API_KEY', 'rak_short'],
    ['ANONYMOUS_ROLE', 'admin'],
    ['LDAP_SERVER', 'ldap://h/dc=x'],
    ['LDAP_SERVER', 'ldaps://h?starttls'],
    ['LDAP_ROLE_MAP', '{"cn=x":"root"}'],
    ['RESPONSE_PROFILE', 'xml'],
    ['RATE_LIMITS', '{"anonymous":'],
    ['RATE_LIMITS', '{"nonsense":"1/m"}'],
    ['RATE_LIMITS', '{"anonymous":"many"}'],
    ['RATE_LIMITS', '[]'],
    ['DEMO_RATE_LIMIT', '30'],
    ['EMBEDDING_PROVIDER', 'magic'],
    ['EMBEDDING_DIMENSIONS', '4096'],
    ['LLM_BASE_URL', 'file:///etc/passwd'],
    ['API_DEBUG', 'loud'],
  ])('refuses %s=%s by name and without its value', (name, value) => {
    try {
      readConfig({ API_JWT_SECRET: secret, [name]: value });
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ slug: 'not_configured', extras: { errors: [{ pointer: name }] } });
      expect((error as Error).message.startsWith(name)).toBe(true);
      if (name.includes('SECRET')) expect((error as Error).message).not.toContain(value);
    }
  });

  it('refuses half of what another embedding server needs, naming the missing half', () => {
    const half: Record<string, string> = { EMBEDDING_PROVIDER: 'openai' };
    for (const [name, value] of [
      ['LLM_BASE_URL', 'https://models.example/v1'],
      ['EMBEDDING_MODEL', 'some-model'],
      ['EMBEDDING_DIMENSIONS', '512'],
    ] as const) {
      expect(() => readConfig({ ...half })).toThrow(`${name} is needed by EMBEDDING_PROVIDER=openai`);
      half[name] = value;
    }
    expect(readConfig(half).embedding).toEqual({ provider: 'openai', model: 'some-model', dimensions: 512 });
  });

  it('allows the default admin in development only', () => {
    expect(readConfig({ ENVIRONMENT: 'development', API_ADMIN_PASSWORD: 'admin' }).admin.password).toBe(
      'admin',
    );
  });

  it('reads rates, and lets RATE_LIMITS win over its alias', () => {
    expect(parseRate('10/10m')).toEqual({ limit: 10, window: 600 });
    expect(parseRate('30/minute')).toEqual({ limit: 30, window: 60 });
    expect([parseRate('1/0m'), parseRate('-1/m'), parseRate('1/d')]).toEqual([null, null, null]);
    const config = readConfig({ DEMO_RATE_LIMIT: '5/s', RATE_LIMITS: '{"demo":"7/2h"}' });
    expect(quotas(config, ['demo', 'anonymous', 'analyses-enterprise'])).toEqual([
      { name: 'demo', limit: 7, window: 7200 },
      { name: 'anonymous', limit: 100, window: 3600 },
    ]);
  });

  it('warns of variables that the platform replaces', () => {
    expect(readConfig({ DATABASE_URL: 'postgres://x', API_WORKERS: '4' }).warnings).toHaveLength(2);
  });

  it('warns of passwords that a directory would be told in the clear', () => {
    const warnings = (LDAP_SERVER: string) => readConfig({ LDAP_SERVER, LDAP_BASE_DN: 'dc=x' }).warnings;
    expect(warnings('dc1')).toEqual([expect.stringContaining('LDAP_SERVER')]);
    expect([...warnings('ldaps://dc1'), ...warnings('dc1?starttls')]).toEqual([]);
  });
});

describe('logs', () => {
  it('hold the request id and no secret, wherever it stands', () => {
    const lines: string[] = [];
    const log = createLogger(
      { logLevel: 'info' },
      { request_id: 'r1' },
      (line) => lines.push(line),
      () => new Date(0),
    );
    const jwt = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl';
    log.debug('not at this level');
    log.with({ job_id: 'j1' }).error(`key rak_abcdefghijklmnop and Bearer ${jwt}`, {
      password: 'hunter2',
      nested: { api_key: 'k', list: [{ authorization: 'x' }] },
      tokens: 12,
      tokenConfigured: true,
      url: 'https://user:hunter2@host/x',
      error: new Error(`ghp_0123456789abcdef ${jwt}`),
      github_token: null,
    });
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0]!)).toMatchObject({
      time: '1970-01-01T00:00:00.000Z',
      level: 'error',
      request_id: 'r1',
      job_id: 'j1',
      tokens: 12,
      tokenConfigured: true,
    });
    expect(lines[0]).not.toMatch(/hunter2|rak_abc|eyJ|ghp_|"k"|"x"/);
  });

  it('are bounded whatever they are given', () => {
    const deep: Record<string, unknown> = {};
    deep.self = deep;
    expect(
      JSON.stringify(redact({ deep, long: 'x'.repeat(100_000), many: Array(1000).fill(1) })).length,
    ).toBeLessThan(6000);
  });
});

describe('headers', () => {
  it('show the tightest policy', () => {
    const states = [
      { name: 'plan-enterprise', limit: 1000, window: 60, remaining: 900, reset: 130 },
      { name: 'review', limit: 10, window: 60, remaining: 3, reset: 150 },
    ];
    expect(Object.fromEntries(limitHeaders(states, new Date(100_000)))).toMatchObject({
      'x-ratelimit-limit': '10',
      'x-ratelimit-remaining': '3',
      'x-ratelimit-reset': '150',
      ratelimit: '"review";r=3;t=50',
    });
    expect(limitHeaders([], new Date())).toEqual([]);
  });

  it('of a client do not say who it is, where nothing in front of us checks them', () => {
    const request = new Request('http://127.0.0.1/', { headers: { 'cf-connecting-ip': '1.2.3.4' } });
    expect(clientIp(request, {} as Env)).toBe('1.2.3.4');
    expect(clientIp(request, { BRIDGE_URL: 'http://127.0.0.1:1' } as Env)).toBe('loopback');
  });

  it.each([
    ['text/html, application/json', true],
    ['application/*;q=0.2', true],
    ['*/*', true],
    ['', true],
    ['APPLICATION/JSON', true],
    ['application/json;profile="envelope"', true],
    ['text/*', false],
    ['application/json;q=0', false],
    ['*/*, application/json;q=0', false],
    ['application/problem+json', false],
  ])('Accept: %s takes JSON: %s', (header, expected) => {
    expect(accepts(header, 'application/json')).toBe(expected);
  });

  it('If-None-Match compares weakly and takes lists', () => {
    expect([
      matchesAny(undefined, '"a"'),
      matchesAny('W/"a"', '"a"'),
      matchesAny('"b" , "a"', '"a"'),
      matchesAny('"b"', '"a"'),
      matchesAny('*', '"a"'),
    ]).toEqual([false, true, true, false, true]);
  });
});

describe('what a JSON body may not hold', () => {
  const places = (text: string) =>
    oddityOf(text)?.extras.errors?.map(({ pointer, detail }) => [pointer, detail]);

  it.each([
    ['{"a":1,"b":{"a":2},"c":[{"a":3},{"a":4}]}'],
    ['{"a":"{\\"a\\":1,\\"a\\":2}","b":"__proto__","c":"1e999"}'],
    [`${'['.repeat(64)}${']'.repeat(64)}`],
    ['{"a":-1.5e10,"b":[true,false,null,"\\\\"],"":0}'],
    ['"text"'],
    ['{"a":'],
    ['{"a\\'],
    [''],
  ])('is none of %s', (text) => {
    expect(oddityOf(text)).toBeNull();
  });

  it.each([
    ['{"role":"viewer","role":"admin"}', '/role', 'is given twice'],
    ['{"role":"viewer","r\\u006fle":"admin"}', '/role', 'is given twice'],
    ['{"a":[0,{"b/c":1,"b/c":2}]}', '/a/1/b~1c', 'is given twice'],
    ['{"a":{},"a":[]}', '/a', 'is given twice'],
    ['{"__proto__":{"role":"admin"}}', '/__proto__', 'is not a known field'],
    ['{"a":[{"\\u005f_proto__":1}]}', '/a/0/__proto__', 'is not a known field'],
    ['{"a":[1,1e999]}', '/a/1', 'is not a number that can be held'],
    ['{"a":-1e999}', '/a', 'is not a number that can be held'],
    [`{"a":${'['.repeat(100)}${']'.repeat(100)}}`, '', 'is nested deeper than 64 levels'],
    ['['.repeat(1_000_000), '', 'is nested deeper than 64 levels'],
  ])('is named in %.40s', (text, pointer, detail) => {
    expect(places(text)).toEqual([[pointer, detail]]);
  });

  it('is sought in one pass, also where nothing is well formed', () => {
    const odd = ['"\\"'.repeat(300_000), `"${'\\\\'.repeat(500_000)}`, '"'.repeat(999_999), '-'.repeat(1e6)];
    for (const text of odd) expect(oddityOf(text)).toBeNull();
  });
});
