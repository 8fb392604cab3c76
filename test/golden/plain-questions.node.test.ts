import { describe, expect, it } from 'vitest';
import { languageOf } from '../../src/ingest/parse/languages.ts';
import { misplaced, type PlainQuestion, plainQuestions, sharedWords } from '../bench/plain-questions.ts';

const questions = plainQuestions();
const asked = (question: string, path: string, symbol: string): PlainQuestion => ({
  ...questions[0]!,
  question,
  answers: [{ path, symbol, from: 1, to: 1 }],
});

describe('the plain-word questions of the bench', () => {
  it('are more than a hundred, of repositories in at least six languages, each pinned to one commit', () => {
    expect(questions.length).toBeGreaterThanOrEqual(110);
    const commits = Map.groupBy(questions, ({ repository }) => repository);
    expect(commits.size).toBeGreaterThanOrEqual(7);
    for (const [repository, ofOne] of commits) {
      const pinned = new Set(ofOne.map(({ commit }) => commit));
      expect(pinned.size, repository).toBe(1);
      expect([...pinned][0], repository).toMatch(/^[0-9a-f]{40}$/);
    }
    const code = questions.filter(({ kind }) => kind !== 'section');
    expect(new Set(code.map(({ answers: [{ path }] }) => languageOf(path))).size).toBeGreaterThanOrEqual(6);
  });

  it('are each asked once, without the syntax of queries', () => {
    expect(new Set(questions.map(({ question }) => question)).size).toBe(questions.length);
    for (const { question } of questions) {
      expect(question).toMatch(/^[\p{L}\p{N}_ ,.'~-]+$/u);
      expect(question).not.toMatch(/(?:^| )-|\b(?:AND|OR|NOT)\b/);
    }
    expect(new Set(questions.map(({ kind }) => kind))).toEqual(new Set(['function', 'type', 'section']));
    expect(new Set(questions.map(({ level }) => level))).toEqual(new Set(['easy', 'medium', 'hard']));
  });

  it('have answers with a place', () => {
    for (const { answers } of questions)
      for (const { path, symbol, from, to } of answers) {
        expect(from, `${path}#${symbol}`).toBeGreaterThan(0);
        expect(to, `${path}#${symbol}`).toBeGreaterThanOrEqual(from);
      }
  });

  it('share no word with the name of their answer or of its file', () => {
    const shared = questions.map((each) => [each.question, sharedWords(each)] as const);
    expect(shared.filter(([, words]) => words.length > 0)).toEqual([]);
  });
});

describe('the check of shared words', () => {
  it.each([
    ['a word of the name', 'where is the path cleaned', 'url.go', 'Engine.cleanPath'],
    ['a plural and a tense', 'removing slashes', 'url.go', 'removeSlash'],
    ['a word of the file', 'how routers start', 'router.rs', 'begin'],
    ['the folder of an index file', 'compressing an answer', 'src/compress/index.ts', 'encode'],
    ['a word of a heading', 'what is binary', 'GUIDE.md', 'Binary data'],
  ])('finds %s', (_, question, path, symbol) => {
    expect(sharedWords(asked(question, path, symbol))).not.toEqual([]);
  });

  it('passes over stop words, the owner of a method and endings of files', () => {
    expect(sharedWords(asked('what is of the engine and how does it go', 'url.go', 'Engine.isOf'))).toEqual(
      [],
    );
  });
});

describe('the check of places', () => {
  const text = '/** Says so. */\n@Inject\nrun() {\n}\n';

  it('accepts lines that begin with the symbol, annotations aside', () => {
    expect(misplaced({ path: 'a.ts', symbol: 'A.run', from: 2, to: 4 }, text)).toBeNull();
  });

  it('refuses lines of something else and lines that are not there', () => {
    expect(misplaced({ path: 'a.ts', symbol: 'A.stop', from: 2, to: 4 }, text)).toContain('a.ts:2');
    expect(misplaced({ path: 'a.ts', symbol: 'A.run', from: 2, to: 40 }, text)).toContain('no lines');
  });
});
