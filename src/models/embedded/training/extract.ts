/** A repository → examples, by the project's own parser. The same commit gives the same examples in the same order. */
import type { BlobFacts, SymbolFact } from '../../../ingest/parse/facts.ts';
import { languageOf } from '../../../ingest/parse/languages.ts';
import { linesOf } from '../../../ingest/parse/lines.ts';
import { parseBlob } from '../../../ingest/parse/parse.ts';
import { commentsOf } from './comments.ts';
import { queryOf } from './documentation.ts';
import { type Example, MAX_CODE } from './examples.ts';
import { blobsOf, filesOf } from './git.ts';
import { outdented } from './outdent.ts';
import { chosen } from './sources.ts';

export interface Extraction {
  directory: string;
  commit: string;
  /** Bytes of source that are parsed; files are chosen by their blob ids. */
  maxBytes: number;
  /** Also functions without documentation, for the pool of an evaluation; and no file is passed over for having little. */
  pool: boolean;
}

/** The documented functions of a commit, and the comments within functions. */
export async function functionExamples({
  directory,
  commit,
  maxBytes,
  pool,
}: Extraction): Promise<Example[]> {
  // What has no documentation is looked at only, which costs next to nothing.
  const files = chosen(await filesOf(directory, commit), pool ? maxBytes : 3 * maxBytes);
  const examples: Example[] = [];
  let at = 0;
  let parsed = 0;
  for await (const bytes of blobsOf(
    directory,
    files.map((file) => file.oid),
  )) {
    const { path } = files[at++]!;
    if (!bytes || parsed + bytes.length > maxBytes || (!pool && !isDocumented(bytes))) continue;
    parsed += bytes.length;
    const facts = await parseBlob(bytes, languageOf(path));
    for (const example of functionsOf(facts, path)) if (pool || example.query) examples.push(example);
    if (!pool) examples.push(...commentsOf(facts, path));
  }
  return examples;
}

const DOCUMENTATION = /\/\*\*|\/\/\/|"""|'''|^[ \t]*(?:\/\/|#|\*\/)[^\n]*\n[ \t]*[\w@]/gm;
/** Characters of source that a comment before a declaration stands for, at least. */
const MOST_PER_COMMENT = 2_500;

/** Whether it has comments enough to be worth the parsing. */
function isDocumented(bytes: Uint8Array): boolean {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).latin1Slice();
  return (text.match(DOCUMENTATION)?.length ?? 0) * MOST_PER_COMMENT >= text.length;
}

function functionsOf(facts: BlobFacts, path: string): Example[] {
  const { starts } = linesOf(facts.text);
  return facts.symbols.flatMap((symbol): Example[] => {
    if (symbol.kind !== 'function' && symbol.kind !== 'method') return [];
    if (symbol.endLine - symbol.startLine < 1) return [];
    const source = facts.text.slice(starts[symbol.startLine - 1], starts[symbol.endLine]);
    const code = outdented(withoutDocstring(source, symbol, path)).slice(0, MAX_CODE);
    if (code.replace(/\s+/g, '').length < 40) return [];
    const documentation = symbol.documentation ?? '';
    const query = documentation === '' ? '' : queryOf(documentation, symbol.qualifiedName);
    const { qualifiedName, signature } = symbol;
    return [{ kind: 'function', path, name: qualifiedName, signature, code, documentation, query }];
  });
}

const DOCSTRING = /:[^\S\n]*(?:#[^\n]*)?\n\s*[rRuUbB]?("""|''')[\s\S]*?\1/;

/** Python documents inside the function. */
function withoutDocstring(source: string, symbol: SymbolFact, path: string): string {
  if (!path.endsWith('.py') || symbol.documentation === null) return source;
  return source.replace(DOCSTRING, ':');
}
