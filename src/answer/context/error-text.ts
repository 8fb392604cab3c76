/** What an error message and its stack trace say about where to look. Pure. */

export interface Frame {
  path: string;
  line: number;
}

/** `at f (src/a.ts:12:3)`, `File "a.py", line 12`, `a.go:12 +0x1f`, `(A.java:12)`, `./a.rs:12:5`. */
const FRAME = /(?:File "([^"\n]+)", line (\d+))|((?:[\w.@~-]*[\\/])*[\w.@-]+\.[A-Za-z]\w{0,9}):(\d+)/g;

/** Places a stack trace names, innermost first as printed, without duplicates. */
export function framesOf(text: string): Frame[] {
  const frames = new Map<string, Frame>();
  for (const match of text.matchAll(FRAME)) {
    const path = (match[1] ?? match[3]!).replaceAll('\\', '/').replace(/^(\.?\/)+/, '');
    const line = Number(match[2] ?? match[4]);
    if (line > 0) frames.set(`${path}:${line}`, { path, line });
  }
  return [...frames.values()];
}

/** Parts of a message that differ at run time: numbers, paths, quoted and bracketed values. */
const VARIABLE = /"[^"\n]*"|'[^'\n]*'|`[^`\n]*`|<[^>\n]*>|\[[^\]\n]*\]|\([^)\n]*\)|\/\S+|\b\d[\w.]*|[{}]/;
const MIN_LITERAL = 8;

/** Pieces of an error message that probably stand in the source as they are, longest first, at most four. */
export function literalsOf(text: string): string[] {
  const [message = ''] = text.split('\n').filter((line) => line.trim() !== '');
  const quoted = [...message.matchAll(/"([^"\n]{8,})"/g)].map((match) => match[1]!);
  const pieces = message
    .replace(/^\s*(?:Uncaught\s+)?(?:[\w.]*(?:Error|Exception|Panic|panic|error|fatal))(?:\[\w+\])?:\s*/, '')
    .split(new RegExp(VARIABLE, 'g'))
    .flatMap((piece) => piece.split(/:\s/))
    .map((piece) => piece.replace(/^[\s,;:.]+|[\s,;:]+$/g, ''));
  return [...new Set([...quoted, ...pieces])]
    .filter((piece) => piece.length >= MIN_LITERAL)
    .sort((a, b) => b.length - a.length)
    .slice(0, 4);
}
