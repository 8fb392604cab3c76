/** Which snapshots a ref served before. */
import { and, desc, eq, ne } from 'drizzle-orm';
import type { ControlDb } from './control-db.ts';
import { refSnapshots, snapshots } from './control-schema.ts';
import type { ServedRef } from './refs.ts';
import type { RepoScope } from './scope.ts';

/** The snapshot of another commit that the ref served last before the one it serves now, or null. */
export async function previousSnapshot(
  db: ControlDb,
  scope: RepoScope,
  served: ServedRef,
): Promise<{ snapshotId: number; commitSha: string } | null> {
  const [row] = await db
    .select({ snapshotId: snapshots.id, commitSha: snapshots.commitOid })
    .from(refSnapshots)
    .innerJoin(snapshots, eq(snapshots.id, refSnapshots.snapshotId))
    .where(
      and(
        eq(refSnapshots.repoKey, scope.repo.key),
        eq(refSnapshots.ref, served.ref),
        ne(snapshots.commitOid, served.commitSha),
      ),
    )
    .orderBy(desc(refSnapshots.at))
    .limit(1);
  return row ?? null;
}
