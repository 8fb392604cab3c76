/** What training learns from and evaluation asks. */
export interface Example {
  /** `function`: its documentation asks for it. `commit`: its subject asks for what it changed. */
  kind: 'function' | 'commit';
  path: string;
  /** Qualified, '' for a commit. */
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
