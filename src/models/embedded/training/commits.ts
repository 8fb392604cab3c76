/** Commits as examples: a subject asks for the code that the commit changed. */
import { type Example, MAX_CODE } from './examples.ts';
import { gitWhileComplete } from './git.ts';
import { isCode } from './sources.ts';

const PATTERNS = 'py js mjs cjs jsx ts mts tsx go java c h cc cpp hpp cxx rs cs php rb kt swift'
  .split(' ')
  .map((extension) => `*.${extension}`);
const ROUTINE =
  /^(?:bump|merge|release|update (?:dep|changelog|version)|revert|v?\d+\.|version|changelog|chore|lint|format|typo|fix(?:ed|es)? typo|deps|upgrade|prepare)|dependabot|copyright/i;
const MAX_FILES = 6;
const MAX_HUNKS = 2;
const MIN_CODE = 150;

/** A subject without what belongs to the tracker or names files. */
export function cleanSubject(subject: string): string {
  return subject
    .replace(/\(?#\d+\)?|\bGH-\d+|\b[A-Z]{2,}-\d+\b|\[[^\]]{1,25}\]/g, ' ')
    .replace(/^\s*(?:feat|fix|chore|refactor|perf|docs|test|build|ci|style)(?:\([^)]*\))?!?:\s*/i, '')
    .replace(
      /\S*\/\S*|\b[\w-]+\.(?:py|js|ts|tsx|go|java|c|h|cc|cpp|rs|cs|php|rb|kt|swift|md|json|ya?ml)\b/g,
      ' ',
    )
    .replace(/\s+/g, ' ')
    .replace(/^[ :-]+|[ :-]+$/g, '');
}

/** Whether a subject, as git has it, says what was changed. */
export function isTelling(subject: string): boolean {
  const clean = cleanSubject(subject);
  return !ROUTINE.test(subject) && clean.length <= 200 && clean.split(' ').length >= 4;
}

export interface CommitExtraction {
  directory: string;
  commit: string;
  maxCommits: number;
}

/** The larger hunks of the latest commits that tell what they did and changed few files. */
export async function commitExamples(task: CommitExtraction): Promise<Example[]> {
  const log = await gitWhileComplete(
    task.directory,
    'log',
    '--no-merges',
    `-n${task.maxCommits}`,
    '-p',
    '-U4',
    '--no-color',
    '--no-ext-diff',
    '--no-textconv',
    '--no-renames',
    '--format=%x01%s',
    task.commit,
    '--',
    ...PATTERNS,
  );
  return log
    .split('\x01')
    .slice(1)
    .flatMap((entry) => {
      const end = entry.indexOf('\n');
      const subject = entry.slice(0, end).trim();
      return isTelling(subject) ? hunksOf(entry.slice(end), cleanSubject(subject)) : [];
    });
}

function hunksOf(patch: string, query: string): Example[] {
  const files = patch.split('\ndiff --git ').filter((file) => file.includes('\n@@'));
  if (files.length === 0 || files.length > MAX_FILES) return [];
  return files
    .flatMap((file): Example[] => {
      const path = /^\+\+\+ b\/(.*)$/m.exec(file)?.[1];
      if (!path || !isCode(path)) return [];
      const hunks = file.split(/^@@ .*?@@/m).slice(1);
      const largest = hunks.reduce((best, hunk) =>
        Math.min(hunk.length, MAX_CODE) > Math.min(best.length, MAX_CODE) ? hunk : best,
      );
      const code = codeOf(largest);
      if (code.length < MIN_CODE) return [];
      return [{ kind: 'commit', path, name: '', signature: '', code, documentation: '', query }];
    })
    .slice(0, MAX_HUNKS);
}

/** Both sides of a hunk without their marks; what follows `@@` names the enclosing function. */
function codeOf(hunk: string): string {
  return hunk
    .split('\n')
    .filter((line) => !line.startsWith('\\'))
    .map((line, at) => (at === 0 ? line : line.slice(1)))
    .join('\n')
    .slice(0, MAX_CODE);
}
