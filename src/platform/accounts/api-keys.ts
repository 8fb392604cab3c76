/** API keys: made by people, for machines. A key holds what its maker may hand out, and never makes another. */
import { randomBytes } from 'node:crypto';
import { Problem } from '../../errors.ts';
import { type KeyScope, SCOPES } from '../../http/scopes.ts';
import type { Services } from '../../services.ts';
import { deleteKey, findKey, insertKey, type KeyRow, MAX_KEYS } from '../../store/api-keys.ts';
import type { AuditTarget } from '../../store/audit.ts';
import { type Caller, hasRole } from '../../store/scope.ts';
import { entryOf, type Origin } from './audit.ts';
import { sha256 } from './tokens.ts';

type Needs = Pick<Services, 'db' | 'clock' | 'newId'>;

const DAY_MS = 24 * 3_600_000;
/** `rak_` and four characters: tells keys apart in lists and logs, and leaves 232 bits to guess. */
const PREFIX_LENGTH = 8;

export interface KeyRequest {
  name: string;
  expires_days?: number;
  scopes?: KeyScope[];
}

export interface MadeKey
  extends Pick<KeyRow, 'id' | 'name' | 'prefix' | 'scopes' | 'expiresAt' | 'createdAt'> {
  /** The key itself: this once, it is not stored. */
  key: string;
}

/**
 * Makes a key for the caller.
 * @throws Problem `forbidden` for keys, and for scopes that the caller's own token lacks; `conflict` at `MAX_KEYS`
 */
export async function makeKey(
  s: Needs,
  origin: Origin,
  caller: Caller & { userId: string },
  request: KeyRequest,
): Promise<MadeKey> {
  if (caller.via === 'key') throw new Problem('forbidden', 'An API key cannot make keys; log in for that.');
  const now = s.clock();
  const key = `rak_${randomBytes(32).toString('base64url')}`;
  const made: MadeKey = {
    id: s.newId(),
    name: request.name,
    key,
    prefix: key.slice(0, PREFIX_LENGTH),
    scopes: scopesWithin(caller, request.scopes),
    expiresAt:
      request.expires_days === undefined
        ? null
        : new Date(now.getTime() + request.expires_days * DAY_MS).toISOString(),
    createdAt: now.toISOString(),
  };
  const { key: _secret, ...stored } = made;
  const entry = entryOf(origin, 'key.created', targetOf(made), {
    prefix: made.prefix,
    scopes: made.scopes,
    expires_at: made.expiresAt,
  });
  if (!(await insertKey(s.db, { ...stored, userId: caller.userId, hash: sha256(key) }, entry))) {
    throw new Problem('conflict', `You have ${MAX_KEYS} keys; delete one first.`);
  }
  return made;
}

/** What was asked for, or, of a token that is narrowed itself, all that it has. */
function scopesWithin(caller: Caller, asked: KeyScope[] | undefined): string[] | null {
  const held = caller.scopes;
  if (asked === undefined) return held && [...held].sort();
  const beyond = held && asked.find((scope) => !held.has(scope));
  if (beyond) {
    throw new Problem(
      'forbidden',
      `Your token lacks the scope ${beyond}, so a key of yours cannot have it.`,
      {
        members: { required_scope: beyond },
      },
    );
  }
  return Object.keys(SCOPES).filter((scope) => asked.includes(scope as KeyScope));
}

/**
 * Deletes a key: one's own, or as a global admin anybody's.
 * @throws Problem `not_found`, also for another's
 */
export async function revokeKey(s: Needs, origin: Origin, caller: Caller, id: string): Promise<void> {
  const key = await findKey(s.db, id);
  const mine = key !== null && (key.userId === caller.userId || hasRole(caller, 'admin'));
  const detail = key && { prefix: key.prefix, owner_id: key.userId };
  if (!mine || !(await deleteKey(s.db, id, entryOf(origin, 'key.revoked', targetOf(key), detail ?? {})))) {
    throw new Problem('not_found', 'There is no such key of yours.');
  }
}

function targetOf({ id, name }: Pick<KeyRow, 'id' | 'name'>): AuditTarget {
  return { kind: 'key', id, name };
}
