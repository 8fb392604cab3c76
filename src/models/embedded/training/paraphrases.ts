/** Terms of code in plain words (paraphrases.tsv, written for this): so that a question need not use the words of the code. */
import { readFileSync } from 'node:fs';
import path from 'node:path';

/** What else one may say for a term: `abort` → `give up in the middle`, `cancel`. */
export type Paraphrases = ReadonlyMap<string, readonly string[]>;

const TABLE = path.join(import.meta.dirname, 'paraphrases.tsv');

export function readParaphrases(file: string = TABLE): Paraphrases {
  const rows = readFileSync(file, 'utf8').trim().split('\n');
  return new Map(
    rows.map((row): [string, string[]] => {
      const [term = '', said = ''] = row.split('\t');
      return [term, said.split(';').map((each) => each.trim())];
    }),
  );
}

/** Of a text's terms this share is said otherwise. */
const SHARE = 0.6;

/** A text with some of its terms said in plain words. `random` gives numbers in [0, 1). */
export function paraphrased(text: string, paraphrases: Paraphrases, random: () => number): string {
  const words = text.split(/([^\p{L}\p{N}]+)/u);
  for (let at = 0; at < words.length; at += 2) {
    const pair = `${words[at]} ${words[at + 2]}`.toLowerCase();
    const isPair = words[at + 1] === ' ' && paraphrases.has(pair);
    const said = isPair ? paraphrases.get(pair) : ofWord(words[at]!.toLowerCase(), paraphrases);
    if (!said || random() >= SHARE) continue;
    words[at] = said[Math.floor(random() * said.length)]!;
    if (isPair) words[at + 2] = '';
  }
  return words.join('').replace(/ +/g, ' ');
}

/** Also of a plural, and of what is done or being done. */
function ofWord(word: string, paraphrases: Paraphrases): readonly string[] | undefined {
  for (const form of [word, ...stems(word)]) {
    const said = paraphrases.get(form);
    if (said) return said;
  }
  return undefined;
}

function stems(word: string): string[] {
  const ending = /(?:ing|ed|es|s)$/.exec(word)?.[0];
  if (!ending || word.length - ending.length < 3) return [];
  const stem = word.slice(0, -ending.length);
  return [stem, `${stem}e`, stem.replace(/(.)\1$/, '$1')];
}
