import { CONFIDENCE } from './confidence.ts';
import { type CallSite, dotted, keyOf } from './facts.ts';
import { familyOf } from './modules.ts';
import type { Edge, Resolved } from './resolve.ts';

/** Calls with a known receiver that must agree, and how many of all must, before they speak for the others. */
const MIN_WITNESSES = 3;
const MIN_AGREEMENT = 0.8;
/** An edge is a witness from here on. */
const SURE = 0.85;

/**
 * Completes the calls of some callees by what they show together. Projects name their variables consistently: where
 * `c.json()` on a declared `c` is `Context.json` nearly everywhere, it is so too in a callback whose parameter has no
 * annotation. Sites whose receiver nothing tells take what those of the same receiver and callee show. `sites` must hold
 * every site of the callees it has, so that the answer does not depend on who asks.
 */
export function complete(sites: readonly CallSite[], resolved: readonly Resolved[]): Edge[][] {
  const edges = resolved.map((each) => each.edges);
  const groups = Map.groupBy(sites.keys(), (index) => groupOf(sites[index]!));
  for (const indexes of groups.values()) {
    const open = indexes.filter((index) => resolved[index]!.open);
    if (open.length === 0 || open.length === indexes.length) continue;
    const shown = convention(indexes.filter((index) => !resolved[index]!.open).map((index) => edges[index]!));
    if (!shown) continue;
    for (const index of open) {
      if ((edges[index]![0]?.confidence ?? 0) < shown[0]!.confidence) edges[index] = shown;
    }
  }
  return edges;
}

/** The edges that most witnesses share, as the convention they make; null when they are few or disagree. */
function convention(known: readonly Edge[][]): Edge[] | null {
  const targets = new Map<string, Edge[][]>();
  for (const edges of known) {
    const sure = edges.filter((edge) => edge.confidence >= SURE);
    if (sure.length === 0) continue;
    const target = `${sure[0]!.definition.path}\0${sure[0]!.definition.qualifiedName}`;
    const witnesses = targets.get(target);
    if (witnesses) witnesses.push(sure);
    else targets.set(target, [sure]);
  }
  // Calls that lead out of the repository vote against.
  const witnesses = [...targets.values()].sort((a, b) => b.length - a.length)[0];
  if (!witnesses || witnesses.length < MIN_WITNESSES || witnesses.length / known.length < MIN_AGREEMENT)
    return null;
  const confidence = Math.round(CONFIDENCE.convention * (witnesses.length / known.length) * 100) / 100;
  return mostCommon(witnesses).map(({ definition }) => ({
    definition,
    confidence,
    resolution: 'convention',
  }));
}

/** Witnesses of one name may reach different overloads of it. Which of them came first depends on the index: no answer may. */
function mostCommon(witnesses: readonly Edge[][]): Edge[] {
  const alike = Map.groupBy(witnesses, (edges) => edges.map(({ definition }) => keyOf(definition)).join());
  const [most] = [...alike].sort(([a, x], [b, y]) => y.length - x.length || (a < b ? -1 : 1));
  return most![1][0]!;
}

function groupOf(site: CallSite): string {
  return `${familyOf(site.lang)}\0${site.callee}\0${dotted(site.receiver, site.lang)}`;
}
