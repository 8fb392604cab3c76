/** Which words and pairs of words get a row of their own. */
import { scanWords } from '../scan-words.ts';

/** No word is taken that occurs in fewer repositories: names of one project say nothing of others. */
export const MIN_REPOSITORIES = 3;
const MIN_TEXTS = 4;

/** The words of a text, in order. */
export function wordsOf(text: string): string[] {
  const words: string[] = [];
  scanWords(text, {
    word(codes, length) {
      words.push(String.fromCharCode(...codes.subarray(0, length)));
    },
  });
  return words;
}

/** Counts in how many texts and repositories each word occurs. */
export class WordCounts {
  private readonly found = new Map<string, { texts: number; repositories: number; last: number }>();

  /** Repositories come one after the other, numbered. */
  add(words: readonly string[], repository: number): void {
    for (const word of new Set(words)) {
      if (word.length < 2 && word.charCodeAt(0) < 128) continue;
      const count = this.found.get(word);
      if (!count) this.found.set(word, { texts: 1, repositories: 1, last: repository });
      else {
        count.texts++;
        if (count.last !== repository) count.repositories++;
        count.last = repository;
      }
    }
  }

  /** The most frequent words that occur in enough repositories, most frequent first. */
  most(limit: number): string[] {
    return [...this.found]
      .filter(([, { texts, repositories }]) => texts >= MIN_TEXTS && repositories >= MIN_REPOSITORIES)
      .sort(([a, x], [b, y]) => y.texts - x.texts || (a < b ? -1 : 1))
      .slice(0, limit)
      .map(([word]) => word);
  }
}

/** Pairs of neighbours that say more than both alone: the most frequent of those that are no accident. */
export class PairCounts {
  private readonly found = new Map<number, { texts: number; repositories: number; last: number }>();
  private readonly singles: Uint32Array;
  private readonly rows: ReadonlyMap<string, number>;
  private total = 0;

  constructor(words: readonly string[]) {
    this.rows = new Map(words.map((word, row) => [word, row]));
    this.singles = new Uint32Array(words.length);
  }

  add(words: readonly string[], repository: number): void {
    this.total++;
    const seen = new Set<number>();
    const here = new Set<number>();
    let before = -1;
    for (const word of words) {
      const row = this.rows.get(word) ?? -1;
      if (row >= 0) here.add(row);
      if (row >= 0 && before >= 0 && row !== before) seen.add(before * 65_536 + row);
      before = row;
    }
    for (const row of here) this.singles[row]!++;
    for (const pair of seen) {
      const count = this.found.get(pair);
      if (!count) this.found.set(pair, { texts: 1, repositories: 1, last: repository });
      else {
        count.texts++;
        if (count.last !== repository) count.repositories++;
        count.last = repository;
      }
    }
  }

  most(limit: number): Uint16Array {
    const surprise = (pair: number, texts: number) => {
      const first = this.singles[Math.floor(pair / 65_536)]!;
      const second = this.singles[pair % 65_536]!;
      return Math.log((texts * this.total) / (first * second));
    };
    const best = [...this.found]
      .filter(([, { texts, repositories }]) => texts >= 2 * MIN_TEXTS && repositories >= MIN_REPOSITORIES)
      .map(([pair, { texts }]) => ({
        pair,
        worth: Math.log(texts) * surprise(pair, texts) * Math.sqrt(texts),
      }))
      .sort((a, b) => b.worth - a.worth || a.pair - b.pair)
      .slice(0, limit);
    return Uint16Array.from(best.flatMap(({ pair }) => [Math.floor(pair / 65_536), pair % 65_536]));
  }
}
