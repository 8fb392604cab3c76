import { detailsOf, type SymbolDetail } from './details.ts';
import { type ImportReference, referencesOf } from './references.ts';
import { type SymbolQuery, selectDefinitions } from './select.ts';
import { type OpenSnapshot, treeOf } from './snapshot.ts';

export interface SymbolLookup {
  symbols: SymbolDetail[];
  /** Files that import the symbol; empty unless asked for. */
  imports: ImportReference[];
  /** Definitions of that name; `symbols` holds the likeliest of them. */
  total: number;
}

const MAX_SYMBOLS = 100;

/**
 * The definitions of a symbol with their exact source.
 * @throws Problem `not_found` with `suggestions`
 */
export async function lookUpSymbol(
  snapshot: OpenSnapshot,
  query: SymbolQuery,
  options: { includeImports: boolean },
): Promise<SymbolLookup> {
  const tree = await treeOf(snapshot);
  const definitions = await selectDefinitions(snapshot, tree, query);
  const [symbols, imports] = await Promise.all([
    detailsOf(snapshot, definitions.slice(0, MAX_SYMBOLS)),
    options.includeImports ? referencesOf(snapshot, tree, definitions) : [],
  ]);
  return { symbols, imports, total: definitions.length };
}
