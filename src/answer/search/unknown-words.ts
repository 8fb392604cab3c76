import { heldWords } from '../../store/full-text.ts';
import { type Lookup, matchesLines } from './lookup.ts';
import { type Term, termExpression } from './terms.ts';

/** Words of a longer query are not looked up one by one. */
const MAX_WORDS = 16;

/**
 * The words of a question that nothing in the searched repos holds. An answer found by the others alone is a guess: who
 * asks `bluetooth peripheral pairing` of a web framework should hear that only "pairing" occurs there.
 */
export async function unknownWords(lookups: Lookup[]): Promise<Term[]> {
  const asking = lookups.filter(
    ({ terms, mode }) => terms.length > 1 && terms.length <= MAX_WORDS && !matchesLines(mode),
  );
  if (asking.length === 0) return [];
  const byShard = Map.groupBy(asking, (lookup) => lookup.shard);
  const known = new Set<string>();
  await Promise.all(
    [...byShard].map(async ([shard, group]) => {
      const held = await heldWords(
        shard,
        group.map(({ target, terms }) => ({ scope: target.scope, words: terms.map(termExpression) })),
      );
      for (const [at, lookup] of group.entries())
        for (const index of held[at]!) known.add(lookup.terms[index]!.whole);
    }),
  );
  const all = new Map(asking.flatMap(({ terms }) => terms).map((term) => [term.whole, term]));
  return [...all.values()].filter((term) => !known.has(term.whole));
}
