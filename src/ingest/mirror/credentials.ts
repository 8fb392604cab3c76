/**
 * Tokens of git hosts, from the deployment's environment: `GIT_TOKEN_<HOST>` and optionally `GIT_USER_<HOST>`. They are
 * looked up at the moment of a request to that very host, and exist nowhere else.
 */
import { createEgress, hostOf } from '../../egress.ts';

export interface GitToken {
  user: string;
  token: string;
}

const TOKEN_PREFIX = 'GIT_TOKEN_';
const USER_PREFIX = 'GIT_USER_';

/** What GitHub documents for tokens; GitLab, Gitea and Bitbucket take any name beside a token. */
const DEFAULT_USER = 'x-access-token';

/**
 * The token for exactly this URL's host and port, or null. Only over https, or to a host that `EGRESS_ALLOW` names.
 * Whether a repo may use it (`useDeploymentToken`) is the caller's decision.
 */
export function tokenFor(env: Record<string, unknown>, url: string): GitToken | null {
  if (!URL.canParse(url)) return null;
  const parsed = new URL(url);
  const allowed = typeof env.EGRESS_ALLOW === 'string' ? env.EGRESS_ALLOW : '';
  if (parsed.protocol !== 'https:' && !createEgress({ allow: allowed }).allows(parsed)) return null;
  const suffix = variableSuffix(parsed);
  if (suffix === null) return null;
  const token = env[TOKEN_PREFIX + suffix];
  if (typeof token !== 'string' || token === '') return null;
  const user = env[USER_PREFIX + suffix];
  return { token, user: typeof user === 'string' && user !== '' ? user : DEFAULT_USER };
}

/** The `Authorization` header for `tokenFor`'s answer, to go into `Remote.headers`; `{}` for null. */
export function authorization(credentials: GitToken | null): Record<string, string> {
  if (!credentials) return {};
  const bytes = new TextEncoder().encode(`${credentials.user}:${credentials.token}`);
  return { authorization: `Basic ${btoa(String.fromCharCode(...bytes))}` };
}

/** Hosts (`host` or `host:port`) that have a token, sorted: what `GET /git-credentials/hosts` answers. */
export function tokenHosts(env: Record<string, unknown>): string[] {
  const hosts = Object.entries(env)
    .filter(([name, value]) => name.startsWith(TOKEN_PREFIX) && typeof value === 'string' && value !== '')
    .map(([name]) => hostOfSuffix(name.slice(TOKEN_PREFIX.length)))
    .filter((host) => host !== '');
  return [...new Set(hosts)].sort();
}

/**
 * `git.my-host.com:8443` → `GIT_MY__HOST_COM_8443`. null for hosts the spelling cannot tell apart from another's
 * (an underscore would read as a dot) or cannot spell (IPv6).
 */
function variableSuffix(url: URL): string | null {
  const host = hostOf(url);
  if (!/^[a-z0-9.-]+$/.test(host)) return null;
  const suffix = host.replaceAll('-', '__').replaceAll('.', '_').toUpperCase();
  return url.port === '' ? suffix : `${suffix}_${url.port}`;
}

function hostOfSuffix(suffix: string): string {
  const labels = suffix.toLowerCase().replaceAll('__', '-').split('_');
  const numeric = (label: string | undefined) => /^\d+$/.test(label ?? '');
  // No top-level name is a number, so a last number is a port, unless all four are an IPv4 address.
  const isAddress = labels.length === 4 && labels.every(numeric);
  if (labels.length > 1 && numeric(labels.at(-1)) && !isAddress) {
    return `${labels.slice(0, -1).join('.')}:${labels.at(-1)}`;
  }
  return labels.join('.');
}
