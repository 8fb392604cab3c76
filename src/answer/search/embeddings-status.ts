import type { z } from '@hono/zod-openapi';
import type { Services } from '../../services.ts';
import { run } from '../../store/control-db.ts';
import { countEntities, type EntityCount } from '../../store/hits.ts';
import { refsNamed, visibleRefsRead } from '../../store/refs.ts';
import type { Caller } from '../../store/scope.ts';
import { WEIGHTS } from './rank.ts';
import type { embeddingsStatus } from './schemas.ts';

/** Repos that are counted; a caller with more sees the first of them by name. */
const MAX_REPOS = 200;

/**
 * Which model embeds code, and how much of what the caller may read has vectors of it. A symbol counts with its file:
 * every chunk of a file is embedded, or none.
 */
export async function readEmbeddingsStatus(
  s: Pick<Services, 'db' | 'shard' | 'embedder' | 'vectors'>,
  caller: Caller,
): Promise<z.input<typeof embeddingsStatus>> {
  const { open, refs } = await run(s.db.$client, visibleRefsRead(s.db, caller));
  const scopes = open(caller).slice(0, MAX_REPOS);
  const served = refsNamed(await refs(scopes), undefined);
  const byShard = Map.groupBy(
    scopes.filter((scope) => served.has(scope.repo.key)),
    (scope) => s.shard(scope),
  );
  const totals: Record<string, Omit<EntityCount, 'kind'>> = {};
  const model = s.embedder?.id ?? null;
  for (const [shard, group] of byShard) {
    const snapshotIds = group.map((scope) => served.get(scope.repo.key)!.snapshotId);
    for (const { kind, ...count } of await countEntities(shard, snapshotIds, model)) {
      totals[kind] ??= { total: 0, embedded: 0, stale: 0 };
      totals[kind].total += count.total;
      totals[kind].embedded += count.embedded;
      totals[kind].stale += count.stale;
    }
  }
  const sum = (of: keyof Omit<EntityCount, 'kind'>) =>
    Object.values(totals).reduce((all, each) => all + each[of], 0);
  const [total, embedded] = [sum('total'), sum('embedded')];
  return {
    enabled: s.embedder !== null,
    provider: s.embedder?.provider ?? null,
    model: s.embedder?.id ?? null,
    dimension: s.embedder?.dimensions ?? null,
    vector_store: s.vectors?.provider ?? null,
    strategy: s.embedder === null ? 'none' : 'stored',
    used_in_hybrid: s.embedder !== null && WEIGHTS.semantic > 0,
    stored_vectors: totals.chunk?.embedded ?? 0,
    total_entities: total,
    embedded_entities: embedded,
    embedding_coverage: percent(embedded, total),
    stale_percentage: percent(sum('stale'), total),
    by_entity_type: Object.fromEntries(
      Object.entries(totals).map(([kind, each]) => [
        kind,
        { ...each, coverage_percentage: percent(each.embedded, each.total) },
      ]),
    ),
    repositories: served.size,
  };
}

/** To two places; of nothing, nothing. */
function percent(part: number, whole: number): number {
  return whole === 0 ? 0 : Math.round((part / whole) * 10_000) / 100;
}
