import { describeChunks, type SymbolRef } from '../../store/hits.ts';
import type { Found, Known } from './candidate-pool.ts';
import { type Lookup, snapshotsOf } from './lookup.ts';
import type { Candidate } from './rank.ts';
import type { Target } from './targets.ts';

/** A ranked candidate that knows where it stands. */
export interface PlacedCandidate extends Candidate {
  symbol: SymbolRef | null;
  named: SymbolRef | null;
  target: Target;
  /** Snapshots of the target that hold it at this path, preferred first. */
  refs: Target['refs'];
  blobId: number;
  chunkId: number;
  oid: string;
}

/**
 * Gives candidates their symbols and places: those that the lists told, and the rest from one more look. Content that
 * stands at several paths of one ref is several candidates.
 */
export async function place(lookup: Lookup, found: Found[], known: Known): Promise<PlacedCandidate[]> {
  await learnTheRest(lookup, found, known);
  return found.flatMap((each) => {
    const detail = known.chunks.get(each.chunkId);
    // A file found by its path alone: its first chunk's lines were not known yet. A file without chunks is no hit.
    if (each.endLine === 0 && detail)
      Object.assign(each, { startLine: detail.startLine, endLine: detail.endLine });
    if (each.endLine === 0) return [];
    each.symbol ??= detail?.symbol ?? null;
    return standing(lookup, each, known.places.get(each.blobId) ?? []);
  });
}

async function learnTheRest(
  { shard, target }: Lookup,
  found: Found[],
  { chunks, places }: Known,
): Promise<void> {
  const blobIds = new Set(found.map(({ blobId }) => blobId).filter((id) => !places.has(id)));
  const chunkIds = new Set(found.map(({ chunkId }) => chunkId).filter((id) => id >= 0 && !chunks.has(id)));
  if (blobIds.size === 0 && chunkIds.size === 0) return;
  const wanted = { blobIds: [...blobIds], chunkIds: [...chunkIds] };
  const rest = await describeChunks(shard, target.scope, snapshotsOf(target), wanted);
  for (const chunk of rest.chunks) chunks.set(chunk.chunkId, chunk);
  for (const [blobId, own] of Map.groupBy(rest.places, (each) => each.blobId)) places.set(blobId, own);
}

/** The paths at which a candidate counts. Over several refs, one: the one that the preferred ref has. */
function standing(
  lookup: Lookup,
  found: Found,
  places: { path: string; snapshotId: number; oid: string; lang: string }[],
): PlacedCandidate[] {
  const { clause, target } = lookup;
  const counted = places.filter(
    ({ path }) =>
      clause.paths.every((pattern) => pattern.test(path)) &&
      !clause.notPaths.some((pattern) => pattern.test(path)),
  );
  const snapshots = new Set(counted.map((each) => each.snapshotId));
  const inRefs = target.refs.filter((ref) => snapshots.has(ref.snapshotId));
  const paths =
    target.refs.length > 1
      ? counted.filter((each) => each.snapshotId === inRefs[0]?.snapshotId).slice(0, 1)
      : counted;
  return paths.map(({ path, oid, lang }) => ({
    id: `${target.scope.repo.key}:${found.chunkId}:${found.startLine}:${path}`,
    file: `${target.scope.repo.key}:${path}`,
    path,
    oid,
    lang,
    startLine: found.startLine,
    endLine: found.endLine,
    symbol: found.symbol,
    named: found.named,
    ranks: found.ranks,
    lexicalShare: found.lexicalShare,
    similarity: found.similarity,
    target,
    refs: inRefs,
    blobId: found.blobId,
    chunkId: found.chunkId,
  }));
}
