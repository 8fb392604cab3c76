/** Pages and offsets (api.md section 1): `page`/`per_page` 1-indexed, or `limit`/`offset`; never both. */
import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { invalid } from '../errors.ts';
import type { AppEnv } from './feature.ts';

export const MAX_PER_PAGE = 100;
const DEFAULT_PER_PAGE = 20;
const MAX_OFFSET = 1_000_000_000;

/** A whole number in a query, where everything is text. */
export const wholeNumber = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,10}$/, `must be a whole number from ${min} to ${max}`)
    .transform(Number)
    .pipe(z.int().min(min, `must be at least ${min}`).max(max, `must be at most ${max}`));

const count = (min: number, max: number, what: string) =>
  wholeNumber(min, max)
    .optional()
    .openapi({ type: 'integer', minimum: min, maximum: max, description: what });

/**
 * The query members of a list; spread into its `z.object`. `limit` is at most `max`, a route's own ceiling; `fallback`
 * is what the description names as its default, and `windowOf` is told the same.
 */
export function pageQuery(
  max: number = MAX_PER_PAGE,
  { maxOffset = MAX_OFFSET, fallback }: { maxOffset?: number; fallback?: number } = {},
) {
  return {
    page: count(1, MAX_OFFSET, 'Page number, from 1.'),
    per_page: count(1, MAX_PER_PAGE, `Items a page, ${DEFAULT_PER_PAGE} unless said.`),
    limit: count(1, max, `Most items to answer${fallback === undefined ? '' : `, ${fallback} unless said`}.`),
    offset: count(0, maxOffset, 'Items to skip.'),
  };
}

export interface PageInput {
  page?: number;
  per_page?: number;
  limit?: number;
  offset?: number;
}

export interface Window {
  offset: number;
  /** null: everything from `offset` on. */
  limit: number | null;
  /** 1-indexed page and its size, for lists that answer `{items,total,page,per_page}`. */
  page: number;
  perPage: number;
}

/**
 * The part of a list that was asked for. `fallback` is the seed's own default limit; null for lists that are complete
 * unless a page is asked for.
 * @throws Problem `validation` for `page` or `per_page` together with `offset`
 */
export function windowOf(input: PageInput, fallback: number | null = DEFAULT_PER_PAGE): Window {
  const paged = input.page !== undefined || input.per_page !== undefined;
  if (paged && input.offset !== undefined) {
    throw invalid('query/offset', 'cannot be combined with page; use page and per_page, or limit and offset');
  }
  if (paged) {
    const perPage = input.per_page ?? input.limit ?? DEFAULT_PER_PAGE;
    const page = input.page ?? 1;
    return { offset: (page - 1) * perPage, limit: perPage, page, perPage };
  }
  const limit = input.limit ?? fallback;
  const offset = input.offset ?? 0;
  const perPage = limit ?? DEFAULT_PER_PAGE;
  return { offset, limit, page: Math.floor(offset / perPage) + 1, perPage };
}

/** The items of a window of a list that is at hand. */
export function slice<T>(items: readonly T[], window: Window): T[] {
  return items.slice(window.offset, window.limit === null ? undefined : window.offset + window.limit);
}

/** Sends `X-Total-Count` and `Link` (RFC 8288) for a list of `total` items of which `window` is shown. */
export function setPage(c: Context<AppEnv>, window: Window, total: number): void {
  c.set('total', total);
  c.header('x-total-count', String(total));
  setLinks(c, window, { total });
}

/** Sends `Link` alone, for a list that nobody counts: `more` tells whether items may follow the window. */
export function setOpenPage(c: Context<AppEnv>, window: Window, more: boolean): void {
  setLinks(c, window, { more });
}

/** How long a list is, or only whether it goes on. */
type Extent = { total: number } | { more: boolean };

function setLinks(c: Context<AppEnv>, window: Window, extent: Extent): void {
  const url = new URL(c.req.url);
  url.searchParams.delete('token');
  c.header('link', pageLinks(url, window, extent));
}

/** `first`, `prev`, `next`, `last` in the style of the request: pages if it asked for pages, else offsets. */
function pageLinks(url: URL, window: Window, extent: Extent): string {
  const { offset, limit } = window;
  // A list that is answered whole is its own first page and its last.
  if (limit === null) return ['first', 'last'].map((rel) => link(wholeOf(url), rel)).join(', ');
  const last = 'total' in extent ? Math.max(0, Math.ceil(extent.total / limit) - 1) * limit : null;
  const more = 'total' in extent ? offset + limit < extent.total : extent.more;
  const targets: [string, number][] = [['first', 0]];
  if (offset > 0) targets.push(['prev', Math.max(0, Math.min(offset - limit, last ?? offset))]);
  if (more) targets.push(['next', offset + limit]);
  if (last !== null) targets.push(['last', last]);
  return targets.map(([rel, at]) => link(pageOf(url, window, at), rel)).join(', ');
}

function link({ pathname, search }: URL, rel: string): string {
  return `<${pathname}${search}>; rel="${rel}"`;
}

function wholeOf(url: URL): URL {
  const target = new URL(url);
  target.searchParams.delete('offset');
  return target;
}

function pageOf(url: URL, window: Window, offset: number): URL {
  const target = new URL(url);
  if (target.searchParams.has('page') || target.searchParams.has('per_page')) {
    target.searchParams.set('page', String(Math.floor(offset / window.perPage) + 1));
    target.searchParams.set('per_page', String(window.perPage));
  } else {
    target.searchParams.set('limit', String(window.limit));
    target.searchParams.set('offset', String(offset));
  }
  return target;
}
