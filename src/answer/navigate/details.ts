import { blobOids } from '../../store/navigation.ts';
import { lineRange } from '../lines.ts';
import type { Definition } from './facts.ts';
import { type OpenSnapshot, textsOf } from './snapshot.ts';

/** The seed's SymbolDetail without its source. */
export interface SymbolSummary {
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
}

export interface SymbolDetail extends SymbolSummary {
  /** The exact lines. */
  source: string;
}

/** Where and what definitions are, in their order. */
export async function summariesOf(
  snapshot: OpenSnapshot,
  definitions: readonly Definition[],
): Promise<SymbolSummary[]> {
  const oids = await blobOids(snapshot, blobsOf(definitions));
  return definitions.map((definition) => ({
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
  }));
}

/** The same with their source. */
export async function detailsOf(
  snapshot: OpenSnapshot,
  definitions: readonly Definition[],
): Promise<SymbolDetail[]> {
  const [summaries, texts] = await Promise.all([
    summariesOf(snapshot, definitions),
    textsOf(snapshot)(blobsOf(definitions)),
  ]);
  return summaries.map((summary, index) => {
    const text = texts.get(definitions[index]!.blob) ?? '';
    return { ...summary, source: lineRange(text, summary.startLine, summary.endLine) };
  });
}

function blobsOf(definitions: readonly Definition[]): number[] {
  return [...new Set(definitions.map((definition) => definition.blob))];
}
