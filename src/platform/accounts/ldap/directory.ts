/**
 * Who somebody is, by the word of a directory (OpenLDAP, Active Directory and their kin): found by name, proven by a
 * bind with the password, and given a role by their groups.
 */
import { randomUUID } from 'node:crypto';
import { EqualityFilter, ExtensibleFilter, type Filter, OrFilter, PresenceFilter } from 'ldapts';
import type { Config } from '../../../config.ts';
import { ROLES, type Role } from '../../../store/scope.ts';
import { type Connection, DirectoryError, type Entry } from './connection.ts';
import { canonicalDn } from './dn.ts';

export type DirectorySettings = Pick<
  NonNullable<Config['ldap']>,
  'bind' | 'userSearchBase' | 'groupSearchBase' | 'roleMap'
>;

export interface Person {
  dn: string;
  /** Stays the same when the entry is renamed or moved, where the directory has such a thing; else the name itself. */
  subject: string;
  username: string;
  emails: string[];
  /** The highest of their groups' roles, null when no group has one; undefined when roles are not mapped at all. */
  role: Role | null | undefined;
}

/** What somebody may type as their name. Attributes that a directory does not know match nothing. */
const NAMES = ['uid', 'sAMAccountName', 'userPrincipalName', 'mail'];
const ATTRIBUTES = [...NAMES, 'entryUUID', 'objectGUID', 'memberOf'];

/** More groups than that are a mistake in LDAP_GROUP_SEARCH_BASE: reading on could only be slow, and stopping wrong. */
export const MAX_GROUPS = 1000;

/** Result codes by which a directory says that this name does not go with this password, or is locked or disabled. */
const REFUSALS = new Set([19, 32, 34, 48, 49, 50, 53]);

const ACTIVE_DIRECTORY = '1.2.840.113556.1.4.800';
/** Active Directory's rule that walks from a member up through groups of groups. */
const IN_CHAIN = '1.2.840.113556.1.4.1941';

/**
 * The person whose name and password these are; null when they are not, for whatever reason. A name that nobody has
 * takes as many questions as a wrong password, so that time does not tell them apart.
 * @throws DirectoryError
 */
export async function authenticate(
  settings: DirectorySettings,
  connect: () => Promise<Connection>,
  { username, password }: { username: string; password: string },
): Promise<Person | null> {
  // Without a password a bind is anonymous, and succeeds for everybody; some directories stop reading at a NUL.
  if (password === '' || password.includes('\0')) return null;
  const connection = await connect();
  try {
    await bindService(connection, settings);
    const entry = await findUser(connection, settings, username);
    const nobody = `cn=${randomUUID()},${settings.userSearchBase}`;
    const proven = await proves(connection, entry?.dn ?? nobody, password);
    if (!entry || !proven) return null;
    return { ...personOf(entry, username), role: await roleOf(connection, settings, entry) };
  } finally {
    connection.close();
  }
}

async function bindService(connection: Connection, { bind }: DirectorySettings): Promise<void> {
  if (!bind) return;
  const { code, diagnostic } = await connection.bind(bind.user, bind.password);
  if (code !== 0) {
    throw new DirectoryError('bind', `LDAP_BIND_USER is refused: code ${code} ${diagnostic}`);
  }
}

/** The one entry of that name. Two are nobody: which of them is meant cannot be told. */
async function findUser(
  connection: Connection,
  settings: DirectorySettings,
  username: string,
): Promise<Entry | null> {
  const entries = await connection.search({
    base: settings.userSearchBase,
    scope: 'sub',
    // Values travel as they are, beside the filter's form and not within it: nothing in them can change it.
    filter: anyOf(NAMES.map((attribute) => equals(attribute, username))),
    attributes: ATTRIBUTES,
    atMost: 1,
  });
  // An entry without a name is the directory itself, and a bind without a name is anonymous.
  const [entry] = entries;
  return entries.length === 1 && entry && entry.dn !== '' && !/\p{Cc}/u.test(username) ? entry : null;
}

async function proves(connection: Connection, dn: string, password: string): Promise<boolean> {
  const { code, diagnostic } = await connection.bind(dn, password);
  if (code === 0 || REFUSALS.has(code)) return code === 0;
  throw new DirectoryError('bind', `it does not judge the password: code ${code} ${diagnostic}`);
}

/** Asked as the service user, or, where there is none, as the person: who may see more than nobody. */
async function roleOf(
  connection: Connection,
  settings: DirectorySettings,
  entry: Entry,
): Promise<Role | null | undefined> {
  const roles = new Map(Object.entries(settings.roleMap).map(([dn, role]) => [canonicalDn(dn), role]));
  if (roles.size === 0) return undefined;
  await bindService(connection, settings);
  const groups = [...texts(entry, 'memberOf'), ...(await groupsOf(connection, settings, entry))];
  const held = new Set(groups.map((dn) => roles.get(canonicalDn(dn))));
  return ROLES.toReversed().find((role) => held.has(role)) ?? null;
}

async function groupsOf(
  connection: Connection,
  settings: DirectorySettings,
  entry: Entry,
): Promise<string[]> {
  const nests = entry.attributes.has('objectguid') && (await isActiveDirectory(connection));
  const member = nests
    ? new ExtensibleFilter({ matchType: 'member', rule: IN_CHAIN, value: entry.dn })
    : equals('member', entry.dn);
  const names = texts(entry, 'uid').map((uid) => equals('memberUid', uid));
  const groups = await connection.search({
    base: settings.groupSearchBase,
    scope: 'sub',
    filter: anyOf([member, equals('uniqueMember', entry.dn), ...names]),
    attributes: ['1.1'],
    atMost: MAX_GROUPS,
  });
  if (groups.length > MAX_GROUPS) {
    throw new DirectoryError('search', `somebody is in more than ${MAX_GROUPS} groups`);
  }
  return groups.map(({ dn }) => dn);
}

async function isActiveDirectory(connection: Connection): Promise<boolean> {
  const [root] = await connection.search({
    base: '',
    scope: 'base',
    filter: new PresenceFilter({ attribute: 'objectClass' }),
    attributes: ['supportedCapabilities'],
    atMost: 1,
  });
  return root !== undefined && texts(root, 'supportedCapabilities').includes(ACTIVE_DIRECTORY);
}

function personOf(entry: Entry, typed: string): Omit<Person, 'role'> {
  const names = ['sAMAccountName', 'uid', 'userPrincipalName'].flatMap((type) => texts(entry, type));
  return {
    dn: entry.dn,
    subject: subjectOf(entry),
    username: names[0] ?? typed,
    emails: texts(entry, 'mail'),
  };
}

function subjectOf(entry: Entry): string {
  const [uuid] = texts(entry, 'entryUUID');
  if (uuid) return uuid.toLowerCase();
  const [guid] = entry.attributes.get('objectguid') ?? [];
  return guid?.length === 16 ? guidText(guid) : canonicalDn(entry.dn);
}

/** As Windows writes a GUID: its first three groups are little-endian. */
function guidText(bytes: Uint8Array): string {
  const order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
  const hex = Buffer.from(order.map((at) => bytes[at]!)).toString('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** The values of an attribute that are text. */
function texts(entry: Entry, type: string): string[] {
  const values = entry.attributes.get(type.toLowerCase()) ?? [];
  return values.map((value) => Buffer.from(value).toString('utf8')).filter((value) => value !== '');
}

const equals = (attribute: string, value: string) => new EqualityFilter({ attribute, value });
const anyOf = (filters: Filter[]) => new OrFilter({ filters });
