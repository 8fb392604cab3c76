/** Commits made of changes to paths, without a work tree: renames by letter case and hostile names work on every disk. */
import { inject } from 'vitest';
import { git } from '../../support/git.ts';

/** A change as `git fast-import` takes it. */
export type Change = (string | Uint8Array)[];

const quoted = (path: string) => `"${path.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n')}"`;

export type FileMode = '100644' | '100755' | '120000';

export function file(path: string, content: string | Uint8Array, mode: FileMode = '100644'): Change {
  const bytes = Buffer.from(content);
  return [`M ${mode} inline ${quoted(path)}\ndata ${bytes.length}\n`, bytes, '\n'];
}
export const symlink = (path: string, target: string): Change => file(path, target, '120000');
/** An entry of an object that the repository has: a blob in another mode, a directory of another commit, a submodule. */
export const entry = (path: string, mode: FileMode | '040000' | '160000', oid: string): Change => [
  `M ${mode} ${oid} ${quoted(path)}\n`,
];
export const removed = (path: string): Change => [`D ${quoted(path)}\n`];
export const renamed = (from: string, to: string): Change => [`R ${quoted(from)} ${quoted(to)}\n`];
export const copied = (from: string, to: string): Change => [`C ${quoted(from)} ${quoted(to)}\n`];

export interface TreeLine {
  mode: string;
  type: string;
  oid: string;
  /** `-` for a submodule. */
  size: string;
  path: string;
}

/** A bare repository of the test server. */
export interface History {
  url: string;
  git(...args: string[]): Promise<string>;
  /**
   * Commits changes on a branch and moves it, by force where it must.
   * @param options.from the parent; null for none, absent for the branch as it is
   * @param options.merge another parent
   */
  commit(
    changes: Change[],
    options?: { branch?: string; from?: string | null; merge?: string },
  ): Promise<string>;
  /** Moves a branch to a commit. */
  move(branch: string, commit: string): Promise<void>;
  /** What `git ls-tree -r -l` says, in its order. */
  files(commit: string): Promise<TreeLine[]>;
  /** What `git cat-file` says of blobs, by oid. */
  blobs(oids: readonly string[]): Promise<Map<string, Uint8Array>>;
  /** Stores a package of the lockfile's, as it was published, as a tree. */
  packageTree(name: string): Promise<string>;
}

export async function createHistory(name: string): Promise<History> {
  const { url, packages, root } = inject('gitServer');
  const cwd = `${name}.git`;
  await git(['init', '-q', '--bare', '-b', 'main', cwd]);
  const tips = new Map<string, string>();
  let commits = 0;
  const run = async (...args: string[]) => (await git(args, { cwd })).stdout;
  return {
    url: `${url}/${name}.git`,
    git: run,
    async commit(changes, { branch = 'main', from = tips.get(branch) ?? null, merge } = {}) {
      commits++;
      const head = `commit refs/heads/${branch}\nmark :1\ncommitter Test <test@example.com> ${1_767_225_600 + commits} +0000\ndata 0\n`;
      const reset = from === null ? [`reset refs/heads/${branch}\n`] : [];
      const parent = from === null ? [] : [`from ${from}\n`];
      const stream = [
        ...reset,
        head,
        ...parent,
        ...(merge ? [`merge ${merge}\n`] : []),
        ...changes.flat(),
        '\nget-mark :1\n',
      ];
      const input = Buffer.concat(stream.map((part) => Buffer.from(part))).toString('base64');
      const { stdout } = await git(['fast-import', '--quiet', '--force', '--date-format=raw'], {
        cwd,
        input,
      });
      const oid = stdout.trim();
      tips.set(branch, oid);
      return oid;
    },
    async move(branch, commit) {
      await run('update-ref', `refs/heads/${branch}`, commit);
      tips.set(branch, commit);
    },
    async files(commit) {
      const listed = (await run('ls-tree', '-r', '-l', '-z', '--full-tree', commit))
        .split('\0')
        .filter(Boolean);
      return listed.map((line) => {
        const [, mode = '', type = '', oid = '', size = '', path = ''] =
          /^(\d+) (\w+) (\w+) +(\S+)\t(.*)$/s.exec(line) ?? [];
        return { mode, type, oid, size, path };
      });
    },
    async blobs(oids) {
      if (oids.length === 0) return new Map();
      const input = Buffer.from(`${oids.join('\n')}\n`).toString('base64');
      const { stdoutBase64 } = await git(['cat-file', '--batch'], { cwd, input });
      const bytes = Buffer.from(stdoutBase64, 'base64');
      const found = new Map<string, Uint8Array>();
      for (let at = 0; at < bytes.length; ) {
        const end = bytes.indexOf(10, at);
        const [oid = '', , size = ''] = bytes.toString('latin1', at, end).split(' ');
        found.set(oid, bytes.subarray(end + 1, end + 1 + Number(size)));
        at = end + 2 + Number(size);
      }
      return found;
    },
    async packageTree(name) {
      const dir = `${root}/${cwd}`;
      const env = {
        GIT_DIR: dir,
        GIT_WORK_TREE: `${packages}/${name}`,
        GIT_INDEX_FILE: `${dir}/index-of-${name}`,
      };
      await git(['-c', 'core.fileMode=false', '-c', 'core.autocrlf=false', 'add', '-A', '-f'], { cwd, env });
      return (await git(['write-tree'], { cwd, env })).stdout.trim();
    },
  };
}
