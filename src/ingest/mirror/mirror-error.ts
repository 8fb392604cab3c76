import { Problem } from '../../errors.ts';

/**
 * Why a remote or its pack cannot be used.
 * - `refused`: the remote says no, or is no git server; asking again changes nothing (422).
 * - `unsupported`: it speaks git in a way we do not (422).
 * - `corrupt`: what it sent is broken or hostile (422).
 * - `unreachable`: it does not answer, or broke off (502); asking again may help.
 */
export type MirrorErrorKind = 'refused' | 'unsupported' | 'corrupt' | 'unreachable';

/** A `Problem` whose sentence is safe for users: it never carries a URL's path, a header or a token. */
export class MirrorError extends Problem {
  readonly kind: MirrorErrorKind;
  constructor(kind: MirrorErrorKind, message: string, cause?: unknown) {
    super(kind === 'unreachable' ? 'upstream' : 'unprocessable', message, { cause });
    this.name = 'MirrorError';
    this.kind = kind;
  }
}

/** Turns what the egress threw into a `MirrorError`; anything else passes unchanged. */
export function asMirrorError(error: unknown): unknown {
  if (error instanceof MirrorError || !(error instanceof Problem)) return error;
  return new MirrorError(error.slug === 'upstream' ? 'unreachable' : 'refused', error.message, error);
}

/** Text of a remote, for a sentence of ours: printable, one line, short. */
export function quoteRemote(text: string): string {
  return text
    .replace(/[^\x20-\x7e]+/g, ' ')
    .trim()
    .slice(0, 200);
}
