/** The share of universal-ctags' definitions that we have as symbols, by language. See `test/navigation`. */
import path from 'node:path';
import { CHECKOUT } from '../../src/local/server.ts';
import type { SymbolRecall } from '../navigation/symbol-recall.ts';
import { exec, type Repository, type Session, workTree } from './session.ts';

/** Fewer definitions of a language in a repository say nothing. */
const MIN_DEFINITIONS = 100;

export async function measureSymbols(session: Session, { name, url }: Repository): Promise<void> {
  const tree = await workTree(session, name, url);
  const hooks = path.join(CHECKOUT, 'test/support/grammar-hooks.ts');
  const program = path.join(CHECKOUT, 'test/navigation/symbol-recall.ts');
  const recalls = JSON.parse(
    await exec(process.execPath, ['--import', hooks, program, tree]),
  ) as SymbolRecall[];
  for (const { language, definitions, found } of recalls) {
    if (definitions < MIN_DEFINITIONS) continue;
    session.rows.push({
      what: `symbols: recall, ${language}`,
      repository: name,
      ours: found / definitions,
      unit: '',
      peer: `universal-ctags, ${definitions} definitions`,
      aim: { atLeast: 0.98 },
    });
  }
}
