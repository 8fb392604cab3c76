import { splitIdentifier } from '../../ingest/parse/lexicon.ts';
import { type Clause, positiveMatches } from './query-plan.ts';

/** A word of the query as ranking and full text see it. */
export interface Term {
  /** As typed: an identifier or a word. */
  text: string;
  /** Lower case, separators dropped: `parse_HTTP` → `parsehttp`. */
  whole: string;
  /** Its sub-words in order: `parse`, `http`. One for a plain word. */
  parts: string[];
}

const IDENTIFIER = /[\p{L}\p{N}\p{M}_$]+/gu;

/** Words that questions are made of and code is not searched for; only dropped when others remain. */
const STOP_WORDS = new Set(
  `a about all am an and any are as at be been but by can cannot could did do does for from get gets give had has have
  how i in into is it its make me my no of off on or our out should show so that the their them then there these they
  this to up us was way we were what when where which while who why will with would you your`.split(/\s+/),
);

/** The distinct terms of some text, in order. */
export function termsOf(text: string): Term[] {
  const terms = new Map<string, Term>();
  for (const [identifier] of text.matchAll(IDENTIFIER)) {
    const parts = splitIdentifier(identifier);
    if (parts.length === 0) continue;
    const term = { text: identifier, whole: parts.join(''), parts };
    if (!terms.has(term.whole)) terms.set(term.whole, term);
  }
  return [...terms.values()];
}

/** The terms a clause is ranked by: its bare words, its exact words outside NOT, and the symbols it names. */
export function clauseTerms(clause: Clause): Term[] {
  const exact = positiveMatches(clause.demand).map((match) => match.words);
  const terms = termsOf([...clause.wishes, ...exact, ...clause.symbols].join(' '));
  const telling = terms.filter((term) => !STOP_WORDS.has(term.whole));
  return telling.length > 0 ? telling : terms;
}

/** Looks like code rather than a question: one or two words, or a word with an inner border (`a_b`, `aB`, `a.b`). */
export function looksLikeCode(text: string): boolean {
  const words = text.trim().split(/\s+/);
  return words.length <= 2 || words.some((word) => /\p{Ll}\p{Lu}|\w_\w|\w\.\w|::|->|\(/u.test(word));
}

/**
 * The FTS5 expression that matches chunks with any of the terms. Every string is quoted, so nothing in it is syntax.
 * A compound identifier is sought as written, joined, and by all of its sub-words.
 */
export function anyTerm(terms: Term[]): string {
  return terms.map(termExpression).join(' OR ');
}

/** The same for chunks that hold all of them. */
export function everyTerm(terms: Term[]): string {
  return terms.map((term) => `(${termExpression(term)})`).join(' AND ');
}

function termExpression(term: Term): string {
  const spellings = [...new Set([term.text.toLowerCase(), term.whole])].map(quote);
  if (term.parts.length > 1) spellings.push(`(${term.parts.map(quote).join(' AND ')})`);
  return spellings.join(' OR ');
}

/** A quoted FTS5 string. */
export function quote(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}
