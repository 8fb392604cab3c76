/**
 * One attempt of a grammar at a text, bounded in what it may cost. Bounds are counts of the runtime and never times: a
 * clock would make facts depend on the machine (and stands still in a Worker while it computes).
 *
 * - Steps: ordinary code takes at most 0.03 a character to parse and 0.01 to query.
 * - Errors: a step that recovers from an error costs up to a hundred ordinary ones, and the runtime does not count them.
 *   Its log tells, but is far too slow to be left on: so a large file is listened to now and then, for a few steps.
 * - Reading: a scanner that looks ahead to the end of a file at every token is one step each time. Ordinary code is read
 *   little more than once.
 * - Memory: what forks without end is stopped while there is room to let go of it.
 */
import type { Tree } from 'web-tree-sitter';
import type { Heard, Runtime } from './runtime.ts';

/** Texts below this cannot cost much, whatever they are. */
const LISTENED_CHARS = 24 * 1024;
/** Where the first sample is taken, and the way to the next: in bytes of UTF-16, as the runtime counts. */
const FIRST_SAMPLE = 4 * 1024;
const SAMPLE_EVERY = 48 * 1024;
/** Steps of a sample, of a hundred operations each; a sample full of errors is looked at longer before it is believed. */
const SAMPLE_STEPS = 2;
const CONFIRM_STEPS = 16;
/** One error in so many operations. A file in another language has one in 3 to 15, working code one in thousands. */
const OPERATIONS_AN_ERROR = 30;
/** What the runtime takes of the text at once, and how often it may take as much as the whole text. */
const PIECE_CHARS = 5 * 1024;
const MAX_READINGS = 16;
/** Characters that the scanners may look at in one sample: ordinary code takes some thousands. */
const SAMPLE_CHARACTERS = 200_000;
/** Steps between two looks at the memory. */
const ROOM_EVERY = 8;

/** A budget of steps; the function is true when it is used up. */
export function budget(allowance: number): () => boolean {
  let steps = 2000 + allowance;
  return () => --steps < 0;
}

/** The tree, or null when the text is too much for the grammar. */
export function attempt(engine: Runtime, text: string): Tree | null {
  const { parser } = engine;
  const watch = new Watch(engine, text.length);
  let parsing = true;
  // The tree keeps it, to tell queries the text of a node.
  const read = (index: number) => (parsing && !watch.mayRead() ? '' : text.slice(index));
  try {
    for (;;) {
      engine.listener = watch.listener;
      parser.setLogger(engine.listener && (() => undefined));
      const tree = parser.parse(read, null, {
        progressCallback: (state) => watch.pauses(state.currentOffset),
      });
      if (tree && !watch.gaveUp) return tree;
      tree?.delete();
      if (watch.gaveUp) break;
    }
  } finally {
    parsing = false;
    engine.listener = null;
    parser.setLogger(null);
  }
  // Its pools keep what it took, in pieces that lie in the way of the next file.
  engine.replaceParser();
  return null;
}

/** Decides at every step whether the parse goes on, pauses to listen or to stop listening, or is given up. */
class Watch {
  gaveUp = false;
  private readonly engine: Runtime;
  private readonly expired: () => boolean;
  private steps = 0;
  private nextSample: number;
  /** Steps left of the sample that is being taken; null between samples. */
  private sampling: number | null = null;
  private confirming = false;
  private operations = 0;
  private errors = 0;
  /** Ways on from an error that were tried and dropped. Code with errors has fewer than operations, by far. */
  private deadEnds = 0;
  private characters = 0;
  private pieces: number;

  constructor(engine: Runtime, length: number) {
    this.engine = engine;
    this.pieces = 200 + (length / PIECE_CHARS) * MAX_READINGS;
    this.expired = budget(length / 10);
    this.nextSample = length < LISTENED_CHARS ? Number.POSITIVE_INFINITY : FIRST_SAMPLE;
  }

  /** To be set before the parse goes on: the runtime asks for it once. */
  get listener(): ((heard: Heard) => void) | null {
    if (this.sampling === null) return null;
    return (heard) => {
      if (heard === 'character') {
        if (++this.characters > SAMPLE_CHARACTERS) this.gaveUp = true;
      } else if (heard === 'operation') this.operations++;
      else if (heard === 'error') this.errors++;
      else if (heard === 'dead end') this.deadEnds++;
    };
  }

  /** False when the text has been read too often: it ends here then, which ends whatever looks for the end of it. */
  mayRead(): boolean {
    if (--this.pieces < 0) this.gaveUp = true;
    return !this.gaveUp;
  }

  pauses(offset: number): boolean {
    if (this.gaveUp) return true;
    this.steps++;
    const full = this.steps % ROOM_EVERY === 0 && !this.engine.hasRoom();
    this.gaveUp = full || this.expired();
    if (this.gaveUp) return true;
    if (this.sampling !== null) return --this.sampling <= 0 && this.judge(offset);
    if (offset < this.nextSample) return false;
    this.listen(SAMPLE_STEPS);
    return true;
  }

  /** At the end of a sample: true when the parse pauses, to stop listening or for good. */
  private judge(offset: number): boolean {
    const full = this.errors * OPERATIONS_AN_ERROR > this.operations || this.deadEnds > this.operations;
    if (full && !this.confirming) {
      this.confirming = true;
      this.sampling = CONFIRM_STEPS;
      return false;
    }
    this.gaveUp = full;
    this.confirming = false;
    this.sampling = null;
    this.nextSample = offset + SAMPLE_EVERY;
    return true;
  }

  private listen(steps: number): void {
    this.sampling = steps;
    this.operations = 0;
    this.errors = 0;
    this.deadEnds = 0;
    this.characters = 0;
  }
}
