/** A fixed set of queries drawn from what is indexed: the same seed and the same index give the same queries. */
import { type IndexFiles, linesOf } from './index-files.ts';
import { randomFrom } from './random.ts';

export interface QuerySet {
  /** One to three identifiers of a line of code. */
  identifiers: string[];
  /** Six words in a row of some documentation: BM25's slow case. */
  sentences: string[];
  /** A piece of a line, at borders of words. */
  literals: string[];
  /** Two identifiers of a line with anything between, or one with its end left open. */
  regexes: string[];
  /** Names of symbols, every other one cut short. */
  symbols: string[];
}

const SEED = 11;

export function drawQueries(indexes: IndexFiles[], count: number): QuerySet {
  const random = randomFrom(SEED);
  const pick = <T>(items: readonly T[]) => items[Math.floor(random() * items.length)]!;
  const blobs = indexes.flatMap((files) =>
    files.shard
      .prepare(
        `SELECT id FROM blobs WHERE repo = ? AND skipped IS NULL AND lines > 20
         AND lang NOT IN ('text', 'json', 'yaml', 'xml', 'csv', 'markdown') ORDER BY id`,
      )
      .all(files.key)
      .map((row) => ({ files, id: Number(row.id) })),
  );
  const symbols = indexes.flatMap((files) =>
    files.shard
      .prepare(
        `SELECT name, documentation FROM symbols WHERE repo = ? AND kind IN ('function', 'method', 'class', 'interface', 'struct') ORDER BY id`,
      )
      .all(files.key)
      .map((row) => ({ name: String(row.name), documentation: String(row.documentation ?? '') })),
  );
  /** What `of` makes of random picks, until there are enough. */
  const draw = <T>(from: () => T, of: (item: T) => string | null): string[] => {
    const drawn: string[] = [];
    for (let tries = 0; drawn.length < count && tries < 200 * count; tries++) {
      const query = of(from());
      if (query !== null) drawn.push(query);
    }
    return drawn;
  };
  const line = () => {
    const { files, id } = pick(blobs);
    return pick(linesOf(files, id)).trim();
  };
  const identifiersOf = (text: string) => text.match(/[A-Za-z_]\w{3,}/g) ?? [];
  return {
    identifiers: draw(line, (text) => {
      const names = [...new Set(identifiersOf(text))].slice(0, 1 + Math.floor(random() * 3));
      return names.length > 0 && text.length < 200 ? names.join(' ') : null;
    }),
    sentences: draw(
      () => pick(symbols).documentation,
      (text) => {
        const words = text.match(/[A-Za-z]+/g) ?? [];
        const at = Math.floor(random() * (words.length - 5));
        return words.length < 6
          ? null
          : words
              .slice(at, at + 6)
              .join(' ')
              .toLowerCase();
      },
    ),
    literals: draw(line, (text) => {
      const piece = /\b\w.{10,38}\w\b/.exec(text)?.[0];
      return piece && !/["'\\/:]/.test(piece) ? piece : null;
    }),
    regexes: draw(line, (text) => {
      const [first, second] = identifiersOf(text);
      if (!first || !second || text.length > 200) return null;
      return random() < 0.5
        ? `${first}\\W+${second}`
        : `${first.slice(0, Math.max(4, first.length - 2))}\\w*\\W+.*${second}`;
    }),
    symbols: draw(
      () => pick(symbols).name,
      (name) => {
        if (!/^[A-Za-z_]\w{4,}$/.test(name)) return null;
        return random() < 0.5 ? name : name.slice(0, Math.max(4, Math.ceil(name.length * 0.6)));
      },
    ),
  };
}
