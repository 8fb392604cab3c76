import type { Services } from '../../services.ts';
import type { TextPart } from '../../store/blobs.ts';
import { enclosingSymbols, type SymbolRef } from '../../store/hits.ts';
import type { RepoScope } from '../../store/scope.ts';
import { lineRange } from '../lines.ts';
import type { PlacedCandidate } from './place.ts';
import type { Ranked } from './rank.ts';
import { partsOf } from './texts.ts';

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

export interface HitOptions {
  /** Several refs were searched: each hit then lists those that hold it. */
  several: boolean;
  /** Hits are lines that match, each within the symbol around it. */
  lines: boolean;
  /** Names the query spells out; empty for a question. */
  spelled: ReadonlySet<string>;
}

/** Ranked candidates as hits with their text; what has no text any more is left out. */
export async function toHits(
  s: Pick<Services, 'shard'>,
  page: Ranked<PlacedCandidate>[],
  options: HitOptions,
): Promise<SearchHit[]> {
  const candidates = page.map(({ candidate }) => candidate);
  const [parts, around] = await Promise.all([
    partsOf(s, candidates),
    options.lines ? symbolsAround(s, candidates) : new Map<PlacedCandidate, SymbolRef>(),
  ]);
  return page.flatMap(({ candidate, score }) => {
    const part = parts.get(candidate);
    if (part === undefined) return [];
    const symbol = smaller(around.get(candidate) ?? null, candidate.symbol) ?? candidate.named;
    const shown = { ...candidate, symbol, ...namedAlone(candidate, part, options.spelled) };
    return [toHit(shown, score, part, options.several)];
  });
}

/** The innermost symbols around the lines of candidates, one read a repo. */
async function symbolsAround(
  s: Pick<Services, 'shard'>,
  candidates: PlacedCandidate[],
): Promise<Map<PlacedCandidate, SymbolRef>> {
  const around = new Map<PlacedCandidate, SymbolRef>();
  const byRepo = Map.groupBy(candidates, (candidate) => candidate.target.scope.repo.key);
  await Promise.all(
    [...byRepo.values()].map(async (group) => {
      const { scope } = group[0]!.target;
      for (const [at, symbol] of await enclosingSymbols(s.shard(scope), scope, group))
        around.set(group[at]!, symbol);
    }),
  );
  return around;
}

/** Documentation stands before its symbol's lines, in the symbol's chunk: then the chunk's symbol is the inner one. */
function smaller(a: SymbolRef | null, b: SymbolRef | null): SymbolRef | null {
  if (a === null || b === null) return a ?? b;
  return a.endLine - a.startLine < b.endLine - b.startLine ? a : b;
}

/** What stands on the lines right before a definition and belongs to it: comments and attributes. */
const LEAD = /^[ \t]*(?:\/\/|\/\*|\*|#|--|@)/;

/** Small symbols share a chunk: who asks for one of them by its name sees that one. */
function namedAlone(
  { named, symbol, startLine, endLine }: PlacedCandidate,
  part: TextPart,
  spelled: ReadonlySet<string>,
): Pick<PlacedCandidate, 'symbol' | 'startLine' | 'endLine'> | null {
  if (named === null || named.id === symbol?.id || !spelled.has(named.name)) return null;
  // A field says little without its fellows.
  if (named.kind === 'field' || named.kind === 'variable') return null;
  if (named.startLine < startLine || named.endLine > endLine) return null;
  let from = named.startLine;
  while (from > startLine && LEAD.test(linesOf(part, from - 1, from - 1))) from--;
  return { symbol: named, startLine: from, endLine: named.endLine };
}

function linesOf({ startLine, text }: TextPart, from: number, to: number): string {
  return lineRange(text, from - startLine + 1, to - startLine + 1);
}

function toHit(candidate: PlacedCandidate, score: number, part: TextPart, several: boolean): SearchHit {
  const { target, refs, path, oid, lang, startLine, endLine, symbol } = candidate;
  const [ref] = refs;
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
    content: linesOf(part, startLine, endLine),
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
