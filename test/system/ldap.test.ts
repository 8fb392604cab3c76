/** Logins by LDAP against a real slapd, through a real `npm start`: as it is, by StartTLS, and by ldaps://. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { answer, createClient } from '../../src/client/client.ts';
import { startServer } from '../e2e/server-process.ts';
import { type Slapd, startSlapd } from './slapd.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'sightline-ldap-'));
const stateDir = path.join(scratch, 'state');

/** Where the referral of the directory leads: nobody may come. */
let elsewhere: Server;
let visitors = 0;

const PEOPLE = 'ou=people,dc=example,dc=org';
const GROUPS = 'ou=groups,dc=example,dc=org';
/** `"Al" Smith, + #1=✓`, escaped as RFC 4514 has it. */
const ODD = `cn=\\22Al\\22 Smith\\2C \\2B #1\\3D✓,${PEOPLE}`;

const ldif = (referral: number) => `
dn: dc=example,dc=org
objectClass: domain
dc: example

dn: cn=reader,dc=example,dc=org
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: reader
userPassword: reader-password

dn: ${PEOPLE}
objectClass: organizationalUnit
ou: people

dn: ${GROUPS}
objectClass: organizationalUnit
ou: groups

dn: uid=jdoe,${PEOPLE}
objectClass: inetOrgPerson
uid: jdoe
cn: John Doe
sn: Doe
mail: jdoe@example.org
mail: john.doe@example.com
userPassword: ldap-password
entryUUID: 7d2f0d1e-0000-4000-8000-00000000abcd

dn:: ${Buffer.from(ODD).toString('base64')}
objectClass: inetOrgPerson
uid: odd*(name)\\2a
cn:: ${Buffer.from('"Al" Smith, + #1=✓').toString('base64')}
sn: Smith
userPassword:: ${Buffer.from('пароль ✓').toString('base64')}

dn: cn=posix,${PEOPLE}
objectClass: account
objectClass: posixAccount
cn: posix
uid: posix
uidNumber: 5000
gidNumber: 5000
homeDirectory: /home/posix
userPassword: posix-password

dn: uid=carol,${PEOPLE}
objectClass: inetOrgPerson
uid: carol
cn: Carol
sn: C
memberOf: cn=by attribute,dc=example,dc=org
userPassword: carol-password

dn: uid=twin1,${PEOPLE}
objectClass: inetOrgPerson
uid: twin1
cn: Twin
sn: Twin
mail: twins@example.org
userPassword: twin-password

dn: uid=twin2,${PEOPLE}
objectClass: inetOrgPerson
uid: twin2
cn: Twin
sn: Twin
mail: twins@example.org
userPassword: twin-password

dn: uid=locked,${PEOPLE}
objectClass: inetOrgPerson
uid: locked
cn: Locked
sn: Locked

dn: ou=elsewhere,${PEOPLE}
objectClass: referral
objectClass: extensibleObject
ou: elsewhere
ref: ldap://127.0.0.1:${referral}/dc=elsewhere

dn: cn=staff,${GROUPS}
objectClass: groupOfNames
cn: staff
member: uid=jdoe,${PEOPLE}
member:: ${Buffer.from(ODD).toString('base64')}

dn: cn=chiefs,${GROUPS}
objectClass: groupOfUniqueNames
cn: chiefs
uniqueMember: ${'uid=jdoe'}, ${PEOPLE}

dn: cn=ops,${GROUPS}
objectClass: posixGroup
cn: ops
gidNumber: 5001
memberUid: posix
`;

const ACCESS = [
  'access to attrs=userPassword by anonymous auth by * none',
  'access to * by dn.exact="cn=reader,dc=example,dc=org" read by self read by anonymous auth by * none',
];

let slapd: Slapd;
let strict: Slapd;
let server: Awaited<ReturnType<typeof startServer>> | null = null;

beforeAll(async () => {
  elsewhere = createServer((socket) => {
    visitors += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve));
  const { port } = elsewhere.address() as { port: number };
  for (const name of ['open', 'strict']) mkdirSync(path.join(scratch, name));
  slapd = await startSlapd(path.join(scratch, 'open'), ACCESS, ldif(port));
  // This one hears no password in the clear.
  strict = await startSlapd(path.join(scratch, 'strict'), [...ACCESS, 'security simple_bind=64'], ldif(port));
});

afterEach(async () => {
  await server?.running.stop();
  server = null;
});

afterAll(async () => {
  await Promise.all([slapd?.stop(), strict?.stop()]);
  elsewhere?.close();
  rmSync(scratch, { recursive: true, force: true });
});

async function start(LDAP_SERVER: string, more: Record<string, string> = {}) {
  server = await startServer(stateDir, {
    LDAP_SERVER,
    LDAP_BASE_DN: 'dc=example,dc=org',
    LDAP_BIND_USER: 'cn=reader,dc=example,dc=org',
    LDAP_BIND_PASSWORD: 'reader-password',
    LDAP_USER_SEARCH_BASE: PEOPLE,
    LDAP_GROUP_SEARCH_BASE: GROUPS,
    RATE_LIMITS: '{"auth-ip":"1000/m","auth-account":"1000/m"}',
    ...more,
  });
  return server;
}

interface Answered {
  status: number;
  ms: number;
  body: Record<string, unknown>;
}

async function login(username: string, password: string): Promise<Answered> {
  const started = performance.now();
  const api = createClient({ baseUrl: server!.url });
  const { data, error, response } = await api.POST('/api/v1/auth/ldap', { body: { username, password } });
  const body = (data ?? error) as Record<string, unknown>;
  return { status: response.status, ms: performance.now() - started, body };
}

async function whoIs(username: string, password: string): Promise<Record<string, unknown>> {
  const { status, body } = await login(username, password);
  expect(status).toBe(200);
  const api = createClient({ baseUrl: server!.url, token: String(body.access_token) });
  return answer(api.GET('/api/v1/users/me'));
}

const log = () => readFileSync(path.join(stateDir, 'server.log'), 'utf8');

describe('a login by LDAP', () => {
  test('finds people by name and address, proves them, and gives the highest role of their groups', async () => {
    await start(`ldap://127.0.0.1:${slapd.port}`, {
      LDAP_ROLE_MAP: JSON.stringify({
        [`CN=Staff, ${GROUPS}`]: 'analyst',
        [`cn=chiefs,${GROUPS}`]: 'admin',
        [`cn=ops,${GROUPS}`]: 'reviewer',
        'cn=by attribute,dc=example,dc=org': 'reviewer',
      }),
    });
    const jdoe = await whoIs('jdoe', 'ldap-password');
    expect(jdoe).toMatchObject({ username: 'jdoe', email: 'jdoe@example.org', role: 'admin' });
    expect((await whoIs('John.Doe@Example.com', 'ldap-password')).id).toBe(jdoe.id);
    expect((await whoIs('JDOE', 'ldap-password')).id).toBe(jdoe.id);
    // A name and an entry full of what filters and DNs are made of.
    expect(await whoIs('odd*(name)\\2a', 'пароль ✓')).toMatchObject({ role: 'analyst' });
    expect(await whoIs('posix', 'posix-password')).toMatchObject({ role: 'reviewer', email: null });
    expect(await whoIs('carol', 'carol-password')).toMatchObject({ role: 'reviewer' });

    const refused: [string, string][] = [
      ['jdoe', 'wrong'],
      ['jdoe', 'posix-password'],
      ['nobody', 'ldap-password'],
      ['*', 'ldap-password'],
      ['jd*', 'ldap-password'],
      ['x)(uid=jdoe', 'ldap-password'],
      ['jdoe)(|(uid=*', 'ldap-password'],
      ['\\6adoe', 'ldap-password'],
      ['jdoe\0', 'ldap-password'],
      ['\0jdoe', 'ldap-password'],
      [`uid=jdoe,${PEOPLE}`, 'ldap-password'],
      ['jdoe', '\0'],
      ['jdoe', 'ldap-password\0'],
      ['twins@example.org', 'twin-password'],
      ['locked', 'anything'],
      ['cn=reader,dc=example,dc=org', 'reader-password'],
      ['reader', 'reader-password'],
      ['elsewhere', 'anything'],
      ['jdoe\ud800', 'ldap-password'],
    ];
    const { detail } = (await login('jdoe', 'wrong')).body;
    for (const [name, password] of refused) {
      expect({ name, ...(await login(name, password)) }).toMatchObject({
        name,
        status: 401,
        body: { detail },
      });
    }
    expect((await login('jdoe', '')).status).toBe(400);
    // Twins have names of their own.
    expect((await login('twin1', 'twin-password')).status).toBe(200);
    expect(visitors).toBe(0);

    const times = { wrong: [] as number[], unknown: [] as number[] };
    for (let n = 0; n < 12; n++) {
      // Each goes first as often as the other: what follows a failure waits for what that one leaves to be done.
      const kinds = n % 2 ? (['wrong', 'unknown'] as const) : (['unknown', 'wrong'] as const);
      for (const kind of kinds) {
        times[kind].push((await login(kind === 'wrong' ? 'jdoe' : 'nobody', `wrong ${n}`)).ms);
      }
    }
    const [wrong, unknown] = [Math.min(...times.wrong), Math.min(...times.unknown)];
    console.log(
      `wrong password ${wrong.toFixed(1)} ms, unknown name ${unknown.toFixed(1)} ms (fastest of 12)`,
    );
    expect(Math.max(wrong, unknown) / Math.min(wrong, unknown)).toBeLessThan(2);

    slapd.signal('SIGSTOP');
    const stalled = await login('jdoe', 'ldap-password');
    slapd.signal('SIGCONT');
    expect(stalled.status).toBe(502);
    expect(stalled.ms).toBeLessThan(8_000);
    expect((await login('jdoe', 'ldap-password')).status).toBe(200);

    await expect.poll(log, { timeout: 20_000 }).toContain('it did not answer within');
    expect(log()).not.toMatch(/LDAPTS|-password|Sending message/);
  });

  test('gives the role again at every login, over ldaps:// with a certificate that is trusted', async () => {
    await start(`ldaps://localhost:${strict.tlsPort}`, {
      NODE_EXTRA_CA_CERTS: strict.authority,
      LDAP_ROLE_MAP: JSON.stringify({ [`cn=staff,${GROUPS}`]: 'reviewer' }),
      SSO_DEFAULT_ROLE: 'analyst',
    });
    expect(await whoIs('jdoe', 'ldap-password')).toMatchObject({ username: 'jdoe', role: 'reviewer' });
    expect(await whoIs('posix', 'posix-password')).toMatchObject({ role: 'analyst' });
    expect((await login('jdoe', 'wrong')).status).toBe(401);
  });

  test('goes by StartTLS, and leaves roles alone where none are mapped', async () => {
    await start(`ldap://localhost:${strict.port}?starttls`, { NODE_EXTRA_CA_CERTS: strict.authority });
    expect(await whoIs('jdoe', 'ldap-password')).toMatchObject({ username: 'jdoe', role: 'reviewer' });
    expect((await login('jdoe', 'wrong')).status).toBe(401);
  });

  test('finds people and groups without a service user, where the directory shows them', async () => {
    const folder = path.join(scratch, 'anonymous');
    mkdirSync(folder);
    const shown = [
      ACCESS[0]!,
      `access to dn.subtree="${PEOPLE}" by * read`,
      'access to * by users read by * search',
    ];
    const anonymous = await startSlapd(folder, shown, ldif(1));
    await start(`127.0.0.1:${anonymous.port}`, {
      LDAP_BIND_USER: '',
      LDAP_BIND_PASSWORD: '',
      LDAP_ROLE_MAP: JSON.stringify({ [`cn=ops,${GROUPS}`]: 'reviewer' }),
    });
    expect(await whoIs('posix', 'posix-password')).toMatchObject({ role: 'reviewer' });
    expect((await login('posix', 'wrong')).status).toBe(401);
    await anonymous.stop();
    expect((await login('posix', 'posix-password')).status).toBe(502);
  });

  // The runtime checks certificates by what it knows itself; the log says so, and the caller hears nothing of it.
  test.each([
    ['an authority nobody knows', () => `ldaps://localhost:${slapd.tlsPort}`, false, 'NODE_EXTRA_CA_CERTS'],
    [
      'a certificate for another host',
      () => `127.0.0.2:${slapd.port}?starttls`,
      true,
      'for the host in LDAP_SERVER',
    ],
    [
      'no TLS where the directory wants it',
      () => `localhost:${strict.port}`,
      true,
      'LDAP_BIND_USER is refused: code 13',
    ],
  ])('is a 502 with %s', async (_, url, known, sentence) => {
    await start(url(), known ? { NODE_EXTRA_CA_CERTS: slapd.authority } : {});
    const before = log().length;
    const { status, body } = await login('jdoe', 'ldap-password');
    expect({ status, detail: body.detail }).toEqual({
      status: 502,
      detail: 'The directory cannot be asked; try again later.',
    });
    await expect.poll(() => log().slice(before), { timeout: 20_000 }).toContain(sentence);
  });
});
