import { z } from '@hono/zod-openapi';
import { invalid } from '../../errors.ts';
import { readAhead, visibleRefs } from '../../http/ahead.ts';
import { feature, header, route } from '../../http/feature.ts';
import { setOpenPage, windowOf } from '../../http/pagination.ts';
import { headerText, setProvenance } from '../../http/provenance.ts';
import { codeSearch } from './code-search.ts';
import { readEmbeddingsStatus } from './embeddings-status.ts';
import type { SearchHit } from './hit.ts';
import { codeSearchAnswer, codeSearchBody, embeddingsStatus, searchQuery, searchResult } from './schemas.ts';
import { DEFAULT_LIMIT, MAX_OFFSET, search } from './search.ts';

/** RepoRelay's search: below /api and /api/v1. */
export const searchRoutes = feature();
/** Repotoire's code search: below /api/v1. */
export const codeRoutes = feature();

const find = route({
  ahead: visibleRefs,
  method: 'get',
  path: '/search',
  scope: 'repos:read',
  query: 'search',
  tags: ['Search'],
  operationId: 'search',
  summary: 'Search code, documentation and symbols',
  description:
    'Across every repository the caller may read, or one of them. An empty answer says why in `Sightline-Empty-Reason` and offers the nearest names in `Sightline-Suggest`.',
  request: { query: searchQuery },
  etag: true,
  provenance: true,
  responses: {
    200: {
      description: 'Best first',
      headers: {
        'Sightline-Search-Strategy': header(
          'Which signals ranked the answer.',
          'semantic (rescoring by hashed-subwords-256)',
        ),
        'Sightline-Notes': header(
          'Limits that the search met, if any; percent-encoded where it is not plain ASCII.',
          'only a part of the files was read',
        ),
      },
      content: { 'application/json': { schema: z.array(searchResult) } },
    },
  },
});

searchRoutes.openapi(find, async (c) => {
  const { page, per_page, limit: most, offset: skip, ...params } = c.req.valid('query');
  const window = windowOf({ page, per_page, limit: most, offset: skip }, DEFAULT_LIMIT);
  const { offset } = window;
  const limit = window.limit ?? DEFAULT_LIMIT;
  if (offset > MAX_OFFSET) throw invalid('query/page', `must begin within the first ${MAX_OFFSET} results`);
  const answer = await search(
    c.var.services,
    c.var.caller,
    { ...params, limit, offset },
    { visible: await readAhead(c, visibleRefs) },
  );
  setOpenPage(c, window, answer.hits.length === limit && offset + limit <= MAX_OFFSET);
  setProvenance(c, {
    ...answer.provenance,
    ...(answer.emptyReason && { emptyReason: answer.emptyReason }),
    suggest: answer.suggestions,
  });
  c.header('sightline-search-strategy', answer.strategy);
  if (answer.notes.length > 0) {
    c.header('sightline-notes', answer.notes.map(headerText).join('; '));
  }
  return c.json(answer.hits.map(toResult), 200);
});

function toResult(hit: SearchHit): z.input<typeof searchResult> {
  const { filePath, repo, ref, content, startLine, endLine, score, symbolName, commitSha, indexedAt, refs } =
    hit;
  return {
    filePath,
    repo,
    ref,
    content,
    startLine,
    endLine,
    score,
    symbolName,
    commitSha,
    indexedAt,
    ...(refs && { refs }),
  };
}

const code = route({
  method: 'post',
  path: '/code/search',
  scope: 'repos:read',
  query: 'search',
  tags: ['Search'],
  operationId: 'searchEntities',
  summary: 'Search for entities of the code',
  provenance: true,
  request: { body: { required: true, content: { 'application/json': { schema: codeSearchBody } } } },
  responses: {
    200: { description: 'Best first', content: { 'application/json': { schema: codeSearchAnswer } } },
  },
});

codeRoutes.openapi(code, async (c) => {
  const { provenance, ...answer } = await codeSearch(c.var.services, c.var.caller, c.req.valid('json'));
  setProvenance(c, provenance);
  return c.json(answer, 200);
});

const status = route({
  method: 'get',
  path: '/code/embeddings/status',
  scope: 'repos:read',
  tags: ['Search'],
  operationId: 'getEmbeddingsStatus',
  summary: 'Which model embeds code, and how much of it',
  responses: {
    200: { description: 'Coverage', content: { 'application/json': { schema: embeddingsStatus } } },
  },
});

codeRoutes.openapi(status, async (c) =>
  c.json(await readEmbeddingsStatus(c.var.services, c.var.caller), 200),
);
