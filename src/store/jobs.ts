/** The control rows of jobs: what lists and restarts read. The Job object is the live truth; this follows it. */
import { and, asc, desc, eq, gt, inArray, isNull, or, type SQL, sql } from 'drizzle-orm';
import { isId } from '../ids.ts';
import type { IndexingStage, JobStatus } from '../pipeline.ts';
import { type ControlDb, transact } from './control-db.ts';
import { indexedRefs, type JobParams, type JobResult, type JobRow, jobs, repos } from './control-schema.ts';
import { listRepoScopes } from './repos.ts';
import { type Caller, groupIds, hasGroupRole, inGroupsOf, type RepoScope, shownTo } from './scope.ts';

const OPEN: JobStatus[] = ['queued', 'running'];
/** Depth 0, as a number that compares. */
const ALL_HISTORY = Number.MAX_SAFE_INTEGER;

export interface NewJob {
  id: string;
  kind: JobRow['kind'];
  ref: string | null;
  fullName: string | null;
  params: JobParams;
  requestedBy: string | null;
}

/**
 * Inserts a queued job, and for a sync marks its ref `queued`, in one transaction. A sync of a ref that already waits
 * joins the waiting job instead, unless it asks for more history, and a mirror job a waiting mirror job: it reads
 * everything afresh when its turn comes. The job that deletes a repo marks it deleted in the same transaction: from then
 * on the repo is 404 everywhere, its name is free, and the job that removes its data is sure to exist.
 * @returns the row of the new or joined job, or null when the repo is deleted.
 */
export async function insertJob(
  db: ControlDb,
  scope: RepoScope,
  job: NewJob,
  now: Date,
): Promise<JobRow | null> {
  const { repo } = scope;
  const at = now.toISOString();
  const history = (depth: SQL) =>
    sql`coalesce(nullif(coalesce(${depth}, (SELECT depth FROM repos WHERE key = ${repo.key})), 0), ${ALL_HISTORY})`;
  const same = sql`repo_key = ${repo.key} AND kind = ${job.kind} AND ref IS ${job.ref} AND status = 'queued'
    AND ${history(sql`params ->> 'depth'`)} >= ${history(sql`${job.params.depth ?? null}`)}`;
  const [, , , chosen] = await transact(db, [
    sql`INSERT INTO jobs (id, kind, repo_key, repo_id, repo_name, group_id, ref, params, requested_by, message, created_at, updated_at)
      SELECT ${job.id}, ${job.kind}, ${repo.key}, ${repo.id}, ${repo.name}, ${repo.groupId}, ${job.ref},
        ${JSON.stringify(job.params)}, ${job.requestedBy}, 'Waiting for its turn', ${at}, ${at}
      WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE ${same})
        AND EXISTS (SELECT 1 FROM repos WHERE key = ${repo.key} AND deleted_at IS NULL)`,
    sql`UPDATE repos SET deleted_at = ${at} WHERE ${job.kind} = 'delete-repo' AND key = ${repo.key} AND deleted_at IS NULL`,
    sql`INSERT INTO indexed_refs (repo_key, ref, full_name, stage, job_id)
      SELECT ${repo.key}, ${job.ref}, ${job.fullName}, 'queued', ${job.id}
      WHERE ${job.kind} = 'sync' AND EXISTS (SELECT 1 FROM jobs WHERE id = ${job.id})
      ON CONFLICT (repo_key, ref) DO UPDATE SET stage = 'queued', job_id = excluded.job_id, indexing_error = NULL,
        full_name = coalesce(excluded.full_name, full_name)`,
    sql`SELECT id FROM jobs WHERE id = ${job.id} OR (${same} AND ${job.kind} <> 'delete-repo') LIMIT 1`,
  ]);
  const row = chosen?.results[0] as { id: string } | undefined;
  return row ? jobById(db, row.id) : null;
}

/** Whether a run of one depth also brings the history that another asks for; 0 = all. */
export function bringsHistory(running: number, asked: number): boolean {
  return (running || ALL_HISTORY) >= (asked || ALL_HISTORY);
}

/** The running sync of a ref, if any: what a second request may join. */
export async function runningSync(db: ControlDb, repoKey: number, ref: string): Promise<JobRow | null> {
  const row = await db.query.jobs.findFirst({
    where: and(
      eq(jobs.repoKey, repoKey),
      eq(jobs.ref, ref),
      eq(jobs.kind, 'sync'),
      eq(jobs.status, 'running'),
    ),
  });
  return row ?? null;
}

/**
 * Gives the turn of a repo to its oldest waiting job when none runs: one statement, so of two dispatchers at the same
 * time one gets it.
 * @returns the job whose turn it now is, or null.
 */
export async function claimNext(db: ControlDb, repoKey: number, now: Date): Promise<JobRow | null> {
  const at = now.toISOString();
  const next = sql`(SELECT id FROM jobs WHERE repo_key = ${repoKey} AND status = 'queued' ORDER BY created_at, id LIMIT 1)`;
  const idle = sql`NOT EXISTS (SELECT 1 FROM jobs WHERE repo_key = ${repoKey} AND status = 'running')`;
  const rows = await db
    .update(jobs)
    .set({ status: 'running', startedAt: at, updatedAt: at })
    .where(and(sql`${jobs.id} = ${next}`, idle))
    .returning();
  return rows[0] ?? null;
}

export async function jobById(db: ControlDb, jobId: string): Promise<JobRow | null> {
  return (await db.query.jobs.findFirst({ where: eq(jobs.id, jobId) })) ?? null;
}

export async function openJobs(db: ControlDb, repoKey: number, ref?: string): Promise<JobRow[]> {
  return db
    .select()
    .from(jobs)
    .where(
      and(
        eq(jobs.repoKey, repoKey),
        inArray(jobs.status, OPEN),
        ref === undefined ? undefined : eq(jobs.ref, ref),
      ),
    )
    .orderBy(asc(jobs.createdAt), asc(jobs.id));
}

export interface JobCounters {
  stage: IndexingStage;
  message: string;
  filesTotal: number;
  filesProcessed: number;
  chunksTotal: number;
  chunksEmbedded: number;
}

/** Writes how an open job stands; an ended one is left alone, so a late report changes nothing. */
export async function recordProgress(
  db: ControlDb,
  jobId: string,
  counters: JobCounters,
  now: Date,
): Promise<void> {
  await transact(db, [
    db
      .update(jobs)
      .set({ ...counters, updatedAt: now.toISOString() })
      .where(and(eq(jobs.id, jobId), inArray(jobs.status, OPEN))),
    db
      .update(indexedRefs)
      .set({ stage: counters.stage, indexingError: null })
      .where(and(eq(indexedRefs.jobId, jobId), stillOpen(jobId))),
  ]);
}

function stillOpen(jobId: string): SQL {
  return sql`EXISTS (SELECT 1 FROM jobs WHERE id = ${jobId} AND status IN ('queued', 'running'))`;
}

/** Sets what a second sync would have to equal to join this one: commit and configuration. */
export async function recordTarget(db: ControlDb, jobId: string, target: string): Promise<void> {
  await db.update(jobs).set({ target }).where(eq(jobs.id, jobId));
}

/** Keeps what the plan decided for the steps after it. */
export async function recordPlan(
  db: ControlDb,
  job: JobRow,
  planned: NonNullable<JobParams['planned']>,
): Promise<void> {
  await db
    .update(jobs)
    .set({ params: { ...job.params, planned } })
    .where(eq(jobs.id, job.id));
}

export interface JobEnding {
  status: 'completed' | 'failed' | 'cancelled';
  counters: JobCounters;
  result: JobResult | null;
  error: { code: string; message: string } | null;
}

/**
 * Writes the end of a job, of its ref's run, and of the mirror it made, in one transaction. Idempotent: the first end
 * stays.
 */
export async function recordEnd(db: ControlDb, jobId: string, ending: JobEnding, now: Date): Promise<void> {
  const at = now.toISOString();
  const failed = ending.status !== 'completed';
  const reason = ending.error?.message ?? null;
  const stage: IndexingStage = failed ? 'error' : 'ready';
  await transact(db, [
    db
      .update(indexedRefs)
      .set({ stage, indexingError: reason })
      .where(and(eq(indexedRefs.jobId, jobId), stillOpen(jobId))),
    db
      .update(repos)
      .set(
        failed
          ? { mirrorStatus: 'error', mirrorError: reason }
          : { mirrorStatus: 'ready', mirrorError: null },
      )
      .where(
        sql`${repos.key} = (SELECT repo_key FROM jobs WHERE id = ${jobId} AND kind = 'mirror' AND status IN ('queued', 'running'))`,
      ),
    db
      .update(jobs)
      .set({
        ...ending.counters,
        status: ending.status,
        result: ending.result,
        errorCode: ending.error?.code ?? null,
        errorMessage: reason,
        updatedAt: at,
        finishedAt: at,
      })
      .where(and(eq(jobs.id, jobId), inArray(jobs.status, OPEN))),
  ]);
}

/** Removes the row of a job whose log is no longer kept. */
export async function forgetJob(db: ControlDb, jobId: string): Promise<void> {
  await db.delete(jobs).where(eq(jobs.id, jobId));
}

/** SQL for "the caller may know of this job": it reads the repo, or did while that was there. */
function visibleTo(caller: Caller): SQL | undefined {
  if (caller.role === 'admin') return undefined;
  const open = sql`EXISTS (SELECT 1 FROM repos r WHERE r.key = ${jobs.repoKey} AND r.visibility = 'public' AND r.deleted_at IS NULL)`;
  return or(
    inGroupsOf(caller, jobs.groupId),
    shownTo(jobs.repoKey, groupIds(caller)),
    caller.role === null ? undefined : open,
  );
}

/** A job the caller may know of, or null. */
export async function findJob(db: ControlDb, caller: Caller, jobId: string): Promise<JobRow | null> {
  return (await db.query.jobs.findFirst({ where: and(eq(jobs.id, jobId), visibleTo(caller)) })) ?? null;
}

/** True when the caller may cancel the job: an editor of the group that owns the repo. */
export function mayCancel(caller: Caller, job: JobRow): boolean {
  return hasGroupRole(caller, job.groupId, 'editor');
}

export interface JobFilter {
  /** Name or id of a repo. */
  repo?: string;
  status?: JobStatus;
  limit: number;
  offset: number;
}

/**
 * The ids of the repos that a name or an id means: those that have it now. A name is used again, so only where the
 * caller sees none are the deleted ones meant that had it.
 */
async function reposNamed(db: ControlDb, caller: Caller, nameOrId: string): Promise<string[]> {
  const live = await listRepoScopes(db, caller, { named: [nameOrId] });
  if (live.length > 0) return live.map(({ repo }) => repo.id);
  if (isId(nameOrId)) return [nameOrId.toLowerCase()];
  const gone = await db
    .selectDistinct({ id: jobs.repoId })
    .from(jobs)
    .where(and(eq(jobs.repoName, nameOrId.normalize('NFC')), visibleTo(caller)))
    .limit(MAX_NAMESAKES);
  return gone.map(({ id }) => id);
}

/** Deleted repos of one name whose jobs are listed together: D1 binds 100 values. */
const MAX_NAMESAKES = 50;

/** Jobs the caller may know of, newest first, and how many there are in all. */
export async function listJobs(
  db: ControlDb,
  caller: Caller,
  filter: JobFilter,
): Promise<{ rows: JobRow[]; total: number }> {
  const where = and(
    visibleTo(caller),
    filter.repo === undefined ? undefined : inArray(jobs.repoId, await reposNamed(db, caller, filter.repo)),
    filter.status && eq(jobs.status, filter.status),
  );
  const [rows, total] = await Promise.all([
    db
      .select()
      .from(jobs)
      .where(where)
      .orderBy(desc(jobs.createdAt), desc(jobs.id))
      .limit(filter.limit)
      .offset(filter.offset),
    db.$count(jobs, where),
  ]);
  return { rows, total };
}

/** Syncs that run or wait in the given repos, newest first, and how many there are; `limit` null: all from `offset` on. */
export async function listActive(
  db: ControlDb,
  repoKeys: number[],
  { limit, offset }: { limit: number | null; offset: number },
): Promise<{ rows: JobRow[]; total: number }> {
  const where = and(syncsOf(repoKeys), isNull(jobs.finishedAt));
  const [rows, total] = await Promise.all([
    db
      .select()
      .from(jobs)
      .where(where)
      .orderBy(desc(jobs.createdAt), desc(jobs.id))
      .limit(limit ?? -1)
      .offset(offset),
    db.$count(jobs, where),
  ]);
  return { rows, total };
}

/** The syncs of a ref that run or wait, and those that ended since, newest first. */
export async function listRuns(
  db: ControlDb,
  { repo }: RepoScope,
  { ref, endedAfter }: { ref: string; endedAfter: Date },
): Promise<JobRow[]> {
  const recent = or(isNull(jobs.finishedAt), gt(jobs.finishedAt, endedAfter.toISOString()));
  return db
    .select()
    .from(jobs)
    .where(and(syncsOf([repo.key]), eq(jobs.ref, ref), recent))
    .orderBy(desc(jobs.createdAt), desc(jobs.id))
    .limit(MAX_RUNS);
}

/** Runs of one ref within an hour that are looked at for the one to tell of. */
const MAX_RUNS = 1000;

function syncsOf(repoKeys: number[]) {
  const keys = JSON.stringify(repoKeys);
  return and(sql`${jobs.repoKey} IN (SELECT value FROM json_each(${keys}))`, eq(jobs.kind, 'sync'));
}

const RECENT = 20;

/** The latest jobs of a repo, whatever their state, newest first. */
export async function recentJobs(db: ControlDb, repoKey: number): Promise<JobRow[]> {
  return db
    .select()
    .from(jobs)
    .where(eq(jobs.repoKey, repoKey))
    .orderBy(desc(jobs.createdAt), desc(jobs.id))
    .limit(RECENT);
}
