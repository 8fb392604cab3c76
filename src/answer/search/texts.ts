import type { Services } from '../../services.ts';
import { textOf } from '../../store/blobs.ts';
import type { PlacedCandidate } from './place.ts';

/** Key of a candidate's file in `textsOf`. */
export function textKey({ target, blobId }: Pick<PlacedCandidate, 'target' | 'blobId'>): string {
  return `${target.scope.repo.key}:${blobId}`;
}

/** Texts of the candidates' files by `textKey`, one read a repo. */
export async function textsOf(
  s: Pick<Services, 'shard'>,
  candidates: PlacedCandidate[],
): Promise<Map<string, string>> {
  const byRepo = Map.groupBy(candidates, (candidate) => candidate.target.scope.repo.key);
  const texts = new Map<string, string>();
  await Promise.all(
    [...byRepo.values()].map(async (group) => {
      const { target } = group[0]!;
      const blobIds = group.map((candidate) => candidate.blobId);
      for (const [blobId, text] of await textOf(s.shard(target.scope), target.scope, blobIds)) {
        texts.set(textKey({ target, blobId }), text);
      }
    }),
  );
  return texts;
}
