/** A full index, against the floor (parse, walk, FTS5) in Node and in workerd, and against codegraph. */
import { rmSync } from 'node:fs';
import path from 'node:path';
import { startFloor } from './floor-in-workerd.ts';
import {
  BENCH,
  child,
  exec,
  PORT,
  type Repository,
  ROUNDS,
  registerAndIndex,
  removeRepo,
  type Session,
  seconds,
  workTree,
} from './session.ts';
import { median } from './table.ts';

export async function measureFullIndex(session: Session, { name, url }: Repository): Promise<void> {
  const workerd = await startFloor(PORT + 10, path.join(session.scratch, 'floor'));
  try {
    const tree = await workTree(session, name, url);
    const ours: number[] = [];
    const floor: number[] = [];
    const floorInWorkerd: number[] = [];
    const peer: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const repo = `${name}-index-${round}`;
      ours.push(await seconds(() => registerAndIndex(session, repo, url)));
      await removeRepo(session, repo);
      floor.push((await child([path.join(BENCH, 'floor.ts'), tree])).seconds);
      floorInWorkerd.push(await workerd.measure(tree));
      rmSync(path.join(tree, '.codegraph'), { recursive: true, force: true });
      peer.push(await seconds(() => exec(path.join(BENCH, 'node_modules/.bin/codegraph'), ['init'], tree)));
    }
    const base = { what: 'full index', repository: name, ours: median(ours), unit: 's' };
    session.rows.push(
      {
        ...base,
        peer: 'floor in Node: parse + walk + FTS5',
        theirs: median(floor),
        aim: { ratioAtMost: 2 },
      },
      { ...base, peer: 'the same floor in workerd', theirs: median(floorInWorkerd), aim: { ratioAtMost: 2 } },
      { ...base, peer: 'codegraph init', theirs: median(peer), aim: { ratioAtMost: 1 / 3 } },
    );
  } finally {
    workerd.stop();
  }
}
