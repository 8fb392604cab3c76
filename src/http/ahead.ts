/**
 * Reads ahead: what a route will need from the control database, asked for in the same round trip as who is asking. The
 * database judges by itself what that user may see, and the answer opens only to the caller that the credential gave.
 */
import type { Context } from 'hono';
import { type Read, run } from '../store/control-db.ts';
import { repoAndRefsRead, type TrackedRef, type VisibleRefs, visibleRefsRead } from '../store/refs.ts';
import type { Door } from '../store/repos.ts';
import type { Viewer } from '../store/scope.ts';
import type { AppEnv } from './feature.ts';

/** From a request that no schema has judged yet to the read that it will need. */
export type Ahead<T> = (c: Context<AppEnv>, viewer: Viewer) => Read<T>;

/** The repo that the path's `{name}` means, and its refs. */
export const repoOfPath: Ahead<[Door, TrackedRef[]]> = (c, viewer) =>
  repoAndRefsRead(c.var.services.db, viewer, c.req.param('name') ?? '');

/** Every repo that may be asked, and its refs. */
export const visibleRefs: Ahead<VisibleRefs> = (c, viewer) => visibleRefsRead(c.var.services.db, viewer);

/**
 * What the route's own `ahead` has read. It is read now where that was not known before whose request this is: of
 * anonymous callers, and at the first request with a key.
 */
export async function readAhead<T>(c: Context<AppEnv>, ahead: Ahead<T>): Promise<T> {
  const { early } = c.var;
  return early ? (early.value as T) : run(c.env.DB, ahead(c, c.var.caller));
}
