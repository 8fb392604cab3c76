/** Logins by the operator's directory. */
import { type Config, notConfigured } from '../../../config.ts';
import { Problem } from '../../../errors.ts';
import { parseScopes } from '../../../http/scopes.ts';
import type { Services } from '../../../services.ts';
import type { Origin } from '../audit.ts';
import { admitExternal, type ExternalIdentity } from '../external.ts';
import { guarded, sessionFor, type TokenPair } from '../sessions.ts';
import { DirectoryError, openConnection } from './connection.ts';
import { authenticate, type Person } from './directory.ts';
import { canonicalDn } from './dn.ts';

type Needs = Pick<Services, 'env' | 'db' | 'config' | 'clock' | 'newId' | 'log' | 'egress'>;
type Credentials = { username: string; password: string };

/**
 * Checks a password with the directory and opens a session.
 * @throws Problem `unauthorized` with one sentence for every reason, `forbidden` when the account is disabled,
 *   `upstream` when the directory cannot be asked, `not_configured`, `rate_limited`, `validation` for unknown scopes
 */
export async function ldapLogin(
  s: Needs,
  origin: Origin,
  input: Credentials & { scope?: string },
): Promise<TokenPair> {
  const directory = s.config.ldap;
  if (!directory) throw notConfigured('LDAP_SERVER', 'is not set');
  const scopes = parseScopes(input.scope);
  return guarded(s, origin, countedAs(input.username), 'ldap', async () => {
    const person = await ask(s, directory, input);
    if (!person) return { failed: null };
    const user = await admitExternal(s, identityOf(directory, person, s.config.sso.defaultRole), origin);
    return { pair: await sessionFor(s, origin, user, { method: 'ldap', scopes }) };
  });
}

/**
 * The name that failures count for. A directory takes many spellings for one (case, width, accents, spaces, invisible
 * characters), and none of them is to have guesses of its own. No user of ours has a slash in the name, so that a
 * success at one kind of login never clears the failures of the other.
 */
function countedAs(username: string): string {
  const letters = username
    .normalize('NFKD')
    .replace(/[\p{M}\p{C}]/gu, '')
    .toLowerCase();
  return `ldap/${letters.replace(/\s+/gu, ' ').trim()}`;
}

/** Logins that an isolate asks the directory for at once: a flood shall not become a flood of connections. */
const MAX_ASKING = 32;
let asking = 0;

async function ask(
  s: Pick<Needs, 'egress'>,
  directory: NonNullable<Config['ldap']>,
  credentials: Credentials,
): Promise<Person | null> {
  if (asking >= MAX_ASKING) {
    throw new Problem('unavailable', 'Too many logins at once; try again in a moment.', { retryAfter: 5 });
  }
  asking += 1;
  try {
    const connect = () => openConnection(() => s.egress.connect('ldap'), directory.server.tls);
    return await authenticate(directory, connect, credentials);
  } catch (error) {
    if (!(error instanceof DirectoryError)) throw error;
    throw new Problem('upstream', 'The directory cannot be asked; try again later.', { cause: error });
  } finally {
    asking -= 1;
  }
}

/**
 * The issuer is the directory's base, not its server: accounts survive a new host and the step to TLS. Addresses count
 * as verified because the operator's directory says them; its users must not be able to write their own `mail`.
 */
function identityOf(
  directory: NonNullable<Config['ldap']>,
  person: Person,
  defaultRole: NonNullable<ExternalIdentity['role']>,
): ExternalIdentity {
  const [email = null, ...otherEmails] = person.emails;
  return {
    provider: 'ldap',
    issuer: `ldap:${canonicalDn(directory.baseDn)}`,
    subject: person.subject,
    username: person.username,
    email,
    emailVerified: email !== null,
    otherEmails,
    organisations: [],
    role: person.role === null ? defaultRole : person.role,
  };
}
