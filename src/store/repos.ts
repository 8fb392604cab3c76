/** Repositories: the only place that mints a `RepoScope`, and with it the only door to a repo's data. */
import { and, asc, eq, isNotNull, isNull, or, type SQL, sql } from 'drizzle-orm';
import { Problem } from '../errors.ts';
import { isId } from '../ids.ts';
import { type ControlDb, type Read, rowOf, run, statement, transact } from './control-db.ts';
import { type RepoRow, repos } from './control-schema.ts';
import { removeEmptied } from './groups.ts';
import {
  type Access,
  type Caller,
  expectedAdmin,
  expectedGroupIds,
  groupIds,
  hasGroupRole,
  inGroups,
  mintRepoScope,
  type RepoScope,
  shownTo,
  type Viewer,
} from './scope.ts';

/** A scope with the row it was made from. */
export type FoundRepo = RepoScope & { readonly row: RepoRow };

const RANK: Record<Access, number> = { read: 0, write: 1, admin: 2 };
const MISSING = 'Repository not found';
const OF_ANOTHER = 'what one user sees was opened by another';

/** What `caller` may do with a repo that it sees: by its role in the owning group, else read. */
function accessTo(caller: Caller, repo: Pick<RepoRow, 'groupId'>): Access {
  if (hasGroupRole(caller, repo.groupId, 'admin')) return 'admin';
  return hasGroupRole(caller, repo.groupId, 'editor') ? 'write' : 'read';
}

const BOUND = {
  groups: sql.placeholder('groups'),
  user: sql.placeholder('user'),
  named: sql.placeholder('named'),
};

/**
 * SQL: the live repos that the viewer sees, as a member of the owning group, by a project, or because they are public.
 * Its placeholders are filled from `boundFor`; `kindOf` says which shape it has.
 */
function visibleTo(viewer: Viewer): SQL | undefined {
  const live = isNull(repos.deletedAt);
  const kind = kindOf(viewer);
  if (kind === 'admin') return live;
  const ids = kind === 'expected' ? expectedGroupIds(BOUND.user) : BOUND.groups;
  const all = kind === 'expected' ? expectedAdmin(BOUND.user) : undefined;
  const open = kind === 'nobody' ? undefined : eq(repos.visibility, 'public');
  return and(live, or(all, inGroups(repos.groupId, ids), shownTo(repos.key, ids), open));
}

function kindOf(viewer: Viewer): 'expected' | 'admin' | 'nobody' | 'someone' {
  if ('expected' in viewer) return 'expected';
  if (viewer.role === 'admin') return 'admin';
  return viewer.role === null ? 'nobody' : 'someone';
}

function boundFor(viewer: Viewer): Record<string, unknown> {
  return 'expected' in viewer ? { user: viewer.userId } : { groups: groupIds(viewer) };
}

/** Repos that are meant: SQL that selects their keys, its shape, and what its placeholders are. */
export interface Naming {
  shape: string;
  keys(): SQL;
  values: Record<string, unknown>;
}

export function naming(viewer: Viewer, nameOrId: string): Naming {
  const byId = isId(nameOrId);
  return {
    shape: `${byId ? 'id' : 'name'} for ${kindOf(viewer)}`,
    // A hundred are as ambiguous as more.
    keys: () =>
      sql`SELECT ${repos.key} FROM ${repos} WHERE ${and(
        eq(byId ? repos.id : repos.name, BOUND.named),
        visibleTo(viewer),
      )} ORDER BY ${repos.key} LIMIT 100`,
    values: { ...boundFor(viewer), named: byId ? nameOrId.toLowerCase() : nameOrId.normalize('NFC') },
  };
}

/** All repos that a viewer sees: SQL that selects their keys, its shape, and what its placeholders are. */
export function visible(viewer: Viewer): Naming {
  return {
    shape: kindOf(viewer),
    keys: () => sql`SELECT ${repos.key} FROM ${repos} WHERE ${visibleTo(viewer)}`,
    values: boundFor(viewer),
  };
}

/**
 * What a name means to the viewer it was looked up for, to be opened by the caller who that proves to be.
 * @throws Problem as `findRepo`
 */
export type Door = (caller: Caller, access: Access) => FoundRepo;

/** The door to the repos that a viewer's `naming` found. */
export function doorTo(viewer: Viewer, found: RepoRow[]): Door {
  return (caller, access) => {
    if (caller.userId !== viewer.userId) throw new Error(OF_ANOTHER);
    return open(found, caller, access);
  };
}

/**
 * The repo a caller names by name or id, with proof of access.
 * @throws Problem `not_found` when the caller may not know of it, `conflict` with the visible `ids` when the name is
 * ambiguous, `forbidden` when it may read but not do what `access` asks.
 */
export async function findRepo(
  db: ControlDb,
  caller: Caller,
  nameOrId: string,
  access: Access,
): Promise<FoundRepo> {
  const { shape, keys, values } = naming(caller, nameOrId);
  const build = () => db.select().from(repos).where(sql`${repos.key} IN (${keys()})`).orderBy(asc(repos.key));
  const found = await run(db.$client, {
    statements: [statement(db, `repo by ${shape}`, build, values)],
    from: ([rows = []]) => rows.map((row) => rowOf(repos, row)),
  });
  return open(found, caller, access);
}

/** The one of the rows that the caller sees. */
function open(rows: RepoRow[], caller: Caller, access: Access): FoundRepo {
  const row = rows[0];
  if (!row) throw new Problem('not_found', MISSING);
  if (rows.length > 1) {
    throw new Problem('conflict', 'Several repositories you can see have this name; use an id', {
      members: { ids: rows.map((each) => each.id) },
    });
  }
  const held = accessTo(caller, row);
  if (RANK[held] < RANK[access]) {
    throw new Problem(
      'forbidden',
      `This needs the role of ${access === 'admin' ? 'admin' : 'editor'} in the group that owns the repository`,
    );
  }
  return withRow(mintRepoScope(caller, held, row), row);
}

export interface RepoFilter {
  /** Names or ids; others are left out. */
  named?: string[];
  /** Only those that this group owns. */
  groupId?: string;
}

/** Every repo the caller may read, by name; of them those that the filter names. */
export async function listRepos(
  db: ControlDb,
  caller: Caller,
  filter: RepoFilter = {},
): Promise<FoundRepo[]> {
  const open = await run(db.$client, reposRead(db, caller, filter));
  return open(caller);
}

/** A read of the same, to be opened by the caller who the viewer proves to be. */
export function reposRead(
  db: ControlDb,
  viewer: Viewer,
  { named, groupId }: RepoFilter = {},
): Read<(caller: Caller) => FoundRepo[]> {
  const one = sql`(${repos.name} IN (SELECT value FROM json_each(${BOUND.named}))
    OR ${repos.id} IN (SELECT lower(value) FROM json_each(${BOUND.named})))`;
  const build = () =>
    db
      .select()
      .from(repos)
      .where(
        and(
          visibleTo(viewer),
          named && one,
          groupId === undefined ? undefined : eq(repos.groupId, sql.placeholder('owner')),
        ),
      )
      .orderBy(asc(repos.name), asc(repos.key));
  const shape = `${named ? ' named' : ''}${groupId === undefined ? '' : ' of a group'} for ${kindOf(viewer)}`;
  const values = {
    ...boundFor(viewer),
    named: JSON.stringify(named?.map((name) => name.normalize('NFC'))),
    owner: groupId,
  };
  return {
    statements: [statement(db, `repos${shape}`, build, values)],
    from: ([rows = []]) => {
      const found = rows.map((row) => rowOf(repos, row));
      return (caller) => {
        if (caller.userId !== viewer.userId) throw new Error(OF_ANOTHER);
        return found.map((row) => withRow(mintRepoScope(caller, accessTo(caller, row), row), row));
      };
    },
  };
}

/** As `listRepos`, without the rows: what search and the other readers need. */
export async function listRepoScopes(
  db: ControlDb,
  caller: Caller,
  filter: RepoFilter = {},
): Promise<RepoScope[]> {
  return listRepos(db, caller, filter);
}

/** The scope of a job step; null when the repo is deleted, which ends the step. */
export async function systemScope(db: ControlDb, repoKey: number): Promise<FoundRepo | null> {
  const row = await db.query.repos.findFirst({ where: and(eq(repos.key, repoKey), isNull(repos.deletedAt)) });
  return row ? withRow(mintRepoScope('system', 'admin', row), row) : null;
}

/** The scope of a repo marked deleted, for the job that removes what belongs to it; null when nothing is left. */
export async function deletedScope(db: ControlDb, repoKey: number): Promise<FoundRepo | null> {
  const row = await db.query.repos.findFirst({
    where: and(eq(repos.key, repoKey), isNotNull(repos.deletedAt)),
  });
  return row ? withRow(mintRepoScope('system', 'admin', row), row) : null;
}

function withRow(scope: RepoScope, row: RepoRow): FoundRepo {
  return Object.freeze({ ...scope, row: Object.freeze(row) });
}

export type NewRepo = Pick<
  RepoRow,
  | 'id'
  | 'groupId'
  | 'createdBy'
  | 'name'
  | 'remoteUrl'
  | 'localPath'
  | 'globPatterns'
  | 'depth'
  | 'refreshMinutes'
  | 'visibility'
  | 'useDeploymentToken'
>;

/**
 * Inserts a repo and gives it a shard, in turn over `shards`.
 * @throws Problem `conflict` when the group has a repo of that name.
 */
export async function createRepo(
  db: ControlDb,
  caller: Caller,
  repo: NewRepo,
  shards: number,
  now: Date,
): Promise<FoundRepo> {
  const at = now.toISOString();
  const rows = await db
    .insert(repos)
    .values({
      ...repo,
      shard: sql<number>`(SELECT coalesce(max(key), 0) % ${shards} FROM repos)`,
      createdAt: at,
      updatedAt: at,
    })
    .onConflictDoNothing()
    .returning();
  const row = rows[0];
  if (!row) throw new Problem('conflict', 'A repository of this name exists in the group');
  return withRow(mintRepoScope(caller, accessTo(caller, row), row), row);
}

export type RepoChange = Partial<
  Pick<
    RepoRow,
    | 'globPatterns'
    | 'depth'
    | 'refreshMinutes'
    | 'visibility'
    | 'useDeploymentToken'
    | 'mirrorStatus'
    | 'mirrorError'
    | 'defaultBranch'
    | 'refsListedAt'
  >
>;

/** Writes the given columns of a live repo; answers its new row, or null when it was deleted meanwhile. */
export async function updateRepo(
  db: ControlDb,
  scope: RepoScope,
  change: RepoChange,
  now: Date,
): Promise<RepoRow | null> {
  const rows = await db
    .update(repos)
    .set({ ...change, updatedAt: now.toISOString() })
    .where(and(eq(repos.key, scope.repo.key), isNull(repos.deletedAt)))
    .returning();
  return rows[0] ?? null;
}

/**
 * Removes the control rows of a repo marked deleted, last of all its data, and of its group if that was deleted and waited
 * for it. Jobs stay readable to the group.
 */
export async function forgetRepo(db: ControlDb, scope: RepoScope): Promise<void> {
  const { key, groupId } = scope.repo;
  const of = (table: 'git_refs' | 'indexed_refs' | 'ref_snapshots' | 'snapshots' | 'packs') =>
    sql`DELETE FROM ${sql.identifier(table)} WHERE repo_key = ${key}
      AND EXISTS (SELECT 1 FROM repos WHERE key = ${key} AND deleted_at IS NOT NULL)`;
  await transact(db, [
    of('indexed_refs'),
    of('ref_snapshots'),
    of('snapshots'),
    of('git_refs'),
    of('packs'),
    db.delete(repos).where(and(eq(repos.key, key), isNotNull(repos.deletedAt))),
    removeEmptied(groupId),
  ]);
}
