import { Problem } from '../../errors.ts';
import type { Services } from '../../services.ts';
import { textOf } from '../../store/blobs.ts';
import { type IndexedPath, indexedPaths } from '../../store/hits.ts';
import { resolveIndexedRef } from '../../store/refs.ts';
import { findRepo } from '../../store/repos.ts';
import type { Caller } from '../../store/scope.ts';
import type { OpenSnapshot } from '../navigate/snapshot.ts';
import type { SearchHit } from '../search/hit.ts';
import { type SearchParams, search } from '../search/search.ts';
import type { Section } from './pack.ts';

export type ContextServices = Pick<Services, 'db' | 'shard' | 'embedder' | 'vectors' | 'log'>;

/** The snapshot a pack is made from, with what strategies ask of it. */
export interface Source {
  services: ContextServices;
  caller: Caller;
  snapshot: OpenSnapshot;
  /** Filled by strategies; shown to the caller. */
  warnings: string[];
}

/**
 * Opens a repo's ref; without `ref` its default branch, else its most recently indexed one.
 * @throws Problem `not_found` with `reason: "not_indexed"` when the ref is not indexed
 */
export async function openSource(
  services: ContextServices,
  caller: Caller,
  name: string,
  ref: string | undefined,
): Promise<Source> {
  const scope = await findRepo(services.db, caller, name, 'read');
  const served = await resolveIndexedRef(services.db, scope, ref);
  if (!served) {
    const { name: repo } = scope.repo;
    const members = { reason: 'not_indexed' };
    if (ref === undefined)
      throw new Problem('not_found', `No ref of "${repo}" is indexed; sync one first.`, { members });
    const errors = [{ pointer: '/ref', detail: 'is not indexed' }];
    throw new Problem('not_found', `Ref "${ref}" of "${repo}" is not indexed; sync it first.`, {
      members,
      errors,
    });
  }
  const snapshot = { scope, shard: services.shard(scope), snapshotId: served.snapshotId, served };
  return { services, caller, snapshot, warnings: [] };
}

/** Words of a guiding query, without what the query language would read as syntax. */
export function plainWords(query: string): string {
  return query
    .replace(/[^\p{L}\p{N}\p{M}_.$#@'\s]+/gu, ' ')
    .replace(/\b(AND|OR|NOT)\b/g, (word) => word.toLowerCase())
    .trim()
    .slice(0, 1000);
}

/** Hits in this snapshot, best first. */
export async function find(
  source: Source,
  query: string,
  params: Partial<SearchParams> = {},
): Promise<SearchHit[]> {
  if (query === '') return [];
  const { services, caller, snapshot } = source;
  const { repo } = snapshot.scope;
  const answer = await search(services, caller, {
    query,
    repo: repo.id,
    ref: snapshot.served.ref,
    ...params,
  });
  return answer.hits;
}

/** Texts of indexed files by blob. */
export function readTexts({ snapshot }: Source, blobIds: number[]): Promise<Map<number, string>> {
  return textOf(snapshot.shard, snapshot.scope, blobIds);
}

/** Hits as sections; `annotate` says why each is here. */
export async function hitSections(
  source: Source,
  hits: SearchHit[],
  annotate: (hit: SearchHit) => string,
): Promise<Section[]> {
  const texts = await readTexts(source, [...new Set(hits.map((hit) => hit.blobId))]);
  return hits.flatMap((hit) => {
    const text = texts.get(hit.blobId);
    const { filePath: path, startLine, endLine } = hit;
    return text === undefined ? [] : [{ path, startLine, endLine, text, annotation: annotate(hit) }];
  });
}

/** A hit's symbol in words, e.g. `method Router.match`, or its file. */
export function nameOf(hit: SearchHit): string {
  return hit.symbol ? `${hit.symbol.kind} ${hit.symbol.qualifiedName}` : hit.filePath;
}

const MAX_FILES = 50_000;

/** Indexed files whose path contains `piece` (letter case ignored). */
export function filesContaining(
  { snapshot }: Source,
  piece: string,
  limit = MAX_FILES,
): Promise<IndexedPath[]> {
  return indexedPaths(snapshot.shard, snapshot.scope, [snapshot.snapshotId], piece.toLowerCase(), limit);
}
