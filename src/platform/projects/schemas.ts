import { z } from '@hono/zod-openapi';
import { description, displayName, listQuery } from '../groups/schemas.ts';

const time = z.iso.datetime().openapi({ example: '2026-01-15T10:30:00.000Z' });
const MAX_METADATA = 16_384;

export const projectsQuery = listQuery.extend({
  group_id: z.string().max(100).optional().openapi({ description: 'Only the projects of this group.' }),
});

export const projectParam = z.object({
  project_id: z
    .string()
    .max(100)
    .openapi({
      param: { name: 'project_id', in: 'path' },
      description: 'Id of the project.',
      example: '0190b5a2-7c1e-7000-8000-000000000000',
    }),
});

const metadata = z
  .record(z.string(), z.unknown())
  .refine(
    (value) => JSON.stringify(value).length <= MAX_METADATA,
    `must be at most ${MAX_METADATA} characters`,
  )
  .openapi({ type: 'object', additionalProperties: true, example: { version: '17.0' } });

const handle = (example: string) =>
  z.string().nullable().openapi({ description: 'A handle of ours, never a path of the host.', example });

export const project = z
  .object({
    id: z.string(),
    group_id: z.string(),
    name: z.string().openapi({ example: 'PostgreSQL 17' }),
    repo: z
      .string()
      .nullable()
      .openapi({ description: 'Name of the repository it shows.', example: 'postgres' }),
    repo_id: z.string().nullable(),
    db_path: handle('index:0190b5a2-7c1e-7000-8000-000000000000'),
    cpg_path: handle('graph:0190b5a2-7c1e-7000-8000-000000000000'),
    source_path: handle('repo:0190b5a2-7c1e-7000-8000-000000000000'),
    language: z.string().nullable().openapi({ example: 'c' }),
    description: z.string().nullable(),
    is_active: z.boolean().openapi({ description: 'It is the one you activated.' }),
    metadata,
    created_at: time,
    updated_at: time,
    warnings: z
      .array(z.string())
      .optional()
      .openapi({ description: 'Fields that were accepted and ignored.' }),
  })
  .openapi('Project');

export const projectList = z.object({ projects: z.array(project), total: z.int() }).openapi('ProjectList');

const ignored = z
  .string()
  .max(4096)
  .nullable()
  .optional()
  .openapi({ description: 'Accepted and ignored, with a warning.' });

const fields = {
  name: displayName,
  repo: z
    .string()
    .min(1)
    .max(200)
    .nullable()
    .optional()
    .openapi({ description: 'Name or id of the repository to show.', example: 'postgres' }),
  language: z.string().min(1).max(50).nullable().optional().openapi({ example: 'c' }),
  description: description.optional(),
  metadata: metadata.optional(),
  source_path: ignored,
  db_path: ignored,
  cpg_path: ignored,
};

export const createProjectRequest = z
  .strictObject({ group_id: z.string().min(1).max(100), ...fields })
  .openapi('CreateProjectRequest', {
    example: { group_id: '0190b5a2-7c1e-7000-8000-000000000000', name: 'PostgreSQL 17', repo: 'postgres' },
  });
export const updateProjectRequest = z
  .strictObject({ ...fields, name: displayName.optional() })
  .openapi('UpdateProjectRequest', {
    example: { description: 'PostgreSQL 17.1', metadata: { version: '17.1' } },
  });

export const activated = z
  .object({ id: z.string(), name: z.string(), is_active: z.literal(true), message: z.string() })
  .openapi('ActivatedProject', {
    example: {
      id: '0190b5a2-7c1e-7000-8000-000000000000',
      name: 'PostgreSQL 17',
      is_active: true,
      message: 'Project activated successfully',
    },
  });
