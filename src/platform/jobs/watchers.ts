/** Who listens to a job, asked again as long as they do: what they may see is what they may see now. */
import { type CredentialRef, findCaller } from '../../store/callers.ts';
import type { ControlDb } from '../../store/control-db.ts';
import { findJob } from '../../store/jobs.ts';
import { anonymous, type Caller } from '../../store/scope.ts';

/** What a socket was opened with: a credential to look up again, or the role of callers without identity. */
export type Watcher = { ref: CredentialRef } | { anonymous: Caller['role'] };

/** The watcher that a caller becomes. */
export function watcherOf(caller: Caller): Watcher {
  const { userId, credentialId, via, role } = caller;
  if (userId === null || credentialId === null) return { anonymous: role };
  return { ref: via === 'key' ? { key: credentialId, userId } : { session: credentialId, userId } };
}

/** Whether the watcher may still know of the job: logged in, not revoked, not expired, and in the group. */
export async function stillSees(db: ControlDb, watcher: Watcher, jobId: string, now: Date): Promise<boolean> {
  const caller = 'ref' in watcher ? await callerNow(db, watcher.ref, now) : anonymous(watcher.anonymous);
  return caller !== null && (await findJob(db, caller, jobId)) !== null;
}

async function callerNow(db: ControlDb, ref: CredentialRef, now: Date): Promise<Caller | null> {
  const found = await findCaller(db.$client, ref);
  const expired = found?.expiresAt != null && found.expiresAt <= now.toISOString();
  return found && !expired ? found.caller : null;
}
