/**
 * The tree-sitter runtime: one parser and one compiled query per language, kept for the life of the isolate. Grammars
 * load when their language is first met: compiling all of them would cost the start-up budget and megabytes.
 */
import { Language, Parser, Query } from 'web-tree-sitter';
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
 * ends, the runtime aborts with an exception and `replaceParser` makes it usable again.
 */
const MEMORY_PAGES = { initial: 512, maximum: 1280 };

/** What a parse must leave free, in one piece: letting go of a tree takes memory too. */
const ROOM_BYTES = 8 * 1024 * 1024;

/**
 * The stack that the runtime's C code keeps in that memory. It comes with 64 KiB, and letting go of a parse that forked
 * at every token recurses deeper than that: into the runtime's own data, which breaks every file after it.
 */
const STACK_BYTES = 1024 * 1024;

export interface Runtime {
  parser: Parser;
  /** False when the memory is so full that what runs should end while it still can in good order. */
  hasRoom(): boolean;
  /** After an exception out of the runtime: frees what the parser held and makes a new one. */
  replaceParser(): void;
  load(definition: LanguageDefinition): Promise<LoadedLanguage>;
}

/** True for the end of the runtime's memory or stack: out of WebAssembly comes no other RangeError than that of the stack. */
export function isRuntimeEnd(error: unknown): boolean {
  return error instanceof WebAssembly.RuntimeError || error instanceof RangeError;
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
  let heap: Heap | undefined;
  const options = {
    wasmMemory: new WebAssembly.Memory(MEMORY_PAGES),
    // An abort is thrown as well; its line on the console says nothing more.
    printErr: () => undefined,
    // Workers forbid compiling WebAssembly at run time, not instantiating a module that came with the bundle.
    instantiateWasm(
      imports: WebAssembly.Imports,
      done: (instance: WebAssembly.Instance, module: WebAssembly.Module) => void,
    ) {
      const exports = withZeroedCalloc(new WebAssembly.Instance(module, imports).exports);
      heap = heapOf(imports, exports);
      done({ exports }, module);
      return exports;
    },
  };
  await Parser.init(options);
  heap?.moveStack();
  const loaded = new Map<string, Promise<LoadedLanguage>>();
  const runtime: Runtime = {
    parser: new Parser(),
    hasRoom: () => heap?.hasRoom() ?? true,
    replaceParser() {
      heap?.rewindStack();
      // First free, then make: there is no memory for both.
      try {
        runtime.parser.delete();
      } catch (error) {
        // It recursed out of the stack half-way. Freeing it twice would break the heap; what is left of it stays taken.
        if (!isRuntimeEnd(error)) throw error;
        heap?.rewindStack();
      }
      runtime.parser = new Parser();
    },
    load(definition) {
      let ready = loaded.get(definition.id);
      if (!ready) {
        // A grammar stays where it is put: not behind what the parser keeps for later, which would cut the memory in two.
        runtime.replaceParser();
        ready = loadLanguage(definition);
        loaded.set(definition.id, ready);
        ready.catch(() => loaded.delete(definition.id));
      }
      return ready;
    },
  };
  return runtime;
}

/** The memory of the C code, as far as it does not look after itself. */
interface Heap {
  hasRoom(): boolean;
  /** Gives the C code `STACK_BYTES` of stack, taken from its heap. */
  moveStack(): void;
  /** Puts the stack where it is when nothing runs: an exception leaves the frames it came through, and they add up. */
  rewindStack(): void;
}

/** The stack pointer is one global, which the grammars share. Undefined for a build of the runtime without these exports. */
function heapOf(imports: WebAssembly.Imports, exports: WebAssembly.Exports): Heap | undefined {
  const pointer: unknown = imports.env?.__stack_pointer;
  const { malloc, free } = exports;
  if (!(pointer instanceof WebAssembly.Global) || typeof malloc !== 'function' || typeof free !== 'function')
    return undefined;
  let rest: number = pointer.value;
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
    rewindStack() {
      pointer.value = rest;
    },
  };
}

async function loadLanguage(definition: LanguageDefinition): Promise<LoadedLanguage> {
  const language = Language.loadSync(await definition.grammar());
  const { definitions, references, imports, metrics } = definition.queries;
  const query = new Query(language, [definitions, references, imports, metrics].join('\n'));
  return { definition, language, query, bodyField: language.fieldIdForName('body') ?? 0 };
}
