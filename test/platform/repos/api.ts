import { env } from 'cloudflare:workers';
import { answer, type Schemas } from '../../../src/client/client.ts';
import { asAdmin, call, clientOf } from '../../http/call.ts';

const V1 = '/api/v1';
const client = clientOf(asAdmin);

/** Calls as the admin; a failed status is the caller's to expect. */
export function api(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  return call(V1 + path, { method, body, headers: { ...asAdmin, ...headers } });
}

/** Waits for the end of a job and answers it. Waits on its row: many waits over the API would meet its rate limit. */
export async function ended(jobId: unknown): Promise<Schemas['Job']> {
  const id = String(jobId);
  for (let n = 0; n < 1200; n++) {
    const open = await env.DB.prepare("SELECT 1 FROM jobs WHERE id = ?1 AND status IN ('queued', 'running')")
      .bind(id)
      .first();
    if (open === null) return answer(client.GET('/api/v1/jobs/{id}', { params: { path: { id } } }));
    await scheduler.wait(50);
  }
  throw new Error(`job ${id} did not end`);
}

/** Registers and waits for the mirror. */
export async function registered(
  name: string,
  remoteUrl: string,
  more: Partial<Schemas['RegisterRepoRequest']> = {},
): Promise<Schemas['RegisteredRepo']> {
  const repo = await answer(client.POST('/api/v1/repos', { body: { name, remoteUrl, ...more } }));
  await ended(repo.jobId);
  return repo;
}

export const repoPath = (name: string) => `/repos/${encodeURIComponent(name)}`;

/** Syncs a ref and waits; answers the ended job. */
export async function synced(name: string, ref: string): Promise<Schemas['Job']> {
  const request = { params: { path: { name } }, body: { ref } };
  return ended((await answer(client.POST('/api/v1/repos/{name}/sync', request))).jobId);
}

/** The indexed refs of a repo, by name. */
export async function refsOf(name: string): Promise<Record<string, Schemas['RepoRef']>> {
  const { refs } = await answer(client.GET('/api/v1/repos/{name}', { params: { path: { name } } }));
  return Object.fromEntries(refs.map((ref) => [ref.ref, ref]));
}
