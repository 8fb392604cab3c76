/** What every answer of the API owes its client, whichever operation made it, and what the document says beside that. */
import { ERRORS } from '../../src/errors.ts';
import type { Answer } from './call.ts';
import {
  closed,
  inlined,
  type Judge,
  type OpenApi,
  type Operation,
  type Schema,
  validators,
} from './document.ts';

/** Traces of the inside: stacks, SQL, paths of the host, module names, secrets of this suite. */
const INSIDE =
  /\bat [\w.<>]+ \(|\.ts:\d+|node_modules|SQLITE|D1_ERROR|SQL logic|near "|\b(?:SELECT|INSERT INTO|DELETE FROM|UPDATE) \w+ ?[,(*]|\/(?:home|work|tmp|usr|var)\/\w|TypeError|RangeError|undefined is not|cannot read prop|\[object |a-secret-of-the-test-suite/i;
const OF_LIMITS = [
  'x-ratelimit-limit',
  'x-ratelimit-remaining',
  'x-ratelimit-reset',
  'x-ratelimit-window',
  'ratelimit',
  'ratelimit-policy',
];
const ALWAYS: [header: string, form: RegExp][] = [
  ['x-content-type-options', /^nosniff$/],
  ['x-frame-options', /^DENY$/],
  ['referrer-policy', /^no-referrer$/],
  ['cross-origin-resource-policy', /^same-origin$/],
  ['content-security-policy', /default-src 'none'/],
  ['strict-transport-security', /^max-age=\d+$/],
  ['cache-control', /^(?:private, no-cache|no-store|public, max-age=\d+)$/],
  ['vary', /Authorization, X-API-Key, Accept/],
];
const SANE_ID = /^[\w.:-]{1,128}$/;
const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export interface Asked {
  method: string;
  headers: Record<string, string>;
}

/** Judges answers by the document they come from. */
export function judgeOf(document: OpenApi) {
  const validate = validators();
  const judges = new Map<Schema, Judge>();
  const judgeBy = (schema: Schema): Judge => {
    const known = judges.get(schema) ?? validate(closed(inlined(document, schema)));
    judges.set(schema, known);
    return known;
  };
  const problem = judgeBy(document.components.schemas.Problem!);
  const envelopeError = judgeBy(document.components.schemas.EnvelopeError!);

  /** What is wrong with any answer at all. */
  function ofAny({ method, headers: sent }: Asked, answer: Answer): string[] {
    const { status, headers, text } = answer;
    const wrong: string[] = [];
    const given = sent['x-request-id'];
    const id = headers.get('x-request-id') ?? '';
    if (given !== undefined && SANE_ID.test(given) ? id !== given : !ID.test(id))
      wrong.push(`request id ${id}`);
    for (const [name, form] of ALWAYS) {
      if (!form.test(headers.get(name) ?? '')) wrong.push(`${name}: ${headers.get(name)}`);
    }
    for (const [name, value] of headers)
      if (!/^[\x20-\x7e]*$/.test(value)) wrong.push(`${name} is not ASCII: ${value}`);
    if (status >= 300 && INSIDE.test(text)) wrong.push(`tells of the inside: ${INSIDE.exec(text)![0]}`);
    if ((method === 'HEAD' || status === 204 || status === 304) && text !== '') wrong.push('has a body');
    if (status < 400 || method === 'HEAD') return wrong;
    return [...wrong, ...ofError(answer, id)];
  }

  function ofError({ status, headers, text, body }: Answer, id: string): string[] {
    const type = headers.get('content-type');
    const enveloped = type === 'application/json';
    // Full health answers its own body with 503.
    if (enveloped && status === 503 && body.components !== undefined) return [];
    const wrong: string[] = [];
    if (!enveloped && type !== 'application/problem+json')
      return [`an error of type ${type}: ${text.slice(0, 100)}`];
    const refused = enveloped ? envelopeError(body) : problem(body);
    if (refused) wrong.push(`is no error of ours: ${refused}`);
    const row = Object.entries(ERRORS).find(([, { code, nexus, status: of }]) =>
      enveloped
        ? of === status && nexus === String(body.error?.code)
        : of === status && code === String(body.error_code),
    );
    if (!row) wrong.push(`a code beyond the table: ${text.slice(0, 100)}`);
    if (!enveloped && row && (Number(body.status) !== status || String(body.error) !== row[0]))
      wrong.push(`says ${body.status} ${body.error} of ${status}`);
    if (String(body.request_id) !== id) wrong.push('names another request id');
    if (headers.get('cache-control') !== 'no-store') wrong.push('an error that may be stored');
    if (status === 401 && !headers.has('www-authenticate')) wrong.push('401 without WWW-Authenticate');
    if (status === 405 && !headers.get('allow')) wrong.push('405 without Allow');
    const after = enveloped ? body.error?.retry_after : body.retry_after;
    if (
      status === 429 &&
      (!/^[1-9]\d*$/.test(headers.get('retry-after') ?? '') || String(after) !== headers.get('retry-after'))
    )
      wrong.push(`429 with Retry-After ${headers.get('retry-after')} and retry_after ${after}`);
    if (
      status === 400 &&
      !enveloped &&
      (body.errors as unknown as unknown[] | undefined)?.length === undefined
    )
      wrong.push('400 that names no field');
    return wrong;
  }

  /** What is wrong with an answer of an operation, by what the document says of it. */
  function ofOperation(operation: Operation, asked: Asked, answer: Answer): string[] {
    const { status, headers } = answer;
    const described = operation.responses[String(status)];
    if (!described) return [`${status} is not documented: ${answer.text.slice(0, 200)}`];
    const wrong: string[] = [];
    if (status === 500) wrong.push('is a bug');
    const limited = '429' in operation.responses;
    const missing = OF_LIMITS.filter((name) => headers.has(name) !== limited && status !== 101);
    if (missing.length > 0) wrong.push(`${limited ? 'lacks' : 'has'} ${missing.join(', ')}`);
    if (limited && status !== 101) wrong.push(...ofLimits(headers));
    for (const name of Object.keys(described.headers ?? {})) {
      if (status < 400 && OWED.test(name) && !headers.has(name)) wrong.push(`lacks ${name}`);
    }
    if (asked.method === 'HEAD' || status >= 400) return wrong;
    return [...wrong, ...ofBody(described.content ?? {}, answer)];
  }

  function ofBody(content: Record<string, { schema: Schema }>, { headers, text }: Answer): string[] {
    const types = Object.keys(content);
    if (types.length === 0) return text === '' ? [] : [`a body that is not documented: ${text.slice(0, 80)}`];
    const type = (headers.get('content-type') ?? '').replace(/;.*/, '');
    const schema = content[type]?.schema ?? content['*/*']?.schema;
    if (!schema) return [`comes as ${type}, not as ${types.join(' or ')}`];
    if (type !== 'application/json') return [];
    const body: unknown = JSON.parse(text);
    const envelope = isEnvelope(body) ? body : null;
    if (envelope && !ID.test(envelope.request_id) && envelope.request_id !== headers.get('x-request-id'))
      return ['an envelope without request id'];
    // What describes the API, or was described by a user, has a form of its own.
    const odd = isListed(inlined(document, schema)) ? oddities(body) : [];
    if (odd.length > 0) return odd;
    const refused = judgeBy(schema)(envelope ? envelope.data : body);
    return refused ? [`does not match its schema: ${refused} in ${text.slice(0, 300)}`] : [];
  }

  return { ofAny, ofOperation, judgeBy };
}

/** Headers that stand with every answer that they are documented for; the others depend on the data. */
const OWED = /^(X-Request-Id|X-RateLimit-.*|RateLimit.*|ETag|Location|Link|X-Total-Count)$/;

function ofLimits(headers: Headers): string[] {
  const value = (name: string) => Number(headers.get(name));
  const [limit, remaining, reset, window] = ['limit', 'remaining', 'reset', 'window'].map((name) =>
    value(`x-ratelimit-${name}`),
  ) as [number, number, number, number];
  const wrong: string[] = [];
  if (!(limit > 0 && remaining >= 0 && remaining < limit + 1 && window > 0))
    wrong.push('limits that make no sense');
  const left = reset - Date.now() / 1000;
  // A window may end while a request waits, for a deletion say.
  if (!(left <= window + 2)) wrong.push(`a window of ${window} s that ends in ${left} s`);
  const [, name, r, t] = /^"([\w-]+)";r=(\d+);t=(\d+)$/.exec(headers.get('ratelimit') ?? '') ?? [];
  if (Number(r) !== remaining || Number(t) > window) wrong.push(`RateLimit: ${headers.get('ratelimit')}`);
  if (headers.get('ratelimit-policy') !== `"${name}";q=${limit};w=${window}`)
    wrong.push(`RateLimit-Policy: ${headers.get('ratelimit-policy')}`);
  return wrong;
}

function isListed({ properties, items }: Schema): boolean {
  return properties !== undefined || items !== undefined;
}

const OUR_ID = /^(?:id|.+_id|(?:job|repo|group)Id)$/;
const LIKE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d/;
const OUR_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** Ids that are no UUIDv7, and times that are not in UTC with milliseconds. */
function oddities(value: unknown, name = ''): string[] {
  if (typeof value === 'string') {
    if (OUR_ID.test(name) && name !== 'request_id' && !ID.test(value)) return [`${name} is ${value}`];
    return LIKE_TIME.test(value) && !OUR_TIME.test(value) ? [`the time ${value}`] : [];
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([member, each]) =>
    oddities(each, Array.isArray(value) ? name : member),
  );
}

interface Envelope {
  success: true;
  status: 'success';
  data: unknown;
  request_id: string;
}

function isEnvelope(body: unknown): body is Envelope {
  return (
    typeof body === 'object' &&
    body !== null &&
    'data' in body &&
    'success' in body &&
    'meta' in body &&
    'message' in body &&
    'timestamp' in body
  );
}
