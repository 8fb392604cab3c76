import {
  type ImportRow,
  importsOfBlobs,
  type SnapshotView,
  type SymbolRow,
  symbolsNamed,
} from '../../store/navigation.ts';
import type { Definition, Facts } from './facts.ts';
import type { Manifest } from './modules/module.ts';
import type { PathIndex } from './paths.ts';

/** Reads the text of parsed blobs; ids without text are left out. */
export type TextReader = (blobs: number[]) => Promise<Map<number, string>>;

export interface DemandLimits {
  /** Times that what was missing is fetched before the work ends with what there is. */
  rounds: number;
  /** Rows of symbols and of imports held at once. */
  rows: number;
  /** Files whose text is held, and their characters in total. */
  texts: number;
  characters: number;
}

export const DEMAND_LIMITS: DemandLimits = { rounds: 10, rows: 60_000, texts: 400, characters: 12_000_000 };

export interface FactStore {
  /**
   * Runs pure work over facts until nothing it asks for is missing: each round collects what was asked in vain and
   * fetches it at once, so that the work stays synchronous and the queries few.
   */
  run<T>(work: (facts: Facts) => T): Promise<T>;
  /** The same for each of many items; an item whose facts were all there is not worked on again. */
  each<I, T>(items: readonly I[], work: (facts: Facts, item: I) => T): Promise<T[]>;
  /** True when a limit cut something off: answers may then lack edges. */
  readonly truncated: boolean;
}

/** Facts of one snapshot, loaded on demand and kept for as long as the store lives. */
export function createFactStore(
  view: SnapshotView,
  context: { paths: PathIndex; manifests: readonly Manifest[] },
  readText: TextReader,
  limits: DemandLimits = DEMAND_LIMITS,
): FactStore {
  const definitions = new Map<string, Definition[]>();
  const bindings = new Map<number, ImportRow[]>();
  const texts = new Map<number, string | null>();
  const wanted = { names: new Set<string>(), blobs: new Set<number>(), texts: new Set<number>() };
  let rows = 0;
  let characters = 0;
  let truncated = false;
  /** Counts what was asked in vain, by whoever asked. */
  let misses = 0;

  const facts: Facts = {
    paths: context.paths,
    manifests: context.manifests,
    definitions(name) {
      const known = definitions.get(name);
      if (!known && name !== '' && name !== '*') miss(wanted.names, name);
      return known ?? [];
    },
    bindings(path) {
      const file = context.paths.file(path);
      if (!file) return [];
      const known = bindings.get(file.blob);
      if (!known) miss(wanted.blobs, file.blob);
      return known ?? [];
    },
    text(path) {
      const file = context.paths.file(path);
      if (!file) return null;
      const known = texts.get(file.blob);
      if (known === undefined) miss(wanted.texts, file.blob);
      return known ?? null;
    },
  };

  return {
    get truncated() {
      return truncated;
    },
    async run(work) {
      const [result] = await each([null], (known) => work(known));
      return result!;
    },
    each,
  };

  function miss<T>(kind: Set<T>, key: T): void {
    kind.add(key);
    misses++;
  }

  async function each<I, T>(items: readonly I[], work: (facts: Facts, item: I) => T): Promise<T[]> {
    const results: T[] = new Array(items.length);
    let pending = [...items.keys()];
    for (let round = 1; ; round++) {
      pending = pending.filter((index) => {
        const before = misses;
        results[index] = work(facts, items[index]!);
        return misses > before;
      });
      if (pending.length === 0) return results;
      if (round > limits.rounds) {
        truncated = true;
        forgetWanted();
        return results;
      }
      await Promise.all([fetchNames(), fetchBindings(), fetchTexts()]);
    }
  }

  function forgetWanted(): void {
    wanted.names.clear();
    wanted.blobs.clear();
    wanted.texts.clear();
  }

  async function fetchNames(): Promise<void> {
    const names = [...wanted.names];
    wanted.names.clear();
    if (names.length === 0) return;
    const room = Math.max(0, limits.rows - rows);
    const found = room === 0 ? [] : await symbolsNamed(view, names, { limit: room, brief: true });
    if (found.length >= room) truncated = true;
    rows += found.length;
    for (const name of names) definitions.set(name, []);
    for (const row of found) definitions.get(row.name)?.push(...placed(row, context.paths));
    // Rows come by id, which tells in which order blobs were indexed; no answer may depend on that.
    for (const name of names) definitions.get(name)?.sort(byPlace);
  }

  async function fetchBindings(): Promise<void> {
    const blobs = [...wanted.blobs];
    wanted.blobs.clear();
    if (blobs.length === 0) return;
    const room = Math.max(0, limits.rows - rows);
    const found = room === 0 ? [] : await importsOfBlobs(view, blobs, room);
    if (found.length >= room) truncated = true;
    rows += found.length;
    for (const blob of blobs) bindings.set(blob, []);
    for (const row of found) bindings.get(row.blob)?.push(row);
  }

  /** What is over the budget is answered as null: the checks that need text are then left out. */
  async function fetchTexts(): Promise<void> {
    const blobs = [...wanted.texts];
    wanted.texts.clear();
    if (blobs.length === 0) return;
    const room = characters >= limits.characters ? 0 : Math.max(0, limits.texts - texts.size);
    for (const blob of blobs) texts.set(blob, null);
    for (let start = 0; start < Math.min(room, blobs.length); start += TEXTS_AT_ONCE) {
      if (characters >= limits.characters) return;
      const batch = blobs.slice(start, Math.min(room, start + TEXTS_AT_ONCE));
      for (const [blob, text] of await readText(batch)) {
        texts.set(blob, text);
        characters += text.length;
      }
    }
  }
}

const TEXTS_AT_ONCE = 50;

/** A symbol at each of the paths where its blob stands. */
export function placed(row: SymbolRow, paths: PathIndex): Definition[] {
  return paths.pathsOf(row.blob).map((file) => ({ ...row, path: file.path, lang: file.lang }));
}

export function byPlace(a: Definition, b: Definition): number {
  return a.path === b.path ? a.ord - b.ord : a.path < b.path ? -1 : 1;
}
