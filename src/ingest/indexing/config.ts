import { createHash } from 'node:crypto';
import { INDEX_VERSION } from '../parse/facts.ts';

/**
 * What, with the commit, makes a snapshot: the globs as a set and the version of the facts.
 * No globs and an empty list are the same.
 */
export function snapshotConfig(globs: readonly string[] | null): string {
  const set = [...new Set(globs ?? [])].sort();
  return createHash('sha256')
    .update(JSON.stringify([INDEX_VERSION, set]))
    .digest('hex')
    .slice(0, 32);
}
