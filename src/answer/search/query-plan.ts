import { invalid } from '../../errors.ts';
import { type CodePlace, codePlace, withoutLine } from './code-place.ts';
import { type LineMatcher, literalMatcher, regexMatcher } from './line-matcher.ts';
import { allOf, anyOf, type Needles } from './needles.ts';
import { type PathPattern, pathPattern, pathRegex } from './path-pattern.ts';
import { parseQuery } from './query-parser.ts';
import type { QualifierName, QueryNode } from './query-tree.ts';

export const SEARCH_MODES = ['hybrid', 'lexical', 'semantic', 'literal', 'regex', 'symbol'] as const;
export type SearchMode = (typeof SEARCH_MODES)[number];

/** What a text must contain, exactly; evaluated per file. */
export type Demand =
  | { kind: 'match'; matcher: LineMatcher; words: string; phrase?: boolean }
  | { kind: 'not'; child: Demand }
  | { kind: 'and' | 'or'; children: Demand[] };

/** Of matches, `phrase` are those in quotes that nothing else says are meant to the letter. */
type Match = Extract<Demand, { kind: 'match' }>;

/** A conjunction: what one alternative of the query asks of a hit. All patterns and demands of it must hold. */
export interface Clause {
  /** Each inner list is alternatives (`repo:a repo:b`); all lists must be satisfied (parameter and qualifier). */
  repos: string[][];
  notRepos: string[];
  /** At most one counts: several refs are several clauses. */
  refs: string[];
  langs: string[][];
  notLangs: string[];
  paths: PathPattern[];
  notPaths: PathPattern[];
  symbols: string[];
  notSymbols: string[];
  demand: Demand | null;
  /** Bare words: ranked by, not required. */
  wishes: string[];
  /** Those of the words that say where something stands: `src/a.ts:12`. */
  places: CodePlace[];
}

export interface QueryPlan {
  mode: SearchMode;
  clauses: Clause[];
  /** Things the caller should know, e.g. that words beyond the limit were left out. */
  notes: string[];
}

/** The parameters of a request that equal qualifiers. */
export interface QueryFilters {
  repo?: string | undefined;
  ref?: string | undefined;
  lang?: string | undefined;
  path?: string | undefined;
}

export const MAX_QUERY = 1000;
const MAX_TERMS = 64;
const MAX_CLAUSES = 8;

/**
 * Turns a query into alternatives that can be run.
 * @throws Problem `validation` naming `query/query` when the query is too long, has too many alternatives or a regular
 * expression that does not compile.
 */
export function planQuery(query: string, mode: SearchMode, filters: QueryFilters = {}): QueryPlan {
  if (query.length > MAX_QUERY) throw invalid('query/query', `at most ${MAX_QUERY} characters`);
  const { tree, needle } =
    mode === 'literal' || mode === 'regex' ? splitNeedle(query) : { tree: parseQuery(query), needle: null };
  const sensitivity = caseOf(tree);
  const build = new ClauseBuilder(sensitivity);
  const alternatives = expand(tree, true);
  if (alternatives.length > MAX_CLAUSES)
    throw invalid('query/query', `at most ${MAX_CLAUSES} alternatives of qualifiers`);
  const clauses = alternatives.map((leaves) => build.clause(leaves));
  const notes = clauses.map(boundWishes).filter((note) => note !== null);
  for (const clause of clauses) {
    if (needle) clause.demand = conjoin(clause.demand, build.needle(needle, mode === 'regex'));
    addFilters(clause, filters, sensitivity === true);
  }
  return { mode, clauses, notes: [...new Set(notes)] };
}

/** Needles by which the trigram index narrows the files a demand can hold in. */
export function demandNeedles(demand: Demand): Needles {
  if (demand.kind === 'match') return demand.matcher.needles;
  if (demand.kind === 'not') return null;
  const parts = demand.children.map(demandNeedles);
  return demand.kind === 'and' ? allOf(parts) : anyOf(parts);
}

/** Whether a whole file satisfies the demand. */
export function satisfies(demand: Demand, text: string): boolean {
  if (demand.kind === 'match') return demand.matcher.test(text);
  if (demand.kind === 'not') return !satisfies(demand.child, text);
  return demand.kind === 'and'
    ? demand.children.every((child) => satisfies(child, text))
    : demand.children.some((child) => satisfies(child, text));
}

/** The matchers outside any NOT: what a hit shows, and what ranking reads words from. */
export function positiveMatches(demand: Demand | null): Match[] {
  if (demand === null || demand.kind === 'not') return [];
  return demand.kind === 'match' ? [demand] : demand.children.flatMap(positiveMatches);
}

/** Whether a clause is filters alone: nothing in it is searched for. */
export function onlyFilters({ wishes, demand, symbols }: Clause): boolean {
  return wishes.length === 0 && demand === null && symbols.length === 0;
}

/**
 * The plan with quoted phrases among other words taken as words; null when it has none. Error messages quote values
 * that no source holds (`Invalid UUID version: "v9"`), so such a phrase is given up before the answer is empty.
 */
export function withoutPhrases(plan: QueryPlan): { plan: QueryPlan; phrases: string[] } | null {
  const phrases: string[] = [];
  const clauses = plan.clauses.map((clause): Clause => {
    const parts =
      clause.demand?.kind === 'and'
        ? clause.demand.children
        : [clause.demand].filter((each) => each !== null);
    const given = parts.flatMap((part) => (part.kind === 'match' && part.phrase ? [part.words] : []));
    if (clause.wishes.length === 0 || given.length === 0) return clause;
    phrases.push(...given);
    const kept = parts.filter((part) => !(part.kind === 'match' && part.phrase));
    return {
      ...clause,
      demand: kept.reduce<Demand | null>(conjoin, null),
      wishes: [...clause.wishes, ...given.flatMap((phrase) => phrase.split(/\s+/))].slice(0, MAX_TERMS),
      places: [...clause.places, ...given.map(codePlace).filter((place) => place !== null)],
    };
  });
  return phrases.length > 0 ? { plan: { ...plan, clauses }, phrases } : null;
}

/** All that a clause says in words: its wishes, its exact texts outside NOT, and the symbols it names. */
export function clauseWords(clause: Clause): string {
  const exact = positiveMatches(clause.demand).map((match) => match.words);
  return [...clause.wishes, ...exact, ...clause.symbols].join(' ');
}

type Leaf =
  | { is: 'wish'; text: string }
  | { is: 'demand'; node: QueryNode }
  | { is: 'filter'; name: QualifierName; value: string; isRegex: boolean; negated: boolean };

/** The tree as alternatives of conjunctions. Only qualifiers are distributed; content keeps its own tree. */
function expand(node: QueryNode, top: boolean): Leaf[][] {
  if (node.kind === 'word' && top) return [[{ is: 'wish', text: node.text }]];
  if (node.kind === 'qualifier' && node.name !== 'content') {
    return [[filterLeaf(node, false)]];
  }
  if (!(top && node.kind === 'seq') && isContent(node)) return [[{ is: 'demand', node }]];
  if (node.kind === 'not') return expandNot(node.child);
  if (node.kind === 'or') return bounded(node.children.flatMap((child) => expand(child, false)));
  const children = (node as { children: QueryNode[] }).children;
  return children.reduce<Leaf[][]>(
    (left, child) => {
      const right = expand(child, top && node.kind === 'seq');
      return bounded(left.flatMap((a) => right.map((b) => [...a, ...b])));
    },
    [[]],
  );
}

function filterLeaf(node: Extract<QueryNode, { kind: 'qualifier' }>, negated: boolean): Leaf {
  return { is: 'filter', name: node.name, value: node.value, isRegex: node.form === 'regex', negated };
}

/** De Morgan, where qualifiers stand below the NOT. */
function expandNot(node: QueryNode): Leaf[][] {
  if (node.kind === 'qualifier') return [[filterLeaf(node, true)]];
  if (node.kind === 'not') return expand(node.child, false);
  if (node.kind === 'and' || node.kind === 'or' || node.kind === 'seq') {
    const children = node.children.map((child): QueryNode => ({ kind: 'not', child }));
    return expand({ kind: node.kind === 'or' ? 'and' : 'or', children }, false);
  }
  return [[{ is: 'demand', node: { kind: 'not', child: node } }]];
}

function bounded(alternatives: Leaf[][]): Leaf[][] {
  if (alternatives.length > MAX_CLAUSES * 4)
    throw invalid('query/query', 'too many alternatives of qualifiers');
  return alternatives;
}

function isContent(node: QueryNode): boolean {
  if (node.kind === 'qualifier') return node.name === 'content';
  if (node.kind === 'not') return isContent(node.child);
  return 'children' in node ? node.children.every(isContent) : true;
}

/** `case:yes` → true, `case:no` → false, otherwise undefined; the last one typed counts. */
function caseOf(node: QueryNode): boolean | 'auto' | undefined {
  if (node.kind === 'qualifier' && node.name === 'case') {
    const value = node.value.toLowerCase();
    return value === 'auto' ? 'auto' : value === 'yes';
  }
  if (!('children' in node)) return undefined;
  return node.children.map(caseOf).findLast((found) => found !== undefined);
}

class ClauseBuilder {
  readonly #sensitivity: boolean | 'auto' | undefined;

  constructor(sensitivity: boolean | 'auto' | undefined) {
    this.#sensitivity = sensitivity;
  }

  clause(leaves: Leaf[]): Clause {
    const filters = (name: QualifierName, negated: boolean) =>
      leaves
        .filter((leaf) => leaf.is === 'filter')
        .filter((leaf) => leaf.name === name && leaf.negated === negated);
    const named = (name: QualifierName, negated: boolean) => filters(name, negated).map((leaf) => leaf.value);
    const patterns = (negated: boolean) => [
      ...filters('path', negated).map((leaf) => this.#path(leaf, 'path')),
      ...filters('file', negated).map((leaf) => this.#path(leaf, 'name')),
    ];
    const demands = leaves.flatMap((leaf) => (leaf.is === 'demand' ? [this.#demand(leaf.node)] : []));
    const typed = leaves.flatMap((leaf) => (leaf.is === 'wish' ? [leaf.text] : []));
    const places = typed.map(codePlace).filter((place) => place !== null);
    const words = typed.map(withoutLine);
    // `case:yes` asks for exact words, so they become demands.
    const exact = this.#sensitivity === true ? words.map((text) => this.#literal(text, false)) : [];
    return {
      repos: groups(named('repo', false)),
      notRepos: named('repo', true),
      refs: named('rev', false),
      langs: groups(named('lang', false).flatMap(listed)),
      notLangs: named('lang', true).flatMap(listed),
      paths: patterns(false),
      notPaths: patterns(true),
      symbols: named('sym', false),
      notSymbols: named('sym', true),
      demand: [...demands, ...exact].reduce<Demand | null>(conjoin, null),
      wishes: words,
      places,
    };
  }

  /** The whole text of a literal or regex query. They compare case as it stands unless `case:no`. */
  needle(text: string, isRegex: boolean): Demand {
    return isRegex ? this.#regex(text) : this.#literal(text, true);
  }

  #path({ value, isRegex }: { value: string; isRegex: boolean }, part: 'path' | 'name'): PathPattern {
    const caseSensitive = this.#sensitivity === true;
    return isRegex ? pathRegex(value, caseSensitive) : pathPattern(withoutLine(value), part, caseSensitive);
  }

  #demand(node: QueryNode): Demand {
    switch (node.kind) {
      case 'word':
        return this.#literal(node.text, false);
      case 'phrase':
        return { ...this.#literal(node.text, false), phrase: this.#sensitivity === undefined };
      case 'regex':
        return this.#regex(node.source);
      case 'qualifier':
        return node.form === 'regex' ? this.#regex(node.value) : this.#literal(node.value, false);
      case 'not':
        return { kind: 'not', child: this.#demand(node.child) };
      default:
        return {
          kind: node.kind === 'or' ? 'or' : 'and',
          children: node.children.map((child) => this.#demand(child)),
        };
    }
  }

  #literal(text: string, byDefault: boolean): Match {
    return { kind: 'match', matcher: literalMatcher(text, this.#sensitive(text, byDefault)), words: text };
  }

  #regex(source: string): Demand {
    return { kind: 'match', matcher: regexMatcher(source, this.#sensitive(source, true)), words: '' };
  }

  #sensitive(text: string, byDefault: boolean): boolean {
    if (this.#sensitivity === 'auto') return /\p{Lu}/u.test(text);
    return this.#sensitivity ?? byDefault;
  }
}

/** `lang:ts,tsx` */
function listed(value: string): string[] {
  return value.split(',').filter((each) => each !== '');
}

function groups(values: string[]): string[][] {
  return values.length > 0 ? [values] : [];
}

function conjoin(left: Demand | null, right: Demand): Demand {
  if (left === null) return right;
  return { kind: 'and', children: [...(left.kind === 'and' ? left.children : [left]), right] };
}

function addFilters(clause: Clause, filters: QueryFilters, caseSensitive: boolean): void {
  if (filters.repo !== undefined) clause.repos.push([filters.repo]);
  if (filters.ref !== undefined) clause.refs = [filters.ref];
  if (filters.lang !== undefined) clause.langs.push(listed(filters.lang));
  if (filters.path !== undefined) clause.paths.push(pathPattern(filters.path, 'path', caseSensitive));
}

function boundWishes(clause: Clause): string | null {
  if (clause.wishes.length <= MAX_TERMS) return null;
  clause.wishes.length = MAX_TERMS;
  return `only the first ${MAX_TERMS} words were searched for`;
}

/** Qualifiers of a literal or regex query. `sym` and `content` are left to the other modes. */
const NEEDLE_QUALIFIER =
  /(?<=^|\s)-?(?:repo|lang|language|path|file|rev|ref|case):(?!:)(?:"(?:\\.|[^"\\])*"|[^\s"]\S*)(?=\s|$)/gi;

/**
 * In literal and regex mode everything but qualifiers is the text to find, as it stands; quotes around the whole
 * (slashes around a regex) protect its spaces and are dropped.
 */
function splitNeedle(query: string): { tree: QueryNode; needle: string | null } {
  const qualifiers = query.match(NEEDLE_QUALIFIER) ?? [];
  const rest = query.replace(NEEDLE_QUALIFIER, '').trim();
  const whole = parseQuery(rest);
  const only = whole.kind === 'seq' && whole.children.length === 1 ? whole.children[0]! : null;
  const quoted = only?.kind === 'phrase' ? only.text : only?.kind === 'regex' ? only.source : null;
  return { tree: parseQuery(qualifiers.join(' ')), needle: (quoted ?? rest) || null };
}
