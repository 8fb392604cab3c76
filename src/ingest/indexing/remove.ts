import type { RepoScope } from '../../store/scope.ts';

interface Stores {
  control: D1Database;
  shard: D1Database;
  clock?: () => Date;
}
/** To be called when a sync job fails or is cancelled; publish ends its run itself. */
export declare function endRun(deps: Pick<Stores, 'shard'>, scope: RepoScope, runId: string): Promise<void>;
/** Removes all a repo has in its shard and in R2. Its control rows are the caller's. Idempotent. */
export declare function removeRepo(deps: Stores & { bucket: R2Bucket }, scope: RepoScope): Promise<void>;
/** Removes an indexed ref, its history and what then nothing reaches. Idempotent. */
export declare function removeRef(deps: Stores, scope: RepoScope, ref: string): Promise<void>;
/** Bounded work; call again while not `done`. */
export declare function sweep(deps: Stores, scope: RepoScope): Promise<{ done: boolean }>;
