import type { Asked } from '../../store/full-text.ts';
import { matchSymbols, NAME_MATCHES, type NameMatch, type SymbolHit } from '../../store/symbols.ts';
import { filterOf, type Lookup, matchesLines, spread } from './lookup.ts';
import { clauseWords } from './query-plan.ts';
import { CALLABLE_OR_TYPE } from './rank.ts';
import { spellings, type Term, termsOf } from './terms.ts';

/** A short list: its tail is noise. */
const MAX_SYMBOLS = 120;

/** Symbols by name for several lookups of one shard, best first. */
export function bySymbol(shard: D1Database, lookups: Lookup[]): Asked<SymbolHit[][]> {
  const asked = lookups.flatMap((lookup) => NAME_MATCHES.map((match) => symbolQuery(lookup, match)));
  const found = matchSymbols(
    shard,
    asked.filter((query) => query !== null),
  );
  return {
    lookups: found.lookups,
    read(rows) {
      const levels = spread(asked, found.read(rows));
      const each = NAME_MATCHES.length;
      return lookups.map((lookup, at) => orderSymbols(lookup, levels.slice(at * each, (at + 1) * each)));
    },
  };
}

function symbolQuery(lookup: Lookup, match: NameMatch) {
  if (
    lookup.empty ||
    matchesLines(lookup.mode) ||
    (lookup.mode === 'lexical' && lookup.clause.symbols.length === 0)
  )
    return null;
  const names = symbolNames(lookup, match);
  return names.length > 0 ? { ...filterOf(lookup), names, match, limit: MAX_SYMBOLS } : null;
}

/**
 * Names to look for. Exactly: every term, and neighbours joined, so that `parse query` finds `parseQuery`. By prefix
 * and piece only what reads like a name, or the words of a question would match half of the symbols.
 */
function symbolNames({ clause, terms, mode, code }: Lookup, match: NameMatch): string[] {
  const asked = clause.symbols.length > 0 ? clause.symbols.flatMap(termsOf) : terms;
  const last = asked.slice(0, MAX_NAMES);
  const named = mode === 'symbol' || clause.symbols.length > 0 || code;
  if (match === 'exact') {
    const typed = code ? [...spellings(clauseWords(clause))].slice(0, MAX_NAMES) : [];
    const joined = last.flatMap((term, at) => joinedNames(term, last.slice(at + 1, at + 3), named));
    return [...new Set([...typed, ...joined])];
  }
  const shortest = match === 'prefix' ? 2 : 3;
  return named
    ? [...new Set(last.flatMap((term) => [term.text, term.whole]))].filter((name) => name.length >= shortest)
    : [];
}

const MAX_NAMES = 12;

/** Of a question only what is compound counts: its plain words name half of the variables in any code. */
function joinedNames(term: Term, following: Term[], named: boolean): string[] {
  const parts = [...term.parts];
  const names = named || parts.length > 1 ? [term.text, term.whole, term.parts.join('_')] : [];
  for (const next of following) {
    parts.push(...next.parts);
    names.push(parts.join(''), parts.join('_'));
  }
  return names;
}

/**
 * Exact before prefix before piece; within them the spelling asked for before others of the same letters, definitions
 * before fields and variables, exported before private, and outer before nested ones.
 */
function orderSymbols(lookup: Lookup, levels: SymbolHit[][]): SymbolHit[] {
  const qualified = lookup.clause.symbols.map((name) =>
    termsOf(name)
      .map((term) => term.whole)
      .join(''),
  );
  // The words of a question are no names, however they are spelled.
  const spelled = lookup.code ? spellings(clauseWords(lookup.clause)) : new Set<string>();
  return levels
    .flatMap((hits, level) => hits.map((hit) => ({ hit, order: [level, ...precedence(hit, spelled)] })))
    .filter(({ hit }) => allowedSymbol(lookup, hit, qualified))
    .sort((a, b) => byNumbers(a.order, b.order))
    .map(({ hit }) => hit)
    .slice(0, MAX_SYMBOLS);
}

/** `sym:Router.match` must hold in the qualified name, whose last part was looked up. */
function allowedSymbol({ clause }: Lookup, hit: SymbolHit, qualified: string[]): boolean {
  const name = hit.qualifiedName.replace(/[^\p{L}\p{N}]/gu, '').toLowerCase();
  if (qualified.length > 0 && !qualified.some((wanted) => name.includes(wanted))) return false;
  return !clause.notSymbols.some((unwanted) =>
    name.includes(unwanted.replace(/[^\p{L}\p{N}]/gu, '').toLowerCase()),
  );
}

function precedence({ name, qualifiedName, kind, exported }: SymbolHit, spelled: Set<string>): number[] {
  const unlike = spelled.has(name) ? 0 : 1;
  const weight = (CALLABLE_OR_TYPE.has(kind) ? 0 : 2) + (exported ? 0 : 1);
  return [unlike, weight, qualifiedName.split('.').length, name.length];
}

function byNumbers(a: number[], b: number[]): number {
  const at = a.findIndex((value, index) => value !== b[index]);
  return at === -1 ? 0 : a[at]! - b[at]!;
}
