/** Password hashes: scrypt with its parameters stored beside it, so that they can be raised later. */
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { Problem } from '../../errors.ts';

interface Cost {
  /** log2 of N. */
  ln: number;
  r: number;
  p: number;
}

/** OWASP's scrypt choice for 16 MB: N=2^14, r=8, p=5. */
const COST: Cost = { ln: 14, r: 8, p: 5 };
const KEY_LENGTH = 32;
const FORM = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([\w-]{16,})\$([\w-]{43})$/;

/** A verification takes 16 MB and about 0.2 s; one at a time keeps a login flood from filling the isolate. */
let tail: Promise<unknown> = Promise.resolve();
/** So that a flood from many addresses waits seconds at most, and not behind all the others. */
const MAX_WAITING = 32;
let waiting = 0;

/** `$scrypt$ln=14,r=8,p=5$<salt>$<hash>`, base64url. */
export async function hashPassword(password: string, salt: Buffer = randomBytes(16)): Promise<string> {
  const hash = await derive(password, salt, COST);
  return `$scrypt$ln=${COST.ln},r=${COST.r},p=${COST.p}$${salt.toString('base64url')}$${hash.toString('base64url')}`;
}

/**
 * Whether the password belongs to the stored hash. Without one (no such user, or one without a password) the same
 * work is done and the answer is false, so that time tells nothing about who exists.
 */
export async function verifyPassword(password: string, stored: string | null): Promise<boolean> {
  const match = stored === null ? null : FORM.exec(stored);
  const cost = match ? { ln: Number(match[1]), r: Number(match[2]), p: Number(match[3]) } : COST;
  const salt = Buffer.from(match?.[4] ?? 'AAAAAAAAAAAAAAAAAAAAAA', 'base64url');
  const hash = await derive(password, salt, cost);
  return match !== null && timingSafeEqual(hash, Buffer.from(match[5]!, 'base64url'));
}

/** Whether a hash was made with less than today's cost: replace it at the next login. */
export function isOutdated(stored: string): boolean {
  const match = FORM.exec(stored);
  return (
    match === null || Number(match[1]) < COST.ln || Number(match[2]) < COST.r || Number(match[3]) < COST.p
  );
}

/** @throws Problem `unavailable` when many wait already */
async function derive(password: string, salt: Buffer, cost: Cost): Promise<Buffer> {
  if (waiting >= MAX_WAITING) {
    throw new Problem('unavailable', 'Too many logins at once; try again in a moment.', { retryAfter: 5 });
  }
  const run = () =>
    new Promise<Buffer>((resolve, reject) => {
      const options = { N: 2 ** cost.ln, r: cost.r, p: cost.p, maxmem: 64 * 1024 * 1024 };
      scrypt(password.normalize('NFC'), salt, KEY_LENGTH, options, (error, key) =>
        error ? reject(error) : resolve(key),
      );
    });
  const result = tail.then(run, run);
  tail = result.catch(() => undefined);
  waiting += 1;
  try {
    return await result;
  } finally {
    waiting -= 1;
  }
}
