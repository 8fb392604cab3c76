import { newId } from '../../src/ids.ts';
import type { createRepo } from '../../src/store/repos.ts';
import type { Caller } from '../../src/store/scope.ts';

/** A caller with every right, who needs no row. */
export const ADMIN_CALLER: Caller = {
  userId: 'u',
  username: 'u',
  role: 'admin',
  groups: new Map(),
  personalGroupId: null,
  scopes: null,
  via: 'token',
  credentialId: null,
};

type NewRepo = Parameters<typeof createRepo>[2];

/** The row of a private repo that mirrors a URL, as registration makes it. */
export function newRepo(of: Pick<NewRepo, 'groupId' | 'name'> & Partial<NewRepo>): NewRepo {
  return {
    id: newId(),
    createdBy: 'u',
    remoteUrl: 'https://example.com/x.git',
    localPath: null,
    globPatterns: null,
    depth: 1,
    refreshMinutes: null,
    visibility: 'private',
    useDeploymentToken: false,
    ...of,
  };
}
