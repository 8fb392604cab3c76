import type { ImportFact } from '../../facts.ts';

/** Nesting no one writes. */
const MAX_DEPTH = 20;
const MAX_ITEMS = 500;

/**
 * A use declaration's tree, `a::{b as c, d::*, self}`, as one fact per leaf: the source is the path before the last
 * segment. `pub use` re-exports.
 */
export function readUse(declaration: string): Omit<ImportFact, 'line'>[] {
  const text = declaration.replace(/\/\/[^\n]*|\/\*[\s\S]*?\*\//g, ' ').trim();
  const use = /^((?:pub\s*(?:\([^)]*\))?\s*)?)use\s+([\s\S]*?);?$/.exec(text);
  if (!use) return [];
  const facts: Omit<ImportFact, 'line'>[] = [];
  walk(use[2]!.replace(/\s+/g, ' '), '', use[1] !== '', facts, 0);
  return facts;
}

function walk(
  tree: string,
  prefix: string,
  isReexport: boolean,
  facts: Omit<ImportFact, 'line'>[],
  depth: number,
): void {
  if (depth > MAX_DEPTH) return;
  const open = tree.indexOf('{');
  if (open !== -1) {
    const path = joined(prefix, tree.slice(0, open));
    for (const part of branches(tree.slice(open + 1, tree.lastIndexOf('}'))))
      walk(part, path, isReexport, facts, depth + 1);
    return;
  }
  const [path = '', rename] = tree.trim().split(/ as /);
  if (path.trim() === '' || facts.length >= MAX_ITEMS) return;
  const segments = joined(prefix, path)
    .split('::')
    .map((segment) => segment.trim());
  // `a::{self}` imports `a`.
  if (segments.length > 1 && segments.at(-1) === 'self') segments.pop();
  const name = segments.pop()!.replace(/^r#/, '');
  const alias = rename?.trim() ?? (name === '*' ? '' : name);
  facts.push({
    source: segments.join('::'),
    name,
    alias: alias === '_' ? '' : alias,
    isDefault: false,
    isReexport,
  });
}

function joined(prefix: string, path: string): string {
  const tail = path
    .trim()
    .replace(/^::|::$/g, '')
    .trim();
  if (prefix === '' || tail === '') return prefix + tail;
  return `${prefix}::${tail}`;
}

/** Splits at the commas of this level. */
function branches(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === '{') depth++;
    else if (char === '}') depth--;
    else if (char === ',' && depth === 0) {
      parts.push(text.slice(from, at));
      from = at + 1;
    }
  }
  parts.push(text.slice(from));
  return parts;
}
