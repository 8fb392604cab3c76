/**
 * Strong ETags. A tag is a hash of the answer's plain bytes and the headers that belong to it; under the envelope the
 * same hash carries the profile's name, because the bytes differ. `If-Match` accepts either.
 */
import { createHash } from 'node:crypto';
import type { Context } from 'hono';
import { Problem } from '../errors.ts';
import type { AppEnv } from './feature.ts';
import type { Profile } from './problem.ts';

const ENVELOPE = '-envelope';

/** The tag of some text, with its quotes. */
export function tagOf(text: string, profile: Profile = 'plain'): string {
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 32);
  return `"${hash}${profile === 'envelope' ? ENVELOPE : ''}"`;
}

/** Whether an `If-None-Match` value names the tag; comparison is weak, as RFC 9110 says for this header. */
export function matchesAny(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  if (header.trim() === '*') return true;
  return header.split(',').some((item) => item.trim().replace(/^W\//, '') === tag);
}

/**
 * Answers 304 before any work is done, when the client already holds what these parts determine (snapshot ids, the
 * query …). Sets the response's ETag either way.
 *
 * @example const unchanged = await notModified(c, [served.snapshotId, c.req.query()]); if (unchanged) return unchanged;
 */
export async function notModified(c: Context<AppEnv>, parts: unknown[]): Promise<Response | null> {
  const tag = tagOf(JSON.stringify(parts), c.var.profile);
  c.header('etag', tag);
  return matchesAny(c.req.header('if-none-match'), tag)
    ? new Response(null, { status: 304, headers: { etag: tag } })
    : null;
}

/** Gives a change the tag that GET of its URL answers from now on, where its own body says more than that. */
export function setTag(c: Context<AppEnv>, current: unknown): void {
  c.header('etag', tagOf(JSON.stringify(current), c.var.profile));
}

/**
 * Honours `If-Match` before a change: `current` is the body that GET of this URL answers now, and of a list `total` is
 * its size, which is tagged with it. Without the header the change goes through.
 * @throws Problem `precondition_failed`
 */
export async function requireMatch(c: Context<AppEnv>, current: unknown, total?: number): Promise<void> {
  const header = c.req.header('if-match');
  if (header === undefined || header.trim() === '*') return;
  const tag = tagOf(JSON.stringify(current) + (total ?? ''));
  const named = header.split(',').map((item) => item.trim().replace(`${ENVELOPE}"`, '"'));
  if (!named.includes(tag)) {
    throw new Problem(
      'precondition_failed',
      'If-Match does not name the current version; read it again first.',
    );
  }
}
