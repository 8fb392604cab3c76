/** The rules of names (api.md section 1, Ids), as schemas whose messages tell the rule that was broken. */
import { z } from '@hono/zod-openapi';
import { isId } from '../../ids.ts';

const MAX_NAME = 200;
const MAX_REF = 1024;

/** A new repository's name, in NFC. */
export const repoName = z
  .string()
  .transform((name) => name.normalize('NFC'))
  .superRefine((name, context) => {
    const broken = brokenNameRule(name);
    if (broken) context.addIssue({ code: 'custom', message: broken });
  })
  .openapi({ type: 'string', minLength: 1, maxLength: MAX_NAME, example: 'my-lib' });

function brokenNameRule(name: string): string | null {
  if (name === '') return 'must not be empty';
  if ([...name].length > MAX_NAME) return `must be at most ${MAX_NAME} characters`;
  if (/\p{Cc}/u.test(name)) return 'must not hold control characters';
  if (/\p{Cs}/u.test(name)) return 'must be well-formed Unicode';
  if (/^[\s/]|[\s/]$/u.test(name)) return 'must not begin or end with a space or a slash';
  if (name.split('/').some((segment) => segment === '' || segment === '.' || segment === '..')) {
    return 'must not have an empty, "." or ".." segment';
  }
  return isId(name) ? 'must not have the form of an id' : null;
}

/** What a sync may ask for: a branch, a tag, `HEAD`, a full ref name or a commit; `git check-ref-format` applies. */
export const syncRef = z
  .string()
  .superRefine((ref, context) => {
    const broken = brokenRefRule(ref);
    if (broken) context.addIssue({ code: 'custom', message: broken });
  })
  .openapi({ type: 'string', minLength: 1, maxLength: MAX_REF, example: 'v2.0.0' });

function brokenRefRule(ref: string): string | null {
  if (ref === '') return 'must not be empty';
  if (ref.length > MAX_REF) return `must be at most ${MAX_REF} characters`;
  if (/[\u0000-\u0020\u007f~^:?*[\\]/.test(ref))
    return 'must not hold spaces, control characters or any of ~ ^ : ? * [ \\';
  if (ref.includes('..') || ref.includes('@{') || ref === '@') return 'must not hold ".." or "@{" nor be "@"';
  if (/^\/|\/$|\/\/|\.$/.test(ref))
    return 'must not begin or end with a slash, hold two in a row, or end with a dot';
  if (ref.split('/').some((part) => part.startsWith('.') || part.endsWith('.lock'))) {
    return 'must not have a part that begins with a dot or ends with ".lock"';
  }
  return ref.startsWith('-') ? 'must not begin with a dash' : null;
}
