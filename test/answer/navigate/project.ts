import type { CallSite, Facts } from '../../../src/answer/navigate/facts.ts';
import type { Manifest } from '../../../src/answer/navigate/modules/module.ts';
import { resolveCall } from '../../../src/answer/navigate/resolve.ts';
import { corpusOf } from '../../navigation/corpus.ts';

export interface Project {
  facts: Facts;
  sites: CallSite[];
  /** Where the call on the line that holds `marker` leads: `path#qualifiedName confidence resolution`, best first. */
  callsAt(path: string, marker: string, callee?: string): string[];
  /** The same, as `path#qualifiedName` of edges at or above a confidence. */
  targets(path: string, marker: string, options?: { callee?: string; above?: number }): string[];
}

/** Parses files with the real grammars into the facts that the resolver reads. */
export async function project(files: Record<string, string>, manifests: Manifest[] = []): Promise<Project> {
  const { facts, sites } = await corpusOf(files, manifests);

  function edgesAt(path: string, marker: string, callee?: string) {
    const text = files[path] ?? '';
    const at = text.indexOf(marker);
    if (at < 0) throw new Error(`no "${marker}" in ${path}`);
    const line = text.slice(0, at).split('\n').length;
    const found = sites.filter(
      (site) => site.path === path && site.line === line && (callee === undefined || site.callee === callee),
    );
    if (found.length === 0) throw new Error(`no call of ${callee ?? 'anything'} on line ${line} of ${path}`);
    return found.flatMap((site) => resolveCall(facts, site));
  }

  return {
    facts,
    sites,
    callsAt: (path, marker, callee) =>
      edgesAt(path, marker, callee).map(
        ({ definition, confidence, resolution }) =>
          `${definition.path}#${definition.qualifiedName} ${confidence} ${resolution}`,
      ),
    targets: (path, marker, { callee, above = 0.5 } = {}) => [
      ...new Set(
        edgesAt(path, marker, callee)
          .filter((edge) => edge.confidence >= above)
          .map(({ definition }) => `${definition.path}#${definition.qualifiedName}`),
      ),
    ],
  };
}
