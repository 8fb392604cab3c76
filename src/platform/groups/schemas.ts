import { z } from '@hono/zod-openapi';
import { pageQuery } from '../../http/pagination.ts';
import { GROUP_ROLES } from '../../store/scope.ts';

/** CodeGraph's lists of groups, members and projects answer so many unless told. */
export const LISTED = 100;
export const listQuery = z.object(pageQuery(LISTED, { fallback: LISTED }));

const time = z.iso.datetime().openapi({ example: '2026-01-15T10:30:00.000Z' });

/** What people call a thing: any words, in NFC. */
export const displayName = z
  .string()
  .transform((name) => name.normalize('NFC'))
  .superRefine((name, context) => {
    const refuse = (message: string) => context.addIssue({ code: 'custom', message });
    if (name.trim() === '') refuse('must not be empty');
    else if ([...name].length > 200) refuse('must be at most 200 characters');
    else if (/\p{Cc}|\p{Cs}/u.test(name)) refuse('must not hold control characters or broken Unicode');
    else if (name.trim() !== name) refuse('must not begin or end with a space');
  })
  .openapi({ type: 'string', minLength: 1, maxLength: 200, example: 'PostgreSQL Development' });

export const description = z
  .string()
  .max(2000)
  .nullable()
  .openapi({ example: 'PostgreSQL core development projects' });

const id = (name: string, what: string) =>
  z
    .string()
    .max(100)
    .openapi({
      param: { name, in: 'path' },
      description: `Id of the ${what}.`,
      example: '0190b5a2-7c1e-7000-8000-000000000000',
    });
export const groupParam = z.object({ group_id: id('group_id', 'group') });
export const memberParam = groupParam.extend({ user_id: id('user_id', 'user') });

export const group = z
  .object({
    id: z.string(),
    name: z.string(),
    description: z.string().nullable(),
    created_at: time,
    updated_at: time,
    project_count: z.int().openapi({ example: 3 }),
    role: z.enum(GROUP_ROLES).openapi({ description: 'Yours, there.' }),
    personal: z
      .boolean()
      .openapi({ description: "One user's own group, which cannot be shared or deleted." }),
  })
  .openapi('Group');

export const groupList = z.object({ groups: z.array(group), total: z.int() }).openapi('GroupList');

export const createGroupRequest = z
  .strictObject({ name: displayName, description: description.optional() })
  .openapi('CreateGroupRequest');
export const updateGroupRequest = createGroupRequest.partial().openapi('UpdateGroupRequest');

export const deleteQuery = z.object({
  cascade: z
    .enum(['true', 'false'])
    .optional()
    .openapi({ description: 'Also delete the repositories that the group owns.' }),
});
export const deletingGroup = z
  .object({ jobIds: z.array(z.string()).openapi({ description: 'The jobs that remove its repositories.' }) })
  .openapi('GroupDeletionStarted');

export const member = z
  .object({
    id: z.string().openapi({ description: 'Of the membership.' }),
    user_id: z.string(),
    username: z.string().openapi({ example: 'jdoe' }),
    role: z.enum(GROUP_ROLES),
    created_at: time,
  })
  .openapi('GroupMember');
export const memberList = z.object({ users: z.array(member), total: z.int() }).openapi('GroupMemberList');

export const addMemberRequest = z
  .strictObject({
    user_id: z.string().min(1).max(100).openapi({ example: '0190b5a2-7c1e-7000-8000-000000000000' }),
    role: z.enum(GROUP_ROLES).openapi({ example: 'viewer' }),
  })
  .openapi('AddGroupMemberRequest');
