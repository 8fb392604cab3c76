import { z } from '@hono/zod-openapi';
import { pageQuery } from '../../http/pagination.ts';
import { type KeyScope, SCOPES } from '../../http/scopes.ts';
import { isId } from '../../ids.ts';
import { AUDIT_ACTIONS } from '../../store/audit.ts';
import { GROUP_ROLES, ROLES } from '../../store/scope.ts';

const loginScope = z.string().max(1000).optional().openapi({
  description: 'Scopes, separated by spaces; absent means all your rights.',
  example: 'repos:read',
});

export const loginRequest = z
  .strictObject({
    username: z.string().min(1).max(200).openapi({ example: 'admin' }),
    password: z.string().min(1).max(1000).openapi({ example: 'your-password', format: 'password' }),
    scope: loginScope,
  })
  .openapi('LoginRequest');

export const ldapRequest = z
  .strictObject({
    username: z.string().min(1).max(200).openapi({
      description: '`uid`, `sAMAccountName`, `userPrincipalName` or `mail` of the entry.',
      example: 'jdoe',
    }),
    password: z.string().min(1).max(1000).openapi({ example: 'ldap-password', format: 'password' }),
    scope: loginScope,
  })
  .openapi('LdapLoginRequest', { description: 'Username and password of the directory.' });

export const refreshRequest = z
  .strictObject({
    refresh_token: z.string().min(1).max(8192).openapi({ example: 'eyJhbGciOiJIUzI1NiIs...' }),
  })
  .openapi('RefreshRequest');

export const tokenResponse = z
  .object({
    access_token: z.string().openapi({ example: 'eyJhbGciOiJIUzI1NiIs...' }),
    refresh_token: z.string().openapi({ example: 'eyJhbGciOiJIUzI1NiIs...' }),
    token_type: z.literal('bearer'),
    expires_in: z.int().openapi({ example: 1800, description: 'Seconds that the access token lives.' }),
  })
  .openapi('TokenResponse');

export const ticketResponse = z
  .object({
    ticket: z.string().openapi({ description: 'Send as ?ticket= of one WebSocket upgrade.' }),
    expires_in: z.int().openapi({ example: 30 }),
  })
  .openapi('TicketResponse');

export const userProfile = z
  .object({
    id: z.string(),
    username: z.string(),
    email: z.string().nullable(),
    role: z.enum(ROLES),
    personal_group_id: z.string().nullable(),
    groups: z.array(z.object({ id: z.string(), name: z.string(), role: z.enum(GROUP_ROLES) })),
    created_at: z.iso.datetime(),
    updated_at: z.iso.datetime(),
  })
  .openapi('UserProfile');

const time = z.iso.datetime();

/** Invisible characters and marks that turn the direction of text let one name look like another. */
const username = z
  .string()
  .min(1)
  .max(200)
  .transform((value) => value.normalize('NFC'))
  .refine((value) => !/\p{C}/u.test(value), 'must not hold control or invisible characters')
  .refine((value) => value.trim() === value, 'must not begin or end with a space')
  .refine((value) => !value.includes('/') && !isId(value), 'must not hold a slash or have the form of an id')
  .openapi({ type: 'string', minLength: 1, maxLength: 200, example: 'john_doe' });
const email = z.email('must be an e-mail address').max(254).openapi({ example: 'john@example.com' });
/** NIST SP 800-63B: length counts, composition rules do not. */
const newPassword = z
  .string()
  .min(8)
  .max(1000)
  .openapi({ example: 'a long and memorable phrase', format: 'password' });
const role = z.enum(ROLES).openapi({ example: 'analyst' });

export const user = z
  .object({
    id: z.string(),
    username: z.string(),
    email: z.string().nullable(),
    role,
    disabled: z.boolean(),
    has_password: z
      .boolean()
      .openapi({ description: 'False for who comes by single sign-on or a reset link.' }),
    personal_group_id: z.string().nullable(),
    created_at: time,
    updated_at: time,
  })
  .openapi('User');

export const userRequest = z
  .strictObject({
    username,
    email: email.nullable().optional(),
    password: newPassword.optional().openapi({
      description: 'Without one the user comes by single sign-on, or by a reset link.',
    }),
    role: role.default('viewer'),
  })
  .openapi('UserRequest');

export const userPatch = z
  .strictObject({
    username: username.optional(),
    email: email.nullable().optional(),
    role: role.optional(),
    disabled: z.boolean().optional().openapi({ description: 'Ends every session; keys stop with it.' }),
  })
  .openapi('UserPatch');

export const myPatch = z
  .strictObject({
    email: email.nullable().optional(),
    password: newPassword.optional(),
    current_password: z
      .string()
      .min(1)
      .max(1000)
      .optional()
      .openapi({ description: 'Needed with `password`.', format: 'password' }),
  })
  .openapi('MyPatch');

export const userList = z
  .object({ items: z.array(user), total: z.int(), page: z.int(), per_page: z.int() })
  .openapi('UserList');

const truth = z
  .enum(['true', 'false'])
  .transform((value) => value === 'true')
  .openapi({ type: 'boolean' });

export const usersQuery = z.object({
  ...pageQuery(),
  q: z.string().min(1).max(200).optional().openapi({ description: 'Part of a username or e-mail address.' }),
  role: z.enum(ROLES).optional().openapi({ description: 'Only users of this role.' }),
  disabled: truth.optional().openapi({ description: 'Only disabled users, or only others.' }),
});

export const deleteUserQuery = z.object({
  cascade: truth.optional().openapi({
    description: "Delete the repositories of the user's personal group too; without it they are a 409.",
  }),
});

export const removalStarted = z.object({ jobIds: z.array(z.string()) }).openapi('RemovalsStarted');

export const resetLink = z
  .object({
    token: z
      .string()
      .nullable()
      .openapi({ description: 'Shown once; sets the password at `/auth/reset-password`.' }),
    url: z.string().nullable().openapi({ description: 'The same as a link for a browser.' }),
    expires_at: time,
  })
  .openapi('ResetLink');

export const resetRequest = z
  .strictObject({
    token: z.string().min(1).max(200).openapi({ example: 'q3Jm0w...' }),
    password: newPassword,
  })
  .openapi('ResetRequest');

const scope = z.enum(Object.keys(SCOPES) as [KeyScope, ...KeyScope[]]);

export const keyRequest = z
  .strictObject({
    name: z
      .string()
      .min(1)
      .max(100)
      .refine((value) => !/\p{C}/u.test(value), 'must not hold control or invisible characters')
      .openapi({ example: 'my-integration' }),
    expires_days: z.int().min(1).max(3650).optional().openapi({
      description: 'Days that the key lives; absent means until it is deleted.',
      example: 365,
    }),
    scopes: z
      .array(scope)
      .min(1)
      .max(100)
      .optional()
      .openapi({
        description: 'What the key may do at most; absent means all that you may.',
        example: ['scenarios:read', 'query:execute'],
      }),
  })
  .openapi('ApiKeyRequest');

export const apiKey = z
  .object({
    id: z.string(),
    name: z.string(),
    prefix: z.string().openapi({ example: 'rak_xxxx' }),
    scopes: z.array(z.string()).nullable().openapi({ description: 'null: all rights of its owner.' }),
    expires_at: time.nullable(),
    last_used_at: time.nullable().openapi({ description: 'To the minute.' }),
    created_at: time,
    user_id: z.string(),
    username: z.string(),
  })
  .openapi('ApiKey');

export const madeKey = z
  .object({
    id: z.string(),
    name: z.string(),
    key: z.string().nullable().openapi({
      description: 'Shown once; null in a replay by Idempotency-Key.',
      example: 'rak_xxxxxxxxxxxxxxxxxxxx',
    }),
    prefix: z.string(),
    scopes: z.array(z.string()).nullable(),
    expires_at: time.nullable(),
    created_at: time,
    replayed: z.literal(true).optional(),
  })
  .openapi('CreatedApiKey');

export const keyList = z
  .object({ items: z.array(apiKey), total: z.int(), page: z.int(), per_page: z.int() })
  .openapi('ApiKeyList');

export const keysQuery = z.object({
  ...pageQuery(),
  prefix: z.string().min(1).max(20).optional().openapi({
    description: 'The first eight characters, as a log or a leak shows them.',
  }),
  user_id: z.string().min(1).max(200).optional().openapi({
    description: 'For admins: the keys of this user, or of everybody with `*`. Otherwise your own.',
  }),
});

export const idParam = (what: string) =>
  z.object({
    id: z
      .string()
      .max(200)
      .openapi({ description: `Id of the ${what}.`, example: '0190b5a2-7c1e-7000-8000-000000000000' }),
  });

export const session = z
  .object({
    id: z.string(),
    method: z.string().openapi({ description: 'How it began.', example: 'password' }),
    scopes: z.array(z.string()).nullable(),
    created_at: time,
    refreshed_at: time,
    expires_at: time,
    current: z.boolean().openapi({ description: 'The one that asks.' }),
  })
  .openapi('LoginSession');

export const sessionList = z
  .object({ items: z.array(session), total: z.int(), page: z.int(), per_page: z.int() })
  .openapi('LoginSessionList');

export const sessionsQuery = z.object(pageQuery());

export const auditEntry = z
  .object({
    id: z.string(),
    at: time,
    action: z.string().openapi({ example: 'key.created' }),
    actor: z
      .object({ id: z.string(), username: z.string().nullable() })
      .nullable()
      .openapi({ description: 'null: nobody who proved to be someone.' }),
    via: z.enum(['token', 'key', 'anonymous', 'operator']),
    target: z.object({ kind: z.string(), id: z.string(), name: z.string().nullable() }).nullable(),
    detail: z.record(z.string(), z.unknown()),
    ip: z.string().nullable(),
    request_id: z.string().nullable(),
  })
  .openapi('AuditEntry');

export const auditList = z
  .object({ items: z.array(auditEntry), total: z.int(), page: z.int(), per_page: z.int() })
  .openapi('AuditLog');

const moment = z.iso
  .datetime({ error: 'must be a time, for example 2026-01-15T10:30:00Z', offset: true })
  .transform((value) => new Date(value).toISOString());

export const auditQuery = z.object({
  ...pageQuery(),
  actor: z.string().min(1).max(200).optional().openapi({ description: 'Id or username of who did it.' }),
  action: z.enum(AUDIT_ACTIONS).optional().openapi({ description: 'Only this action.' }),
  target: z
    .string()
    .min(1)
    .max(200)
    .optional()
    .openapi({ description: 'Id or name of what it was done to.' }),
  since: moment
    .optional()
    .openapi({ description: 'From this time on.', type: 'string', format: 'date-time' }),
  until: moment.optional().openapi({ description: 'Before this time.', type: 'string', format: 'date-time' }),
});
