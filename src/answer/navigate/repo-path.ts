import { invalid } from '../../errors.ts';

const MAX_PATH = 4096;

/**
 * A path of the repository as git has it: relative, `/`-separated, without `.`, `..` or empty segments.
 * @throws Problem `validation` naming the query parameter
 */
export function repoPath(written: string, parameter: string): string {
  const pointer = `query/${parameter}`;
  if (written === '') throw invalid(pointer, 'must not be empty');
  if (written.length > MAX_PATH) throw invalid(pointer, `must be at most ${MAX_PATH} characters`);
  if (written.includes('\0')) throw invalid(pointer, 'must not hold a NUL');
  if (written.startsWith('/')) throw invalid(pointer, 'must be relative to the root of the repository');
  const segments = written.split('/');
  if (segments.some((segment) => segment === '' || segment === '.' || segment === '..')) {
    throw invalid(pointer, 'must not hold empty, "." or ".." segments');
  }
  return written;
}

/** A directory prefix: the same rules; one final slash is taken, '' means the whole tree. */
export function repoPrefix(written: string | undefined): string {
  if (written === undefined || written === '') return '';
  const path = repoPath(written.replace(/\/$/, ''), 'prefix');
  return written.endsWith('/') ? `${path}/` : path;
}
