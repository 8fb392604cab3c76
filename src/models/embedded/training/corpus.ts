/** Extracted examples → what is learnt from: without doubles, and without anything that evaluation asks. */
import { createHash } from 'node:crypto';
import { passageText } from '../passage.ts';
import { rephrase } from './documentation.ts';
import type { Example, Kind } from './examples.ts';
import { type Paraphrases, paraphrased } from './paraphrases.ts';
import { randomFrom } from './random.ts';
import type { Repository } from './repositories.ts';

export interface Pair {
  repository: number;
  kind: Kind;
  path: string;
  query: string;
  /** As an issue would ask, or in plain words. */
  rephrased: string[];
  passage: string;
}

/** Of one repository. */
const MOST: Record<Exclude<Kind, 'term'>, number> = {
  function: 4_000,
  comment: 2_000,
  test: 1_000,
  commit: 800,
};
const EXTRACTED = ['function', 'comment', 'test', 'commit'] as const;
/** What documents more functions asks for none of them. */
const MAX_SAME_QUERY = 3;

/** Letters and digits only, so that formatting does not make two of one. */
export function fingerprint(text: string): string {
  const plain = text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '');
  return createHash('sha1').update(plain).digest('base64').slice(0, 16);
}

/** The pairs of the `train` repositories, repository by repository in their order, then those of the paraphrases. */
export function pairsOf(
  repositories: readonly Repository[],
  examples: ReadonlyMap<string, Example[]>,
  paraphrases: Paraphrases,
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
      if (kind === 'commit') continue;
      const key = fingerprint(query);
      times.set(key, (times.get(key) ?? 0) + 1);
    }
  }
  const extracted = training.flatMap(({ name }, repository) => {
    const fresh = (examples.get(name) ?? []).filter(({ kind, query, code }) => {
      const queryKey = fingerprint(query);
      const codeKey = fingerprint(code);
      if (asked.has(queryKey) || known.has(codeKey)) return false;
      if (kind !== 'commit' && times.get(queryKey)! > MAX_SAME_QUERY) return false;
      known.add(codeKey);
      return true;
    });
    return EXTRACTED.flatMap((kind) =>
      sampled(
        fresh.filter((each) => each.kind === kind),
        MOST[kind],
      ),
    ).map(({ kind, path, name: symbol, signature, code, query }) => ({
      repository,
      kind,
      path,
      query,
      rephrased: wordings(query, kind, paraphrases),
      passage: passageText({ path, name: symbol, signature, source: code }),
    }));
  });
  return [...extracted, ...termPairs(paraphrases, training.length)];
}

/** What is said for a term asks for it, as if they were a repository of their own. */
function termPairs(paraphrases: Paraphrases, repository: number): Pair[] {
  const each = [...paraphrases].flatMap(([passage, said]) =>
    said.map((query): Pair => ({ repository, kind: 'term', path: '', query, rephrased: [], passage })),
  );
  return Array.from({ length: TERM_TIMES }, () => each).flat();
}

/** How often an epoch meets them. */
const TERM_TIMES = 3;

/** Wordings of a query, at most. */
export const WORDINGS = 4;

/** The same wish as an issue would put it, and in other words. */
function wordings(query: string, kind: Kind, paraphrases: Paraphrases): string[] {
  const hash = Buffer.from(fingerprint(query)).readUInt32LE();
  const random = randomFrom(hash);
  const asked = (kind === 'function' && rephrase(query, hash)) || query;
  const said = Array.from({ length: WORDINGS - 1 }, () => paraphrased(asked, paraphrases, random));
  return [...new Set([asked, ...said])].filter((wording) => wording !== query);
}

/** At most so many, in their order; which ones, their code decides. */
function sampled(examples: Example[], limit: number): Example[] {
  if (examples.length <= limit) return examples;
  const keys = new Map(examples.map((example) => [example, fingerprint(example.code)]));
  const least = [...keys.values()].sort()[limit]!;
  return examples.filter((example) => keys.get(example)! < least);
}
