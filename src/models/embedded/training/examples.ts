/**
 * `function`: its documentation asks for it. `comment`: a comment asks for the code that follows it. `test`: its title asks for
 * its body. `commit`: its subject asks for what it changed. `term`: plain words ask for words of code (paraphrases.tsv).
 */
export const KINDS = ['function', 'comment', 'test', 'commit', 'term'] as const;
export type Kind = (typeof KINDS)[number];

/** What training learns from and evaluation asks. */
export interface Example {
  kind: Kind;
  path: string;
  /** Qualified; '' for a commit and a test. */
  name: string;
  signature: string;
  /** Without its documentation. */
  code: string;
  /** As the parser has it, '' when there is none. */
  documentation: string;
  /** What asks for it, '' for a function that only stands in the pool of an evaluation. */
  query: string;
}

/** Code beyond this is left out; a chunk of the index has at most as much. */
export const MAX_CODE = 2_000;
