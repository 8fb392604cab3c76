/** Documentation → function on repositories that were not learnt from, against BM25 over the same functions. */
import { DatabaseSync } from 'node:sqlite';
import { passageText } from '../passage.ts';
import { fingerprint } from './corpus.ts';
import type { Example } from './examples.ts';
import { wordsOf } from './vocabulary.ts';

/** What turns texts into vectors of length 1. */
export interface Encoder {
  queries(texts: string[]): Promise<Float32Array[]>;
  passages(functions: Example[]): Promise<Float32Array[]>;
}

/** A query with what each side says of every function of the repository. */
export interface Judged {
  repository: string;
  query: string;
  /** The place of the right function in both lists. */
  wanted: number;
  /** Cosines. */
  vector: Float32Array;
  /** BM25, larger is better, 0 for what it does not find. */
  lexical: Float32Array;
  /** The share of the query's words, weighed by their rarity, that the best lexical answer has. */
  coverage: number;
}

const QUESTIONS = 300;
/** Words that ask for nothing. */
const STOP = new Set(
  'a an the of to in is it its for and or if be are as by on with that this from at which can will not has have when used use'.split(
    ' ',
  ),
);

/** The repository's functions, each once, and those of them that are asked for, at most QUESTIONS. */
export function poolOf(examples: readonly Example[]): { functions: Example[]; asked: number[] } {
  const seen = new Set<string>();
  const functions = examples.filter(({ kind, code }) => {
    const key = fingerprint(code);
    if (kind !== 'function' || seen.has(key)) return false;
    seen.add(key);
    return true;
  });
  const byQuery = Map.groupBy(
    [...functions.keys()].filter((at) => functions[at]!.query !== ''),
    (at) => fingerprint(functions[at]!.query),
  );
  const asked = [...byQuery]
    .filter(([, same]) => same.length === 1)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .slice(0, QUESTIONS)
    .map(([, same]) => same[0]!);
  return { functions, asked };
}

/** The repository's queries, judged by an encoder and by BM25. */
export async function judge(
  repository: string,
  examples: readonly Example[],
  encoder: Encoder,
): Promise<Judged[]> {
  const { functions, asked } = poolOf(examples);
  const queries = asked.map((at) => functions[at]!.query);
  const vectors = await encoder.passages(functions);
  const lexical = new Bm25(functions);
  const asking = await encoder.queries(queries);
  const judged = asked.map((wanted, at) => {
    const query = queries[at]!;
    const vector = Float32Array.from(vectors, (passage) => dot(passage, asking[at]!));
    return { repository, query, wanted, vector, ...lexical.scores(query) };
  });
  lexical.close();
  return judged;
}

/** 1 for the best; ties share the middle, and what is not found at all comes last. */
export function rankOf(scores: ArrayLike<number>, wanted: number): number {
  const score = scores[wanted]!;
  let better = 0;
  let same = 0;
  for (let at = 0; at < scores.length; at++) {
    if (scores[at]! > score) better++;
    else if (scores[at]! === score) same++;
  }
  return better + (same + 1) / 2;
}

/** Mean reciprocal rank and the share in the first ten, over queries and as the mean of repositories. */
export function summary(ranks: readonly { repository: string; rank: number }[]) {
  const mean = (values: number[]) =>
    values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  const byRepository = [...Map.groupBy(ranks, (each) => each.repository)];
  return {
    mrr: mean(ranks.map(({ rank }) => 1 / rank)),
    recall10: mean(ranks.map(({ rank }) => (rank <= 10 ? 1 : 0))),
    byRepository: new Map(byRepository.map(([name, own]) => [name, mean(own.map(({ rank }) => 1 / rank))])),
  };
}

/** FTS5 over the same functions: names and places weigh 4, identifiers are split, words are stemmed. */
class Bm25 {
  private readonly database = new DatabaseSync(':memory:');
  private readonly count: number;
  private readonly search;
  private readonly having;

  constructor(functions: readonly Example[]) {
    this.count = functions.length;
    this.database.exec("CREATE VIRTUAL TABLE f USING fts5(name, body, tokenize = 'porter unicode61')");
    const insert = this.database.prepare('INSERT INTO f (rowid, name, body) VALUES (?, ?, ?)');
    this.database.exec('BEGIN');
    for (const [at, { path, name, signature, code }] of functions.entries()) {
      const place = passageText({ path, name, signature, source: '' });
      insert.run(at + 1, wordsOf(place).join(' '), `${code} ${wordsOf(code).join(' ')}`);
    }
    this.database.exec('COMMIT');
    this.search = this.database.prepare('SELECT rowid AS id, bm25(f, 4, 1) AS score FROM f WHERE f MATCH ?');
    this.having = this.database.prepare('SELECT rowid AS id FROM f WHERE f MATCH ?');
  }

  scores(query: string): { lexical: Float32Array; coverage: number } {
    const lexical = new Float32Array(this.count);
    const all = [...new Set(wordsOf(query))].filter((word) => word.length > 1);
    const telling = all.filter((word) => !STOP.has(word));
    const words = telling.length > 0 ? telling : all;
    if (words.length === 0) return { lexical, coverage: 0 };
    let best = -1;
    for (const { id, score } of this.search.all(words.map((word) => `"${word}"`).join(' OR '))) {
      const at = Number(id) - 1;
      lexical[at] = Math.max(1e-6, -Number(score));
      if (best < 0 || lexical[at]! > lexical[best]!) best = at;
    }
    return { lexical, coverage: this.coverage(words, best) };
  }

  private coverage(words: string[], best: number): number {
    let covered = 0;
    let total = 0;
    for (const word of words) {
      const ids = this.having.all(`"${word}"`).map(({ id }) => Number(id) - 1);
      const rarity = Math.log(1 + this.count / (1 + ids.length));
      total += rarity;
      if (ids.includes(best)) covered += rarity;
    }
    return total === 0 ? 0 : covered / total;
  }

  close(): void {
    this.database.close();
  }
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let d = 0; d < a.length; d++) sum += a[d]! * b[d]!;
  return sum;
}
