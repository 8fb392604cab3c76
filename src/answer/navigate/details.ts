import { blobOids } from '../../store/navigation.ts';
import type { Definition } from './facts.ts';
import { lineRange } from './lines.ts';
import { type OpenSnapshot, textsOf } from './snapshot.ts';

/** The seed's SymbolDetail; `source` is left out where only the place matters. */
export interface SymbolDetail {
  name: string;
  qualifiedName: string;
  kind: string;
  filePath: string;
  startLine: number;
  endLine: number;
  signature: string;
  documentation: string | null;
  exported: boolean;
  /** Oid of the blob that holds it. */
  fileContentId: string;
  source?: string;
}

/** Sources of this many symbols are read for one answer. */
const MAX_SOURCES = 200;

/** Details of definitions, in their order; with `source`, the exact lines of each. */
export async function detailsOf(
  snapshot: OpenSnapshot,
  definitions: readonly Definition[],
  options: { source: boolean },
): Promise<SymbolDetail[]> {
  const blobs = [...new Set(definitions.map((definition) => definition.blob))];
  const [oids, texts] = await Promise.all([
    blobOids(snapshot, blobs),
    options.source ? textsOf(snapshot)(blobs.slice(0, MAX_SOURCES)) : new Map<number, string>(),
  ]);
  return definitions.map((definition) => {
    const text = texts.get(definition.blob);
    return {
      name: definition.name,
      qualifiedName: definition.qualifiedName,
      kind: definition.kind,
      filePath: definition.path,
      startLine: definition.startLine,
      endLine: definition.endLine,
      signature: definition.signature,
      documentation: definition.documentation,
      exported: definition.exported,
      fileContentId: oids.get(definition.blob) ?? '',
      ...(options.source
        ? { source: text === undefined ? '' : lineRange(text, definition.startLine, definition.endLine) }
        : {}),
    };
  });
}
