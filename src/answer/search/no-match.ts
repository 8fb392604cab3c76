import { languageIds } from '../../ingest/parse/languages.ts';
import { similarNames } from '../../store/symbols.ts';
import { nearestNames } from '../nearest.ts';
import { languageNamed } from './language-filter.ts';
import type { Lookup } from './lookup.ts';

const MAX_LOOKUPS = 8;
const MAX_NAMES = 4_000;

/** The nearest names to what was not found: symbols of the searched repos, or languages when `lang:` names none. */
export async function suggestNames(lookups: Lookup[]): Promise<string[]> {
  const unknown = lookups
    .flatMap((lookup) => lookup.clause.langs.flat())
    .filter((name) => languageNamed(name) === null);
  if (unknown.length > 0) return [...new Set(unknown.flatMap((name) => nearestNames(name, languageIds())))];
  const lists = await Promise.all(lookups.slice(0, MAX_LOOKUPS).map(nearestSymbols));
  return [...new Set(lists.flat())].slice(0, 5);
}

async function nearestSymbols({ shard, target, clause, terms }: Lookup): Promise<string[]> {
  const [word] = [...clause.symbols, ...terms.map((term) => term.text)];
  if (word === undefined) return [];
  const snapshotIds = target.refs.map((ref) => ref.snapshotId);
  return nearestNames(word, await similarNames(shard, target.scope, snapshotIds, word, MAX_NAMES));
}
