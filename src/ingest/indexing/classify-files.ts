import { blobKey } from '../../store/blob-rows.ts';
import { knownBlobs } from '../../store/index-blobs.ts';
import { TREE_MODE } from '../../store/index-dirs.ts';
import type { RepoScope } from '../../store/scope.ts';
import type { ObjectInfo, ObjectStore } from '../mirror/object-store.ts';
import { SUBMODULE_MODE, SYMLINK_MODE } from '../mirror/trees.ts';
import { skipReason } from '../parse/classify.ts';
import type { SkipReason } from '../parse/facts.ts';
import { languageOf } from '../parse/languages.ts';
import type { Walk, WalkedDir, WalkedEntry } from './walk.ts';

/** Objects and blobs are looked up for so many entries at a time. */
const FILES_AT_ONCE = 5_000;

/** Fills in what is known of each file without parsing it: size, language, a reason to skip it, its parsed blob. */
export async function classifyFiles(
  stores: { shard: D1Database; objects: ObjectStore },
  scope: RepoScope,
  walk: Pick<Walk, 'dirs' | 'positions'>,
  included: (path: string) => boolean,
): Promise<void> {
  const absent = (await stores.objects.unresolvedCount()) > 0 ? 'unresolved-delta' : 'missing';
  for (const files of slices(filesOf(walk.dirs), FILES_AT_ONCE)) {
    const infos = await stores.objects.info([...new Set(files.filter(isBlob).map(({ entry }) => entry.oid))]);
    const toParse: { entry: WalkedEntry; lang: string }[] = [];
    for (const file of files) {
      const { path, entry } = file;
      const info = infos.get(entry.oid);
      if (isBlob(file)) entry.size = info?.size ?? null;
      if (isBlob(file) && entry.mode !== SYMLINK_MODE) entry.lang = languageOf(path);
      entry.skipped = reasonFor(path, entry, info, included, absent);
      if (entry.skipped === null && entry.lang !== null) toParse.push({ entry, lang: entry.lang });
    }
    const known = await knownBlobs(stores.shard, scope, distinct(toParse));
    for (const { entry, lang } of toParse) {
      const blob = known.get(blobKey({ oid: entry.oid, lang }));
      entry.blob = blob?.id ?? null;
      entry.blobSkipped = blob?.skipped ?? null;
      const info = infos.get(entry.oid);
      if (!blob && info) walk.positions.set(entry.oid, info.position);
    }
  }
}

function* distinct(
  files: readonly { entry: WalkedEntry; lang: string }[],
): Generator<{ oid: string; lang: string }> {
  const seen = new Set<string>();
  for (const { entry, lang } of files) {
    const key = blobKey({ oid: entry.oid, lang });
    if (seen.has(key)) continue;
    seen.add(key);
    yield { oid: entry.oid, lang };
  }
}

const isBlob = ({ entry }: { entry: WalkedEntry }) =>
  entry.mode !== SUBMODULE_MODE && entry.mode !== TREE_MODE;

/** Why a file will have no chunks, as far as its path, mode, size and the flags taken at intake tell. */
function reasonFor(
  path: string,
  entry: WalkedEntry,
  info: ObjectInfo | undefined,
  included: (path: string) => boolean,
  absent: SkipReason,
): SkipReason | null {
  if (!included(path)) return 'glob';
  if (entry.mode === SUBMODULE_MODE) return 'submodule';
  // Before what the path says: this file cannot be had at all.
  if (info?.type !== 'blob') return absent;
  return skipReason(path, entry.mode, info.size, info.flags);
}

function* filesOf(dirs: readonly WalkedDir[]): Generator<{ path: string; entry: WalkedEntry }> {
  for (const dir of dirs) {
    for (const entry of dir.entries) {
      if (entry.mode !== TREE_MODE) yield { path: dir.path + entry.name, entry };
    }
  }
}

function* slices<T>(items: Iterable<T>, size: number): Generator<T[]> {
  let open: T[] = [];
  for (const item of items) {
    open.push(item);
    if (open.length === size) {
      yield open;
      open = [];
    }
  }
  if (open.length > 0) yield open;
}
