import { DatabaseSync } from 'node:sqlite';
import { chunksOf, type IndexFiles, pathsOf } from './index-files.ts';

/** Lines of a file. */
export interface Ranked {
  path: string;
  startLine: number;
  endLine: number;
}

/**
 * The peer of retrieval: FTS5 with `bm25` and nothing else, over the text of the very chunks that a snapshot has, words
 * stemmed as ours are. Moves from snapshot to snapshot by what differs, so that its statistics are of one snapshot always.
 */
export class PlainFts5 {
  readonly #files: IndexFiles;
  readonly #db = new DatabaseSync(':memory:');
  #paths = new Map<number, string[]>();
  readonly #chunks = new Map<number, Omit<Ranked, 'path'> & { blob: number }>();
  readonly #ofBlob = new Map<number, number[]>();

  constructor(files: IndexFiles) {
    this.#files = files;
    this.#db.exec("CREATE VIRTUAL TABLE t USING fts5(text, tokenize='porter unicode61 remove_diacritics 2')");
  }

  /** The paths of the snapshot that is held now, by blob. */
  get paths(): ReadonlyMap<number, string[]> {
    return this.#paths;
  }

  moveTo(snapshot: number): void {
    const paths = pathsOf(this.#files, snapshot);
    const insert = this.#db.prepare('INSERT INTO t(rowid, text) VALUES (?, ?)');
    const remove = this.#db.prepare('DELETE FROM t WHERE rowid = ?');
    this.#db.exec('BEGIN');
    for (const blob of this.#paths.keys()) {
      if (paths.has(blob)) continue;
      for (const id of this.#ofBlob.get(blob) ?? []) {
        remove.run(id);
        this.#chunks.delete(id);
      }
      this.#ofBlob.delete(blob);
    }
    for (const blob of paths.keys()) {
      if (this.#paths.has(blob)) continue;
      const chunks = chunksOf(this.#files, blob);
      for (const { id, startLine, endLine, text } of chunks) {
        insert.run(id, text);
        this.#chunks.set(id, { startLine, endLine, blob });
      }
      this.#ofBlob.set(
        blob,
        chunks.map(({ id }) => id),
      );
    }
    this.#db.exec('COMMIT');
    this.#paths = paths;
  }

  /** The best chunks for any of the words, at each path they stand at. */
  search(query: string, limit: number): Ranked[] {
    const words = query.match(/[\p{L}\p{N}]+/gu) ?? [];
    if (words.length === 0) return [];
    return this.#db
      .prepare('SELECT rowid FROM t WHERE t MATCH ? ORDER BY rank LIMIT ?')
      .all(words.map((word) => `"${word}"`).join(' OR '), limit)
      .flatMap(({ rowid }) => {
        const { blob, startLine, endLine } = this.#chunks.get(Number(rowid))!;
        return this.#paths.get(blob)!.map((path) => ({ path, startLine, endLine }));
      });
  }

  close(): void {
    this.#db.close();
  }
}
