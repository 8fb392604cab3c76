/**
 * How the text of a blob is kept: in blocks of whole lines, each deflated by itself, so that showing some lines or
 * looking for a string reads what is near them and not the file. Smaller blocks cost more (at 4 KB a tenth of the text
 * more than at 8, for trigrams and deflate alike), larger ones are read in vain.
 */
import { MAX_JSON_BYTES } from './index-json.ts';
import { ANY_TRIGRAM, trigramWords } from './trigrams.ts';

/** Block ids are `blob * 4096 + ordinal`: the largest text that is parsed has a hundred. */
export const MAX_BLOCKS = 4096;
/** UTF-16 units after which a block ends with its line. */
const BLOCK_LENGTH = 8192;

export interface TextBlock {
  /** 1-based. */
  startLine: number;
  /** Of the last line that begins in it. */
  endLine: number;
  text: string;
}

/** A text in blocks; joined they are the text again. An empty one is one empty block. */
export function textBlocks(text: string): TextBlock[] {
  const blocks: TextBlock[] = [];
  let startLine = 1;
  for (let at = 0; at < text.length || blocks.length === 0; ) {
    const newline = text.length - at > BLOCK_LENGTH ? text.indexOf('\n', at + BLOCK_LENGTH - 1) : -1;
    const end = newline < 0 || blocks.length === MAX_BLOCKS - 1 ? text.length : newline + 1;
    const piece = text.slice(at, end);
    const after = startLine + newlinesIn(piece);
    blocks.push({ startLine, endLine: piece.endsWith('\n') ? after - 1 : after, text: piece });
    startLine = after;
    at = end;
  }
  return blocks;
}

function newlinesIn(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count++;
  return count;
}

/** A block of very many trigrams would pass the size of a bound value: it then counts as holding them all. */
export function blockTrigrams({ text }: TextBlock): string {
  const words = trigramWords(text);
  return words.length > MAX_JSON_BYTES - 100 ? ANY_TRIGRAM : words;
}
