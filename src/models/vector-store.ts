import type { RepoScope } from '../store/scope.ts';
import type { SetPlace } from '../store/vector-sets.ts';
import type { QuantisedVectors } from './quantised.ts';

/** The vectors of one blob's chunks, in the order of the chunks. */
export interface VectorSet {
  blobId: number;
  vectors: QuantisedVectors;
}

/** A chunk and how near it is: the cosine, -1 to 1. */
export interface NearChunk {
  chunkId: number;
  blobId: number;
  cosine: number;
}

/**
 * Keeps the vectors of code, a set a blob. Which sets there are, and where, is told by the rows of `vector_sets`: a set
 * counts once its row stands, and what has no row is as good as gone. Drivers stand in folders beside this file, and pass
 * one suite (test/models/vector-stores.ts).
 */
export interface VectorStore {
  readonly provider: 'embedded' | 'cloudflare';
  /** Stores sets, and says where, for the rows. Written twice they are stored twice; the rows decide which counts. */
  write(scope: RepoScope, sets: readonly VectorSet[]): Promise<SetPlace[]>;
  /**
   * The nearest chunks of these sets, best first, at most `topK`.
   * @throws VectorsMoved when sets are no longer where the rows said: read the rows again
   */
  nearest(
    scope: RepoScope,
    sets: readonly SetPlace[],
    query: Float32Array,
    topK: number,
  ): Promise<NearChunk[]>;
  /** Removes sets whose rows are gone. */
  remove(scope: RepoScope, sets: readonly SetPlace[]): Promise<void>;
  /** Asks for next to nothing. @throws when the store does not answer */
  probe(): Promise<void>;
  /** After a run: removes what no row names, and keeps what is read together in few pieces. Runs inside a job of the repo. */
  tidy(shard: D1Database, scope: RepoScope): Promise<void>;
}

/** Sets lie elsewhere than the rows that were read say: they were merged since. */
export class VectorsMoved extends Error {
  constructor() {
    super('the vectors were moved since their places were read');
    this.name = 'VectorsMoved';
  }
}
