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

export interface Runtime {
  parser: Parser;
  /** After an exception out of the runtime: frees what the parser held and makes a new one. */
  replaceParser(): void;
  load(definition: LanguageDefinition): Promise<LoadedLanguage>;
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
      done({ exports }, module);
      return exports;
    },
  };
  await Parser.init(options);
  const loaded = new Map<string, Promise<LoadedLanguage>>();
  const runtime: Runtime = {
    parser: new Parser(),
    replaceParser() {
      // First free, then make: there is no memory for both.
      runtime.parser.delete();
      runtime.parser = new Parser();
    },
    load(definition) {
      let ready = loaded.get(definition.id);
      if (!ready) {
        ready = loadLanguage(definition);
        loaded.set(definition.id, ready);
        ready.catch(() => loaded.delete(definition.id));
      }
      return ready;
    },
  };
  return runtime;
}

async function loadLanguage(definition: LanguageDefinition): Promise<LoadedLanguage> {
  const language = Language.loadSync(await definition.grammar());
  const { definitions, references, imports, metrics } = definition.queries;
  const query = new Query(language, [definitions, references, imports, metrics].join('\n'));
  return { definition, language, query, bodyField: language.fieldIdForName('body') ?? 0 };
}
