import type { SearchHit } from '../search/hit.ts';
import type { Section } from './pack.ts';
import { focusSections } from './paths.ts';
import { find, hitSections, nameOf, plainWords, type Source } from './source.ts';
import type { ContextRequest } from './strategy.ts';

const SIMILAR = 20;
const CONTRACTS = 40;
const TESTS = 6;
const TEST_FILE =
  '{**/test*/**,**/__tests__/**,**/spec/**,**/*[._-]test.*,**/*[._-]spec.*,**/test_*,**/*Test.*}';
const CONTRACT_KINDS = new Set(['interface', 'type', 'trait', 'enum', 'struct']);

/** Implement: code that does something alike, the interfaces and types around it, and how it is tested. */
export async function implement(source: Source, request: ContextRequest): Promise<Section[]> {
  const words = plainWords(request.query ?? '');
  const [focus, found, tests] = await Promise.all([
    focusSections(source, request.paths),
    find(source, words, { limit: CONTRACTS }),
    find(source, words, { limit: TESTS, path: TEST_FILE }),
  ]);
  const testPaths = new Set(tests.map((hit) => hit.filePath));
  const code = found.filter((hit) => hit.lang !== 'markdown' && !testPaths.has(hit.filePath));
  const contracts = code.filter(isContract);
  const similar = code.filter((hit) => !isContract(hit)).slice(0, SIMILAR);
  const [similar_, contracts_, tests_] = await Promise.all([
    hitSections(source, similar, (hit) => `Similar code: ${nameOf(hit)}`),
    hitSections(source, contracts.slice(0, 8), (hit) => `Contract: ${nameOf(hit)}`),
    hitSections(source, tests, (hit) => `Test: ${nameOf(hit)}`),
  ]);
  return [
    ...focus,
    ...similar_.slice(0, 3),
    ...contracts_.slice(0, 3),
    ...tests_.slice(0, 2),
    ...similar_.slice(3),
    ...contracts_.slice(3),
    ...tests_.slice(2),
  ];
}

function isContract(hit: SearchHit): boolean {
  return hit.symbol !== null && CONTRACT_KINDS.has(hit.symbol.kind);
}
