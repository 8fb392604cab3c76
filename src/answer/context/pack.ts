import { lineCount, lineRange } from '../lines.ts';
import type { Tokenizer } from './tokenizer.ts';

/** A piece of a file that a strategy proposes, best first. Lines are 1-based, inclusive. */
export interface Section {
  path: string;
  startLine: number;
  endLine: number;
  /** Why it is here, in a few words. */
  annotation: string;
  /** The whole file. */
  text: string;
}

export interface ContextChunk {
  filePath: string;
  startLine: number;
  endLine: number;
  content: string;
  annotation: string;
}

export interface Pack {
  chunks: ContextChunk[];
  formatted: string;
  /** Tokens of `formatted`. */
  totalTokens: number;
}

/** More sections than this are no longer a choice. */
const MAX_SECTIONS = 200;
/** A cut-off section shorter than this says nothing. */
const MIN_LINES = 3;

/**
 * Fits sections into a budget, in order. What overlaps an earlier section is left out; the first one that does not fit
 * is cut to the lines that do. `formatted` never has more than `maxTokens` tokens: for a budget below a heading's, it
 * is empty.
 */
export function packSections(sections: Section[], maxTokens: number, tokenizer: Tokenizer): Pack {
  const chunks: ContextChunk[] = [];
  let left = maxTokens;
  for (const section of sections.slice(0, MAX_SECTIONS)) {
    const chunk = newLines(section, chunks);
    if (chunk === null) continue;
    const cost = tokenizer.count(formatChunk(chunk));
    const fitting = cost <= left ? chunk : cut(chunk, left, cost, tokenizer);
    if (fitting !== null) {
      chunks.push(fitting);
      left -= fitting === chunk ? cost : tokenizer.count(formatChunk(fitting));
    }
    if (left < MIN_SECTION_TOKENS) break;
  }
  return exact(chunks, maxTokens, tokenizer);
}

/** No heading with a line below it is shorter. */
const MIN_SECTION_TOKENS = 12;

/** The section as a chunk, without the lines that earlier chunks of its file hold; null when none are left. */
function newLines(section: Section, chunks: ContextChunk[]): ContextChunk | null {
  let { startLine, endLine } = section;
  for (const other of chunks) {
    if (other.filePath !== section.path || other.endLine < startLine || other.startLine > endLine) continue;
    if (other.startLine <= startLine) startLine = other.endLine + 1;
    else endLine = other.startLine - 1;
  }
  const content = startLine > endLine ? '' : lineRange(section.text, startLine, endLine);
  if (content.trim() === '') return null;
  return { filePath: section.path, startLine, endLine, content, annotation: section.annotation };
}

/** The chunk's first lines, as many as `left` tokens hold; null when that is too few to be worth it. */
function cut(chunk: ContextChunk, left: number, cost: number, tokenizer: Tokenizer): ContextChunk | null {
  const lines = lineCount(chunk.content);
  let keep = Math.min(lines - 1, Math.floor((lines * left) / cost));
  while (keep >= MIN_LINES) {
    const shorter: ContextChunk = {
      ...chunk,
      endLine: chunk.startLine + keep - 1,
      content: lineRange(chunk.content, 1, keep),
      annotation: `${chunk.annotation} (cut)`,
    };
    if (tokenizer.count(formatChunk(shorter)) <= left) return shorter;
    keep = Math.floor(keep * 0.8);
  }
  return null;
}

/** Tokens of the whole may differ by a few from the sum of its parts, so the whole is counted, and shortened if need be. */
function exact(chunks: ContextChunk[], maxTokens: number, tokenizer: Tokenizer): Pack {
  for (let kept = chunks; kept.length > 0; kept = kept.slice(0, -1)) {
    const formatted = kept.map(formatChunk).join('');
    const totalTokens = tokenizer.count(formatted);
    if (totalTokens <= maxTokens) return { chunks: kept, formatted, totalTokens };
  }
  return { chunks: [], formatted: '', totalTokens: 0 };
}

function formatChunk({ filePath, startLine, endLine, content, annotation }: ContextChunk): string {
  const fence = '`'.repeat(Math.max(3, longestRun(content) + 1));
  const extension = /\.(\w{1,10})$/.exec(filePath)?.[1] ?? '';
  return `## File: ${filePath} (lines ${startLine}-${endLine})\n${annotation}\n${fence}${extension}\n${content}\n${fence}\n\n`;
}

/** The longest run of backticks, so that repository text cannot end its own fence. */
function longestRun(content: string): number {
  return (content.match(/`+/g) ?? []).reduce((longest, run) => Math.max(longest, run.length), 0);
}
