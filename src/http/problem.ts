/**
 * The only renderer of errors: RFC 9457 `application/problem+json`, or Nexus's object under the envelope profile.
 * It needs nothing that may have failed: no services, no bindings, no configuration.
 */
import { z } from '@hono/zod-openapi';
import { HTTPException } from 'hono/http-exception';
import { ERRORS, type ErrorSlug, type FieldError, Problem } from '../errors.ts';

export type Profile = 'plain' | 'envelope';

export interface ProblemContext {
  requestId: string;
  profile: Profile;
  now: Date;
}

/** What OpenAPI says about every error. */
export const problemSchema = z
  .looseObject({
    type: z.string().openapi({ example: 'urn:sightline:problem:not_found' }),
    title: z.string().openapi({ example: 'Not found' }),
    status: z.int().openapi({ example: 404 }),
    detail: z.string().openapi({ example: 'No repository "my-lib" that you may read.' }),
    error: z.string().openapi({ example: 'not_found' }),
    error_code: z.string().openapi({ example: 'NOT_FOUND' }),
    success: z.literal(false),
    request_id: z.string(),
    timestamp: z.iso.datetime(),
    errors: z
      .array(z.object({ pointer: z.string(), detail: z.string() }))
      .optional()
      .openapi({ description: 'The fields that were refused.' }),
    retry_after: z.int().optional().openapi({ description: 'Seconds.' }),
  })
  .openapi('Problem');

/** The form errors take under `Accept: application/json;profile="envelope"`. */
export const envelopeErrorSchema = z
  .object({
    success: z.literal(false),
    status: z.literal('error'),
    error: z.object({
      code: z.string().openapi({ example: 'RESOURCE_NOT_FOUND' }),
      message: z.string(),
      details: z.record(z.string(), z.unknown()),
      retry_after: z.int().optional(),
    }),
    timestamp: z.iso.datetime(),
    request_id: z.string(),
  })
  .openapi('EnvelopeError');

const SLUG_OF_STATUS: Record<number, ErrorSlug> = {
  400: 'validation',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not_found',
  405: 'method_not_allowed',
  406: 'not_acceptable',
  413: 'payload_too_large',
  415: 'unsupported_media_type',
};

/** The Problem that a thrown value stands for; null when it is a bug of ours. */
export function problemOf(error: unknown): Problem | null {
  if (error instanceof Problem) return error;
  if (!(error instanceof HTTPException)) return null;
  const slug = SLUG_OF_STATUS[error.status];
  if (!slug) return null;
  if (slug === 'unsupported_media_type') {
    return new Problem(slug, 'The body must come with Content-Type: application/json.');
  }
  if (slug === 'validation') {
    const detail = 'The body is not valid JSON.';
    return new Problem(slug, detail, { errors: [{ pointer: '', detail }] });
  }
  return new Problem(slug, error.message || ERRORS[slug].title);
}

/** The answer to a thrown value. Anything but a Problem says `internal` and its request id, and nothing else. */
export function renderProblem(error: unknown, context: ProblemContext): Response {
  const problem =
    problemOf(error) ?? new Problem('internal', `Something failed here. Request ${context.requestId}.`);
  const body = context.profile === 'envelope' ? envelopeBody(problem, context) : plainBody(problem, context);
  const headers = new Headers({
    'content-type': context.profile === 'envelope' ? 'application/json' : 'application/problem+json',
    'cache-control': 'no-store',
  });
  if (problem.extras.retryAfter !== undefined) headers.set('retry-after', String(problem.extras.retryAfter));
  if (problem.slug === 'unauthorized') headers.set('www-authenticate', 'Bearer realm="sightline"');
  if (problem.slug === 'method_not_allowed')
    headers.set('allow', String(problem.extras.members?.allow ?? ''));
  if (problem.slug === 'upgrade_required') headers.set('upgrade', 'websocket');
  if (problem.slug === 'range_not_satisfiable')
    headers.set('content-range', `bytes */${problem.extras.members?.size ?? '*'}`);
  return new Response(JSON.stringify(body), { status: problem.status, headers });
}

function plainBody(problem: Problem, context: ProblemContext) {
  const row = ERRORS[problem.slug];
  const { errors, members, retryAfter } = problem.extras;
  return {
    ...members,
    type: `urn:sightline:problem:${problem.slug}`,
    title: row.title,
    status: row.status,
    detail: problem.message,
    error: problem.slug,
    error_code: row.code,
    success: false,
    request_id: context.requestId,
    timestamp: context.now.toISOString(),
    ...(errors ? { errors } : {}),
    ...(retryAfter === undefined ? {} : { retry_after: retryAfter }),
  };
}

function envelopeBody(problem: Problem, context: ProblemContext) {
  const { errors, members, retryAfter } = problem.extras;
  const first = errors?.[0];
  return {
    success: false,
    status: 'error',
    error: {
      code: ERRORS[problem.slug].nexus,
      message: problem.message,
      details: { ...members, ...(first ? { field: fieldOf(first), reason: first.detail, errors } : {}) },
      ...(retryAfter === undefined ? {} : { retry_after: retryAfter }),
    },
    timestamp: context.now.toISOString(),
    request_id: context.requestId,
  };
}

/** `/user/email` → `user.email`, `query/limit` → `limit`: Nexus names fields, not places. */
function fieldOf(error: FieldError): string {
  return error.pointer.replace(/^(query|path|header)?\//, '').replaceAll('/', '.');
}

const PLACE: Record<string, string> = {
  json: '',
  form: '',
  query: 'query',
  param: 'path',
  header: 'header',
  cookie: 'cookie',
};

/** The 400 for a request that a schema refused; `target` is the validator's: json, query, param, header. */
export function validationProblem(target: string, error: z.ZodError): Problem {
  const all = error.issues.flatMap((issue) => fieldErrors(PLACE[target] ?? target, issue));
  // What follows from a first fault of a field (an array is no string, and too short for one) tells nothing more.
  const errors = [...Map.groupBy(all, ({ pointer }) => pointer).values()].map(([each]) => each!).slice(0, 50);
  const first = errors[0]!;
  return new Problem('validation', `${first.pointer || 'body'}: ${first.detail}`, { errors });
}

function fieldErrors(place: string, issue: z.core.$ZodIssue): FieldError[] {
  const base = `${place}${issue.path.map((step) => `/${escapeStep(String(step))}`).join('')}`;
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      pointer: `${base}/${escapeStep(key.slice(0, 100))}`,
      detail: 'is not a known field',
    }));
  }
  return [{ pointer: base, detail: isRepeated(place, issue) ? 'must be given once' : issue.message }];
}

/** A query member is text, absent, or a list because it was given several times. */
function isRepeated(place: string, issue: z.core.$ZodIssue): boolean {
  return (
    place === 'query' &&
    issue.code === 'invalid_type' &&
    issue.expected === 'string' &&
    issue.message !== REQUIRED
  );
}

const REQUIRED = 'is required';
const KINDS: Record<string, string> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'an array',
  object: 'an object',
  record: 'an object',
};

/** What a schema without words of its own says: the rest of a sentence that begins with the field's name. */
function refusal(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      if (issue.input === undefined) return REQUIRED;
      return `must be ${KINDS[issue.expected] ?? issue.expected}`;
    case 'invalid_value': {
      const oneOf = `one of ${issue.values.map(String).join(', ')}`;
      return issue.input === undefined ? `${REQUIRED}: ${oneOf}` : `must be ${oneOf}`;
    }
    case 'too_small':
      if (UNITS[issue.origin] !== undefined && issue.minimum === 1) return 'must not be empty';
      return `must be at least ${amount(issue.origin, issue.minimum)}`;
    case 'too_big':
      return `must be at most ${amount(issue.origin, issue.maximum)}`;
    default:
      return undefined;
  }
}

const UNITS: Record<string, string> = { string: 'characters', array: 'items' };

function amount(origin: string, count: number | bigint): string {
  return UNITS[origin] === undefined ? String(count) : `${count} ${UNITS[origin]}`;
}

z.config({ customError: refusal });

/** A step of a JSON pointer (RFC 6901). */
function escapeStep(step: string): string {
  return step.replaceAll('~', '~0').replaceAll('/', '~1');
}
