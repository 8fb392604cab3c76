/** D1 takes 2,000,000 bytes a bound value; some room is left for what counting by row does not see. */
export const MAX_JSON_BYTES = 1_900_000;

/**
 * Collects rows for `INSERT … SELECT … FROM json_each(?)` as JSON texts below the size of a bound value. Rows are
 * arrays of columns: measured against objects and flat columns they were as fast and the shortest.
 */
export class JsonRows {
  readonly #pieces: string[] = [];
  readonly #maxBytes: number;
  #open: string[] = [];
  #bytes = 2;
  count = 0;

  constructor(maxBytes = MAX_JSON_BYTES) {
    this.#maxBytes = maxBytes;
  }

  add(row: readonly unknown[]): void {
    const json = JSON.stringify(row);
    const bytes = Buffer.byteLength(json) + 1;
    if (this.#bytes + bytes > this.#maxBytes) this.#close();
    this.#open.push(json);
    this.#bytes += bytes;
    this.count++;
  }

  /** Every row added so far, as one JSON array or several. */
  pieces(): string[] {
    this.#close();
    return this.#pieces;
  }

  #close(): void {
    if (this.#open.length > 0) this.#pieces.push(`[${this.#open.join(',')}]`);
    this.#open = [];
    this.#bytes = 2;
  }
}

/** The same for rows in hand. */
export function jsonPieces(rows: Iterable<readonly unknown[]>, maxBytes = MAX_JSON_BYTES): string[] {
  const collected = new JsonRows(maxBytes);
  for (const row of rows) collected.add(row);
  return collected.pieces();
}
