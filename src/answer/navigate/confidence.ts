/**
 * How a call was resolved, and how often such an edge is right: estimates, read off samples of real repositories in
 * every language. Edges of 0.9 and above are meant to be right 95 times in 100; 0.5 and above may be counted as calls.
 */
export const CONFIDENCE = {
  /** Defined in an enclosing function or in the same file, not shadowed. */
  'same-file': 0.97,
  /** A named or aliased import that leads to the defining file, through re-exports if need be. */
  import: 0.97,
  'default-import': 0.95,
  /** `ns.f()` where `ns` is an imported module, package or namespace. */
  namespace: 0.95,
  /** Bound by `import *`, `using`, an include. */
  'wildcard-import': 0.9,
  /** Same Go package, Java package, PHP namespace, Swift module. */
  'same-package': 0.95,
  /** `this.f()`, `self.f()`, or an implicit `this`, on the enclosing type. */
  self: 0.96,
  /** Found on a base of the receiver's type. */
  inherited: 0.92,
  super: 0.93,
  /** The file tells the receiver's type. */
  'receiver-type': 0.95,
  /** The receiver's type follows from an initialiser or a return type elsewhere. */
  'inferred-type': 0.9,
  /** `T.f()`, `T::f()`. */
  static: 0.95,
  /** The receiver's type is a base of the method's type. */
  override: 0.5,
  /** Elsewhere in the repository a receiver of this name, calling this method, has this type almost always. */
  convention: 0.8,
  /** The receiver is named like the type (`router.match`, `Router`). */
  'receiver-name': 0.6,
  /** The file imports or defines the type, and no other type it knows has such a method. */
  'known-type': 0.5,
  /** The only definition of that name. */
  'unique-name': 0.4,
  /** One of several definitions of that name; shared among them. */
  ambiguous: 0.3,
} as const;

export type ResolutionLabel = keyof typeof CONFIDENCE;

/** Edges below this are noise and are not answered. */
export const MIN_CONFIDENCE = 0.1;

/** Members that built-in types have too: without the receiver's type, such a name says next to nothing. */
const BUILT_IN = new Set(
  `get set push pop map filter forEach find findIndex add has delete clear keys values entries join split replace trim
  slice splice concat includes indexOf sort reverse reduce some every flat toString valueOf then catch finally call apply bind append extend
  items update format write read close open next send on off once emit test exec match parse stringify log error warn info
  debug print println printf len count index copy clone unwrap expect into from iter collect to_string push_str insert
  contains remove size length isEmpty equals hashCode put stream of charAt substring begin end push_back emplace_back c_str data str
  each select to_s to_a to_i to_h new include? empty? nil? is_a? respond_to? send Error String Errorf Fatal Fatalf Run
  Add Done Wait Lock Unlock Close Write Read default start stop strip encode decode setdefault sum min max any all fetch json text
  resolve reject first last lower upper startswith endswith assertEqual assert_equal query execute commit as_str is_some
  is_none ok or_else map_err and_then unwrap_or name value type init`
    .split(/\s+/)
    .filter((word) => word !== '')
    .map((word) => word.toLowerCase()),
);

/** A name that says little by itself: the factor its name-only edges are multiplied by. */
export function nameWeight(name: string): number {
  return BUILT_IN.has(name.toLowerCase()) ? 0.4 : 1;
}
