import type { RawFacts, RawImport } from './captures.ts';
import { clip } from './comments.ts';
import type { ImportFact } from './facts.ts';
import type { LanguageDefinition } from './language.ts';
import { type Lines, rowAt } from './lines.ts';

const MAX_IMPORTS = 10_000;
const MAX_SOURCE = 500;

/** Imports in order of appearance, equal ones of a line once. */
export function importsOf(raw: RawFacts, lines: Lines, language: LanguageDefinition): ImportFact[] {
  const imports = new Map<string, ImportFact>();
  for (const one of [...raw.imports].sort((a, b) => a.start - b.start)) {
    const line = rowAt(lines, one.start) + 1;
    const facts = one.tree === null ? [importOf(one)] : (language.readImport?.(one.tree) ?? []);
    for (const fact of facts) {
      const key = `${line} ${fact.source} ${fact.name} ${fact.alias}`;
      const known = imports.get(key);
      if (known) known.isReexport ||= fact.isReexport || one.isReexport;
      else imports.set(key, { ...fact, isReexport: fact.isReexport || one.isReexport, line });
      if (imports.size >= MAX_IMPORTS) return withoutEchoes([...imports.values()]);
    }
  }
  return withoutEchoes([...imports.values()]);
}

/** `const x = await import('m')` matches twice: as the binding, and as a bare `import('m')` that binds nothing. */
function withoutEchoes(imports: ImportFact[]): ImportFact[] {
  const isEcho = (one: ImportFact) => one.name === '*' && one.alias === '' && !one.isReexport;
  const bound = new Set(imports.filter((one) => !isEcho(one)).map((one) => `${one.line} ${one.source}`));
  return imports.filter((one) => !isEcho(one) || !bound.has(`${one.line} ${one.source}`));
}

function importOf(raw: RawImport): Omit<ImportFact, 'line'> {
  const source = clip(raw.source, MAX_SOURCE);
  const { isReexport } = raw;
  if (raw.isEffect) return { source, name: '', alias: '', isDefault: false, isReexport };
  if (raw.isDefault) return { source, name: 'default', alias: raw.alias ?? '', isDefault: true, isReexport };
  if (raw.isNamespace) return { source, name: '*', alias: raw.alias ?? '', isDefault: false, isReexport };
  const name = raw.name ?? '*';
  const alias = raw.alias ?? (name === '*' ? '' : lastIdentifier(name));
  return { source, name, alias, isDefault: name === 'default', isReexport };
}

function lastIdentifier(name: string): string {
  return /([\p{L}\p{N}_$]+)$/u.exec(name)?.[1] ?? name;
}
