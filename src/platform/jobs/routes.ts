/** Jobs: how they stand, cancelling, and the live stream of one. */
import { z } from '@hono/zod-openapi';
import { Problem } from '../../errors.ts';
import { feature, json, route } from '../../http/feature.ts';
import { pageQuery, setPage, windowOf } from '../../http/pagination.ts';
import type { Services } from '../../services.ts';
import type { JobRow } from '../../store/control-schema.ts';
import { findJob, listActive, listJobs, listRuns, mayCancel } from '../../store/jobs.ts';
import { findTrackedRef, shortName } from '../../store/refs.ts';
import { findRepo, listRepoScopes } from '../../store/repos.ts';
import type { Caller } from '../../store/scope.ts';
import { nameAndRefParam } from '../repos/schemas.ts';
import { idParam, indexingProgress, job, jobIdParam, jobList, jobsQuery, socketQuery } from './schemas.ts';

const tags = ['Jobs'];
/** Ended runs stay visible by repo and ref for so long. */
const ENDED_MS = 3_600_000;

const active = route({
  method: 'get',
  path: '/indexing-status',
  scope: 'repos:read',
  tags,
  operationId: 'listIndexing',
  summary: 'Everything that is being indexed or waits to be',
  request: { query: z.object(pageQuery()) },
  responses: { 200: { description: 'Progress entries', content: json(z.array(indexingProgress)) } },
});

const ofRef = route({
  method: 'get',
  path: '/indexing-status/{name}/{ref}',
  scope: 'repos:read',
  tags,
  operationId: 'getIndexing',
  summary: 'Progress of one ref; an ended run stays for an hour',
  errors: ['conflict'],
  request: { params: nameAndRefParam },
  responses: { 200: { description: 'The latest run', content: json(indexingProgress) } },
});

const list = route({
  method: 'get',
  path: '/jobs',
  scope: 'repos:read',
  tags,
  operationId: 'listJobs',
  summary: 'Jobs, newest first',
  request: { query: jobsQuery },
  responses: { 200: { description: 'Jobs', content: json(jobList) } },
});

const get = route({
  method: 'get',
  path: '/jobs/{id}',
  scope: 'repos:read',
  tags,
  operationId: 'getJob',
  summary: 'One job',
  request: { params: idParam },
  responses: { 200: { description: 'The job', content: json(job) } },
});

const cancel = route({
  method: 'delete',
  path: '/jobs/{id}',
  scope: 'repos:write',
  tags,
  operationId: 'cancelJob',
  summary: 'Cancel a job',
  errors: ['conflict'],
  request: { params: idParam },
  responses: { 204: { description: 'It is cancelled' } },
});

const stream = route({
  method: 'get',
  path: '/ws/jobs/{job_id}',
  scope: 'repos:read',
  tags,
  operationId: 'watchJob',
  summary: 'Live events of a job, over a WebSocket',
  description:
    'First `job.snapshot`, then numbered `job.progress`, then one of `job.completed`, `job.failed`, `job.cancelled`, ' +
    'then close 1000. `?after=<seq>` resumes without a snapshot. Events are `{type, seq, payload}`.',
  socket: true,
  request: { params: jobIdParam, query: socketQuery },
  errors: ['upgrade_required'],
  responses: { 101: { description: 'The stream begins' } },
});

export const indexingStatusRoutes = feature();
export const jobRoutes = feature();
/** Served at the root and below /api/v1. */
export const jobStreams = feature();

indexingStatusRoutes.openapi(active, async (c) => {
  const { services, caller } = c.var;
  const window = windowOf(c.req.valid('query'), null);
  const scopes = await listRepoScopes(services.db, caller);
  const keys = scopes.map(({ repo }) => repo.key);
  const { rows, total } = await listActive(services.db, keys, window);
  setPage(c, window, total);
  return c.json(rows.map(progressOf), 200);
});

indexingStatusRoutes.openapi(ofRef, async (c) => {
  const { services, caller } = c.var;
  const { name, ref } = c.req.valid('param');
  const found = await findRepo(services.db, caller, name, 'read');
  const endedAfter = new Date(services.clock().getTime() - ENDED_MS);
  // Runs outlive a ref that was deleted: those are told by the name they had.
  const stored = (await findTrackedRef(services.db, found, ref))?.ref ?? shortName(ref);
  const runs = await listRuns(services.db, found, { ref: stored, endedAfter });
  // The one that runs now tells more than one that waits behind it.
  const run = runs.find((each) => each.status === 'running') ?? runs[0];
  if (!run) throw new Problem('not_found', `No active indexing tracked for ${found.repo.name} ${ref}`);
  return c.json(progressOf(run), 200);
});

jobRoutes.openapi(list, async (c) => {
  const { services, caller } = c.var;
  const query = c.req.valid('query');
  const window = windowOf(query);
  const { repo, status } = query;
  const limit = window.limit ?? window.perPage;
  const { rows, total } = await listJobs(services.db, caller, { repo, status, limit, offset: window.offset });
  setPage(c, window, total);
  return c.json({ items: rows.map(jobView), total, page: window.page, per_page: window.perPage }, 200);
});

jobRoutes.openapi(get, async (c) =>
  c.json(jobView(await seen(c.var.services, c.var.caller, c.req.valid('param').id)), 200),
);

jobRoutes.openapi(cancel, async (c) => {
  const { services, caller } = c.var;
  const row = await seen(services, caller, c.req.valid('param').id);
  if (!mayCancel(caller, row))
    throw new Problem(
      'forbidden',
      'Cancelling needs the role of editor in the group that owns the repository',
    );
  if (row.kind === 'delete-repo')
    throw new Problem('conflict', 'The deletion of a repository cannot be taken back');
  if (row.status === 'completed' || row.status === 'failed')
    throw new Problem('conflict', `The job has ended: ${row.status}`);
  await services.jobs.cancel(row, 'Cancelled on request');
  return c.body(null, 204);
});

jobStreams.openapi(stream, async (c) => {
  const { services, caller } = c.var;
  const row = await seen(services, caller, c.req.valid('param').job_id);
  if (c.req.header('upgrade')?.toLowerCase() !== 'websocket') {
    throw new Problem('upgrade_required', 'This is a WebSocket: send an upgrade.');
  }
  const { after } = c.req.valid('query');
  const response = await services.jobs.connect(row.id, caller, after === undefined ? null : Number(after));
  if (response.status !== 101) throw new Problem('not_found', 'The log of this job is no longer kept');
  return response;
});

/** @throws Problem `not_found` for a job that is unknown or another's */
async function seen(s: Pick<Services, 'db'>, caller: Caller, jobId: string): Promise<JobRow> {
  const row = await findJob(s.db, caller, jobId);
  if (!row) throw new Problem('not_found', 'Job not found');
  return row;
}

function progressOf(row: JobRow): z.output<typeof indexingProgress> {
  const { stage, message, filesTotal, filesProcessed, chunksTotal, chunksEmbedded, updatedAt } = row;
  return {
    repo: row.repoName,
    ref: row.ref ?? '',
    stage,
    message,
    filesTotal,
    filesProcessed,
    chunksTotal,
    chunksEmbedded,
    startedAt: row.startedAt ?? row.createdAt,
    updatedAt,
    error: row.errorMessage,
    jobId: row.id,
  };
}

function jobView(row: JobRow): z.output<typeof job> {
  const { id, kind, repoId, ref, status, result, createdAt, startedAt, finishedAt } = row;
  const { repo, ref: _ref, startedAt: _started, error: _error, jobId: _id, ...counters } = progressOf(row);
  const error = row.errorCode === null ? null : { code: row.errorCode, message: row.errorMessage ?? '' };
  return {
    id,
    kind,
    repo,
    repoId,
    ref,
    status,
    ...counters,
    result,
    error,
    createdAt,
    startedAt,
    finishedAt,
  };
}
