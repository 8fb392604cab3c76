import type { Services } from '../../services.ts';
import { textOf } from '../../store/blobs.ts';
import type { Lookup } from './lookup.ts';
import type { PlacedCandidate } from './place.ts';

/** Key of a candidate's file in `textsOf`. */
export function textKey({ target, blobId }: Pick<PlacedCandidate, 'target' | 'blobId'>): string {
  return `${target.scope.repo.key}:${blobId}`;
}

/** Texts of the candidates' files by `textKey`, one read a repo; none for those that were read already. */
export async function textsOf(
  s: Pick<Services, 'shard'>,
  candidates: PlacedCandidate[],
  read: ReadonlyMap<string, string> = new Map(),
): Promise<Map<string, string>> {
  const unread = candidates.filter((candidate) => !read.has(textKey(candidate)));
  const byRepo = Map.groupBy(unread, (candidate) => candidate.target.scope.repo.key);
  const texts = new Map(read);
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

/** Texts that the search for exact matches has read. */
export function textsRead(lookups: Lookup[]): Map<string, string> {
  return new Map(
    lookups.flatMap(({ target, exact }) =>
      [...(exact?.texts ?? [])].map(([blobId, text]): [string, string] => [
        textKey({ target, blobId }),
        text,
      ]),
    ),
  );
}
