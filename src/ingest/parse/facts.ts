/**
 * What parsing a blob yields. Pure data: a function of (bytes, language, INDEX_VERSION) and nothing else, so a
 * blob is parsed once per repo whatever paths, refs or snapshots it appears in. All lines are 1-based and inclusive.
 */

/** Raise when the facts of unchanged bytes change; every blob is then parsed again at the next sync of its ref.
 *  1 (2026-11): first format.
 *  2 (2026-11): receivers stand without arguments; what a nameless function declares is local; Rust reads `pub impl`; `@generated/…` in a comment is a path, not a mark of generated code.
 *  3 (2026-11): only the conventional marks at the head of a file make it a generated one.
 *  4 (2026-11): texts and their trigrams are kept in blocks; long lists of imports in JavaScript are whole; Ruby's bare words are calls where they are no variables; PHP's `?T` is T. */
export const INDEX_VERSION = 4;

/** Files above this are kept in the tree and skipped for parsing: a parse tree costs about 80 × the text. */
export const MAX_PARSED_BYTES = 512 * 1024;

export const SYMBOL_KINDS = [
  'function',
  'method',
  'class',
  'interface',
  'struct',
  'enum',
  'trait',
  'type',
  'namespace',
  'constant',
  'variable',
  'field',
  'macro',
] as const;
export type SymbolKind = (typeof SYMBOL_KINDS)[number];

/** Why a file of the tree has no chunks. The first group is known from path, mode and size; the second needs bytes. */
export const SKIP_REASONS = [
  'glob',
  'vendored',
  'generated',
  'minified',
  'binary',
  'lfs-pointer',
  'oversized',
  'submodule',
  'symlink',
  'unresolved-delta',
  'unsupported-encoding',
  'missing',
  'unsafe-name',
] as const;
export type SkipReason = (typeof SKIP_REASONS)[number];

export interface SymbolFact {
  name: string;
  /** Dotted path of the enclosing symbols and the name itself, e.g. `Router.match`; `::` never appears. */
  qualifiedName: string;
  kind: SymbolKind;
  /** One line, white space folded, at most 300 characters, without the body. */
  signature: string;
  /** The doc comment or docstring with comment markers stripped, at most 2,000 characters, or null. */
  documentation: string | null;
  startLine: number;
  endLine: number;
  /** Index into `BlobFacts.symbols` of the enclosing symbol, or null at top level. A parent precedes its children. */
  parent: number | null;
  exported: boolean;
  /** Names of base classes, implemented interfaces, embedded or extended types as written (last segment). */
  bases: string[];
}

export interface ImportFact {
  /** The module, package, header or namespace as written, without quotes. */
  source: string;
  /** The imported name as the module exports it; `*` for namespace and wildcard imports, `''` for side effects. */
  name: string;
  /** The local name it is bound to (equals `name` when not renamed; `''` when it binds nothing). */
  alias: string;
  isDefault: boolean;
  /** `export … from`, `pub use`: the name is visible to importers of this file. */
  isReexport: boolean;
  line: number;
}

export interface CallFact {
  /** Index of the innermost enclosing symbol (function or method preferred), or null at file level. */
  caller: number | null;
  /** The last identifier of the callee: `c` in `a.b.c()`; the class in `new C()`. */
  callee: string;
  /** The text before the callee's last dot, without the arguments of calls, at most 200 characters (`a.b().c`), `''` when absent. */
  receiver: string;
  /** The receiver's type where the file itself tells (`new T()`, an annotation, `self`/`this` → enclosing class), else null. */
  receiverType: string | null;
  line: number;
  /** Number of arguments, or null where it cannot be told (spread). */
  arity: number | null;
}

export interface ChunkFact {
  startLine: number;
  endLine: number;
  /** Index of the symbol whose code this is (a symbol that fits, or the one that encloses a window), or null. */
  symbol: number | null;
}

export interface BlobMetrics {
  lines: number;
  /** Sum over functions of 1 + decision points (McCabe). 0 without a grammar. */
  complexity: number;
  maxNesting: number;
  functions: number;
}

export interface BlobFacts {
  /** Why nothing was extracted, found by looking at the bytes; then all lists are empty. */
  skipped: SkipReason | null;
  /** Decoded text (no BOM) that lines and chunks refer to; '' when skipped. */
  text: string;
  symbols: SymbolFact[];
  imports: ImportFact[];
  calls: CallFact[];
  chunks: ChunkFact[];
  metrics: BlobMetrics;
  /** True when the grammar met syntax errors: facts are then partial. */
  hasErrors: boolean;
}
