/**
 * The one error table (api.md section 1). Every non-2xx answer is made from a row of it; OpenAPI's error responses
 * derive from it; `src/http/problem.ts` is its only renderer.
 */
export const ERRORS = {
  validation: { status: 400, code: 'VALIDATION_ERROR', nexus: 'VALIDATION_ERROR', title: 'Invalid request' },
  unauthorized: {
    status: 401,
    code: 'UNAUTHORIZED',
    nexus: 'AUTHENTICATION_FAILED',
    title: 'Authentication required',
  },
  forbidden: { status: 403, code: 'FORBIDDEN', nexus: 'AUTHORIZATION_DENIED', title: 'Not allowed' },
  not_found: { status: 404, code: 'NOT_FOUND', nexus: 'RESOURCE_NOT_FOUND', title: 'Not found' },
  method_not_allowed: {
    status: 405,
    code: 'METHOD_NOT_ALLOWED',
    nexus: 'METHOD_NOT_ALLOWED',
    title: 'Method not allowed',
  },
  not_acceptable: { status: 406, code: 'NOT_ACCEPTABLE', nexus: 'NOT_ACCEPTABLE', title: 'Not acceptable' },
  conflict: { status: 409, code: 'CONFLICT', nexus: 'RESOURCE_CONFLICT', title: 'Conflict' },
  precondition_failed: {
    status: 412,
    code: 'PRECONDITION_FAILED',
    nexus: 'PRECONDITION_FAILED',
    title: 'Precondition failed',
  },
  payload_too_large: {
    status: 413,
    code: 'PAYLOAD_TOO_LARGE',
    nexus: 'PAYLOAD_TOO_LARGE',
    title: 'Too large',
  },
  unsupported_media_type: {
    status: 415,
    code: 'UNSUPPORTED_MEDIA_TYPE',
    nexus: 'UNSUPPORTED_MEDIA_TYPE',
    title: 'Unsupported media type',
  },
  range_not_satisfiable: {
    status: 416,
    code: 'RANGE_NOT_SATISFIABLE',
    nexus: 'RANGE_NOT_SATISFIABLE',
    title: 'Range not satisfiable',
  },
  unprocessable: { status: 422, code: 'UNPROCESSABLE', nexus: 'UNPROCESSABLE', title: 'Refused' },
  upgrade_required: {
    status: 426,
    code: 'UPGRADE_REQUIRED',
    nexus: 'UPGRADE_REQUIRED',
    title: 'Upgrade required',
  },
  rate_limited: {
    status: 429,
    code: 'RATE_LIMIT_EXCEEDED',
    nexus: 'RATE_LIMIT_EXCEEDED',
    title: 'Too many requests',
  },
  internal: { status: 500, code: 'INTERNAL_ERROR', nexus: 'INTERNAL_ERROR', title: 'Internal error' },
  upstream: { status: 502, code: 'UPSTREAM_ERROR', nexus: 'UPSTREAM_ERROR', title: 'Upstream failed' },
  not_configured: { status: 503, code: 'NOT_CONFIGURED', nexus: 'NOT_CONFIGURED', title: 'Not configured' },
  unavailable: { status: 503, code: 'UNAVAILABLE', nexus: 'UNAVAILABLE', title: 'Unavailable' },
} as const;

/** The `error` slug of a problem document. */
export type ErrorSlug = keyof typeof ERRORS;

export interface FieldError {
  /** JSON pointer into the body (`/ref`), or `query/limit`, `path/name`, `header/if-match`. */
  pointer: string;
  detail: string;
}

export interface ProblemExtras {
  /** Field errors of a validation problem. */
  errors?: FieldError[];
  /** Seconds, for 429 and 503; also sent as `Retry-After`. */
  retryAfter?: number;
  /** The rate-limit policy without room: for the count of violations, the sentence names it. */
  violated?: string;
  /** Further members of the problem document, e.g. `{ reason: 'not_indexed' }` or `{ ids: [...] }`. */
  members?: Record<string, unknown>;
  cause?: unknown;
}

/**
 * An error the caller may see. `detail` is one sentence for a person and must not carry SQL, stacks, secrets or host
 * paths. Anything thrown that is not a `Problem` is rendered as `internal` with its request id and nothing else.
 */
export class Problem extends Error {
  readonly slug: ErrorSlug;
  readonly extras: ProblemExtras;
  constructor(slug: ErrorSlug, detail: string, extras: ProblemExtras = {}) {
    super(detail, { cause: extras.cause });
    this.name = 'Problem';
    this.slug = slug;
    this.extras = extras;
  }
  get status(): number {
    return ERRORS[this.slug].status;
  }
}

/** What a request may be refused for because of one of its fields. */
const REFUSALS = new Set<ErrorSlug>(['validation', 'not_found', 'conflict', 'unprocessable']);

/**
 * Runs what judges one field of the request; a refusal that it throws then names the field. `pointer` as in `FieldError`.
 * @example const url = await judging('/remoteUrl', () => egress.check(body.remoteUrl));
 */
export async function judging<T>(pointer: string, judge: () => T | Promise<T>): Promise<T> {
  try {
    return await judge();
  } catch (error) {
    if (!(error instanceof Problem) || !REFUSALS.has(error.slug)) throw error;
    const detail = error.extras.errors?.[0]?.detail ?? error.message;
    const sentence = error.slug === 'validation' ? `${pointer}: ${detail}` : error.message;
    throw new Problem(error.slug, sentence, { ...error.extras, errors: [{ pointer, detail }] });
  }
}

/** A 400 that names its field. `pointer` as in `FieldError`. */
export function invalid(pointer: string, detail: string): Problem {
  return new Problem('validation', `${pointer}: ${detail}`, { errors: [{ pointer, detail }] });
}
