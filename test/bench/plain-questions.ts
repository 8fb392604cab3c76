/**
 * Questions in plain words: what a developer asks who has not read the code. Each was written from reading the answer's
 * source, before any search was asked, and avoids the words of the answer's name and of its file's. The repositories are not
 * among those that the embedded model learns from. Those of plain-questions-dev.tsv decide choices, those of
 * plain-questions.tsv are only measured.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { splitIdentifier } from '../../src/words.ts';

export interface PlainQuestion {
  split: 'dev' | 'held-out';
  /** `owner/name`. */
  repository: string;
  /** The commit that the answers' lines are of. */
  commit: string;
  kind: 'function' | 'type' | 'section';
  level: 'easy' | 'medium' | 'hard';
  question: string;
  /** The best answer, then others that serve as well. */
  answers: [Answer, ...Answer[]];
}

export interface Answer {
  path: string;
  /** Dotted, as an index qualifies it; a section's is its heading. */
  symbol: string;
  /** 1-based, inclusive. */
  from: number;
  to: number;
}

/** Columns: repository, commit, kind, level, question, answer, also (answers as `path#symbol:from-to`, the latter by ` or `). */
export function plainQuestions(): PlainQuestion[] {
  return [
    ...questionsOf('held-out', 'plain-questions.tsv'),
    ...questionsOf('dev', 'plain-questions-dev.tsv'),
  ];
}

function questionsOf(split: PlainQuestion['split'], file: string): PlainQuestion[] {
  const [, ...rows] = readFileSync(path.join(import.meta.dirname, file), 'utf8')
    .replace(/\n$/, '')
    .split('\n');
  return rows.map((row) => {
    const [repository, commit, kind, level, question, answer, also] = row.split('\t') as [
      string,
      string,
      PlainQuestion['kind'],
      PlainQuestion['level'],
      string,
      string,
      string,
    ];
    const others = also === '' ? [] : also.split(' or ').map(answerOf);
    return { split, repository, commit, kind, level, question, answers: [answerOf(answer), ...others] };
  });
}

function answerOf(text: string): Answer {
  const [, file, symbol, from, to] = /^([^#]+)#(.+):(\d+)-(\d+)$/.exec(text)!;
  return { path: file!, symbol: symbol!, from: Number(from), to: Number(to) };
}

const STOP_WORDS: ReadonlySet<string> = new Set(
  `a an and are as at be been but by can do does for from has have how i if in into is it its of on or so such that the
   their them then there they this to was were what when where which while who why will with without`.split(
    /\s+/,
  ),
);

/** The words of the answer's own name and of its file's (a folder's, where the file is named for its role) in the question. */
export function sharedWords({ question, answers: [{ path: file, symbol }] }: PlainQuestion): string[] {
  const base = path.basename(file).replace(/\..*$/, '');
  const place = /^(?:index|mod|lib|main)$/.test(base) ? path.basename(path.dirname(file)) : base;
  const name = new Set([...wordsOf(lastName(symbol)), ...wordsOf(place)]);
  return wordsOf(question).filter((word) => name.has(word));
}

function wordsOf(text: string): string[] {
  return splitIdentifier(text)
    .filter((word) => !STOP_WORDS.has(word))
    .map(stem);
}

/** Naive: plural, tense and agent endings, so that `removed` is the word of `remove`. */
function stem(word: string): string {
  const short = word.replace(/(?:ings?|ions?|ers?|ors?|ed|es|s|ly|e)$/, '');
  return short.length >= 3 ? short.replace(/([b-df-hj-np-tv-z])\1$/, '$1') : word;
}

/** Why a text is not what an answer says of it, or null. */
export function misplaced({ path: file, symbol, from, to }: Answer, text: string): string | null {
  const lines = text.split('\n');
  if (to < from || to > lines.length) return `${file} has no lines ${from} to ${to}`;
  // Annotations may stand between the first line and the name.
  const head = lines.slice(from - 1, Math.min(to, from + 9)).join('\n');
  const found = head.includes(symbol) || head.includes(lastName(symbol));
  return found ? null : `${file}:${from} is not ${symbol}`;
}

/** `A.b!` → `b!`, `A.r#async` → `async`. */
function lastName(symbol: string): string {
  return symbol.replace(/.*[.#](?=\S)/, '');
}
