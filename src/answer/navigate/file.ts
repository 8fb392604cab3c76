import { Problem } from '../../errors.ts';
import { decodeText } from '../../ingest/parse/decode.ts';
import type { Services } from '../../services.ts';
import { symbolsOfBlob } from '../../store/navigation.ts';
import { entryAt, type TreeFile } from '../../store/tree.ts';
import type { OpenSnapshot } from './snapshot.ts';
import { suggestPaths } from './suggest-paths.ts';

/** Larger files are for `/raw`. */
export const MAX_FILE_BYTES = 5 * 1024 * 1024;
const SUBMODULE = 57344;

/** The seed's SymbolInfo. */
export interface SymbolInfo {
  name: string;
  qualifiedName: string;
  kind: string;
  signature: string;
  startLine: number;
  endLine: number;
  documentation: string | null;
}

export interface FileContent {
  repo: string;
  ref: string;
  path: string;
  content: string;
  encoding: 'utf-8' | 'base64';
  /** Bytes in git. */
  size: number;
  symbols?: SymbolInfo[];
}

/**
 * The file, symlink or submodule at a path.
 * @throws Problem `not_found` with the nearest paths in `suggestions`; `unprocessable` with the commit for a submodule, whose files are another repository's
 */
export async function fileEntry(snapshot: OpenSnapshot, path: string): Promise<TreeFile> {
  const entry = await entryAt(snapshot.shard, snapshot.scope, snapshot.snapshotId, path);
  if (!entry) {
    throw new Problem(
      'not_found',
      `No file "${path}" in "${snapshot.scope.repo.name}" at ${snapshot.served.ref}.`,
      { members: { suggestions: await suggestPaths(snapshot, path) } },
    );
  }
  if (entry.mode === SUBMODULE) {
    throw new Problem(
      'unprocessable',
      `"${path}" is a submodule at commit ${entry.oid}; its files are another repository's.`,
      { members: { reason: 'submodule', commit_sha: entry.oid } },
    );
  }
  return entry;
}

/**
 * A file's content: UTF-8 exactly, UTF-16 decoded, anything else in base64; of a symlink, its target.
 * @throws Problem as `fileEntry`; `payload_too_large` above 5 MB
 */
export async function readFile(
  services: Pick<Services, 'objects'>,
  snapshot: OpenSnapshot,
  path: string,
  options: { includeSymbols: boolean },
): Promise<FileContent> {
  const entry = await fileEntry(snapshot, path);
  if (entry.size !== null && entry.size > MAX_FILE_BYTES) throw tooLarge(path, entry.size);
  const [bytes, symbols] = await Promise.all([
    readBytes(services, snapshot, entry),
    options.includeSymbols ? outline(snapshot, entry) : undefined,
  ]);
  return {
    repo: snapshot.scope.repo.name,
    ref: snapshot.served.ref,
    path,
    ...encoded(bytes),
    size: bytes.length,
    ...(symbols ? { symbols } : {}),
  };
}

async function readBytes(
  services: Pick<Services, 'objects'>,
  snapshot: OpenSnapshot,
  entry: TreeFile,
): Promise<Uint8Array> {
  const objects = await services.objects(snapshot.scope);
  const object = await objects.read(entry.oid, MAX_FILE_BYTES + 1);
  if (!object) throw missing(entry.path);
  if (object.bytes.length > MAX_FILE_BYTES) throw tooLarge(entry.path, object.bytes.length);
  return object.bytes;
}

/** For a path whose object the mirror does not hold, such as a delta too large to resolve. */
export function missing(path: string): Problem {
  return new Problem('not_found', `The content of "${path}" is not in the mirror.`, {
    members: { reason: 'missing_object' },
  });
}

function tooLarge(path: string, size: number): Problem {
  return new Problem(
    'payload_too_large',
    `"${path}" has ${size} bytes; /file answers up to ${MAX_FILE_BYTES}, /raw any size.`,
    { members: { size, limit: MAX_FILE_BYTES } },
  );
}

/** Text where the bytes are text: what `git show` prints, with a byte order mark kept in UTF-8. */
export function encoded(bytes: Uint8Array): Pick<FileContent, 'content' | 'encoding'> {
  try {
    const content = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return { content, encoding: 'utf-8' };
  } catch {
    const decoded = decodeText(bytes);
    return decoded?.encoding.startsWith('utf-16')
      ? { content: decoded.text, encoding: 'utf-8' }
      : { content: Buffer.from(bytes).toString('base64'), encoding: 'base64' };
  }
}

/** The symbols of a file in source order; none for a file that was not parsed. */
export async function outline(snapshot: OpenSnapshot, entry: TreeFile): Promise<SymbolInfo[]> {
  if (entry.blob === null) return [];
  const rows = await symbolsOfBlob(snapshot, entry.blob);
  return rows.map(({ name, qualifiedName, kind, signature, startLine, endLine, documentation }) => ({
    name,
    qualifiedName,
    kind,
    signature,
    startLine,
    endLine,
    documentation,
  }));
}
