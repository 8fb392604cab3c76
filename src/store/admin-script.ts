/** Creating an admin without a Worker: SQL as text, for `wrangler d1 execute`, which binds no parameters. */
import type { NewUser } from './users.ts';

/** Statements that fail, all of them, when the name is taken. Twin of `insertUser`. */
export function adminScript(admin: Omit<NewUser, 'role' | 'emailBy'> & { auditId: string }): string {
  const { id, groupId, username, email, passwordHash, now, auditId } = admin;
  const [user, group, name, at] = [literal(id), literal(groupId), literal(username), literal(now)];
  return [
    `INSERT INTO users (id, username, email, email_by, password_hash, role, created_at, updated_at)
  VALUES (${user}, ${name}, ${literal(email)}, 'admin', ${literal(passwordHash)}, 'admin', ${at}, ${at});`,
    `INSERT INTO groups (id, name, personal_user_id, created_at, updated_at) VALUES (${group}, ${name}, ${user}, ${at}, ${at});`,
    `INSERT INTO group_members (group_id, user_id, role) VALUES (${group}, ${user}, 'admin');`,
    `INSERT INTO audit_log (id, at, via, action, target_kind, target_id, target_name, detail)
  VALUES (${literal(auditId)}, ${at}, 'operator', 'user.created', 'user', ${user}, ${name}, '{"role":"admin"}');`,
    '',
  ].join('\n');
}

/** An SQL literal: a quote is doubled, and what no text of ours may hold is refused rather than carried on. */
function literal(value: string | null): string {
  if (value === null) return 'NULL';
  if (/\p{Cc}/u.test(value)) throw new Error('control characters have no place in an account');
  return `'${value.replaceAll("'", "''")}'`;
}
