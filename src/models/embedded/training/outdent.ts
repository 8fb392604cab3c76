/** Code without the indentation that its first line has. */
export function outdented(code: string): string {
  const indent = /^[ \t]*/.exec(code)![0];
  if (indent === '') return code.trimEnd();
  return code
    .split('\n')
    .map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line))
    .join('\n')
    .trimEnd();
}
