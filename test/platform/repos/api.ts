import { env } from 'cloudflare:workers';
import { asAdmin, call, type Json } from '../../http/call.ts';

const V1 = '/api/v1';

/** Calls as the admin; a failed status is the caller's to expect. */
export function api(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  return call(V1 + path, { method, body, headers: { ...asAdmin, ...headers } });
}

/** Waits for the end of a job and answers it. Waits on its row: many waits over the API would meet its rate limit. */
export async function ended(jobId: unknown): Promise<Json> {
  for (let n = 0; n < 1200; n++) {
    const open = await env.DB.prepare("SELECT 1 FROM jobs WHERE id = ?1 AND status IN ('queued', 'running')")
      .bind(jobId)
      .first();
    if (open === null) return (await api('GET', `/jobs/${jobId}`)).body;
    await scheduler.wait(50);
  }
  throw new Error(`job ${jobId} did not end`);
}

/** Registers and waits for the mirror. */
export async function registered(name: string, remoteUrl: string, more: object = {}): Promise<Json> {
  const { status, body } = await api('POST', '/repos', { name, remoteUrl, ...more });
  if (status !== 201) throw new Error(`registering ${name}: ${JSON.stringify(body)}`);
  await ended(body.jobId);
  return body;
}

export const repoPath = (name: string) => `/repos/${encodeURIComponent(name)}`;

/** Syncs a ref and waits; answers the ended job. */
export async function synced(name: string, ref: string): Promise<Json> {
  const { status, body } = await api('POST', `${repoPath(name)}/sync`, { ref });
  if (status !== 202) throw new Error(`syncing ${name} ${ref}: ${JSON.stringify(body)}`);
  return ended(body.jobId);
}

/** The indexed refs of a repo, by name. */
export async function refsOf(name: string): Promise<Record<string, Json>> {
  const { body } = await api('GET', repoPath(name));
  return Object.fromEntries((body.refs as unknown as Json[]).map((ref) => [String(ref.ref), ref]));
}
