import { judging, Problem } from '../../errors.ts';
import { validateGlobs } from '../../ingest/indexing/globs.ts';
import { localRemote } from '../../ingest/mirror/local-remote.ts';
import { type Services, SHARDS } from '../../services.ts';
import type { RepoRow } from '../../store/control-schema.ts';
import { findGroup } from '../../store/groups.ts';
import { createRepo, type FoundRepo, type RepoChange, updateRepo } from '../../store/repos.ts';
import { type Caller, hasGroupRole, hasRole } from '../../store/scope.ts';
import { scheduleRefresh } from './refresh.ts';
import type { PatchRequest, RegisterRequest } from './schemas.ts';

type Needs = Pick<Services, 'db' | 'env' | 'egress' | 'jobs' | 'clock' | 'newId'>;

/**
 * Registers a repository and starts its mirror job. Of a URL only form and egress rules are judged here; whether a git
 * server answers there is the mirror's business.
 * @throws Problem `forbidden`, `conflict`, `unprocessable` for a refused URL or path, `validation` for bad globs
 */
export async function register(
  s: Needs,
  caller: Caller,
  body: RegisterRequest,
): Promise<{ found: FoundRepo; jobId: string }> {
  const groupId = await owningGroup(s, caller, body.group_id);
  requireAdminFor(caller, groupId, body);
  validateGlobs(body.globPatterns ?? []);
  const source = await judgeSource(s, caller, body);
  const row = {
    ...source,
    id: s.newId(),
    groupId,
    createdBy: caller.userId ?? '',
    name: body.name,
    globPatterns: globsOrNull(body.globPatterns),
    depth: body.depth ?? 1,
    refreshMinutes: body.refreshMinutes ?? null,
    visibility: body.visibility ?? 'private',
    useDeploymentToken: body.useDeploymentToken ?? hasRole(caller, 'admin'),
  };
  const found = await judging('/name', () => createRepo(s.db, caller, row, SHARDS, s.clock()));
  if (found.row.refreshMinutes !== null) await scheduleRefresh(s.env, found);
  const params = body.sync?.length ? { sync: body.sync } : {};
  const job = await s.jobs.start(found, { kind: 'mirror', params, requestedBy: caller.userId });
  return { found, jobId: job.id };
}

/** Changes settings; absent fields stay. @throws Problem `forbidden`, `validation`, `not_found` when deleted meanwhile */
export async function changeRepo(
  s: Pick<Services, 'db' | 'env' | 'clock'>,
  caller: Caller,
  found: FoundRepo,
  body: PatchRequest,
): Promise<FoundRepo> {
  requireAdminFor(caller, found.repo.groupId, body);
  validateGlobs(body.globPatterns ?? []);
  const change: RepoChange = { ...body };
  if (body.globPatterns !== undefined) change.globPatterns = globsOrNull(body.globPatterns);
  const row = await updateRepo(s.db, found, change, s.clock());
  if (!row) throw new Problem('not_found', 'Repository not found');
  const changed = { ...found, row };
  if (body.refreshMinutes !== undefined) await scheduleRefresh(s.env, changed);
  return changed;
}

function globsOrNull(globs: string[] | null | undefined): string[] | null {
  return globs?.length ? globs : null;
}

async function owningGroup(
  s: Pick<Services, 'db'>,
  caller: Caller,
  wanted: string | undefined,
): Promise<string> {
  if (!hasRole(caller, 'analyst'))
    throw new Problem('forbidden', 'Registering a repository needs the role analyst or above');
  const groupId = wanted ?? caller.personalGroupId;
  if (groupId === null) throw new Problem('unprocessable', 'You have no personal group: name a group_id');
  const group = await judging('/group_id', () => findGroup(s.db, caller, groupId, 'editor'));
  return group.id;
}

/** Some settings are not an editor's to choose. */
function requireAdminFor(caller: Caller, groupId: string, body: PatchRequest): void {
  if (
    body.visibility !== undefined &&
    body.visibility !== 'private' &&
    !hasGroupRole(caller, groupId, 'admin')
  ) {
    throw new Problem('forbidden', 'Only an admin of the owning group makes a repository public');
  }
  if (body.useDeploymentToken === true && !hasRole(caller, 'admin')) {
    throw new Problem('forbidden', "Only a global admin lets a repository use the deployment's git tokens");
  }
}

async function judgeSource(
  s: Pick<Services, 'egress'>,
  caller: Caller,
  body: RegisterRequest,
): Promise<Pick<RepoRow, 'remoteUrl' | 'localPath'>> {
  if (body.localPath != null) {
    if (!hasRole(caller, 'admin'))
      throw new Problem('forbidden', 'Only a global admin registers a localPath');
    const { localPath } = body;
    const { path } = await judging('/localPath', () => localRemote(s.egress, localPath));
    return { remoteUrl: null, localPath: path };
  }
  const remoteUrl = body.remoteUrl ?? '';
  await judging('/remoteUrl', () => s.egress.check(remoteUrl));
  return { remoteUrl, localPath: null };
}
