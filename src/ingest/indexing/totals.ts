import { type DirStats, TREE_MODE } from '../../store/index-dirs.ts';
import type { SkipReason } from '../parse/facts.ts';
import { displayLanguage } from '../parse/languages.ts';
import type { Walk, WalkedEntry } from './walk.ts';

/** Totals of every walked directory, by path; those of kept subtrees go into them. A blob yet to be parsed counts as indexed. */
export function totals(walk: Walk): Map<string, DirStats> {
  const byPath = new Map<string, DirStats>();
  for (const [path, dir] of walk.kept) byPath.set(path, dir.stats);
  for (let at = walk.dirs.length - 1; at >= 0; at--) {
    const dir = walk.dirs[at]!;
    const stats: DirStats = { dirs: 1, files: 0, indexed: 0, bytes: 0, skipped: {}, languages: {} };
    if (dir.refused.length > 0) {
      stats.files = dir.refused.length;
      stats.skipped['unsafe-name'] = dir.refused.length;
    }
    for (const entry of dir.entries) {
      if (entry.mode === TREE_MODE) addStats(stats, byPath.get(`${dir.path}${entry.name}/`));
      else addFile(stats, entry);
    }
    byPath.set(dir.path, stats);
  }
  return byPath;
}

function addFile(stats: DirStats, entry: WalkedEntry): void {
  stats.files++;
  const reason = entry.skipped ?? entry.blobSkipped;
  if (reason) {
    stats.skipped[reason] = (stats.skipped[reason] ?? 0) + 1;
    return;
  }
  const size = entry.size ?? 0;
  const language = displayLanguage(entry.lang ?? 'text');
  stats.indexed++;
  stats.bytes += size;
  stats.languages[language] = (stats.languages[language] ?? 0) + size;
}

function addStats(into: DirStats, child: DirStats | undefined): void {
  if (!child) throw new Error('a directory was counted before its children');
  into.dirs += child.dirs;
  into.files += child.files;
  into.indexed += child.indexed;
  into.bytes += child.bytes;
  for (const [reason, files] of Object.entries(child.skipped)) {
    const key = reason as SkipReason;
    into.skipped[key] = (into.skipped[key] ?? 0) + files;
  }
  for (const [language, bytes] of Object.entries(child.languages)) {
    into.languages[language] = (into.languages[language] ?? 0) + bytes;
  }
}
