/**
 * Walks the tree of a commit, level by level, so that a level's trees come in a few coalesced reads, and stops where
 * an earlier snapshot of the same config already holds the directory with all below it.
 */
import { Problem } from '../../errors.ts';
import { blobKey, type KnownBlob, knownBlobs } from '../../store/index-blobs.ts';
import { type DirKey, type DirStats, knownDirs, type NewEntry, TREE_MODE } from '../../store/index-dirs.ts';
import type { RepoScope } from '../../store/scope.ts';
import type { ObjectInfo, ObjectStore } from '../mirror/object-store.ts';
import { parseCommit, readTree, SUBMODULE_MODE, SYMLINK_MODE, type Tree } from '../mirror/trees.ts';
import { skipReason } from '../parse/classify.ts';
import type { SkipReason } from '../parse/facts.ts';
import { displayLanguage, languageOf } from '../parse/languages.ts';

export interface WalkLimits {
  /** Entries of all directories read. A pack of some kilobytes can describe millions. */
  entries: number;
  depth: number;
  pathBytes: number;
}

export const WALK_LIMITS: WalkLimits = { entries: 300_000, depth: 256, pathBytes: 4096 };

export interface WalkedEntry extends NewEntry {
  /** What the bytes of a blob that is parsed already ruled out. */
  blobSkipped: SkipReason | null;
}

/** A directory that has to be written. */
export interface WalkedDir extends DirKey {
  entries: WalkedEntry[];
  /** Names that no checkout may have (`..`, `.git`): counted as skipped, never stored. */
  refused: readonly string[];
}

export interface Walk {
  treeOid: string;
  /** Directories to write, parents before children. */
  dirs: WalkedDir[];
  /** Subtrees that are there, with their totals, by path. */
  kept: Map<string, DirKey & { stats: DirStats }>;
  /** Where blobs to parse begin in their pack, by oid. */
  positions: Map<string, number>;
}

export interface WalkOptions {
  config: string;
  /** Whether a path is to be indexed at all. */
  included: (path: string) => boolean;
  /** False reads every directory, also those that are there. */
  reuse?: boolean;
  limits?: WalkLimits;
}

interface Stores {
  shard: D1Database;
  objects: ObjectStore;
}

/** @throws Problem `unprocessable` when the commit or a tree cannot be used: missing, malformed, or past a limit. */
export async function walkCommit(
  stores: Stores,
  scope: RepoScope,
  commit: string,
  options: WalkOptions,
): Promise<Walk> {
  const treeOid = await treeOf(stores.objects, commit);
  const limits = options.limits ?? WALK_LIMITS;
  const walk: Walk = { treeOid, dirs: [], kept: new Map(), positions: new Map() };
  let level: DirKey[] = [{ path: '', treeOid }];
  let entries = 0;
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > limits.depth) throw refused(`directories are nested deeper than ${limits.depth}`);
    const unread = await withoutKnown(stores.shard, scope, level, options, walk);
    const trees = await readTrees(stores.objects, unread);
    const read: WalkedDir[] = [];
    for (const dir of unread) {
      const tree = trees.get(dir.treeOid)!;
      entries += tree.entries.length;
      if (entries > limits.entries) throw refused(`it has more than ${limits.entries} files and directories`);
      read.push({ ...dir, entries: tree.entries.map(walked), refused: tree.refused });
    }
    await classify(stores, scope, read, options, walk);
    for (const dir of read) walk.dirs.push(dir);
    level = read.flatMap((dir) => subdirectories(dir, limits));
  }
  return walk;
}

/** The tree a commit (or a tag that leads to one) names. */
async function treeOf(objects: ObjectStore, commit: string): Promise<string> {
  const object = await objects.read(commit, MAX_COMMIT_BYTES);
  if (!object) throw refused(`its commit ${commit} is not in the mirror`);
  if (object.type !== 'commit') throw refused(`${commit} is a ${object.type}, not a commit`);
  return parseCommit(object.bytes).tree;
}

const MAX_COMMIT_BYTES = 8 * 1024 * 1024;

async function withoutKnown(
  shard: D1Database,
  scope: RepoScope,
  level: DirKey[],
  options: WalkOptions,
  walk: Walk,
): Promise<DirKey[]> {
  if (options.reuse === false) return level;
  const known = await knownDirs(shard, scope, options.config, level);
  for (const dir of level) {
    const stats = known.get(dir.path);
    if (stats) walk.kept.set(dir.path, { ...dir, stats });
  }
  return level.filter((dir) => !known.has(dir.path));
}

/** Equal trees are read once and their entries shared: that is how small packs describe huge trees. */
async function readTrees(objects: ObjectStore, dirs: readonly DirKey[]): Promise<Map<string, Tree>> {
  const trees = new Map<string, Tree>();
  const wanted = new Map(dirs.map((dir) => [dir.treeOid, dir.path]));
  if (wanted.size === 0) return trees;
  for await (const object of objects.readMany([...wanted.keys()])) {
    if (object.type !== 'tree')
      throw refused(`${shown(wanted.get(object.oid))} is a ${object.type}, not a tree`);
    trees.set(object.oid, readTree(object.bytes));
  }
  for (const [oid, path] of wanted) {
    if (!trees.has(oid)) throw refused(`the tree of ${shown(path)} (${oid}) is not in the mirror`);
  }
  return trees;
}

function walked(entry: Tree['entries'][number]): WalkedEntry {
  const { name, mode, oid } = entry;
  return { name, mode, oid, size: null, lang: null, skipped: null, blob: null, blobSkipped: null };
}

function subdirectories(dir: WalkedDir, limits: WalkLimits): DirKey[] {
  const found: DirKey[] = [];
  for (const entry of dir.entries) {
    if (entry.mode !== TREE_MODE) continue;
    const path = `${dir.path}${entry.name}/`;
    if (path.length * 3 > limits.pathBytes && Buffer.byteLength(path) > limits.pathBytes) {
      throw refused(`a path is longer than ${limits.pathBytes} bytes`);
    }
    found.push({ path, treeOid: entry.oid });
  }
  return found;
}

/** Objects and blobs are looked up for so many entries at a time. */
const CLASSIFIED_AT_ONCE = 5_000;

/** Fills in what is known of each file without parsing it: size, language, a reason to skip it, its parsed blob. */
async function classify(
  stores: Stores,
  scope: RepoScope,
  dirs: readonly WalkedDir[],
  options: WalkOptions,
  walk: Walk,
): Promise<void> {
  const absent = (await stores.objects.unresolvedCount()) > 0 ? 'unresolved-delta' : 'missing';
  for (const files of slices(filesOf(dirs), CLASSIFIED_AT_ONCE)) {
    const infos = await stores.objects.info([...new Set(files.filter(isBlob).map(({ entry }) => entry.oid))]);
    const toParse: { entry: WalkedEntry; lang: string }[] = [];
    for (const { path, entry } of files) {
      const info = infos.get(entry.oid);
      entry.size = isBlob({ entry }) ? (info?.size ?? null) : null;
      entry.skipped = reasonFor(path, entry, info, options.included, absent);
      if (entry.mode === SUBMODULE_MODE) continue;
      if (entry.mode !== SYMLINK_MODE) entry.lang = languageOf(path);
      if (entry.skipped === null && entry.lang !== null) toParse.push({ entry, lang: entry.lang });
    }
    const known = await knownBlobs(stores.shard, scope, distinct(toParse));
    for (const { entry, lang } of toParse) {
      const blob = known.get(blobKey({ oid: entry.oid, lang }));
      setBlob(entry, blob);
      const info = infos.get(entry.oid);
      if (!blob && info) walk.positions.set(entry.oid, info.position);
    }
  }
}

function setBlob(entry: WalkedEntry, blob: KnownBlob | undefined): void {
  entry.blob = blob?.id ?? null;
  entry.blobSkipped = blob?.skipped ?? null;
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

function shown(path: string | undefined): string {
  return path ? `"${path.slice(0, 200)}"` : 'the root';
}

function refused(reason: string): Problem {
  return new Problem('unprocessable', `The tree cannot be indexed: ${reason}.`, {
    members: { reason: 'tree_refused' },
  });
}

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
