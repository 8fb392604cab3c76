/** Vectors by id, and the nearest of them to a query. */
export interface VectorStore {
  readonly dimensions: number;
  readonly size: number;
  /** Adds vectors or replaces those of the same id. They must be unit vectors of `dimensions` values. */
  upsert(vectors: { id: number; values: Float32Array }[]): Promise<void>;
  remove(ids: number[]): Promise<void>;
  /** The nearest ids by cosine, best first; `score` from -1 to 1. */
  query(values: Float32Array, topK: number): Promise<{ id: number; score: number }[]>;
}
