/** Bytes → facts. A pure function of (bytes, language, INDEX_VERSION): it never throws on input, however hostile. */
import type { Tree } from 'web-tree-sitter';
import { attempt, budget } from './attempt.ts';
import { collect } from './captures.ts';
import { chunksOf, windowsOf } from './chunks.ts';
import { skipByFlags } from './classify.ts';
import { decodeText } from './decode.ts';
import { isDegenerateText, isDegenerateTree } from './degenerate.ts';
import { type BlobFacts, MAX_PARSED_BYTES, type SkipReason } from './facts.ts';
import { importsOf } from './imports.ts';
import type { LanguageDefinition } from './language.ts';
import { languageDefinition } from './languages/registry.ts';
import type { LanguageId } from './languages.ts';
import { type Lines, linesOf } from './lines.ts';
import { headingsOf } from './markdown.ts';
import { metricsOf } from './metrics.ts';
import { callsOf } from './references.ts';
import { abandon, isRuntimeEnd, type LoadedLanguage, type Runtime, startRuntime } from './runtime.ts';
import { sniff } from './sniff.ts';
import { symbolsOf } from './symbols.ts';

/** Loads the tree-sitter runtime ahead of the first blob; grammars follow one by one as their languages are met. */
export async function initParser(): Promise<void> {
  await runtime();
}

function runtime(): Promise<Runtime> {
  return startRuntime(async () => (await import('web-tree-sitter/web-tree-sitter.wasm')).default);
}

/**
 * The facts of a blob. Bytes that are no text, or that a program wrote, come back with `skipped`; a language without
 * grammar, a grammar that gives up, or a text too deep for its time gets chunks and lines only.
 * @param lang an id of the language table, see `languageOf`.
 */
export async function parseBlob(bytes: Uint8Array, lang: LanguageId): Promise<BlobFacts> {
  if (bytes.length > MAX_PARSED_BYTES) return skipped('oversized');
  const reason = skipByFlags(sniff(bytes), lang);
  if (reason) return skipped(reason);
  const decoded = decodeText(bytes);
  if (!decoded) return skipped('unsupported-encoding');
  const definition = languageDefinition(lang);
  if (!definition) return lang === 'markdown' ? documentFacts(decoded.text) : textFacts(decoded.text);
  const engine = await runtime();
  const loaded = await engine.load(await dialectOf(await definition(), decoded.text));
  try {
    return grammarFacts(engine, loaded, decoded.text);
  } catch (error) {
    // The runtime met the end of its memory or of its stack: the file is too much for its grammar, the next one is not.
    if (!isRuntimeEnd(error)) throw error;
    engine.recover();
    return { ...textFacts(decoded.text), hasErrors: true };
  }
}

/** The language that the text is really in: a header may be C or C++. */
async function dialectOf(definition: LanguageDefinition, text: string): Promise<LanguageDefinition> {
  const id = definition.dialect?.(text) ?? definition.id;
  return id === definition.id ? definition : ((await languageDefinition(id)?.()) ?? definition);
}

function skipped(reason: SkipReason): BlobFacts {
  const metrics = { lines: 0, complexity: 0, maxNesting: 0, functions: 0 };
  return {
    skipped: reason,
    text: '',
    symbols: [],
    imports: [],
    calls: [],
    chunks: [],
    metrics,
    hasErrors: false,
  };
}

function textFacts(text: string): BlobFacts {
  const lines = linesOf(text);
  return plain(text, lines, { chunks: windowsOf(text, lines) });
}

function documentFacts(text: string): BlobFacts {
  const lines = linesOf(text);
  const symbols = headingsOf(text, lines);
  return plain(text, lines, { symbols, chunks: chunksOf(text, lines, symbols, [], { always: true }) });
}

function plain(text: string, lines: Lines, found: Partial<BlobFacts>): BlobFacts {
  const metrics = { lines: lines.count, complexity: 0, maxNesting: 0, functions: 0 };
  return { ...skipped('missing'), skipped: null, text, metrics, ...found };
}

/** Facts through the grammar, in one synchronous piece: the parser is shared, and trees are freed whatever happens. */
function grammarFacts(engine: Runtime, loaded: LoadedLanguage, text: string): BlobFacts {
  const tree = isDegenerateText(text, loaded.definition.maxLine) ? null : parse(engine, loaded, text);
  if (!tree) return { ...textFacts(text), hasErrors: true };
  try {
    if (isDegenerateTree(tree)) return { ...textFacts(text), hasErrors: true };
    const lines = linesOf(text);
    const raw = collect(loaded, tree, text, budget(text.length / 16));
    const table = symbolsOf(raw, text, lines, loaded.definition);
    return {
      skipped: null,
      text,
      symbols: table.symbols,
      imports: importsOf(raw, lines, loaded.definition),
      calls: callsOf(raw, table, lines, loaded.definition),
      chunks: chunksOf(text, lines, table.symbols, table.leadRows),
      metrics: metricsOf(raw, table, lines.count),
      hasErrors: tree.rootNode.hasError,
    };
  } catch (error) {
    if (isRuntimeEnd(error)) abandon(tree);
    throw error;
  } finally {
    tree.delete();
  }
}

/** The tree, or null when the budget ran out. A text that the grammar is known to misread is given a second try. */
function parse(engine: Runtime, loaded: LoadedLanguage, text: string): Tree | null {
  engine.parser.setLanguage(loaded.language);
  const prepared = loaded.definition.prepare?.(text) ?? text;
  const tree = attempt(engine, prepared);
  if (tree && !tree.rootNode.hasError) return tree;
  // What was given up for its errors may be exactly what is misread.
  const repaired = loaded.definition.repair?.(prepared);
  if (!repaired || repaired.length !== text.length) return tree;
  try {
    // The parser of an attempt that was given up is another one now.
    engine.parser.setLanguage(loaded.language);
    const again = attempt(engine, repaired);
    if (!tree) return again;
    if (again && (!again.rootNode.hasError || errors(again) < errors(tree))) {
      tree.delete();
      return again;
    }
    again?.delete();
    return tree;
  } catch (error) {
    if (tree && isRuntimeEnd(error)) abandon(tree);
    throw error;
  }
}

/** Characters of the text inside error nodes near the root: how much of a file a grammar lost. */
function errors(tree: Tree): number {
  let lost = 0;
  const open = [tree.rootNode];
  for (let visited = 0; open.length > 0 && visited < 2000; visited++) {
    const node = open.pop()!;
    if (node.isError) lost += node.endIndex - node.startIndex;
    else if (node.isMissing) lost++;
    else if (node.hasError) open.push(...node.children);
  }
  return lost;
}
