/** Browsers that were sent to a provider, and codes for what they brought back. Every function is one statement or transaction. */
import { type SQL, sql } from 'drizzle-orm';
import { type ControlDb, transact } from './control-db.ts';
import { signOnCodes, signOns } from './control-schema.ts';

export type SignOn = typeof signOns.$inferSelect;

/** How many rows that are over go when a new one comes: more than one, so that a table shrinks to what is under way. */
const SWEPT_AT_ONCE = 100;

function sweep(table: 'sign_ons' | 'sign_on_codes', key: string, now: string): SQL {
  const [of, by] = [sql.identifier(table), sql.identifier(key)];
  return sql`DELETE FROM ${of} WHERE ${by} IN (SELECT ${by} FROM ${of} WHERE expires_at <= ${now} LIMIT ${SWEPT_AT_ONCE})`;
}

export async function insertSignOn(db: ControlDb, signOn: SignOn, now: string): Promise<void> {
  await transact(db, [sweep('sign_ons', 'state_hash', now), db.insert(signOns).values(signOn)]);
}

/**
 * Uses up the sign-on of this state, if this browser began it, with this provider, in time. null otherwise: of two
 * callbacks at once one gets it, and a browser that does not hold the cookie leaves it to the one that does.
 */
export async function takeSignOn(
  db: ControlDb,
  { stateHash, browserHash, provider }: Pick<SignOn, 'stateHash' | 'browserHash' | 'provider'>,
  now: string,
): Promise<Pick<SignOn, 'redirectUri' | 'verifier' | 'nonce' | 'returnTo'> | null> {
  const rows = await db
    .delete(signOns)
    .where(
      sql`${signOns.stateHash} = ${stateHash} AND ${signOns.browserHash} = ${browserHash}
        AND ${signOns.provider} = ${provider} AND ${signOns.expiresAt} > ${now}`,
    )
    .returning({
      redirectUri: signOns.redirectUri,
      verifier: signOns.verifier,
      nonce: signOns.nonce,
      returnTo: signOns.returnTo,
    });
  return rows[0] ?? null;
}

export async function insertSignOnCode(
  db: ControlDb,
  code: typeof signOnCodes.$inferSelect,
  now: string,
): Promise<void> {
  await transact(db, [sweep('sign_on_codes', 'code_hash', now), db.insert(signOnCodes).values(code)]);
}

/** Uses up a code; null when it is not good, or its user is disabled by now. */
export async function takeSignOnCode(
  db: ControlDb,
  codeHash: string,
  now: string,
): Promise<{ id: string; username: string; method: string } | null> {
  const rows = await db
    .delete(signOnCodes)
    .where(
      sql`${signOnCodes.codeHash} = ${codeHash} AND ${signOnCodes.expiresAt} > ${now}
        AND EXISTS (SELECT 1 FROM users u WHERE u.id = ${signOnCodes.userId} AND u.disabled = 0)`,
    )
    .returning({
      id: signOnCodes.userId,
      method: signOnCodes.method,
      username: sql<string>`(SELECT u.username FROM users u WHERE u.id = user_id)`,
    });
  return rows[0] ?? null;
}
