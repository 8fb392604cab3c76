/** D1 takes 2,000,000 bytes a bound value; some room is left for what counting by row does not see. */
export const MAX_JSON_BYTES = 1_900_000;

/** Joins JSON texts into JSON arrays below the size of a bound value. */
class JsonPieces {
  readonly #pieces: string[] = [];
  readonly #maxBytes: number;
  #open: string[] = [];
  #bytes = 2;

  constructor(maxBytes = MAX_JSON_BYTES) {
    this.#maxBytes = maxBytes;
  }

  add(json: string): void {
    const bytes = Buffer.byteLength(json) + 1;
    if (this.#bytes + bytes > this.#maxBytes) this.#close();
    this.#open.push(json);
    this.#bytes += bytes;
  }

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

/**
 * Collects rows for `INSERT … SELECT … FROM json_each(?)` as JSON texts below the size of a bound value. Rows are
 * arrays of columns: measured against objects and flat columns they were as fast and the shortest.
 */
export class JsonRows {
  readonly #rows: JsonPieces;

  constructor(maxBytes = MAX_JSON_BYTES) {
    this.#rows = new JsonPieces(maxBytes);
  }

  add(row: readonly unknown[]): void {
    this.#rows.add(JSON.stringify(row));
  }

  /** Every row added so far, as one JSON array or several. */
  pieces(): string[] {
    return this.#rows.pieces();
  }
}

/**
 * Rows that belong to a parent, as `[[parent, [row, …]], …]`: the parent is joined once, not for every row. A parent
 * with many rows stands in several groups.
 */
export class JsonGroups {
  readonly #groups = new JsonPieces();

  add(parent: number, rows: Iterable<readonly unknown[]>): void {
    const pieces = jsonPieces(rows, MAX_JSON_BYTES - 100);
    for (const piece of pieces) this.#groups.add(`[${parent},${piece}]`);
  }

  pieces(): string[] {
    return this.#groups.pieces();
  }
}

/** The same for rows in hand. */
export function jsonPieces(rows: Iterable<readonly unknown[]>, maxBytes = MAX_JSON_BYTES): string[] {
  const collected = new JsonRows(maxBytes);
  for (const row of rows) collected.add(row);
  return collected.pieces();
}
