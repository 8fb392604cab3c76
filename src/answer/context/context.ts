import type { Caller } from '../../store/scope.ts';
import { debug } from './debug.ts';
import { explain } from './explain.ts';
import { implement } from './implement.ts';
import { type Pack, packSections } from './pack.ts';
import { type ChangedFile, type RecentChanges, recentChanges } from './recent-changes.ts';
import { type ContextServices, openSource, type Source } from './source.ts';
import type { ContextRequest, Strategy } from './strategy.ts';
import { loadTokenizer } from './tokenizer.ts';

export interface ContextPack extends Pack {
  strategy: Strategy;
  repo: string;
  ref: string;
  commitSha: string;
  indexedAt: string;
  coverage: { indexed: number; skipped: number; reasons: Record<string, number> };
  maxTokens: number;
  tokenizer: string;
  warnings: string[];
  /** Of `recent-changes`: what was compared with, and every file that differs. */
  fromRef?: string | null;
  changedFiles?: ChangedFile[];
}

export const DEFAULT_TOKENS = 8_000;
/** More than this is not a pack but the repository; it also bounds the time that counting takes. */
export const MOST_TOKENS = 200_000;

/**
 * Builds a context pack from one snapshot: the best pieces first, `formatted` within `maxTokens` by the named
 * tokenizer.
 * @throws Problem `not_found`: an unseen repo, or a ref that is not indexed with `reason: "not_indexed"`
 */
export async function buildContextPack(
  services: ContextServices,
  caller: Caller,
  name: string,
  request: ContextRequest,
): Promise<ContextPack> {
  const source = await openSource(services, caller, name, request.ref);
  const maxTokens = Math.min(request.maxTokens ?? DEFAULT_TOKENS, MOST_TOKENS);
  const [proposed, tokenizer] = await Promise.all([propose(source, request), loadTokenizer()]);
  const pack = packSections(proposed.sections, maxTokens, tokenizer);
  if (proposed.sections.length === 0) source.warnings.push('nothing in this ref fits the request');
  else if (pack.chunks.length === 0) source.warnings.push(`${maxTokens} tokens hold not even one piece`);
  const { served, scope } = source.snapshot;
  return {
    strategy: request.strategy,
    repo: scope.repo.name,
    ref: served.ref,
    commitSha: served.commitSha,
    indexedAt: served.indexedAt,
    coverage: served.coverage,
    ...pack,
    maxTokens,
    tokenizer: tokenizer.name,
    warnings: source.warnings,
    ...('from' in proposed && { fromRef: proposed.from, changedFiles: proposed.changedFiles }),
  };
}

async function propose(
  source: Source,
  request: ContextRequest,
): Promise<RecentChanges | Pick<RecentChanges, 'sections'>> {
  switch (request.strategy) {
    case 'explain':
      return { sections: await explain(source, request) };
    case 'implement':
      return { sections: await implement(source, request) };
    case 'debug':
      return { sections: await debug(source, request) };
    case 'recent-changes':
      return recentChanges(source, request);
  }
}
