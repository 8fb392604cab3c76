/**
 * Walks the tree of a commit, level by level, so that a level's trees come in a few coalesced reads, and stops where
 * an earlier snapshot of the same config already holds the directory with all below it.
 */
import { Problem } from '../../errors.ts';
import {
  type DirKey,
  type DirStats,
  hasDirs,
  knownDirs,
  type NewEntry,
  TREE_MODE,
} from '../../store/index-dirs.ts';
import type { RepoScope } from '../../store/scope.ts';
import type { ObjectStore } from '../mirror/object-store.ts';
import { parseCommit, readTree, type Tree } from '../mirror/trees.ts';
import type { SkipReason } from '../parse/facts.ts';
import { classifyFiles } from './classify-files.ts';

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
  const reuse = options.reuse !== false && (await hasDirs(stores.shard, scope));
  const walk: Walk = { treeOid, dirs: [], kept: new Map(), positions: new Map() };
  let level: DirKey[] = [{ path: '', treeOid }];
  let entries = 0;
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > limits.depth) throw refused(`directories are nested deeper than ${limits.depth}`);
    const unread = reuse ? await withoutKnown(stores.shard, scope, level, options.config, walk) : level;
    const trees = await readTrees(stores.objects, unread);
    const read: WalkedDir[] = [];
    for (const dir of unread) {
      const tree = trees.get(dir.treeOid)!;
      entries += tree.entries.length;
      if (entries > limits.entries) throw refused(`it has more than ${limits.entries} files and directories`);
      read.push({ ...dir, entries: tree.entries.map(walked), refused: tree.refused });
    }
    for (const dir of read) walk.dirs.push(dir);
    level = read.flatMap((dir) => subdirectories(dir, limits));
  }
  await classifyFiles(stores, scope, walk, options.included);
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
  config: string,
  walk: Walk,
): Promise<DirKey[]> {
  const known = await knownDirs(shard, scope, config, level);
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

function shown(path: string | undefined): string {
  return path ? `"${path.slice(0, 200)}"` : 'the root';
}

function refused(reason: string): Problem {
  return new Problem('unprocessable', `The tree cannot be indexed: ${reason}.`, {
    members: { reason: 'tree_refused' },
  });
}
