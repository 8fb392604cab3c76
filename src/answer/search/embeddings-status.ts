import type { z } from '@hono/zod-openapi';
import type { Services } from '../../services.ts';
import { countEntities } from '../../store/hits.ts';
import { resolveIndexedRefs } from '../../store/refs.ts';
import { listRepoScopes } from '../../store/repos.ts';
import type { Caller } from '../../store/scope.ts';
import { WEIGHTS } from './rank.ts';
import type { embeddingsStatus } from './schemas.ts';

/** Repos that are counted; a caller with more sees the first of them by name. */
const MAX_REPOS = 200;

/**
 * Which model embeds code, and how much of what the caller may read has a stored vector. The embedded model stores
 * none: it embeds the candidates of a question when it is asked, so the coverage is honestly zero.
 */
export async function readEmbeddingsStatus(
  s: Pick<Services, 'db' | 'shard' | 'embedder'>,
  caller: Caller,
): Promise<z.input<typeof embeddingsStatus>> {
  const scopes = (await listRepoScopes(s.db, caller)).slice(0, MAX_REPOS);
  const served = await resolveIndexedRefs(s.db, scopes, undefined);
  const byShard = Map.groupBy(
    scopes.filter((scope) => served.has(scope.repo.key)),
    (scope) => s.shard(scope),
  );
  const totals: Record<string, { total: number; embedded: number; coverage_percentage: number }> = {};
  for (const [shard, group] of byShard) {
    const snapshotIds = group.map((scope) => served.get(scope.repo.key)!.snapshotId);
    for (const { kind, count } of await countEntities(shard, snapshotIds)) {
      totals[kind] ??= { total: 0, embedded: 0, coverage_percentage: 0 };
      totals[kind].total += count;
    }
  }
  return {
    enabled: s.embedder !== null,
    provider: s.embedder?.provider ?? null,
    model: s.embedder?.id ?? null,
    dimension: s.embedder?.dimensions ?? null,
    strategy: s.embedder === null ? 'none' : 'rescoring',
    used_in_hybrid: s.embedder !== null && WEIGHTS.semantic > 0,
    stored_vectors: 0,
    total_entities: Object.values(totals).reduce((sum, each) => sum + each.total, 0),
    embedded_entities: 0,
    embedding_coverage: 0,
    by_entity_type: totals,
    repositories: served.size,
  };
}
