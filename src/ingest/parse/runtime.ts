/**
 * The tree-sitter runtime: one parser and one compiled query per language, kept for the life of the isolate. Grammars
 * load when their language is first met: compiling all of them would cost the start-up budget and megabytes.
 */
import { Language, Parser, Query, type Tree } from 'web-tree-sitter';
import type { LanguageDefinition } from './language.ts';
import { withZeroedCalloc } from './zeroed-calloc.ts';

export interface LoadedLanguage {
  definition: LanguageDefinition;
  language: Language;
  /** definitions, references, imports and metrics in one, so that a tree is crossed once. */
  query: Query;
  bodyField: number;
}

/**
 * What the runtime may ever hold, in pages of 64 KiB. An isolate has 128 MB for all; the largest file parsed takes about
 * 60 of it, and a grammar that forks without end (`a<a<a<…` in Java) would otherwise grow to gigabytes. Where the memory
 * ends, the runtime aborts with an exception and `recover` makes it usable again.
 */
const MEMORY_PAGES = { initial: 512, maximum: 1280 };

/** What a parse must leave free, in one piece: letting go of a tree takes memory too. */
const ROOM_BYTES = 8 * 1024 * 1024;

/**
 * The stack that the runtime's C code keeps in that memory. It comes with 64 KiB, and letting go of a parse that forked
 * at every token recurses deeper than that: into the runtime's own data, which breaks every file after it.
 */
const STACK_BYTES = 1024 * 1024;

/** What the runtime's log tells: one of these a line. */
export type Heard = 'character' | 'operation' | 'error' | 'dead end' | 'other';

export interface Runtime {
  parser: Parser;
  /** False when the memory is so full that what runs should end while it still can in good order. */
  hasRoom(): boolean;
  /** Is told what a parse does, from one `parser.parse` with a logger to the next without. */
  listener: ((heard: Heard) => void) | null;
  /** Frees what the parser holds and makes a new one, which has no language yet. Trees stay. */
  replaceParser(): void;
  /**
   * After an exception out of the runtime: puts its memory back to where it was when the last grammar was loaded. What
   * the exception interrupted may be half done and may hold any part of the memory, which nobody could free. No tree
   * outlives it: see `abandon`.
   */
  recover(): void;
  load(definition: LanguageDefinition): Promise<LoadedLanguage>;
}

/** True for the end of the runtime's memory or stack: out of WebAssembly comes no other RangeError than that of the stack. */
export function isRuntimeEnd(error: unknown): boolean {
  return error instanceof WebAssembly.RuntimeError || error instanceof RangeError;
}

/** To be called before `recover` on what it takes the memory of: the garbage collector would free it once more. */
export function abandon(held: Tree | Parser): void {
  Object.assign(held, { 0: 0, 1: 0 });
  held.delete();
}

let shared: Promise<Runtime> | undefined;

/** The runtime of this isolate. `core` is the module of `web-tree-sitter.wasm`; a failed start is tried again. */
export function startRuntime(core: () => Promise<WebAssembly.Module>): Promise<Runtime> {
  shared ??= start(core).catch((error: unknown) => {
    shared = undefined;
    throw error;
  });
  return shared;
}

async function start(core: () => Promise<WebAssembly.Module>): Promise<Runtime> {
  const module = await core();
  const memory = new WebAssembly.Memory(MEMORY_PAGES);
  let heap: Heap | undefined;
  let runtime: Runtime | undefined;
  const options = {
    wasmMemory: memory,
    // An abort is thrown as well; its line on the console says nothing more.
    printErr: () => undefined,
    // Workers forbid compiling WebAssembly at run time, not instantiating a module that came with the bundle.
    instantiateWasm(
      imports: WebAssembly.Imports,
      done: (instance: WebAssembly.Instance, module: WebAssembly.Module) => void,
    ) {
      // In place of the library's, which makes a string of every message: there is one for each character of a scanner.
      const tree_sitter_log_callback = (ofLexer: number, message: number) =>
        runtime?.listener?.(ofLexer !== 0 ? 'character' : heardIn(memory, message));
      const heeded = { ...imports, env: { ...imports.env, tree_sitter_log_callback } };
      const exports = withZeroedCalloc(new WebAssembly.Instance(module, heeded).exports);
      heap = heapOf(memory, imports, exports);
      done({ exports }, module);
      return exports;
    },
  };
  await Parser.init(options);
  heap?.moveStack();
  heap?.remember();
  runtime = runtimeOn(heap);
  return runtime;
}

function runtimeOn(heap: Heap | undefined): Runtime {
  const loaded = new Map<string, Promise<LoadedLanguage>>();
  const runtime: Runtime = {
    parser: new Parser(),
    listener: null,
    hasRoom: () => heap?.hasRoom() ?? true,
    replaceParser() {
      // First free, then make: there is no memory for both.
      runtime.parser.delete();
      runtime.parser = new Parser();
    },
    recover() {
      abandon(runtime.parser);
      heap?.restore();
      runtime.parser = new Parser();
    },
    load(definition) {
      let ready = loaded.get(definition.id);
      if (!ready) {
        ready = load(definition);
        loaded.set(definition.id, ready);
        ready.catch(() => loaded.delete(definition.id));
      }
      return ready;
    },
  };
  async function load(definition: LanguageDefinition): Promise<LoadedLanguage> {
    const grammar = await definition.grammar();
    // A grammar stays where it is put: not behind what the parser keeps for later, which would cut the memory in two.
    // From here on nothing waits, so that no file is parsed between what is remembered and what is there.
    abandon(runtime.parser);
    heap?.restore();
    try {
      const language = loadLanguage(definition, grammar);
      heap?.remember();
      return language;
    } finally {
      heap?.restore();
      runtime.parser = new Parser();
    }
  }
  return runtime;
}

/** A line of the log by its first letters. */
function heardIn(memory: WebAssembly.Memory, message: number): Heard {
  const start = String.fromCharCode(...new Uint8Array(memory.buffer, message, 8));
  if (start === 'process ') return 'operation';
  if (start.startsWith('resume ')) return 'error';
  return start === 'removed ' ? 'dead end' : 'other';
}

/** The memory of the C code, as far as it does not look after itself. */
interface Heap {
  hasRoom(): boolean;
  /** Gives the C code `STACK_BYTES` of stack, taken from its heap. */
  moveStack(): void;
  /** Keeps a copy of all that is in use. */
  remember(): void;
  /** Makes the memory what it was at `remember`, and the stack empty: an exception leaves the frames it came through. */
  restore(): void;
}

/** The stack pointer is one global, which the grammars share. Undefined for a build of the runtime without these exports. */
function heapOf(
  memory: WebAssembly.Memory,
  imports: WebAssembly.Imports,
  exports: WebAssembly.Exports,
): Heap | undefined {
  const pointer: unknown = imports.env?.__stack_pointer;
  const { malloc, free } = exports;
  if (!(pointer instanceof WebAssembly.Global) || typeof malloc !== 'function' || typeof free !== 'function')
    return undefined;
  let rest: number = pointer.value;
  let kept = new Uint8Array();
  return {
    hasRoom() {
      const piece: number = malloc(ROOM_BYTES);
      if (piece !== 0) free(piece);
      return piece !== 0;
    },
    moveStack() {
      rest = (malloc(STACK_BYTES) + STACK_BYTES) & ~15;
      pointer.value = rest;
    },
    remember() {
      kept = new Uint8Array(memory.buffer).slice(0, usedBytes(memory));
    },
    restore() {
      pointer.value = rest;
      const end = usedBytes(memory);
      const bytes = new Uint8Array(memory.buffer);
      bytes.set(kept);
      if (end > kept.length) bytes.fill(0, kept.length, end);
    },
  };
}

/** Where the zeros begin that go to the end of the memory. */
function usedBytes(memory: WebAssembly.Memory): number {
  const words = new BigUint64Array(memory.buffer);
  let end = words.length;
  while (end > 0 && words[end - 1] === 0n) end--;
  return end * words.BYTES_PER_ELEMENT;
}

function loadLanguage(definition: LanguageDefinition, grammar: WebAssembly.Module): LoadedLanguage {
  const language = Language.loadSync(grammar);
  const { definitions, references, imports, metrics } = definition.queries;
  const query = new Query(language, [definitions, references, imports, metrics].join('\n'));
  return { definition, language, query, bodyField: language.fieldIdForName('body') ?? 0 };
}
