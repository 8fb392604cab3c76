import { lineCount } from '../lines.ts';
import { isGlob, pathPattern } from '../search/path-pattern.ts';
import type { Section } from './pack.ts';
import { filesContaining, readTexts, type Source } from './source.ts';

/** Files that one named directory or glob may bring in. */
const MAX_FILES = 40;

/**
 * The files a caller asked to focus on: exact paths, directories or globs, in the order named. Whole files; what is
 * not indexed becomes a warning.
 */
export async function focusSections(source: Source, paths: string[] | undefined): Promise<Section[]> {
  const sections: Section[] = [];
  for (const path of paths ?? []) sections.push(...(await filesAt(source, path)));
  return sections;
}

async function filesAt(source: Source, asked: string): Promise<Section[]> {
  const path = asked.replace(/^\.?\/+/, '').replace(/\/+$/, '');
  const files = await matching(source, path);
  if (files.length === 0) source.warnings.push(`${asked}: no indexed file of this name`);
  if (files.length > MAX_FILES)
    source.warnings.push(`${asked}: only the first ${MAX_FILES} files are considered`);
  const kept = files.slice(0, MAX_FILES);
  const texts = await readTexts(
    source,
    kept.map((file) => file.blobId),
  );
  return kept.flatMap(({ path: filePath, blobId }) => {
    const text = texts.get(blobId);
    if (text === undefined) return [];
    return [
      { path: filePath, startLine: 1, endLine: lineCount(text), text, annotation: 'Asked for by path' },
    ];
  });
}

async function matching(source: Source, path: string) {
  if (isGlob(path)) {
    const pattern = pathPattern(path, 'path', true);
    return (await filesContaining(source, pattern.piece)).filter((file) => pattern.test(file.path));
  }
  const files = await filesContaining(source, path);
  const exact = files.filter((file) => file.path === path);
  return exact.length > 0 ? exact : files.filter((file) => file.path.startsWith(`${path}/`));
}
