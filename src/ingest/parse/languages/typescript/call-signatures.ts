/** A type that stands at the start of a line as `<T extends X>(` or `<`, which only a call signature does in .ts files. */
const GENERIC_START = /^[ \t]+<(?:[A-Z]\w*(?:\s+extends\b|[,>=\s]|$)|\s*$)/;
/** What can end the signature before it. */
const ENDS_MEMBER = /[\w)\]}>'"`]$/;
const COMMENT_LINE = /^\s*(?:\/\/|\/\*|\*)/;

/**
 * The grammar reads a call signature that follows another one without `;` as a comparison (`void < T`), and loses the
 * rest of the file. Writing `;` over the indentation before it keeps every offset. Null when there is none.
 */
export function separateCallSignatures(text: string): string | null {
  const lines = text.split('\n');
  let before = '';
  let changed = false;
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at]!;
    const trimmed = line.trim();
    if (trimmed === '' || COMMENT_LINE.test(line)) continue;
    if (GENERIC_START.test(line) && ENDS_MEMBER.test(before)) {
      const indent = line.indexOf('<');
      lines[at] = `${line.slice(0, indent - 1)};${line.slice(indent)}`;
      changed = true;
    }
    before = trimmed;
  }
  return changed ? lines.join('\n') : null;
}
