/** What admins do with users, and users with themselves. */
import { randomBytes } from 'node:crypto';
import { invalid, Problem } from '../../errors.ts';
import type { Services } from '../../services.ts';
import type { AuditEntry } from '../../store/audit.ts';
import { listRepos } from '../../store/repos.ts';
import type { Caller, Role } from '../../store/scope.ts';
import {
  type ChangeOutcome,
  deleteUserRow,
  findReset,
  findUser,
  insertReset,
  insertUser,
  passwordHashOf,
  personalRepos,
  redeemReset,
  type User,
  type UserChange,
  updateUser,
} from '../../store/users.ts';
import { deleteRepos } from '../repos/remove.ts';
import { entryOf, type Origin, userTarget } from './audit.ts';
import { hashPassword, verifyPassword } from './passwords.ts';
import { countAttempt } from './sessions.ts';
import { sha256 } from './tokens.ts';

type Needs = Pick<Services, 'db' | 'clock' | 'newId'>;

const MISSING = 'There is no such user.';

/** @throws Problem `not_found` */
export async function userById(s: Pick<Needs, 'db'>, id: string): Promise<User> {
  const user = await findUser(s.db, id);
  if (!user) throw new Problem('not_found', MISSING);
  return user;
}

export interface UserRequest {
  username: string;
  email?: string | null;
  /** Absent: the user comes by single sign-on, or by a reset link. */
  password?: string;
  role: Role;
}

/** @throws Problem `conflict` when the name is taken */
export async function createUser(s: Needs, origin: Origin, request: UserRequest): Promise<User> {
  const { username, email, password, role } = request;
  refuseName(password, username);
  const id = s.newId();
  const created = await insertUser(
    s.db,
    {
      id,
      groupId: s.newId(),
      username,
      email: email ?? null,
      emailBy: 'admin',
      passwordHash: password === undefined ? null : await hashPassword(password),
      role,
      now: s.clock().toISOString(),
    },
    entryOf(origin, 'user.created', userTarget({ id, username }), { role }),
  );
  if (!created) throw nameTaken();
  return userById(s, id);
}

/** What the schema cannot see: one member against another. */
function refuseName(password: string | undefined, username: string): void {
  if (password?.toLowerCase() === username.toLowerCase()) {
    throw invalid('/password', 'must not be the username');
  }
}

export type UserPatch = Pick<UserChange, 'username' | 'email' | 'role' | 'disabled'>;

/** Changes what is given. @throws Problem `not_found`, `conflict` for a taken name and for the last admin */
export async function changeUser(s: Needs, origin: Origin, user: User, patch: UserPatch): Promise<User> {
  const target = userTarget(user);
  const { role, disabled, ...rest } = differing(user, patch);
  // An admin who repeats the address that the user wrote stands for it from now on.
  const vouches = typeof patch.email === 'string' && user.emailBy === 'user';
  const written: UserChange = { role, disabled, ...rest };
  if ('email' in rest || vouches) Object.assign(written, { email: patch.email, emailBy: 'admin' });
  const entries: AuditEntry[] = [];
  if (role !== undefined) {
    entries.push(entryOf(origin, 'user.role_changed', target, { from: user.role, to: role }));
  }
  if (disabled !== undefined) {
    entries.push(entryOf(origin, disabled ? 'user.disabled' : 'user.enabled', target));
  }
  const changed = Object.keys(vouches ? { ...rest, email: patch.email } : rest);
  if (changed.length > 0) entries.push(entryOf(origin, 'user.updated', target, { changed }));
  if (entries.length > 0) {
    const now = s.clock().toISOString();
    requireChanged(await updateUser(s.db, user.id, written, entries, { now }));
  }
  return userById(s, user.id);
}

/** The members of a patch that say something new. */
function differing(user: User, patch: UserPatch): UserPatch {
  const given = Object.entries(patch) as [keyof UserPatch, unknown][];
  return Object.fromEntries(given.filter(([name, value]) => value !== undefined && value !== user[name]));
}

function requireChanged(outcome: ChangeOutcome): void {
  if (outcome === 'not_found') throw new Problem('not_found', MISSING);
  if (outcome === 'name_taken') throw nameTaken();
  if (outcome === 'last_admin') {
    throw new Problem('conflict', 'This is the last admin who can log in; make another one first.');
  }
}

function nameTaken(): Problem {
  const errors = [{ pointer: '/username', detail: 'is taken' }];
  return new Problem('conflict', 'A user of this name exists.', { errors });
}

/**
 * Changes the caller's own address or password; a new password needs the current one, which counts like a login, and
 * ends every other session.
 * @throws Problem `validation` when the current password is missing or wrong, `rate_limited`
 */
export async function changeMyself(
  s: Needs & Pick<Services, 'env' | 'config'>,
  origin: Origin,
  caller: Caller & { userId: string },
  change: { email?: string | null; password?: string; current_password?: string },
): Promise<void> {
  const user = await userById(s, caller.userId);
  const target = userTarget(user);
  const now = s.clock().toISOString();
  const entries: AuditEntry[] = [];
  const written: UserChange = {};
  if (change.email !== undefined && change.email !== user.email) {
    written.email = change.email;
    written.emailBy = 'user';
    entries.push(entryOf(origin, 'user.updated', target, { changed: ['email'] }));
  }
  if (change.password !== undefined) {
    refuseName(change.password, user.username);
    await requirePassword(s, origin, user, change.current_password);
    written.passwordHash = await hashPassword(change.password);
    entries.push(entryOf(origin, 'user.password_changed', target));
  }
  if (entries.length === 0) return;
  const keepSession = caller.via === 'token' ? caller.credentialId : null;
  requireChanged(await updateUser(s.db, user.id, written, entries, { now, keepSession }));
}

async function requirePassword(
  s: Needs & Pick<Services, 'env' | 'config'>,
  origin: Origin,
  user: User,
  password: string | undefined,
): Promise<void> {
  if (password === undefined) throw invalid('/current_password', 'is required for a new password');
  const account = await countAttempt(s, origin, user.username);
  if (!(await verifyPassword(password, await passwordHashOf(s.db, user.id)))) {
    throw invalid('/current_password', 'is wrong');
  }
  await account.clear('auth-account');
}

/**
 * Deletes a user with the personal group. Its repos go too, if `cascade` says so, each by its own job.
 * @returns the jobs that go on removing their data when the request ends
 * @throws Problem `conflict` with the `repos` that keep the user, or for the last admin; `not_found`
 */
export async function deleteUser(
  s: Needs & Pick<Services, 'jobs'>,
  origin: Origin,
  caller: Caller,
  user: User,
  cascade: boolean,
): Promise<string[]> {
  const now = s.clock().toISOString();
  const entry = entryOf(origin, 'user.deleted', userTarget(user), { cascade });
  const outcome = await deleteUserRow(s.db, user.id, { cascade, now }, entry);
  if (outcome === 'owns_repos') {
    const repos = await personalRepos(s.db, user.id);
    throw new Problem('conflict', 'The user owns repositories; delete them first, or send cascade=true.', {
      members: { repos },
    });
  }
  requireChanged(outcome);
  if (!cascade || user.personalGroupId === null) return [];
  return deleteRepos(s, caller, await listRepos(s.db, caller, { groupId: user.personalGroupId }));
}

const RESET_SECONDS = 24 * 3600;

export interface ResetLink {
  /** Shown once. */
  token: string;
  expiresAt: string;
}

/** A link by which its holder sets the user's password, once, within a day. */
export async function makeResetLink(s: Needs, origin: Origin, user: User): Promise<ResetLink> {
  const token = randomBytes(32).toString('base64url');
  const now = s.clock();
  const expiresAt = new Date(now.getTime() + RESET_SECONDS * 1000).toISOString();
  await insertReset(
    s.db,
    {
      userId: user.id,
      tokenHash: sha256(token),
      createdBy: origin.caller.userId,
      createdAt: now.toISOString(),
      expiresAt,
    },
    entryOf(origin, 'user.reset_link_made', userTarget(user)),
  );
  return { token, expiresAt };
}

/** Sets the password that a reset link allows, and ends the user's sessions. @throws Problem `unauthorized` */
export async function redeemResetLink(
  s: Needs,
  origin: Origin,
  { token, password }: { token: string; password: string },
): Promise<void> {
  const now = s.clock().toISOString();
  const tokenHash = sha256(token);
  const user = await findReset(s.db, tokenHash, now);
  if (user) {
    refuseName(password, user.username);
    const passwordHash = await hashPassword(password);
    const entry = entryOf(
      origin,
      'user.password_changed',
      userTarget({ id: user.userId, username: user.username }),
      {
        by: 'reset link',
      },
    );
    if (await redeemReset(s.db, { tokenHash, userId: user.userId, passwordHash, now }, entry)) return;
  }
  throw new Problem('unauthorized', 'The link is not valid, has been used, or has expired.');
}
