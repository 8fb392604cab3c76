/** Commits as questions: what a message asks for is where the commit changed the tree of its parent. */
import { randomFrom, sample } from './random.ts';
import { exec } from './session.ts';

export interface CommitQuestion {
  commit: string;
  parent: string;
  query: string;
  /** Files the commit changed or deleted. */
  files: string[];
}

const COMMITS = 120;
/** Commits of the history that are chosen from. */
const RECENT = 4_000;
const MAX_FILES = 8;
const MIN_WORDS = 4;
const MAX_WORDS = 40;
const BOT = /\[bot\]|renovate|dependabot|\bbot\b|snyk/i;

/** 120 of the latest commits that people made, oldest first. */
export async function commitQuestions(directory: string): Promise<CommitQuestion[]> {
  const format = '--format=%x01%H%x02%P%x02%an%x02%B%x02';
  const log = await exec('git', [
    '-C',
    directory,
    'log',
    '--no-merges',
    '--no-renames',
    '--name-status',
    `-n${RECENT}`,
    format,
  ]);
  const tree = await exec('git', ['-C', directory, 'ls-tree', '-r', '--name-only', 'HEAD']);
  const extensions = new Set(tree.split('\n').flatMap((path) => /\.(\w+)$/.exec(path)?.[1] ?? []));
  const questions = log
    .split('\x01')
    .slice(1)
    .flatMap((entry): (CommitQuestion & { at: number })[] => {
      const [commit = '', parents = '', author = '', message = '', changes = ''] = entry.split('\x02');
      const query = questionOf(message, extensions);
      const files = changes.split('\n').flatMap((line) => /^[MD]\t(.+)$/.exec(line)?.[1] ?? []);
      const fits = files.length > 0 && files.length <= MAX_FILES && !changes.includes('\t"');
      if (!fits || parents.length !== 40 || BOT.test(author) || query.split(' ').length < MIN_WORDS)
        return [];
      return [{ commit, parent: parents, query, files, at: 0 }];
    })
    .map((question, at) => ({ ...question, at }));
  return sample(questions, COMMITS, randomFrom(3))
    .sort((a, b) => b.at - a.at)
    .map(({ at: _, ...question }) => question);
}

const TRAILER =
  /^\s*(?:[\w-]+-by|reviewers?|author|fix(?:es|ed)?|closes?|closed|resolves?|refs?|see|change-id|cc|pr[- ]url|issue|cherry[- ]picked from)\b.*[:#@].*$|^\s*\(cherry picked.*$/gim;

/**
 * The words of a message without what gives the answer away or belongs to the tracker: trailers, links, paths, file names,
 * hashes and numbers. Punctuation goes too, so that nothing in it is syntax to either side.
 * @param extensions of the repository's files, by which a file name is known.
 */
export function questionOf(message: string, extensions: ReadonlySet<string>): string {
  const words = message
    .replace(TRAILER, '')
    .split(/\s+/)
    .filter((word) => !/:\/\/|@|\//.test(word))
    .filter((word) => !extensions.has(/\.(\w+)\W*$/.exec(word)?.[1] ?? ''))
    .flatMap((word) => word.replace(/[^\p{L}\p{N}_]+/gu, ' ').split(' '))
    .filter((word) => word !== '' && !/^\d+\w{0,2}$|^[0-9a-f]{7,40}$|^_+$/.test(word))
    .map((word) => (/^(?:AND|OR|NOT)$/.test(word) ? word.toLowerCase() : word));
  return words.slice(0, MAX_WORDS).join(' ');
}
