/** Extracted examples → what is learnt from: without doubles, and without anything that evaluation asks. */
import { createHash } from 'node:crypto';
import { passageText } from '../passage.ts';
import { rephrase } from './documentation.ts';
import type { Example } from './examples.ts';
import type { Repository } from './repositories.ts';

export interface Pair {
  repository: number;
  kind: Example['kind'];
  path: string;
  query: string;
  /** As an issue would ask, or ''. */
  rephrased: string;
  passage: string;
}

const MAX_FUNCTIONS = 4_000;
const MAX_COMMITS = 800;
/** What documents more functions asks for none of them. */
const MAX_SAME_QUERY = 3;

/** Letters and digits only, so that formatting does not make two of one. */
export function fingerprint(text: string): string {
  const plain = text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '');
  return createHash('sha1').update(plain).digest('base64').slice(0, 16);
}

/** The pairs of the `train` repositories, repository by repository in their order. */
export function pairsOf(
  repositories: readonly Repository[],
  examples: ReadonlyMap<string, Example[]>,
): Pair[] {
  const asked = new Set<string>();
  const known = new Set<string>();
  for (const { name, split } of repositories) {
    if (split === 'train') continue;
    for (const { query, code } of examples.get(name) ?? []) {
      if (query) asked.add(fingerprint(query));
      known.add(fingerprint(code));
    }
  }
  const times = new Map<string, number>();
  const training = repositories.filter(({ split }) => split === 'train');
  for (const { name } of training) {
    for (const { kind, query } of examples.get(name) ?? []) {
      if (kind !== 'function') continue;
      const key = fingerprint(query);
      times.set(key, (times.get(key) ?? 0) + 1);
    }
  }
  return training.flatMap(({ name }, repository) => {
    const fresh = (examples.get(name) ?? []).filter(({ kind, query, code }) => {
      const queryKey = fingerprint(query);
      const codeKey = fingerprint(code);
      if (asked.has(queryKey) || known.has(codeKey)) return false;
      if (kind === 'function' && times.get(queryKey)! > MAX_SAME_QUERY) return false;
      known.add(codeKey);
      return true;
    });
    return [
      ...sampled(
        fresh.filter((each) => each.kind === 'function'),
        MAX_FUNCTIONS,
      ),
      ...sampled(
        fresh.filter((each) => each.kind === 'commit'),
        MAX_COMMITS,
      ),
    ].map(({ kind, path, name: symbol, signature, code, query }) => ({
      repository,
      kind,
      path,
      query,
      rephrased: kind === 'function' ? rephrase(query, fingerprint(query).charCodeAt(0)) : '',
      passage: passageText({ path, name: symbol, signature, source: code }),
    }));
  });
}

/** At most so many, in their order; which ones, their code decides. */
function sampled(examples: Example[], limit: number): Example[] {
  if (examples.length <= limit) return examples;
  const keys = new Map(examples.map((example) => [example, fingerprint(example.code)]));
  const least = [...keys.values()].sort()[limit]!;
  return examples.filter((example) => keys.get(example)! < least);
}
