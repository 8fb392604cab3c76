/** What training reads of a repository: a git directory, with or without a work tree. */
import { execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** Nothing is fetched, and no configuration but the repository's own is read. */
const ENV = {
  ...process.env,
  GIT_NO_LAZY_FETCH: '1',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  LC_ALL: 'C',
};
const MAX_OUTPUT = 1 << 29;

export async function git(directory: string, ...args: string[]): Promise<string> {
  const { stdout } = await run('git', ['-C', directory, ...args], { env: ENV, maxBuffer: MAX_OUTPUT });
  return stdout;
}

/** The same, but what came out before an object was missing, or before it was too much, is enough: a partial clone ends there. */
export async function gitWhileComplete(directory: string, ...args: string[]): Promise<string> {
  try {
    return await git(directory, ...args);
  } catch (error) {
    const { code, stdout, stderr } = error as { code?: unknown; stdout?: string; stderr?: string };
    if (stdout !== undefined && code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') return stdout;
    if (stdout !== undefined && /unable to read|missing|not our ref|promisor/i.test(stderr ?? ''))
      return stdout;
    throw error;
  }
}

export interface TreeFile {
  path: string;
  mode: number;
  oid: string;
  size: number;
}

/** The files of a commit, in the order of git. Names with control characters are left out. */
export async function filesOf(directory: string, commit: string): Promise<TreeFile[]> {
  const listing = await git(directory, 'ls-tree', '-r', '-l', '-z', commit);
  return listing.split('\0').flatMap((line) => {
    const found = /^(\d+) blob (\w+) +(\d+)\t([^\n\t]+)$/.exec(line);
    if (!found) return [];
    return [{ mode: Number.parseInt(found[1]!, 8), oid: found[2]!, size: Number(found[3]), path: found[4]! }];
  });
}

/** The bytes of blobs, in order; null for one that the repository lacks. */
export async function* blobsOf(
  directory: string,
  oids: readonly string[],
): AsyncGenerator<Uint8Array | null, void> {
  if (oids.length === 0) return;
  const child = spawn('git', ['-C', directory, 'cat-file', '--batch'], {
    env: ENV,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  child.stdin.end(`${oids.join('\n')}\n`);
  const output = child.stdout[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let held = Buffer.alloc(0);
  const more = async () => {
    const next = await output.next();
    if (next.done) throw new Error(`git cat-file ended early in ${directory}`);
    return next.value;
  };
  const take = async (length: number) => {
    const pieces = [held];
    for (let have = held.length; have < length; ) {
      const piece = await more();
      pieces.push(piece);
      have += piece.length;
    }
    const all = pieces.length === 1 ? held : Buffer.concat(pieces);
    held = all.subarray(length);
    return all.subarray(0, length);
  };
  for (const _ of oids) {
    let end = held.indexOf(10);
    while (end < 0) {
      held = Buffer.concat([held, await more()]);
      end = held.indexOf(10);
    }
    const header = (await take(end + 1)).toString('latin1');
    const size = /blob (\d+)\n$/.exec(header)?.[1];
    if (size === undefined) yield null;
    else yield (await take(Number(size) + 1)).subarray(0, -1);
  }
}
