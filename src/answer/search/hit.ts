import type { Services } from '../../services.ts';
import type { SymbolRef } from '../../store/hits.ts';
import type { RepoScope } from '../../store/scope.ts';
import { lineRange } from '../lines.ts';
import type { PlacedCandidate } from './place.ts';
import type { Ranked } from './rank.ts';
import { textKey, textsOf } from './texts.ts';

/** A hit at a commit. `content` is exactly the file's lines `startLine` to `endLine`. */
export interface SearchHit {
  repo: string;
  repoId: string;
  ref: string;
  /** Every searched ref that holds the same lines, when several were searched. */
  refs?: string[];
  commitSha: string;
  indexedAt: string;
  filePath: string;
  /** Blob oid. */
  oid: string;
  lang: string;
  content: string;
  startLine: number;
  endLine: number;
  /** 0 to 1, descending. */
  score: number;
  symbolName: string | null;
  symbol: SymbolRef | null;
  /** Row ids of the index, for what is built on hits. */
  blobId: number;
  snapshotId: number;
  scope: RepoScope;
}

/**
 * Ranked candidates as hits with their text; what has no text any more is left out.
 * @param several several refs were searched: each hit then lists those that hold it
 */
export async function toHits(
  s: Pick<Services, 'shard'>,
  page: Ranked<PlacedCandidate>[],
  several: boolean,
): Promise<SearchHit[]> {
  const texts = await textsOf(
    s,
    page.map(({ candidate }) => candidate),
  );
  return page.flatMap(({ candidate, score }) => {
    const text = texts.get(textKey(candidate));
    return text === undefined ? [] : [toHit(candidate, score, text, several)];
  });
}

function toHit(candidate: PlacedCandidate, score: number, text: string, several: boolean): SearchHit {
  const { target, refs, path, oid, lang, startLine, endLine } = candidate;
  const [ref] = refs;
  const symbol = candidate.symbol ?? candidate.named;
  return {
    repo: target.scope.repo.name,
    repoId: target.scope.repo.id,
    ref: ref!.ref,
    ...(several && { refs: refs.map((each) => each.ref) }),
    commitSha: ref!.commitSha,
    indexedAt: ref!.indexedAt,
    filePath: path,
    oid,
    lang,
    content: lineRange(text, startLine, endLine),
    startLine,
    endLine,
    score,
    symbolName: symbol?.name ?? null,
    symbol,
    blobId: candidate.blobId,
    snapshotId: ref!.snapshotId,
    scope: target.scope,
  };
}
