import { expect, it } from 'vitest';
import { consolidate } from '../../../src/ingest/steps/consolidate.ts';
import { fetchCommit } from '../../../src/ingest/steps/fetch-commit.ts';
import { services } from '../../../src/services.ts';
import { type Change, createHistory, file, removed } from '../indexing/history.ts';
import { type Random, randomOf } from '../indexing/random.ts';
import { bindings, createRepo } from '../indexing/support.ts';

/**
 * Random git histories, mirrored at random depths, forced, forgotten and merged: whatever was fetched last is there,
 * byte for byte, with as much history as was asked for.
 */
const SEEDS = [1, 2];
const STEPS = 25;

const s = services(bindings);

function changes(random: Random): Change[] {
  const path = () => `${random.pick(['', 'a/', 'a/b/', 'c/'])}f${random.below(6)}`;
  const text = () =>
    `${'line of a file that deltas well\n'.repeat(1 + random.below(60))}${random.below(1_000)}\n`;
  return Array.from({ length: 1 + random.below(3) }, () => {
    const action = random.below(8);
    if (action < 6) return file(path(), text());
    return action < 7
      ? removed(path())
      : [...removed(`d/f${random.below(3)}`), ...file(`d/f${random.below(3)}`, text())];
  });
}

it.each(SEEDS)('a random history is mirrored whole, at any depth (seed %i)', async (seed) => {
  const random = randomOf(seed);
  const history = await createHistory(`mirrored-${seed}`);
  const { scope } = await createRepo(0);
  const { DB } = bindings;
  const key = scope.repo.key;
  const remote = { url: history.url, headers: {} };
  const branches = ['main', 'next', 'old'];
  const parents = new Map<string, string[]>();
  const tips = new Map<string, string>();

  const commit = async () => {
    const branch = random.pick(branches);
    const all = [...parents.keys()];
    const at = random.chance(0.2) && all.length > 0 ? random.pick(all) : (tips.get(branch) ?? null);
    const from = random.chance(0.05) ? null : at;
    const other = random.pick(all);
    const merge = from !== null && random.chance(0.2) && other !== from ? other : undefined;
    const oid = await history.commit(changes(random), { branch, from, merge });
    parents.set(
      oid,
      [from, merge].flatMap((parent) => parent ?? []),
    );
    tips.set(branch, oid);
  };

  for (let step = 0; step < STEPS; step++) {
    for (let n = 1 + random.below(3); n > 0; n--) await commit();
    const oid = random.chance(0.8) ? random.pick([...tips.values()]) : random.pick([...parents.keys()]);
    const depth = random.pick([1, 1, 1, 2, 3, 5, 0]);
    const objects = await fetchCommit(s, scope, remote, { oid, depth }, async () => undefined);

    const files = await history.files(oid);
    const blobs = await history.blobs([...new Set(files.map((each) => each.oid))]);
    for (const [blob, bytes] of blobs) {
      expect(Buffer.from((await objects.read(blob))?.bytes ?? 'missing'), `step ${step}`).toEqual(
        Buffer.from(bytes),
      );
    }
    const trees = (await history.git('ls-tree', '-r', '-d', oid)).match(/(?<= )[0-9a-f]{40}/g) ?? [];
    const asked = [...new Set([...trees, ...ancestors(parents, oid, depth || Number.POSITIVE_INFINITY)])];
    expect((await objects.info(asked)).size, `step ${step}`).toBe(asked.length);

    // What is listed and cited decides what a merge of packs keeps.
    const listed = JSON.stringify([...tips]);
    await DB.batch([
      DB.prepare('DELETE FROM git_refs WHERE repo_key = ?1').bind(key),
      DB.prepare(
        "INSERT INTO git_refs (repo_key, name, oid) SELECT ?1, 'refs/heads/' || (value->>0), value->>1 FROM json_each(?2)",
      ).bind(key, listed),
      DB.prepare(
        "INSERT OR IGNORE INTO snapshots (repo_key, commit_oid, tree_oid, config, created_at) VALUES (?1, ?2, '', '', '')",
      ).bind(key, oid),
      DB.prepare(
        'DELETE FROM snapshots WHERE repo_key = ?1 AND id NOT IN (SELECT id FROM snapshots WHERE repo_key = ?1 ORDER BY id DESC LIMIT 3)',
      ).bind(key),
    ]);
    if (random.chance(0.3)) await consolidate(s, scope, random.below(4));
    const kept = await s.objects(scope);
    for (const [blob, bytes] of blobs) {
      expect(Buffer.from((await kept.read(blob))?.bytes ?? 'missing'), `after step ${step}`).toEqual(
        Buffer.from(bytes),
      );
    }
  }
});

/** The commits within `depth` generations. */
function ancestors(parents: ReadonlyMap<string, string[]>, oid: string, depth: number): Set<string> {
  const found = new Set([oid]);
  let level = [oid];
  for (let generation = 1; generation < depth && level.length > 0; generation++) {
    level = level.flatMap((each) => parents.get(each) ?? []).filter((parent) => !found.has(parent));
    for (const parent of level) found.add(parent);
  }
  return found;
}
