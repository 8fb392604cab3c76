/**
 * Refs: what the remote lists (`git_refs`), what is indexed (`indexed_refs`), and which of them a caller's word means.
 * The order is the same for both: exact stored name, `refs/heads/x`, `refs/tags/x` (a tag wins over a branch of the
 * same short name), `HEAD`, a commit, and for reading only a semver range.
 */
import { eq, sql } from 'drizzle-orm';
import semver from 'semver';
import {
  type ControlDb,
  columnsOf,
  type Read,
  type Row,
  rowOf,
  run,
  statement,
  transact,
} from './control-db.ts';
import {
  type GitRefRow,
  gitRefs,
  type IndexedRefRow,
  indexedRefs,
  repos,
  type SnapshotRow,
  snapshots,
} from './control-schema.ts';
import { jsonPieces } from './index-json.ts';
import { type Door, doorTo, type FoundRepo, naming, reposRead, visible } from './repos.ts';
import type { Caller, RepoScope, Viewer } from './scope.ts';

const HEADS = 'refs/heads/';
const TAGS = 'refs/tags/';
const FULL_OID = /^[0-9a-f]{40}$/;
const SHORT_OID = /^[0-9a-f]{4,39}$/;

export interface Coverage {
  indexed: number;
  skipped: number;
  reasons: Record<string, number>;
}

/** A ref that answers: its stored name and the complete snapshot behind it. */
export interface ServedRef {
  ref: string;
  snapshotId: number;
  commitSha: string;
  indexedAt: string;
  coverage: Coverage;
}

/** A row of `indexed_refs`, with the snapshot it serves. */
export interface TrackedRef {
  ref: IndexedRefRow;
  snapshot: SnapshotRow | null;
  /** Of the repo, as its remote says. */
  defaultBranch: string | null;
}
type Served = TrackedRef & { snapshot: SnapshotRow };

/**
 * The indexed ref that `ref` means, or null when none does. Without `ref`: the default branch when it is indexed, else
 * the most recently indexed ref.
 */
export async function resolveIndexedRef(
  db: ControlDb,
  scope: RepoScope,
  ref: string | undefined,
): Promise<ServedRef | null> {
  const rows = await listIndexedRefs(db, [scope.repo.key]);
  return refsNamed(rows, ref).get(scope.repo.key) ?? null;
}

/** The same of several repos whose rows are known, by repo key; repos without such a ref are left out. */
export function refsNamed(rows: readonly TrackedRef[], ref: string | undefined): Map<number, ServedRef> {
  const resolved = new Map<number, ServedRef>();
  for (const [key, own] of Map.groupBy(servedOf(rows), (row) => row.ref.repoKey)) {
    const branch = own[0]!.defaultBranch;
    const found = ref === undefined ? byDefault(own, branch) : named(own, ref, branch);
    if (found) resolved.set(key, toServed(found));
  }
  return resolved;
}

/** Every ref that answers, by repo key, most recently indexed first. */
export function refsServed(rows: readonly TrackedRef[]): Map<number, ServedRef[]> {
  const served = new Map<number, ServedRef[]>();
  for (const [key, own] of Map.groupBy(servedOf(rows), (row) => row.ref.repoKey)) {
    served.set(key, own.map(toServed));
  }
  return served;
}

/** The indexed ref of one repo that `ref` means, among all that the repo has. */
export function resolveAmong(rows: readonly TrackedRef[], ref: string): ServedRef | null {
  const served = servedOf(rows);
  const found = served[0] && named(served, ref, served[0].defaultBranch);
  return found ? toServed(found) : null;
}

/** Those that answer, most recently indexed first, then by name as they came. */
function servedOf(rows: readonly TrackedRef[]): Served[] {
  const at = (row: TrackedRef) => row.ref.indexedAt!;
  return rows
    .filter((row): row is Served => row.snapshot !== null && row.ref.indexedAt !== null)
    .sort((a, b) => (at(a) === at(b) ? 0 : at(a) > at(b) ? -1 : 1));
}

function toServed({ ref, snapshot }: Served): ServedRef {
  return {
    ref: ref.ref,
    snapshotId: snapshot.id,
    commitSha: snapshot.commitOid,
    indexedAt: ref.indexedAt ?? snapshot.createdAt,
    coverage: { indexed: snapshot.filesIndexed, skipped: snapshot.filesSkipped, reasons: snapshot.skipped },
  };
}

function byDefault(rows: Served[], defaultBranch: string | null): Served | undefined {
  return headRow(rows, defaultBranch) ?? rows[0];
}

function headRow(rows: Served[], defaultBranch: string | null): Served | undefined {
  return defaultBranch === null ? undefined : rows.find((row) => row.ref.fullName === HEADS + defaultBranch);
}

function named(rows: Served[], ref: string, defaultBranch: string | null): Served | undefined {
  const refs = rows.map((row) => row.ref);
  const known = byName(refs, ref, defaultBranch);
  return known ? rows[refs.indexOf(known)] : (byCommit(rows, ref) ?? bySemver(rows, ref));
}

function byName(refs: IndexedRefRow[], ref: string, defaultBranch: string | null): IndexedRefRow | undefined {
  const head = ref === 'HEAD' && defaultBranch !== null ? HEADS + defaultBranch : null;
  return (
    refs.find((row) => row.ref === ref) ??
    [ref, TAGS + ref, HEADS + ref, head]
      .map((name) => (name === null ? undefined : refs.find((row) => row.fullName === name)))
      .find((row) => row !== undefined)
  );
}

/**
 * The one ref, indexed or on its way, that `ref` names; null when none. Commits name those that were indexed as such:
 * a tag is not told by its commit, nor by a range.
 */
export async function findTrackedRef(
  db: ControlDb,
  scope: RepoScope,
  ref: string,
): Promise<IndexedRefRow | null> {
  const [rows, repo] = await Promise.all([
    listIndexedRefs(db, [scope.repo.key]),
    db.query.repos.findFirst({ columns: { defaultBranch: true }, where: eq(repos.key, scope.repo.key) }),
  ]);
  const refs = rows.map((row) => row.ref);
  const known = byName(refs, ref, repo?.defaultBranch ?? null);
  if (known) return known;
  const oid = ref.toLowerCase();
  if (!FULL_OID.test(oid) && !SHORT_OID.test(oid)) return null;
  const [commit, another] = refs.filter((row) => row.fullName === null && row.ref.startsWith(oid));
  return commit && !another ? commit : null;
}

function byCommit(rows: Served[], ref: string): Served | undefined {
  const oid = ref.toLowerCase();
  if (!FULL_OID.test(oid) && !SHORT_OID.test(oid)) return undefined;
  const matches = rows.filter((row) => row.snapshot.commitOid.startsWith(oid));
  const commits = new Set(matches.map((row) => row.snapshot.commitOid));
  return commits.size === 1 ? matches[0] : undefined;
}

function bySemver(rows: Served[], range: string): Served | undefined {
  if (range.trim() === '' || semver.validRange(range) === null) return undefined;
  let best: { row: Served; version: string } | undefined;
  for (const row of rows) {
    const version = row.ref.fullName?.startsWith(TAGS)
      ? semver.clean(row.ref.fullName.slice(TAGS.length))
      : null;
    if (version === null || !semver.satisfies(version, range)) continue;
    if (!best || semver.gt(version, best.version)) best = { row, version };
  }
  return best?.row;
}

/** What a sync would index: the name it is stored under, the remote's ref (null for a bare commit) and the commit. */
export interface SyncTarget {
  ref: string;
  fullName: string | null;
  /** A commit, or the tag object of an unpeeled tag; the plan step reads which. */
  oid: string;
}

export interface Listing {
  refs: Pick<GitRefRow, 'name' | 'oid' | 'peeled'>[];
  /** Short name of the default branch. */
  defaultBranch: string | null;
}

/** The remote's refs as last listed. */
export async function storedListing(db: ControlDb, scope: RepoScope): Promise<Listing> {
  const [refs, repo] = await Promise.all([
    db.select().from(gitRefs).where(eq(gitRefs.repoKey, scope.repo.key)).orderBy(gitRefs.name),
    db.query.repos.findFirst({ columns: { defaultBranch: true }, where: eq(repos.key, scope.repo.key) }),
  ]);
  return { refs, defaultBranch: repo?.defaultBranch ?? null };
}

/**
 * The target that a sync of `ref` has by this listing; null when nothing there has the name. A full commit id is
 * always a target: only the remote knows whether it exists. A short one must be unique among the listed commits.
 */
export function resolveSyncTarget(
  listing: Listing,
  indexed: Pick<IndexedRefRow, 'ref' | 'fullName'>[],
  ref: string,
): SyncTarget | null {
  const stored = indexed.find((row) => row.ref === ref)?.fullName;
  const short = ref === 'HEAD' && listing.defaultBranch ? HEADS + listing.defaultBranch : null;
  for (const name of [stored, ref, TAGS + ref, HEADS + ref, short]) {
    const listed = name && listing.refs.find((each) => each.name === name);
    if (listed) {
      return {
        ref: storedName(listing, indexed, listed.name),
        fullName: listed.name,
        oid: listed.peeled ?? listed.oid,
      };
    }
  }
  const oid = commitNamed(listing, ref.toLowerCase());
  return oid ? { ref: oid, fullName: null, oid } : null;
}

function commitNamed(listing: Listing, ref: string): string | null {
  if (FULL_OID.test(ref)) return ref;
  if (!SHORT_OID.test(ref)) return null;
  const commits = new Set(
    listing.refs.map((each) => each.peeled ?? each.oid).filter((oid) => oid.startsWith(ref)),
  );
  const [only] = commits;
  return commits.size === 1 && only ? only : null;
}

/** Short when that is unambiguous, so that a branch and a tag `x` can both be indexed: one of them as `refs/heads/x`. */
function storedName(
  listing: Listing,
  indexed: Pick<IndexedRefRow, 'ref' | 'fullName'>[],
  fullName: string,
): string {
  const already = indexed.find((row) => row.fullName === fullName);
  if (already) return already.ref;
  const short = shortName(fullName);
  const taken = indexed.some((row) => row.ref === short);
  const tagWins = fullName.startsWith(HEADS) && listing.refs.some((each) => each.name === TAGS + short);
  return taken || tagWins ? fullName : short;
}

/** `refs/heads/main` → `main`; names outside heads and tags stay whole. */
export function shortName(fullName: string): string {
  if (fullName.startsWith(HEADS)) return fullName.slice(HEADS.length);
  return fullName.startsWith(TAGS) ? fullName.slice(TAGS.length) : fullName;
}

/** Branches and tags of a listing by short name, sorted. */
export function branchesAndTags(listing: Listing): { branches: string[]; tags: string[] } {
  const under = (prefix: string) =>
    listing.refs
      .flatMap((each) => (each.name.startsWith(prefix) ? [each.name.slice(prefix.length)] : []))
      .sort();
  return { branches: under(HEADS), tags: under(TAGS) };
}

/**
 * Replaces the stored listing (prune included), sets the default branch, marks indexed refs that are gone at the remote
 * and takes back a mirror's error, since the remote has answered, all in one transaction. Only what differs is written:
 * most listings are those of the sync before. Writes nothing for a deleted repo.
 */
export async function replaceListing(
  db: ControlDb,
  scope: RepoScope,
  listing: Listing,
  now: Date,
): Promise<void> {
  const key = scope.repo.key;
  const at = now.toISOString();
  const rows = jsonPieces(listing.refs.map(({ name, oid, peeled }) => [name, oid, peeled]));
  const names = jsonPieces(listing.refs.map(({ name }) => [name]));
  await transact(db, [
    sql.join([
      sql`DELETE FROM git_refs WHERE repo_key = ${key}`,
      ...names.map((piece) => sql` AND name NOT IN (SELECT value ->> 0 FROM json_each(${piece}))`),
    ]),
    ...rows.map(
      (piece) => sql`INSERT INTO git_refs (repo_key, name, oid, peeled)
        SELECT ${key}, value ->> 0, value ->> 1, value ->> 2 FROM json_each(${piece})
        WHERE EXISTS (SELECT 1 FROM repos WHERE key = ${key} AND deleted_at IS NULL)
        ON CONFLICT (repo_key, name) DO UPDATE SET oid = excluded.oid, peeled = excluded.peeled
        WHERE oid <> excluded.oid OR peeled IS NOT excluded.peeled`,
    ),
    sql`UPDATE indexed_refs SET deleted_at_remote = CASE WHEN deleted_at_remote IS NULL THEN ${at} END
      WHERE repo_key = ${key} AND full_name IS NOT NULL AND (deleted_at_remote IS NOT NULL) = EXISTS (
        SELECT 1 FROM git_refs g WHERE g.repo_key = indexed_refs.repo_key AND g.name = indexed_refs.full_name)`,
    db
      .update(repos)
      .set({
        defaultBranch: listing.defaultBranch,
        refsListedAt: at,
        mirrorStatus: sql`CASE ${repos.mirrorStatus} WHEN 'error' THEN 'ready' ELSE ${repos.mirrorStatus} END`,
        mirrorError: null,
      })
      .where(eq(repos.key, key)),
  ]);
}

/** All rows of `indexed_refs` of some repos, by repo and name. */
export function listIndexedRefs(db: ControlDb, repoKeys: number[]): Promise<TrackedRef[]> {
  const build = () => sql`SELECT ${REF_COLUMNS} FROM ${indexedRefs}
      JOIN ${repos} ON ${eq(repos.key, indexedRefs.repoKey)} LEFT JOIN ${snapshots} ON ${SERVES}
    WHERE ${indexedRefs.repoKey} IN (SELECT value FROM json_each(${sql.placeholder('keys')}))
    ORDER BY ${indexedRefs.repoKey}, ${indexedRefs.ref}`;
  return run(db.$client, {
    statements: [statement(db, 'indexed refs', build, { keys: JSON.stringify(repoKeys) })],
    from: ([rows = []]) => rows.map(trackedRef),
  });
}

/** A read of the repo that `nameOrId` means and of all its rows of `indexed_refs`, by name, in one statement. */
export function repoAndRefsRead(db: ControlDb, viewer: Viewer, nameOrId: string): Read<[Door, TrackedRef[]]> {
  const { shape, keys, values } = naming(viewer, nameOrId);
  const build = () => sql`SELECT ${columnsOf(repos, 'repo.')}, ${REF_COLUMNS} FROM ${repos}
      LEFT JOIN ${indexedRefs} ON ${eq(indexedRefs.repoKey, repos.key)} LEFT JOIN ${snapshots} ON ${SERVES}
    WHERE ${repos.key} IN (${keys()}) ORDER BY ${repos.key}, ${indexedRefs.ref}`;
  return {
    statements: [statement(db, `repo and refs by ${shape}`, build, values)],
    from: ([rows = []]) => [
      doorTo(viewer, [...new Map(rows.map((row) => [row['repo.key'], rowOf(repos, row, 'repo.')])).values()]),
      rows.filter((row) => row['ref.ref'] !== null).map(trackedRef),
    ],
  };
}

/** All that a viewer may ask: the repos, to be opened by the caller who the viewer proves to be, and their rows. */
export interface VisibleRefs {
  open(caller: Caller): FoundRepo[];
  /** Of the repos, which are among those opened. */
  refs(scopes: readonly RepoScope[]): Promise<TrackedRef[]>;
}

/** So many rows travel with the repos; where there are more, those that are needed are read when it is known which. */
const MAX_READ_ALONG = 1_000;

/** A read of the repos that a viewer sees, with their rows of `indexed_refs`. */
export function visibleRefsRead(db: ControlDb, viewer: Viewer): Read<VisibleRefs> {
  const found = reposRead(db, viewer);
  const { shape, keys, values } = visible(viewer);
  const build = () => sql`SELECT ${REF_COLUMNS} FROM ${indexedRefs}
      JOIN ${repos} ON ${eq(repos.key, indexedRefs.repoKey)} LEFT JOIN ${snapshots} ON ${SERVES}
    WHERE ${indexedRefs.repoKey} IN (${keys()})
    ORDER BY ${indexedRefs.repoKey}, ${indexedRefs.ref} LIMIT ${sql.raw(String(MAX_READ_ALONG + 1))}`;
  return {
    statements: [...found.statements, statement(db, `refs for ${shape}`, build, values)],
    from: ([rows = [], refs = []]) => ({
      open: found.from([rows]),
      async refs(scopes) {
        const wanted = new Set(scopes.map((scope) => scope.repo.key));
        if (refs.length > MAX_READ_ALONG) return listIndexedRefs(db, [...wanted]);
        return refs.map(trackedRef).filter(({ ref }) => wanted.has(ref.repoKey));
      },
    }),
  };
}

const SERVES = eq(snapshots.id, indexedRefs.snapshotId);
const REF_COLUMNS = sql`${columnsOf(indexedRefs, 'ref.')}, ${columnsOf(snapshots, 'snapshot.')},
  ${repos.defaultBranch} AS "branch"`;

function trackedRef(row: Row): TrackedRef {
  return {
    ref: rowOf(indexedRefs, row, 'ref.'),
    snapshot: row['snapshot.id'] === null ? null : rowOf(snapshots, row, 'snapshot.'),
    defaultBranch: row.branch as string | null,
  };
}

/** Records that a ref asked for cannot be indexed, where no run of it could say so. A row that exists stays. */
export async function noteRefError(
  db: ControlDb,
  scope: RepoScope,
  ref: string,
  error: string,
): Promise<void> {
  await db
    .insert(indexedRefs)
    .values({ repoKey: scope.repo.key, ref, stage: 'error', indexingError: error })
    .onConflictDoNothing();
}
