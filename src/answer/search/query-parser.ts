import { lexQuery, type Token } from './query-lexer.ts';
import type { QueryNode } from './query-tree.ts';

/**
 * Parses the query language of `GET /search`: qualifiers (`repo: lang: path: file: sym: rev: case: content:`),
 * `"phrases"`, `-x` and `NOT x`, `AND`, `OR`, `( )`, `/regex/`. Juxtaposition and AND bind tighter than OR.
 *
 * Total: it accepts any string. Operators without an operand, unbalanced quotes and parentheses, and the syntax of
 * other engines (`*`, `^`, `NEAR(`) are text. The result is flat (no seq in seq, no single-child groups).
 */
export function parseQuery(input: string): QueryNode {
  const parser = new Parser(lexQuery(input));
  return parser.parse();
}

class Parser {
  readonly #tokens: Token[];
  #at = 0;

  constructor(tokens: Token[]) {
    this.#tokens = tokens;
  }

  parse(): QueryNode {
    const tree = this.#or();
    return tree.kind === 'seq' ? tree : { kind: 'seq', children: [tree] };
  }

  #peek(): Token | undefined {
    return this.#tokens[this.#at];
  }

  #isOperator(word: string): boolean {
    const token = this.#peek();
    return token?.type === 'operator' && token.word === word;
  }

  #atEnd(): boolean {
    const token = this.#peek();
    return token === undefined || token.type === 'close';
  }

  #or(): QueryNode {
    const branches = [this.#sequence()];
    while (this.#isOperator('OR')) {
      this.#at++;
      branches.push(this.#sequence());
    }
    return group('or', branches);
  }

  /** Operands up to OR or the end of the group; those joined by AND become one `and`. */
  #sequence(): QueryNode {
    const children: QueryNode[] = [];
    while (!this.#atEnd() && !(children.length > 0 && this.#splitsHere())) {
      const operand = this.#and();
      if (operand) children.push(operand);
    }
    return group('seq', children);
  }

  /** OR is an operator only with something on its right; `foo OR` searches for the word. */
  #splitsHere(): boolean {
    if (!this.#isOperator('OR')) return false;
    const next = this.#tokens[this.#at + 1];
    return next !== undefined && next.type !== 'close';
  }

  #and(): QueryNode | null {
    const operands = [this.#operand()];
    while (this.#isOperator('AND') && this.#startsOperand(this.#at + 1)) {
      this.#at++;
      operands.push(this.#operand());
    }
    const present = operands.filter((operand) => operand !== null);
    return present.length === 0 ? null : group('and', present);
  }

  #startsOperand(at: number): boolean {
    const token = this.#tokens[at];
    return token !== undefined && token.type !== 'close';
  }

  #operand(): QueryNode | null {
    const token = this.#tokens[this.#at++]!;
    if (token.type === 'leaf') return isEmpty(token.node) ? null : token.node;
    if (token.type === 'minus') return this.#negated();
    if (token.type === 'open') return this.#group();
    if (token.type === 'operator') {
      return token.word === 'NOT' && this.#startsOperand(this.#at)
        ? this.#negated()
        : { kind: 'word', text: token.word };
    }
    return null;
  }

  #negated(): QueryNode | null {
    const child = this.#operand();
    if (child === null) return null;
    return child.kind === 'not' ? child.child : { kind: 'not', child };
  }

  #group(): QueryNode | null {
    const inner = this.#or();
    if (this.#peek()?.type === 'close') this.#at++;
    return isEmpty(inner) ? null : inner;
  }
}

function isEmpty(node: QueryNode): boolean {
  if (node.kind === 'word' || node.kind === 'phrase') return node.text === '';
  return node.kind === 'seq' && node.children.length === 0;
}

function group(kind: 'seq' | 'and' | 'or', nodes: QueryNode[]): QueryNode {
  const children = nodes
    .filter((node) => !isEmpty(node))
    .flatMap((node) => (node.kind === kind ? node.children : [node]));
  if (children.length === 0) return { kind: 'seq', children };
  return children.length === 1 ? children[0]! : { kind, children };
}
