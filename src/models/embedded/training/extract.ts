/** A repository → examples, by the project's own parser. The same commit gives the same examples in the same order. */
import { skipByPath } from '../../../ingest/parse/classify.ts';
import type { BlobFacts, SymbolFact } from '../../../ingest/parse/facts.ts';
import { languageOf } from '../../../ingest/parse/languages.ts';
import { linesOf } from '../../../ingest/parse/lines.ts';
import { parseBlob } from '../../../ingest/parse/parse.ts';
import { commitExamples } from './commits.ts';
import { queryOf } from './documentation.ts';
import { type Example, MAX_CODE } from './examples.ts';
import { blobsOf, filesOf, type TreeFile } from './git.ts';

/** Raise when the same commit gives other examples: what was extracted before is then extracted again. */
export const EXTRACT_VERSION = 1;

export const SOURCE_EXTENSION =
  /\.(?:py|js|mjs|cjs|jsx|ts|mts|tsx|go|java|c|h|cc|cpp|hpp|cxx|rs|cs|php|rb|kt|swift)$/;
/** Tests, examples and copies: their functions are documented by name or not theirs. */
export const ASIDE =
  /(?:^|\/)(?:vendor|_vendor|node_modules|third_party|thirdparty|3rdparty|deps|tests?|__tests__|specs?|testing|testdata|fixtures?|dist|build|generated|external|mocks?|benchmarks?|bench|examples?|deno_dist)\/|_test\.go$|(?:^|\/)test_[^/]*\.py$|\.(?:test|spec)\.[jt]sx?$|Tests?\.(?:java|cs|kt|swift|php)$|\.d\.ts$/i;

export interface Extraction {
  directory: string;
  commit: string;
  /** Bytes of source that are parsed; files are chosen by their blob ids. */
  maxBytes: number;
  maxCommits: number;
  /** Also functions without documentation, for the pool of an evaluation. */
  pool: boolean;
}

export async function extract(task: Extraction): Promise<Example[]> {
  const files = chosen(await filesOf(task.directory, task.commit), task.maxBytes);
  const examples: Example[] = [];
  let at = 0;
  for await (const bytes of blobsOf(
    task.directory,
    files.map((file) => file.oid),
  )) {
    const { path } = files[at++]!;
    if (!bytes) continue;
    const facts = await parseBlob(bytes, languageOf(path));
    for (const example of functionsOf(facts, path)) if (task.pool || example.query) examples.push(example);
  }
  if (task.maxCommits > 0) examples.push(...(await commitExamples(task)));
  return examples;
}

/** Source files up to the limit in all, spread over the repository: by blob id, which is as good as random. */
export function chosen(files: TreeFile[], maxBytes: number): TreeFile[] {
  const sources = files.filter(
    ({ path, mode, size }) =>
      SOURCE_EXTENSION.test(path) && !ASIDE.test(path) && size < 300_000 && !skipByPath(path, mode, size),
  );
  let left = maxBytes;
  const kept = new Set(
    [...sources]
      .sort((a, b) => (a.oid < b.oid ? -1 : a.oid > b.oid ? 1 : 0))
      .filter(({ size }) => {
        left -= size;
        return left >= 0;
      }),
  );
  return sources.filter((file) => kept.has(file));
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

function outdented(code: string): string {
  const indent = /^[ \t]*/.exec(code)![0];
  if (indent === '') return code.trimEnd();
  return code
    .split('\n')
    .map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line))
    .join('\n')
    .trimEnd();
}
