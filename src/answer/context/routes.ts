import { feature, route } from '../../http/feature.ts';
import { setProvenance } from '../../http/provenance.ts';
import { buildContextPack } from './context.ts';
import { contextBody, contextPack, repoParam } from './schemas.ts';

/** RepoRelay's context packs: below /api and /api/v1. */
export const contextRoutes = feature();

const build = route({
  method: 'post',
  path: '/repos/{name}/context',
  scope: 'repos:read',
  query: 'context',
  tags: ['Context'],
  operationId: 'buildContext',
  summary: 'Build a context pack for a task',
  description:
    'Pieces of the indexed code, best first, within a token budget. `explain`: what answers the question, documentation, entry points. `implement`: similar code, contracts, tests. `debug`: stack frames, code that says the error’s words, callers and callees. `recent-changes`: the regions that differ from an earlier ref.',
  request: {
    params: repoParam,
    body: { required: true, content: { 'application/json': { schema: contextBody } } },
  },
  errors: ['conflict'],
  provenance: true,
  responses: {
    200: { description: 'The pack', content: { 'application/json': { schema: contextPack } } },
  },
});

contextRoutes.openapi(build, async (c) => {
  const pack = await buildContextPack(
    c.var.services,
    c.var.caller,
    c.req.valid('param').name,
    c.req.valid('json'),
  );
  const { repo, ref, commitSha, indexedAt, coverage } = pack;
  setProvenance(c, { repo, ref, commitSha, indexedAt, coverage });
  return c.json(pack, 200);
});
