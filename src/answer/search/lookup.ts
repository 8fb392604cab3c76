import type { ExactFiles } from './exact-search.ts';
import type { Clause, SearchMode } from './query-plan.ts';
import type { Target } from './targets.ts';
import type { Term } from './terms.ts';

/** One clause against one repo: the unit that candidates are gathered for. */
export interface Lookup {
  shard: D1Database;
  target: Target;
  clause: Clause;
  terms: Term[];
  /** The query reads like an identifier. */
  code: boolean;
  langs?: string[] | undefined;
  /** The only files that count, when path filters or a demand named them. */
  blobIds?: number[] | undefined;
  /** What the demand matched exactly, when it was searched for. */
  exact: ExactFiles | null;
  /** No file can satisfy it. */
  empty: boolean;
  mode: SearchMode;
  /** Most candidates of each list. */
  pool: number;
}

/** The lookup's filters as the store takes them. */
export function filterOf({ target, langs, blobIds }: Lookup) {
  return {
    scope: target.scope,
    snapshotIds: snapshotsOf(target),
    ...(langs && { langs }),
    ...(blobIds && { blobIds }),
  };
}

/** Modes whose hits are the lines that match, not chunks. */
export function matchesLines(mode: SearchMode): boolean {
  return mode === 'literal' || mode === 'regex';
}

/** Modes in which paths, and the types that hold what was found, take part. */
export function ranksByNames(mode: SearchMode): boolean {
  return mode === 'hybrid' || mode === 'semantic';
}

export function snapshotsOf({ refs }: Target): number[] {
  return refs.map((ref) => ref.snapshotId);
}

/** The lists of those lookups that asked for one, and empty ones for the others, whose query is null. */
export function spread<Row>(asked: readonly unknown[], lists: Row[][]): Row[][] {
  let next = 0;
  return asked.map((query) => (query === null ? [] : lists[next++]!));
}
