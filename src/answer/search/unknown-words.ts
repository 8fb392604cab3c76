import { type Asked, heldWords } from '../../store/full-text.ts';
import { type Lookup, matchesLines } from './lookup.ts';
import { type Term, termExpression } from './terms.ts';

/** Words of a longer query are not looked up one by one. */
const MAX_WORDS = 16;

function asks({ terms, mode }: Lookup): boolean {
  return terms.length > 1 && terms.length <= MAX_WORDS && !matchesLines(mode);
}

/** Which words of their questions the repos of several lookups of one shard hold. */
export function knownWords(shard: D1Database, lookups: Lookup[]): Asked<Set<string>> {
  const asking = lookups.filter(asks);
  const held = heldWords(
    shard,
    asking.map(({ target, terms }) => ({ scope: target.scope, words: terms.map(termExpression) })),
  );
  return {
    lookups: held.lookups,
    read(rows) {
      const indexes = held.read(rows);
      return new Set(asking.flatMap(({ terms }, at) => indexes[at]!.map((index) => terms[index]!.whole)));
    },
  };
}

/**
 * The words of a question that nothing in the searched repos holds. An answer found by the others alone is a guess: who
 * asks `bluetooth peripheral pairing` of a web framework should hear that only "pairing" occurs there.
 */
export function unknownWords(lookups: Lookup[], known: ReadonlySet<string>): Term[] {
  const terms = lookups.filter(asks).flatMap((lookup) => lookup.terms);
  const all = new Map(terms.map((term) => [term.whole, term]));
  return [...all.values()].filter((term) => !known.has(term.whole));
}
