import type { ChunkWords } from '../../store/blob-rows.ts';
import { chunkTerms } from '../../words.ts';
import type { BlobFacts, ChunkFact } from '../parse/facts.ts';
import { linesOf } from '../parse/lines.ts';

/** The full-text columns of a blob's chunks, in their order. */
export function chunkWords(facts: BlobFacts): ChunkWords[] {
  if (facts.chunks.length === 0) return [];
  const { starts } = linesOf(facts.text);
  const names = namesByLine(facts);
  return facts.chunks.map((chunk) => {
    const source = facts.text.slice(starts[chunk.startLine - 1] ?? 0, starts[chunk.endLine]);
    return { ...chunkTerms(source), names: namesOf(chunk, facts, names) };
  });
}

function namesByLine(facts: BlobFacts): Map<number, string[]> {
  const byLine = new Map<number, string[]>();
  for (const { startLine, qualifiedName } of facts.symbols) {
    const there = byLine.get(startLine);
    if (there) there.push(qualifiedName);
    else byLine.set(startLine, [qualifiedName]);
  }
  return byLine;
}

/** More names than this say nothing about a chunk any more. */
const MAX_NAMES = 64;

/** The names of a chunk's own symbol and of those that start in it, whole and in parts. */
function namesOf(chunk: ChunkFact, facts: BlobFacts, byLine: Map<number, string[]>): string {
  const names = new Set<string>();
  const own = chunk.symbol === null ? undefined : facts.symbols[chunk.symbol];
  if (own) names.add(own.qualifiedName);
  for (let line = chunk.startLine; line <= chunk.endLine && names.size < MAX_NAMES; line++) {
    for (const name of byLine.get(line) ?? []) names.add(name);
  }
  if (names.size === 0) return '';
  const { text, parts } = chunkTerms([...names].join(' '));
  return parts === '' ? text : `${text} ${parts}`;
}
