/**
 * The floor of a full index, as a process of its own: `node floor.ts <directory>` parses every file that has a grammar
 * with web-tree-sitter, walks each tree with a cursor, and inserts the text of all files we would index into a bare FTS5
 * table in one transaction. Prints `{"seconds", "files", "bytes"}`; reading the files is not counted.
 */
import { createRequire } from 'node:module';
import { DatabaseSync } from 'node:sqlite';
import { Language, Parser } from 'web-tree-sitter';
import { sourceFiles } from './source-files.ts';
import { walk } from './walk.ts';

const GRAMMARS: Record<string, string> = {
  typescript: '@vscode/tree-sitter-wasm/wasm/tree-sitter-typescript.wasm',
  tsx: '@vscode/tree-sitter-wasm/wasm/tree-sitter-tsx.wasm',
  javascript: '@vscode/tree-sitter-wasm/wasm/tree-sitter-javascript.wasm',
  python: '@vscode/tree-sitter-wasm/wasm/tree-sitter-python.wasm',
  go: '@vscode/tree-sitter-wasm/wasm/tree-sitter-go.wasm',
  rust: '@vscode/tree-sitter-wasm/wasm/tree-sitter-rust.wasm',
  java: '@vscode/tree-sitter-wasm/wasm/tree-sitter-java.wasm',
  cpp: '@vscode/tree-sitter-wasm/wasm/tree-sitter-cpp.wasm',
  csharp: '@vscode/tree-sitter-wasm/wasm/tree-sitter-c-sharp.wasm',
  php: '@vscode/tree-sitter-wasm/wasm/tree-sitter-php.wasm',
  ruby: '@vscode/tree-sitter-wasm/wasm/tree-sitter-ruby.wasm',
  c: 'tree-sitter-c/tree-sitter-c.wasm',
  kotlin: '@tree-sitter-grammars/tree-sitter-kotlin/tree-sitter-kotlin.wasm',
  swift: '@repomix/tree-sitter-wasms/out/tree-sitter-swift.wasm',
};

const root = process.argv[2]!;
const require = createRequire(import.meta.url);
await Parser.init();
const parser = new Parser();
const languages = new Map<string, Language>();

const files = sourceFiles(root);
for (const { language } of files) {
  const grammar = GRAMMARS[language];
  if (grammar && !languages.has(language))
    languages.set(language, await Language.load(require.resolve(grammar)));
}

const started = performance.now();
for (const file of files) {
  const language = languages.get(file.language);
  if (!language) continue;
  parser.setLanguage(language);
  const tree = parser.parse(file.text);
  if (!tree) continue;
  const cursor = tree.walk();
  walk(cursor);
  cursor.delete();
  tree.delete();
}
const parsed = performance.now();
const db = new DatabaseSync(':memory:');
db.exec("CREATE VIRTUAL TABLE t USING fts5(text, tokenize='unicode61'); BEGIN");
const insert = db.prepare('INSERT INTO t(text) VALUES (?)');
for (const file of files) insert.run(file.text);
db.exec('COMMIT');
const ended = performance.now();
console.log(
  JSON.stringify({
    seconds: (ended - started) / 1000,
    parse: (parsed - started) / 1000,
    insert: (ended - parsed) / 1000,
    files: files.length,
    bytes: files.reduce((sum, file) => sum + file.text.length, 0),
  }),
);
