/** Comments within functions as examples: what a comment says in plain words asks for the code that it stands above. */
import type { BlobFacts, SymbolFact } from '../../../ingest/parse/facts.ts';
import { queryOf } from './documentation.ts';
import { type Example, MAX_CODE } from './examples.ts';
import { outdented } from './outdent.ts';

/** Lines of the function before the comment and after it that make the passage. */
const BEFORE = 6;
const AFTER = 24;
const LEAST_LINES = 6;
const LEAST_CODE = 80;

const SLASHES = /^\s*\/\/[/!]*\s?(.*)$/;
const HASH = /^\s*#\s?(.*)$/;

interface Comment {
  /** 0-based lines of the file, the last one included. */
  from: number;
  to: number;
  query: string;
}

/** Of each function the comment that says most. */
export function commentsOf(facts: BlobFacts, path: string): Example[] {
  const lines = facts.text.split('\n');
  const marker = /\.(?:py|rb)$/.test(path) ? HASH : SLASHES;
  const functions = facts.symbols.filter(({ kind }) => kind === 'function' || kind === 'method');
  return functions.flatMap((symbol): Example[] => {
    if (symbol.endLine - symbol.startLine < LEAST_LINES) return [];
    const inner = functions.filter(
      (other) => other !== symbol && symbol.startLine <= other.startLine && other.endLine <= symbol.endLine,
    );
    const [most] = commentRuns(lines, symbol, marker)
      .filter(({ from }) => !inner.some((each) => each.startLine - 1 <= from && from < each.endLine))
      .sort((a, b) => b.query.length - a.query.length);
    if (!most) return [];
    const code = outdented(around(lines, symbol, most)).slice(0, MAX_CODE);
    if (code.replace(/\s+/g, '').length < LEAST_CODE) return [];
    const { qualifiedName: name, signature } = symbol;
    return [{ kind: 'comment', path, name, signature, code, documentation: '', query: most.query }];
  });
}

function commentRuns(lines: string[], { startLine, endLine }: SymbolFact, marker: RegExp): Comment[] {
  const found: Comment[] = [];
  for (let from = startLine; from < endLine; from++) {
    const said: string[] = [];
    let to = from;
    for (; to < endLine; to++) {
      const text = marker.exec(lines[to] ?? '')?.[1];
      if (text === undefined) break;
      said.push(text);
    }
    if (said.length === 0) continue;
    const query = queryOf(said.join('\n'), '');
    if (query !== '') found.push({ from, to: to - 1, query });
    from = to;
  }
  return found;
}

function around(lines: string[], { startLine, endLine }: SymbolFact, { from, to }: Comment): string {
  const before = lines.slice(Math.max(startLine - 1, from - BEFORE), from);
  const after = lines.slice(to + 1, Math.min(endLine, to + 1 + AFTER));
  return [...before, ...after].join('\n');
}
