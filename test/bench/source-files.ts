import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { skipByPath } from '../../src/ingest/parse/classify.ts';
import { decodeText } from '../../src/ingest/parse/decode.ts';
import { languageOf } from '../../src/ingest/parse/languages.ts';

export interface SourceFile {
  path: string;
  text: string;
  language: string;
}

/** The files below a directory that an index of it would read. */
export function sourceFiles(root: string): SourceFile[] {
  const files: SourceFile[] = [];
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = path.join(entry.parentPath, entry.name);
    const name = path.relative(root, file);
    const bytes = readFileSync(file);
    if (name.startsWith('.git/') || skipByPath(name, 0o100644, bytes.length)) continue;
    if (bytes.subarray(0, 8000).includes(0)) continue;
    const text = decodeText(bytes)?.text;
    if (text !== undefined) files.push({ path: name, text, language: languageOf(name) });
  }
  return files;
}
