import type { EmptyReason } from '../../http/provenance.ts';
import type { Services } from '../../services.ts';
import { run } from '../../store/control-db.ts';
import {
  refsNamed,
  refsServed,
  type ServedRef,
  type VisibleRefs,
  visibleRefsRead,
} from '../../store/refs.ts';
import type { Caller, RepoScope } from '../../store/scope.ts';
import { nearestNames } from '../nearest.ts';
import type { Clause } from './query-plan.ts';

/** A repo that is searched, and the refs of it that answer, preferred first. */
export interface Target {
  scope: RepoScope;
  refs: ServedRef[];
}

export interface Targets {
  /** One list a clause. */
  byClause: Target[][];
  /** Set when there is nothing to search. */
  emptyReason: EmptyReason | null;
  /** Nearest names, when a filter named something that is not there. */
  suggestions: string[];
  notes: string[];
}

/** Every ref of a repo. */
export const ALL_REFS = '*';
const MAX_REPOS = 200;
const MAX_REFS = 50;

/**
 * What a caller may search by the `repo:` and `rev:` filters of each clause. Repos it may not see do not exist here.
 * @param ahead what was read of them already
 */
export async function resolveTargets(
  s: Pick<Services, 'db'>,
  caller: Caller,
  clauses: Clause[],
  ahead?: VisibleRefs,
): Promise<Targets> {
  const { open, refs } = ahead ?? (await run(s.db.$client, visibleRefsRead(s.db, caller)));
  const visible: RepoScope[] = open(caller);
  const names = new Set(visible.map((scope) => scope.repo.name));
  const chosen = clauses.map((clause) => visible.filter((scope) => namesRepo(clause, scope, names)));
  const notes = chosen.some((scopes) => scopes.length > MAX_REPOS)
    ? [`only ${MAX_REPOS} of the repositories were searched; name some with repo:`]
    : [];
  const byClause = await Promise.all(
    clauses.map((clause, at) => served(refs, chosen[at]!.slice(0, MAX_REPOS), clause.refs)),
  );
  return { byClause, notes, ...(await emptiness(refs, visible, clauses, chosen, byClause)) };
}

function namesRepo(clause: Clause, { repo }: RepoScope, names: Set<string>): boolean {
  const named = (pattern: string) => repoPattern(pattern, names)(repo.name, repo.id);
  return clause.repos.every((group) => group.some(named)) && !clause.notRepos.some(named);
}

/** A name, an id, or a name with `*` for any characters, unless one of `names` is spelled just so. */
function repoPattern(pattern: string, names: Set<string>): (name: string, id: string) => boolean {
  const wanted = pattern.normalize('NFC');
  if (!wanted.includes('*') || names.has(wanted))
    return (name, id) => name === wanted || id === wanted.toLowerCase();
  const pieces = wanted.split('*');
  return (name) => inOrder(name, pieces);
}

/** Whether `name` is the pieces in order with anything between them; linear, unlike a regular expression of stars. */
function inOrder(name: string, pieces: string[]): boolean {
  const first = pieces[0]!;
  const last = pieces.at(-1)!;
  if (!name.startsWith(first) || !name.endsWith(last) || name.length < first.length + last.length)
    return false;
  let at = first.length;
  for (const piece of pieces.slice(1, -1)) {
    const found = name.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return at <= name.length - last.length;
}

async function served(read: VisibleRefs['refs'], scopes: RepoScope[], refs: string[]): Promise<Target[]> {
  if (scopes.length === 0) return [];
  const rows = await read(scopes);
  const byKey = new Map<number, ServedRef[]>();
  const lists = refs.includes(ALL_REFS)
    ? [refsServed(rows)]
    : (refs.length ? refs : [undefined]).map((ref) => refsNamed(rows, ref));
  for (const list of lists) {
    for (const [key, found] of list) {
      const known = byKey.get(key) ?? [];
      const added = [found].flat().filter((ref) => !known.some((each) => each.ref === ref.ref));
      byKey.set(key, [...known, ...added]);
    }
  }
  return scopes.flatMap((scope) => {
    const known = byKey.get(scope.repo.key);
    return known ? [{ scope, refs: known.slice(0, MAX_REFS) }] : [];
  });
}

async function emptiness(
  read: VisibleRefs['refs'],
  visible: RepoScope[],
  clauses: Clause[],
  chosen: RepoScope[][],
  byClause: Target[][],
): Promise<Pick<Targets, 'emptyReason' | 'suggestions'>> {
  if (byClause.some((targets) => targets.length > 0)) return { emptyReason: null, suggestions: [] };
  const repos = clauses.flatMap((clause) => clause.repos.flat());
  if (chosen.every((scopes) => scopes.length === 0) && repos.length > 0) {
    const names = [...new Set(visible.map((scope) => scope.repo.name))];
    return {
      emptyReason: 'no_access_or_missing',
      suggestions: repos.flatMap((name) => nearestNames(name, names)),
    };
  }
  const refs = clauses.flatMap((clause) => clause.refs);
  return { emptyReason: 'not_indexed', suggestions: await nearestRefs(read, chosen.flat(), refs) };
}

async function nearestRefs(
  read: VisibleRefs['refs'],
  scopes: RepoScope[],
  refs: string[],
): Promise<string[]> {
  if (refs.length === 0 || scopes.length === 0) return [];
  const served = refsServed(await read(scopes.slice(0, MAX_REPOS)));
  const names = [...new Set([...served.values()].flat().map((ref) => ref.ref))];
  return [...new Set(refs.flatMap((ref) => nearestNames(ref, names)))];
}
