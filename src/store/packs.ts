/** The packs a repo's mirror consists of. A pack counts from its row: R2 objects without one are garbage. */
import { asc, eq, sql } from 'drizzle-orm';
import { type ControlDb, transact } from './control-db.ts';
import { type PackRow, packs } from './control-schema.ts';
import type { RepoScope } from './scope.ts';

export async function listPacks(db: ControlDb, scope: RepoScope): Promise<PackRow[]> {
  return db
    .select()
    .from(packs)
    .where(eq(packs.repoKey, scope.repo.key))
    .orderBy(asc(packs.createdAt), asc(packs.id));
}

export type NewPack = Pick<PackRow, 'id' | 'bytes' | 'objects' | 'shallow' | 'tips'>;

/**
 * Counts a stored pack in, unless the repo was deleted meanwhile. The deletion marks first and sweeps then, so either
 * the sweep sees the pack's objects or this answers false and the caller removes them: nothing stays behind.
 */
export async function insertPack(
  db: ControlDb,
  scope: RepoScope,
  pack: NewPack,
  now: Date,
): Promise<boolean> {
  const rows = await db.all<{
    id: string;
  }>(sql`INSERT INTO packs (id, repo_key, bytes, objects, shallow, tips, created_at)
    SELECT ${pack.id}, ${scope.repo.key}, ${pack.bytes}, ${pack.objects}, ${JSON.stringify(pack.shallow)},
      ${JSON.stringify(pack.tips)}, ${now.toISOString()}
    WHERE EXISTS (SELECT 1 FROM repos WHERE key = ${scope.repo.key} AND deleted_at IS NULL)
    RETURNING id`);
  return rows.length > 0;
}

/**
 * Puts one merged pack in the place of `old`, in one transaction: readers see the one or the others. Their objects in
 * R2 are the caller's to delete afterwards.
 * @returns false when the repo was deleted meanwhile or an old pack is gone; nothing has then changed.
 */
export async function replacePacks(
  db: ControlDb,
  scope: RepoScope,
  old: string[],
  pack: NewPack,
  now: Date,
): Promise<boolean> {
  const ids = JSON.stringify(old);
  const [, , inserted] = await transact(db, [
    sql`INSERT INTO packs (id, repo_key, bytes, objects, shallow, tips, created_at)
      SELECT ${pack.id}, ${scope.repo.key}, ${pack.bytes}, ${pack.objects}, ${JSON.stringify(pack.shallow)},
        ${JSON.stringify(pack.tips)}, ${now.toISOString()}
      WHERE EXISTS (SELECT 1 FROM repos WHERE key = ${scope.repo.key} AND deleted_at IS NULL)
        AND (SELECT count(*) FROM packs WHERE repo_key = ${scope.repo.key}
          AND id IN (SELECT value FROM json_each(${ids}))) = ${old.length}`,
    sql`DELETE FROM packs WHERE repo_key = ${scope.repo.key} AND id IN (SELECT value FROM json_each(${ids}))
      AND EXISTS (SELECT 1 FROM packs WHERE id = ${pack.id})`,
    sql`SELECT id FROM packs WHERE id = ${pack.id}`,
  ]);
  return (inserted?.results.length ?? 0) > 0;
}

/** Commits that must stay readable: those of snapshots, and the refs of the last listing. */
export async function citedCommits(db: ControlDb, scope: RepoScope): Promise<string[]> {
  const rows = await db.all<{ oid: string }>(sql`
    SELECT commit_oid AS oid FROM snapshots WHERE repo_key = ${scope.repo.key}
    UNION SELECT oid FROM git_refs WHERE repo_key = ${scope.repo.key}`);
  return rows.map((row) => row.oid);
}
