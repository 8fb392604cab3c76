import type { NearChunk } from '../vector-store.ts';

/** The best of many, without holding many: at most four times as many as are asked for. */
export class Nearest {
  readonly #topK: number;
  #held: NearChunk[] = [];
  /** What a chunk must pass to count. */
  least = Number.NEGATIVE_INFINITY;

  constructor(topK: number) {
    this.#topK = topK;
  }

  add(chunkId: number, blobId: number, cosine: number): void {
    this.#held.push({ chunkId, blobId, cosine });
    if (this.#held.length >= 4 * this.#topK) {
      this.#held = this.list();
      this.least = this.#held.at(-1)?.cosine ?? this.least;
    }
  }

  /** Best first; of equals the earlier chunk. */
  list(): NearChunk[] {
    return [...this.#held].sort((a, b) => b.cosine - a.cosine || a.chunkId - b.chunkId).slice(0, this.#topK);
  }
}
