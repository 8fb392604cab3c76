import type { CallSite, Definition, Facts } from '../../src/answer/navigate/facts.ts';
import type { Manifest } from '../../src/answer/navigate/modules/module.ts';
import { createPathIndex } from '../../src/answer/navigate/paths.ts';
import { languageOf } from '../../src/ingest/parse/languages.ts';
import { initParser, parseBlob } from '../../src/ingest/parse/parse.ts';
import { directoryOf } from '../../src/paths.ts';
import type { ImportRow } from '../../src/store/navigation.ts';

/** What an index holds of some files, in memory: the facts that the resolver reads, and what it is asked about. */
export interface Corpus {
  facts: Facts;
  definitions: Definition[];
  sites: CallSite[];
  imports: ImportRow[];
  /** Paths of the files whose text was read: not those that a program wrote. */
  indexed: string[];
}

/** Parses files, text by path, with the real grammars. Blobs are numbered from 1 in the order of the files. */
export async function corpusOf(files: Record<string, string>, manifests: Manifest[] = []): Promise<Corpus> {
  await initParser();
  const definitions: Definition[] = [];
  const imports = new Map<string, ImportRow[]>();
  const sites: CallSite[] = [];
  const rows: { path: string; blob: number; lang: string }[] = [];
  for (const [index, [path, text]] of Object.entries(files).entries()) {
    const lang = languageOf(path);
    const blob = index + 1;
    const facts = await parseBlob(new TextEncoder().encode(text), lang);
    if (facts.skipped !== null) continue;
    rows.push({ path, blob, lang });
    imports.set(
      path,
      facts.imports.map((row, ord) => ({ ...row, blob, ord })),
    );
    facts.symbols.forEach((symbol, ord) => {
      definitions.push({ ...symbol, blob, ord, path, lang });
    });
    for (const [ord, call] of facts.calls.entries()) {
      const caller = call.caller === null ? null : { ...facts.symbols[call.caller]!, ord: call.caller };
      sites.push({ ...call, blob, ord, path, lang, caller });
    }
  }
  const byName = Map.groupBy(definitions, (definition) => definition.name);
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
    definitions: (name) => byName.get(name) ?? [],
    bindings: (path) => imports.get(path) ?? [],
    text: (path) => files[path] ?? null,
  };
  return {
    facts,
    definitions,
    sites,
    imports: [...imports.values()].flat(),
    indexed: rows.map((row) => row.path),
  };
}
