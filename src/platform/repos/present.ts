/** Rows as the API shows them. */
import type { z } from '@hono/zod-openapi';
import { tokenFor } from '../../ingest/mirror/credentials.ts';
import type { Services } from '../../services.ts';
import { listIndexedRefs, type TrackedRef } from '../../store/refs.ts';
import type { FoundRepo } from '../../store/repos.ts';
import type { repoRef as refSchema, repo as repoSchema } from './schemas.ts';

export type RepoView = z.output<typeof repoSchema>;
type RefView = z.output<typeof refSchema>;

/** Repos with their indexed refs, in the given order. */
export function presentRepos(
  s: Pick<Services, 'env'>,
  found: FoundRepo[],
  refs: readonly TrackedRef[],
): RepoView[] {
  const byRepo = Map.groupBy(refs, ({ ref }) => ref.repoKey);
  return found.map((each) => present(s, each, byRepo.get(each.row.key) ?? []));
}

export async function presentRepo(s: Pick<Services, 'db' | 'env'>, found: FoundRepo): Promise<RepoView> {
  return present(s, found, await listIndexedRefs(s.db, [found.row.key]));
}

export function present(s: Pick<Services, 'env'>, { row, access }: FoundRepo, refs: TrackedRef[]): RepoView {
  return {
    id: row.id,
    name: row.name,
    // A path of the host is for those who run or change the repo, not for every reader.
    localPath: access === 'read' ? null : row.localPath,
    remoteUrl: row.remoteUrl,
    globPatterns: row.globPatterns,
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
    mirrorStatus: row.mirrorStatus,
    mirrorError: row.mirrorError,
    tokenConfigured:
      row.useDeploymentToken && row.remoteUrl !== null && tokenFor(s.env, row.remoteUrl) !== null,
    groupId: row.groupId,
    defaultBranch: row.defaultBranch,
    depth: row.depth,
    refreshMinutes: row.refreshMinutes,
    visibility: row.visibility,
    useDeploymentToken: row.useDeploymentToken,
    refs: refs.map(presentRef),
  };
}

function presentRef({ ref, snapshot }: TrackedRef): RefView {
  const { stage, indexingError, indexedAt, deletedAtRemote } = ref;
  return {
    ref: ref.ref,
    stage,
    commitSha: snapshot?.commitOid ?? null,
    languageStats: snapshot?.languageStats ?? null,
    indexingError,
    filesIndexed: snapshot?.filesIndexed ?? null,
    filesSkipped: snapshot?.filesSkipped ?? null,
    skipped: snapshot?.skipped ?? null,
    indexedAt,
    deletedAtRemote,
  };
}
