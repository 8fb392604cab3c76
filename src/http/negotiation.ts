/** Judged on the way in: the form of the path (400), what the client accepts (406), how much it may send (413). */
import type { Context } from 'hono';
import { Problem } from '../errors.ts';
import type { AppEnv, RouteSpec } from './feature.ts';

interface MediaRange {
  type: string;
  quality: number;
}

/** The ranges of an `Accept` header; parameters other than `q` (our `profile` among them) do not matter here. */
export function acceptRanges(header: string): MediaRange[] {
  return header
    .split(',')
    .slice(0, 50)
    .map((part) => {
      const [type = '', ...parameters] = part.split(';').map((piece) => piece.trim().toLowerCase());
      const quality = parameters.find((parameter) => parameter.startsWith('q='));
      return { type, quality: quality === undefined ? 1 : Number(quality.slice(2)) || 0 };
    })
    .filter((range) => range.type !== '');
}

/** Whether the header admits the media type; the most specific range that covers it decides. */
export function accepts(header: string | undefined, mediaType: string): boolean {
  if (header === undefined || header.trim() === '') return true;
  const ranges = acceptRanges(header);
  const [family] = mediaType.split('/');
  const range =
    ranges.find((candidate) => candidate.type === mediaType) ??
    ranges.find((candidate) => candidate.type === `${family}/*`) ??
    ranges.find((candidate) => candidate.type === '*/*');
  return range !== undefined && range.quality > 0;
}

/** The media types a route's success answers come in; null when it answers in any, or in none. */
export function producedTypes(responses: RouteSpec['responses']): string[] | null {
  const types = Object.entries(responses)
    .filter(([status]) => status.startsWith('2'))
    .flatMap(([, response]) =>
      'content' in response && response.content ? Object.keys(response.content) : [],
    );
  const any =
    types.length === 0 || types.some((type) => type.includes('*') || type === 'application/octet-stream');
  return any ? null : types;
}

/** @throws Problem `not_acceptable` */
export function negotiate(c: Context<AppEnv>, produced: string[] | null): void {
  const header = c.req.header('accept');
  if (produced === null || produced.some((type) => accepts(header, type))) return;
  throw new Problem('not_acceptable', `This answers in ${produced.join(' or ')} only.`);
}

/** @throws Problem `validation` for a path that is no percent-encoded UTF-8 */
export function requireWellFormedPath(c: Context<AppEnv>): void {
  const { pathname } = new URL(c.req.raw.url);
  try {
    decodeURIComponent(pathname);
  } catch {
    throw new Problem('validation', 'The path holds a percent sign that begins no valid UTF-8 escape.', {
      errors: [{ pointer: 'path', detail: 'malformed percent-encoding' }],
    });
  }
}

/** Refuses a body above the limit: by its declared length, or while reading when there is none. */
export async function limitBody(c: Context<AppEnv>, limit: number): Promise<void> {
  const declared = c.req.header('content-length');
  if (declared !== undefined) {
    if (Number(declared) > limit) throw tooLarge(limit);
    return;
  }
  const { raw } = c.req;
  if (!raw.body) return;
  const body = await readAtMost(raw.body, limit);
  c.req.raw = new Request(raw.url, { method: raw.method, headers: raw.headers, body });
}

async function readAtMost(stream: ReadableStream<Uint8Array>, limit: number): Promise<Uint8Array | null> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.byteLength;
    if (size > limit) throw tooLarge(limit);
    chunks.push(chunk);
  }
  return size === 0 ? null : Buffer.concat(chunks);
}

function tooLarge(limit: number): Problem {
  return new Problem('payload_too_large', `The body is larger than ${limit} bytes.`);
}
