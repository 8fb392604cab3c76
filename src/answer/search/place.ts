import { describeChunks, type Owner, type SymbolRef } from '../../store/hits.ts';
import { type Found, type Known, unranked } from './candidate-pool.ts';
import { type Lookup, ranksByNames, snapshotsOf } from './lookup.ts';
import { type Candidate, stronger } from './rank.ts';
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
 * stands at several paths of one ref is several candidates. For a question, a type is a candidate with its members.
 */
export async function place(lookup: Lookup, found: Found[], known: Known): Promise<PlacedCandidate[]> {
  const owners = await learnTheRest(lookup, found, known);
  return withOwners(found, owners, known).flatMap((each) => {
    const detail = known.chunks.get(each.chunkId);
    // A file found by its path alone: its first chunk's lines were not known yet. A file without chunks is no hit.
    if (each.endLine === 0 && detail)
      Object.assign(each, { startLine: detail.startLine, endLine: detail.endLine });
    if (each.endLine === 0) return [];
    each.symbol ??= detail?.symbol ?? null;
    return standing(lookup, each, known.places.get(each.blobId) ?? []);
  });
}

async function learnTheRest(lookup: Lookup, found: Found[], { chunks, places }: Known): Promise<Owner[]> {
  const blobIds = new Set(found.map(({ blobId }) => blobId).filter((id) => !places.has(id)));
  const chunkIds = new Set(found.map(({ chunkId }) => chunkId).filter((id) => id >= 0 && !chunks.has(id)));
  const memberIds = countsMembers(lookup) ? found.map(({ chunkId }) => chunkId) : [];
  if (blobIds.size === 0 && chunkIds.size === 0 && memberIds.length === 0) return [];
  const { shard, target } = lookup;
  const wanted = { blobIds: [...blobIds], chunkIds: [...chunkIds], memberIds };
  const rest = await describeChunks(shard, target.scope, snapshotsOf(target), wanted);
  for (const chunk of rest.chunks) chunks.set(chunk.chunkId, chunk);
  for (const [blobId, own] of Map.groupBy(rest.places, (each) => each.blobId)) places.set(blobId, own);
  return rest.owners;
}

/** What is asked in words may be a type whose methods use the words; a name, and `sym:`, say themselves what they mean. */
function countsMembers({ mode, code, clause }: Lookup): boolean {
  return ranksByNames(mode) && !code && clause.symbols.length === 0;
}

/** The candidates and the types they are members of, each with the best of what its members were found by. */
function withOwners(found: Found[], owners: Owner[], { chunks }: Known): Found[] {
  const members = new Map(found.map((each) => [each.chunkId, each]));
  const all = new Map(members);
  for (const { memberId, head } of owners) {
    const { blobId, ranks, lexicalShare, similarity } = members.get(memberId)!;
    const owner = all.get(head.chunkId) ?? { ...unranked({ ...head, blobId }), symbol: head.symbol };
    all.set(head.chunkId, owner);
    if (!chunks.has(head.chunkId)) chunks.set(head.chunkId, head);
    owner.members = stronger(owner.members, { lexical: ranks.lexical, lexicalShare, similarity });
  }
  return [...found, ...[...all.values()].filter(({ chunkId }) => !members.has(chunkId))];
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
    members: found.members,
    target,
    refs: inRefs,
    blobId: found.blobId,
    chunkId: found.chunkId,
  }));
}
