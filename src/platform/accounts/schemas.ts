import { z } from '@hono/zod-openapi';
import { GROUP_ROLES, ROLES } from '../../store/scope.ts';

export const loginRequest = z
  .strictObject({
    username: z.string().min(1).max(200).openapi({ example: 'admin' }),
    password: z.string().min(1).max(1000).openapi({ example: 'your-password', format: 'password' }),
    scope: z.string().max(1000).optional().openapi({
      description: 'Scopes, separated by spaces; absent means all your rights.',
      example: 'repos:read',
    }),
  })
  .openapi('LoginRequest');

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
