import { splitIdentifier } from '../../words.ts';
import { type Clause, clauseWords } from './query-plan.ts';

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

/** A longer query is a text, a longer identifier is data; both are searched by their beginning. */
const MAX_TERMS = 64;
const MAX_PARTS = 12;

/** The distinct terms of some text, in order. */
export function termsOf(text: string): Term[] {
  const terms = new Map<string, Term>();
  for (const [identifier] of text.matchAll(IDENTIFIER)) {
    const parts = splitIdentifier(identifier);
    if (parts.length === 0) continue;
    const term = { text: identifier, whole: parts.join(''), parts: parts.slice(0, MAX_PARTS) };
    if (!terms.has(term.whole)) terms.set(term.whole, term);
    if (terms.size >= MAX_TERMS) break;
  }
  return [...terms.values()];
}

/** The terms a clause is ranked by: its bare words, its exact words outside NOT, and the symbols it names. */
export function clauseTerms(clause: Clause): Term[] {
  const terms = termsOf(clauseWords(clause));
  const telling = terms.filter((term) => !STOP_WORDS.has(term.whole));
  return telling.length > 0 ? telling : terms;
}

/** Looks like a name rather than a question: one or two words, or three of which one has an inner border. */
export function looksLikeCode(text: string): boolean {
  const words = text.trim().split(/\s+/);
  return words.length <= 2 || (words.length === 3 && words.some((word) => COMPOUND.test(word)));
}

/**
 * The names that a query spells out: its words without a call's parentheses, and of a qualified one (`Base#call`,
 * `res.send`, `a::b`) the last segment too.
 */
export function spellings(text: string): Set<string> {
  const words = text.split(/\s+/).map((word) => word.replace(/\([^()]*\)?$/, ''));
  const lasts = words.map((word) => word.split(QUALIFIER).at(-1)!);
  return new Set([...words, ...lasts].filter((name) => name !== ''));
}

const QUALIFIER = /\.|::|#|->|\\/;

const COMPOUND = /\p{Ll}\p{Lu}|\w_\w|\w\.\w|::|->|\(/u;

/**
 * The FTS5 expression that matches chunks with any of the terms. Every string is quoted, so nothing in it is syntax.
 * A compound identifier is sought as written, joined, and by all of its sub-words. Runs of words in the query are phrases
 * of their own: BM25 counts each as a rare term, so that words in the order asked for weigh more than the same words apart.
 */
export function anyTerm(terms: Term[], text = ''): string {
  return [...terms.map(termExpression), ...runs(text)].join(' OR ');
}

/** Longer queries are texts, whose single words say enough. */
const MAX_RUNS = 24;
/**
 * Words of a run. Three in a row seldom stand so by accident: two would (`a new`, `the token`), and then outweigh in a
 * question what it asks about. Five tell the message that was pasted from others that share a turn of phrase.
 */
const RUN_LENGTHS = [3, 5] as const;

/** Runs of neighbouring words as phrases, unless all but one are stop words. */
function runs(text: string): string[] {
  const words = [...text.matchAll(IDENTIFIER)].map(([word]) => word);
  const telling = (run: string[]) => run.filter((word) => !STOP_WORDS.has(word.toLowerCase())).length > 1;
  const phrases = RUN_LENGTHS.flatMap((length) =>
    words
      .slice(length - 1)
      .map((_, at) => words.slice(at, at + length))
      .filter(telling)
      .map((run) => quote(run.join(' '))),
  );
  return [...new Set(phrases)].slice(0, MAX_RUNS);
}

/** The FTS5 expression that matches chunks with one term, in any of its spellings. */
export function termExpression(term: Term): string {
  const spellings = [...new Set([term.text.toLowerCase(), term.whole])].map(quote);
  if (term.parts.length > 1) spellings.push(`(${term.parts.map(quote).join(' AND ')})`);
  return spellings.join(' OR ');
}

/** A quoted FTS5 string. */
export function quote(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}
