import type { TreeCursor } from 'web-tree-sitter';

/** Visits every node, in order, as an extractor without queries would. */
export function walk(cursor: TreeCursor): number {
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
