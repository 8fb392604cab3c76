/** Facts as lines of text, so that a test reads like the outline of its fixture. */
import type { BlobFacts } from '../../../../src/ingest/parse/facts.ts';
import { parseBlob } from '../../../../src/ingest/parse/parse.ts';

export async function factsOf(text: string, language: string): Promise<BlobFacts> {
  return parseBlob(new TextEncoder().encode(text), language);
}

/** `kind Qualified.name 3-5 < Base`, with `-` before what is not exported. */
export function outline({ symbols }: BlobFacts): string[] {
  return symbols.map(({ kind, qualifiedName, startLine, endLine, exported, bases }) => {
    const lines = startLine === endLine ? `${startLine}` : `${startLine}-${endLine}`;
    return `${exported ? '' : '- '}${kind} ${qualifiedName} ${lines}${bases.length > 0 ? ` < ${bases.join(', ')}` : ''}`;
  });
}

/** `7 receiver.callee/2 Type in Caller.name`; `?` stands for what the file does not tell. */
export function calls({ calls, symbols }: BlobFacts): string[] {
  return calls.map(({ line, receiver, callee, arity, receiverType, caller }) => {
    const target = receiver === '' ? callee : `${receiver}.${callee}`;
    const type = receiver === '' ? '' : ` ${receiverType ?? '?'}`;
    return `${line} ${target}/${arity ?? '?'}${type} in ${caller === null ? 'file' : symbols[caller]!.qualifiedName}`;
  });
}

/** `3 source: name`, with ` as alias` when renamed. */
export function imports({ imports }: BlobFacts): string[] {
  return imports.map(
    ({ line, source, name, alias }) =>
      `${line} ${source}: ${name}${alias === name || alias === '' ? '' : ` as ${alias}`}`,
  );
}

/** Signature and documentation of the first symbol with this name. */
export function headOf(
  { symbols }: BlobFacts,
  qualifiedName: string,
): { signature: string; documentation: string | null } | null {
  const found = symbols.find((symbol) => symbol.qualifiedName === qualifiedName);
  return found ? { signature: found.signature, documentation: found.documentation } : null;
}
