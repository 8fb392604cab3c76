/**
 * The floor in workerd: `POST /` with `[{text, language}]` parses what has a grammar, walks each tree with a cursor, and
 * inserts the texts into a bare FTS5 table in one statement. The same work as `../floor.ts`, which runs in Node.
 */
import go from '@vscode/tree-sitter-wasm/wasm/tree-sitter-go.wasm';
import java from '@vscode/tree-sitter-wasm/wasm/tree-sitter-java.wasm';
import javascript from '@vscode/tree-sitter-wasm/wasm/tree-sitter-javascript.wasm';
import python from '@vscode/tree-sitter-wasm/wasm/tree-sitter-python.wasm';
import rust from '@vscode/tree-sitter-wasm/wasm/tree-sitter-rust.wasm';
import tsx from '@vscode/tree-sitter-wasm/wasm/tree-sitter-tsx.wasm';
import typescript from '@vscode/tree-sitter-wasm/wasm/tree-sitter-typescript.wasm';
import { Language, Parser } from 'web-tree-sitter';
import core from 'web-tree-sitter/web-tree-sitter.wasm';
import { walk } from '../walk.ts';

const GRAMMARS: Record<string, WebAssembly.Module> = { go, java, javascript, python, rust, tsx, typescript };
const loaded = new Map<string, Language>();
let parser: Parser | undefined;

async function ready(): Promise<Parser> {
  if (parser) return parser;
  const options = {
    instantiateWasm(
      imports: WebAssembly.Imports,
      done: (instance: WebAssembly.Instance, module: WebAssembly.Module) => void,
    ) {
      const instance = new WebAssembly.Instance(core, imports);
      done(instance, core);
      return instance.exports;
    },
  };
  await Parser.init(options);
  parser = new Parser();
  return parser;
}

export default {
  async fetch(request: Request, env: { DB: D1Database }): Promise<Response> {
    if (request.method === 'GET') return new Response('ok');
    await env.DB.exec("CREATE VIRTUAL TABLE IF NOT EXISTS t USING fts5(text, tokenize='unicode61')");
    const files: { text: string; language: string }[] = await request.json();
    const engine = await ready();
    for (const { text, language } of files) {
      const grammar = GRAMMARS[language];
      if (!grammar) continue;
      if (!loaded.has(language)) loaded.set(language, Language.loadSync(grammar));
      engine.setLanguage(loaded.get(language)!);
      const tree = engine.parse(text);
      if (!tree) continue;
      const cursor = tree.walk();
      walk(cursor);
      cursor.delete();
      tree.delete();
    }
    const texts = JSON.stringify(files.map(({ text }) => text));
    await env.DB.prepare('INSERT INTO t(text) SELECT value FROM json_each(?1)').bind(texts).run();
    return new Response('ok');
  },
};
