/** Repositories: registration, settings, refs, sync, deletion (RepoRelay's management routes). */

import { z } from '@hono/zod-openapi';
import { readAhead, repoOfPath, visibleRefs } from '../../http/ahead.ts';
import { requireMatch } from '../../http/etag.ts';
import { feature, json, route } from '../../http/feature.ts';
import { pageQuery, setPage, slice, windowOf } from '../../http/pagination.ts';
import { setProvenance } from '../../http/provenance.ts';
import { tokenHosts } from '../../ingest/mirror/credentials.ts';
import { refreshListing } from '../../ingest/steps/listing.ts';
import { branchesAndTags, storedListing } from '../../store/refs.ts';
import { findRepo } from '../../store/repos.ts';
import { present, presentRepo, presentRepos } from './present.ts';
import { preview } from './preview.ts';
import { changeRepo, register } from './register.ts';
import { deleteRepo, deleteVersion, type Removal } from './remove.ts';
import {
  deleting,
  gitRefs,
  nameAndRefParam,
  nameParam,
  patchRequest,
  previewQuery,
  preview as previewSchema,
  registeredRepo,
  registerRequest,
  repo,
  syncRequest,
  syncResponse,
} from './schemas.ts';
import { ASK_TIMEOUT_MS, requestSync } from './sync.ts';

const tags = ['Repositories'];
const body = <T extends z.ZodType>(schema: T) => ({ required: true, content: json(schema) });
const removed = {
  204: { description: 'All of it is gone' },
  202: { description: 'It takes longer than 25 s and goes on; follow the job', content: json(deleting) },
};

const registerRoute = route({
  method: 'post',
  path: '/repos',
  scope: 'repos:write',
  tags,
  operationId: 'registerRepo',
  summary: 'Register a repository and start its mirror',
  description:
    'Needs the role analyst, and editor in the owning group. `localPath` is for global admins of a local start.',
  errors: ['not_found', 'conflict', 'unprocessable', 'upstream'],
  request: { body: body(registerRequest) },
  responses: { 201: { description: 'Registered; the mirror job runs', content: json(registeredRepo) } },
});

const list = route({
  ahead: visibleRefs,
  method: 'get',
  path: '/repos',
  scope: 'repos:read',
  tags,
  operationId: 'listRepos',
  summary: 'All repositories you may read, with their refs',
  etag: true,
  request: { query: z.object(pageQuery()) },
  responses: { 200: { description: 'The repositories', content: json(z.array(repo)) } },
});

const get = route({
  ahead: repoOfPath,
  method: 'get',
  path: '/repos/{name}',
  scope: 'repos:read',
  tags,
  operationId: 'getRepo',
  summary: 'One repository with its refs and what was indexed and skipped',
  etag: true,
  errors: ['conflict'],
  request: { params: nameParam },
  responses: { 200: { description: 'The repository', content: json(repo) } },
});

const patch = route({
  method: 'patch',
  path: '/repos/{name}',
  scope: 'repos:write',
  tags,
  operationId: 'updateRepo',
  summary: 'Change settings; globPatterns apply at the next sync',
  etag: true,
  errors: ['conflict'],
  request: { params: nameParam, body: body(patchRequest) },
  responses: { 200: { description: 'The repository as it is now', content: json(repo) } },
});

const remove = route({
  method: 'delete',
  path: '/repos/{name}',
  scope: 'repos:write',
  tags,
  operationId: 'deleteRepo',
  summary: 'Delete a repository and all its data',
  description: 'Needs admin in the owning group. Running jobs of the repository end cancelled.',
  etag: true,
  errors: ['conflict'],
  request: { params: nameParam },
  responses: removed,
});

const listRefs = route({
  method: 'get',
  path: '/repos/{name}/git-refs',
  scope: 'repos:read',
  tags,
  operationId: 'getGitRefs',
  summary: 'Branches and tags as last listed',
  etag: true,
  errors: ['conflict'],
  request: { params: nameParam },
  responses: { 200: { description: 'Branches and tags', content: json(gitRefs) } },
});

const refreshRefs = route({
  method: 'post',
  path: '/repos/{name}/refresh-refs',
  scope: 'repos:write',
  tags,
  operationId: 'refreshGitRefs',
  summary: 'Ask the remote for its branches and tags; indexes nothing',
  errors: ['conflict', 'unprocessable', 'upstream'],
  request: { params: nameParam },
  responses: { 200: { description: 'Branches and tags', content: json(gitRefs) } },
});

const sync = route({
  method: 'post',
  path: '/repos/{name}/sync',
  scope: 'repos:write',
  tags,
  operationId: 'syncRef',
  summary: 'Index a branch, tag or commit',
  description: 'Answers at once; a second request for the same result gets the same job.',
  errors: ['conflict', 'unprocessable', 'upstream'],
  request: { params: nameParam, body: body(syncRequest) },
  responses: { 202: { description: 'Queued, or joined', content: json(syncResponse) } },
});

const removeVersion = route({
  method: 'delete',
  path: '/repos/{name}/versions/{ref}',
  scope: 'repos:write',
  tags,
  operationId: 'deleteVersion',
  summary: 'Delete one indexed ref',
  errors: ['conflict'],
  request: { params: nameAndRefParam },
  responses: removed,
});

const hosts = route({
  method: 'get',
  path: '/git-credentials/hosts',
  scope: 'signed-in',
  tags,
  operationId: 'listGitHosts',
  summary: 'Git hosts that the deployment has a token for',
  etag: true,
  request: { query: z.object(pageQuery()) },
  responses: { 200: { description: 'Hosts', content: json(z.array(z.string())) } },
});

const previewRoute = route({
  method: 'get',
  path: '/repos/{name}/preview',
  scope: 'repos:read',
  tags,
  operationId: 'previewSync',
  summary: 'What a sync would index, skip and cost, before doing it',
  provenance: true,
  errors: ['conflict', 'unprocessable', 'upstream', 'unavailable'],
  request: { params: nameParam, query: previewQuery },
  responses: { 200: { description: 'The preview', content: json(previewSchema) } },
});

export const repoRoutes = feature();

repoRoutes.openapi(registerRoute, async (c) => {
  const { services, caller } = c.var;
  const { found, jobId } = await register(services, caller, c.req.valid('json'));
  const view = await presentRepo(services, found);
  return c.json({ ...view, jobId }, 201, { location: `/api/v1/repos/${encodeURIComponent(found.repo.id)}` });
});

repoRoutes.openapi(list, async (c) => {
  const { services, caller } = c.var;
  const window = windowOf(c.req.valid('query'), null);
  const { open, refs } = await readAhead(c, visibleRefs);
  const found = open(caller);
  setPage(c, window, found.length);
  const shown = slice(found, window);
  return c.json(presentRepos(services, shown, await refs(shown)), 200);
});

repoRoutes.openapi(get, async (c) => {
  const { services, caller } = c.var;
  const [open, refs] = await readAhead(c, repoOfPath);
  return c.json(present(services, open(caller, 'read'), refs), 200);
});

repoRoutes.openapi(patch, async (c) => {
  const { services, caller } = c.var;
  const found = await findRepo(services.db, caller, c.req.valid('param').name, 'write');
  await requireMatch(c, await presentRepo(services, found));
  return c.json(
    await presentRepo(services, await changeRepo(services, caller, found, c.req.valid('json'))),
    200,
  );
});

repoRoutes.openapi(remove, async (c) => {
  const { services, caller } = c.var;
  const found = await findRepo(services.db, caller, c.req.valid('param').name, 'admin');
  await requireMatch(c, await presentRepo(services, found));
  const removal = await deleteRepo(services, caller, found);
  return removal.done ? c.body(null, 204) : c.json(started(removal), 202);
});

repoRoutes.openapi(listRefs, async (c) => {
  const { services, caller } = c.var;
  const found = await findRepo(services.db, caller, c.req.valid('param').name, 'read');
  return c.json(branchesAndTags(await storedListing(services.db, found)), 200);
});

repoRoutes.openapi(refreshRefs, async (c) => {
  const { services, caller } = c.var;
  const found = await findRepo(services.db, caller, c.req.valid('param').name, 'write');
  const { listing } = await refreshListing(services, found, ASK_TIMEOUT_MS);
  return c.json(branchesAndTags(listing), 200);
});

repoRoutes.openapi(sync, async (c) => {
  const { services, caller } = c.var;
  const found = await findRepo(services.db, caller, c.req.valid('param').name, 'write');
  const { jobId, ref } = await requestSync(services, found, c.req.valid('json'), caller.userId);
  return c.json({ jobId, repo: found.repo.name, ref }, 202);
});

repoRoutes.openapi(previewRoute, async (c) => {
  const { services, caller } = c.var;
  const found = await findRepo(services.db, caller, c.req.valid('param').name, 'read');
  const answer = await preview(services, found, c.req.valid('query').ref);
  const { ref, commitSha } = answer;
  setProvenance(c, { repo: found.repo.name, ref, commitSha });
  return c.json(answer, 200);
});

repoRoutes.openapi(removeVersion, async (c) => {
  const { services, caller } = c.var;
  const { name, ref } = c.req.valid('param');
  const found = await findRepo(services.db, caller, name, 'write');
  const removal = await deleteVersion(services, caller, found, ref);
  return removal.done ? c.body(null, 204) : c.json(started(removal), 202);
});

repoRoutes.openapi(hosts, (c) => {
  const window = windowOf(c.req.valid('query'), null);
  const found = tokenHosts(c.env);
  setPage(c, window, found.length);
  return c.json(slice(found, window), 200);
});

function started(removal: Exclude<Removal, { done: true }>) {
  return { jobId: removal.jobId };
}
