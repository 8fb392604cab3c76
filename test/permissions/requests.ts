import { request } from '../http/call.ts';
import type { Names, Row } from './matrix.ts';

/** The request of an operation as its row has it, about things of these names. */
export function requestOf(
  { method, path, row }: { method: string; path: string; row: Row },
  names: Names,
  headers: Record<string, string>,
): Request {
  const named = (parameter: string) => names[row.as?.[parameter] ?? (parameter as keyof Names)];
  const filled = path.replaceAll(/\{([^}]+)\}/g, (_, name: string) => encodeURIComponent(named(name) ?? 'x'));
  const search = row.query ? `?${new URLSearchParams(row.query)}` : '';
  const body = typeof row.body === 'function' ? row.body(names) : row.body;
  return request(filled + search, { method, headers: { ...row.headers, ...headers }, body });
}
