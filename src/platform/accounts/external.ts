/**
 * From an account elsewhere to one here. An identity is known by issuer and subject, never by what may change or be
 * claimed. At its first sign-on it gets an account: the one that an admin made beforehand with an address that the provider
 * has verified, as long as nobody signs on to that account; else, if `SSO_ALLOWED` admits it, a new one.
 */
import { randomBytes } from 'node:crypto';
import type { Config } from '../../config.ts';
import { Problem } from '../../errors.ts';
import { isId } from '../../ids.ts';
import type { Services } from '../../services.ts';
import { recordEvent } from '../../store/audit.ts';
import {
  findByEmail,
  findIdentity,
  type IdentifiedUser,
  insertIdentifiedUser,
  linkIdentity,
} from '../../store/identities.ts';
import type { Role } from '../../store/scope.ts';
import { updateUser } from '../../store/users.ts';
import { entryOf, type Origin, userTarget } from './audit.ts';
import { ensureAdmin } from './first-admin.ts';
import { sessionFor, type TokenPair } from './sessions.ts';

export type ExternalProvider = 'github' | 'google' | 'gitlab' | 'keycloak' | 'ldap';

/** What a provider or directory says about who has just proven to be someone. */
export interface ExternalIdentity {
  provider: ExternalProvider;
  issuer: string;
  subject: string;
  /** What the user is called there; here as well, unless it is taken. */
  username: string;
  email: string | null;
  emailVerified: boolean;
  /** Further addresses, all of them verified. */
  otherEmails?: string[];
  /** GitHub organisations; lower case. */
  organisations: string[];
  /** Given by the directory at every login (`LDAP_ROLE_MAP`). Absent: `SSO_DEFAULT_ROLE` at creation, and afterwards the account's role stays. */
  role?: Role;
}

type Needs = Pick<Services, 'env' | 'db' | 'config' | 'clock' | 'newId' | 'log'>;

/**
 * Opens a session for an external identity, as every login does.
 * @throws Problem `forbidden` when the identity is not admitted or its user is disabled, which is recorded
 */
export async function signInExternal(
  s: Needs,
  identity: ExternalIdentity,
  origin: Origin,
): Promise<TokenPair> {
  const user = await admitExternal(s, identity, origin);
  return sessionFor(s, origin, user, { method: identity.provider, scopes: null });
}

/** The user of an external identity, made or linked at its first sign-on. @throws as `signInExternal` */
export async function admitExternal(
  s: Needs,
  identity: ExternalIdentity,
  origin: Origin,
): Promise<{ id: string; username: string }> {
  await ensureAdmin(s);
  const user = await accountOf(s, identity, origin);
  if (user.disabled) throw await refusal(s, identity, origin, user, DISABLED);
  // Who came by SSO_ALLOWED stays by it; whom an admin made stays until the admin says otherwise.
  if (user.madeUser && s.config.sso.allowed.length > 0 && !isAllowed(s.config, identity)) {
    throw await refusal(s, identity, origin, user, NO_LONGER);
  }
  await applyRole(s, identity, origin, user);
  return user;
}

const DISABLED = 'This account is disabled.';
const NO_LONGER = 'Your e-mail domain or organisation is no longer allowed here.';
const NOT_ALLOWED =
  'No account here is yours: an admin has to create one with your e-mail address, or allow your domain or organisation.';

/**
 * Whether `SSO_ALLOWED` lets an identity have an account. A directory is the operator's own, and its search base says who
 * is in it; at the others anybody may have an account. An entry with a dot, or behind an `@`, is the domain of an e-mail
 * address, any other an organisation.
 */
function isAllowed(config: Pick<Config, 'sso'>, identity: ExternalIdentity): boolean {
  if (identity.provider === 'ldap') return true;
  const domains = verifiedEmails(identity).map((email) => email.slice(email.lastIndexOf('@')));
  const mine = new Set([...domains, ...identity.organisations].map((each) => each.toLowerCase()));
  return config.sso.allowed.some((each) => mine.has(/^[^@]*\./.test(each) ? `@${each}` : each));
}

function verifiedEmails(identity: ExternalIdentity): string[] {
  const { email, emailVerified, otherEmails = [] } = identity;
  return email !== null && emailVerified ? [email, ...otherEmails] : otherEmails;
}

/** Each round sees what another sign-on of the same identity did meanwhile, or tries another name. */
const ROUNDS = 12;

async function accountOf(s: Needs, identity: ExternalIdentity, origin: Origin): Promise<IdentifiedUser> {
  for (let round = 0; round < ROUNDS; round++) {
    const known = await findIdentity(s.db, identity);
    if (known) return known;
    await giveAccount(s, identity, origin, round);
  }
  throw new Error('an identity neither has an account nor can be given one');
}

/** Links or creates, unless somebody else just did. @throws Problem `forbidden` */
async function giveAccount(
  s: Needs,
  identity: ExternalIdentity,
  origin: Origin,
  round: number,
): Promise<void> {
  const now = s.clock().toISOString();
  const { provider, issuer, subject } = identity;
  const addressees = await findByEmail(s.db, verifiedEmails(identity));
  // An account that was closed is not opened again under another name.
  const disabled = addressees.find((each) => each.disabled);
  if (disabled) throw await refusal(s, identity, origin, disabled, DISABLED);
  const awaited = addressees.filter((each) => each.emailBy === 'admin' && !each.identified);
  const [account] = awaited;
  if (account && awaited.length === 1) {
    const entry = entryOf(
      { ...origin, caller: { userId: account.id, username: account.username, via: 'token' } },
      'user.identity_linked',
      userTarget(account),
      { provider, issuer, subject },
    );
    await linkIdentity(s.db, { ...identity, now }, account, entry);
    return;
  }
  if (!isAllowed(s.config, identity)) throw await refusal(s, identity, origin, null, NOT_ALLOWED);
  await createAccount(s, identity, origin, round, now);
}

async function createAccount(
  s: Needs,
  identity: ExternalIdentity,
  origin: Origin,
  round: number,
  now: string,
): Promise<void> {
  const { provider, issuer, subject, emailVerified } = identity;
  const id = s.newId();
  const email = identity.email !== null && EMAIL.test(identity.email) ? identity.email : null;
  const username = nameFor(identity, round);
  const role = identity.role ?? s.config.sso.defaultRole;
  await insertIdentifiedUser(
    s.db,
    { ...identity, now },
    { id, groupId: s.newId(), username, email, emailBy: emailVerified ? 'provider' : 'user', role },
    entryOf(
      { ...origin, caller: { userId: id, username, via: 'token' } },
      'user.created',
      userTarget({ id, username }),
      { role, provider, issuer, subject },
    ),
  );
}

/** Of what a provider says, as much as a column for addresses should hold. */
const EMAIL = /^(?!.{255})[^\s\p{C}@]+@[^\s\p{C}@]+$/u;

const MAX_NAME = 180;

/**
 * The name there, as far as our names allow it: the rule of `schemas.ts`. From the second round on with a suffix, and
 * in the end with one that nobody else has.
 */
function nameFor(identity: ExternalIdentity, round: number): string {
  const clean = [...identity.username.normalize('NFC').replace(/[\p{C}/]/gu, '')]
    .slice(0, MAX_NAME)
    .join('')
    .trim();
  const base = clean === '' || isId(clean) ? `${identity.provider}-user` : clean;
  if (round === 0) return base;
  return `${base}-${round < ROUNDS / 2 ? round + 1 : randomBytes(4).toString('hex')}`;
}

/** Writes the role that the directory gives, if it is another one. The last admin stays an admin. */
async function applyRole(
  s: Needs,
  { provider, role }: ExternalIdentity,
  origin: Origin,
  user: IdentifiedUser,
): Promise<void> {
  if (role === undefined || role === user.role) return;
  const caller = { userId: user.id, username: user.username, via: 'token' as const };
  const detail = { from: user.role, to: role, by: provider };
  const entry = entryOf({ ...origin, caller }, 'user.role_changed', userTarget(user), detail);
  const outcome = await updateUser(s.db, user.id, { role }, [entry], { now: s.clock().toISOString() });
  if (outcome === 'last_admin') s.log.warn('the last admin keeps the role', { username: user.username });
}

/** Records that a sign-on was refused, and answers the error to throw. */
async function refusal(
  s: Needs,
  { provider, issuer, subject }: ExternalIdentity,
  origin: Origin,
  user: { id: string; username: string } | null,
  sentence: string,
): Promise<Problem> {
  const detail = { method: provider, issuer, subject, reason: sentence };
  await recordEvent(s.db, entryOf(origin, 'login.failed', user && userTarget(user), detail));
  return new Problem('forbidden', sentence);
}
