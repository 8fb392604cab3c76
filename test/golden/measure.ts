/** Retrieval measures over ranked answers. Pure. */

export interface Question {
  corpus: string;
  kind: string;
  query: string;
  answers: { path: string; text: string }[];
}

export interface Measures {
  questions: number;
  recallAt1: number;
  recallAt5: number;
  recallAt10: number;
  mrr: number;
  ndcgAt10: number;
}

export interface Shown {
  filePath: string;
  content: string;
}

/** Which of the question's answers each hit is, -1 for none; an answer counts where it is seen first. */
export function judge(question: Question, hits: Shown[]): number[] {
  const seen = new Set<number>();
  return hits.map((hit) => {
    const at = question.answers.findIndex(
      ({ path, text }, index) => !seen.has(index) && hit.filePath === path && hit.content.includes(text),
    );
    if (at >= 0) seen.add(at);
    return at;
  });
}

/**
 * Measures over judged answers. Several answers of a question are alternatives: recall asks whether one of them is
 * there, NDCG rewards all of them. Questions without an answer are right when nothing was found.
 */
export function measure(judged: { question: Question; hits: number[] }[]): Measures {
  const mean = (value: (each: (typeof judged)[number]) => number) =>
    round(judged.reduce((sum, each) => sum + value(each), 0) / Math.max(1, judged.length));
  const found = (n: number) =>
    mean(({ question, hits }) => {
      if (question.answers.length === 0) return hits.length === 0 ? 1 : 0;
      return hits.slice(0, n).some((at) => at >= 0) ? 1 : 0;
    });
  return {
    questions: judged.length,
    recallAt1: found(1),
    recallAt5: found(5),
    recallAt10: found(10),
    mrr: mean(({ question, hits }) => {
      if (question.answers.length === 0) return hits.length === 0 ? 1 : 0;
      const first = hits.findIndex((at) => at >= 0);
      return first < 0 ? 0 : 1 / (first + 1);
    }),
    ndcgAt10: mean(({ question, hits }) => ndcg(question, hits)),
  };
}

function ndcg(question: Question, hits: number[]): number {
  if (question.answers.length === 0) return hits.length === 0 ? 1 : 0;
  const gain = (at: number) => 1 / Math.log2(at + 2);
  const got = hits.slice(0, 10).reduce((sum, judged, at) => sum + (judged >= 0 ? gain(at) : 0), 0);
  const best = question.answers.slice(0, 10).reduce((sum, _, at) => sum + gain(at), 0);
  return got / best;
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
