/** The language table: which language a path has and how it is shown; which have a grammar is told by `languages/registry.ts`. */

/** An id of the table below, e.g. `typescript`; `text` is everything without a language of its own. */
export type LanguageId = string;

interface LanguageRow {
  /** Extensions without the leading dot, lower case; a longer one (`d.ts`) wins over a shorter (`ts`). */
  extensions?: readonly string[];
  /** Whole base names, lower case. */
  names?: readonly string[];
  /** The language it is counted and filtered as, when that differs from its id. */
  shownAs?: LanguageId;
}

const LANGUAGES: Readonly<Record<LanguageId, LanguageRow>> = {
  typescript: { extensions: ['ts', 'mts', 'cts'] },
  tsx: { extensions: ['tsx'], shownAs: 'typescript' },
  javascript: {
    extensions: ['js', 'mjs', 'cjs', 'jsx', 'es6', 'jsm'],
    names: ['jakefile'],
  },
  python: {
    extensions: ['py', 'pyi', 'pyw', 'bzl', 'gyp', 'gypi'],
    names: ['sconstruct', 'sconscript', 'wscript', 'build.bazel', 'workspace.bazel', 'tiltfile'],
  },
  go: { extensions: ['go'] },
  rust: { extensions: ['rs'] },
  c: { extensions: ['c', 'h'] },
  cpp: {
    extensions: [
      'cc',
      'cpp',
      'cxx',
      'c++',
      'hh',
      'hpp',
      'hxx',
      'h++',
      'inl',
      'ipp',
      'tpp',
      'cu',
      'cuh',
      'ino',
    ],
  },
  csharp: { extensions: ['cs', 'csx'] },
  java: { extensions: ['java'] },
  kotlin: { extensions: ['kt', 'kts'] },
  php: { extensions: ['php', 'phtml', 'php3', 'php4', 'php5', 'php7', 'phps'] },
  ruby: {
    extensions: ['rb', 'rake', 'gemspec', 'ru', 'podspec', 'thor', 'jbuilder', 'rbi'],
    names: [
      'rakefile',
      'gemfile',
      'guardfile',
      'podfile',
      'vagrantfile',
      'fastfile',
      'brewfile',
      'capfile',
      'dangerfile',
    ],
  },
  swift: { extensions: ['swift'] },
  markdown: { extensions: ['md', 'markdown', 'mdx', 'mdown', 'mkd'] },

  json: {
    extensions: ['json', 'jsonc', 'json5', 'geojson', 'webmanifest', 'ipynb', 'har', 'avsc', 'jsonl'],
    names: ['.babelrc', '.eslintrc', '.prettierrc', '.swcrc', 'composer.lock', 'pipfile.lock', 'flake.lock'],
  },
  yaml: { extensions: ['yml', 'yaml'], names: ['.clang-format', '.clang-tidy', '.clangd', 'pubspec.lock'] },
  toml: { extensions: ['toml'], names: ['pipfile', 'cargo.lock', 'poetry.lock', 'uv.lock'] },
  xml: {
    extensions: [
      'xml',
      'xsd',
      'xsl',
      'xslt',
      'svg',
      'plist',
      'csproj',
      'vbproj',
      'fsproj',
      'props',
      'targets',
      'resx',
      'wsdl',
      'storyboard',
      'xib',
      'xaml',
      'axml',
      'nuspec',
      'rss',
    ],
  },
  ini: {
    extensions: ['ini', 'cfg', 'conf', 'properties', 'editorconfig', 'service', 'desktop'],
    names: ['.editorconfig', '.gitconfig', '.npmrc', '.gitmodules'],
  },
  html: { extensions: ['html', 'htm', 'xhtml'] },
  vue: { extensions: ['vue'] },
  svelte: { extensions: ['svelte'] },
  astro: { extensions: ['astro'] },
  css: { extensions: ['css'] },
  scss: { extensions: ['scss', 'sass'] },
  less: { extensions: ['less'] },
  shell: {
    extensions: ['sh', 'bash', 'zsh', 'ksh', 'fish', 'bats', 'command'],
    names: [
      '.bashrc',
      '.bash_profile',
      '.profile',
      '.zshrc',
      '.envrc',
      'apkbuild',
      'pkgbuild',
      'gradlew',
      'configure',
    ],
  },
  powershell: { extensions: ['ps1', 'psm1', 'psd1'] },
  batch: { extensions: ['bat', 'cmd'] },
  sql: { extensions: ['sql', 'ddl', 'dml', 'psql', 'pgsql', 'plsql'] },
  dockerfile: { extensions: ['dockerfile', 'containerfile'], names: ['dockerfile', 'containerfile'] },
  makefile: {
    extensions: ['mk', 'mak', 'make'],
    names: ['makefile', 'gnumakefile', 'bsdmakefile', 'kbuild', 'makefile.am', 'makefile.in'],
  },
  cmake: { extensions: ['cmake'], names: ['cmakelists.txt'] },
  protobuf: { extensions: ['proto'] },
  graphql: { extensions: ['graphql', 'gql', 'graphqls'] },
  thrift: { extensions: ['thrift'] },
  hcl: { extensions: ['tf', 'tfvars', 'hcl'] },
  nix: { extensions: ['nix'] },
  groovy: { extensions: ['groovy', 'gradle', 'gvy'], names: ['jenkinsfile'] },
  scala: { extensions: ['scala', 'sc', 'sbt'] },
  dart: { extensions: ['dart'] },
  elixir: { extensions: ['ex', 'exs', 'heex'] },
  erlang: { extensions: ['erl', 'hrl'], names: ['rebar.config'] },
  haskell: { extensions: ['hs', 'lhs'] },
  ocaml: { extensions: ['ml', 'mli'] },
  fsharp: { extensions: ['fs', 'fsx', 'fsi'] },
  clojure: { extensions: ['clj', 'cljs', 'cljc', 'edn'] },
  lisp: { extensions: ['lisp', 'cl', 'el', 'scm', 'ss', 'rkt'] },
  lua: { extensions: ['lua'] },
  perl: { extensions: ['pl', 'pm', 't'] },
  r: { extensions: ['r', 'rmd'] },
  julia: { extensions: ['jl'] },
  zig: { extensions: ['zig'] },
  nim: { extensions: ['nim'] },
  d: { extensions: ['d'] },
  objc: { extensions: ['m', 'mm'] },
  solidity: { extensions: ['sol'] },
  assembly: { extensions: ['s', 'asm'] },
  fortran: { extensions: ['f', 'f90', 'f95', 'f03', 'f08', 'for'] },
  pascal: { extensions: ['pas', 'pp', 'dpr'] },
  vb: { extensions: ['vb', 'vbs', 'bas'] },
  vim: { extensions: ['vim'], names: ['.vimrc'] },
  tex: { extensions: ['tex', 'sty', 'cls', 'bib'] },
  rst: { extensions: ['rst'] },
  asciidoc: { extensions: ['adoc', 'asciidoc'] },
  csv: { extensions: ['csv', 'tsv'] },
  diff: { extensions: ['diff', 'patch'] },
  handlebars: { extensions: ['hbs', 'handlebars', 'mustache'] },
  jinja: { extensions: ['j2', 'jinja', 'jinja2', 'tmpl', 'tpl'] },
  erb: { extensions: ['erb'] },
  pug: { extensions: ['pug', 'jade'] },
  wgsl: { extensions: ['wgsl', 'glsl', 'vert', 'frag', 'hlsl'] },
  text: { extensions: ['txt', 'text', 'log'] },
};

const byExtension = new Map<string, LanguageId>();
const byName = new Map<string, LanguageId>();
for (const [id, row] of Object.entries(LANGUAGES)) {
  for (const extension of row.extensions ?? []) byExtension.set(extension, id);
  for (const name of row.names ?? []) byName.set(name, id);
}

/** The language of a path, by its base name and extension only; `text` when neither is known. */
export function languageOf(path: string): LanguageId {
  const base = path.slice(path.lastIndexOf('/') + 1).toLowerCase();
  const named = byName.get(base);
  if (named !== undefined) return named;
  // `Dockerfile.dev`, `Makefile.inc`: what stands before the first dot names them.
  const dot = base.lastIndexOf('.');
  const known = dot === -1 ? undefined : byExtension.get(base.slice(dot + 1));
  return known ?? byStem(base) ?? 'text';
}

function byStem(base: string): LanguageId | undefined {
  const dot = base.indexOf('.');
  if (dot < 1) return undefined;
  const id = byName.get(base.slice(0, dot));
  return id === 'dockerfile' || id === 'makefile' ? id : undefined;
}

/** The name a language is counted and filtered by: `tsx` shows as `typescript`. */
export function displayLanguage(id: LanguageId): LanguageId {
  return LANGUAGES[id]?.shownAs ?? id;
}

/** Every id of the table. */
export function languageIds(): LanguageId[] {
  return Object.keys(LANGUAGES);
}
