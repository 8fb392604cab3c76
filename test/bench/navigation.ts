/**
 * Callers and references of symbols drawn by a seed, against TypeScript's language service, where a repository holds
 * enough JavaScript or TypeScript; and how often an edge of a confidence is right. See `test/navigation`.
 */
import path from 'node:path';
import { CHECKOUT } from '../../src/local/server.ts';
import type { Figures } from '../navigation/against-typescript.ts';
import { f1, precision } from '../navigation/measure.ts';
import { exec, type Repository, type Session, workTree } from './session.ts';

/** Fewer files say little of a resolver. */
const MIN_FILES = 30;

export async function measureNavigation(session: Session, { name, url }: Repository): Promise<void> {
  const tree = await workTree(session, name, url);
  const hooks = path.join(CHECKOUT, 'test/support/grammar-hooks.ts');
  const program = path.join(CHECKOUT, 'test/navigation/against-typescript.ts');
  const figures = JSON.parse(await exec(process.execPath, ['--import', hooks, program, tree])) as Figures;
  if (figures.files < MIN_FILES) return;
  for (const [what, score, peer] of [
    ['callers', figures.callers, `TypeScript, ${figures.symbols} symbols`],
    ['callers', figures.allCallers, 'TypeScript, all symbols'],
    ['references', figures.references, `TypeScript, ${figures.symbols} symbols`],
  ] as const) {
    const row = { repository: name, unit: '', peer };
    session.rows.push({ ...row, what: `${what}: precision`, ours: precision(score), aim: { atLeast: 0.95 } });
    session.rows.push({ ...row, what: `${what}: F1`, ours: f1(score), aim: { atLeast: 0.93 } });
  }
  for (const { from, to, edges, right } of figures.calibration) {
    if (edges === 0) continue;
    session.rows.push({
      what: `edges of ${from} to ${Math.min(to, 1)} that are right`,
      repository: name,
      ours: right / edges,
      unit: '',
      peer: `${edges} edges`,
      ...(from >= 0.9 ? { aim: { atLeast: 0.95 } } : {}),
    });
  }
}
