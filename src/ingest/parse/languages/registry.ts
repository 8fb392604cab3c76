/** Where each language's definition is; loaded with its grammar when first met. */
import type { LanguageDefinition } from '../language.ts';
import type { LanguageId } from '../languages.ts';

const DEFINITIONS: Readonly<Record<LanguageId, () => Promise<LanguageDefinition>>> = {
  typescript: async () => (await import('./typescript/index.ts')).typescript,
  tsx: async () => (await import('./tsx/index.ts')).tsx,
  javascript: async () => (await import('./javascript/index.ts')).javascript,
  python: async () => (await import('./python/index.ts')).python,
  go: async () => (await import('./go/index.ts')).go,
  c: async () => (await import('./c/index.ts')).c,
  cpp: async () => (await import('./cpp/index.ts')).cpp,
  csharp: async () => (await import('./csharp/index.ts')).csharp,
  java: async () => (await import('./java/index.ts')).java,
  kotlin: async () => (await import('./kotlin/index.ts')).kotlin,
  php: async () => (await import('./php/index.ts')).php,
  ruby: async () => (await import('./ruby/index.ts')).ruby,
  swift: async () => (await import('./swift/index.ts')).swift,
  rust: async () => (await import('./rust/index.ts')).rust,
};

/** The loader of a language's definition, or undefined for languages without grammar. */
export function languageDefinition(id: LanguageId): (() => Promise<LanguageDefinition>) | undefined {
  return Object.hasOwn(DEFINITIONS, id) ? DEFINITIONS[id] : undefined;
}
