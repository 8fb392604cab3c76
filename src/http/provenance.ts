/** Where an answer comes from: headers on arrays, `meta` under the envelope (api.md section 1). */
import type { Context } from 'hono';
import type { AppEnv } from './feature.ts';

export const EMPTY_REASONS = ['not_indexed', 'no_match', 'no_access_or_missing'] as const;
export type EmptyReason = (typeof EMPTY_REASONS)[number];

export interface Provenance {
  /** These three are absent when the answer spans several repos or refs, which its items then name. */
  repo?: string;
  ref?: string;
  commitSha?: string;
  /** Of several snapshots, when the oldest of them was indexed. */
  indexedAt?: string;
  /** Files of all snapshots that answered. */
  coverage?: { indexed: number; skipped: number; reasons?: Record<string, number> };
  emptyReason?: EmptyReason;
  /** Nearest names, best first. */
  suggest?: string[];
}

/** Says where the answer being made comes from. Headers and `meta` follow from it. */
export function setProvenance(c: Context<AppEnv>, provenance: Provenance): void {
  c.set('provenance', provenance);
}

/** The `Sightline-*` headers. Names are percent-encoded where they are not plain ASCII, so that any client can read them. */
export function provenanceHeaders(provenance: Provenance | undefined): [string, string][] {
  if (!provenance) return [];
  const { repo, ref, commitSha, indexedAt, coverage, emptyReason, suggest } = provenance;
  const headers: [string, string | undefined][] = [
    ['sightline-repo', repo && headerText(repo)],
    ['sightline-ref', ref && headerText(ref)],
    ['sightline-commit', commitSha],
    ['sightline-indexed-at', indexedAt],
    ['sightline-coverage', coverage && `indexed=${coverage.indexed}, skipped=${coverage.skipped}`],
    ['sightline-skipped', coverage && skipReasons(coverage.reasons)],
    ['sightline-empty-reason', emptyReason],
    [
      'sightline-suggest',
      suggest?.length ? suggest.map((name) => encodeURIComponent(name.toWellFormed())).join(', ') : undefined,
    ],
  ];
  return headers.filter((header): header is [string, string] => header[1] !== undefined);
}

/** `binary=2, vendored=1`, most frequent first; nothing when every file was indexed. */
function skipReasons(reasons: Record<string, number> = {}): string | undefined {
  const sorted = Object.entries(reasons).sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
  return sorted.length > 0 ? sorted.map(([reason, count]) => `${reason}=${count}`).join(', ') : undefined;
}

/** The same as the envelope's `meta` members. */
export function provenanceMeta(provenance: Provenance | undefined): Record<string, unknown> {
  if (!provenance) return {};
  const { repo, ref, commitSha, indexedAt, coverage, emptyReason, suggest } = provenance;
  return {
    repo,
    ref,
    commit_sha: commitSha,
    indexed_at: indexedAt,
    coverage,
    empty_reason: emptyReason,
    suggest: suggest?.length ? suggest : undefined,
  };
}

/** Text as a header may carry it: what is not printable ASCII, and the percent sign itself, percent-encoded. */
export function headerText(text: string): string {
  return text.toWellFormed().replace(/[^\x20-\x7e]|%|^ | $/gu, encodeURIComponent);
}
