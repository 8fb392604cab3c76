/** A mirror of the default branch at depth 1, against a bare clone by git and against isomorphic-git. */
import { rmSync } from 'node:fs';
import path from 'node:path';
import {
  BENCH,
  child,
  exec,
  type Repository,
  ROUNDS,
  register,
  removeRepo,
  type Session,
  seconds,
} from './session.ts';
import { median } from './table.ts';

export async function measureMirror(session: Session, { name, url }: Repository): Promise<void> {
  const { scratch, rows } = session;
  const ours: number[] = [];
  const clone: number[] = [];
  const isomorphic: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const repo = `${name}-mirror-${round}`;
    ours.push(await seconds(() => register(session, repo, { remoteUrl: url })));
    await removeRepo(session, repo);
    const bare = path.join(scratch, `bare-${name}-${round}`);
    const shallow = ['--bare', '--depth', '1', '--single-branch', '--no-tags'];
    clone.push(await seconds(() => exec('git', ['clone', '-q', ...shallow, url, bare])));
    rmSync(bare, { recursive: true });
    const directory = path.join(scratch, `iso-${name}-${round}`);
    isomorphic.push((await child([path.join(BENCH, 'isomorphic-clone.ts'), url, directory])).seconds);
    rmSync(directory, { recursive: true, force: true });
  }
  const base = { what: 'mirror, depth 1', repository: name, ours: median(ours), unit: 's' };
  rows.push({
    ...base,
    peer: 'git clone --bare --depth 1',
    theirs: median(clone),
    aim: { ratioAtMost: 2 },
  });
  rows.push({ ...base, peer: 'isomorphic-git', theirs: median(isomorphic), aim: { ratioAtMost: 0.5 } });
}
