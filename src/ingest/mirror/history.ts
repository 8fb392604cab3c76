/** How much history the mirror holds, to tell whether a deeper fetch is needed. */
import type { ObjectStore, ObjectType } from './object-store.ts';
import { parseCommit, parseTag } from './trees.ts';

const MAX_VISITED = 20_000;
const MAX_OBJECT_BYTES = 8 * 1024 * 1024;

/**
 * True when not all commits within `depth` generations of `oid` (itself being the first; 0 = all) are held.
 * @param oid     a commit, or a tag that leads to one.
 * @param shallow commits whose parents the mirror lacks.
 */
export async function lacksHistory(
  objects: ObjectStore,
  oid: string,
  depth: number,
  shallow: Iterable<string>,
): Promise<boolean> {
  const boundary = new Set(shallow);
  const { oid: commit, type } = await peel(objects, oid);
  if (type !== 'commit') return true;
  // Whole history: with a boundary anywhere there is something to ask for, and asking once removes it.
  if (depth === 0) return boundary.size > 0;
  const seen = new Set([commit]);
  let level = [commit];
  for (let generation = 1; generation < depth && level.length > 0; generation++) {
    const parents = await parentsOf(objects, level, boundary);
    if (parents === null) return true;
    level = parents.filter((parent) => !seen.has(parent));
    for (const parent of level) seen.add(parent);
    if (seen.size > MAX_VISITED) return true;
  }
  return (await objects.info(level)).size < level.length;
}

/**
 * The commits among `candidates` (the `shallow` lists of all packs) that are held while a parent is not. Judged by what
 * is there rather than kept as a list: two syncs at once each know only their own end of it, and claiming a parent
 * that is missing would make the remote leave out files that we lack.
 */
export async function shallowBoundary(objects: ObjectStore, candidates: Iterable<string>): Promise<string[]> {
  const parents = new Map<string, string[]>();
  for await (const { oid, type, bytes } of objects.readMany([...new Set(candidates)])) {
    if (type === 'commit') parents.set(oid, parseCommit(bytes).parents);
  }
  const held = await objects.info([...new Set([...parents.values()].flat())]);
  return [...parents].filter(([, of]) => of.some((parent) => !held.has(parent))).map(([oid]) => oid);
}

const MAX_TAGS = 8;

/**
 * What `oid` is or leads to through annotated tags, as far as eight of them go; `type` is null when that is missing.
 * @throws MirrorError `corrupt` for a tag that cannot be read
 */
export async function peel(
  objects: ObjectStore,
  oid: string,
): Promise<{ oid: string; type: ObjectType | null }> {
  let at = oid;
  for (let hop = 0; ; hop++) {
    const type = (await objects.info([at])).get(at)?.type ?? null;
    const tag = type === 'tag' && hop < MAX_TAGS ? await objects.read(at, MAX_OBJECT_BYTES) : null;
    if (!tag) return { oid: at, type };
    at = parseTag(tag.bytes).object;
  }
}

/** Distinct parents of the commits; null when one of them is missing or withheld. */
async function parentsOf(
  objects: ObjectStore,
  commits: string[],
  boundary: Set<string>,
): Promise<string[] | null> {
  if (commits.some((oid) => boundary.has(oid))) return null;
  const parents = new Set<string>();
  let read = 0;
  for await (const { bytes } of objects.readMany(commits)) {
    read++;
    for (const parent of parseCommit(bytes).parents) parents.add(parent);
  }
  return read < commits.length ? null : [...parents];
}
