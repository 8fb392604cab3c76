import { Problem } from '../../errors.ts';
import { matchesAny } from '../../http/etag.ts';
import { lastSegment } from '../../paths.ts';
import type { Services } from '../../services.ts';
import { fileEntry, missing } from './file.ts';
import type { OpenSnapshot } from './snapshot.ts';

export interface RawRequest {
  path: string;
  /** `HEAD`: headers only. */
  head: boolean;
  range?: string | undefined;
  ifRange?: string | undefined;
  ifNoneMatch?: string | undefined;
}

/**
 * A file's bytes, streamed, of any size; one range of them on request. The ETag is the object's id, so it never changes
 * with the ref. Never rendered by a browser: plain text or a download.
 * @throws Problem as `fileEntry`; `range_not_satisfiable`
 */
export async function rawFile(
  services: Pick<Services, 'objects'>,
  snapshot: OpenSnapshot,
  request: RawRequest,
): Promise<Response> {
  const entry = await fileEntry(snapshot, request.path);
  const tag = `"${entry.oid}"`;
  const headers = new Headers({
    etag: tag,
    'accept-ranges': 'bytes',
    'content-type': isText(entry.skipped) ? 'text/plain; charset=utf-8' : 'application/octet-stream',
    'x-content-type-options': 'nosniff',
    'content-security-policy': "default-src 'none'; sandbox",
    'content-disposition': disposition(request.path),
  });
  if (matchesAny(request.ifNoneMatch, tag)) return new Response(null, { status: 304, headers });

  const objects = await services.objects(snapshot.scope);
  const size = entry.size ?? (await objects.info([entry.oid])).get(entry.oid)?.size;
  if (size === undefined) throw missing(request.path);
  const wanted = request.ifRange === undefined || request.ifRange.trim() === tag ? request.range : undefined;
  const range = parseRange(wanted, size);
  const length = range ? range.length : size;
  headers.set('content-length', String(length));
  if (range) headers.set('content-range', `bytes ${range.offset}-${range.offset + length - 1}/${size}`);
  const status = range ? 206 : 200;
  if (request.head || length === 0) return new Response(null, { status, headers });

  const object = await objects.stream(entry.oid, range ?? undefined);
  if (!object) throw missing(request.path);
  // A stream of known length: the runtime then sends Content-Length instead of chunks.
  const { readable, writable } = new FixedLengthStream(length);
  // A client that goes away ends the pipe; that is its right and no error of ours.
  object.body.pipeTo(writable).catch((error: unknown) => writable.abort(error).catch(() => undefined));
  return new Response(readable, { status, headers });
}

/**
 * The one range asked for, or null for the whole. Several ranges, other units and malformed values are ignored, as
 * RFC 9110 allows.
 * @throws Problem `range_not_satisfiable` when it starts beyond the end
 */
export function parseRange(
  header: string | undefined,
  size: number,
): { offset: number; length: number } | null {
  const match = /^bytes=\s*(\d{0,15})-(\d{0,15})\s*$/.exec(header ?? '');
  if (!match || (match[1] === '' && match[2] === '')) return null;
  const [, first, last] = match;
  if (first === '') {
    const length = Math.min(Number(last), size);
    if (length === 0) throw unsatisfiable(size);
    return { offset: size - length, length };
  }
  const offset = Number(first);
  if (last !== '' && Number(last) < offset) return null;
  if (offset >= size) throw unsatisfiable(size);
  const end = last === '' ? size - 1 : Math.min(Number(last), size - 1);
  return { offset, length: end - offset + 1 };
}

function unsatisfiable(size: number): Problem {
  return new Problem('range_not_satisfiable', `The file has ${size} bytes; the range starts beyond them.`, {
    members: { size },
  });
}

function isText(skipped: string | null): boolean {
  return skipped !== 'binary' && skipped !== 'unsupported-encoding';
}

/** `inline` with the base name in both spellings of RFC 6266. */
function disposition(path: string): string {
  const name = lastSegment(path);
  const ascii = name.replace(/[^\x20-\x7e]|["\\]/g, '_');
  return `inline; filename="${ascii}"; filename*=UTF-8''${encodeURIComponent(name).replace(/['()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)}`;
}
