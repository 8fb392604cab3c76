/** Accounts of providers and directories, and whose they are here. Every function is one statement or transaction. */
import { and, eq, sql } from 'drizzle-orm';
import { type AuditEntry, audited } from './audit.ts';
import { type ControlDb, transact } from './control-db.ts';
import { type EmailBy, identities, users } from './control-schema.ts';
import type { Role } from './scope.ts';
import { type NewUser, personalGroupOf } from './users.ts';

/** What names an external account: `subject` is unique within `issuer`, and never reused. */
export interface IdentityKey {
  issuer: string;
  subject: string;
}

/** The user behind an identity. */
export interface IdentifiedUser {
  id: string;
  username: string;
  role: Role;
  disabled: boolean;
  /** Whether the account was made by this identity's first sign-on; else an admin had made it. */
  madeUser: boolean;
}

export async function findIdentity(db: ControlDb, key: IdentityKey): Promise<IdentifiedUser | null> {
  const rows = await db
    .select({
      id: users.id,
      username: users.username,
      role: users.role,
      disabled: users.disabled,
      madeUser: identities.madeUser,
    })
    .from(identities)
    .innerJoin(users, eq(users.id, identities.userId))
    .where(and(eq(identities.issuer, key.issuer), eq(identities.subject, key.subject)));
  return rows[0] ?? null;
}

/** A user whose address is one of those asked for. */
export interface Addressee {
  id: string;
  username: string;
  email: string;
  emailBy: EmailBy;
  disabled: boolean;
  /** Whether somebody signs on to it already. */
  identified: boolean;
}

/** Users with one of the addresses (in any case of ASCII letters) for which somebody but the user stands. At most ten. */
export async function findByEmail(db: ControlDb, emails: readonly string[]): Promise<Addressee[]> {
  if (emails.length === 0) return [];
  const { results } = await db.$client
    .prepare(
      `SELECT u.id, u.username, u.email, u.email_by AS emailBy, u.disabled,
         EXISTS (SELECT 1 FROM identities i WHERE i.user_id = u.id) AS identified
       FROM json_each(?1) asked JOIN users u ON u.email = asked.value COLLATE NOCASE
       WHERE u.email IS NOT NULL AND u.email_by <> 'user' ORDER BY u.id LIMIT 10`,
    )
    .bind(JSON.stringify(emails))
    .all<Omit<Addressee, 'disabled' | 'identified'> & { disabled: number; identified: number }>();
  return results.map((row) => ({
    ...row,
    disabled: row.disabled !== 0,
    identified: row.identified !== 0,
  }));
}

export type NewIdentity = IdentityKey & { provider: string; now: string };

/**
 * Makes the account that an admin created, with this address, that of the identity. False when meanwhile it has an
 * identity, another address, or is disabled, or the identity has an account: what was judged before is judged again by
 * the statement that writes.
 */
export async function linkIdentity(
  db: ControlDb,
  identity: NewIdentity,
  account: Pick<Addressee, 'id' | 'email'>,
  entry: AuditEntry,
): Promise<boolean> {
  const { issuer, subject, provider, now } = identity;
  const [linked] = await transact(
    db,
    audited(
      sql`INSERT INTO identities (issuer, subject, user_id, provider, made_user, created_at)
        SELECT ${issuer}, ${subject}, u.id, ${provider}, 0, ${now} FROM users u
        WHERE u.id = ${account.id} AND u.disabled = 0 AND u.email = ${account.email} AND u.email_by = 'admin'
          AND NOT EXISTS (SELECT 1 FROM identities i WHERE i.user_id = u.id)
        ON CONFLICT DO NOTHING`,
      entry,
    ),
  );
  return (linked?.meta.changes ?? 0) > 0;
}

/**
 * Creates a user with a personal group for an identity that has no account. False when it has one by now, or the name is
 * taken: of two first sign-ons at once one creates.
 */
export async function insertIdentifiedUser(
  db: ControlDb,
  identity: NewIdentity,
  user: Omit<NewUser, 'passwordHash' | 'now'>,
  entry: AuditEntry,
): Promise<boolean> {
  const { issuer, subject, provider, now } = identity;
  const { id, username, email, emailBy, role } = user;
  const [inserted] = await transact(db, [
    ...audited(
      sql`INSERT INTO users (id, username, email, email_by, role, created_at, updated_at)
        SELECT ${id}, ${username}, ${email}, ${emailBy}, ${role}, ${now}, ${now}
        WHERE NOT EXISTS (SELECT 1 FROM identities WHERE issuer = ${issuer} AND subject = ${subject})
        ON CONFLICT DO NOTHING`,
      entry,
    ),
    sql`INSERT INTO identities (issuer, subject, user_id, provider, made_user, created_at)
      SELECT ${issuer}, ${subject}, id, ${provider}, 1, ${now} FROM users WHERE id = ${id}`,
    ...personalGroupOf({ ...user, now }),
  ]);
  return (inserted?.meta.changes ?? 0) > 0;
}
