import type { RepoScope } from '../../store/scope.ts';
import type { BlobFacts } from '../parse/facts.ts';
import type { Batch, IndexingDeps } from './plan.ts';

export type Parse = (bytes: Uint8Array, lang: string) => BlobFacts | Promise<BlobFacts>;

export interface BatchResult {
  /** `gone`: the repo was deleted meanwhile and nothing was written. */
  status: 'written' | 'gone';
  files: number;
  chunks: number;
  skipped: number;
}

/** Parses what is still missing of the batch and writes its facts in one transaction. Idempotent. */
export declare function processBatch(
  deps: IndexingDeps,
  scope: RepoScope,
  batch: Batch,
  parse: Parse,
  runId: string,
): Promise<BatchResult>;
