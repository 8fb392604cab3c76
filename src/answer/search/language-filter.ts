import { displayLanguage, languageIds, languageOf } from '../../ingest/parse/languages.ts';

/** What people call languages beside their names and extensions. */
const NICKNAMES: Record<string, string> = {
  'c#': 'csharp',
  'f#': 'fsharp',
  golang: 'go',
  bash: 'shell',
  'objective-c': 'objc',
  docker: 'dockerfile',
  make: 'makefile',
  proto: 'protobuf',
  terraform: 'hcl',
};

/** The language a `lang:` value means (a name, an extension or a nickname), as it is shown; null when none. */
export function languageNamed(value: string): string | null {
  const name = value.trim().toLowerCase().replace(/^\./, '');
  const nickname = NICKNAMES[name] ?? name;
  if (languageIds().includes(nickname)) return displayLanguage(nickname);
  const byExtension = languageOf(`x.${nickname}`);
  return byExtension === 'text' ? null : displayLanguage(byExtension);
}

/**
 * Ids of the language table that satisfy the filter; undefined when nothing is asked.
 * @param wanted groups of alternatives, all of which must hold
 */
export function languageFilter(wanted: string[][], unwanted: string[]): string[] | undefined {
  if (wanted.length === 0 && unwanted.length === 0) return undefined;
  const groups = wanted.map((group) => new Set(group.map(languageNamed)));
  const excluded = new Set(unwanted.map(languageNamed));
  return languageIds().filter((id) => {
    const shown = displayLanguage(id);
    return groups.every((group) => group.has(shown)) && !excluded.has(shown);
  });
}
