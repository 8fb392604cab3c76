/**
 * What a query says, as a tree. Made by `parseQuery`, read by `planQuery`, printed by `printQuery` for the test cases.
 *
 * `seq` is juxtaposition: at the top its bare words are wishes that ranking weighs ("where are tokens refreshed"),
 * anywhere else they are demands. Everything that was typed with an operator, quotes or a qualifier is a demand.
 */
export type QueryNode =
  | { kind: 'word'; text: string }
  | { kind: 'phrase'; text: string }
  | { kind: 'regex'; source: string }
  | { kind: 'qualifier'; name: QualifierName; value: string; form: 'plain' | 'quoted' | 'regex' }
  | { kind: 'not'; child: QueryNode }
  | { kind: 'seq' | 'and' | 'or'; children: QueryNode[] };

export const QUALIFIERS = ['repo', 'lang', 'path', 'file', 'sym', 'rev', 'case', 'content'] as const;
export type QualifierName = (typeof QUALIFIERS)[number];

/** The tree on one line: `(seq (word foo) (not (lang "markdown")))`. An empty query is `(seq)`. */
export function printQuery(node: QueryNode): string {
  switch (node.kind) {
    case 'word':
    case 'phrase':
      return `(${node.kind} ${JSON.stringify(node.text)})`;
    case 'regex':
      return `(regex ${JSON.stringify(node.source)})`;
    case 'qualifier':
      return `(${node.name}${node.form === 'regex' ? ' regex' : ''} ${JSON.stringify(node.value)})`;
    case 'not':
      return `(not ${printQuery(node.child)})`;
    default:
      return `(${[node.kind, ...node.children.map(printQuery)].join(' ')})`;
  }
}
