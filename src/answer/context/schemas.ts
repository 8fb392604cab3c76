import { z } from '@hono/zod-openapi';
import { DEFAULT_TOKENS, MOST_TOKENS } from './context.ts';
import { STRATEGIES } from './strategy.ts';

export const repoParam = z.object({
  name: z.string().openapi({ description: 'Name or id of the repository.', example: 'my-lib' }),
});

export const contextBody = z
  .strictObject({
    strategy: z.enum(STRATEGIES),
    ref: z
      .string()
      .min(1)
      .max(1_024)
      .optional()
      .openapi({ description: 'Branch, tag, commit or semver range.' }),
    fromRef: z.string().min(1).max(1_024).optional().openapi({
      description: 'For `recent-changes`: the ref to compare with; default is what the ref served before.',
    }),
    query: z
      .string()
      .max(20_000)
      .optional()
      .openapi({ description: 'What the context is for; an error with its stack trace for `debug`.' }),
    paths: z
      .array(z.string().min(1).max(1_000))
      .max(100)
      .optional()
      .openapi({ description: 'Files, directories or globs to focus on.' }),
    maxTokens: z
      .int()
      .min(1)
      .optional()
      .openapi({
        description: `Most tokens of \`formatted\`; ${DEFAULT_TOKENS} unless said, at most ${MOST_TOKENS} are used.`,
      }),
  })
  .openapi('ContextRequest', {
    example: { strategy: 'explain', ref: 'v1.0.0', query: 'how a login becomes a session', maxTokens: 4000 },
  });

const chunk = z
  .object({
    filePath: z.string(),
    startLine: z.int(),
    endLine: z.int(),
    content: z.string(),
    annotation: z.string(),
  })
  .openapi('ContextChunk');

export const contextPack = z
  .object({
    strategy: z.enum(STRATEGIES),
    repo: z.string(),
    ref: z.string(),
    totalTokens: z.int().openapi({ description: 'Tokens of `formatted`.' }),
    chunks: z.array(chunk),
    formatted: z.string(),
    maxTokens: z.int(),
    tokenizer: z.string().openapi({ example: 'cl100k_base' }),
    warnings: z.array(z.string()),
    commitSha: z.string(),
    indexedAt: z.iso.datetime(),
    coverage: z.object({ indexed: z.int(), skipped: z.int(), reasons: z.record(z.string(), z.int()) }),
    fromRef: z.string().nullable().optional(),
    changedFiles: z
      .array(
        z.object({
          path: z.string(),
          status: z.enum(['added', 'modified', 'deleted', 'renamed']),
          previousPath: z.string().optional(),
        }),
      )
      .optional(),
  })
  .openapi('ContextPackResult');
