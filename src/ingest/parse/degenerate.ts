/**
 * Inputs that no one wrote by hand and that would cost a query quadratic time: it looks past every anonymous token
 * (`,`, `{`, a keyword) for the next named node, so tens of thousands of them side by side take minutes. Such a file is
 * cut into windows instead.
 */
import type { Tree } from 'web-tree-sitter';

/** Punctuation in a row, white space aside, that is still taken for code (rulers in comments, sparse arrays). */
const MAX_PUNCTUATION = 2500;
/** Children of one error node. Recovery from an ordinary mistake leaves a handful. */
const MAX_ERROR_CHILDREN = 1500;
const MAX_VISITED = 20_000;

/** True for a line longer than `maxLine`, and for a run of punctuation without a letter, digit or quote that code never has. */
export function isDegenerateText(text: string, maxLine = Number.POSITIVE_INFINITY): boolean {
  let run = 0;
  let lineStart = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 10) lineStart = at;
    else if (at - lineStart > maxLine) return true;
    if (code <= 32) continue;
    if (isWord(code)) run = 0;
    else if (++run > MAX_PUNCTUATION) return true;
  }
  return false;
}

function isWord(code: number): boolean {
  return (
    code > 127 ||
    (code >= 97 && code <= 122) ||
    (code >= 65 && code <= 90) ||
    (code >= 48 && code <= 57) ||
    code === 95
  );
}

/** True when the grammar gave up on a large part: an error node that holds thousands of stray tokens. */
export function isDegenerateTree(tree: Tree): boolean {
  if (!tree.rootNode.hasError) return false;
  const open = [tree.rootNode];
  for (let visited = 0; open.length > 0; visited++) {
    if (visited > MAX_VISITED) return true;
    const node = open.pop()!;
    if (node.isError && node.childCount > MAX_ERROR_CHILDREN) return true;
    for (const child of node.children) if (child.hasError) open.push(child);
  }
  return false;
}
