/** Documentation → function on repositories that were not learnt from, against BM25 over the same functions. */
import { passageText } from '../passage.ts';
import { Bm25, type Lexical } from './bm25.ts';
import { fingerprint } from './corpus.ts';
import type { Example } from './examples.ts';

/** What turns texts into vectors of length 1. */
export interface Encoder {
  queries(texts: string[]): Promise<Float32Array[]>;
  passages(functions: Example[]): Promise<Float32Array[]>;
}

/** A query with what each side says of every function of the repository. */
export interface Judged extends Lexical {
  repository: string;
  query: string;
  /** The place of the right function in both lists. */
  wanted: number;
  /** Cosines. */
  vector: Float32Array;
}

const QUESTIONS = 300;
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
  const lexical = new Bm25(
    functions.map((each) => ({ heading: passageText({ ...each, source: '' }), body: each.code })),
  );
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

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let d = 0; d < a.length; d++) sum += a[d]! * b[d]!;
  return sum;
}
