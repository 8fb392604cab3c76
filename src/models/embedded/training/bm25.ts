/** The peer of the model: FTS5 over the same texts. Names and places weigh 4, identifiers are split, words are stemmed. */
import { DatabaseSync } from 'node:sqlite';
import { wordsOf } from './vocabulary.ts';

/** Words that ask for nothing. */
const STOP = new Set(
  'a an the of to in is it its for and or if be are as by on with that this from at which can will not has have when used use'.split(
    ' ',
  ),
);

export interface Lexical {
  /** By document, larger is better, 0 for what is not found. */
  lexical: Float32Array;
  /** The share of the query's words, weighed by their rarity, that the best answer has. */
  coverage: number;
}

/** Documents that a query finds, at most. */
const FOUND = 500;

export class Bm25 {
  private readonly database = new DatabaseSync(':memory:');
  private readonly count: number;
  private readonly search;
  private readonly counting;
  private readonly having;
  private readonly rarities = new Map<string, number>();

  constructor(documents: readonly { heading: string; body: string }[]) {
    this.count = documents.length;
    this.database.exec("CREATE VIRTUAL TABLE f USING fts5(heading, body, tokenize = 'porter unicode61')");
    const insert = this.database.prepare('INSERT INTO f (rowid, heading, body) VALUES (?, ?, ?)');
    this.database.exec('BEGIN');
    for (const [at, { heading, body }] of documents.entries()) {
      insert.run(at + 1, wordsOf(heading).join(' '), `${body} ${wordsOf(body).join(' ')}`);
    }
    this.database.exec('COMMIT');
    this.search = this.database.prepare(
      `SELECT rowid AS id, bm25(f, 4, 1) AS score FROM f WHERE f MATCH ? ORDER BY score LIMIT ${FOUND}`,
    );
    this.counting = this.database.prepare('SELECT count(*) AS n FROM f WHERE f MATCH ?');
    this.having = this.database.prepare('SELECT count(*) AS n FROM f WHERE f MATCH ? AND rowid = ?');
  }

  scores(query: string): Lexical {
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
      const rarity = this.rarity(word);
      total += rarity;
      if (Number(this.having.get(`"${word}"`, BigInt(best + 1))!.n) > 0) covered += rarity;
    }
    return total === 0 ? 0 : covered / total;
  }

  private rarity(word: string): number {
    const known = this.rarities.get(word);
    if (known !== undefined) return known;
    const rarity = Math.log(1 + this.count / (1 + Number(this.counting.get(`"${word}"`)!.n)));
    this.rarities.set(word, rarity);
    return rarity;
  }

  close(): void {
    this.database.close();
  }
}
