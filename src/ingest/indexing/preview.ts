import { TREE_MODE } from '../../store/index-dirs.ts';
import type { RepoScope } from '../../store/scope.ts';
import type { SkipReason } from '../parse/facts.ts';
import { displayLanguage } from '../parse/languages.ts';
import { snapshotConfig } from './config.ts';
import { globFilter } from './globs.ts';
import { batches, type IndexingDeps, missingBlobs } from './plan.ts';
import { totals } from './totals.ts';
import { type Walk, type WalkLimits, walkCommit } from './walk.ts';

const MAX_EXAMPLES = 20;

/** What a sync of a ref would do, before doing it. */
export interface Preview {
  ref: string;
  commitSha: string;
  /** Files, symlinks and submodules of the commit. */
  files: number;
  /** Files that will have chunks, those that are indexed already included; languages as they are shown, largest first. */
  willIndex: { files: number; bytes: number; byLanguage: Record<string, { files: number; bytes: number }> };
  /** Of those, files whose content is parsed already. */
  alreadyIndexed: { files: number };
  skipped: { reason: SkipReason; files: number; examples: string[] }[];
  /** What is left to be done: distinct contents, their bytes, and the messages they come to. */
  cost: { blobs: number; bytes: number; batches: number };
}

/**
 * Computed by the same walk as a sync, over every directory, from flags taken at intake: no blob is read.
 * @throws Problem `unprocessable` when the tree would be refused
 */
export async function previewSnapshot(
  deps: Pick<IndexingDeps, 'shard' | 'objects'>,
  scope: RepoScope,
  target: { ref: string; commit: string; globs: readonly string[] | null },
  limits?: WalkLimits,
): Promise<Preview> {
  const config = snapshotConfig(target.globs);
  const walk = await walkCommit(deps, scope, target.commit, {
    config,
    included: globFilter(target.globs),
    reuse: false,
    limits,
  });
  const missing = missingBlobs(walk);
  const { skipped, languages, alreadyIndexed } = tally(walk);
  const stats = totals(walk).get('');
  return {
    ref: target.ref,
    commitSha: target.commit,
    files: stats?.files ?? 0,
    willIndex: { files: stats?.indexed ?? 0, bytes: stats?.bytes ?? 0, byLanguage: sorted(languages) },
    alreadyIndexed: { files: alreadyIndexed },
    skipped: [...skipped].map(([reason, { files, examples }]) => ({ reason, files, examples })),
    cost: {
      blobs: missing.length,
      bytes: missing.reduce((sum, blob) => sum + blob.size, 0),
      batches: batches(missing).length,
    },
  };
}

function tally(walk: Walk) {
  const skipped = new Map<SkipReason, { files: number; examples: string[] }>();
  const languages = new Map<string, { files: number; bytes: number }>();
  let alreadyIndexed = 0;
  const skip = (reason: SkipReason, path: string) => {
    const there = skipped.get(reason) ?? { files: 0, examples: [] };
    there.files++;
    if (there.examples.length < MAX_EXAMPLES) there.examples.push(path);
    skipped.set(reason, there);
  };
  for (const dir of walk.dirs) {
    for (const name of dir.refused) skip('unsafe-name', dir.path + name);
    for (const entry of dir.entries) {
      if (entry.mode === TREE_MODE) continue;
      const reason = entry.skipped ?? entry.blobSkipped;
      if (reason) {
        skip(reason, dir.path + entry.name);
        continue;
      }
      if (entry.blob !== null) alreadyIndexed++;
      const language = displayLanguage(entry.lang ?? 'text');
      const there = languages.get(language) ?? { files: 0, bytes: 0 };
      there.files++;
      there.bytes += entry.size ?? 0;
      languages.set(language, there);
    }
  }
  return { skipped, languages, alreadyIndexed };
}

function sorted(
  languages: Map<string, { files: number; bytes: number }>,
): Preview['willIndex']['byLanguage'] {
  return Object.fromEntries([...languages].sort(([a, x], [b, y]) => y.bytes - x.bytes || (a < b ? -1 : 1)));
}
