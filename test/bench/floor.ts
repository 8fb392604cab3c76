/**
 * The floor of a full index, as a process of its own: `node floor.ts <directory>` parses every file that has a grammar
 * with web-tree-sitter, walks each tree with a cursor, and inserts the text of all files we would index into a bare FTS5
 * table in one transaction. Prints `{"seconds", "files", "bytes"}`; reading the files is not counted.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Language, Parser, type TreeCursor } from 'web-tree-sitter';
import { skipByPath } from '../../src/ingest/parse/classify.ts';
import { decodeText } from '../../src/ingest/parse/decode.ts';
import { languageOf } from '../../src/ingest/parse/languages.ts';

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

const files: { path: string; text: string; language: string }[] = [];
for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile()) continue;
  const file = path.join(entry.parentPath, entry.name);
  const name = path.relative(root, file);
  const bytes = readFileSync(file);
  if (skipByPath(name, 0o100644, bytes.length) || bytes.subarray(0, 8000).includes(0)) continue;
  const text = decodeText(bytes)?.text;
  if (text === undefined) continue;
  const language = languageOf(name);
  files.push({ path: name, text, language });
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

/** Visits every node, in order, as an extractor without queries would. */
function walk(cursor: TreeCursor): number {
  let nodes = 1;
  for (;;) {
    if (cursor.gotoFirstChild() || cursor.gotoNextSibling()) {
      nodes++;
      continue;
    }
    do {
      if (!cursor.gotoParent()) return nodes;
    } while (!cursor.gotoNextSibling());
    nodes++;
  }
}
