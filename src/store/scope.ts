/**
 * The one door. A `Caller` is who asks and what they may do at this moment; a `RepoScope` is proof that this caller
 * may read (or change) one repo. Every store function that touches a repo's data takes one or the other; a
 * `RepoScope` is minted only in `store/repos.ts` (and by `systemScope` for job steps), so a handler has no unscoped
 * query to call by mistake.
 */
import { type SQL, type SQLWrapper, sql } from 'drizzle-orm';

export const ROLES = ['viewer', 'analyst', 'reviewer', 'admin'] as const;
export type Role = (typeof ROLES)[number];
export const GROUP_ROLES = ['viewer', 'editor', 'admin'] as const;
export type GroupRole = (typeof GROUP_ROLES)[number];

export interface Caller {
  /** null for anonymous. */
  userId: string | null;
  username: string | null;
  /** Global role; null for anonymous callers of a deployment with `ANONYMOUS_ROLE=none`. */
  role: Role | null;
  /** Group id → role there. A global admin counts as admin of every group without being listed. */
  groups: ReadonlyMap<string, GroupRole>;
  personalGroupId: string | null;
  /** Scopes of the key or token; null = all the owner's rights. They narrow, never widen. */
  scopes: ReadonlySet<string> | null;
  /** How they came: decides e.g. whether keys may be minted. */
  via: 'token' | 'key' | 'anonymous';
  /** Id of the session or key, null for anonymous. */
  credentialId: string | null;
}

/** A caller without identity; `role` is what the deployment grants to those. */
export function anonymous(role: Caller['role']): Caller {
  return {
    userId: null,
    username: null,
    role,
    groups: new Map(),
    personalGroupId: null,
    scopes: null,
    via: 'anonymous',
    credentialId: null,
  };
}

/**
 * Whose request it will be, while the credential is still being looked up: the database itself tells what this user may
 * see. Only for reads that travel with that look-up; what they found opens to the `Caller` that comes of it.
 */
export interface Expected {
  userId: string;
  expected: true;
}
export type Viewer = Caller | Expected;

export type Access = 'read' | 'write' | 'admin';

/** The repo's row as the store hands it out (camelCase of `repos`), plus the caller's access. */
export interface RepoScope {
  readonly caller: Caller | 'system';
  readonly access: Access;
  readonly repo: {
    readonly key: number;
    readonly id: string;
    readonly shard: number;
    readonly groupId: string;
    readonly name: string;
  };
  /** Unforgeable outside `store/`: see `mintRepoScope`. */
  readonly [minted]: true;
}
export const minted: unique symbol = Symbol('RepoScope');

/** For `store/repos.ts` only; a test holds that nothing else imports it. */
export function mintRepoScope(caller: Caller | 'system', access: Access, repo: RepoScope['repo']): RepoScope {
  return Object.freeze({
    caller,
    access,
    repo: Object.freeze({
      key: repo.key,
      id: repo.id,
      shard: repo.shard,
      groupId: repo.groupId,
      name: repo.name,
    }),
    [minted]: true as const,
  });
}

/** True when `caller` holds at least `wanted` globally. */
export function hasRole(caller: Caller, wanted: Role): boolean {
  return caller.role !== null && ROLES.indexOf(caller.role) >= ROLES.indexOf(wanted);
}

/** True when `caller` holds at least `wanted` in the group. */
export function hasGroupRole(caller: Caller, groupId: string, wanted: GroupRole): boolean {
  if (caller.role === 'admin') return true;
  const role = caller.groups.get(groupId);
  return role !== undefined && GROUP_ROLES.indexOf(role) >= GROUP_ROLES.indexOf(wanted);
}

/** The ids of the caller's groups, as SQL takes them. */
export function groupIds(caller: Caller): string {
  return JSON.stringify([...caller.groups.keys()]);
}

/** SQL: the same of an expected user, whose id is in `userId`. */
export function expectedGroupIds(userId: SQLWrapper): SQL {
  return sql`(SELECT json_group_array(group_id) FROM group_members WHERE user_id = ${userId})`;
}

/** SQL: the expected user is a global admin. */
export function expectedAdmin(userId: SQLWrapper): SQL {
  return sql`(SELECT role FROM users WHERE id = ${userId}) = 'admin'`;
}

/** SQL: the group whose id is in `column` is one of the caller's. */
export function inGroupsOf(caller: Caller, column: SQLWrapper): SQL {
  return inGroups(column, groupIds(caller));
}

/** SQL: the group whose id is in `column` is one of `ids`. */
export function inGroups(column: SQLWrapper, ids: unknown): SQL {
  return sql`${column} IN (SELECT value FROM json_each(${ids}))`;
}

/** SQL: a project of one of the groups in `ids` shows the repo whose key is in `column`. */
export function shownTo(column: SQLWrapper, ids: unknown): SQL {
  return sql`EXISTS (SELECT 1 FROM projects p WHERE p.repo_key = ${column} AND ${inGroups(sql`p.group_id`, ids)})`;
}
