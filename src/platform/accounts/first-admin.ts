/** The first boot: the admin that `API_ADMIN_*` names, with a personal group and a key. Later boots change nothing. */
import type { Services } from '../../services.ts';
import { createFirstAdmin, hasUsers } from '../../store/users.ts';
import { hashPassword } from './passwords.ts';
import { sha256 } from './tokens.ts';

type Needs = Pick<Services, 'env' | 'db' | 'config' | 'clock' | 'newId' | 'log'>;

const done = new WeakMap<D1Database, Promise<void>>();

/**
 * Makes sure that the first admin exists. Safe to call at every request and from many isolates at once: the check and
 * the insert are one transaction, and an isolate asks only until it has succeeded once.
 */
export function ensureAdmin(s: Needs): Promise<void> {
  const known = done.get(s.env.DB);
  if (known) return known;
  const attempt = createIfNone(s);
  done.set(s.env.DB, attempt);
  attempt.catch(() => done.delete(s.env.DB));
  return attempt;
}

async function createIfNone(s: Needs): Promise<void> {
  const { username, password, apiKey } = s.config.admin;
  if (username === null || password === null || (await hasUsers(s.db))) return;
  await createFirstAdmin(s.db, {
    id: s.newId(),
    groupId: s.newId(),
    username,
    passwordHash: await hashPassword(password),
    key: apiKey === null ? null : { id: s.newId(), hash: sha256(apiKey), prefix: apiKey.slice(0, 8) },
    now: s.clock().toISOString(),
  });
  s.log.info('first admin created', { username });
}
