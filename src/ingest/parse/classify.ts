/**
 * Which files of a tree are kept but not parsed, and why. In the spirit of github-linguist's vendored and generated
 * lists, but narrower: a file skipped by mistake cannot be found at all.
 */
import { MAX_PARSED_BYTES, type SkipReason } from './facts.ts';
import { type LanguageId, languageOf } from './languages.ts';
import type { BlobFlags } from './sniff.ts';

const MODE_SYMLINK = 0o120000;
const MODE_SUBMODULE = 0o160000;
const MODE_TYPE = 0o170000;

/** Directories of other people's code, at any depth. */
const VENDORED_DIRECTORY =
  /(?:^|\/)(?:node_modules|bower_components|jspm_packages|third[-_]?party|3rd[-_]?party|vendors?|Godeps\/_workspace|Pods|Carthage\/(?:Build|Checkouts)|site-packages|\.yarn\/(?:releases|plugins|sdks|cache|unplugged)|\.mvn\/wrapper|gradle\/wrapper|\.venv|venv|\.bundle|\.cargo\/registry|deps\/(?:v8|openssl|npm|zlib|uv))\//i;
/** A `vendor` that is a package of the project itself (`src/vendor/models.ts`) is not told apart; these are the known libraries by file name. */
const VENDORED_FILE =
  /(?:^|\/)(?:jquery(?:[-.]\d[\w.-]*|[-.]ui[\w.-]*)?|bootstrap(?:\.bundle)?|modernizr(?:[-.][\w.]+)?|mootools[\w.-]*|html5shiv|require|d3(?:\.v\d+)?|normalize|font-?awesome(?:-all)?)(?:\.min|\.slim|\.custom)*\.(?:js|css)$/i;
/** Same names as sources of one's own; skipped only as the usual copies in a static folder. */
const VENDORED_FILE_PLACE =
  /(?:^|\/)(?:public|static|assets|lib|libs|js|css|dist|vendor|www|resources|docs?|_static|media)\//i;

const LOCK_FILE =
  /(?:^|\/)(?:package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|bun\.lockb?|deno\.lock|composer\.lock|Gemfile\.lock|gems\.locked|Cargo\.lock|poetry\.lock|Pipfile\.lock|pdm\.lock|uv\.lock|go\.sum|go\.work\.sum|Gopkg\.lock|glide\.lock|mix\.lock|pubspec\.lock|Podfile\.lock|Package\.resolved|flake\.lock|packages\.lock\.json|project\.assets\.json|gradle\.lockfile|buildscript-gradle\.lockfile|Cartfile\.resolved|\.terraform\.lock\.hcl|conan\.lock|MODULE\.bazel\.lock|\.pnp\.(?:cjs|js|loader\.mjs))$/;
const GENERATED_FILE =
  /(?:\.pb\.(?:go|cc|h|swift|dart)|\.pb\.gw\.go|_grpc\.pb\.go|_pb2(?:_grpc)?\.pyi?|_pb\.(?:js|ts|d\.ts|rb)|_grpc_pb\.(?:js|d\.ts)|\.g\.dart|\.freezed\.dart|\.gr\.dart|\.mocks\.dart|\.designer\.(?:cs|vb)|\.g(?:\.i)?\.cs|AssemblyInfo\.cs|\.snap|\.js\.map|\.css\.map|\.(?:mjs|cjs)\.map|\.tsbuildinfo|zz_generated\.[\w.]+\.go|_generated\.go|\.generated\.[\w.]+|\.gen\.(?:go|ts|rs)|\.xib|\.storyboard|\.pbxproj|\.xcworkspacedata|\.nib)$/i;
const GENERATED_DIRECTORY =
  /(?:^|\/)(?:__generated__|__snapshots__|__image_snapshots__|\.next|\.nuxt|\.svelte-kit|__pycache__|_build\/html)\//;
const MINIFIED_FILE = /(?:[.-](?:min|bundle\.min|prod\.min|umd\.min)\.(?:js|mjs|cjs|css)|\.bundle\.js)$/i;

const BINARY_EXTENSION =
  /\.(?:png|jpe?g|gif|webp|avif|bmp|ico|icns|tiff?|psd|heic|pdf|zip|gz|tgz|bz2|xz|zst|7z|rar|tar|jar|war|aar|ear|whl|egg|gem|nupkg|deb|rpm|dmg|iso|exe|dll|so|dylib|a|lib|o|obj|class|pyc|pyd|wasm|bin|dat|db|sqlite3?|mp[34]|m4[av]|mov|avi|mkv|webm|ogg|oga|ogv|flac|wav|aiff?|ttf|otf|woff2?|eot|parquet|avro|npy|npz|pkl|onnx|pt|pth|safetensors|gguf|keystore|jks|p12|pfx|swf|fla|blend|glb|fbx|xlsx?|docx?|pptx?|odt|ods)$/i;

/**
 * Why a tree entry is not parsed, as far as path, mode (as in the tree) and size in bytes tell; null when it is to be
 * read. `size` is ignored for submodules. The bytes may still rule it out: `skipByFlags`.
 */
export function skipByPath(path: string, mode: number, size: number): SkipReason | null {
  const type = mode & MODE_TYPE;
  if (type === MODE_SUBMODULE) return 'submodule';
  if (type === MODE_SYMLINK) return 'symlink';
  if (VENDORED_DIRECTORY.test(path)) return 'vendored';
  if (VENDORED_FILE.test(path) && VENDORED_FILE_PLACE.test(path)) return 'vendored';
  if (LOCK_FILE.test(path) || GENERATED_FILE.test(path) || GENERATED_DIRECTORY.test(path)) return 'generated';
  if (MINIFIED_FILE.test(path)) return 'minified';
  if (BINARY_EXTENSION.test(path)) return 'binary';
  return size > MAX_PARSED_BYTES ? 'oversized' : null;
}

/** Where long lines mean a minifier. Prose, data and markup have them by nature. */
const MINIFIED_LANGUAGES: ReadonlySet<LanguageId> = new Set([
  'javascript',
  'typescript',
  'tsx',
  'css',
  'scss',
  'less',
]);

/** Why a blob's own bytes keep it from being parsed, or null. */
export function skipByFlags(flags: BlobFlags, lang: LanguageId): SkipReason | null {
  if (flags.lfsPointer) return 'lfs-pointer';
  if (flags.binary) return 'binary';
  if (flags.generated) return 'generated';
  if (flags.minified && MINIFIED_LANGUAGES.has(lang)) return 'minified';
  return null;
}

/** Both judgements at once, for a preview: `flags` from the mirror's index when it has them. */
export function skipReason(
  path: string,
  mode: number,
  size: number,
  flags: BlobFlags | null,
): SkipReason | null {
  const byPath = skipByPath(path, mode, size);
  // A pointer is a few lines of text, whatever the name says of the bytes that it stands for.
  if (byPath === 'binary' && flags?.lfsPointer) return 'lfs-pointer';
  return byPath ?? (flags ? skipByFlags(flags, languageOf(path)) : null);
}
