/** What navigation derives at query time, for a whole snapshot at once: every call's edges and every import's target. */
import { sitesOf } from '../../../src/answer/navigate/call-sites.ts';
import { complete } from '../../../src/answer/navigate/conventions.ts';
import { imported, moduleFiles } from '../../../src/answer/navigate/exports.ts';
import { resolveOne } from '../../../src/answer/navigate/resolve.ts';
import { factsOf, treeOf } from '../../../src/answer/navigate/snapshot.ts';
import { callsTo, importsNamed, type SnapshotView } from '../../../src/store/navigation.ts';

/** Rows read at once; a test's snapshot has fewer. */
const ALL = 100_000;

/** A row a call, with the definitions it may reach, in their order, and how sure each is. */
export async function callEdges(view: SnapshotView): Promise<string[]> {
  const tree = await treeOf(view);
  const rows = await callsTo(view, await namesOf(view, 'call_sites', 'callee'), ALL);
  const sites = rows.flatMap((row) => sitesOf(row, tree.paths));
  const store = factsOf(view, tree);
  const edges = complete(sites, await store.each(sites, resolveOne));
  return sites
    .map(({ path, ord, line, callee }, at) => {
      const reached = edges[at]!.map(
        ({ definition, confidence, resolution }) =>
          `${definition.path}#${definition.qualifiedName}@${definition.startLine} ${confidence} ${resolution}`,
      );
      return JSON.stringify([path, ord, line, callee, ...reached]);
    })
    .sort();
}

/** A row an import that leads into the snapshot, with the definitions or files that it stands for. */
export async function importEdges(view: SnapshotView): Promise<string[]> {
  const tree = await treeOf(view);
  const names = await namesOf(view, 'imports', 'name');
  const rows = await importsNamed(view, names, ALL);
  const edges = await factsOf(view, tree).run((facts) =>
    rows.flatMap((row) =>
      tree.paths.pathsOf(row.blob).flatMap((file) => {
        const files = moduleFiles(facts, file, row)?.map(({ path }) => path) ?? [];
        const { definitions } = imported(facts, file, row);
        const reached = [
          ...files,
          ...definitions.map(({ path, qualifiedName }) => `${path}#${qualifiedName}`),
        ];
        return reached.length === 0
          ? []
          : [JSON.stringify([file.path, row.ord, row.line, row.name, ...reached])];
      }),
    ),
  );
  return edges.sort();
}

async function namesOf({ shard, scope }: SnapshotView, table: string, column: string): Promise<string[]> {
  const { results } = await shard
    .prepare(`SELECT DISTINCT ${column} AS name FROM ${table} WHERE repo = ?1 ORDER BY 1`)
    .bind(scope.repo.key)
    .all<{ name: string }>();
  return results.map((row) => row.name);
}
