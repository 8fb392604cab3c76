/**
 * What a text must contain, case folded, for a query to match in it: the prefilter that spares the exact match most of
 * the texts. Conservative: it may let too much through, never too little.
 */
export type Needles =
  /** Every text may match. */
  | null
  /** Contains this, ignoring case; at least three characters. */
  | string
  | { all: NonNullable<Needles>[] }
  | { any: NonNullable<Needles>[] };

export const MIN_NEEDLE = 3;

/** All of them; unknown parts drop out. */
export function allOf(parts: Needles[]): Needles {
  const known = [...new Set(parts.filter((part) => part !== null))];
  return known.length < 2 ? (known[0] ?? null) : { all: known };
}

/** Any of them; one unknown part makes the whole unknown. */
export function anyOf(parts: Needles[]): Needles {
  const known = parts.filter((part) => part !== null);
  if (known.length < parts.length || parts.length === 0) return null;
  const distinct = [...new Set(known)];
  return distinct.length === 1 ? distinct[0]! : { any: distinct };
}

/** The needle of a literal: itself when it is long enough for a trigram. Only its longest line counts. */
export function needleOf(literal: string): Needles {
  const longest = literal.split('\n').reduce((best, line) => (line.length > best.length ? line : best), '');
  return [...longest].length < MIN_NEEDLE ? null : longest.slice(0, MAX_NEEDLE).toLowerCase();
}

/** Longer needles filter no better and cost a posting list for each of their trigrams. */
export const MAX_NEEDLE = 64;

/**
 * Strings of which every match contains at least one, chosen as long as possible; null when nothing is certain.
 * Lines without any of them need no look by the regex engine.
 */
export function anchorsOf(needles: Needles): string[] | null {
  if (needles === null) return null;
  if (typeof needles === 'string') return [needles];
  if ('any' in needles) return needles.any.flatMap((part) => anchorsOf(part) ?? []);
  const choices = needles.all.map((part) => anchorsOf(part)!);
  return choices.reduce((best, choice) => (shortest(choice) > shortest(best) ? choice : best));
}

function shortest(strings: string[]): number {
  return Math.min(...strings.map((each) => each.length));
}

/** Strings that every match contains. */
export function stringsOf(needles: Needles): string[] {
  if (needles === null) return [];
  if (typeof needles === 'string') return [needles];
  return 'all' in needles ? needles.all.flatMap(stringsOf) : [];
}
