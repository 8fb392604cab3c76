import { connect } from 'cloudflare:sockets';
import { describe, expect, inject, it } from 'vitest';
import { type LdapServer, parseLdapServer } from '../../../../src/config.ts';
import {
  BOUNDS,
  type Connection,
  DirectoryError,
  type Entry,
  openConnection,
} from '../../../../src/platform/accounts/ldap/connection.ts';
import { authenticate, type DirectorySettings } from '../../../../src/platform/accounts/ldap/directory.ts';
import { canonicalDn } from '../../../../src/platform/accounts/ldap/dn.ts';
import { MalformedMessage, takeMessage } from '../../../../src/platform/accounts/ldap/messages.ts';
import type { DirectoryName } from '../../../support/directory-server.ts';

const ports = inject('directories');
const SERVICE = { user: 'cn=reader,dc=example,dc=org', password: 'reader-password' };
const SETTINGS: DirectorySettings = {
  bind: SERVICE,
  userSearchBase: 'dc=example,dc=org',
  groupSearchBase: 'dc=example,dc=org',
  roleMap: {},
};

/** For what stalls; what does not has its answer by then, or is given up all the same. */
const SHORT = { stepMs: 1_000, totalMs: 1_500 };

const dial = (port: number, tls: LdapServer['tls']) => async () =>
  connect({ hostname: '127.0.0.1', port }, { secureTransport: tls, allowHalfOpen: false });

async function ask(
  name: DirectoryName,
  username: string,
  password: string,
  { tls = 'off', ...settings }: Partial<DirectorySettings> & { tls?: LdapServer['tls'] } = {},
  bounds = BOUNDS,
) {
  const open = () => openConnection(dial(ports[name], tls), tls, bounds);
  return authenticate({ ...SETTINGS, ...settings }, open, { username, password });
}

describe('the server that LDAP_SERVER names', () => {
  it.each([
    ['ldap.example.com', { host: 'ldap.example.com', port: 389, tls: 'off' }],
    ['ldap.example.com:1389', { host: 'ldap.example.com', port: 1389, tls: 'off' }],
    ['ldap://dc1', { host: 'dc1', port: 389, tls: 'off' }],
    ['LDAPS://DC1.Example.com', { host: 'dc1.example.com', port: 636, tls: 'on' }],
    ['ldaps://dc1:3269/', { host: 'dc1', port: 3269, tls: 'on' }],
    ['ldap://dc1?starttls', { host: 'dc1', port: 389, tls: 'starttls' }],
    ['ldap://dc1:1389/?StartTLS', { host: 'dc1', port: 1389, tls: 'starttls' }],
    ['dc1?starttls', { host: 'dc1', port: 389, tls: 'starttls' }],
    [' 10.0.0.1 ', { host: '10.0.0.1', port: 389, tls: 'off' }],
    ['[fd00::1]:389', { host: '[fd00::1]', port: 389, tls: 'off' }],
  ])('%s is read', (text, server) => {
    expect(parseLdapServer(text)).toEqual(server);
  });

  it.each([
    'ldaps://dc1?starttls',
    'ldap://dc1?tls',
    'ldap://dc1/dc=example,dc=org',
    'ldap://user:secret@dc1',
    'ldap://',
    'ldap://dc1:0',
    'ldap://dc1:70000',
    'ldap://dc1#x',
    'ldapi://dc1',
    'https://dc1',
    'dc1,dc2',
    'ldap://dc1 ldap://dc2',
    'ldap://%64c1',
  ])('%s is refused', (text) => {
    expect(parseLdapServer(text)).toBeNull();
  });
});

describe('names of entries', () => {
  it.each([
    ['cn=Staff,ou=Groups,dc=example,dc=org', 'CN = staff , OU=groups;DC=Example,  DC=ORG'],
    ['cn=Doe\\, Jane,dc=x', 'CN=doe\\2c  jane,DC=X'],
    ['cn="Doe, Jane",dc=x', 'cn=Doe\\, Jane,dc=x'],
    ['cn=Bj\\c3\\b6rn,dc=x', 'cn=björn,dc=x'],
    ['cn=a+uid=b,dc=x', 'UID=B + CN=A,dc=x'],
    ['cn=\\20x\\20,dc=y', 'cn=x,dc=y'],
  ])('%s and %s are one', (one, other) => {
    expect(canonicalDn(one)).toBe(canonicalDn(other));
  });

  it.each([
    ['cn=a,cn=b', 'cn=a\\,cn=b'],
    ['cn=a+cn=b', 'cn=a\\+cn=b'],
    ['cn=a=b', 'cn=a,=b'],
    ['cn=admins,dc=x', 'cn=admins,dc=x,dc=x'],
    ['cn=a\\\\,dc=x', 'cn=a\\\\\\,dc=x'],
    ['cn=ö,dc=x', 'cn=o,dc=x'],
  ])('%s and %s are two', (one, other) => {
    expect(canonicalDn(one)).not.toBe(canonicalDn(other));
  });
});

describe('answers of a directory', () => {
  const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));

  it('are awaited to their last byte, and taken one by one', () => {
    const whole = hex('30 0c 02 01 02 61 07 0a 01 31 04 00 04 00');
    for (let length = 0; length < whole.length; length++) {
      expect(takeMessage(whole.subarray(0, length))).toBeNull();
    }
    const taken = takeMessage(Uint8Array.from([...whole, ...whole]));
    expect(taken).toMatchObject({ length: 14, message: { id: 2, kind: 'end', operation: 0x61, code: 49 } });
  });

  it('are refused when an element reaches beyond what holds it, whatever the bytes', () => {
    const sound = hex('30 19 02 01 02 64 14 04 01 78 30 0f 30 0d 04 03 75 69 64 31 06 04 01 61 04 01 62');
    expect(takeMessage(sound)).toMatchObject({ message: { kind: 'entry', dn: 'x' } });
    for (let at = 1; at < sound.length; at++) {
      for (let value = 0; value < 256; value++) {
        const spoiled = Uint8Array.from(sound);
        spoiled[at] = value;
        try {
          takeMessage(spoiled);
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedMessage);
        }
      }
    }
  });
});

describe('a person', () => {
  it('is found by name or any address, and proven by the password', async () => {
    for (const name of ['abba', 'ABBA', 'abba@example.org', 'a.b@example.com']) {
      expect(await ask('sound', name, 'password of abba')).toMatchObject({
        dn: 'uid=abba,ou=people,dc=example,dc=org',
        username: 'abba',
        subject: '0b5ec7a1-0000-4000-8000-abba00000000',
        emails: ['abba@example.org', 'a.b@example.com'],
        role: undefined,
      });
    }
  });

  it.each([
    ['a wrong password', 'abba', 'password of bead'],
    ['an unknown name', 'nobody', 'password of abba'],
    ['an empty password, with which a bind succeeds', 'abba', ''],
    ['a password that begins with NUL', 'abba', '\0'],
    ['an unknown name and no password', 'nobody', ''],
    ['everybody', '*', 'password of abba'],
    ['a filter in the name', 'x)(uid=abba', 'password of abba'],
    ['an escape in the name', '\\61bba', 'password of abba'],
    ['a NUL behind the name', 'abba\0', 'password of abba'],
    ['the name of an entry', 'uid=abba,ou=people,dc=example,dc=org', 'password of abba'],
    ['half of a surrogate pair', 'abba\ud800', 'password of abba'],
    ['an address of two people', 'shared@example.org', 'password of bead'],
  ])('is nobody by %s', async (_, username, password) => {
    expect(await ask('sound', username, password)).toBeNull();
  });

  it('that nobody is takes as many questions as a wrong password', async () => {
    const questions = async (entries: Entry[]) => {
      const asked: string[] = [];
      const connection: Connection = {
        bind: async (name) => {
          asked.push(name === SERVICE.user ? 'service' : 'password');
          return { code: name === SERVICE.user ? 0 : 49, diagnostic: '' };
        },
        search: async () => {
          asked.push('search');
          return entries;
        },
        close: () => asked.push('close'),
      };
      await authenticate(SETTINGS, async () => connection, { username: 'abba', password: 'wrong' });
      return asked;
    };
    const known = await questions([{ dn: 'uid=abba', attributes: new Map() }]);
    expect(known).toEqual(['service', 'search', 'password', 'close']);
    expect(await questions([])).toEqual(known);
  });

  it('has the highest role of their groups: by member, uniqueMember or memberUid', async () => {
    const roleMap = {
      'CN=Staff,OU=Groups,DC=example,DC=org': 'analyst',
      'cn=ops,ou=groups,dc=example,dc=org': 'reviewer',
      'cn=chiefs,ou=groups,dc=example,dc=org': 'admin',
    } as const;
    const roleOf = async (name: string) =>
      (await ask('sound', name, `password of ${name}`, { roleMap }))?.role;
    expect([await roleOf('abba'), await roleOf('bead'), await roleOf('cafe')]).toEqual([
      'reviewer',
      'admin',
      null,
    ]);
  });

  it('of Active Directory is known by the GUID, and has the roles of groups around their groups', async () => {
    const jane = (roleMap: DirectorySettings['roleMap'], name = 'jdoe') =>
      ask('active', name, 'secret of jane', { roleMap });
    expect(await jane({ 'cn=outer,ou=groups,dc=example,dc=org': 'reviewer' })).toMatchObject({
      subject: '00112233-4455-6677-8899-aabbccddeeff',
      username: 'JDoe',
      role: 'reviewer',
    });
    const direct = await jane({ 'cn=direct,ou=groups,dc=example,dc=org': 'analyst' }, 'jane@example.org');
    expect(direct?.role).toBe('analyst');
  });

  it('in more groups than are read has no role that depends on where reading stopped', async () => {
    const roleMap = { 'cn=g1,dc=example,dc=org': 'admin' } as const;
    await expect(ask('many', 'abba', 'password of abba', { bind: null, roleMap })).rejects.toThrow(
      'more than 1000 groups',
    );
  });
});

describe('a directory that fails', () => {
  it.each([
    ['silent', 'within'],
    ['hangsUp', 'closed'],
    ['garbage', 'not an LDAP message'],
    ['noise', 'operation 0xff'],
    ['claimsMuch', 'bytes'],
    ['loops', 'cut off'],
    ['drips', 'within'],
    ['refers', 'a referral, which is not followed'],
    ['saysGoodbye', 'hung up'],
    ['answersOthers', 'not asked'],
    ['mixesUp', 'another request'],
    ['busy', 'code 51'],
  ] satisfies [DirectoryName, string][])('%s is given up soon, with its reason', async (name, reason) => {
    const started = Date.now();
    const error = await ask(name, 'abba', 'password of abba', {}, SHORT).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(DirectoryError);
    expect((error as Error).message).toContain(reason);
    expect(Date.now() - started).toBeLessThan(4_000);
  });

  it('endless is given up at some megabytes', async () => {
    const patient = { stepMs: 20_000, totalMs: 20_000 };
    await expect(ask('endless', 'abba', 'password of abba', {}, patient)).rejects.toThrow(
      'more than 8388608 bytes',
    );
  });

  it.each([
    ['refusesTls', 'refuses it (code 2)'],
    ['injects', 'before TLS had begun'],
    ['stallsTls', ''],
  ] satisfies [DirectoryName, string][])(
    '%s gets no password when TLS is asked for',
    async (name, reason) => {
      const error = await ask(name, 'abba', 'password of abba', { tls: 'starttls' }, SHORT).catch(
        (caught) => caught,
      );
      expect(error).toBeInstanceOf(DirectoryError);
      expect((error as Error).message).toContain(reason);
    },
  );

  it('is one that does not take the service user, and one that is not there', async () => {
    const bind = { user: SERVICE.user, password: 'wrong' };
    await expect(ask('sound', 'abba', 'password of abba', { bind })).rejects.toThrow(
      'LDAP_BIND_USER is refused: code 49',
    );
    const nowhere = () => openConnection(dial(1, 'off'), 'off');
    await expect(nowhere()).rejects.toThrow('it cannot be reached');
    await expect(ask('sound', 'abba', 'x', { tls: 'on' })).rejects.toThrow('NODE_EXTRA_CA_CERTS');
  });
});
