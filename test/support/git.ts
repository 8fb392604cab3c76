import { inject } from 'vitest';

/** Runs git below the test server's root; throws with stderr when it fails. Works inside workerd and Node alike. */
export async function git(
  args: string[],
  options: { cwd?: string; input?: string; env?: Record<string, string> } = {},
) {
  const { adminUrl } = inject('gitServer');
  const response = await fetch(`${adminUrl}/exec`, {
    method: 'POST',
    body: JSON.stringify({ args, ...options }),
  });
  const result = (await response.json()) as {
    code: number;
    stdout: string;
    stderr: string;
    stdoutBase64: string;
  };
  if (result.code !== 0) throw new Error(`git ${args.join(' ')}: ${result.stderr}`);
  return result;
}

/** Writes a file below the test server's root. */
export async function write(path: string, content: string | Uint8Array): Promise<void> {
  const { adminUrl } = inject('gitServer');
  const base64 = Buffer.from(content).toString('base64');
  await (
    await fetch(`${adminUrl}/write`, { method: 'POST', body: JSON.stringify({ path, base64 }) })
  ).arrayBuffer();
}

/** Removes a file or directory below the test server's root. */
export async function remove(path: string): Promise<void> {
  const { adminUrl } = inject('gitServer');
  await (await fetch(`${adminUrl}/remove`, { method: 'POST', body: JSON.stringify({ path }) })).arrayBuffer();
}

/** Turns the repository at `{url}/hostile/<name>.git` into a hostile remote, or with null back into what it was. */
export async function turn(name: string, into: string | null): Promise<void> {
  const { adminUrl } = inject('gitServer');
  await (
    await fetch(`${adminUrl}/turn`, { method: 'POST', body: JSON.stringify({ name, into }) })
  ).arrayBuffer();
}

/**
 * A work tree `<name>.git` (served at `{url}/<name>.git`) with one commit of `files` on `main`.
 * @returns helpers bound to it: `commit` writes files (null deletes) and answers the new commit's oid.
 */
export async function makeRepo(name: string, files: Record<string, string | Uint8Array>) {
  const { url } = inject('gitServer');
  const cwd = `${name}.git`;
  await git(['init', '-q', '-b', 'main', cwd]);
  const commit = async (changes: Record<string, string | Uint8Array | null>, message = 'change') => {
    for (const [file, content] of Object.entries(changes)) {
      if (content === null) await remove(`${cwd}/${file}`);
      else await write(`${cwd}/${file}`, content);
    }
    await git(['add', '-A'], { cwd });
    await git(['commit', '-q', '--allow-empty', '-m', message], { cwd });
    return (await git(['rev-parse', 'HEAD'], { cwd })).stdout.trim();
  };
  const head = await commit(files, 'first');
  return { url: `${url}/${name}.git`, cwd, head, commit, git: (...args: string[]) => git(args, { cwd }) };
}
