import type { Services } from '../../services.ts';
import { partsAt, type TextPart } from '../../store/blobs.ts';
import type { PlacedCandidate } from './place.ts';

/** The parts of texts that hold the candidates' lines, one read a repo. */
export async function partsOf(
  s: Pick<Services, 'shard'>,
  candidates: PlacedCandidate[],
): Promise<Map<PlacedCandidate, TextPart>> {
  const parts = new Map<PlacedCandidate, TextPart>();
  const byRepo = Map.groupBy(candidates, (candidate) => candidate.target.scope.repo.key);
  await Promise.all(
    [...byRepo.values()].map(async (group) => {
      const { scope } = group[0]!.target;
      for (const [at, part] of await partsAt(s.shard(scope), scope, group)) parts.set(group[at]!, part);
    }),
  );
  return parts;
}
