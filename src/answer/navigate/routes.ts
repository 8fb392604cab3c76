/** Navigation of one indexed ref: tree, files, symbols, references, and who calls whom. */
import { z } from '@hono/zod-openapi';
import type { Context, TypedResponse } from 'hono';
import { readAhead, repoOfPath } from '../../http/ahead.ts';
import { notModified } from '../../http/etag.ts';
import { type AppEnv, feature, header, route } from '../../http/feature.ts';
import { type PageInput, setPage, slice, windowOf } from '../../http/pagination.ts';
import { type EmptyReason, setProvenance } from '../../http/provenance.ts';
import { listTree } from '../../store/tree.ts';
import { calleesOf } from './callees.ts';
import { callersOf } from './callers.ts';
import { readFile } from './file.ts';
import { findFiles, findSymbols } from './find.ts';
import { impactOf } from './impact.ts';
import { lookUpSymbol } from './lookup.ts';
import { rawFile } from './raw.ts';
import { findReferences } from './references.ts';
import { repoPath, repoPrefix } from './repo-path.ts';
import {
  calleesAnswer,
  callersAnswer,
  callsQuery,
  fileContent,
  fileQuery,
  findQuery,
  findResult,
  impactAnswer,
  impactQuery,
  importReference,
  rawHeaders,
  rawQuery,
  referencesQuery,
  snapshotParam,
  symbolLookup,
  symbolParam,
  symbolQuery,
  treeQuery,
} from './schemas.ts';
import { suggestNames } from './select.ts';
import { type OpenSnapshot, openSnapshot, provenanceOf } from './snapshot.ts';
import { suggestPaths } from './suggest-paths.ts';

const BASE = '/repos/{name}/refs/{ref}';
const DEFAULT_LIMIT = 100;
const MIN_CALL_CONFIDENCE = 0.3;
/** Impact multiplies edges: unsure ones are noise from the second step on. */
const MIN_IMPACT_CONFIDENCE = 0.5;

const json = <T extends z.ZodType>(description: string, schema: T) => ({
  200: { description, content: { 'application/json': { schema } } },
});
const read = {
  method: 'get' as const,
  scope: 'repos:read' as const,
  tags: ['Navigation'],
  etag: true,
  provenance: true,
  errors: ['conflict' as const],
  ahead: repoOfPath,
};

const tree = route({
  ...read,
  path: `${BASE}/tree`,
  operationId: 'listTree',
  summary: 'Paths of all files of the ref, submodules and symlinks included',
  request: { params: snapshotParam, query: treeQuery },
  responses: json('Paths in the order of git', z.array(z.string())),
});

const file = route({
  ...read,
  path: `${BASE}/file`,
  operationId: 'getFile',
  summary: 'Content of a file, up to 5 MB',
  errors: ['conflict', 'unprocessable', 'payload_too_large'],
  request: { params: snapshotParam, query: fileQuery },
  responses: json('The file', fileContent),
});

const bytes = { schema: z.string().openapi({ format: 'binary' }) };
const rawContent = { 'application/octet-stream': bytes, 'text/plain': bytes };

const rawAnswerHeaders = {
  'Accept-Ranges': header('That ranges may be asked for.', 'bytes'),
  'Content-Disposition': header('The base name of the file.', 'inline; filename="login.ts"'),
};

const raw = route({
  ...read,
  path: `${BASE}/raw`,
  etag: false,
  operationId: 'getRawFile',
  summary: 'Bytes of a file of any size; takes Range',
  errors: ['conflict', 'unprocessable', 'range_not_satisfiable'],
  request: { params: snapshotParam, query: rawQuery, headers: rawHeaders },
  responses: {
    200: { description: 'All of it', headers: rawAnswerHeaders, content: rawContent },
    206: {
      description: 'The range asked for',
      headers: {
        ...rawAnswerHeaders,
        'Content-Range': header('Which bytes these are, and of how many.', 'bytes 0-1023/4096'),
      },
      content: rawContent,
    },
    304: { description: 'Not modified: `If-None-Match` names the object.' },
  },
});

const symbol = route({
  ...read,
  path: `${BASE}/symbols/{symbolName}`,
  operationId: 'getSymbol',
  summary: 'A symbol by name, with its source',
  description: 'Exact letter case first, then any. A 404 carries the nearest names in `suggestions`.',
  request: { params: symbolParam, query: symbolQuery },
  responses: json('Its definitions, the likeliest first', symbolLookup),
});

const find = route({
  ...read,
  path: `${BASE}/find`,
  operationId: 'find',
  summary: 'Files or symbols by a glob on their names',
  request: { params: snapshotParam, query: findQuery },
  responses: json('What matches', z.array(findResult)),
});

const references = route({
  ...read,
  path: `${BASE}/references/{symbolName}`,
  operationId: 'listReferences',
  summary: 'Files that import a symbol',
  description: 'Follows aliases, default and namespace imports and re-exports.',
  request: { params: symbolParam, query: referencesQuery },
  responses: json('The imports', z.array(importReference)),
});

const callers = route({
  ...read,
  path: `${BASE}/callers/{symbolName}`,
  operationId: 'listCallers',
  summary: 'Who calls a symbol',
  request: { params: symbolParam, query: callsQuery },
  responses: json('Calls, the surest first', callersAnswer),
});

const callees = route({
  ...read,
  path: `${BASE}/callees/{symbolName}`,
  operationId: 'listCallees',
  summary: 'What a symbol calls',
  request: { params: symbolParam, query: callsQuery },
  responses: json('Calls in source order', calleesAnswer),
});

const impact = route({
  ...read,
  path: `${BASE}/impact/{symbolName}`,
  operationId: 'getImpact',
  summary: 'What a change of a symbol may affect, breadth first',
  request: { params: symbolParam, query: impactQuery },
  responses: json('Levels of dependents and the edges between them', impactAnswer),
});

export const navigateRoutes = feature();

/** A 304, whose type stands for any answer: contracts name the answers with a body. */
type Unchanged = Response & TypedResponse<never, 200, 'json'>;

/** Opens the snapshot and says so in the headers; a `Response` when the client holds the answer already. */
async function open(
  c: Context<AppEnv>,
  { ref }: { ref: string },
): Promise<{ snapshot: OpenSnapshot; unchanged: Unchanged | null }> {
  const snapshot = openSnapshot(c.var.services, c.var.caller, await readAhead(c, repoOfPath), ref);
  setProvenance(c, provenanceOf(snapshot));
  const url = new URL(c.req.url);
  url.searchParams.delete('token');
  const { snapshotId, served, scope } = snapshot;
  const unchanged = await notModified(c, [scope.repo.id, snapshotId, served, url.pathname, url.search]);
  return { snapshot, unchanged: unchanged as Unchanged | null };
}

/** An array in the seed's manner: complete unless a page is asked for; when empty, with the reason. */
function list<T>(
  c: Context<AppEnv>,
  snapshot: OpenSnapshot,
  items: readonly T[],
  query: PageInput,
  suggest: string[] = [],
): T[] {
  const window = windowOf(query, null);
  setPage(c, window, items.length);
  if (items.length === 0) {
    const emptyReason: EmptyReason = 'no_match';
    setProvenance(c, { ...provenanceOf(snapshot), emptyReason, suggest });
  }
  return slice(items, window);
}

navigateRoutes.openapi(tree, async (c) => {
  const query = c.req.valid('query');
  const prefix = repoPrefix(query.prefix);
  const { snapshot, unchanged } = await open(c, c.req.valid('param'));
  if (unchanged) return unchanged;
  const files = await listTree(snapshot.shard, snapshot.scope, snapshot.snapshotId, prefix);
  const paths = files.map((entry) => entry.path);
  const suggest = paths.length === 0 ? await suggestPaths(snapshot, prefix) : [];
  return c.json(list(c, snapshot, paths, query, suggest), 200);
});

navigateRoutes.openapi(file, async (c) => {
  const { path, includeSymbols } = c.req.valid('query');
  const wanted = repoPath(path, 'path');
  const { snapshot, unchanged } = await open(c, c.req.valid('param'));
  if (unchanged) return unchanged;
  return c.json(await readFile(c.var.services, snapshot, wanted, { includeSymbols }), 200);
});

navigateRoutes.openapi(raw, async (c) => {
  const path = repoPath(c.req.valid('query').path, 'path');
  const { ref } = c.req.valid('param');
  const snapshot = openSnapshot(c.var.services, c.var.caller, await readAhead(c, repoOfPath), ref);
  setProvenance(c, provenanceOf(snapshot));
  return rawFile(c.var.services, snapshot, {
    path,
    head: c.req.method === 'HEAD',
    range: c.req.header('range'),
    ifRange: c.req.header('if-range'),
    ifNoneMatch: c.req.header('if-none-match'),
  });
});

navigateRoutes.openapi(symbol, async (c) => {
  const { symbolName, ...at } = c.req.valid('param');
  const { includeImports, path, kind } = c.req.valid('query');
  const { snapshot, unchanged } = await open(c, at);
  if (unchanged) return unchanged;
  return c.json(await lookUpSymbol(snapshot, { name: symbolName, path, kind }, { includeImports }), 200);
});

navigateRoutes.openapi(find, async (c) => {
  const { pattern, kind, ...page } = c.req.valid('query');
  const { snapshot, unchanged } = await open(c, c.req.valid('param'));
  if (unchanged) return unchanged;
  const found = kind === 'file' ? await findFiles(snapshot, pattern) : await findSymbols(snapshot, pattern);
  const suggest = found.results.length === 0 ? await suggestLike(snapshot, pattern, kind) : [];
  return c.json(list(c, snapshot, found.results, page, suggest), 200);
});

/** What a pattern that found nothing may have meant. */
function suggestLike(snapshot: OpenSnapshot, pattern: string, kind: 'file' | 'symbol'): Promise<string[]> {
  return kind === 'symbol'
    ? suggestNames(snapshot, pattern.replace(/[^\p{L}\p{N}_$]/gu, ''))
    : suggestPaths(snapshot, pattern.replace(/[*?[\]{}]+/g, ''));
}

/** An object whose list may be empty says why, like the arrays. */
function explainEmpty(c: Context<AppEnv>, snapshot: OpenSnapshot, total: number): void {
  if (total === 0) setProvenance(c, { ...provenanceOf(snapshot), emptyReason: 'no_match' });
}

navigateRoutes.openapi(references, async (c) => {
  const { symbolName, ...at } = c.req.valid('param');
  const { path, kind, ...page } = c.req.valid('query');
  const { snapshot, unchanged } = await open(c, at);
  if (unchanged) return unchanged;
  const found = await findReferences(snapshot, { name: symbolName, path, kind });
  return c.json(list(c, snapshot, found, page), 200);
});

navigateRoutes.openapi(callers, async (c) => {
  const { symbolName, ...at } = c.req.valid('param');
  const { path, kind, minConfidence = MIN_CALL_CONFIDENCE, ...page } = c.req.valid('query');
  const window = windowOf(page, DEFAULT_LIMIT);
  const { snapshot, unchanged } = await open(c, at);
  if (unchanged) return unchanged;
  const options = { offset: window.offset, limit: window.limit ?? DEFAULT_LIMIT, minConfidence };
  const answer = await callersOf(snapshot, { name: symbolName, path, kind }, options);
  setPage(c, window, answer.total);
  explainEmpty(c, snapshot, answer.total);
  return c.json({ ...answer, ...provenanceOf(snapshot) }, 200);
});

navigateRoutes.openapi(callees, async (c) => {
  const { symbolName, ...at } = c.req.valid('param');
  const { path, kind, minConfidence = MIN_CALL_CONFIDENCE, ...page } = c.req.valid('query');
  const window = windowOf(page, DEFAULT_LIMIT);
  const { snapshot, unchanged } = await open(c, at);
  if (unchanged) return unchanged;
  const options = { offset: window.offset, limit: window.limit ?? DEFAULT_LIMIT, minConfidence };
  const answer = await calleesOf(snapshot, { name: symbolName, path, kind }, options);
  setPage(c, window, answer.total);
  explainEmpty(c, snapshot, answer.total);
  return c.json({ ...answer, ...provenanceOf(snapshot) }, 200);
});

navigateRoutes.openapi(impact, async (c) => {
  const { symbolName, ...at } = c.req.valid('param');
  const { path, kind, depth, minConfidence = MIN_IMPACT_CONFIDENCE } = c.req.valid('query');
  const { snapshot, unchanged } = await open(c, at);
  if (unchanged) return unchanged;
  const answer = await impactOf(snapshot, { name: symbolName, path, kind }, { depth, minConfidence });
  explainEmpty(c, snapshot, answer.total);
  return c.json({ ...answer, ...provenanceOf(snapshot) }, 200);
});
