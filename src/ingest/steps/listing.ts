/** Asking the remote which refs it has, and keeping the answer. */
import type { Services } from '../../services.ts';
import type { RepoRow } from '../../store/control-schema.ts';
import { type Listing, replaceListing, shortName } from '../../store/refs.ts';
import type { RepoScope } from '../../store/scope.ts';
import { authorization, tokenFor } from '../mirror/credentials.ts';
import { localRemote } from '../mirror/local-remote.ts';
import { listRefs, type Remote, type RemoteListing } from '../mirror/remote.ts';

type Outside = Pick<Services, 'egress' | 'env'>;
type RemoteOf = Pick<RepoRow, 'remoteUrl' | 'localPath' | 'useDeploymentToken'>;

/** Where a repo's git server is, with its token when the repo may use the deployment's. @throws MirrorError */
export async function remoteOf(s: Outside, repo: RemoteOf, timeoutMs?: number): Promise<Remote> {
  if (repo.localPath !== null) {
    const { remote } = await localRemote(s.egress, repo.localPath);
    return { ...remote, timeoutMs };
  }
  const url = repo.remoteUrl ?? '';
  const token = repo.useDeploymentToken ? tokenFor(s.env, url) : null;
  return { url, headers: authorization(token), timeoutMs };
}

/**
 * Lists the remote's refs and replaces the stored listing, prune included.
 * @returns the listing and the remote, which fetches without another discovery.
 * @throws MirrorError
 */
export async function refreshListing(
  s: Outside & Pick<Services, 'db' | 'clock'>,
  scope: RepoScope & { row: RemoteOf },
  timeoutMs?: number,
): Promise<{ remote: Remote; listing: Listing }> {
  const remote = await remoteOf(s, scope.row, timeoutMs);
  const answer = await listRefs(s.egress, remote);
  const listing = { refs: answer.refs, defaultBranch: defaultBranchOf(answer) };
  await replaceListing(s.db, scope, listing, s.clock());
  return { remote, listing };
}

/** Short name of the branch that HEAD means; null when there is none yet. A detached HEAD means a branch at its commit. */
export function defaultBranchOf({ head, headOid, refs }: RemoteListing): string | null {
  if (head !== null) return refs.some((ref) => ref.name === head) ? shortName(head) : null;
  const here = refs.filter((ref) => ref.oid === headOid && ref.name.startsWith('refs/heads/'));
  const names = here.map((ref) => shortName(ref.name));
  return ['main', 'master'].find((name) => names.includes(name)) ?? names[0] ?? null;
}
