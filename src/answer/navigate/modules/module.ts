import type { ImportRow } from '../../../store/navigation.ts';
import type { IndexedFile, PathIndex } from '../paths.ts';

/** An import as the resolver sees it. */
export type Binding = Omit<ImportRow, 'blob' | 'ord'>;

/**
 * Where an import leads.
 * `files`: any of these holds what is imported; `member` is the name to look for there when it differs from the
 * binding's own (null: the binding is the module itself).
 * `external`: a package that this repository does not hold; nothing here is meant.
 * `unknown`: cannot be told from paths alone; names decide.
 */
export type Resolution =
  | { kind: 'files'; files: readonly IndexedFile[]; member: string | null }
  | { kind: 'external' }
  | { kind: 'unknown' };

export const EXTERNAL: Resolution = { kind: 'external' };
export const UNKNOWN: Resolution = { kind: 'unknown' };

/** A package, module or crate of the repository: its public name and its directory ('' = the root). */
export interface Manifest {
  kind: 'npm' | 'go' | 'cargo';
  name: string;
  directory: string;
}

export interface ModuleContext {
  paths: PathIndex;
  manifests: readonly Manifest[];
}

/** Resolves one import of the file `from`. */
export type ModuleResolver = (context: ModuleContext, from: IndexedFile, binding: Binding) => Resolution;

/** `files` for a non-empty list, else `otherwise`. */
export function found(
  files: readonly (IndexedFile | undefined)[],
  member: string | null,
  otherwise: Resolution,
): Resolution {
  const present = files.filter((file): file is IndexedFile => file !== undefined);
  return present.length > 0 ? { kind: 'files', files: present, member } : otherwise;
}
