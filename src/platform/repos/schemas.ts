import { z } from '@hono/zod-openapi';
import { SKIP_REASONS } from '../../ingest/parse/facts.ts';
import { INDEXING_STAGES } from '../../pipeline.ts';
import { repoName, syncRef } from './names.ts';

const time = z.iso.datetime().openapi({ example: '2026-01-15T10:30:00.000Z' });
const MAX_DEPTH = 1_000_000;
const MINUTES_A_YEAR = 525_600;

export const nameParam = z.object({
  name: z.string().openapi({
    param: { name: 'name', in: 'path' },
    description: 'Name or id of the repository.',
    example: 'my-lib',
  }),
});
export const nameAndRefParam = nameParam.extend({
  ref: z.string().openapi({
    param: { name: 'ref', in: 'path' },
    description: 'Branch or tag, percent-encoded: `feature%2Fauth`.',
    example: 'v1.0.0',
  }),
});

export const repoRef = z
  .object({
    ref: z.string().openapi({ example: 'v1.0.0' }),
    stage: z.enum(INDEXING_STAGES).openapi({ description: 'Of the latest run.' }),
    commitSha: z.string().nullable().openapi({ description: 'Of the snapshot being served.' }),
    languageStats: z
      .record(z.string(), z.number())
      .nullable()
      .openapi({ description: 'Per cent of indexed bytes.', example: { typescript: 45.2, java: 54.8 } }),
    indexingError: z.string().nullable().openapi({ description: 'Why the latest run failed.' }),
    filesIndexed: z.int().nullable(),
    filesSkipped: z.int().nullable(),
    skipped: z
      .record(z.string(), z.int())
      .nullable()
      .openapi({ description: 'Files kept in the tree and not parsed, by reason.', example: { binary: 3 } }),
    indexedAt: time.nullable(),
    deletedAtRemote: time.nullable().openapi({ description: 'Since when the remote no longer has the ref.' }),
  })
  .openapi('RepoRef');

export const repo = z
  .object({
    id: z.string(),
    name: z.string().openapi({ example: 'my-lib' }),
    localPath: z.string().nullable(),
    remoteUrl: z.string().nullable().openapi({ example: 'https://github.com/org/my-lib.git' }),
    globPatterns: z.array(z.string()).nullable(),
    createdAt: time,
    updatedAt: time,
    mirrorStatus: z.enum(['pending', 'cloning', 'ready', 'error']),
    mirrorError: z.string().nullable(),
    tokenConfigured: z
      .boolean()
      .openapi({ description: 'A token of the deployment applies to this repository.' }),
    groupId: z.string(),
    defaultBranch: z.string().nullable(),
    depth: z.int().openapi({ description: 'Commits of history that are mirrored; 0 = all.' }),
    refreshMinutes: z.int().nullable(),
    visibility: z.enum(['private', 'public']),
    useDeploymentToken: z.boolean(),
    refs: z.array(repoRef),
  })
  .openapi('Repo');

export const registeredRepo = repo
  .extend({ jobId: z.string().openapi({ description: 'The mirror job; watch it at /ws/jobs/{jobId}.' }) })
  .openapi('RegisteredRepo');

const settings = {
  globPatterns: z
    .array(z.string())
    .nullable()
    .optional()
    .openapi({
      description: 'Files to index; applies at the next sync.',
      example: ['src/**/*.ts', '!**/*.d.ts'],
    }),
  depth: z
    .int()
    .min(0)
    .max(MAX_DEPTH)
    .optional()
    .openapi({ description: 'Commits of history to mirror; 0 = all.', default: 1 }),
  refreshMinutes: z
    .int()
    .min(5)
    .max(MINUTES_A_YEAR)
    .nullable()
    .optional()
    .openapi({ description: 'Sync the indexed refs again this often; off by default.' }),
  visibility: z.enum(['private', 'public']).optional(),
  useDeploymentToken: z
    .boolean()
    .optional()
    .openapi({ description: 'Use the GIT_TOKEN_<HOST> of the deployment; a global admin decides.' }),
};

export const registerRequest = z
  .strictObject({
    name: repoName,
    remoteUrl: z
      .string()
      .min(1)
      .max(2048)
      .nullable()
      .optional()
      .openapi({ example: 'https://github.com/org/my-lib.git' }),
    localPath: z
      .string()
      .min(1)
      .max(4096)
      .nullable()
      .optional()
      .openapi({ description: 'A git repository below `LOCAL_REPOS`, on the machine of a local start.' }),
    ...settings,
    group_id: z
      .string()
      .min(1)
      .max(100)
      .optional()
      .openapi({ description: 'Owning group; your personal one unless said.' }),
    sync: z
      .array(syncRef)
      .max(100)
      .optional()
      .openapi({ description: 'Refs to index as soon as the mirror stands.' }),
  })
  .superRefine((body, context) => {
    if ((body.remoteUrl == null) === (body.localPath == null)) {
      context.addIssue({
        code: 'custom',
        path: ['remoteUrl'],
        message: 'exactly one of remoteUrl and localPath is needed',
      });
    }
  })
  .openapi('RegisterRepoRequest', {
    description: 'Exactly one of `remoteUrl` and `localPath`.',
    example: {
      name: 'my-lib',
      remoteUrl: 'https://github.com/org/my-lib.git',
      globPatterns: ['src/**/*.ts'],
      sync: ['v2.0.0'],
    },
  });
export type RegisterRequest = z.output<typeof registerRequest>;

export const patchRequest = z
  .strictObject(settings)
  .openapi('PatchRepoRequest', { example: { globPatterns: ['src/**/*.ts', '!**/*.d.ts'] } });
export type PatchRequest = z.output<typeof patchRequest>;

export const gitRefs = z
  .object({ branches: z.array(z.string()), tags: z.array(z.string()) })
  .openapi('GitRefs', { example: { branches: ['main', 'develop'], tags: ['v1.0.0', 'v1.1.0'] } });

export const syncRequest = z
  .strictObject({ ref: syncRef, depth: settings.depth })
  .openapi('SyncRequest', { example: { ref: 'v2.0.0' } });

export const syncResponse = z
  .object({
    jobId: z.string(),
    repo: z.string(),
    ref: z.string().openapi({ description: 'The name it is stored under.' }),
  })
  .openapi('SyncResponse');

export const deleting = z.object({ jobId: z.string() }).openapi('DeletionStarted');

const filesAndBytes = { files: z.int(), bytes: z.int() };

export const previewQuery = z.object({
  ref: syncRef.optional().openapi({ description: 'Branch, tag or commit; the default branch unless said.' }),
});

export const preview = z
  .object({
    ref: z.string(),
    commitSha: z.string(),
    files: z.int().openapi({ description: 'Files, symlinks and submodules of the commit.' }),
    willIndex: z.object({ ...filesAndBytes, byLanguage: z.record(z.string(), z.object(filesAndBytes)) }),
    alreadyIndexed: z.object({ files: z.int() }),
    skipped: z.array(
      z.object({ reason: z.enum(SKIP_REASONS), files: z.int(), examples: z.array(z.string()) }),
    ),
    cost: z
      .object({ blobs: z.int(), bytes: z.int(), batches: z.int() })
      .openapi({ description: 'What is left to parse: distinct contents, their bytes, and messages.' }),
  })
  .openapi('Preview');
