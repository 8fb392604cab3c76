/**
 * A sync after a change of one file, against the full index of the same repository and against one second. Both are our
 * own work: the time in which the remote was answering is left out.
 */
import { execFileSync } from 'node:child_process';
import { appendFileSync, readdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import {
  type Repository,
  registerAndIndex,
  removeRepo,
  type Session,
  seconds,
  sync,
  workTree,
} from './session.ts';
import { median } from './table.ts';

export async function measureChange(session: Session, { name, url }: Repository): Promise<void> {
  const { api, git, rows } = session;
  const repo = `${name}-change`;
  const tree = await workTree(session, repo, url);
  symlinkSync(tree, path.join(git.root, `${repo}.git`));
  const file = readdirSync(tree, { recursive: true, encoding: 'utf8' }).find(
    (f) =>
      /\.(ts|go|py|java|c|rs|php)$/.test(f) && !/node_modules|vendor|test/.test(f) && !f.startsWith('.git/'),
  )!;
  const own = async (work: () => Promise<unknown>) => {
    const before = git.busyMs();
    return (await seconds(work)) - (git.busyMs() - before) / 1000;
  };
  const full = await own(() => registerAndIndex(session, repo, `${git.url}/${repo}.git`));
  const times: number[] = [];
  for (let round = 0; round < 5; round++) {
    appendFileSync(path.join(tree, file), `\n// changed ${round} marker${round}zebra\n`);
    execFileSync('git', ['-c', 'user.name=b', '-c', 'user.email=b@b', 'commit', '-qam', `change ${round}`], {
      cwd: tree,
    });
    const branch = execFileSync('git', ['branch', '--show-current'], { cwd: tree, encoding: 'utf8' }).trim();
    times.push(await own(() => sync(api, repo, branch)));
  }
  const base = { what: 'one-file change, own work', repository: name, ours: median(times), unit: 's' };
  rows.push({ ...base, peer: 'full index', theirs: full, aim: { ratioAtMost: 0.05 } });
  rows.push({ ...base, peer: 'one second', theirs: 1, aim: { ratioAtMost: 1 } });
  await removeRepo(session, repo);
}
