/**
 * Every variable of the deployment, parsed once. Secrets of git hosts (`GIT_TOKEN_<HOST>`, `GIT_USER_<HOST>`) are not
 * here: `ingest/mirror/credentials.ts` looks them up by the host it is about to speak to.
 */
import { z } from '@hono/zod-openapi';
import { Problem } from './errors.ts';

const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

const text = z.string().optional();
const url = z
  .string()
  .refine(
    (value) => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol),
    'must be an http(s) URL',
  )
  .transform((value) => value.replace(/\/+$/, ''))
  .optional();
const list = z
  .string()
  .default('')
  .transform((value) =>
    value
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== ''),
  );
const flag = z
  .enum(['true', 'false', '1', '0'], { error: 'must be true or false' })
  .transform((value) => value === 'true' || value === '1');

/** Values that documentation and examples carry; a deployment that runs with one has no secret at all. */
const DEFAULT_SECRET = /change-?me|^secret|your-secret|^(.{1,8})\1+$/i;

const jwtSecret = z
  .string()
  .refine((value) => new TextEncoder().encode(value).byteLength >= 32, 'must be at least 32 bytes long')
  .refine((value) => !DEFAULT_SECRET.test(value), 'is a default value; generate one')
  .optional();

const logLevel = z
  .enum([...LOG_LEVELS, 'true', 'false', '1', '0'], {
    error: `must be true, false or one of ${LOG_LEVELS.join(', ')}`,
  })
  .default('false')
  .transform((value): LogLevel => {
    if (value === 'true' || value === '1') return 'debug';
    return value === 'false' || value === '0' ? 'info' : value;
  });

/** `"100/h"`, `"10/10m"`, and the seed's `"30/minute"`. */
const RATE = /^(\d{1,9})\s*\/\s*(\d{0,6})\s*(s|m|h|second|minute|hour)s?$/;
const SECONDS = { s: 1, m: 60, h: 3600 } as const;

export interface Rate {
  limit: number;
  /** Length of the window in seconds. */
  window: number;
}

/** Parses `count/period`; null when the text is not one. */
export function parseRate(value: string): Rate | null {
  const match = RATE.exec(value.trim());
  if (!match) return null;
  const window = Number(match[2] || 1) * SECONDS[match[3]![0] as keyof typeof SECONDS];
  return window > 0 ? { limit: Number(match[1]), window } : null;
}

const rate = z.string().transform((value, context): Rate => {
  const parsed = parseRate(value);
  if (parsed) return parsed;
  context.addIssue({ code: 'custom', message: 'must be count/period, for example 10/10m' });
  return z.NEVER;
});

/** Where a directory listens, and how the connection is secured. */
export interface LdapServer {
  /** IPv6 addresses stay in brackets: so the runtime wants them. */
  host: string;
  port: number;
  tls: 'off' | 'on' | 'starttls';
}

/** Parses `ldap://host`, `ldaps://host:636`, `host`, `[v6]:389`, `ldap://host?starttls`; null when the text is none. */
export function parseLdapServer(value: string): LdapServer | null {
  const text = value.trim();
  const spelled = text.includes('://') ? text : `ldap://${text}`;
  if (!URL.canParse(spelled)) return null;
  const { protocol, hostname, port, username, password, pathname, search, hash } = new URL(spelled);
  const secure = protocol === 'ldaps:';
  if (!secure && protocol !== 'ldap:') return null;
  if (!/^(?:[\w-]+(?:\.[\w-]+)*\.?|\[[\da-f:.]+\])$/i.test(hostname) || port === '0') return null;
  if (username !== '' || password !== '' || hash !== '' || !/^\/?$/.test(pathname)) return null;
  const upgrades = /^\?starttls$/i.test(search);
  if (search !== '' && (secure || !upgrades)) return null;
  return {
    host: hostname.toLowerCase(),
    port: port === '' ? (secure ? 636 : 389) : Number(port),
    tls: secure ? 'on' : upgrades ? 'starttls' : 'off',
  };
}

const ldapServer = z.string().transform((value, context): LdapServer => {
  const parsed = parseLdapServer(value);
  if (parsed) return parsed;
  context.addIssue({ code: 'custom', message: 'must be ldap://host, ldaps://host or ldap://host?starttls' });
  return z.NEVER;
});

/** A JSON object in a variable, checked by `schema`. */
function json<T extends z.ZodType>(schema: T) {
  return z
    .string()
    .transform((value, context): unknown => {
      try {
        return JSON.parse(value);
      } catch {
        context.addIssue({ code: 'custom', message: 'must be JSON' });
        return z.NEVER;
      }
    })
    .pipe(schema);
}

/** Names of `RATE_LIMITS`; the table with defaults is `http/limits.ts`. */
export const POLICY_NAMES = [
  'anonymous',
  'auth-ip',
  'auth-account',
  'plan-free',
  'plan-pro',
  'plan-enterprise',
  'analyses-free',
  'analyses-pro',
  'analyses-enterprise',
  'review',
  'chat',
  'chat-stream',
  'query',
  'demo',
  'inbound',
] as const;
export type PolicyName = (typeof POLICY_NAMES)[number];

const role = z.enum(['viewer', 'analyst', 'reviewer', 'admin']);

const variables = z.object({
  ENVIRONMENT: z.enum(['production', 'development']).default('production'),
  API_JWT_SECRET: jwtSecret,
  API_JWT_ALGORITHM: z.enum(['HS256', 'HS384', 'HS512']).default('HS256'),
  API_ADMIN_USERNAME: z.string().trim().min(1).max(200).optional(),
  API_ADMIN_PASSWORD: z.string().max(1000).optional(),
  API_ADMIN_API_KEY: z
    .string()
    .regex(/^rak_[A-Za-z0-9_-]{32,200}$/, 'must be rak_ and at least 32 letters, digits, _ or -')
    .optional(),
  API_DEBUG: logLevel,
  OAUTH_GITHUB_CLIENT_ID: text,
  OAUTH_GITHUB_CLIENT_SECRET: text,
  OAUTH_GOOGLE_CLIENT_ID: text,
  OAUTH_GOOGLE_CLIENT_SECRET: text,
  OAUTH_GOOGLE_ISSUER: url.default('https://accounts.google.com'),
  OAUTH_GITLAB_CLIENT_ID: text,
  OAUTH_GITLAB_CLIENT_SECRET: text,
  OAUTH_KEYCLOAK_SERVER_URL: url,
  OAUTH_KEYCLOAK_REALM: text,
  OAUTH_KEYCLOAK_CLIENT_ID: text,
  OAUTH_KEYCLOAK_CLIENT_SECRET: text,
  LDAP_SERVER: ldapServer.optional(),
  LDAP_BASE_DN: text,
  LDAP_BIND_USER: text,
  LDAP_BIND_PASSWORD: text,
  LDAP_USER_SEARCH_BASE: text,
  LDAP_GROUP_SEARCH_BASE: text,
  LDAP_ROLE_MAP: json(z.record(z.string(), role)).optional(),
  SSO_ALLOWED: list
    .transform((items) => items.map((item) => item.toLowerCase()))
    .refine(
      (items) => items.every((item) => /^@?[^\s@/:]+$/.test(item)),
      'must be e-mail domains and GitHub organisations, separated by commas',
    ),
  SSO_DEFAULT_ROLE: role.default('viewer'),
  DEMO_ENABLED: flag.default(true),
  DEMO_RATE_LIMIT: rate.optional(),
  GITHUB_APP_ID: text,
  GITHUB_APP_PRIVATE_KEY: text,
  GITHUB_WEBHOOK_SECRET: text,
  GITHUB_API_URL: url.default('https://api.github.com'),
  GITLAB_URL: url.default('https://gitlab.com'),
  GITLAB_WEBHOOK_SECRET: text,
  STRIPE_SECRET_KEY: text,
  STRIPE_WEBHOOK_SECRET: text,
  STRIPE_API_URL: url,
  BACKEND_URL: url,
  LLM_BASE_URL: url,
  LLM_API_KEY: text,
  LLM_MODEL: text,
  EMBEDDING_PROVIDER: z.enum(['embedded', 'openai', 'cloudflare', 'none']).default('embedded'),
  EMBEDDING_MODEL: text,
  EMBEDDING_DIMENSIONS: z.coerce.number('must be a number').int().min(8).max(1536).optional(),
  CHAT_PROVIDER: z.enum(['extractive', 'openai', 'cloudflare']).optional(),
  CORS_ORIGINS: list,
  ANONYMOUS_ROLE: z.enum(['none', 'viewer']).default('none'),
  RESPONSE_PROFILE: z.enum(['plain', 'envelope']).default('plain'),
  RATE_LIMITS: json(z.partialRecord(z.enum(POLICY_NAMES), rate)).default({}),
  EGRESS_ALLOW: z.string().default(''),
  EGRESS_IDLE_SECONDS: z.coerce.number('must be a number of seconds').min(1).max(300).default(30),
  LOCAL_REPOS: z.string().default(''),
  METRICS_TOKEN: z.string().min(16, 'must be at least 16 characters long').optional(),
  PARSE_THREADS: z.coerce.number().int().min(0).max(64).default(0),
});

/** Seed variables that the platform replaces: accepted, and mentioned once at start-up. */
const REPLACED = ['DATABASE_URL', 'API_WORKERS', 'RATE_LIMIT_STORAGE'] as const;

export type Config = ReturnType<typeof shape>;

function shape(v: z.output<typeof variables>, warnings: string[]) {
  return {
    environment: v.ENVIRONMENT,
    /** null where nothing signs or verifies tokens (the indexer); the API refuses to answer without it. */
    jwtSecret: v.API_JWT_SECRET ?? null,
    jwtAlgorithm: v.API_JWT_ALGORITHM,
    admin: {
      username: v.API_ADMIN_USERNAME ?? null,
      password: v.API_ADMIN_PASSWORD ?? null,
      apiKey: v.API_ADMIN_API_KEY ?? null,
    },
    logLevel: v.API_DEBUG,
    oauth: {
      github: client(v.OAUTH_GITHUB_CLIENT_ID, v.OAUTH_GITHUB_CLIENT_SECRET),
      google: {
        ...client(v.OAUTH_GOOGLE_CLIENT_ID, v.OAUTH_GOOGLE_CLIENT_SECRET),
        issuer: v.OAUTH_GOOGLE_ISSUER,
      },
      gitlab: client(v.OAUTH_GITLAB_CLIENT_ID, v.OAUTH_GITLAB_CLIENT_SECRET),
      keycloak: {
        ...client(v.OAUTH_KEYCLOAK_CLIENT_ID, v.OAUTH_KEYCLOAK_CLIENT_SECRET),
        server: v.OAUTH_KEYCLOAK_SERVER_URL ?? null,
        realm: v.OAUTH_KEYCLOAK_REALM ?? null,
      },
    },
    ldap: v.LDAP_SERVER
      ? {
          server: v.LDAP_SERVER,
          baseDn: v.LDAP_BASE_DN ?? v.LDAP_USER_SEARCH_BASE ?? '',
          /** null: the directory is asked anonymously. */
          bind:
            v.LDAP_BIND_USER && v.LDAP_BIND_PASSWORD
              ? { user: v.LDAP_BIND_USER, password: v.LDAP_BIND_PASSWORD }
              : null,
          userSearchBase: v.LDAP_USER_SEARCH_BASE ?? v.LDAP_BASE_DN ?? '',
          groupSearchBase: v.LDAP_GROUP_SEARCH_BASE ?? v.LDAP_BASE_DN ?? '',
          roleMap: v.LDAP_ROLE_MAP ?? {},
        }
      : null,
    sso: { allowed: v.SSO_ALLOWED, defaultRole: v.SSO_DEFAULT_ROLE },
    demo: { enabled: v.DEMO_ENABLED },
    github: {
      apiUrl: v.GITHUB_API_URL,
      appId: v.GITHUB_APP_ID ?? null,
      privateKey: v.GITHUB_APP_PRIVATE_KEY ?? null,
      webhookSecret: v.GITHUB_WEBHOOK_SECRET ?? null,
    },
    gitlab: { url: v.GITLAB_URL, webhookSecret: v.GITLAB_WEBHOOK_SECRET ?? null },
    stripe: {
      secretKey: v.STRIPE_SECRET_KEY ?? null,
      webhookSecret: v.STRIPE_WEBHOOK_SECRET ?? null,
      apiUrl: v.STRIPE_API_URL ?? null,
    },
    backendUrl: v.BACKEND_URL ?? null,
    llm: { baseUrl: v.LLM_BASE_URL ?? null, apiKey: v.LLM_API_KEY ?? null, model: v.LLM_MODEL ?? null },
    embedding: {
      provider: v.EMBEDDING_PROVIDER,
      model: v.EMBEDDING_MODEL ?? WORKERS_AI.model,
      dimensions: v.EMBEDDING_DIMENSIONS ?? WORKERS_AI.dimensions,
    },
    chatProvider: v.CHAT_PROVIDER ?? null,
    corsOrigins: v.CORS_ORIGINS,
    anonymousRole: v.ANONYMOUS_ROLE,
    responseProfile: v.RESPONSE_PROFILE,
    /** Overrides by policy name; `DEMO_RATE_LIMIT` is an alias of `demo`, and `RATE_LIMITS` wins. */
    rateLimits: { ...(v.DEMO_RATE_LIMIT ? { demo: v.DEMO_RATE_LIMIT } : {}), ...v.RATE_LIMITS } as Partial<
      Record<PolicyName, Rate>
    >,
    egressAllow: v.EGRESS_ALLOW,
    /** How long a remote may be silent. */
    egressIdleMs: v.EGRESS_IDLE_SECONDS * 1000,
    localRepos: v.LOCAL_REPOS,
    metricsToken: v.METRICS_TOKEN ?? null,
    /** Threads beside a local runtime that parse; 0 where it parses itself, as deployed. */
    parseThreads: v.PARSE_THREADS,
    /** One sentence each, for the start-up log. */
    warnings,
  };
}

function client(clientId: string | undefined, clientSecret: string | undefined) {
  return { clientId: clientId ?? null, clientSecret: clientSecret ?? null };
}

const parsed = new WeakMap<object, Config>();

/**
 * Reads the configuration from bindings or `process.env`; an empty variable counts as unset. Parsed once per `env`
 * object, which lives as long as the isolate.
 * @throws Problem `not_configured` whose detail begins with the first offending variable's name and whose `errors`
 *   name them all.
 */
export function readConfig(env: object): Config {
  const known = parsed.get(env);
  if (known) return known;
  const set = Object.entries(env).filter(([, value]) => typeof value === 'string' && value !== '');
  const given: Record<string, unknown> = Object.fromEntries(set);
  const result = variables.safeParse(given);
  if (!result.success) throw invalidConfiguration(result.error);
  refuseDefaultAdmin(result.data);
  refuseHalfEmbedding(result.data);
  refuseHalfDirectory(result.data);
  const warnings = REPLACED.filter((name) => given[name] !== undefined).map(
    (name) => `${name} is ignored: the platform replaces it.`,
  );
  if (result.data.LDAP_SERVER?.tls === 'off') {
    warnings.push('LDAP_SERVER is asked in the clear, passwords included: use ldaps:// or ?starttls.');
  }
  const config = shape(result.data, warnings);
  parsed.set(env, config);
  return config;
}

/** The key that signs our tokens. @throws Problem `not_configured` when there is none. */
export function signingSecret(config: Config): string {
  if (config.jwtSecret === null) throw notConfigured('API_JWT_SECRET', 'is not set');
  return config.jwtSecret;
}

/** A 503 that names the variable. */
export function notConfigured(variable: string, detail: string): Problem {
  return new Problem('not_configured', `${variable} ${detail}.`, { errors: [{ pointer: variable, detail }] });
}

function refuseDefaultAdmin(v: z.output<typeof variables>): void {
  if (v.API_ADMIN_PASSWORD === 'admin' && v.ENVIRONMENT !== 'development') {
    throw notConfigured(
      'API_ADMIN_PASSWORD',
      'is the default "admin", which only ENVIRONMENT=development allows',
    );
  }
}

/** What `EMBEDDING_PROVIDER=cloudflare` uses unless told otherwise, and how many values its vectors have. */
export const WORKERS_AI = { model: '@cf/baai/bge-base-en-v1.5', dimensions: 768 };

/** Another server's model has no default: which it has, and how long its vectors are, is for the operator to say. */
function refuseHalfEmbedding(v: z.output<typeof variables>): void {
  if (v.EMBEDDING_PROVIDER !== 'openai') return;
  for (const name of ['LLM_BASE_URL', 'EMBEDDING_MODEL', 'EMBEDDING_DIMENSIONS'] as const)
    if (v[name] === undefined) throw notConfigured(name, 'is needed by EMBEDDING_PROVIDER=openai');
}

/** A service user without a password would bind as nobody, and a directory without a base finds nobody. */
function refuseHalfDirectory(v: z.output<typeof variables>): void {
  if (!v.LDAP_SERVER) return;
  if (!v.LDAP_BASE_DN && !v.LDAP_USER_SEARCH_BASE) {
    throw notConfigured('LDAP_BASE_DN', 'is not set, but LDAP_SERVER is');
  }
  if (v.LDAP_BIND_USER && !v.LDAP_BIND_PASSWORD) {
    throw notConfigured('LDAP_BIND_PASSWORD', 'is not set, but LDAP_BIND_USER is');
  }
  if (v.LDAP_BIND_PASSWORD && !v.LDAP_BIND_USER) {
    throw notConfigured('LDAP_BIND_USER', 'is not set, but LDAP_BIND_PASSWORD is');
  }
}

function invalidConfiguration(error: z.ZodError): Problem {
  const errors = error.issues.map((issue) => ({ pointer: String(issue.path[0]), detail: issue.message }));
  const first = errors[0]!;
  return new Problem('not_configured', `${first.pointer} ${first.detail}.`, { errors });
}
