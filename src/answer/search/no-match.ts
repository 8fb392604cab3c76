import { languageIds } from '../../ingest/parse/languages.ts';
import { indexedPaths } from '../../store/hits.ts';
import { similarNames } from '../../store/symbols.ts';
import { nearestNames, nearestPaths } from '../nearest.ts';
import { languageNamed } from './language-filter.ts';
import type { Lookup } from './lookup.ts';

const MAX_LOOKUPS = 8;
const MAX_NAMES = 4_000;
const MAX_WORDS = 3;
const MAX_SUGGESTIONS = 5;

/** The nearest names to what was not found: languages, paths, or symbols of the searched repos. */
export async function suggestNames(lookups: Lookup[]): Promise<string[]> {
  const unknown = lookups
    .flatMap((lookup) => lookup.clause.langs.flat())
    .filter((name) => languageNamed(name) === null);
  if (unknown.length > 0) return [...new Set(unknown.flatMap((name) => nearestNames(name, languageIds())))];
  const lists = await Promise.all(
    lookups
      .slice(0, MAX_LOOKUPS)
      .map((lookup) =>
        lookup.blobIds?.length === 0 && lookup.exact === null ? pathsLike(lookup) : symbolsLike(lookup),
      ),
  );
  return [...new Set(lists.flat())].slice(0, MAX_SUGGESTIONS);
}

/** What a path filter may have meant that no file satisfies. */
async function pathsLike({ shard, target, clause }: Lookup): Promise<string[]> {
  const snapshotIds = target.refs.map((ref) => ref.snapshotId);
  const files = await indexedPaths(shard, target.scope, snapshotIds, '', MAX_NAMES);
  const known = files.map((file) => file.path);
  return clause.paths.flatMap((pattern) => nearestPaths(pattern.source.replace(/[*?[\]{}]+/g, ''), known));
}

/** Of several words each may be the one that is spelled wrongly; the longest tell the most. */
async function symbolsLike({ shard, target, clause, terms }: Lookup): Promise<string[]> {
  const words = [...clause.symbols, ...terms.map((term) => term.text)].sort((a, b) => b.length - a.length);
  const snapshotIds = target.refs.map((ref) => ref.snapshotId);
  const lists = await Promise.all(
    words
      .slice(0, MAX_WORDS)
      .map(async (word) =>
        nearestNames(word, await similarNames(shard, target.scope, snapshotIds, word, MAX_NAMES)),
      ),
  );
  return lists.flat();
}
