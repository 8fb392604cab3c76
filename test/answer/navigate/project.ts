import type { CallSite, Definition, Facts } from '../../../src/answer/navigate/facts.ts';
import type { Binding, Manifest } from '../../../src/answer/navigate/modules/module.ts';
import { createPathIndex } from '../../../src/answer/navigate/paths.ts';
import { resolveCall } from '../../../src/answer/navigate/resolve.ts';
import { languageOf } from '../../../src/ingest/parse/languages.ts';
import { initParser, parseBlob } from '../../../src/ingest/parse/parse.ts';
import { directoryOf } from '../../../src/paths.ts';

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
  await initParser();
  const definitions: Definition[] = [];
  const bindings = new Map<string, Binding[]>();
  const sites: CallSite[] = [];
  const rows: { path: string; blob: number; lang: string }[] = [];
  for (const [index, [path, text]] of Object.entries(files).entries()) {
    const lang = languageOf(path);
    const blob = index + 1;
    const facts = await parseBlob(new TextEncoder().encode(text), lang);
    rows.push({ path, blob, lang });
    bindings.set(path, facts.imports);
    facts.symbols.forEach((symbol, ord) => {
      definitions.push({ ...symbol, blob, ord, path, lang });
    });
    for (const [ord, call] of facts.calls.entries()) {
      const caller = call.caller === null ? null : { ...facts.symbols[call.caller]!, ord: call.caller };
      sites.push({ ...call, blob, ord, path, lang, caller });
    }
  }
  const byDirectory = Map.groupBy(rows, (row) => directoryOf(row.path));
  const facts: Facts = {
    paths: createPathIndex(
      [...byDirectory].map(([directory, list]) => ({
        path: directory === '' ? '' : `${directory}/`,
        files: list.map(({ path, blob, lang }) => ({
          name: path.slice(path.lastIndexOf('/') + 1),
          blob,
          lang,
        })),
      })),
    ),
    manifests,
    definitions: (name) => definitions.filter((definition) => definition.name === name),
    bindings: (path) => bindings.get(path) ?? [],
    text: (path) => files[path] ?? null,
  };

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
