import type { z } from '@hono/zod-openapi';
import { judging } from '../../errors.ts';
import type { Provenance } from '../../http/provenance.ts';
import { lastSegment } from '../../paths.ts';
import type { Services } from '../../services.ts';
import { type Relative, relativesOf, type SymbolCard, symbolCards } from '../../store/hits.ts';
import type { Caller } from '../../store/scope.ts';
import type { SearchHit } from './hit.ts';
import type { codeSearchAnswer, codeSearchBody, codeSearchResult } from './schemas.ts';
import { MAX_LIMIT, search } from './search.ts';

type Answer = z.input<typeof codeSearchAnswer>;
type Result = z.input<typeof codeSearchResult>;

/** With a filter on kinds, so many more hits are asked for than are wanted. */
const OVERSAMPLE = 5;
const RELATED_A_RESULT = 10;

/** Repotoire's search for entities: the same search, answered as symbols with their documentation and relatives. */
export async function codeSearch(
  s: Pick<Services, 'db' | 'shard' | 'embedder' | 'vectors' | 'log' | 'clock'>,
  caller: Caller,
  body: z.output<typeof codeSearchBody>,
): Promise<Answer & { provenance: Provenance }> {
  const started = s.clock().getTime();
  const types = body.entity_types && new Set(body.entity_types.map(entityTypeNamed));
  const params = {
    query: body.query,
    repo: body.repository_id ?? undefined,
    limit: Math.min(MAX_LIMIT, body.top_k * (types ? OVERSAMPLE : 1)),
  };
  const answer = await judging('/query', () => search(s, caller, params));
  const hits = answer.hits.filter((hit) => !types || types.has(entityTypeOf(hit))).slice(0, body.top_k);
  const [cards, relatives] = await Promise.all([
    cardsOf(s, hits),
    body.include_related ? familyOf(s, hits) : new Map<string, Relative[]>(),
  ]);
  const results = hits.map((hit) =>
    toResult(hit, cards.get(symbolKey(hit)), relatives.get(symbolKey(hit)) ?? []),
  );
  const { provenance } = answer;
  const reason = results.length > 0 ? null : (answer.emptyReason ?? 'no_match');
  return {
    results,
    total: results.length,
    query: body.query,
    search_strategy: answer.strategy,
    execution_time_ms: s.clock().getTime() - started,
    notes: answer.notes,
    empty_reason: reason,
    suggestions: answer.suggestions,
    repository: provenance.repo ?? null,
    ref: provenance.ref ?? null,
    commit_sha: provenance.commitSha ?? null,
    indexed_at: provenance.indexedAt ?? null,
    coverage: provenance.coverage ? { reasons: {}, ...provenance.coverage } : null,
    provenance: { ...provenance, ...(reason && { emptyReason: reason }), suggest: answer.suggestions },
  };
}

/** `Function`, `functions` and `module` as people write them. */
function entityTypeNamed(name: string): string {
  const singular = name
    .trim()
    .toLowerCase()
    .replace(/(class|s)$/, (end) => (end === 'class' ? end : ''));
  return singular === 'module' || singular === 'code' ? 'file' : singular;
}

function entityTypeOf(hit: SearchHit): string {
  if (hit.symbol === null) return 'file';
  return hit.lang === 'markdown' ? 'section' : hit.symbol.kind;
}

function symbolKey(hit: SearchHit): string {
  return `${hit.scope.repo.key}:${hit.symbol?.id ?? ''}`;
}

type Shards = Pick<Services, 'shard'>;

/** One read a repo, by `symbolKey`. */
async function bySymbol<Row>(
  hits: SearchHit[],
  read: (group: SearchHit[], ids: number[]) => Promise<Row[]>,
  idOf: (row: Row) => number,
): Promise<Map<string, Row[]>> {
  const rows = new Map<string, Row[]>();
  const named = hits.filter((hit) => hit.symbol !== null);
  const groups = Map.groupBy(named, (hit) => hit.scope.repo.key);
  await Promise.all(
    [...groups].map(async ([key, group]) => {
      for (const row of await read(
        group,
        group.map((hit) => hit.symbol!.id),
      )) {
        const at = `${key}:${idOf(row)}`;
        rows.set(at, [...(rows.get(at) ?? []), row]);
      }
    }),
  );
  return rows;
}

async function cardsOf(s: Shards, hits: SearchHit[]): Promise<Map<string, SymbolCard>> {
  const lists = await bySymbol(
    hits,
    ([first], ids) => symbolCards(s.shard(first!.scope), first!.scope, ids),
    (card) => card.id,
  );
  return new Map([...lists].map(([key, [card]]) => [key, card!]));
}

function familyOf(s: Shards, hits: SearchHit[]): Promise<Map<string, Relative[]>> {
  return bySymbol(
    hits,
    ([first], ids) =>
      relativesOf(s.shard(first!.scope), first!.scope, ids, ids.length * RELATED_A_RESULT * 4),
    (relative) => relative.of,
  );
}

function toResult(hit: SearchHit, card: SymbolCard | undefined, relatives: Relative[]): Result {
  const fileName = lastSegment(hit.filePath);
  return {
    entity_type: entityTypeOf(hit),
    name: hit.symbol?.name ?? fileName,
    qualified_name: hit.symbol?.qualifiedName ?? hit.filePath,
    file_path: hit.filePath,
    line_start: hit.startLine,
    line_end: hit.endLine,
    language: hit.lang,
    code: hit.content,
    content: hit.content,
    docstring: card?.documentation ?? null,
    signature: card?.signature ?? null,
    score: hit.score,
    similarity_score: hit.score,
    repository_id: hit.repoId,
    repository: hit.repo,
    ref: hit.ref,
    commit_sha: hit.commitSha,
    indexed_at: hit.indexedAt,
    related: relatives.slice(0, RELATED_A_RESULT).map((relative) => ({
      entity_type: relative.kind,
      name: relative.name,
      qualified_name: relative.qualifiedName,
      file_path: hit.filePath,
      line_start: relative.startLine,
      line_end: relative.endLine,
      relationship: relative.relationship,
    })),
  };
}
