/**
 * A language as data: a grammar, three or four tree-sitter queries, and a handful of hooks for what a query cannot
 * say. The engine (`engine.ts`) concatenates the queries, compiles them once and runs them in one pass, so that the
 * tree is crossed once however many facts are asked for. It reads these captures and no others; a capture whose name
 * starts with `_` is for predicates only.
 *
 * ## definitions.scm: what becomes a symbol
 *
 * `@definition.<kind>`  the whole declaration (its range is the symbol's; decorators and attributes before it are added
 *                       by the engine). `<kind>` is one of SYMBOL_KINDS. Written as one pattern with:
 *   `@name`       required: the identifier; two of them span a name of two words (`operator ==`). Quotes are stripped. Two patterns on one `@name` node make one symbol:
 *                 the earlier pattern decides kind and range, so put the specific pattern first (`const f = () => …` as
 *                 function before `const f = …` as constant).
 *   `@body`       optional: where the signature ends. Without it the engine takes the field `body` of the definition,
 *                 else the whole first line.
 *   `@bases`      optional, may repeat: a base class, interface, embedded type, or a list node of them (`extends A, B<C>`):
 *                 the engine takes the last segment of each type in the text.
 *   `@owner`      optional: the type this belongs to when that does not enclose it (Go receiver, `T::f` in C++, Kotlin
 *                 extension functions). It qualifies the name, and is the parent when it is defined in the same file.
 *   `@exported`   optional: presence marks the definition as exported (`pub`, `public` …), see `exported` below.
 *   `@hidden`     optional: presence marks it as not exported, whatever `exported` says.
 *   `@doc`        optional: documentation inside the definition (a docstring). Comments before it need no capture.
 *   `@rest`       optional: presence means the scope goes on to the next such definition or the end of the file
 *                 (`namespace X;` in C# and PHP).
 * `@scope`        a region that is no symbol but owns its members (Rust `impl`, Swift `extension`): with `@name` (the owner's
 *                 type) and optional `@bases`, which are added to the owner's.
 * `@closure`      a function without a name, whose variables are local as a named function's are.
 * `@export`       a region whose outermost definitions are exported (`export …` statements).
 * `@export.name`  an identifier exported elsewhere in the file (`export { a }`, `module.exports = { a }`).
 * `@comment`      every comment, one node each. Those that end right before a definition become its documentation.
 * `@attribute`    decorators and attributes that are siblings of what they decorate.
 *
 * The engine nests by range, then: a function whose parent is a class, struct, interface, trait, enum or `@owner` becomes
 * a method; a variable or constant inside a function or method is dropped; a definition inside a `@scope` belongs to its
 * owner. Patterns may therefore be simple and unanchored.
 *
 * ## references.scm: calls, and types that the file itself tells
 *
 * `@call`         the call expression, in one pattern with:
 *   `@callee`     required: the last identifier only (`c` of `a.b.c()`, `C` of `new C()`).
 *   `@receiver`   optional: the expression before the last dot (`a.b`).
 *   `@arguments`  optional: the argument list node; named children are counted, comments left out; several add up.
 * Two patterns on one `@callee` node make one call, the earlier pattern decides.
 * `@bare`         a word that is a call unless it is a local variable there (Ruby), or `@bare.not` is on the same node.
 * `@local`        a word that is a local variable from there on: to the end of its function, or of the innermost
 *                 `@local.scope` (a block) around it.
 * `@var`          a local variable, parameter or receiver, in one pattern with `@var.type`, the type as written or the class
 *                 it is constructed from. Belongs to the innermost function (or the file).
 * `@field`        a field of the enclosing type, in one pattern with `@field.type`, or with `@field.value`: a variable of the
 *                 enclosing function whose type it takes (`this.store = store`).
 *
 * ## imports.scm
 *
 * `@import`           the statement. One match gives one ImportFact, from:
 *   `@import.source`    the module (quotes stripped). Required unless `@import.tree` is there.
 *   `@import.name`      the imported name, default `*`.
 *   `@import.alias`     the local name, default the last identifier of the name; `''` where nothing is bound.
 *   `@import.names`     a list of specifiers, each with a name and an alias: one ImportFact each. What stands behind the list
 *                       (`from 'm'`) would otherwise keep a match open for every name before it.
 *   `@import.default`   the local name of a default import (name becomes `default`).
 *   `@import.namespace` the local name of a namespace import (name becomes `*`).
 *   `@import.reexport`  presence marks a re-export.
 *   `@import.effect`    presence marks an import for side effects: name and alias are ''.
 *   `@import.tree`      a node whose text goes to `readImport` instead (Rust use trees).
 * Several matches on one statement are fine (one per specifier); equal facts on one line are merged.
 *
 * ## metrics.scm
 *
 * `@branch`       a decision point: if, loop, case, catch, conditional expression, `&&`, `||`, `??`. Capture operators as bare
 *                 tokens (`["&&" "||"] @branch`): a pattern rooted at a left-recursive node stays open over all of the
 *                 expression, which makes a sum of thousands of terms quadratic.
 * `@nest`         the body of a control structure (not of functions): overlapping ones give the nesting depth. Capture the
 *                 body, not the statement, so that `else if` chains stay flat.
 */
import type { ImportFact, SymbolKind } from './facts.ts';
import type { LanguageId } from './languages.ts';

/** What a hook sees of a definition. */
export interface DefinitionView {
  name: string;
  kind: SymbolKind;
  /** The signature: declaration without body, white space folded. */
  signature: string;
  /** `@exported` matched, or the definition stands in an `@export` region or is named by `@export.name`. */
  marked: boolean;
  /** The enclosing symbol, already judged; null at top level. */
  parent: { kind: SymbolKind; exported: boolean; name: string } | null;
}

export interface LanguageDefinition {
  id: LanguageId;
  /** Loads the grammar: `async () => (await import('….wasm')).default`, so that it stays lazy. */
  grammar: () => Promise<WebAssembly.Module>;
  queries: { definitions: string; references: string; imports: string; metrics: string };
  /** Receivers that mean the enclosing type: `this`, `self`. */
  selfNames: readonly string[];
  /** Receivers that mean its first base: `super`, `base`, `parent`. */
  superNames?: readonly string[];
  /** Members are reached without a receiver (Java, C#, C++ …): a bare receiver name may be a field of the enclosing type. */
  implicitSelf?: boolean;
  /** Default: marked, or a member of an exported parent whose signature does not say `private`. */
  exported?: (definition: DefinitionView) => boolean;
  /** Corrects a kind by name or signature, after the engine's own rules (e.g. Python CONSTANT names). */
  kind?: (definition: Omit<DefinitionView, 'marked'>) => SymbolKind;
  /** True for what only reads like a definition (a C++ local `T x(y);` is no prototype); `local`: inside a function. */
  isSpurious?: (definition: { name: string; kind: SymbolKind; local: boolean }) => boolean;
  /** The language a text is really in, when its path cannot tell (a `.h` with C++ in it): asked before the grammar is loaded. */
  dialect?: (text: string) => LanguageId;
  /**
   * The grammar's scanner looks to the end of the line at every mistake, which costs quadratic time: a text with a longer
   * line, in UTF-16 code units, is not given to it.
   */
  maxLine?: number;
  /** What the grammar shall see instead of the text, of the same length: macros that no grammar can know are blanked out,
   *  spellings that it trips over replaced. Names, signatures and documentation still come from the text itself. */
  prepare?: (text: string) => string;
  /** The type named by a `@var.type`/`@field.type` text, or null. Default `typeName`: generics, pointers, `?` dropped, last segment. */
  typeName?: (text: string) => string | null;
  /** Reads an `@import.tree` node's text into facts (without `line`). */
  readImport?: (text: string) => Omit<ImportFact, 'line'>[];
  /** Strips comment markers from a doc comment. Default handles `//`, `/* *\/`, `#`, `--` and their doc forms. */
  stripComment?: (text: string) => string;
  /** True for comments that are never documentation (`//go:build`, `# type: ignore`). */
  isDirective?: (comment: string) => boolean;
  /**
   * When the grammar met errors: the text rewritten around what the grammar is known to misread, **of the same length and
   * with the same lines**, or null. It is parsed instead if that has fewer errors; facts quote the original text.
   */
  repair?: (text: string) => string | null;
}
