import { env } from 'cloudflare:workers';
import type { Env } from '../../src/env.ts';
import { newId } from '../../src/ids.ts';
import { sha256, signToken } from '../../src/platform/accounts/tokens.ts';
import { services } from '../../src/services.ts';
import type { GroupRole, Role } from '../../src/store/scope.ts';
import { call } from './call.ts';

const bindings = env as unknown as Env;
const AT = '2026-01-01T00:00:00.000Z';

export interface Person {
  id: string;
  username: string;
  role: Role;
  personalGroupId: string;
  /** Of a login of theirs. */
  headers: Record<string, string>;
}

let people = 0;

/** A user with a personal group and a login, and a role in some groups; straight into the database, because scrypt is slow. */
export async function person(role: Role, groups: Record<string, GroupRole> = {}): Promise<Person> {
  // The first boot makes its admin only where there is no user yet.
  if (people === 0) await call('/health/ready');
  people += 1;
  const [id, personalGroupId, username] = [newId(), newId(), `${role}-${people}`];
  const { DB } = bindings;
  await DB.batch([
    DB.prepare(
      'INSERT INTO users (id, username, role, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?4)',
    ).bind(id, username, role, AT),
    DB.prepare(
      'INSERT INTO groups (id, name, personal_user_id, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?4)',
    ).bind(personalGroupId, username, id, AT),
    ...Object.entries({ ...groups, [personalGroupId]: 'admin' }).map(([group, held]) =>
      DB.prepare('INSERT INTO group_members (group_id, user_id, role) VALUES (?, ?, ?)').bind(
        group,
        id,
        held,
      ),
    ),
  ]);
  return { id, username, role, personalGroupId, headers: (await loginOf(id)).headers };
}

/** A credential: its id, and what a request sends. */
export interface Held {
  id: string;
  headers: Record<string, string>;
}

/** A new login of a user. */
export async function loginOf(userId: string): Promise<Held> {
  const session = newId();
  await bindings.DB.prepare(
    `INSERT INTO sessions (id, user_id, refresh_hash, created_at, refreshed_at, expires_at)
     VALUES (?1, ?2, ?1, ?3, ?3, '2999-01-01T00:00:00.000Z')`,
  )
    .bind(session, userId, AT)
    .run();
  const claims = { userId, credentialId: session, via: 'token' as const, id: newId() };
  const token = await signToken(services(bindings).config, 'access', claims, new Date());
  return { id: session, headers: { authorization: `Bearer ${token}` } };
}

/** A new key of a user, which carries only the given scopes. */
export async function keyOf(userId: string, scopes: string[] | null = null): Promise<Held> {
  const id = newId();
  const key = `rak_${newId()}`;
  await bindings.DB.prepare(
    `INSERT INTO api_keys (id, user_id, name, hash, prefix, scopes, created_at) VALUES (?, ?, 'test', ?, 'rak_', ?, ?)`,
  )
    .bind(id, userId, sha256(key), scopes && JSON.stringify(scopes), AT)
    .run();
  return { id, headers: { 'x-api-key': key } };
}
