import { z } from '@hono/zod-openapi';
import { pageQuery } from '../../http/pagination.ts';
import { MAX_QUERY, SEARCH_MODES } from './query-plan.ts';
import { DEFAULT_LIMIT, MAX_LIMIT, MAX_OFFSET } from './search.ts';

/** A name in decomposed Unicode is longer than the one that is stored. */
const MAX_NAME = 1_024;

const filter = (max: number) => z.string().min(1).max(max).optional();

export const searchQuery = z.object({
  query: z.string().min(1, 'must not be empty').max(MAX_QUERY).openapi({
    description:
      'Words, identifiers or a question; `"exact phrases"`, `/regex/`, `-word`, `AND OR NOT ( )` and the qualifiers `repo: lang: path: file: sym: rev: case: content:`.',
    example: 'refresh token lang:typescript -path:test',
  }),
  repo: filter(MAX_NAME).openapi({ description: 'Name or id of a repository.' }),
  ref: filter(MAX_NAME).openapi({
    description: 'Branch, tag, commit or semver range; `*` searches every indexed ref.',
  }),
  mode: z.enum(SEARCH_MODES).default('hybrid').openapi({
    description:
      '`literal` and `regex` (RE2) take the whole query but its qualifiers as the text to find and answer with the matching lines; the others rank chunks.',
  }),
  lang: filter(40).openapi({ description: 'Language by name or file extension.' }),
  path: filter(300).openapi({
    description: 'Part of a path, or a glob; one without `/` matches base names.',
  }),
  ...pageQuery(MAX_LIMIT, { maxOffset: MAX_OFFSET, fallback: DEFAULT_LIMIT }),
});

export const searchResult = z
  .object({
    filePath: z.string(),
    repo: z.string(),
    ref: z.string(),
    content: z.string().openapi({ description: 'Exactly the lines `startLine` to `endLine` of the file.' }),
    startLine: z.int().min(1),
    endLine: z.int().min(1),
    score: z.number().min(0).max(1),
    symbolName: z.string().nullable().openapi({ description: 'The enclosing symbol or Markdown heading.' }),
    commitSha: z.string(),
    indexedAt: z.iso.datetime(),
    refs: z
      .array(z.string())
      .optional()
      .openapi({ description: 'With `ref=*`: every ref that holds these lines.' }),
  })
  .openapi('SearchResult', {
    example: {
      filePath: 'src/auth/login.ts',
      repo: 'my-lib',
      ref: 'v1.0.0',
      content: 'export async function login(username: string, password: string) {\n  …\n}',
      startLine: 15,
      endLine: 17,
      score: 0.87,
      symbolName: 'login',
      commitSha: '3f786850e387550fdab836ed7e6dc881de23001b',
      indexedAt: '2026-01-15T10:30:00.000Z',
    },
  });

export const codeSearchBody = z
  .strictObject({
    query: z.string().min(1).max(MAX_QUERY),
    top_k: z.int().min(1).max(MAX_LIMIT).default(10),
    entity_types: z.array(z.string().min(1).max(40)).max(20).optional().openapi({
      description: 'Kinds of symbols, e.g. `function`, `class`; `file` and `chunk` for code outside of any.',
    }),
    include_related: z.boolean().default(false),
    repository_id: z
      .string()
      .min(1)
      .max(MAX_NAME)
      .nullable()
      .optional()
      .openapi({ description: 'Id or name of a repository.' }),
  })
  .openapi('CodeSearchRequest', {
    example: {
      query: 'refresh a session token',
      top_k: 10,
      entity_types: ['function'],
      include_related: true,
    },
  });

const relatedEntity = z.object({
  entity_type: z.string(),
  name: z.string(),
  qualified_name: z.string(),
  file_path: z.string(),
  line_start: z.int(),
  line_end: z.int(),
  relationship: z.enum(['contains', 'contained_by', 'calls', 'called_by', 'sibling']),
});

export const codeSearchResult = z
  .object({
    entity_type: z.string(),
    name: z.string(),
    qualified_name: z.string(),
    file_path: z.string(),
    line_start: z.int(),
    line_end: z.int(),
    language: z.string(),
    code: z.string(),
    content: z.string().openapi({ description: 'The same as `code`.' }),
    docstring: z.string().nullable(),
    signature: z.string().nullable(),
    score: z.number().min(0).max(1),
    similarity_score: z.number().min(0).max(1).openapi({ description: 'The same as `score`.' }),
    repository_id: z.string(),
    repository: z.string(),
    ref: z.string(),
    commit_sha: z.string(),
    indexed_at: z.iso.datetime(),
    related: z.array(relatedEntity),
  })
  .openapi('CodeSearchResult');

export const codeSearchAnswer = z
  .object({
    results: z.array(codeSearchResult),
    total: z.int(),
    query: z.string(),
    search_strategy: z.string(),
    execution_time_ms: z.number(),
    notes: z.array(z.string()),
    empty_reason: z.string().nullable(),
    suggestions: z.array(z.string()),
    repository: z
      .string()
      .nullable()
      .openapi({ description: 'Null, like `ref` and `commit_sha`, when several answered.' }),
    ref: z.string().nullable(),
    commit_sha: z.string().nullable(),
    indexed_at: z.iso.datetime().nullable().openapi({ description: 'Of several, the oldest.' }),
    coverage: z
      .object({ indexed: z.int(), skipped: z.int(), reasons: z.record(z.string(), z.int()) })
      .nullable()
      .openapi({ description: 'Files that were searched, and those that are not indexed by reason.' }),
  })
  .openapi('CodeSearchResponse');

const coverage = z.object({
  total: z.int(),
  embedded: z.int(),
  stale: z.int(),
  coverage_percentage: z.number(),
});

export const embeddingsStatus = z
  .object({
    enabled: z.boolean(),
    provider: z.string().nullable(),
    model: z.string().nullable(),
    dimension: z.int().nullable(),
    vector_store: z.enum(['embedded', 'cloudflare']).nullable(),
    strategy: z.enum(['stored', 'none']),
    used_in_hybrid: z.boolean(),
    stored_vectors: z.int(),
    total_entities: z.int(),
    embedded_entities: z.int(),
    embedding_coverage: z.number(),
    stale_percentage: z.number(),
    by_entity_type: z.record(z.string(), coverage),
    repositories: z.int(),
  })
  .openapi('EmbeddingsStatus');
