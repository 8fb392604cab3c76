/** Git's object formats: trees, commits, tags. Total functions over hostile bytes: what cannot be read is an error that says so. */
import { MirrorError } from './mirror-error.ts';
import { isOid, oidToHex } from './oid.ts';

export interface TreeEntry {
  /** 0o040000 tree, 0o100644 file, 0o100755 executable, 0o120000 symlink, 0o160000 submodule. */
  mode: number;
  name: string;
  oid: string;
}

export interface Tree {
  entries: TreeEntry[];
  /** Names that no checkout may have (`..`, `.git`, with a `/` or NUL …), as the tree spells them: left out, reported. */
  refused: string[];
}

export const TREE_MODE = 0o040000;
export const SYMLINK_MODE = 0o120000;
export const SUBMODULE_MODE = 0o160000;

/** More entries than any directory of a real repository has; each costs the index a row. */
export const MAX_TREE_ENTRIES = 200_000;
/** As ext4, NTFS and APFS have it. */
const MAX_NAME_BYTES = 4096;

/** A byte order mark is part of a name like any other character. */
const decoder = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true });

/** Reads a tree. @throws MirrorError `corrupt` when it is malformed or has too many entries */
export function readTree(bytes: Uint8Array): Tree {
  const tree: Tree = { entries: [], refused: [] };
  const names = new Set<string>();
  let at = 0;
  while (at < bytes.length) {
    const space = bytes.indexOf(32, at);
    const nul = space < 0 ? -1 : bytes.indexOf(0, space + 1);
    if (space < 0 || nul < 0 || nul + 21 > bytes.length || space - at > 7) throw corrupt('tree');
    const mode = octal(bytes, at, space);
    const name = decoder.decode(bytes.subarray(space + 1, nul));
    const oid = oidToHex(bytes.subarray(nul + 1, nul + 21));
    at = nul + 21;
    if (!isSafeName(name) || nul - space > MAX_NAME_BYTES || names.has(name))
      tree.refused.push(name.slice(0, 200));
    else {
      names.add(name);
      tree.entries.push({ mode: canonical(mode), name, oid });
    }
    if (tree.entries.length + tree.refused.length > MAX_TREE_ENTRIES) {
      throw new MirrorError('refused', `A directory holds more than ${MAX_TREE_ENTRIES} entries.`);
    }
  }
  return tree;
}

/** The entries of a tree, without those whose names are refused. @throws as `readTree` */
export function parseTree(bytes: Uint8Array): TreeEntry[] {
  return readTree(bytes).entries;
}

export interface Commit {
  tree: string;
  parents: string[];
  /** `Name <mail>`, as written. */
  author: string;
  committer: string;
  /** Of the committer, ISO 8601 UTC; the epoch when it cannot be read. */
  time: string;
  message: string;
}

const MAX_MESSAGE = 64 * 1024;

/** Reads a commit. @throws MirrorError `corrupt` */
export function parseCommit(bytes: Uint8Array): Commit {
  const { headers, message } = parseHeaders(bytes);
  const tree = headers.find(([key]) => key === 'tree')?.[1] ?? '';
  const parents = headers.filter(([key]) => key === 'parent').map(([, value]) => value);
  if (![tree, ...parents].every(isOid)) throw corrupt('commit');
  const committer = headers.find(([key]) => key === 'committer')?.[1] ?? '';
  return {
    tree,
    parents,
    author: personOf(headers.find(([key]) => key === 'author')?.[1] ?? ''),
    committer: personOf(committer),
    time: timeOf(committer),
    message: message.slice(0, MAX_MESSAGE),
  };
}

export interface Tag {
  object: string;
  type: string;
  name: string;
  message: string;
}

/** Reads an annotated tag. @throws MirrorError `corrupt` */
export function parseTag(bytes: Uint8Array): Tag {
  const { headers, message } = parseHeaders(bytes);
  const field = (name: string) => headers.find(([key]) => key === name)?.[1] ?? '';
  if (!isOid(field('object'))) throw corrupt('tag');
  return {
    object: field('object'),
    type: field('type'),
    name: field('tag'),
    message: message.slice(0, MAX_MESSAGE),
  };
}

function parseHeaders(bytes: Uint8Array): { headers: [string, string][]; message: string } {
  const text = decoder.decode(bytes);
  const end = text.indexOf('\n\n');
  const head = end < 0 ? text : text.slice(0, end);
  const headers = head
    .split('\n')
    // Continuation lines belong to signatures and merge tags, which nobody here reads.
    .filter((line) => !line.startsWith(' '))
    .map((line): [string, string] => {
      const space = line.indexOf(' ');
      return space < 0 ? [line, ''] : [line.slice(0, space), line.slice(space + 1)];
    });
  return { headers, message: end < 0 ? '' : text.slice(end + 2) };
}

function personOf(line: string): string {
  return line.replace(/ -?\d+ [+-]\d{4}$/, '').slice(0, 500);
}

function timeOf(line: string): string {
  const seconds = Number(/ (-?\d{1,12}) [+-]\d{4}$/.exec(line)?.[1] ?? 0);
  const date = new Date(seconds * 1000);
  return (Number.isNaN(date.getTime()) ? new Date(0) : date).toISOString();
}

/** Old trees have 100664 and the like; git reads them as these. */
function canonical(mode: number): number {
  const kind = mode & 0o170000;
  if (kind === TREE_MODE || kind === SYMLINK_MODE || kind === SUBMODULE_MODE) return kind;
  return mode & 0o100 ? 0o100755 : 0o100644;
}

function isSafeName(name: string): boolean {
  if (name === '' || name === '.' || name === '..' || name.includes('/')) return false;
  return name.toLowerCase() !== '.git';
}

function octal(bytes: Uint8Array, from: number, to: number): number {
  let value = 0;
  for (let i = from; i < to; i++) {
    const digit = bytes[i]! - 48;
    if (digit < 0 || digit > 7) throw corrupt('tree');
    value = value * 8 + digit;
  }
  return value;
}

function corrupt(what: string): MirrorError {
  return new MirrorError('corrupt', `A ${what} of the repository is malformed.`);
}
