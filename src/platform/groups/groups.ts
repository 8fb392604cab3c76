/** What may be done to groups and to whom they are open. */
import type { z } from '@hono/zod-openapi';
import { judging, Problem } from '../../errors.ts';
import type { Services } from '../../services.ts';
import type { AuditTarget } from '../../store/audit.ts';
import { deleteGroup, type FoundGroup, type Member, setMember } from '../../store/groups.ts';
import { type FoundRepo, listRepos } from '../../store/repos.ts';
import { type Caller, hasRole } from '../../store/scope.ts';
import { entryOf, type Origin } from '../accounts/audit.ts';
import { deleteRepos } from '../repos/remove.ts';
import type { addMemberRequest, group as groupSchema, member as memberSchema } from './schemas.ts';

export function presentGroup(row: FoundGroup): z.output<typeof groupSchema> {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    created_at: row.createdAt,
    updated_at: row.updatedAt,
    project_count: row.projectCount,
    role: row.role,
    personal: row.personalUserId !== null,
  };
}

export function presentMember(member: Member): z.output<typeof memberSchema> {
  return {
    id: member.id,
    user_id: member.userId,
    username: member.username,
    role: member.role,
    created_at: member.createdAt,
  };
}

/** A group as the target of an entry in the audit log. */
export function groupTarget({ id, name }: Pick<FoundGroup, 'id' | 'name'>): AuditTarget {
  return { kind: 'group', id, name };
}

/** @throws Problem `forbidden` */
export function requireGlobalAdmin(caller: Caller): void {
  if (!hasRole(caller, 'admin')) throw new Problem('forbidden', 'This needs the role admin');
}

/**
 * Gives a user a role in the group, or another one.
 * @throws Problem `unprocessable` for a personal group, `not_found` for an unknown user
 */
export async function shareGroup(
  s: Pick<Services, 'db' | 'clock' | 'newId'>,
  origin: Origin,
  group: FoundGroup,
  body: z.output<typeof addMemberRequest>,
): Promise<{ member: Member; added: boolean }> {
  requireShared(group, 'shared');
  const userId = body.user_id.toLowerCase();
  return judging('/user_id', async () => {
    const wanted = { id: s.newId(), groupId: group.id, userId, role: body.role };
    const entry = entryOf(origin, 'group.role_granted', groupTarget(group), {
      user_id: userId,
      role: body.role,
    });
    const set = await setMember(s.db, wanted, s.clock(), entry);
    if (!set) throw new Problem('not_found', 'User not found');
    return set;
  });
}

/** @throws Problem `unprocessable` for a personal group, which stays its user's alone */
export function requireShared(group: FoundGroup, change: 'shared' | 'deleted' | 'left'): void {
  if (group.personalUserId !== null)
    throw new Problem('unprocessable', `A personal group cannot be ${change}; it goes with its user`);
}

/**
 * Deletes a group, and with `cascade` the repositories that it owns.
 * @returns the jobs that go on removing their data when the request ends
 * @throws Problem `conflict` with the `repos` that it owns, `unprocessable` for a personal group
 */
export async function dissolveGroup(
  s: Pick<Services, 'db' | 'jobs' | 'clock'>,
  origin: Origin,
  caller: Caller,
  group: FoundGroup,
  cascade: boolean,
): Promise<string[]> {
  requireShared(group, 'deleted');
  const owned = await listRepos(s.db, caller, { groupId: group.id });
  if (owned.length > 0 && !cascade) throw ownsRepos(owned);
  // The repos first: a request that dies halfway leaves a group that can be deleted again.
  const jobIds = await deleteRepos(s, caller, owned);
  const entry = entryOf(origin, 'group.deleted', groupTarget(group));
  if (await deleteGroup(s.db, group.id, s.clock(), entry)) return jobIds;
  const fresh = await listRepos(s.db, caller, { groupId: group.id });
  throw fresh.length > 0 ? ownsRepos(fresh) : new Problem('not_found', 'Group not found');
}

function ownsRepos(owned: FoundRepo[]): Problem {
  const repos = owned.map(({ repo }) => ({ id: repo.id, name: repo.name }));
  return new Problem('conflict', 'The group owns repositories; delete them first, or say ?cascade=true', {
    members: { repos },
  });
}
