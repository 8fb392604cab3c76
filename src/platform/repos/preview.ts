import { Problem } from '../../errors.ts';
import { type Preview, previewSnapshot } from '../../ingest/indexing/preview.ts';
import { commitOf, fetchCommit } from '../../ingest/steps/fetch-commit.ts';
import { refreshListing } from '../../ingest/steps/listing.ts';
import type { Services } from '../../services.ts';
import { listIndexedRefs, resolveSyncTarget } from '../../store/refs.ts';
import type { FoundRepo } from '../../store/repos.ts';
import { ASK_TIMEOUT_MS, noSuchRef } from './sync.ts';

type Needs = Pick<Services, 'db' | 'env' | 'egress' | 'clock' | 'bucket' | 'objects' | 'newId' | 'shard'>;

/** What a request may spend on fetching what the mirror lacks. */
const FETCH_MS = 25_000;
const RETRY_SECONDS = 30;

/**
 * What a sync of `ref` (default: the default branch) would index, skip and cost. Fetches what the mirror lacks.
 * @throws Problem `unprocessable` when the remote has no such ref, `unavailable` when fetching takes too long; MirrorError
 */
export async function preview(
  s: Needs,
  scope: FoundRepo,
  ref: string | undefined,
  fetchMs = FETCH_MS,
): Promise<Preview> {
  const { remote, listing } = await refreshListing(s, scope, ASK_TIMEOUT_MS);
  const indexed = (await listIndexedRefs(s.db, [scope.repo.key])).map((row) => row.ref);
  const target = resolveSyncTarget(listing, indexed, ref ?? 'HEAD');
  if (!target) {
    if (ref !== undefined) throw noSuchRef(ref, 'query/ref');
    throw new Problem('unprocessable', 'The repository has no commits yet');
  }
  const end = s.clock().getTime() + fetchMs;
  const want = { oid: target.oid, depth: scope.row.depth };
  const objects = await fetchCommit(s, scope, remote, want, async () => {
    if (s.clock().getTime() > end) throw tooSlow();
  });
  return previewSnapshot({ shard: s.shard(scope), objects }, scope, {
    ref: target.ref,
    commit: await commitOf(objects, target.oid),
    globs: scope.row.globPatterns,
  });
}

function tooSlow(): Problem {
  return new Problem(
    'unavailable',
    'The commit is not mirrored yet and fetching it takes long: sync it, or ask again later',
    {
      retryAfter: RETRY_SECONDS,
    },
  );
}
