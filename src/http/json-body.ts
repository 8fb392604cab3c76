/**
 * What a JSON body may not hold, although `JSON.parse` takes it: a member named twice (readers differ in which one
 * counts, so one that checks may see another than one that acts), `__proto__`, nesting that exhausts a stack later, and
 * numbers that are none. One pass over the text, before any schema sees it.
 */
import type { Context } from 'hono';
import { invalid, Problem } from '../errors.ts';
import type { AppEnv } from './feature.ts';

/** Deeper than any request of ours, and than what recursive readers take without harm. */
const MAX_DEPTH = 64;
const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i;

/**
 * Refuses such a body; one that is no JSON at all is left to the validator. The text stays cached in the request.
 * @throws Problem `validation` naming the place
 */
export async function refuseOddJson(c: Context<AppEnv>): Promise<void> {
  if (!JSON_TYPE.test(c.req.header('content-type') ?? '')) return;
  const problem = oddityOf(await c.req.text());
  if (problem) throw problem;
}

/** An object (with the names seen so far) or an array that is open. */
interface Frame {
  names: Set<string> | null;
  /** The member or the index that is being read. */
  step: string | number;
}

/**
 * A token: a string, a number, or a mark. Whitespace, `true`, `false` and `null` need no look. A string that never ends
 * matches to the end of the text, so that malformed text is read once too.
 */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?$)|-?\d[\d.eE+-]*|[{}[\],]/gs;

/** The first thing in a JSON text that we refuse; null when there is none. Malformed text may pass. */
export function oddityOf(text: string): Problem | null {
  const open: Frame[] = [];
  let expectsName = false;
  for (const [token] of text.matchAll(TOKEN)) {
    const frame = open.at(-1);
    switch (token[0]) {
      case '{':
      case '[':
        if (open.length === MAX_DEPTH) return tooDeep();
        open.push(token === '{' ? { names: new Set(), step: '' } : { names: null, step: 0 });
        expectsName = token === '{';
        break;
      case '}':
      case ']':
        open.pop();
        expectsName = false;
        break;
      case ',':
        if (frame?.names === null) frame.step = Number(frame.step) + 1;
        expectsName = frame?.names instanceof Set;
        break;
      case '"':
        if (!expectsName || !frame?.names) break;
        expectsName = false;
        frame.step = nameIn(token);
        if (frame.step === '__proto__') return invalid(pointer(open), 'is not a known field');
        if (frame.names.has(frame.step)) return invalid(pointer(open), 'is given twice');
        frame.names.add(frame.step);
        break;
      default:
        if (!Number.isFinite(Number(token)))
          return invalid(pointer(open), 'is not a number that can be held');
    }
  }
  return null;
}

function tooDeep(): Problem {
  const detail = `is nested deeper than ${MAX_DEPTH} levels`;
  return new Problem('validation', `The body ${detail}.`, { errors: [{ pointer: '', detail }] });
}

/** Names are equal when they are so after their escapes are read. */
function nameIn(token: string): string {
  if (!token.includes('\\')) return token.slice(1, -1);
  try {
    return String(JSON.parse(token));
  } catch {
    // Malformed, which the validator says of the whole.
    return token;
  }
}

/** RFC 6901, of the place that is being read; names are cut, as they may be anything. */
function pointer(open: readonly Frame[]): string {
  return open
    .map(({ step }) => `/${String(step).slice(0, 100).replaceAll('~', '~0').replaceAll('/', '~1')}`)
    .join('');
}
