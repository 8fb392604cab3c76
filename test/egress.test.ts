import { describe, expect, inject, test } from 'vitest';
import { createEgress, type EgressInit, type EgressOptions, openBody } from '../src/egress.ts';
import { Problem } from '../src/errors.ts';

const egress = (options: Partial<EgressOptions> = {}) => createEgress({ allow: '', ...options });

function refusal(url: string, options?: Partial<EgressOptions>): string {
  try {
    egress(options).check(url);
  } catch (error) {
    expect(error).toBeInstanceOf(Problem);
    expect((error as Problem).slug).toBe('unprocessable');
    return (error as Problem).message;
  }
  throw new Error(`${url} was let through`);
}

/** A fetch that answers from a table and remembers what it was asked. */
function fakeFetch(answers: Record<string, () => Response>) {
  const asked: { url: string; headers: Headers; method: string }[] = [];
  const send = (async (input: RequestInfo | URL, init?: RequestInit) => {
    const url = String(input);
    asked.push({ url, headers: new Headers(init?.headers), method: init?.method ?? 'GET' });
    const answer = answers[url];
    if (!answer) throw new Error('connection refused');
    return answer();
  }) as typeof fetch;
  return { send, asked };
}

const redirect =
  (location: string, status = 302) =>
  () =>
    new Response(null, { status, headers: { location } });

describe('TCP', () => {
  test('is for the endpoint that the operator set, and for no other', async () => {
    const refused = await egress()
      .connect('ldap')
      .catch((error: unknown) => error);
    expect(refused).toMatchObject({ slug: 'not_configured' });
    const ldap = { host: '127.0.0.1', port: inject('directories').sound, tls: 'off' as const };
    const socket = await egress({ endpoints: { ldap } }).connect('ldap');
    expect(await socket.opened).toMatchObject({ remoteAddress: `127.0.0.1:${ldap.port}` });
    await socket.close();
  });
});

describe('what may be reached', () => {
  test.each([
    'https://github.com/honojs/hono.git',
    'https://git.example.com:8443/x',
    'https://8.8.8.8/x',
    'https://[2606:4700:4700::1111]/x',
    'https://example.com./x',
  ])('lets %s through', (url) => {
    expect(egress().check(url).href).toContain('https://');
  });

  test.each([
    'https://127.0.0.1/x',
    'https://127.1/x',
    'https://2130706433/x',
    'https://0x7f.0.0.1/x',
    'https://0177.0.0.1/x',
    'https://１２７.０.０.１/x',
    'https://127.0.0.1./x',
    'https://0.0.0.0/x',
    'https://10.1.2.3/x',
    'https://172.16.0.1/x',
    'https://172.31.255.255/x',
    'https://192.168.1.1/x',
    'https://100.64.0.1/x',
    'https://169.254.169.254/latest/meta-data',
    'https://198.18.0.1/x',
    'https://224.0.0.1/x',
    'https://255.255.255.255/x',
    'https://[::1]/x',
    'https://[::]/x',
    'https://[::ffff:127.0.0.1]/x',
    'https://[::ffff:7f00:1]/x',
    'https://[::ffff:8.8.8.8]/x',
    'https://[::127.0.0.1]/x',
    'https://[64:ff9b::7f00:1]/x',
    'https://[64:ff9b:1::a00:1]/x',
    'https://[2002:7f00:1::]/x',
    'https://[2001:0:7f00:1::]/x',
    'https://[fc00::1]/x',
    'https://[fd12:3456::1]/x',
    'https://[fe80::1]/x',
    'https://[ff02::1]/x',
    'https://[2001:db8::1]/x',
    'https://localhost/x',
    'https://LOCALHOST./x',
    'https://api.localhost/x',
    'https://metadata.google.internal/x',
    'https://metadata/x',
    'https://intranet/x',
    'https://printer.local/x',
    'https://ⓛocalhost/x',
  ])('refuses %s as private', (url) => {
    expect(refusal(url)).toMatch(/private, loopback or link-local/);
  });

  test.each([
    ['http://github.com/x', /https/],
    ['ssh://git@github.com/x', /scheme ssh:/],
    ['file:///etc/passwd', /scheme file:/],
    ['ext::sh -c id', /scheme ext:/],
    ['javascript:alert(1)', /scheme/],
    ['https://user:secret@github.com/x', /user name or password/],
    ['https://github.com@127.0.0.1/x', /user name or password/],
    ['git@github.com:honojs/hono.git', /cannot be parsed/],
    ['', /cannot be parsed/],
    [`https://github.com/${'x'.repeat(3000)}`, /longer than/],
  ])('refuses %s naming the rule', (url, sentence) => {
    expect(refusal(url)).toMatch(sentence);
  });

  test('never says the password it refuses', () => {
    expect(refusal('https://user:hunter2@github.com/x')).not.toContain('hunter2');
  });

  test('refuses its own hosts and the bridge, even when allowed', () => {
    const own = { own: ['sightline.example.com'], bridge: { url: 'http://127.0.0.1:4000', secret: 's' } };
    expect(refusal('https://sightline.example.com./x', own)).toMatch(/itself/);
    expect(refusal('http://127.0.0.1:4000/git/x', { ...own, allow: '127.0.0.0/8,127.0.0.1:4000' })).toMatch(
      /itself/,
    );
  });
});

describe('EGRESS_ALLOW', () => {
  const passes = (allow: string, url: string) => {
    try {
      egress({ allow }).check(url);
      return true;
    } catch {
      return false;
    }
  };

  test.each([
    ['127.0.0.1:3000', 'http://127.0.0.1:3000/x', true],
    ['127.0.0.1:3000', 'http://127.1:3000/x', true],
    ['127.0.0.1:3000', 'http://127.0.0.1:3001/x', false],
    ['127.0.0.1:3000', 'http://127.0.0.1/x', false],
    ['git.internal', 'http://git.internal/x', true],
    ['git.internal', 'https://git.internal/x', true],
    ['git.internal', 'https://git.internal./x', true],
    ['git.internal', 'https://git.internal:8443/x', false],
    ['git.internal', 'https://sub.git.internal/x', false],
    ['git.internal:443', 'https://git.internal/x', true],
    ['git.internal:443', 'http://git.internal/x', false],
    ['[::1]:3000', 'http://[::1]:3000/x', true],
    ['[::1]:3000', 'http://[0:0:0:0:0:0:0:1]:3000/x', true],
    ['::1', 'http://[::1]/x', true],
    ['10.0.0.0/8', 'http://10.200.3.4:3000/x', true],
    ['10.0.0.0/8', 'http://11.0.0.1/x', false],
    ['10.0.0.0/8', 'http://[::ffff:10.0.0.1]/x', false],
    ['fd00::/8', 'http://[fd12::1]:80/x', true],
    [' a.example , 127.0.0.1:9 ', 'http://127.0.0.1:9/x', true],
    ['10.0.0.0/99', 'http://10.0.0.1/x', false],
    ['*', 'http://10.0.0.1/x', false],
    ['user@127.0.0.1:3000', 'http://127.0.0.1:3000/x', false],
  ])('%s → %s: %s', (allow, url, expected) => {
    expect(passes(allow, url)).toBe(expected);
  });
});

describe('an endpoint that the operator set', () => {
  const operator = 'http://keycloak:8080/auth';
  const answers = {
    'http://keycloak:8080/realms/x': () => new Response('there'),
    'http://keycloak:8080/moved': redirect('/realms/x'),
    'http://keycloak:8080/away': redirect('http://keycloak:9090/'),
  };
  const ask = (url: string, options: { own?: string[]; operator?: string } = {}) => {
    const { own = [], ...init } = { operator, ...options };
    return egress({ fetch: fakeFetch(answers).send, own }).fetch(url, { purpose: 'oidc', ...init });
  };

  test('may be inside and without TLS, for its own client', async () => {
    for (const path of ['realms/x', 'moved']) {
      expect(await (await ask(`http://keycloak:8080/${path}`)).text()).toBe('there');
    }
    await expect(ask('http://keycloak:8080/realms/x', { operator: undefined })).rejects.toMatchObject({
      slug: 'unprocessable',
    });
  });

  test('opens no other port or host, and never the deployment itself', async () => {
    for (const url of [
      'http://keycloak:9090/',
      'https://keycloak/',
      'http://ldap:8080/',
      'http://keycloak:8080/away',
    ]) {
      await expect(ask(url), url).rejects.toMatchObject({ slug: 'unprocessable' });
    }
    const itself = ask('http://keycloak:8080/realms/x', { own: ['keycloak:8080'] });
    await expect(itself).rejects.toMatchObject({ slug: 'unprocessable' });
  });
});

describe('redirects', () => {
  test('are followed on the same host, without credentials', async () => {
    const { send, asked } = fakeFetch({
      'https://git.example.com/a': redirect('/b'),
      'https://git.example.com/b': () => new Response('here'),
    });
    const response = await egress({ fetch: send }).fetch('https://git.example.com/a', {
      purpose: 'git',
      headers: { authorization: 'Basic c2VjcmV0', 'x-other': '1' },
    });
    expect(await response.text()).toBe('here');
    expect(response.url).toBe('https://git.example.com/b');
    expect(asked[0]!.headers.has('authorization')).toBe(true);
    expect(asked[1]!.headers.has('authorization')).toBe(false);
    expect(asked[1]!.headers.get('x-other')).toBe('1');
  });

  test.each([
    ['another host', 'https://evil.example.com/b', /another host/],
    ['a private address', 'http://169.254.169.254/', /another host/],
    ['another port', 'https://git.example.com:444/b', /another host/],
    ['plain http', 'http://git.example.com/b', /another host/],
    ['user info', 'https://u:p@git.example.com/b', /user name or password/],
    ['nothing', 'https://', /no URL/],
  ])('to %s are refused before anything is sent there', async (_, location, sentence) => {
    const { send, asked } = fakeFetch({ 'https://git.example.com/a': redirect(location) });
    const answer = egress({ fetch: send }).fetch('https://git.example.com/a', { purpose: 'git' });
    await expect(answer).rejects.toThrow(sentence);
    expect(asked).toHaveLength(1);
  });

  test('stop after three', async () => {
    const { send, asked } = fakeFetch({ 'https://git.example.com/a': redirect('/a') });
    const answer = egress({ fetch: send }).fetch('https://git.example.com/a', { purpose: 'git' });
    await expect(answer).rejects.toThrow(/more than 3 times/);
    expect(asked).toHaveLength(4);
  });

  test('of a POST are refused unless they keep the method', async () => {
    const { send } = fakeFetch({
      'https://git.example.com/a': redirect('/b', 302),
      'https://git.example.com/c': redirect('/d', 308),
      'https://git.example.com/d': () => new Response('kept'),
    });
    const post = (path: string) =>
      egress({ fetch: send }).fetch(`https://git.example.com${path}`, {
        purpose: 'webhook',
        method: 'POST',
        body: 'x',
      });
    await expect(post('/a')).rejects.toThrow(/POST/);
    expect(await (await post('/c')).text()).toBe('kept');
  });
});

describe('the git bridge', () => {
  const bridge = { url: 'http://127.0.0.1:4000', secret: 'bridge-secret' };

  test('gets its secret, and only for local repositories', async () => {
    const { send, asked } = fakeFetch({ 'http://127.0.0.1:4000/git/x': () => new Response('ok') });
    const outward = egress({ fetch: send, bridge });
    await (await outward.fetch('http://127.0.0.1:4000/git/x', { purpose: 'bridge' })).text();
    expect(asked[0]!.headers.get('x-bridge-secret')).toBe('bridge-secret');
    await expect(outward.fetch('http://127.0.0.1:4000/git/x', { purpose: 'git' })).rejects.toThrow(/itself/);
    await expect(outward.fetch('https://github.com/x', { purpose: 'bridge' })).rejects.toThrow(
      /not available/,
    );
    expect(asked).toHaveLength(1);
  });
});

describe('timeouts', () => {
  const never = ((_: unknown, init?: RequestInit) =>
    new Promise((_resolve, reject) => {
      init?.signal?.addEventListener('abort', () => reject(new Error('aborted')));
    })) as typeof fetch;

  test('headers that do not come are an upstream problem', async () => {
    const answer = egress({ fetch: never }).fetch('https://git.example.com/a', {
      purpose: 'git',
      timeoutMs: 30,
    });
    await expect(answer).rejects.toMatchObject({
      slug: 'upstream',
      message: expect.stringMatching(/did not answer/),
    });
  });

  test('a connection that fails is an upstream problem without its internals', async () => {
    const { send } = fakeFetch({});
    const answer = egress({ fetch: send }).fetch('https://git.example.com/a', { purpose: 'git' });
    await expect(answer).rejects.toMatchObject({
      slug: 'upstream',
      message: 'git.example.com cannot be reached.',
    });
  });

  test('a connection that was lost is taken up once more, unless asking twice is not asking once', async () => {
    const asked: string[] = [];
    const send = (async (_: RequestInfo | URL, init?: RequestInit) => {
      asked.push(init?.method ?? 'GET');
      if (asked.length % 2 === 1) throw new Error('Network connection lost.');
      return new Response('ok');
    }) as typeof fetch;
    const ask = (init: EgressInit) => egress({ fetch: send }).fetch('https://git.example.com/a', init);
    expect(await (await ask({ purpose: 'git' })).text()).toBe('ok');
    expect(await (await ask({ purpose: 'git', method: 'POST', body: 'want' })).text()).toBe('ok');
    expect(asked).toEqual(['GET', 'GET', 'POST', 'POST']);
    await expect(ask({ purpose: 'oidc', method: 'POST', body: 'code=1' })).rejects.toMatchObject({
      slug: 'upstream',
    });
    asked.pop();
    const body = new ReadableStream();
    await expect(ask({ purpose: 'git', method: 'POST', body })).rejects.toMatchObject({
      slug: 'upstream',
    });
    const dead = (async () => {
      asked.push('dead');
      throw new Error('Network connection lost.');
    }) as unknown as typeof fetch;
    const never = egress({ fetch: dead }).fetch('https://git.example.com/a', { purpose: 'git' });
    await expect(never).rejects.toMatchObject({ slug: 'upstream' });
    expect(asked.filter((each) => each === 'dead')).toHaveLength(2);
  });

  /** A body that gives `bytes` a second by the test's clock, for ever, and its reader's `now`. */
  function drip(bytes: number) {
    let seconds = 0;
    const body = new ReadableStream<Uint8Array>(
      {
        pull: (controller) => {
          seconds += 1;
          controller.enqueue(new Uint8Array(bytes));
        },
      },
      { highWaterMark: 0 },
    );
    return { response: new Response(body), now: () => seconds * 1000, seconds: () => seconds };
  }

  async function readAll(body: ReturnType<typeof openBody>): Promise<void> {
    while ((await body.read()) !== null);
  }

  test('a body that drips ends after four idle times with less than a kilobyte', async () => {
    const { response, now, seconds } = drip(8);
    const body = openBody(response, 'git.example.com', { now });
    await expect(readAll(body)).rejects.toMatchObject({
      slug: 'upstream',
      message: 'git.example.com sent only 960 bytes in 120 s.',
    });
    expect(seconds()).toBe(120);
  });

  test('a body that comes slowly but surely may take as long as a step, and no longer', async () => {
    const { response, now, seconds } = drip(16);
    const body = openBody(response, 'git.example.com', { now });
    await expect(readAll(body)).rejects.toMatchObject({
      slug: 'upstream',
      message: 'git.example.com did not come to an end within 840 s.',
    });
    expect(seconds()).toBe(841);
  });

  test('the time that the reader takes for itself is not held against the sender', async () => {
    let now = 0;
    const parts = Array.from({ length: 100 }, () => new Uint8Array(4));
    const whole = new Response(new Blob(parts).stream());
    const body = openBody(whole, 'git.example.com', { now: () => now });
    for (let bytes = await body.read(); bytes; bytes = await body.read()) now += 3_600_000;
  });

  test('a body that falls silent ends with an upstream problem', async () => {
    const silent = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new Uint8Array([1, 2, 3])),
    });
    const body = openBody(new Response(silent), 'git.example.com', { idleMs: 30 });
    expect(await body.read()).toEqual(new Uint8Array([1, 2, 3]));
    await expect(body.read()).rejects.toMatchObject({
      slug: 'upstream',
      message: expect.stringMatching(/sent nothing/),
    });
  });
});
