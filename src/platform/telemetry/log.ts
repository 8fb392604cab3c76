/** Structured logs: one JSON object a line, with the request's id, never with a secret. */
import type { LogLevel } from '../../config.ts';

export type LogFields = Record<string, unknown>;

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger whose every line carries these fields, e.g. `{ request_id }` or `{ job_id }`. */
  with(fields: LogFields): Logger;
}

const ORDER: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };
const SECRET_NAME =
  /pass(word|wd)?$|secret|token|authorization|api[-_]?key|cookie|credential|^jwt|signature/i;
/** Secrets that turn up inside sentences: our keys, bearer headers, JWTs, host tokens, userinfo of URLs. */
const SECRET_TEXT =
  /rak_[\w-]{6,}|\bBearer\s+\S+|\bBasic\s+[\w+/=]{6,}|\beyJ[\w-]+\.[\w-]+\.[\w-]*|\b(?:gh[pousr]|github_pat|glpat|sk|whsec)[_-][\w-]{8,}|(?<=:\/\/)[^/\s@]+@/g;
const MAX_DEPTH = 6;
const MAX_TEXT = 4000;

/** `text` without anything that looks like a credential. */
export function redactText(text: string): string {
  const cut = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
  return cut.replace(SECRET_TEXT, '[redacted]');
}

/** A copy of `value` that is safe to write: bounded in depth and length, secrets by name or by form replaced. */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= MAX_DEPTH) return '[deep]';
  if (value instanceof Error) return redactError(value, depth);
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.slice(0, 100).map((item) => redact(item, depth + 1));
  const entries = Object.entries(value).slice(0, 100);
  return Object.fromEntries(
    entries.map(([name, item]) => [name, isSecret(name, item) ? '[redacted]' : redact(item, depth + 1)]),
  );
}

/** Counts such as `totalTokens` and flags such as `tokenConfigured` are no secrets. */
function isSecret(name: string, value: unknown): boolean {
  return SECRET_NAME.test(name) && typeof value !== 'number' && typeof value !== 'boolean' && value !== null;
}

function redactError(error: Error, depth: number): LogFields {
  return {
    name: error.name,
    message: redactText(error.message),
    stack: redactText(error.stack ?? ''),
    ...(error.cause === undefined ? {} : { cause: redact(error.cause, depth + 1) }),
  };
}

/** Where a logger writes to: a finished line, and its level. */
export type Write = (line: string, level: LogLevel) => void;

/**
 * All as warnings or errors: `npm start` lets its runtime show no more than those, because what that itself says of a
 * request holds path and query.
 */
export const toQuietConsole: Write = (line, level) =>
  level === 'error' ? console.error(line) : console.warn(line);

/** By level, which the console of a deployment filters by. */
function toConsole(line: string, level: LogLevel): void {
  if (level === 'error') console.error(line);
  else if (level === 'warn') console.warn(line);
  else console.log(line);
}

/** The logger of one process; `write` takes a finished line. */
export function createLogger(
  config: { logLevel: LogLevel },
  fields: LogFields = {},
  write: Write = toConsole,
  clock: () => Date = () => new Date(),
): Logger {
  const at =
    (level: LogLevel) =>
    (message: string, more: LogFields = {}) => {
      if (ORDER[level] < ORDER[config.logLevel]) return;
      const safe = redact({ ...fields, ...more }) as LogFields;
      const line = { time: clock().toISOString(), level, message: redactText(message), ...safe };
      write(JSON.stringify(line), level);
    };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    with: (more) => createLogger(config, { ...fields, ...more }, write, clock),
  };
}
