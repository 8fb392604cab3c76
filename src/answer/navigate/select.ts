import { Problem } from '../../errors.ts';
import { type SymbolRow, symbolNames, symbolsNamed } from '../../store/navigation.ts';
import { nearestNames } from '../nearest.ts';
import { placed } from './demand.ts';
import { containerOf, type Definition, dotted, isType, keyOf, lastName } from './facts.ts';
import { factsOf, type OpenSnapshot, type SnapshotTree } from './snapshot.ts';
import { lookupMember } from './types.ts';

/** Definitions of one name that are looked at; names that more symbols share are cut, best first. */
const MAX_DEFINITIONS = 2_000;
/** Names that suggestions are chosen from. */
const MAX_NAMES = 4_000;
const MAX_SUGGESTIONS = 5;

export interface SymbolQuery {
  /** `match`, `Router.match`, `Router::match` or `Router#match`. */
  name: string;
  /** Picks among several: the file's path, or the end of it. */
  path?: string | undefined;
  kind?: string | undefined;
}

/**
 * The definitions that a symbol name means in a snapshot, the likeliest first: in exact letter case, else in any.
 * @throws Problem `not_found` with the nearest names in `suggestions`.
 */
export async function selectDefinitions(
  snapshot: OpenSnapshot,
  tree: SnapshotTree,
  query: SymbolQuery,
): Promise<Definition[]> {
  const qualified = dotted(query.name.replace(/(?<=.)#/g, '.').replace(/^\$(?=this\b)/, ''));
  const names = [...new Set([query.name, lastName(qualified)])].filter((name) => name !== '');
  for (const anyCase of [false, true]) {
    const rows = await symbolsNamed(snapshot, names, { limit: MAX_DEFINITIONS, anyCase });
    const found = rows
      .filter((row) => isNamed(row, query.name, qualified, anyCase))
      .flatMap((row) => placed(row, tree.paths))
      .filter((definition) => isPicked(definition, query));
    if (found.length > 0) return found.sort(likeliestFirst);
  }
  const inherited = qualified.includes('.') ? await inheritedMembers(snapshot, tree, query, qualified) : [];
  if (inherited.length > 0) return inherited;
  throw await notFound(snapshot, query);
}

/** `Flask.route` for what Flask has from a base. */
async function inheritedMembers(
  snapshot: OpenSnapshot,
  tree: SnapshotTree,
  query: SymbolQuery,
  qualified: string,
): Promise<Definition[]> {
  const owner = containerOf(qualified);
  const members = await factsOf(snapshot, tree).run((facts) =>
    facts
      .definitions(lastName(owner))
      .filter(
        (type) => isType(type) && (type.qualifiedName === owner || type.qualifiedName.endsWith(`.${owner}`)),
      )
      .flatMap((type) => lookupMember(facts, type, lastName(qualified)).inherited),
  );
  if (members.length === 0) return [];
  const keys = new Set(members.map(keyOf));
  const rows = await symbolsNamed(snapshot, [lastName(qualified)], { limit: MAX_DEFINITIONS });
  return rows
    .flatMap((row) => placed(row, tree.paths))
    .filter((definition) => keys.has(keyOf(definition)) && isPicked(definition, query))
    .sort(likeliestFirst);
}

function isNamed(row: SymbolRow, written: string, qualified: string, anyCase: boolean): boolean {
  const fold = (text: string) => (anyCase ? text.toLowerCase() : text);
  const own = fold(row.qualifiedName);
  return fold(row.name) === fold(written) || own === fold(qualified) || own.endsWith(`.${fold(qualified)}`);
}

function isPicked(definition: Definition, { path, kind }: SymbolQuery): boolean {
  if (kind !== undefined && definition.kind !== kind) return false;
  return path === undefined || definition.path === path || definition.path.endsWith(`/${path}`);
}

/** Kinds by how likely a bare name means them. */
const KIND_ORDER = [
  'class',
  'interface',
  'struct',
  'trait',
  'function',
  'enum',
  'type',
  'method',
  'macro',
  'constant',
  'variable',
  'namespace',
  'field',
];

/** Exported before internal, code before tests, types and functions before variables, with a body before without. */
function likeliestFirst(a: Definition, b: Definition): number {
  return (
    Number(isTest(a.path)) - Number(isTest(b.path)) ||
    Number(b.exported) - Number(a.exported) ||
    KIND_ORDER.indexOf(a.kind) - KIND_ORDER.indexOf(b.kind) ||
    Number(b.endLine > b.startLine) - Number(a.endLine > a.startLine) ||
    a.path.length - b.path.length ||
    (a.path < b.path ? -1 : a.path > b.path ? 1 : a.startLine - b.startLine)
  );
}

function isTest(path: string): boolean {
  return /(?:^|\/)(?:tests?|__tests__|spec|testdata|fixtures|examples?|benchmarks?)\/|[._-](?:test|spec)\.\w+$|(?:^|\/)test_[^/]*$/i.test(
    path,
  );
}

async function notFound(snapshot: OpenSnapshot, query: SymbolQuery): Promise<Problem> {
  const { repo } = snapshot.scope;
  const narrowed = query.path !== undefined || query.kind !== undefined;
  const suggestions = await suggestNames(snapshot, lastName(dotted(query.name)));
  return new Problem(
    'not_found',
    narrowed
      ? `No symbol "${query.name}" with that path and kind in "${repo.name}" at ${snapshot.served.ref}.`
      : `No symbol "${query.name}" in "${repo.name}" at ${snapshot.served.ref}.`,
    { members: { suggestions } },
  );
}

/** The names of the snapshot that look most like `name`, best first. */
export async function suggestNames(snapshot: OpenSnapshot, name: string): Promise<string[]> {
  const byStart = await Promise.all(
    [...new Set([name.slice(0, 3), name.slice(0, 1)])]
      .filter((prefix) => prefix !== '')
      .map((prefix) => symbolNames(snapshot, { prefix, limit: MAX_NAMES / 2 })),
  );
  return nearestNames(name, new Set(byStart.flat()), MAX_SUGGESTIONS);
}
