/** The scope table (api.md section 1): every operation names one row, OpenAPI shows it as `x-required-scope`. */
import { invalid } from '../errors.ts';
import type { Caller } from '../store/scope.ts';

export const SCOPES = {
  'repos:read': 'Read repositories, search, navigate, follow jobs',
  'repos:write': 'Register, sync, change and delete repositories',
  'scenarios:read': 'Read scenarios, chat and sessions',
  'query:execute': 'Run read-only SQL over the index',
  'review:write': 'Request reviews and act on fixes',
  'read:plugins': 'Read plugins',
  'write:plugins': 'Create and change plugins',
  'events:emit': 'Emit events',
  'events:subscribe': 'Read events, webhooks and notifications',
  'admin:system': 'Users, groups, projects, keys and metrics',
} as const;
export type KeyScope = keyof typeof SCOPES;

/** What an operation may ask for: a scope, any signed-in caller, or nothing. */
export type Scope = KeyScope | 'signed-in' | 'public';

/** The POSTs that only read, open to `ANONYMOUS_ROLE=viewer` beside all GETs of `repos:read`. */
const ANONYMOUS_POSTS = new Set(['/repos/{name}/context']);

/** Whether an anonymous viewer may call the operation at all; which repos it then sees is the store's business. */
export function openToAnonymous(operation: { method: string; path: string; scope: Scope }): boolean {
  if (operation.scope !== 'repos:read') return false;
  return operation.method === 'get' || (operation.method === 'post' && ANONYMOUS_POSTS.has(operation.path));
}

/** Whether the caller's key or token carries the scope; credentials without scopes carry all their owner's rights. */
export function carries(caller: Caller, scope: Scope): boolean {
  return scope === 'public' || scope === 'signed-in' || caller.scopes === null || caller.scopes.has(scope);
}

/**
 * The scopes that a token request names, separated by spaces; null for none, which means all rights.
 * @throws Problem `validation` for one that the table lacks
 */
export function parseScopes(text: string | undefined): KeyScope[] | null {
  const names = [...new Set((text ?? '').split(/\s+/).filter((name) => name !== ''))];
  const unknown = names.find((name) => !isScope(name));
  if (unknown !== undefined) {
    throw invalid('/scope', `unknown scope "${unknown}"; known are ${Object.keys(SCOPES).join(', ')}`);
  }
  return names.length > 0 ? names.filter(isScope) : null;
}

function isScope(name: string): name is KeyScope {
  return Object.hasOwn(SCOPES, name);
}
